import base64
import json
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from bedstone.errors import ArtifactError, DataError
from bedstone.text import any_encoder
from bedstone.text.any_encoder import load, pattern_name
from bedstone.text.encoder import Encoder, byte_alphabet
from bedstone.text.patterns import PATTERNS


def holding(folder):
    names = tuple(sorted(path.name for path in folder.iterdir()))
    return SimpleNamespace(names=names, file=folder.joinpath, location=folder)


def write_ranks(path, count=256, merges=()):
    tokens = [bytes([byte]) for byte in range(256)] + list(merges)
    tokens += [b"\0" * (3 + number) for number in range(count - len(tokens))]
    lines = (f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens))
    path.write_text("".join(lines), "ascii")


def word_level(path, **options):
    vocabulary = {"[UNK]": 0, "[CLS]": 1, "free": 2, "born": 3}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", 1)]
    )
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(path))


def test_a_rank_file_merges_what_it_lists(tmp_path):
    write_ranks(tmp_path / "a.tiktoken", merges=[b"fr", b"ee", b"free"])
    encoder = load(holding(tmp_path))
    assert list(encoder.encode("free")) == [258]
    assert encoder.encode("f<|endoftext|>")[0] == ord("f")
    assert (encoder.vocab_size, encoder.unknown) == (259, None)


@pytest.mark.parametrize(
    ("ranks", "name"),
    [
        (50_256, "r50k"),
        (50_280, "r50k"),
        (100_256, "cl100k"),
        (199_998, "o200k"),
        (32_000, "cl100k (assumed)"),
    ],
)
def test_a_rank_file_is_known_by_its_size(tmp_path, ranks, name):
    assert pattern_name(tmp_path / "a.tiktoken", ranks) == name
    assert pattern_name(tmp_path / "tokenizer.json", ranks) == "own"


@pytest.mark.parametrize(
    ("pattern", "pieces"),
    [
        ("r50k", ["It", "'s", " 12345", " Free", "!!", "  ", " x", "\n", "\n", "y"]),
        ("cl100k", ["It", "'s", " ", "123", "45", " Free", "!!", "  ", " x", "\n\n", "y"]),
        ("o200k", ["It's", " ", "123", "45", " Free", "!!", "  ", " x", "\n\n", "y"]),
    ],
)
def test_how_the_patterns_cut(pattern, pieces):
    import regex

    text = "It's 12345 Free!!   x\n\ny"
    assert regex.findall(PATTERNS[pattern], text) == pieces


def test_marks_stay_with_their_letters_in_o200k_alone():
    import regex

    assert regex.findall(PATTERNS["o200k"], "తెలుగు") == ["తెలుగు"]
    assert len(regex.findall(PATTERNS["cl100k"], "తెలుగు")) > 1


def test_no_control_token_is_added_and_nothing_is_cut_or_padded(tmp_path):
    word_level(tmp_path / "tokenizer.json")
    encoder = load(holding(tmp_path))
    assert list(encoder.encode("born free born")) == [3, 2, 3]
    assert encoder.vocab_size == 4


def test_what_a_tokeniser_cannot_spell_is_known(tmp_path):
    word_level(tmp_path / "any name.json")
    encoder = load(holding(tmp_path))
    assert encoder.unknown == 0
    assert list(encoder.encode("తెలుగు free")) == [0, 2]


def test_bedstones_own_has_the_encoder_for_bulk(made, monkeypatch):
    monkeypatch.setattr(any_encoder.Tokenizer, "from_file", lambda path: pytest.fail("read by HF"))
    own = Encoder.load(made.tokenizer.path)
    encoder = load(made.tokenizer)
    assert encoder.encode("silver <|user|>") == own.encode("silver <|user|>")
    assert encoder.vocab_size == own.vocab_size


def test_the_same_ids_by_either_way(made):
    path = made.tokenizer.file("tokenizer.json")
    sentence = "The patient scholar, पृष्ठ 12."
    expected = Tokenizer.from_file(str(path)).encode(sentence, add_special_tokens=False).ids
    assert load(made.tokenizer).encode(sentence) == expected


def test_ids_give_their_text_back(made, tmp_path):
    write_ranks(tmp_path / "a.tiktoken")
    sentence = "The patient scholar, पृष्ठ 12."
    for tokenizer in (made.tokenizer, holding(tmp_path)):
        encoder = load(tokenizer)
        assert encoder.decode(encoder.encode(sentence)) == sentence


def test_bytes_that_bedstones_own_lacks_end_no_process(made, tmp_path):
    values = json.loads(made.tokenizer.file("tokenizer.json").read_text("utf-8"))
    letter = next(character for character, byte in byte_alphabet().items() if byte == 0xB0)
    model = values["model"]
    model["vocab"] = {token: n for token, n in model["vocab"].items() if letter not in token}
    model["merges"] = [merge for merge in model["merges"] if letter not in "".join(merge)]
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    encoder = load(holding(tmp_path))
    assert encoder.decode(encoder.encode("5° C")) == "5\ufffd C"


def test_a_text_that_a_tokeniser_refuses_is_an_error(tmp_path):
    Tokenizer(models.Unigram([("a", -1.0)])).save(str(tmp_path / "tokenizer.json"))
    encoder = load(holding(tmp_path))
    assert encoder.encode("aa") == [0, 0]
    with pytest.raises(DataError, match=r"tokenizer\.json cannot spell a text"):
        encoder.encode("ab")


def test_a_model_beside_its_tokeniser(tmp_path):
    word_level(tmp_path / "tokenizer.json")
    (tmp_path / "config.json").write_text("{}")
    assert load(holding(tmp_path)).vocab_size == 4


@pytest.mark.parametrize("names", [[], ["a.tiktoken", "b.tiktoken"], ["model.safetensors"]])
def test_a_folder_without_one_tokeniser_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("")
    with pytest.raises(ArtifactError, match="tokenisers where one was expected"):
        load(holding(tmp_path))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tiktoken", "AA== 0\nnonsense\n", r"a.tiktoken:2 is no token in base64"),
        ("a.tiktoken", "AA== 0\n", "lacks 255 single bytes"),
        ("tokenizer.json", "{}", "has no model"),
        ("tokenizer.json", "[", "has no model"),
        ("tokenizer.json", json.dumps({"model": {"type": "Nope"}}), "cannot be read by tokenizers"),
    ],
)
def test_what_is_no_tokeniser_is_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        load(holding(tmp_path))
