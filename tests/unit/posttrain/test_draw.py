import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.errors import BedstoneError
from bedstone.generation.generate import Completion
from bedstone.posttrain import draw
from bedstone.posttrain.chat import render_prompt
from bedstone.posttrain.checker import holds
from bedstone.posttrain.draw import DrawConfig, nearest, run
from bedstone.posttrain.judged import Judged, complete
from bedstone.text.encoder import Encoder

CONFIG = DrawConfig(prompts=40, samples=4, max_tokens=24)


def judged(length, *, good):
    ids = tuple(range(length))
    return Judged(_completion(ids, good=good), f"{length}", good)


def _completion(ids, *, good):
    return Completion(ids, (), (), "stop" if good else "length", closed=good, boundary_draws=0)


@pytest.fixture
def coin(monkeypatch):
    """The property as a coin: whether the first byte is even."""

    def made(model, encoder, prompts, drawing, threads, advance):
        found = complete(model, encoder, prompts, drawing, threads, advance)
        return [
            [Judged(one.completion, one.text, one.token_ids[0] % 2 == 0) for one in each]
            for each in found
        ]

    monkeypatch.setattr(draw, "complete", made)


def test_the_pair_of_most_similar_length():
    good, bad = [judged(n, good=True) for n in (5, 9)], [judged(n, good=False) for n in (20, 12)]
    assert nearest([*good, *bad]) == (good[1], bad[1])


def test_completions_of_one_kind_make_no_pair():
    assert nearest([judged(5, good=True), judged(6, good=True)]) is None
    assert nearest([judged(5, good=False)]) is None


@pytest.mark.usefixtures("coin")
def test_a_pair_is_of_one_prompt_that_is_trained_on(job, model, pairs):
    made = job("draw", model=model, pairs=pairs)
    metrics = run(CONFIG, made).metrics
    rows = pq.read_table(made.folder / "preferences.parquet").to_pylist()
    encoder = Encoder.load(model.path)
    assert len(rows) == metrics["pairs"] > 20
    assert metrics["completions"] == 160
    for row in rows:
        assert int(row["id"]) < 40
        assert row["prompt_ids"] == list(render_prompt(encoder, row["prompt"]))
        assert row["chosen_ids"][0] % 2 == 0
        assert row["rejected_ids"][0] % 2 == 1
    lengths = [len(row["chosen_ids"]) for row in rows]
    assert metrics["chosen_mean_tokens"] == pytest.approx(sum(lengths) / len(rows))


@pytest.mark.usefixtures("coin")
def test_of_too_many_pairs_those_of_most_similar_length_are_taken(job, model, pairs):
    whole, part = job("whole", model=model, pairs=pairs), job("part", model=model, pairs=pairs)
    run(CONFIG, whole)
    run(CONFIG.model_copy(update={"max_pairs": 3}), part)
    few, all_rows = (
        pq.read_table(each.folder / "preferences.parquet").to_pylist() for each in (part, whole)
    )
    gaps = [abs(len(row["chosen_ids"]) - len(row["rejected_ids"])) for row in all_rows]
    assert gaps == sorted(gaps)
    assert few == all_rows[:3]


def test_no_pair_is_an_error(job, model, pairs, monkeypatch):
    monkeypatch.setattr("bedstone.posttrain.judged.holds", lambda text, ended: False)
    with pytest.raises(BedstoneError, match="none of 40 prompts") as caught:
        run(CONFIG, job("draw", model=model, pairs=pairs))
    assert "raise prompts" in caught.value.hint


def test_a_completion_is_judged_without_its_closing_token(model):
    from bedstone.generation.chain import parse
    from bedstone.generation.generate import Drawing
    from bedstone.model.hugging_face import load

    encoder = Encoder.load(model.path)
    drawing = Drawing(
        parse("temperature=1"), samples=50, max_tokens=200, stop_ids=frozenset({0}), seed=0
    )
    (found,) = complete(load(model.path), encoder, ["7"], drawing, threads=1)
    ended = [each for each in found if each.completion.finish_reason == "stop"]
    assert ended
    for each in found:
        assert "<|endoftext|>" not in each.text
        assert each.holds == holds(each.text, ended=each in ended)
