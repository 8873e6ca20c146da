"""The report's sections about behaviour: what post-training did; and what to change next."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import pyarrow.parquet as pq

from bedstone.posttrain.checker import MIN_CHARACTERS, TASK
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Point
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Sample, Section, Table
from bedstone.reporting.sections.model import NAMES, measured_on
from bedstone.reporting.sections.rules import NO_RULES, drops
from bedstone.reporting.sections.strategies import OWN, compared
from bedstone.reporting.sections.tokens import dearest
from bedstone.reporting.wording import TOO_FEW, count, interval, percent, points, short, verdict
from bedstone.sampling.choosing.comparison import Row
from bedstone.store.artifact import Artifact
from bedstone.store.decisions import FILE
from bedstone.store.payload import read_json
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, Estimate, bootstrap_ratio

BABBLE = (
    "A model of this size writes babble: read the texts for their form alone. They are of the "
    "first prompts, not of the best. Only what is measured is claimed."
)
PROPERTY = (
    "What is measured: the completion ends by itself within its length, ends as a sentence does, "
    f"and has {MIN_CHARACTERS} characters at least. "
    "Code judges it from the text, so it is exact; it says nothing of what the sentence says."
)
SHOWN_PROMPTS = 3
RATE = Axis("completions with the property", percent, low=0)


def fine_tuning(family: Family) -> Section | None:
    """What fine-tuning did to the answers."""
    change = _changes(family).get("before")
    return None if change is None else _changed(family, "before", change, "Fine-tuning")


def alignment(family: Family) -> Section | None:
    """Whether the preferences helped, what that cost, and what would have helped without."""
    change = _changes(family).get("made")
    if change is None:
        return None
    section, it = _changed(family, "made", change, "Alignment"), change.manifest.metrics
    before = [each for each in compared(family) if each[0] == "before" and each[2]["task"] == TASK]
    best = [each for *_, told in before for each in _best_of(map(Row.read, told["strategies"]))]
    return replace(
        section,
        text=(*section.text, *_best_of_as_good(it["property_after_share"], best)),
        figures=(_frontier(it, best),),
        method=f"{section.method} Best of N takes an answer with the property if there is one, on "
        "the prompts that compare strategies below, and stands at the upper bound of its KL, "
        "log N - (N - 1) / N.",
        measured_by=(change, *(artifact for _, artifact, _ in before)),
    )


def _changes(family: Family) -> dict[str, Artifact]:
    """By the kind of the model after."""
    return dict(measured_on(family, "evaluation.change", "after"))


def _changed(family: Family, kind: str, change: Artifact, what: str) -> Section:
    """What a change to the model of a kind is told as, made by ``what``."""
    it = change.manifest.metrics
    low, high = it["property_change_share_low"], it["property_change_share_high"]
    answers = pq.read_table(change.file("held_out.parquet")).slice(0, SHOWN_PROMPTS).to_pylist()
    return Section(
        name=what.lower(),
        question=f"Did {what.lower()} help?",
        answer=f"{what} {verdict(low, high)}: {percent(it['property_before_share'])} of the "
        f"answers ended as a sentence before, {percent(it['property_after_share'])} after",
        text=(
            PROPERTY,
            f"The change is {points(it['property_change_share'])} points, between {points(low)} "
            f"and {points(high)} with 95 % confidence, on "
            f"{count(it['property_after_share_n'])} prompts of "
            f"{count(it['property_change_share_n'])} documents that no fine-tuning saw.",
        ),
        tables=(_others(family, kind, it),),
        samples=tuple(
            Sample(row["prompt"], (("before", row["before"]), ("after", row["after"])))
            for row in answers
        ),
        note=BABBLE,
        method="Both models answer each prompt once with the same random numbers. The interval of "
        "a change is a bootstrap over documents, that of a rate Wilson's over prompts. KL is "
        "measured on the answers of the model after.",
        measured_by=(change,),
    )


class BestOf(NamedTuple):
    """The best of N of a model's own completions, by a perfect judge."""

    name: str
    row: Row
    kl_nats: float
    """Of the sequences, from the model's own: a bound that it does not exceed."""


def _best_of(rows: Iterable[Row]) -> Iterator[BestOf]:
    """For each N that was compared.

    Source of the KL's bound: Beirami et al. 2024, arXiv:2401.01879.
    """
    for row in rows:
        it = row.strategy
        if (it.chain, it.selector, it.stop) == (OWN, "checked", "all"):
            kl_nats = math.log(it.samples) - (it.samples - 1) / it.samples
            yield BestOf(f"best of {it.samples}", row, kl_nats)


def _best_of_as_good(rate: float, best: Sequence[BestOf]) -> tuple[str, ...]:
    """What reaches the aligned model's rate without any training."""
    for it in best:
        if it.row.accuracy.value >= rate:
            return (
                f"Without it, {it.name} of the model before reaches "
                f"{percent(it.row.accuracy.value)}, at {it.row.cost.tokens:.0f} tokens a prompt, "
                f"the prompt's included, and a KL of no more than {it.kl_nats:.2f} nats.",
            )
    return ()


def _frontier(metrics: Mapping[str, float], best: Sequence[BestOf]) -> Figure:
    rates = {when: Estimate.read(metrics, f"property_{when}_share") for when in ("before", "after")}
    rows = [
        _point(0, rates["before"], "before", NAMES["before"]),
        _point(metrics["kl_nats"], rates["after"], "made", NAMES["made"]),
        *(_point(it.kl_nats, it.row.accuracy, "best of N", it.name) for it in best),
    ]
    cells = tuple(
        (it.label, f"{it.x:.2f}", percent(it.y), interval(it.low, it.high)) for it in rows
    )
    told = "; ".join(f"{it.label}: {percent(it.y)} at {it.x:.2f} nats" for it in rows)
    return Figure(
        "What is gained against how far the model moved",
        charts.plane(rows, Axis("KL from the model before, nats a completion"), RATE, told),
        Table("Property rate and KL", ("model", "KL, nats", "rate", "95 %"), cells),
    )


def _point(x: float, rate: Estimate, kind: str, label: str) -> Point:
    return Point(x, rate.value, rate.low, rate.high, kind, label)


def _others(family: Family, kind: str, it: Mapping[str, float]) -> Table:
    """What else the metrics of a change to a model of this kind say."""
    change = [it[f"held_out_loss_change_nats{end}"] for end in ("", "_low", "_high")]
    rows = [
        (
            "loss on completions of real pages, nats a token",
            f"{it['held_out_loss_before_nats']:.3f}",
            f"{it['held_out_loss_after_nats']:.3f}",
            "{:+.3f} ({:+.3f} to {:+.3f})".format(*change),
        ),
        (
            "answers in the script of the real page",
            percent(it["same_script_before_share"]),
            percent(it["same_script_after_share"]),
            f"{points(it['same_script_after_share'] - it['same_script_before_share'])} points",
        ),
        (
            "length of an answer, tokens",
            short(it["answer_before_mean_tokens"]),
            short(it["answer_after_mean_tokens"]),
            f"{it['answer_after_mean_tokens'] - it['answer_before_mean_tokens']:+.1f}",
        ),
        (
            "KL from the model before, nats a completion",
            "0",
            f"{it['kl_nats']:.2f}",
            f"({it['kl_nats_low']:.2f} to {it['kl_nats_high']:.2f})",
        ),
    ]
    bits = dict(measured_on(family, "evaluation.bits"))
    if "base" in bits and kind in bits:
        rows += _bits_change(bits["base"], bits[kind])
    head = ("measured", "before", "after", "change (95 %)")
    return Table("What else changed", head, tuple(rows))


def _bits_change(base: Artifact, made: Artifact) -> list[tuple[str, str, str, str]]:
    """The row about the documents that were measured under both models; none without any."""
    early, late = _bits_of(base), _bits_of(made)
    both = sorted(early.keys() & late.keys())
    if not both:
        return []
    sizes = [size for _, size in both]
    change = bootstrap_ratio([late[it] - early[it] for it in both], sizes, seed=0)
    known = f"{change.low:+.3f} to {change.high:+.3f}" if change.n >= MIN_DOCUMENTS else TOO_FEW
    before, after = (sum(bits[it] for it in both) / sum(sizes) for bits in (early, late))
    name = "held-out documents, bits a byte, from the base model"
    return [(name, f"{before:.3f}", f"{after:.3f}", f"{change.value:+.3f} ({known})")]


def _bits_of(measured: Artifact) -> dict[tuple[str, int], float]:
    """Of those that are wanted: by id, and by bytes, as more of one may have been measured."""
    rows = pq.read_table(measured.file("documents.parquet")).to_pylist()
    return {(it["id"], it["bytes"]): it["bits"] for it in rows if it["group"] != "dropped"}


def levers(family: Family) -> Section | None:
    """The decision of each part that is worth another look, and where it is set."""
    rows: list[tuple[str, str, str]] = []
    if planned := family.find("scaling.plan"):
        plan = read_json(planned, FILE)
        rows.append(("how large, how long", plan["sentences"][-1], "scaling.plan: minutes"))
    if filtered := family.find("corpus.filter"):
        found = [(it.alone, it.rule) for it in drops(filtered) if it.rule not in NO_RULES]
        alone, rule = max(found, default=(0, ""))
        back = f"without {rule}, {count(alone)} documents would come back"
        rows += [("which documents", back, "corpus.filter: without, ranges")] if alone else []
    if dear := dearest(family):
        paid = f"{dear[0]} pays {dear[1]:.1f} times what English pays"
        rows.append(("which tokens", paid, "tokenizer.train: vocab_size"))
    if change := _changes(family).get("made"):
        it = change.manifest.metrics
        won = f"{points(it['property_change_share'])} points for {it['kl_nats']:.2f} nats of KL"
        rows.append(("which behaviour", won, "posttrain.prefer: beta, epochs"))
    if not rows:
        return None
    return Section(
        name="levers",
        question="What to change?",
        answer=f"{rows[0][1][0].upper()}{rows[0][1][1:]}",
        tables=(Table("A lever of each part", ("decision", "measured", "set by"), tuple(rows), 3),),
        text=(
            "Change one, run again: what is untouched is not built again, and bedstone diff "
            "tells what the change did.",
        ),
    )
