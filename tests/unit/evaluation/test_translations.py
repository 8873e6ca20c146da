"""Items and answers that are translated, by translators of which it is known what they do."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.endpoints import found, reply, serving

from bedstone.errors import ConfigError, DataError
from bedstone.evaluation import translations
from bedstone.evaluation.pivot.translators import Apertium, Translated
from bedstone.evaluation.translations import FILE, PART_LINES, STAGE
from bedstone.store import tables
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.payload import write_json
from bedstone.tasks.items import Item, items_of, write_items
from bedstone.tasks.stored import ANSWERS
from bedstone.tasks.waits import waits

BOTH = {"source": "spa_Latn", "target": "eng_Latn"}


class Planted:
    """Writes a line in capitals; some fail, and of the many that are asked one stops it."""

    def __init__(self, fails=(), stops_at=None):
        self.fails, self.stops_at, self.asked = fails, stops_at, []

    def translate(self, lines):
        if self.stops_at in lines:
            raise KeyboardInterrupt
        self.asked += lines
        return [
            Translated("", "planted", 0.5, 3, None)
            if line in self.fails
            else Translated(line.upper(), "", 0.5, 3, 2)
            for line in lines
        ]


@pytest.fixture
def planted(monkeypatch):
    """Put a translator in Apertium's place: ``planted(fails=...)``."""

    def put(**options):
        translator = Planted(**options)
        monkeypatch.setattr(translations, "translator_of", lambda config, inputs: translator)
        return translator

    return put


@pytest.fixture
def items(job, store):
    def write(*items):
        made = job(f"items{len(list(store.parent.glob('items*')))}")
        write_items(made, items)
        return adopt([made.folder], store)

    return write


def spanish(number, **values):
    return Item("s", f"s/spa/{number}", "spa_Latn", "acc", parallel_id=f"{number}", **values)


def made(store, config=None, **inputs):
    return build(STAGE, STAGE.config(**BOTH | (config or {})), inputs, store, Local())


def rows(artifact):
    return pq.read_table(artifact.file(FILE)).to_pylist()


def test_each_part_of_an_item_is_translated_and_the_rest_stays(store, items, planted):
    planted()
    given = spanish(
        1, context="uno\n12\ndos", question="qué", choices=("a b", "7"), gold=1, passage_id="p"
    )
    asked = spanish(2, question="quién", answers=("yo", "tú"))
    text = spanish(3, question="x", choices=("bits",))
    english = Item("s", "s/eng/1", "eng_Latn", "acc", question="what", choices=("a", "b"))
    artifact = made(store, items=items(given, asked, text, english))
    first, second = items_of(artifact)
    assert (first.id, first.language, first.gold, first.passage_id) == (
        given.id,
        "eng_Latn",
        1,
        "p",
    )
    assert (first.context, first.question, first.choices) == ("UNO\n12\nDOS", "QUÉ", ("A B", "7"))
    assert (second.parallel_id, second.answers) == ("2", ("YO", "TÚ"))
    costs = {row["field"]: (row["calls"], row["completion_tokens"]) for row in rows(artifact)[:4]}
    assert costs == {
        "context": (2, 4),
        "question": (1, 2),
        "choices.0": (1, 2),
        "choices.1": (0, None),
    }


def test_a_line_that_comes_again_is_asked_once_and_counted_each_time(store, items, planted):
    translator = planted()
    artifact = made(store, items=items(spanish(1, question="uno"), spanish(2, question="uno\nuno")))
    assert translator.asked == ["uno"]
    assert waits(artifact, 2).to_pylist() == [0.5, 1.0]
    assert "seconds" not in rows(artifact)[0]
    assert artifact.manifest.metrics["different_lines"] == 1
    assert artifact.manifest.metrics["waiting_seconds"] == 0.5


def test_what_fails_leaves_its_item_out_and_says_why(store, items, planted):
    planted(fails=["mal"])
    good, bad = spanish(1, question="bien"), spanish(2, context="bien", question="bien\nmal")
    artifact = made(store, items=items(good, bad))
    assert [item.id for item in items_of(artifact)] == [good.id]
    failed = [row for row in rows(artifact) if row["why"]]
    assert [(row["item"], row["text"], row["why"]) for row in failed] == [(bad.id, None, "planted")]
    assert artifact.manifest.metrics["failed_items"] == 1


def test_a_killed_build_asks_for_what_is_missing_only(store, items, planted):
    many = items(*(spanish(n, question=f"línea {n}") for n in range(PART_LINES + 1)))
    planted(stops_at=f"línea {PART_LINES}")
    with pytest.raises(KeyboardInterrupt):
        made(store, items=many)
    translator = planted()
    artifact = made(store, items=many)
    assert translator.asked == [f"línea {PART_LINES}"]
    assert len(rows(artifact)) == PART_LINES + 1


def test_answers_are_translated_by_their_samples(store, job, planted):
    planted()
    stored = job("answers")
    answers = [{"problem": "p", "sample": n, "text": text} for n, text in enumerate(("sí", ""))]
    tables.write(stored, "parts/000000.parquet", pa.Table.from_pylist(answers, ANSWERS))
    artifact = made(store, answers=adopt([stored.folder], store))
    assert [(row["field"], row["text"]) for row in rows(artifact)] == [
        ("text.0", "SÍ"),
        ("text.1", ""),
    ]


def test_what_cannot_be_translated_is_refused(store, items, planted):
    planted()
    some = items(spanish(1, question="uno"))
    with pytest.raises(ConfigError, match="by model, and given: nobody"):
        made(store, {"by": "model"}, items=some)
    with pytest.raises(ConfigError, match="by apertium, and given: model"):
        made(store, items=some, model=some)
    with pytest.raises(ConfigError, match="items or answers"):
        made(store)
    with pytest.raises(DataError, match="nothing in fra_Latn"):
        build(
            STAGE,
            STAGE.config(source="fra_Latn", target="eng_Latn"),
            {"items": some},
            store,
            Local(),
        )


def test_another_version_is_another_request_and_one_that_is_not_here_is_refused(
    store, items, planted, monkeypatch
):
    some = items(spanish(1, question="uno"))
    monkeypatch.setattr(Apertium, "between", lambda *both: Apertium("spa-eng"))
    monkeypatch.setattr(Apertium, "version", "2")
    with pytest.raises(ConfigError, match="version '1' is asked for: 2 here"):
        made(store, {"version": "1"}, items=some)
    planted()
    first, second = (made(store, {"version": each}, items=some) for each in "12")
    assert first.path != second.path


def test_an_endpoint_is_asked_in_turns_for_each_line(store, job, items):
    def answer(handler, body):
        said = body["messages"][0]["content"]
        assert said.startswith("Translate this from Spanish into English.")
        line = said.rpartition("\n")[2]
        text = {"uno": "one", "dos": "two\nor second"}.get(line, "long")
        choice = {
            "index": 0,
            "message": {"content": text},
            "finish_reason": "length" if text == "long" else "stop",
        }
        usage = {"prompt_tokens": 7, "completion_tokens": 1}
        reply(handler, 200, {"choices": [choice], "usage": usage})

    probe = job("probe")
    with serving(answer) as url:
        about = found().values({"url": url, "model": "m", "chat": True})
        write_json(probe, "findings.json", about)
        three = items(*(spanish(n, question=q) for n, q in enumerate(("uno", "dos", "tres"))))
        artifact = made(store, {"by": "probe"}, items=three, probe=adopt([probe.folder], store))
    whys = [(row["text"], row["why"], row["prompt_tokens"]) for row in rows(artifact)]
    assert whys == [("one", "", 7), (None, "several lines", 7), (None, "cut off", 7)]
