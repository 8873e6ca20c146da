"""Stored answers of a model that has learnt nothing."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.endpoints import Toy, serving, toy_answer
from tests.support.models import write_model

from bedstone.counting.shape import ModelConfig
from bedstone.errors import BedstoneError, ConfigError, DataError
from bedstone.generation import writer
from bedstone.generation.foresight import Known
from bedstone.generation.generate import BATCH_ROWS
from bedstone.sampling import answers
from bedstone.sampling.probe import STAGE, ProbeConfig
from bedstone.store import work
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.tasks import stored
from bedstone.tasks.catalogue import named
from bedstone.tasks.items import Item, write_items
from bedstone.tasks.questions import Json
from bedstone.tasks.stored import ANSWERS, rows_of
from bedstone.tasks.waits import timed
from bedstone.text.encoder import Encoder

pytestmark = pytest.mark.torch

TASK = "reversing:letters=2-3"
CONFIG = answers.AnswersConfig(
    task=TASK, problems=6, samples=4, max_tokens=6, chat=False, threads=1
)
JSON = {
    "task": "json",
    "problems": 4,
    "samples": 2,
    "max_tokens": 120,
    "chat": False,
    "threads": 1,
}


@pytest.fixture
def model(tmp_path, tokenizer, store):
    return adopt([write_model(tmp_path / "model", tokenizer)], store)


def made(store, config, **inputs):
    return build(answers.STAGE, config, inputs, store, Local(workers=7))


def test_workers_are_no_threads(store, model, monkeypatch):
    asked = []
    pool = stored.ThreadPoolExecutor
    monkeypatch.setattr(stored, "ThreadPoolExecutor", lambda n: asked.append(n) or pool(n))
    made(store, CONFIG.model_copy(update={"threads": 3}), model=model)
    assert asked == [3]


def test_threads_are_given_or_planned(store, model):
    with pytest.raises(ConfigError, match="threads: given neither by the config nor by a plan"):
        made(store, CONFIG.model_copy(update={"threads": None}), model=model)


def asked(**changes):
    return answers.AnswersConfig.model_validate(CONFIG.model_dump() | changes)


def rows(artifact):
    return rows_of(artifact).to_pylist()


def test_what_is_drawn_is_known_before(store, model, tokenizer):
    config = asked(problems=100, max_tokens=2)
    shape = ModelConfig(
        vocab_size=259, n_layers=1, d_model=8, n_heads=2, n_kv_heads=1, d_ff=8, seq_len=64
    )
    will = answers.foresee(config, Known({}, {}, {}, shape, Encoder.stored(tokenizer)))
    (draws,) = will.draws
    found = made(store, config, model=model)
    assert will.rows == found.manifest.metrics["problems"] == 100
    assert draws.at_once == len(found.manifest.files) == 4
    assert draws.batches * draws.prompts * draws.samples == len(rows(found))
    assert draws.tokens == 2  # the worked answers are longer


def test_each_sample_of_each_problem_is_a_row(store, model):
    found = made(store, CONFIG, model=model)
    problems = named(TASK).problems(6, 0, "test")
    table = rows_of(found)
    assert table.schema.equals(ANSWERS)
    assert table["problem"].to_pylist() == [each.id for each in problems for _ in range(4)]
    assert table["sample"].to_pylist() == [0, 1, 2, 3] * 6
    for row, problem in zip(table.to_pylist()[::4], problems, strict=True):
        assert row["prompt"] == problem.prompts[0]
        assert row["prompt_tokens"] == 1 + len(row["prompt"])  # of bytes, behind another's end
    for row in table.to_pylist():
        assert row["completion_tokens"] == len(row["token_ids"]) <= 6
        assert row["finish_reason"] == ("stop" if 0 in row["token_ids"] else "length")
        assert row["logprob"] < 0
        assert row["logprob"] == pytest.approx(row["sampling_logprob"], abs=1e-4)
    assert timed(found)["seconds"].null_count == len(table)
    metrics = found.manifest.metrics
    assert (metrics["problems"], metrics["completions"]) == (6, 24)
    assert metrics["completion_tokens"] == sum(table["completion_tokens"].to_pylist())
    cut_off = [row["finish_reason"] == "length" for row in table.to_pylist()]
    assert metrics["cut_off_share"] == sum(cut_off) / 24


def test_items_of_a_test_are_asked_in_words_or_by_letters(store, model, job):
    base = {"suite": "s", "language": "tel_Telu", "metric": "acc"}
    made_elsewhere = job("items")
    given = [
        Item(id="s/1", question="2+2?", answers=("4",), **base),
        Item(id="s/2", question="?", choices=("a", "b"), gold=1, **base),
    ]
    write_items(made_elsewhere, given)
    questions = adopt([made_elsewhere.folder], store)
    for task, asked_for in (("", ("s/1", "2+2?")), ("letters", ("s/2", "?\nA. a\nB. b\nA/B:"))):
        found = rows(made(store, asked(task=task), model=model, questions=questions))
        assert {(row["problem"], row["prompt"]) for row in found} == {asked_for}
        assert len(found) == 4
    with pytest.raises(ConfigError, match="the items of a test are no task 'json'"):
        made(store, asked(task="json"), model=model, questions=questions)


def test_a_user_s_turn_and_another_wording_are_other_prompts(store, model):
    problem = named(TASK).problems(1, 0, "test")[0]
    turn = rows_of(made(store, asked(problems=1, chat=True), model=model)).to_pylist()[0]
    assert turn["prompt_tokens"] == 2 + len(problem.prompts[0])
    # Of three wordings the fifth is the second.
    second = rows_of(made(store, asked(problems=1, paraphrase=4), model=model)).to_pylist()[0]
    assert second["prompt"] == problem.prompts[1]


def test_a_killed_build_goes_on_behind_its_last_part(store, model, monkeypatch):
    config = asked(problems=12, samples=BATCH_ROWS // 4)  # three parts of four problems
    prompts = []

    def generate(*given):
        prompts.append(len(given[1]))
        if len(prompts) == 2:
            raise BedstoneError("killed")
        return real(*given)

    real = writer.generate
    monkeypatch.setattr(writer, "generate", generate)
    with pytest.raises(BedstoneError, match="killed"):
        made(store, config, model=model)
    (unfinished,) = [each for each in work.locked(store) if each.name.startswith("sampling")]
    kept = {path.name: path.stat().st_mtime_ns for path in unfinished.glob("parts/*.parquet")}
    assert "000000.parquet" in kept
    prompts[:] = [0, 0]  # none fails any more
    found = made(store, config, model=model)
    assert prompts[2:] == [4] * (3 - len(kept))
    for name, at in kept.items():
        assert (found.path / "parts" / name).stat().st_mtime_ns == at
    monkeypatch.undo()
    again = made(store.with_name("other"), config, model=model)
    assert rows(found) == rows(again)


def test_a_prompt_that_is_too_long_is_refused_before_any_is_drawn(
    store, model, tmp_path, monkeypatch
):
    path = tmp_path / "own.jsonl"
    prompts = {"a": "Say a", "b": "Say b", "c": "Say c" * 200}
    lines = [{"id": id, "prompt": each, "answer": id} for id, each in prompts.items()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.setattr(writer, "generate", lambda *_: pytest.fail("it was drawn"))
    own = {"task": "", "samples": BATCH_ROWS}  # a part for each problem
    with pytest.raises(ConfigError, match="1001 tokens and 6 more are 1007"):
        made(store, asked(**own), model=model, questions=adopt([path], store))


@pytest.mark.parametrize(
    ("lies", "told", "others"),
    [
        ([], "logprob", ["sampling_logprob"]),
        (["of the chain"], "sampling_logprob", ["logprob"]),
        (["no logprobs"], "text", ["logprob", "sampling_logprob"]),
    ],
)
def test_log_probabilities_of_an_endpoint_are_stored_as_what_they_are(store, lies, told, others):
    with serving(toy_answer(Toy(lies))) as url:
        probe = build(STAGE, ProbeConfig(url=url, model="toy"), {}, store, Local())
        config = asked(problems=2, chain="temperature=0.5", chat=True)
        table = rows_of(made(store, config, probe=probe))
    assert table[told].null_count == 0
    assert all(table[each].null_count == len(table) for each in others)


def test_how_long_an_endpoint_takes_is_in_no_content(store):
    config = asked(problems=2, chain="temperature=0.5", chat=True, threads=1)
    found = []
    with serving(toy_answer(Toy())) as url:
        for place in (store / "one", store / "other"):
            probe = build(STAGE, ProbeConfig(url=url, model="toy"), {}, place, Local())
            found.append(made(place, config, probe=probe))
    one, other = found
    assert one.content == other.content
    assert "seconds" not in rows_of(one).column_names
    seconds = [timed(each)["seconds"].to_pylist() for each in found]
    assert all(0 < each < 60 for each in (*seconds[0], *seconds[1]))
    assert seconds[0] != seconds[1]


def test_blocks_are_what_a_single_draw_is(store, model):
    whole = rows(made(store, asked(samples=16), model=model))
    later = rows(made(store, asked(samples=8, first_sample=8), model=model))
    assert_alike(later, [row for row in whole if row["sample"] >= 8])
    some = rows(made(store, asked(samples=16, problems=2, first_problem=3), model=model))
    assert_alike(some, whole[3 * 16 : 5 * 16])


def assert_alike(some, others):
    """Equal but for the last bits of a log-probability, which are the batch's."""
    logprobs = ("logprob", "sampling_logprob")
    for one, other in zip(some, others, strict=True):
        told, expected = ([row[name] for name in logprobs] for row in (one, other))
        assert told == pytest.approx(expected, abs=1e-5)
        assert one | dict.fromkeys(logprobs) == other | dict.fromkeys(logprobs)


def test_threads_change_no_row(store, model):
    config = asked(problems=8, samples=BATCH_ROWS // 2)
    one = made(store, config, model=model)
    two = made(store, config.model_copy(update={"threads": 2}), model=model)
    assert len(list(one.path.glob("parts/*"))) == 4
    assert rows(one) == rows(two)


def test_a_model_is_loaded_once_for_all_blocks(store, model, monkeypatch):
    made(store, CONFIG, model=model)
    monkeypatch.setattr(writer.hugging_face, "load", None)
    made(store, asked(first_sample=4), model=model)


def test_a_seed_is_other_problems_and_draws(store, model):
    one, two = (rows(made(store, asked(seed=seed), model=model)) for seed in (0, 1))
    assert {row["problem"] for row in one} != {row["problem"] for row in two}


def test_other_ends_end_completions(store, model):
    found = made(store, asked(ends=range(3, 131), problems=2), model=model)
    for row in rows_of(found).to_pylist():
        ends = [3 <= token < 131 for token in row["token_ids"]]
        assert not any(ends[:-1])
        assert ends[-1] == (row["finish_reason"] == "stop")


def test_constrained_answers_are_held_to_the_schema(store, model):
    # Strings, lists and numbers are soon closed.
    chain = "logit_bias=" + ";".join(f"{3 + ord(mark)}:9" for mark in '",]}')
    config = answers.AnswersConfig(**JSON, chain=chain)
    problems = {each.id: each for each in Json().problems(4, 0, "test")}

    def found(config):
        return [
            Json().extract(problems[row["problem"]], row["text"])
            for row in rows_of(made(store, config, model=model)).to_pylist()
        ]

    assert found(config) == [None] * 8
    assert None not in found(config.model_copy(update={"constrained": True}))


def test_problems_of_a_file(store, model, tmp_path):
    path = tmp_path / "own.jsonl"
    lines = [{"id": each, "prompt": f"Say {each}", "answer": each} for each in "abc"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = rows(
        made(store, asked(task="", samples=2), model=model, questions=adopt([path], store))
    )
    assert sorted({row["problem"] for row in found}) == ["own/a", "own/b", "own/c"]
    assert {row["prompt"] for row in found} == {"Say a", "Say b", "Say c"}


@pytest.mark.parametrize(
    ("changes", "roles", "message"),
    [
        ({}, (), "a model or the probe of an endpoint is asked"),
        ({}, ("model", "probe"), "a model or the probe of an endpoint is asked"),
        ({}, ("model", "questions"), "a task has a name or a file"),
        ({"task": ""}, ("model",), "a task has a name or a file"),
        ({"task": "reversin"}, ("model",), "no task 'reversin'"),
        ({"constrained": True}, ("model",), "has no JSON schema"),
        ({"task": "json", "constrained": True}, ("probe",), "an endpoint's answers"),
        ({"max_tokens": 600}, ("model",), "the model has seen texts of 512"),
        ({"chain": "logit_bias=259:1"}, ("model",), "logit_bias names token 259"),
    ],
)
def test_what_cannot_be_asked_is_refused(store, model, changes, roles, message):
    with pytest.raises(ConfigError, match=message):
        made(store, asked(**changes), **dict.fromkeys(roles, model))


def test_a_file_without_problems_is_refused(store, model, tmp_path):
    (tmp_path / "own.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no problem"):
        made(
            store,
            asked(task=""),
            model=model,
            questions=adopt([tmp_path / "own.jsonl"], store),
        )


@pytest.mark.parametrize(
    ("problems", "samples", "size"),
    [(20, 8, 10), (16, 8, 16), (17, 8, 9), (200, 1, 100), (3, 500, 1), (1, 1, 1)],
)
def test_problems_are_shared_out_evenly_among_batches(problems, samples, size):
    assert answers.part_size(problems, samples) == size


def test_pairs_are_asked_by_their_split_and_what_does_not_fit_is_left_out(store, model, tmp_path):
    rows = [
        {
            "id": str(number),
            "language": "eng_Latn",
            "prompt": f"{number}" + "?" * (500 if number < 2 else 0),
            "completion": f"Page {number}.",
            "split": "train" if number % 2 else "held_out",
        }
        for number in range(12)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pairs.parquet")
    pairs = adopt([tmp_path / "pairs.parquet"], store)
    for split, numbers in (("train", {3, 5, 7, 9, 11}), ("test", {2, 4, 6, 8, 10})):
        config = asked(task="", chat=True, split=split, samples=1, problems=100, max_tokens=20)
        found = rows_of(made(store, config, model=model, questions=pairs)).to_pylist()
        assert {int(row["prompt"]) for row in found} == numbers
