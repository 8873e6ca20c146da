import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.errors import BedstoneError, DataError
from bedstone.generation.foresight import Foreseen, Known
from bedstone.lots import is_held_out
from bedstone.posttrain import judge, prefer
from bedstone.posttrain.judge import JudgeConfig, Judged, nearest, run

GOOD = "An answer that ends as it should."
BAD = "An answer that ends as"


def judged(length, *, good):
    return Judged(f"{length}", tuple(range(length)), good)


def answer(prompt, text, tokens, **changes):
    row = {"prompt": f"{prompt}", "text": text, "token_ids": list(range(tokens))}
    return row | {"finish_reason": "stop"} | changes


ANSWERS = [
    *(answer(2, GOOD, 9), answer(2, BAD, 20), answer(2, GOOD, 15)),
    *(answer(3, GOOD, 9), answer(3, GOOD, 8)),  # of one kind
    *(answer(4, GOOD, 9), answer(4, GOOD, 12, finish_reason="length")),
    *(answer(5, BAD, 30), answer(5, GOOD, 29)),
]


@pytest.fixture
def made(job, pairs, tmp_path, tokenizer):
    """The job of these answers."""

    def of(rows=ANSWERS):
        parts = tmp_path / "answers"
        parts.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), parts / "000000.parquet")
        return job("judge", answers=type(tokenizer)(parts), pairs=pairs)

    return of


def test_preferences_and_their_tokens_are_known_before():
    def known(**before):
        return Known({}, {}, before, None, None)

    answers = Foreseen(rows=50, row_tokens=20)
    config = JudgeConfig(max_pairs=40, held_out_share=0.25)
    preferences = judge.foresee(config, known(answers=answers))
    assert (preferences.rows, preferences.tokens) == (30, 0)
    will = prefer.foresee(prefer.PreferConfig(epochs=3), known(preferences=preferences))
    assert (will.read_tokens, will.trained_tokens) == (2 * 30 * 20, 3 * 2 * 30 * 20)


def test_the_pair_of_most_similar_length():
    good, bad = [judged(n, good=True) for n in (5, 9)], [judged(n, good=False) for n in (20, 12)]
    assert nearest([*good, *bad]) == (good[1], bad[1])


def test_answers_of_one_kind_make_no_pair():
    assert nearest([judged(5, good=True), judged(6, good=True)]) is None
    assert nearest([judged(5, good=False)]) is None


def test_what_has_the_property_is_chosen_the_most_similar_first(made):
    job = made()
    metrics = run(JudgeConfig(), job).metrics
    rows = pq.read_table(job.folder / "preferences.parquet").to_pylist()
    assert [row["prompt"] for row in rows] == ["5", "4", "2"]
    assert [(len(row["chosen_ids"]), len(row["rejected_ids"])) for row in rows] == [
        (29, 30),
        (9, 12),  # cut off
        (15, 20),
    ]
    assert (rows[0]["chosen"], rows[0]["rejected"]) == (GOOD, BAD)
    assert (rows[0]["id"], rows[0]["language"]) == ("5", "eng_Latn")
    assert (metrics["prompts"], metrics["completions"], metrics["pairs"]) == (4, 9, 3)
    assert metrics["property_share"] == pytest.approx((2 / 3 + 1 + 1 / 2 + 1 / 2) / 4)
    assert metrics["chosen_mean_tokens"] == pytest.approx(53 / 3)
    assert metrics["longer_chosen_share"] == 0
    few = made()
    run(JudgeConfig(max_pairs=2), few)
    assert pq.read_table(few.folder / "preferences.parquet").to_pylist() == rows[:2]


def test_documents_are_held_out_whole_by_lots_of_their_own(made):
    rows = [row for n in range(2, 40) for row in (answer(n, GOOD, 9), answer(n, BAD, 9))]
    job = made(rows)
    metrics = run(JudgeConfig(held_out_share=0.25), job).metrics
    found = pq.read_table(job.folder / "preferences.parquet").to_pylist()
    for row in found:
        assert (row["split"] == "held_out") == is_held_out(row["id"], 0.25, "preferences")
    held_out = sum(row["split"] == "held_out" for row in found)
    assert 2 < held_out == metrics["held_out_pairs"] < 20


def test_no_pair_is_an_error(made):
    with pytest.raises(BedstoneError, match="none of 2 prompts") as caught:
        run(JudgeConfig(), made([answer(2, BAD, 9), answer(3, GOOD, 9)]))
    assert "draw more answers" in caught.value.hint


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (answer(45, GOOD, 9), "'45' is no prompt to train on"),
        (answer(2, GOOD, 9, token_ids=None), "the endpoint did not tell"),
    ],
)
def test_answers_that_preferences_cannot_be_made_of(made, row, message):
    with pytest.raises(DataError, match=message):
        run(JudgeConfig(), made([*ANSWERS, row]))
