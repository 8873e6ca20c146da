"""The report's sections about the model: its size, its loss, the time it took."""

import numpy as np
import pyarrow.parquet as pq

from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Bar, Dot, Step
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table, tabled
from bedstone.reporting.wording import (
    TOO_FEW,
    count,
    duration,
    language_labels,
    most_spoken,
    percent,
    short,
)
from bedstone.store.artifact import Artifact
from bedstone.store.decisions import FILE
from bedstone.store.payload import read_json
from bedstone.uncertainty.intervals import MIN_DOCUMENTS

CURVE_POINTS = 300
TABLE_POINTS = 25
SMOOTHED_SHARE = 0.04
"""Of the run, that the smooth line averages over."""
LEAST_SECONDS = 0.5
MODELS = {
    "adopt": "base",
    "pretrain.train": "base",
    "posttrain.sft": "before",
    "posttrain.prefer": "made",
}
"""Stage of a model -> the kind that its colour stands for, in the order of training."""
TAGS = {"base": "base", "before": "SFT", "made": "DPO"}
NAMES = {"base": "base model", "before": "fine-tuned (SFT)", "made": "aligned (DPO)"}


def measured_on(family: Family, stage: str, role: str = "model") -> list[tuple[str, Artifact]]:
    """What ``stage`` made of each model, with the model's kind, in the order of training.

    Args:
        family: where models and measurements are looked for.
        stage: that measured.
        role: of the model in it.
    """
    models = [(it, family.parent(it, role)) for it in family.all(stage)]
    found = [(MODELS[model.manifest.stage], it) for it, model in models if model]
    return sorted(found, key=lambda it: list(NAMES).index(it[0]))


def size(family: Family) -> Section | None:
    """The shape and the tokens: of the run, and as the plan chose them."""
    planned, base = family.find("scaling.plan"), family.find("pretrain.train")
    if planned is None:
        return None
    plan = read_json(planned, FILE)
    sentences = tuple(f"{sentence[0].upper()}{sentence[1:]}." for sentence in plan["sentences"])
    is_given = plan["limit"] == "given"
    settings = "The size is a setting" if is_given else "Tokens a parameter and passes are settings"
    speed = f"; the speed is {plan['speed_source']}" if plan["speed_source"] else ""
    said = ("The plan said, before the run:", *sentences) if base else sentences
    return Section(
        name="size",
        question="How large, how long?",
        answer=f"{_size(planned)}: {'as asked' if is_given else plan['limit'] + ' is the limit'}"
        if is_as_planned(family)
        else f"{_size(base or planned)}, where the plan asked for {_size(planned)}",
        text=said,
        method=f"{settings}{speed}.",
        measured_by=(planned, base),
    )


def is_as_planned(family: Family) -> bool:
    """Whether the run, if there is one, is of the plan's size, to the digits that are shown."""
    planned, base = family.find("scaling.plan"), family.find("pretrain.train")
    return not (planned and base) or _size(planned) == _size(base)


def _size(artifact: Artifact) -> str:
    metrics = artifact.manifest.metrics
    parameters, tokens = short(metrics["parameters_total"]), short(metrics["train_tokens"])
    return f"{parameters} parameters on {tokens} tokens"


def training(family: Family) -> Section | None:
    """The loss of the base model's run."""
    base = family.find("pretrain.train")
    if base is None:
        return None
    run = pq.read_table(base.file("loss.parquet"), columns=["train_tokens", "loss_nats"])
    rows = smoothed(run["train_tokens"].to_numpy(), run["loss_nats"].to_numpy())
    start, end = rows[0].y, rows[-1].mean
    room = 1.08  # for the last value, beside the line
    axes = Axis("training tokens", low=0, high=room * rows[-1].x), Axis("nats a token")
    chart = charts.curve(rows, *axes, f"A line from {start:.2f} to {end:.2f} nats a token.")
    cells = tuple(
        (count(it.x), f"{it.y:.3f}", f"{it.mean:.3f}")
        for it in rows[:: len(rows) // TABLE_POINTS + 1]
    )
    head = ("training tokens", "this batch, nats a token", "smoothed")
    table = Table("Loss on the training batches", head, cells, 0)
    return Section(
        name="training",
        question="Did it learn?",
        answer=f"The loss {'fell' if end < start else 'rose'} from {start:.2f} to {end:.2f} nats "
        f"a token in {short(rows[-1].x)} tokens",
        figures=(Figure("Training loss over tokens", chart, table),),
        method="One run, one seed. A point is a batch before its step; the line is the mean "
        f"over {percent(SMOOTHED_SHARE)} of the run.",
        measured_by=(base,),
    )


def experts(family: Family) -> Section | None:
    """How evenly a base model's experts are used."""
    base = family.find("pretrain.train")
    dropped = base.manifest.metrics.get("expert_dropped_tokens") if base else None
    if base is None or dropped is None:
        return None
    rows = pq.read_table(base.file("experts.parquet")).to_pylist()
    n_experts = 1 + max(row["expert"] for row in rows)
    first, last = (end(row["from_step"] for row in rows) for end in (min, max))
    shares: dict[int, dict[int, list[float]]] = {first: {}, last: {}}
    for row in rows:
        if row["from_step"] in shares:
            shares[row["from_step"]].setdefault(row["layer"], []).append(row["share"] * n_experts)
    bars = [
        Bar(f"layer {layer}", max(ratios), f"{max(ratios):.2f} ×", "base")
        for layer, ratios in shares[last].items()
    ]
    cells = tuple(
        (str(layer), f"{max(shares[first][layer]):.2f}", f"{max(ratios):.2f}", f"{min(ratios):.2f}")
        for layer, ratios in shares[last].items()
    )
    head = ("layer", "busiest at first", "busiest at the end", "least used at the end")
    busiest = max(bar.value for bar in bars)
    return Section(
        name="experts",
        question="Are all experts used?",
        answer=f"The busiest of {n_experts} experts gets {busiest:.2f} times the mean",
        figures=(
            Figure(
                "Tokens of each layer's busiest expert, in times the mean",
                charts.bars(bars, f"Bars for {len(bars)} layers."),
                Table("Tokens of an expert, in times the mean", head, cells),
            ),
        ),
        method="Counted in the last steps of the run, at first in as many; "
        f"{count(dropped)} tokens were dropped.",
        measured_by=(base,),
    )


def smoothed(tokens: np.ndarray, loss: np.ndarray) -> list[Step]:
    """Some steps of a run, each with the mean of the losses around it, fewer at the ends."""
    half = max(1, round(SMOOTHED_SHARE * len(loss))) // 2
    taken = np.unique(np.linspace(0, len(loss) - 1, CURVE_POINTS).astype(int))
    means = [loss[max(0, i - half) : i + half + 1].mean() for i in taken]
    return [
        Step(int(tokens[i]), round(float(loss[i]), 4), round(float(mean), 4))
        for i, mean in zip(taken, means, strict=True)
    ]


def held_out(family: Family) -> Section | None:
    """Bits on text that no model was trained on, by language and model."""
    measured = measured_on(family, "evaluation.bits")
    tables = {kind: _rows_of(bits) for kind, bits in measured}
    if not measured or not (rows := tables[measured[-1][0]]):
        return None
    names = language_labels(list(rows))
    compared, parallel = _parallel_of(tables)
    spoken = most_spoken(list(parallel))
    worst = next((key for key in parallel if key in spoken), None)
    answer = (
        f"{names[worst]} takes {parallel[worst]['parallel_bits_ratio']:.1f} times the bits of "
        "English for the same content"
        if worst
        else f"{measured[-1][1].manifest.metrics['held_out_bits_per_byte']:.2f} bits a byte on "
        f"held-out documents of {count(len(rows))} languages"
    )
    return Section(
        name="held-out",
        question="How good, in each language?",
        answer=answer,
        figures=(
            _bits_figure(tables, names),
            *([_parallel_figure(compared, parallel, names)] if parallel else []),
        ),
        method="The beginnings of documents that were held out of training, the same bytes under "
        "every model. Bits a byte compare models of one language; languages are compared on "
        "the beginnings of parallel text, whose content is about the same. Intervals of 95 % are "
        f"over documents, {MIN_DOCUMENTS} at least.",
        measured_by=tuple(bits for _, bits in measured),
    )


def _parallel_of(tables: dict[str, dict[str, Row]]) -> tuple[str, dict[str, Row]]:
    """The last model that was measured on parallel text; its languages, the dearest first."""
    name = "parallel_bits_ratio"
    for kind in reversed(tables):
        if found := [row for row in tables[kind].values() if row[name] is not None]:
            found.sort(key=lambda row: -row[name])
            return kind, {row["language"]: row for row in found}
    return "", {}


def _bits_figure(tables: dict[str, dict[str, Row]], names: dict[str, str]) -> Figure:
    spoken = most_spoken(list(names))
    name = "bits_per_byte"
    dots = [
        Dot(names[key], kind, rows[key][name], rows[key][f"{name}_low"], rows[key][f"{name}_high"])
        for key in names
        if key in spoken
        for kind, rows in tables.items()
    ]
    cells = tuple(
        (names[key], *(_with_interval(rows[key], name) for rows in tables.values()))
        for key in names
    )
    head = ("language", *(f"{NAMES[kind]}, bits a byte" for kind in tables))
    told = f"Dots with intervals for {len(spoken)} languages, the best predicted first."
    return Figure(
        "Bits a byte on held-out documents, lower is better",
        charts.dots(dots, Axis("bits a byte"), told, [(kind, NAMES[kind]) for kind in tables]),
        Table("Held-out documents by language", head, cells),
    )


def _with_interval(row: Row, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    known = f"{low:.2f}–{high:.2f}" if low is not None else TOO_FEW
    return f"{row[name]:.2f} ({known})"


def _parallel_figure(kind: str, rows: dict[str, Row], names: dict[str, str]) -> Figure:
    spoken = most_spoken(list(rows))
    name = "parallel_bits_ratio"
    bars = [
        Bar(names[it], rows[it][name], f"{rows[it][name]:.2f} ×", kind)
        for it in rows
        if it in spoken
    ]
    columns = {
        "language": lambda it: names[it["language"]],
        "times English": lambda it: f"{it[name]:.2f}",
        "bits": lambda it: count(it["parallel_bits"]),
    }
    return Figure(
        f"Bits for the same content, in times English: {NAMES[kind]}",
        charts.bars(bars, "Bars, the language that takes most bits first."),
        tabled("Bits for the same content", rows.values(), columns),
    )


def _rows_of(bits: Artifact) -> dict[str, Row]:
    """By language, the best predicted first."""
    rows: list[Row] = pq.read_table(bits.file("languages.parquet")).to_pylist()
    return {row["language"]: row for row in sorted(rows, key=lambda row: row["bits_per_byte"])}


def time_spent(family: Family) -> Section:
    """Where the time went."""
    spent = sorted(family.members, key=lambda it: it.manifest.seconds, reverse=True)
    shown = [it for it in spent if it.manifest.seconds >= LEAST_SECONDS] or spent[:1]
    names = [_told_apart(family, it) for it in shown]
    bars = [
        Bar(name, it.manifest.seconds, duration(it.manifest.seconds))
        for name, it in zip(names, shown, strict=True)
    ]
    cells = tuple(
        (
            name,
            it.manifest.machine.processor,
            f"{it.manifest.seconds:.1f}",
            count(it.manifest.workers),
            count(it.manifest.machine.cores),
        )
        for name, it in zip(names, shown, strict=True)
    )
    head = ("stage", "processor", "seconds", "workers", "cores")
    first, total = shown[0].manifest, sum(it.manifest.seconds for it in spent)
    chart = charts.bars(bars, f"Bars for {len(bars)} stages, the longest first.")
    table = Table("Time and place of each stage", head, cells, 2)
    return Section(
        name="cost",
        question="At what cost?",
        answer=f"{duration(total)} on {first.machine.cores} cores, "
        f"{percent(first.seconds / total)} of it in {names[0]}",
        figures=(Figure("Time of each stage", chart, table),),
        method="The wall time of the build that finished each artifact, those built before and "
        f"reused included. Stages below {duration(LEAST_SECONDS)} are not drawn.",
        measured_by=tuple(shown[:3]),
    )


def _told_apart(family: Family, artifact: Artifact) -> str:
    """The stage, with the model that it is about where it occurs with several."""
    stage = artifact.manifest.stage
    role = next((it for it in ("model", "after") if it in artifact.manifest.parents), None)
    if role is None:
        return stage
    kinds = {it.manifest.request: kind for kind, it in measured_on(family, stage, role)}
    return f"{stage}, {TAGS[kinds[artifact.manifest.request]]}" if len(kinds) > 1 else stage
