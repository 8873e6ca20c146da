"""Stage scaling.ladder: what small models of one recipe say of larger ones.

Reads   of each model ``model.RUN``, of pretrain.train, and ``bits.RUN``, of evaluation.bits: all of
        one mix, one tokeniser and one held-out text
Writes  ``law.json``. The law in the middle of those that the runs allow: ``E``, ``A``, ``alpha``,
        and ``B``, ``beta`` and no ``tokens_per_parameter`` where they tell tokens from parameters;
        else these are null, and the law is that of models of ``tokens_per_parameter``;
        ``intervals`` {name: [low, high]} (95 %). The runs: ``runs``
        [{``parameters_total``, ``train_tokens``, ``seed``, ``loss_nats``}], ``sizes``,
        ``seed_deviation_nats`` (null of one seed), ``parameters_range``, ``train_tokens_range``.
        The doubts: ``hold_out`` {``parameters``, ``train_tokens``, ``loss_nats``, ``predicted``,
        ``low``, ``high``}: the largest size by the others, null where these are too few;
        ``isoflop`` as scaling.fit has it; ``warnings``. ``mix``, ``tokenizer``, ``texts``:
        their digests
        ``draws.parquet``: E, A, B, alpha, beta and ``deviation``, a row a law that the runs allow

The loss is that of the held-out text, in nats a token, all documents together: training's own is
of few batches, and of text that each recipe weighs its own way. See ``laws.extrapolation``.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.errors import DataError
from bedstone.laws import isoflop
from bedstone.laws.assess import interval
from bedstone.laws.extrapolation import COLUMNS, SAME_RATIO, Extrapolation, extrapolated
from bedstone.laws.fitting import Runs
from bedstone.laws.known import DRAWS_FILE, LAW_FILE, SURFACE
from bedstone.laws.robust import Floats
from bedstone.scaling.score import held_out_nats
from bedstone.store.artifact import Artifact
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Metrics, Result, Stage

Row = dict[str, Any]
SAME = ("mix", "tokenizer", "texts")
"""Of what all models are made and on what they are measured, by role."""
ISOFLOP_RESAMPLES = 1_000


class LadderConfig(Config):
    """What is drawn."""

    seed: int = Field(0, ge=0)
    """Of the laws drawn."""


def run(config: LadderConfig, job: Job) -> Result:
    """Weigh the laws by the runs.

    Raises:
        DataError: the runs are not alike but in size, too few, or their losses do not fall.
    """
    rows, same = read(job)
    runs = runs_of(rows)
    found = extrapolated(runs, config.seed)
    both = found.middle[SURFACE.index("B")] > 0
    shown = SURFACE if both else ("E", "A", "alpha")
    draws = dict(zip(COLUMNS, found.draws.T, strict=True))
    budgets = isoflop.budgets(runs)
    ratios = runs.train_tokens / runs.parameters
    if not both and ratios.max() > SAME_RATIO * ratios.min():
        raise DataError(
            f"the runs have {ratios.min():.3g} to {ratios.max():.3g} tokens a parameter, too few "
            "of each size to tell parameters from tokens",
            hint="train each size on one number of tokens a parameter, or on several",
        )
    answer = {
        **dict.fromkeys(SURFACE),
        **{name: float(found.middle[SURFACE.index(name)]) for name in shown},
        "tokens_per_parameter": None if both else float(np.exp(np.log(ratios).mean())),
        "intervals": {name: interval(draws[name]) for name in shown},
        "runs": rows,
        "sizes": runs.different,
        "seed_deviation_nats": seed_deviation(rows),
        "parameters_range": _range(runs.parameters),
        "train_tokens_range": _range(runs.train_tokens),
        "hold_out": _hold_out(runs, config.seed),
        "isoflop": isoflop.profiles(runs, budgets, ISOFLOP_RESAMPLES, config.seed),
        **same,
    }
    answer["warnings"] = _warnings(answer)
    write_json(job, LAW_FILE, answer)
    with job.part(DRAWS_FILE) as path:
        pq.write_table(pa.table(draws), path)
    return Result(_metrics(answer))


def read(job: Job) -> tuple[list[Row], dict[str, str]]:
    """The runs, the smallest first, and the digests of what they have in common.

    Raises:
        DataError: a model has no bits or bits no model, or they have it not in common.
    """
    models, bits = job.many("model"), job.many("bits")
    if not models or set(models) != set(bits):
        raise DataError("each run needs both: give model.RUN and bits.RUN")
    rows, common = [], dict[str, set[str]]()
    for name, shard in models.items():
        model, scored = (Artifact(each.location).manifest for each in (shard, bits[name]))
        if scored.parents["model"].content != model.content:
            raise DataError(f"bits.{name} are of another model than model.{name}")
        for role in SAME:
            parent = (scored if role == "texts" else model).parents[role]
            common.setdefault(role, set()).add(parent.content)
        sizes = {key: int(model.metrics[key]) for key in ("parameters_total", "train_tokens")}
        seed = int(model.config["init_seed"])
        rows.append({**sizes, "seed": seed, "loss_nats": held_out_nats(scored.metrics)})
    for role, found in common.items():
        if len(found) > 1:
            raise DataError(f"the runs have {len(found)} different {role}: losses of one compare")
    rows.sort(key=lambda row: (row["parameters_total"], row["train_tokens"], row["seed"]))
    return rows, {role: found.pop() for role, found in common.items()}


def runs_of(rows: Sequence[Row]) -> Runs:
    """As fits take them."""
    names = ("parameters_total", "train_tokens", "loss_nats")
    return Runs(*(np.array([row[name] for row in rows], np.float64) for name in names))


def seed_deviation(rows: Sequence[Row]) -> float | None:
    """Of a run's loss over seeds, in nats, pooled over sizes; None of one seed each."""
    by_size: dict[tuple[int, int], list[float]] = {}
    for row in rows:
        size = row["parameters_total"], row["train_tokens"]
        by_size.setdefault(size, []).append(row["loss_nats"])
    free = len(rows) - len(by_size)
    squares = sum(len(each) * float(np.var(each)) for each in by_size.values())
    return math.sqrt(squares / free) if free else None


def _hold_out(runs: Runs, seed: int) -> Row | None:
    """The runs of the largest size on most tokens, by all smaller ones."""
    largest = runs.parameters == runs.parameters.max()
    try:
        found = extrapolated(runs.take(np.flatnonzero(~largest)), seed)
    except DataError:
        return None
    sizes = float(runs.parameters.max()), float(runs.train_tokens[largest].max())
    measured = runs.loss_nats[largest & (runs.train_tokens == sizes[1])]
    return {
        "parameters": sizes[0],
        "train_tokens": sizes[1],
        "loss_nats": float(measured.mean()),
        **predicted(found, *sizes, seed),
    }


def predicted(found: Extrapolation, parameters: float, train_tokens: float, seed: int) -> Row:
    """The median of a new run, and its interval of 95 %."""
    losses = found.run(parameters, train_tokens, seed)
    low, high = interval(losses)
    return {"predicted": float(np.median(losses)), "low": low, "high": high}


def _range(values: Floats) -> list[float]:
    return [float(values.min()), float(values.max())]


def _warnings(answer: Row) -> list[str]:
    found = []
    if answer["tokens_per_parameter"]:
        found.append(
            f"the runs have {answer['tokens_per_parameter']:.3g} tokens a parameter: they cannot "
            "tell parameters from tokens, and say nothing of models of another number"
        )
    if answer["seed_deviation_nats"] is None:
        found.append(
            "one seed each: what differs by luck is not told from what the law misses, and the "
            "interval is the wider"
        )
    held = answer["hold_out"]
    if held and not held["low"] <= held["loss_nats"] <= held["high"]:
        found.append(
            f"the largest size, {held['loss_nats']:.3f} nats, lies outside what the others say of "
            f"it, {held['low']:.3f} to {held['high']:.3f}: the law may be of another form"
        )
    return found + (answer["isoflop"]["warnings"] if answer["isoflop"] else [])


def _metrics(answer: Row) -> Metrics:
    names = {"E": "E_nats"} | {name: name for name in SURFACE[1:]}
    metrics: Metrics = {"runs": len(answer["runs"]), "sizes": answer["sizes"]}
    metrics |= {shown: answer[name] for name, shown in names.items() if answer[name] is not None}
    if (deviation := answer["seed_deviation_nats"]) is not None:
        metrics["seed_deviation_nats"] = deviation
    return metrics


STAGE = Stage(
    "scaling.ladder",
    version=1,
    config=LadderConfig,
    inputs=(),
    many=("bits", "model"),
    run=run,
    libraries=("numpy", "pyarrow"),
    reproducible="request",  # the last digits of exponentials are another processor's own
)
