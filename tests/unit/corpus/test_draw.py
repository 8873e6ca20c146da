import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.corpus.domains.drawing import allotted, evenly_drawn
from bedstone.corpus.draw import STAGE
from bedstone.errors import DataError


@pytest.fixture
def inputs(table_shard):
    """Documents of two languages, a tenth of them above the score, and some that it leaves open."""

    def make(scores=None, texts=None, keep=None, languages=None):
        scores = scores or [0.9] * 20 + [0.1] * 140 + [None] * 40
        number = len(scores)
        ids = {"id": [f"d{each}" for each in range(number)]}
        documents = {
            "url": [f"https://a.example/{each}" for each in range(number)],
            "text": texts or ["A page."] * number,
        }
        languages = languages or ["eng_Latn", "eng_Latn", "eng_Latn", "hin_Deva"] * (number // 4)
        made = {
            "documents": table_shard("documents", ids | documents),
            "language": table_shard("language", ids | {"language": languages}),
            "scores": table_shard("scores", ids | {"score": pa.array(scores, pa.float64())}),
        }
        return made | ({"kept": table_shard("kept", ids | {"keep": keep})} if keep else {})

    return make


def read_tsv(made):
    with made.file("labels.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_more_are_drawn_above_the_score_and_each_language_has_its_part(inputs, run, rows):
    result, made = run(STAGE, {"labels": 40}, **inputs())
    drawn = rows(made, "drawn.parquet")
    strata = [it["stratum"] for it in drawn]
    counts = {name: strata.count(name) for name in ("above", "below", "untold")}
    assert counts == {"above": 12, "below": 18, "untold": 10}
    for stratum, number in counts.items():
        hindi = [it for it in drawn if (it["language"], it["stratum"]) == ("hin_Deva", stratum)]
        assert abs(len(hindi) - number / 4) <= 1
    assert len({it["id"] for it in drawn}) == 40
    assert result.metrics["drawn_documents"] == 40
    assert result.metrics["input_documents"] == 200
    sizes = {
        (it["language"], it["stratum"]): it["documents"] for it in rows(made, "strata.parquet")
    }
    assert sizes["hin_Deva", "above"] == 5
    assert sizes["eng_Latn", "untold"] == 30


def test_the_table_tells_nothing_of_the_score_and_is_to_be_filled(inputs, run, rows):
    _, made = run(STAGE, {"labels": 40}, **inputs())
    table = read_tsv(made)
    assert list(table[0]) == ["id", "language", "url", "excerpt", "label"]
    assert {row["label"] for row in table} == {""}
    drawn = {it["id"]: it["stratum"] for it in rows(made, "drawn.parquet")}
    order = [drawn[row["id"]] for row in table]
    assert order != sorted(order)
    assert {row["url"] for row in table} <= {f"https://a.example/{each}" for each in range(200)}


def test_texts_from_outside_are_one_line_that_computes_nothing(inputs, run):
    texts = ['=1+1\t\n"so"\x1b[2J'] * 200
    _, made = run(STAGE, {"labels": 10}, **inputs(texts=texts))
    assert {row["excerpt"] for row in read_tsv(made)} == {'\'=1+1 "so"\\x1b[2J'}


def test_only_kept_documents_count(inputs, run):
    result, made = run(STAGE, {"labels": 10}, **inputs(keep=[True] * 8 + [False] * 192))
    assert result.metrics["input_documents"] == result.metrics["drawn_documents"] == 8
    assert {row["id"] for row in read_tsv(made)} == {f"d{number}" for number in range(8)}
    with pytest.raises(DataError, match="no document to draw"):
        run(STAGE, **inputs_of_none(made))


def inputs_of_none(made):
    """Tables without a row."""
    empty = made.location.parent / "empty"
    empty.mkdir()
    columns = {"id": pa.array([], pa.string()), "language": pa.array([], pa.string())}
    scores = {"score": pa.array([], pa.float64())}
    pq.write_table(pa.table(columns | scores), empty / "empty.parquet")
    shard = type(made)(content="", location=empty, files=(empty / "empty.parquet",))
    shard.shards = (shard,)
    return {"documents": shard, "language": shard, "scores": shard}


def test_another_seed_draws_others_and_the_same_the_same(inputs, run):
    given = inputs()
    first, again, other = (
        {row["id"] for row in read_tsv(run(STAGE, {"labels": 40, "seed": seed}, **given)[1])}
        for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ({"above": 1_000, "below": 9_000}, (30, 70, 0)),
        ({"above": 5, "below": 9_000}, (5, 95, 0)),
        ({"above": 1_000, "below": 50}, (50, 50, 0)),
        ({"above": 1_000, "below": 9_000, "untold": 30}, (30, 60, 10)),
        ({"above": 1_000, "below": 9_000, "untold": 3}, (30, 67, 3)),
        ({"above": 1_000, "below": 3_500, "untold": 3_500}, (30, 35, 35)),
        ({"above": 10, "below": 5, "untold": 2}, (10, 5, 2)),
        ({"untold": 500}, (0, 0, 100)),
        ({"above": 0, "below": 20, "untold": 500}, (0, 4, 96)),
        ({"above": 9, "below": 9, "untold": 90_000}, (9, 1, 90)),
    ],
)
def test_what_a_stratum_lacks_is_drawn_of_the_others(documents, expected):
    found = allotted(documents, 100, 0.3)
    assert (found["above"], found["below"], found["untold"]) == expected


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
@pytest.mark.parametrize("labels", [3, 5, 20])
def test_each_stratum_is_drawn_from(labels, share):
    found = allotted({"above": 900, "below": 900, "untold": 900}, labels, share)
    assert sum(found.values()) == labels
    assert min(found.values()) > 0
    assert allotted({"above": 900, "below": 900}, labels, share)["below"] > 0


@pytest.mark.parametrize("share", [0, 1])
def test_none_of_the_strata_is_left_out_by_the_settings(share):
    with pytest.raises(ValueError, match="above_share"):
        STAGE.config(above_share=share)


def test_each_document_has_the_same_chance():
    # A language of one document among large ones, over many draws.
    languages = ["eng"] * 60 + ["fra"] * 39 + ["tel"]
    ids = [f"d{number}" for number in range(100)]
    draws = [set(evenly_drawn(languages, ids, 10, seed).tolist()) for seed in range(2_000)]
    assert all(len(draw) == 10 for draw in draws)
    often = [sum(number in draw for draw in draws) / 2_000 for number in range(100)]
    assert min(often) > 0.07
    assert max(often) < 0.13
    assert all(5 <= sum(number < 60 for number in draw) <= 7 for draw in draws)
