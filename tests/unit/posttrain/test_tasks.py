import pyarrow.parquet as pq
import pytest

from bedstone.errors import ConfigError
from bedstone.posttrain.prompts import read_pairs
from bedstone.posttrain.tasks import TasksConfig, run
from bedstone.tasks.catalogue import named
from bedstone.tokenizer.stored.kept import read_kept

TASKS = ("sums", "factoring", "reversing")
CONFIG = TasksConfig(tasks=TASKS, problems=120, held_out_share=0.2)


@pytest.fixture
def made(job, tokenizer):
    """What the stage writes, in the place of an artifact of one shard."""

    def build(config, name="problems"):
        folder = job(name)
        metrics = run(config, folder).metrics
        shard = type(tokenizer)(folder.folder)
        return type(tokenizer)(folder.folder, (shard,)), metrics

    return build


def rows_of(artifact):
    return pq.read_table(artifact.file("problems.parquet")).to_pylist()


def test_each_solution_is_right_and_follows_one_of_its_problems_wordings(made):
    rows = rows_of(made(CONFIG)[0])
    assert len(rows) == len(TASKS) * CONFIG.problems
    problems = {
        problem.id: (named(name), problem)
        for name in TASKS
        for problem in named(name).problems(CONFIG.problems, CONFIG.seed, "train")
    }
    wordings = set()
    for row in rows:
        task, problem = problems[row["id"]]
        wordings.add((task.name, problem.prompts.index(row["prompt"])))
        answer = task.extract(problem, row["completion"])
        assert answer is not None
        assert task.check(problem, answer)
    assert wordings == {
        (task.name, n) for task, p in problems.values() for n in range(len(p.prompts))
    }


def test_no_problem_of_the_test_half_is_written(made):
    prompts = {row["prompt"] for row in rows_of(made(CONFIG)[0])}
    for name in TASKS:
        asked = named(name).problems(300, CONFIG.seed, "test")
        assert not prompts & {prompt for problem in asked for prompt in problem.prompts}


def test_the_table_is_documents_and_pairs_at_once(made):
    artifact, metrics = made(CONFIG)
    (shard,) = artifact.shards
    learnt = read_kept(shard, shard, shard, held_out=shard).to_pylist()
    rows = rows_of(artifact)
    assert [each["text"] for each in learnt] == [
        f"{row['prompt']}\n{row['completion']}" for row in rows if row["split"] == "train"
    ]
    assert {each["language"] for each in learnt} == {"eng_Latn"}
    train, held_out = read_pairs(artifact)
    assert len(train) == metrics["train_pairs"]
    assert 0 < len(held_out) <= metrics["held_out_pairs"]
    assert metrics["train_pairs"] + metrics["held_out_pairs"] == len(rows)


def test_the_seed_decides_the_problems(made):
    first, _ = made(CONFIG, "first")
    again, _ = made(CONFIG, "again")
    other, _ = made(CONFIG.model_copy(update={"seed": 1}), "other")
    assert rows_of(first) == rows_of(again)
    assert {row["prompt"] for row in rows_of(first)} != {row["prompt"] for row in rows_of(other)}


def test_a_task_that_nobody_knows_is_an_error_of_the_config():
    with pytest.raises(ConfigError, match="backwards"):
        TasksConfig(tasks=("sums", "backwards"))
