"""A vocabulary as a tokeniser: what its files say, and how its tokens divide by script."""

from collections import Counter
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from bedstone.text.characters import script_of
from bedstone.text.encoder import (
    ASSISTANT,
    END,
    SPECIAL_TOKENS,
    USER,
    Encoder,
    byte_alphabet,
)
from bedstone.text.patterns import PATTERN
from bedstone.tokenizer.learning.bpe import Learnt, spelt
from bedstone.tokenizer.learning.parity import ALPHABET

FRAGMENTS = "bytes"
"""What tokens that are no whole characters are counted as, beside scripts."""
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    f"{{% if message['role'] == 'user' %}}{USER}{{{{ message['content'] }}}}"
    f"{{% elif message['role'] == 'assistant' %}}{ASSISTANT}{{{{ message['content'] }}}}{END}"
    "{% else %}{{ raise_exception('there are the roles user and assistant') }}{% endif %}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{ASSISTANT}{{% endif %}}"
)


def untrained() -> Tokenizer:
    """A tokeniser that cuts as ``PATTERN`` says and knows no token yet."""
    tokenizer = Tokenizer(models.BPE())
    cut = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def with_merges(learnt: Learnt) -> Tokenizer:
    """The tokeniser of our own trainer's merges, with ids as Hugging Face's would give them."""
    tokens = spelt(learnt.pairs, sorted(byte_alphabet()))
    names = [*SPECIAL_TOKENS, *tokens]
    tokenizer = untrained()
    tokenizer.model = models.BPE(
        vocab={name: number for number, name in enumerate(names)},
        merges=[(tokens[left], tokens[right]) for left, right in learnt.pairs.tolist()],
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def encoder_of(learnt: Learnt) -> Encoder:
    """The same tokeniser for counting tokens."""
    tokens = spelt(learnt.pairs, ALPHABET)
    numbers = {token: number for number, token in enumerate(tokens, len(SPECIAL_TOKENS))}
    special = {name: number for number, name in enumerate(SPECIAL_TOKENS)}
    return Encoder(PATTERN, numbers, special)


def script_counts(tokenizer: Tokenizer) -> dict[str, int]:
    """How many tokens are of each script, the most first."""
    alphabet = byte_alphabet()
    counts = Counter[str]()
    for token in tokenizer.get_vocab(with_added_tokens=False):
        if token not in SPECIAL_TOKENS:
            spelling = bytes(alphabet[character] for character in token)
            try:
                counts[script_of(spelling.decode())] += 1
            except UnicodeDecodeError:
                counts[FRAGMENTS] += 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def transformers_config() -> dict[str, Any]:
    """What transformers has to know beside ``tokenizer.json``: the chat format."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
