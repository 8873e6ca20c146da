"""Any text: tiktoken from the merges gives the ids of the library that trained them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.trainers import trainer
from tokenizers import Tokenizer

from bedstone.text.encoder import SPECIAL_TOKENS, Encoder
from bedstone.tokenizer.learning.vocabulary import untrained
from bedstone.tokenizer.train import TrainConfig

TRAINING = [
    "The patient scholar measured the silver river, and the others measured the village again. ",
    "यह छोटा गाँव उस विद्यालय के शिक्षक को जानता है और वह लड़का भी जानता था। ",
    "می‌خواهم کتاب‌های قدیمی را بخوانم و می‌دانم. ",
    "日本語の文章は空白がない。日本語の本。 12 345 1999-2024 ... !!! --- \n\n\t  aaaaaaa abababab",
]
GAPS = [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u0085", "\x00", "\x1c", "\ufeff"]
PARTS = [
    "\u200c",
    "\u200d",
    "\u0301",
    "\u093f",
    "\U0001f469\u200d\U0001f52c",
    "\U0001fae9",
    "\ufffd",
]
SHORT = ["a", "aa", "ab", "7", "²", "Ⅷ", "'", "’"]
ODD = st.sampled_from([*GAPS, *PARTS, *SHORT, *SPECIAL_TOKENS])
TEXTS = st.one_of(
    st.text(), st.lists(ODD).map("".join), st.lists(st.sampled_from("".join(TRAINING))).map("".join)
)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    trained = untrained()
    trained.train_from_iterator(TRAINING * 3, trainer(TrainConfig(vocab_size=500)))
    trained.save(str(folder / "tokenizer.json"))
    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    theirs.encode_special_tokens = True  # or it would read them out of a text
    return theirs, Encoder.load(folder)


@given(TEXTS)
@example("".join(TRAINING))
@example("aaaaaaaaaaaaaaaaaaaaaaaaaaa")
def test_both_give_the_same_ids(both, text):
    theirs, ours = both
    assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids


@given(TEXTS)
def test_a_text_comes_back_and_no_control_token_with_it(both, text):
    ours = both[1]
    ids = ours.encode(text)
    assert ours.decode(ids) == text
    assert not set(ids) & set(ours.special.values())
