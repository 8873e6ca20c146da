import json
import re
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.corpus.prevalence import STAGE
from bedstone.errors import DataError

HEAD = "id\tlanguage\turl\texcerpt\tlabel\n"


@pytest.fixture
def draw(tmp_path):
    """40 of 100 documents above the score in English, 20 of 900 below; 20 of 500 in Hindi."""
    folder = tmp_path / "draw"
    folder.mkdir()
    groups = {("eng", "above"): (100, 40), ("eng", "below"): (900, 20), ("hin", "below"): (500, 20)}
    drawn = [
        {"id": f"{language}-{stratum}-{number}", "language": language, "stratum": stratum}
        for (language, stratum), (_, count) in groups.items()
        for number in range(count)
    ]
    sizes = [
        {"language": language, "stratum": stratum, "documents": documents}
        for (language, stratum), (documents, _) in groups.items()
    ]
    pq.write_table(pa.Table.from_pylist(drawn), folder / "drawn.parquet")
    pq.write_table(pa.Table.from_pylist(sizes), folder / "strata.parquet")
    return SimpleNamespace(file=lambda name: folder / name)


@pytest.fixture
def labels(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "filled.tsv"
        path.write_text(text, encoding)
        return SimpleNamespace(files=(path,), location=tmp_path)

    return write


def told(made):
    return json.loads(made.file("prevalence.json").read_text("utf-8"))


def filled(positives):
    """All rows; of those above the score, so many say yes, of the others none."""
    rows = [
        f"eng-above-{number}\t\t\t\t{'Yes' if number < positives else 'no'}" for number in range(40)
    ]
    rows += [f"{name}-below-{number}\t\t\t\tno" for name in ("eng", "hin") for number in range(20)]
    return HEAD + "\n".join(rows) + "\n"


def test_each_stratum_counts_for_its_documents(draw, labels, run):
    result, made = run(STAGE, draw=draw, labels=labels(filled(20)))
    whole = told(made)
    assert (whole["documents"], whole["drawn"], whole["labels"], whole["unfilled"]) == (
        1500,
        80,
        80,
        0,
    )
    assert whole["share"] == pytest.approx(0.5 * 100 / 1500)
    assert whole["low"] < whole["share"] < whole["high"] < 0.15
    assert whole["strata"] == [
        {"stratum": "above", "documents": 100, "drawn": 40, "labels": 40, "yes": 20},
        {"stratum": "below", "documents": 1400, "drawn": 40, "labels": 40, "yes": 0},
    ]
    english, hindi = whole["languages"]
    assert english["share"] == pytest.approx(0.05)
    assert hindi == {
        "language": "hin", "documents": 500, "labels": 20, "share": None, "low": None, "high": None
    }  # fmt: skip
    assert result.metrics["domain_share"] == whole["share"]


def test_a_language_is_told_from_as_many_labels_as_is_said(draw, labels, run):
    _, made = run(STAGE, {"min_labels": 20}, draw=draw, labels=labels(filled(20)))
    assert told(made)["languages"][1]["share"] == 0
    assert 0 < told(made)["languages"][1]["high"] < 0.2


def test_rows_that_are_not_filled_are_counted_and_may_be_missing(draw, labels, run):
    some = HEAD + "eng-above-3\t\t\t\tyes\neng-above-4\t\t\t\t\nhin-below-1\t\t\t\tNO \n"
    _, made = run(STAGE, draw=draw, labels=labels("\ufeff" + some))
    whole = told(made)
    assert (whole["labels"], whole["unfilled"]) == (2, 78)
    result, made = run(STAGE, draw=draw, labels=labels(HEAD))
    assert (told(made)["share"], told(made)["unfilled"]) == (None, 80)
    assert "domain_share" not in result.metrics


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            HEAD + "eng-above-1\t\t\t\tyes\nother\t\t\t\tno\n",
            "filled.tsv:3: 'other' is no document",
        ),
        (HEAD + "eng-above-1\t\t\t\tmaybe\n", "filled.tsv:2: the label 'maybe' is neither"),
        (HEAD + "eng-above-1\t\t\t\tyes\n" * 2, "filled.tsv:3: eng-above-1 is there twice"),
        ("id,label\neng-above-1,yes\n", "has no column id, label"),
        ("", "has no column id, label"),
        (
            HEAD + "eng-above-1\n\x00" + "a" * 200_000 + "\tno\n",
            "cannot read .*filled.tsv after line 2",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(draw, labels, run, text, said):
    with pytest.raises(DataError, match=said):
        run(STAGE, draw=draw, labels=labels(text))


def test_another_encoding_is_told(draw, labels, run):
    with pytest.raises(DataError, match=r"cannot read .*it is not in UTF-8") as caught:
        run(STAGE, draw=draw, labels=labels(HEAD + "eng-above-1\t\t\té\tyes\n", "utf-16"))
    assert "save it as UTF-8" in caught.value.hint


def test_errors_name_the_file_that_was_given(draw, labels, run, tmp_path):
    given = labels(HEAD + "eng-above-1\t\t\t\tmaybe\n")
    copy = tmp_path / "adopt" / "table.tsv"
    copy.parent.mkdir()
    copy.symlink_to(given.files[0])
    with pytest.raises(DataError, match=f"^{re.escape(str(given.files[0].resolve()))}:2"):
        run(STAGE, draw=draw, labels=SimpleNamespace(files=(copy,), location=tmp_path))


def test_what_says_yes_and_no(draw, labels, run):
    said = {"yes": ("Yes", "y", "Y", "1", "TRUE"), "no": ("NO", "n", "N", "0", "False")}
    rows = [
        f"eng-above-{number}\t\t\t\t{word}"
        for number, word in enumerate((*said["yes"], *said["no"]))
    ]
    _, made = run(STAGE, draw=draw, labels=labels(HEAD + "\n".join(rows)))
    above = told(made)["strata"][0]
    assert (above["labels"], above["yes"]) == (10, 5)


def test_until_each_stratum_has_a_label_the_share_is_unknown(draw, labels, run):
    lines = filled(20).splitlines(keepends=True)
    result, made = run(STAGE, draw=draw, labels=labels("".join(lines[:41])))
    whole = told(made)
    assert (whole["labels"], whole["share"], whole["low"], whole["high"]) == (40, None, None, None)
    assert "domain_share" not in result.metrics
    assert whole["languages"][0]["share"] is None  # 40 labels, all of the fewer documents
    _, made = run(STAGE, draw=draw, labels=labels("".join(lines[:42])))
    assert told(made)["share"] is not None


def test_a_handful_of_documents_leaves_a_languages_share_told(draw, labels, run):
    sizes = pq.read_table(draw.file("strata.parquet")).to_pylist()
    sizes.append({"language": "eng", "stratum": "untold", "documents": 3})
    pq.write_table(pa.Table.from_pylist(sizes), draw.file("strata.parquet"))
    _, made = run(STAGE, draw=draw, labels=labels(filled(20)))
    whole = told(made)
    assert whole["share"] is None
    assert whole["languages"][0]["share"] == pytest.approx(0.05, abs=0.002)
