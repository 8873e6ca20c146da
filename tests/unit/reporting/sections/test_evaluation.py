"""What the report says of tests whose outcomes are planted."""

import re
from dataclasses import asdict
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.stages import run, shard  # noqa: F401
from tests.support.suites import questions, scores, texts

from bedstone.evaluation.standing import STAGE
from bedstone.reporting.sections import evaluation
from bedstone.tasks.items import SCHEMA


@pytest.fixture
def section(run, tmp_path):  # noqa: F811
    """The section of a model by these items and scores; or of one that is none of the family."""

    def made(items, table, model="posttrain.sft"):
        for name, rows in (("items", pa.Table.from_pylist(list(map(asdict, items)), SCHEMA)),
                           ("scores", table)):  # fmt: skip
            folder = tmp_path / name
            folder.mkdir()
            pq.write_table(rows, folder / f"{name}.parquet")
        _, standing = run(STAGE, items=shard(tmp_path / "items"), scores=shard(tmp_path / "scores"))
        of = {
            "scores": "scores",
            "model": model and SimpleNamespace(manifest=SimpleNamespace(stage=model)),
        }
        about = SimpleNamespace(all=lambda _: iter([standing]), parent=lambda _, role: of[role])
        return evaluation.tests(about)

    return made


def test_languages_that_beat_chance_are_counted_and_drawn(section):
    items = questions()
    found = section(items, scores(items, lambda it: it.gold if "swh" not in it.language else 1))
    assert found.answer == "Surely better than chance in 2 of 3 languages"
    assert found.text[0] == "The model: fine-tuned (SFT)."
    assert re.search(r"worst in Swahili .*, 0\u00a0%; of as many", found.text[1])
    (figure,) = found.figures
    assert [(row[0], row[-1]) for row in figure.table.rows] == [
        ("German", "yes"),
        ("English", "yes"),
        ("Swahili (individual language)", "no"),
    ]
    assert len(re.findall("<circle", figure.chart.wide)) >= 2 * 3


def test_texts_alone_have_a_table_and_no_chance(section):
    items = texts()
    found = section(items, scores(items, lambda _: 100))
    assert found.answer.endswith("nothing can be compared with chance")
    assert not found.figures
    assert found.tables[0].rows[0][2] == "1.000"


def test_a_model_of_another_family_is_not_told_of(section):
    items = questions()
    assert section(items, scores(items, lambda it: it.gold), model=None) is None
