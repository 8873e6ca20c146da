import re

import pytest
import tiktoken
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from bedstone.errors import ArtifactError, DataError
from bedstone.text.encoder import SPECIAL_TOKENS, Encoder, byte_alphabet
from bedstone.text.patterns import PATTERN

CUTS = [
    ("l'arbre, won't", ["l", "'", "arbre", ",", " won", "'", "t"]),
    ("गाँव के", ["गाँव", " के"]),  # vowel signs and nasals stay
    ("می\u200cخواهم", ["می\u200cخواهم"]),  # so does a joiner
    ("in 2024", ["in", " 2", "0", "2", "4"]),
    ("a  b\n\n\tc", ["a", "  ", "b", "\n\n", "\t", "c"]),
    ("wait... #1", ["wait", "...", " #", "1"]),
    ("日本語。次", ["日本語", "。", "次"]),
]


@pytest.fixture(scope="module")
def encoder():
    tokens = {bytes([byte]): 3 + byte for byte in range(256)} | {b"ab": 259, b" ab": 260}
    special = {name: number for number, name in enumerate(SPECIAL_TOKENS)}
    return Encoder(PATTERN, tokens, special)


@pytest.mark.parametrize(("text", "pieces"), CUTS)
def test_where_a_text_is_cut(text, pieces):
    split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    assert [piece for piece, _ in split.pre_tokenize_str(text)] == pieces


@pytest.mark.parametrize("name", [r"\p{L}", r"\p{M}", r"\p{N}", r"\s", r"[\r\n]"])
def test_both_libraries_mean_the_same_characters(name):
    """They carry tables of their own, of one Unicode version or of two."""
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x20000)]))
    outside = pre_tokenizers.Split(Regex(name), "removed").pre_tokenize_str(text)
    ranks = {bytes([byte]): byte for byte in range(256)}
    inside = tiktoken.Encoding("x", pat_str=name, mergeable_ranks=ranks, special_tokens={})
    matched = set(inside.decode(inside.encode_ordinary(text)))
    assert matched == set(text) - set("".join(piece for piece, _ in outside))


def test_merges_stay_within_pieces(encoder):
    assert encoder.encode("ab ab") == [259, 260]
    assert encoder.encode("ab  ab") == [259, 3 + 32, 3 + 32, 259]


@pytest.mark.parametrize("name", SPECIAL_TOKENS)
def test_no_text_gives_a_control_token(encoder, name):
    ids = encoder.encode(f"ab{name}ab")
    assert min(ids) > 2
    assert encoder.decode(ids) == f"ab{name}ab"
    assert encoder.decode([encoder.special[name]]) == name


def test_what_is_no_utf8_is_shown_as_such(encoder):
    assert encoder.decode([3 + 0xE0, 3 + 97]) == "\ufffda"
    assert encoder.decode(encoder.encode("\ud800")) == "\ufffd"


@pytest.mark.parametrize("text", [" " * 300_000, "^" * 300_000, "\n \n" * 100_000])
def test_rubbish_overflows_no_stack(encoder, text):
    assert encoder.decode(encoder.encode(text)) == text


def test_every_byte_has_a_character():
    assert sorted(byte_alphabet().values()) == list(range(256))
    assert set(byte_alphabet()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert byte_alphabet()["Ġ"] == ord(" ")


def test_a_tokeniser_of_another_kind_is_refused(tmp_path):
    Tokenizer(models.WordLevel({"a": 0})).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ArtifactError, match=r"tokenizer\.json is a tokeniser of another kind"):
        Encoder.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(DataError, match=r"tokenizer\.json is no tokeniser"):
        Encoder.load(tmp_path)


def test_a_folder_without_tokeniser(tmp_path):
    with pytest.raises(ArtifactError, match=re.escape(f"{tmp_path} holds no tokeniser")):
        Encoder.load(tmp_path)
