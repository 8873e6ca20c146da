import json
from collections import Counter

import pytest
from tests.support.trainers import trainer
from tokenizers import Tokenizer

from bedstone.text.encoder import SPECIAL_TOKENS
from bedstone.tokenizer.learning.parity import Tallies, learn_plain
from bedstone.tokenizer.learning.pieces import counts_of
from bedstone.tokenizer.learning.vocabulary import encoder_of, script_counts, untrained, with_merges
from bedstone.tokenizer.train import TrainConfig

TEXTS = [
    "The patient scholar measured the silver river, and the others measured the village again. ",
    "यह छोटा गाँव उस विद्यालय के शिक्षक को जानता है और वह लड़का भी जानता था। ",
    "日本語の文章は空白がない。日本語の本。 12 345 ... !!! --- \n\n\t  aaaaaaa abababab",
] * 3
MERGES = 200


@pytest.fixture(scope="module")
def learnt():
    return learn_plain(Tallies({"all": counts_of(TEXTS)}, {}, {}), MERGES, 2)


@pytest.fixture(scope="module")
def theirs():
    tokenizer = untrained()
    vocab_size = MERGES + 256 + len(SPECIAL_TOKENS)
    tokenizer.train_from_iterator(TEXTS, trainer(TrainConfig(vocab_size=vocab_size)))
    return tokenizer


def test_plain_merges_make_the_file_that_the_library_makes(learnt, theirs):
    ours = with_merges(learnt)
    assert json.loads(ours.to_str()) == json.loads(theirs.to_str())


@pytest.mark.parametrize("min_frequency", [4, 7])
def test_both_stop_at_the_same_frequency(min_frequency):
    tokenizer = untrained()
    config = TrainConfig(vocab_size=9999, min_frequency=min_frequency)
    tokenizer.train_from_iterator(TEXTS, trainer(config))
    learnt = learn_plain(Tallies({"all": counts_of(TEXTS)}, {}, {}), 9999, min_frequency)
    assert with_merges(learnt).get_vocab() == tokenizer.get_vocab()
    assert 259 < tokenizer.get_vocab_size() < 9999


def test_counting_and_files_have_the_same_ids(learnt):
    encoder, tokenizer = encoder_of(learnt), Tokenizer.from_str(with_merges(learnt).to_str())
    for text in TEXTS:
        assert encoder.encode(text) == tokenizer.encode(text).ids
        assert encoder.decode(encoder.encode(text)) == text
    assert encoder.vocab_size == tokenizer.get_vocab_size()


def test_every_token_that_stands_for_text_is_of_one_script(learnt):
    tokenizer = with_merges(learnt)
    found = script_counts(tokenizer)
    assert sum(found.values()) == tokenizer.get_vocab_size() - len(SPECIAL_TOKENS)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    expected = Counter(
        "bytes" if "\ufffd" in text else "Deva" if "क" in text else "other"
        for text in map(
            encoder_of(learnt).decode, ([n] for n in range(3, tokenizer.get_vocab_size()))
        )
    )
    assert found["bytes"] == expected["bytes"] > 128
    assert found["Deva"] >= expected["Deva"] > 0
    assert {"Latn", "Zyyy"} <= set(found)
