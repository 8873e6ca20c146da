"""Stage posttrain.tasks: write problems with worked solutions, to train a small model on.

Reads   nothing: ``tasks.catalogue`` makes them
Writes  ``problems.parquet``: ``id``, ``language``, ``keep``, ``text`` (the prompt, a line feed, the
        solution), ``prompt``, ``completion`` (the solution), ``split`` (``train`` or ``held_out``)

One table plays every role of a corpus: it is ``documents``, ``language``, ``kept`` and
``held_out`` to a tokeniser and a base model, and ``pairs`` to post-training: what is held out, none
of them trains on.
All problems are of the tasks' training half: none is ever asked when strategies are compared.
A problem is asked in one of its wordings, in turn, and is solved as it is worked: where steps may
be taken in several orders, each problem shows one.
"""

from typing import Annotated

import pyarrow as pa
from pydantic import AfterValidator, Field

from bedstone.config import Config
from bedstone.languages import join, known
from bedstone.lots import is_held_out
from bedstone.store import tables
from bedstone.store.stage import Job, Result, Stage
from bedstone.tasks.catalogue import Problem, named


def _known(name: str) -> str:
    named(name)
    return name


class TasksConfig(Config):
    """Which problems, and how many."""

    tasks: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(
        default=("sums", "factoring", "reversing"), min_length=1
    )
    """As ``tasks.catalogue`` names them, perhaps with a difficulty."""
    problems: int = Field(default=20_000, ge=1, le=10**7)
    """Of each task; of a task that has fewer, some come again."""
    held_out_share: float = Field(default=0.05, ge=0, le=1)
    seed: int = Field(default=0, ge=0)


def run(config: TasksConfig, job: Job) -> Result:
    """Write the problems of all tasks, task by task."""
    rows = []
    with job.progress.task("problems", len(config.tasks) * config.problems) as progress:
        for name in config.tasks:
            problems = named(name).problems(config.problems, config.seed, "train")
            rows += [
                _row(problem, number, config.held_out_share)
                for number, problem in enumerate(problems)
            ]
            progress.advance(len(problems))
    tables.write(job, "problems.parquet", pa.Table.from_pylist(rows, _SCHEMA))
    held_out = sum(row["split"] == "held_out" for row in rows)
    texts = {row["text"] for row in rows}
    return Result(
        {
            "train_pairs": len(rows) - held_out,
            "held_out_pairs": held_out,
            "distinct_share": len(texts) / len(rows),
        }
    )


def _row(problem: Problem, number: int, held_out_share: float) -> dict[str, object]:
    prompt = problem.prompts[number % len(problem.prompts)]
    return {
        "id": problem.id,
        "language": join(problem.language, known()[problem.language].scripts[0]),
        "keep": True,
        "text": f"{prompt}\n{problem.worked}",
        "prompt": prompt,
        "completion": problem.worked,
        "split": "held_out" if is_held_out(problem.id, held_out_share) else "train",
    }


_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "language": pa.string(),
        "keep": pa.bool_(),
        "text": pa.large_string(),
        "prompt": pa.large_string(),
        "completion": pa.large_string(),
        "split": pa.string(),
    }
)

STAGE = Stage(
    "posttrain.tasks",
    version=1,
    config=TasksConfig,
    inputs=(),
    run=run,
    libraries=("pyarrow",),
)
