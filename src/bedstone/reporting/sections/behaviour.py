"""The report's sections about behaviour: alignment, sampling; and what to change next."""

from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from bedstone.posttrain.checker import MIN_CHARACTERS
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Point
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Sample, Section, Table, tabled
from bedstone.reporting.sections.model import NAMES, measured_on
from bedstone.reporting.sections.rules import NO_RULES, drops
from bedstone.reporting.sections.tokens import dearest
from bedstone.reporting.wording import TOO_FEW, count, interval, percent, points, short, verdict
from bedstone.store.artifact import Artifact
from bedstone.store.decisions import FILE
from bedstone.store.payload import read_json
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, bootstrap_ratio

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


def alignment(family: Family) -> Section | None:
    """Whether the preferences helped, and what they cost."""
    aligned = family.find("posttrain.prefer")
    if aligned is None:
        return None
    it = aligned.manifest.metrics
    low, high = it["property_change_share_low"], it["property_change_share_high"]
    drawn = dict(measured_on(family, "sampling.strategies")).get("before")
    answers = pq.read_table(aligned.file("held_out.parquet")).slice(0, SHOWN_PROMPTS).to_pylist()
    return Section(
        name="alignment",
        question="Did alignment help?",
        answer=f"Alignment {verdict(low, high)}: {percent(it['property_before_share'])} of the "
        f"answers ended as a sentence before, {percent(it['property_after_share'])} after",
        text=(
            PROPERTY,
            f"The change is {points(it['property_change_share'])} points, between {points(low)} "
            f"and {points(high)} with 95 % confidence, on "
            f"{count(it['property_after_share_n'])} prompts of "
            f"{count(it['property_change_share_n'])} documents that no fine-tuning saw.",
            *_best_of_as_good(it["property_after_share"], drawn),
        ),
        figures=(_frontier(it, drawn),),
        tables=(_price(family, aligned),),
        samples=tuple(
            Sample(row["prompt"], (("before", row["before"]), ("after", row["after"])))
            for row in answers
        ),
        note=BABBLE,
        method="Both models answer each prompt once with the same random numbers. The interval of "
        "a change is a bootstrap over documents, that of a rate Wilson's over prompts. KL is "
        "measured on the aligned model's own answers. Best-of-N takes a completion with the "
        "property if there is one, and stands at the upper bound of its KL, log N - (N - 1) / N.",
        measured_by=(aligned, drawn),
    )


def _best_of_as_good(rate: float, drawn: Artifact | None) -> tuple[str, ...]:
    """What reaches the aligned model's rate without any training."""
    for row in _strategies_of(drawn) if drawn else []:
        if row["kl_is_bound"] and row["property_rate"] >= rate:
            return (
                f"Without it, {row['strategy']} of the model before reaches "
                f"{percent(row['property_rate'])}, at {row['tokens_per_prompt']:.0f} tokens a "
                f"prompt and a KL of no more than {row['kl_nats']:.2f} nats.",
            )
    return ()


def _point(x: float, values: Mapping[str, Any], name: str, kind: str, label: str = "") -> Point:
    return Point(x, values[name], values[f"{name}_low"], values[f"{name}_high"], kind, label)


def _frontier(metrics: dict[str, float], drawn: Artifact | None) -> Figure:
    start = _point(0, metrics, "property_before_share", "before", NAMES["before"])
    end = _point(metrics["kl_nats"], metrics, "property_after_share", "made", NAMES["made"])
    best = [
        _point(row["kl_nats"], row, "property_rate", "best of N", row["strategy"])
        for row in (_strategies_of(drawn) if drawn else [])
        if row["kl_is_bound"]
    ]
    rows = [start, end, *best]
    cells = tuple(
        (it.label, f"{it.x:.2f}", percent(it.y), interval(it.low, it.high)) for it in rows
    )
    told = "; ".join(f"{it.label}: {percent(it.y)} at {it.x:.2f} nats" for it in rows)
    return Figure(
        "What is gained against how far the model moved",
        charts.plane(rows, Axis("KL from the model before, nats a completion"), RATE, told),
        Table("Property rate and KL", ("model", "KL, nats", "rate", "95 %"), cells),
    )


def _price(family: Family, aligned: Artifact) -> Table:
    it = aligned.manifest.metrics
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
    losses = dict(measured_on(family, "evaluation.loss"))
    if "base" in losses and "made" in losses:
        rows += _bits_change(losses["base"], losses["made"])
    return Table("What it cost", ("price", "before", "after", "change (95 %)"), tuple(rows))


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


def _bits_of(loss: Artifact) -> dict[tuple[str, int], float]:
    """By id, and by bytes: another loss may have measured more of the document."""
    rows = pq.read_table(loss.file("documents.parquet")).to_pylist()
    return {(row["id"], row["bytes"]): row["bits"] for row in rows if row["bytes"]}


def strategies(family: Family) -> Section | None:
    """What each way to sample gives for its tokens."""
    found = measured_on(family, "sampling.strategies")
    if not found:
        return None
    _, last = found[-1]
    rows = _strategies_of(last)
    best, cheapest = max(rows, key=lambda row: row["property_rate"]), rows[0]
    texts = pq.read_table(last.file("completions.parquet")).to_pylist()
    prompts = list(dict.fromkeys(row["prompt"] for row in texts))[:SHOWN_PROMPTS]
    return Section(
        name="strategies",
        question="How to sample it?",
        answer=f"{best['strategy']} reaches {percent(best['property_rate'])} for "
        f"{best['tokens_per_prompt']:.0f} tokens a prompt; the cheapest, {cheapest['strategy']}, "
        f"{percent(cheapest['property_rate'])} for {cheapest['tokens_per_prompt']:.0f}",
        figures=(_strategies(found),),
        samples=tuple(
            Sample(
                it, tuple((row["strategy"], row["text"]) for row in texts if row["prompt"] == it)
            )
            for it in prompts
        ),
        note=BABBLE,
        method="The same prompts and seeds for every strategy; intervals are Wilson's over "
        "prompts. Tokens count every completion drawn. Best-of-N has a perfect judge: a bound on "
        "what a choice among N can reach.",
        measured_by=tuple(it for _, it in found),
    )


def _strategies(found: list[tuple[str, Artifact]]) -> Figure:
    rows = [row | {"kind": kind} for kind, artifact in found for row in _strategies_of(artifact)]
    named = _worth_their_tokens(_strategies_of(found[-1][1]))
    dots = [
        _point(
            row["tokens_per_prompt"],
            row,
            "property_rate",
            row["kind"],
            row["strategy"] if row["kind"] == found[-1][0] and row["strategy"] in named else "",
        )
        for row in rows
    ]
    columns = {
        "strategy": lambda it: it["strategy"],
        "model": lambda it: NAMES[it["kind"]],
        "rate": lambda it: percent(it["property_rate"]),
        "95 %": lambda it: interval(it["property_rate_low"], it["property_rate_high"]),
        "tokens a prompt": lambda it: f"{it['tokens_per_prompt']:.1f}",
        "KV cache, kB": lambda it: f"{it['kv_bytes'] / 1e3:.1f}",
        "KL, nats": lambda it: f"{'≤ ' if it['kl_is_bound'] else ''}{it['kl_nats']:.2f}",
    }
    least, most = min(dot.x for dot in dots), max(dot.x for dot in dots)
    axis = Axis("tokens drawn for a prompt", log=True, low=least / 1.2, high=1.2 * most)
    told = f"{len(rows)} points with intervals; the table has their values."
    return Figure(
        "Property rate against tokens drawn; named is what nothing cheaper beats",
        charts.plane(dots, axis, RATE, told, [(kind, NAMES[kind]) for kind, _ in found]),
        tabled("Strategies by cost", rows, columns, words=2),
    )


def _worth_their_tokens(rows: list[Row]) -> set[str]:
    """The strategies that reach more than every cheaper one does; ``rows`` from the cheapest."""
    best, names = -1.0, set()
    for row in rows:
        if row["property_rate"] > best:
            best = row["property_rate"]
            names.add(row["strategy"])
    return names


def _strategies_of(artifact: Artifact) -> list[Row]:
    """The cheapest first."""
    rows: list[Row] = pq.read_table(artifact.file("strategies.parquet")).to_pylist()
    return sorted(rows, key=lambda row: row["tokens_per_prompt"])


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
    if aligned := family.find("posttrain.prefer"):
        it = aligned.manifest.metrics
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
