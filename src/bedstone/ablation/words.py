"""What a comparison found, in words: the same on a terminal and on a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from bedstone.errors import number_of
from bedstone.evaluation.effects import GROUP, LANGUAGE, LEAST_WORTH, MOST_WORTH, WHOLE

NAMED = 3
"""Parts of one verdict that are called by name."""
Row = Mapping[str, Any]


def sentence(effect: Row, parts: Sequence[Row], names: Mapping[str, str] | None = None) -> str:
    """What an arm did to the whole, and to which of its ``parts``, which may have ``names``."""
    told = "; ".join([_whole(effect), *_of_parts(parts, names or {})])
    return f"{effect['value']} {told}"


def _whole(effect: Row) -> str:
    if effect["by_construction"]:
        return "is the same by construction: nothing that the model is made from differs"
    difference, verdict = effect["difference"], effect["verdict"]
    if effect["low"] is None:
        return f"cannot be told: {difference:+.4f} bits a byte, without an interval"
    sizes = f"{abs(difference):.4f} [{bounds(effect)}] bits a byte"
    small = ", less than the margin" if effect["within_margin"] else ""
    if verdict == "worse":
        return f"costs {sizes}{_worth(effect)}{small}"
    if verdict == "better":
        return f"gains {sizes}{_worth(effect)}{small}"
    signed = f"{difference:+.4f} [{bounds(effect)}] bits a byte"
    if verdict == "same":
        return f"makes no difference that counts: {signed}"
    return f"cannot be told: {signed}{settled(effect)}"


def bounds(effect: Row) -> str:
    """The interval; of a gain, turned round, as its size is told without a sign."""
    low, high = effect["low"], effect["high"]
    if effect["verdict"] == "better":
        low, high = -high, -low
    return f"{low:.4f}, {high:.4f}"


def _worth(effect: Row) -> str:
    worth = effect["worth_tokens"]
    if worth is None:
        return ""
    if worth in (MOST_WORTH, LEAST_WORTH):
        return f", as {'twice the tokens or more' if worth > 0 else 'half of the tokens'} would"
    low, high = sorted(abs(effect[f"worth_tokens_{end}"]) for end in ("low", "high"))
    which = "more" if worth > 0 else "fewer"
    return f", as {abs(worth):.1%} [{low:.1%}, {high:.1%}] {which} tokens would"


def settled(effect: Row) -> str:
    """What would settle it; nothing where nothing short of another decision would."""
    seeds, documents = effect["more_seeds"], effect["more_documents"]
    ways = [
        *([number_of(seeds, "seed")] if seeds else []),
        *([f"{documents:,} held-out {effect['counted']}"] if documents else []),
    ]
    return f"; {' or '.join(ways)} would tell" if ways else ""


def _of_parts(parts: Sequence[Row], names: Mapping[str, str]) -> list[str]:
    """Which languages and groups are better or worse, and how many languages cannot be told."""
    languages = [row for row in parts if row["family"] == LANGUAGE]
    groups = [row for row in parts if row["family"] == GROUP]
    told = []
    for verdict in ("worse", "better"):
        rows = sorted(
            (row for row in (*languages, *groups) if row["verdict"] == verdict),
            key=lambda row: -abs(row["difference"]),
        )
        if rows:
            called = ((names.get(it["unit"], it["unit"]), it["difference"]) for it in rows[:NAMED])
            listed = ", ".join(f"{name} ({difference:+.3f})" for name, difference in called)
            more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
            told.append(f"{verdict} for {listed}{more}")
    unknown = sum(row["verdict"] == "cannot tell" for row in languages)
    if unknown:
        told.append(f"cannot be told for {unknown} of {number_of(len(languages), 'language')}")
    return told


def claim(found: Row) -> str:
    """Of which models, seeds and documents all of this is said."""
    size = f"{found['proxy']['parameters']:,} parameters, {found['proxy']['train_tokens']:,} tokens"
    yardstick = found["yardstick"]
    if yardstick is None:
        return f"models of {size} were to be trained; none was"
    left_out = yardstick["left_out_near_duplicates"]
    seeds, sites = number_of(found["seeds"], "seed"), number_of(yardstick["sites"], "site")
    documents = number_of(yardstick["documents"], "held-out document")
    return (
        f"said of models of {size}; {seeds}, {documents} of {sites}; "
        f"{number_of(left_out, 'near-duplicate')} of held-out documents are learnt from in no arm"
    )


def lent(noise: Row | None) -> str:
    """By which earlier comparisons the deviation over seeds is known better; nothing if by none."""
    if not noise or not noise["lenders"]:
        return ""
    names = ", ".join(noise["lenders"])
    if round(noise["lent_df"], 1) == 0:
        return f"seeds differ here by another amount than in {names}, which lend nothing"
    return (
        f"how much seeds differ is known from {names} too, as if up to {noise['lent_df']:.1f} "
        "seeds more had been seen"
    )


def weight(effect: Row) -> float:
    """By what arms are ranked: what they are worth in tokens, or else in bits."""
    worth = effect["worth_tokens"]
    return abs(float(effect["difference"] if worth is None else worth))


def arranged(effects: Sequence[Row]) -> list[Row]:
    """Effects arm by arm, the weightiest first; of a family, as they come, the largest first."""
    whole = {row["value"]: weight(row) for row in effects if row["family"] == WHOLE}
    families = list(dict.fromkeys(row["family"] for row in effects))
    return sorted(
        effects,
        key=lambda row: (
            -whole[row["value"]],
            row["value"],
            families.index(row["family"]),
            -abs(row["difference"]),
        ),
    )
