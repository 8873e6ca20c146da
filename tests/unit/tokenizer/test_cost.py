import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from bedstone.errors import DataError
from bedstone.store import tables
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.text.encoder import Encoder, byte_alphabet
from bedstone.tokenizer.cost import SCHEMA, STAGE, CostConfig, gini

TEXTS = {
    "eng_Latn": "All people are born free.\nThey have reason.\n\nThey have rights.\nAll of them.",
    "nob_Latn": "Alle er født fri.\nDe har fornuft.\nDe har rett.\nAlle.",
    "zho_Hans": "人人生而自由。\n有理性。\n有权利。\n人人。",
    "fra_Latn": "Tous naissent libres.\nIls ont la raison.",
}
PIECES = {
    "eng_Latn": {"1": "All people are born free.", "2": "They have reason and rights."},
    "nob_Latn": {"1": "Alle er født fri.", "2": "De har fornuft og rett."},
    "tha_Thai": {"2": "พวกเขามีเหตุผลและสิทธิ"},
}


def cost(made, folder, texts):
    names = list(texts)
    table = {"id": names, "url": names, "language": names, "text": list(texts.values())}
    return built(made, folder, "yardstick", {name: (table[name], pa.string()) for name in table})


def cost_of_pieces(made, folder, pieces, others=None, **config):
    rows = [
        (source, language, unit, text, versions["eng_Latn"][unit])
        for source, versions in {"udhr": pieces, **(others or {})}.items()
        for language, texts in versions.items()
        for unit, text in texts.items()
    ]
    names = ("source", "language", "unit", "text", "english")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    table = {name: (list(values), pa.large_string()) for name, values in columns.items()}
    return built(made, folder, "parallel", table, **config)


def built(made, folder, name, columns, **config):
    folder.mkdir()
    table = pa.table({key: pa.array(*column) for key, column in columns.items()})
    pq.write_table(table, folder / f"{name}.parquet")
    inputs = {"tokenizer": made.tokenizer, "yardstick": adopt([folder], made.store)}
    artifact = build(STAGE, CostConfig(**config), inputs, made.store, Local())
    rows = tables.read(artifact, SCHEMA.names).to_pylist()  # one table is at the top
    return artifact.manifest.metrics, {row["language"]: row for row in rows}


def test_tokens_over_those_of_english(made, tmp_path):
    metrics, rows = cost(made, tmp_path / "yardstick", TEXTS)
    encoder = Encoder.load(made.tokenizer.path)
    assert list(rows) == ["eng_Latn", "nob_Latn", "zho_Hans"]
    english, norwegian, chinese = rows.values()
    assert english["premium"] == 1
    assert chinese["tokens"] == len(encoder.encode("人人生而自由。 有理性。 有权利。 人人。"))
    assert chinese["premium"] == chinese["tokens"] / english["tokens"]
    assert chinese["english_tokens"] == english["tokens"]
    assert (chinese["characters"], chinese["bytes"]) == (21, 57)
    assert metrics["premium_max"] == max(norwegian["premium"], chinese["premium"])


def test_paragraphs_are_joined_by_one_space(made, tmp_path):
    _, broken = cost(made, tmp_path / "broken", TEXTS)
    joined = {name: " ".join(text.split("\n")).replace("  ", " ") for name, text in TEXTS.items()}
    _, whole = cost(made, tmp_path / "joined", joined)
    assert broken["nob_Latn"] == whole["nob_Latn"]


def test_half_a_text_is_not_compared_but_counted(made, tmp_path):
    metrics, rows = cost(made, tmp_path / "yardstick", TEXTS)
    assert "fra_Latn" not in rows
    assert metrics["yardstick_languages"] == 3
    assert metrics["incomparable_languages"] == 1


@pytest.mark.parametrize("texts", [{}, {"fra_Latn": TEXTS["fra_Latn"]}])
def test_without_english_nothing_is_compared(made, tmp_path, texts):
    metrics, rows = cost(made, tmp_path / "yardstick", texts)
    assert rows == {}
    assert metrics == {
        "yardstick_languages": 0,
        "incomparable_languages": len(texts),
        "texts": 0,
        "unspelt_languages": 0,
        "vocabulary_tokens": 320,
    }


def test_each_language_is_compared_with_the_english_of_what_it_has(made, tmp_path):
    metrics, rows = cost_of_pieces(made, tmp_path / "parallel", PIECES)
    encoder = Encoder.load(made.tokenizer.path)
    thai = rows["tha_Thai"]
    assert thai["english_tokens"] == len(encoder.encode(PIECES["eng_Latn"]["2"]))
    assert thai["premium"] == thai["tokens"] / thai["english_tokens"]
    norwegian = rows["nob_Latn"]
    pieces = PIECES["nob_Latn"].values()
    assert norwegian["tokens"] == sum(len(encoder.encode(piece)) for piece in pieces)
    assert metrics["tokens_max"] == pytest.approx(rows["eng_Latn"]["tokens"] * thai["premium"])
    assert metrics["gini"] == pytest.approx(gini([row["premium"] for row in rows.values()]))


def test_the_first_text_is_named_and_the_range_is_over_all(made, tmp_path):
    news = {
        "eng_Latn": {"1": "All the news.", "2": "It rains here."},
        "nob_Latn": {"1": "Alle nyhetene fra i dag er her.", "2": "Det regner veldig mye her."},
        "swa_Latn": {"1": "Habari zote.", "2": "Mvua inanyesha."},
    }
    alone, before = cost_of_pieces(made, tmp_path / "alone", PIECES)
    metrics, rows = cost_of_pieces(made, tmp_path / "both", PIECES, {"news": news})
    norwegian, swahili = rows["nob_Latn"], rows["swa_Latn"]
    assert (norwegian["text"], swahili["text"]) == ("udhr", "news")
    limits = ("premium_low", "premium_high")
    assert norwegian["premium"] == before["nob_Latn"]["premium"] == norwegian["premium_low"]
    assert norwegian["premium_high"] > norwegian["premium"]
    assert {swahili["premium"]} == {swahili[name] for name in limits}
    assert {before["nob_Latn"]["premium"]} == {before["nob_Latn"][name] for name in limits}
    assert metrics == alone | {"texts": 2}  # of the first


def test_of_other_texts_as_many_bytes_are_taken_in_every_language(made, tmp_path):
    number = [str(each) for each in range(40)]
    other = {
        "eng_Latn": {each: f"This is the sentence {each}." for each in number},
        "nob_Latn": {each: f"Dette er setning nummer {each}." for each in number},
    }
    part = tmp_path / "part"
    _, rows = cost_of_pieces(made, part, PIECES, {"other": other}, other_texts_bytes=200)
    _, whole = cost_of_pieces(made, tmp_path / "whole", PIECES, {"other": other})
    assert rows["nob_Latn"]["premium"] == whole["nob_Latn"]["premium"]
    assert rows["nob_Latn"]["premium_high"] != whole["nob_Latn"]["premium_high"]


def test_words_are_letters_worth_in_scripts_without_spaces(made, tmp_path):
    _, rows = cost_of_pieces(made, tmp_path / "parallel", PIECES)
    assert rows["nob_Latn"]["words"] == 9
    letters = sum(character.isalpha() for character in PIECES["tha_Thai"]["2"])
    assert rows["tha_Thai"]["words"] == pytest.approx(letters / 4.0)


def test_a_language_with_hardly_any_of_the_content_is_not_compared(made, tmp_path):
    metrics, rows = cost_of_pieces(made, tmp_path / "parallel", PIECES, min_content_share=0.6)
    assert list(rows) == ["eng_Latn", "nob_Latn"]
    assert metrics["incomparable_languages"] == 1


def test_what_cannot_be_spelt_is_counted_apart(made, tmp_path):
    words = {"[UNK]": 0, "They": 1, "have": 2, "reason": 3}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    metrics, rows = cost_of_pieces(with_own(made, tmp_path), tmp_path / "parallel", PIECES)
    assert rows["tha_Thai"]["unknown_tokens"] == rows["tha_Thai"]["tokens"] == 1
    assert rows["tha_Thai"]["lost_share"] == 1
    assert rows["eng_Latn"]["unknown_tokens"] == 7
    lost = "All people are born free. and rights.".replace(" ", "")
    everything = "".join(PIECES["eng_Latn"].values()).replace(" ", "")
    assert rows["eng_Latn"]["lost_share"] == pytest.approx(len(lost) / len(everything))
    # Where English cannot be spelt, no language is compared.
    assert metrics["unspelt_languages"] == 3
    assert "gini" not in metrics


def with_own(made, folder):
    """The same, with the tokeniser in ``folder``."""
    return type(made)(**{**vars(made), "tokenizer": adopt([folder / "tokenizer.json"], made.store)})


def test_bytes_that_a_tokeniser_lacks_are_lost_and_their_language_is_left_out(made, tmp_path):
    plain, whole = cost_of_pieces(made, tmp_path / "whole", PIECES)
    assert [row["spelt"] for row in whole.values()] == [True] * 3
    assert {row["lost_share"] for row in whole.values()} == {0.0}
    assert plain["unspelt_languages"] == 0
    values = json.loads(made.tokenizer.file("tokenizer.json").read_text("utf-8"))
    model = values["model"]
    lacking = next(character for character, byte in byte_alphabet().items() if byte == 0xB8)
    model["vocab"] = {token: n for token, n in model["vocab"].items() if lacking not in token}
    model["merges"] = [merge for merge in model["merges"] if lacking not in "".join(merge)]
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    metrics, rows = cost_of_pieces(with_own(made, tmp_path), tmp_path / "lacking", PIECES)
    assert "ø".encode() == b"\xc3\xb8"
    assert {name: row["spelt"] for name, row in rows.items()} == {
        "eng_Latn": True,
        "nob_Latn": False,
        "tha_Thai": False,
    }
    letters = sum(len(text.replace(" ", "")) for text in PIECES["nob_Latn"].values())
    assert rows["nob_Latn"]["lost_share"] == pytest.approx(1 / letters)
    assert rows["nob_Latn"]["unknown_tokens"] == 0
    assert rows["tha_Thai"]["tokens"] < whole["tha_Thai"]["tokens"]
    assert metrics["unspelt_languages"] == 2
    assert metrics["gini"] == 0
    assert metrics["tokens_max"] == rows["eng_Latn"]["tokens"]
    assert "premium_max" not in metrics


def test_case_spaces_and_compatible_forms_are_not_lost(made, tmp_path):
    pieces = {"eng_Latn": {"1": "The  fi \tSTRASSE"}, "deu_Latn": {"1": "Die ﬁ Straße"}}
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words = ["the", "die", "fi", "strasse", "straße"]
    tokenizer.model = models.WordPiece(
        {word: n for n, word in enumerate(["[UNK]", *words])}, unk_token="[UNK]"
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    _, rows = cost_of_pieces(with_own(made, tmp_path), tmp_path / "parallel", pieces)
    assert [row["lost_share"] for row in rows.values()] == [0, 0]


def test_a_tokeniser_that_gives_nothing_for_english_is_refused(made, tmp_path):
    Tokenizer(models.BPE({"พ": 0}, [])).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(DataError, match="gives no token for English text"):
        cost_of_pieces(with_own(made, tmp_path), tmp_path / "parallel", PIECES)


@pytest.mark.parametrize(
    ("values", "expected"), [([2, 2, 2], 0), ([0, 0, 0, 4], 0.75), ([1, 3], 0.25), ([5], 0)]
)
def test_gini_is_half_the_mean_difference_over_the_mean(values, expected):
    pairs = [abs(one - other) for one in values for other in values]
    slow = sum(pairs) / len(pairs) / 2 / (sum(values) / len(values))
    assert math.isclose(gini(values), slow, abs_tol=1e-12)
    assert math.isclose(gini(values), expected, abs_tol=1e-12)
