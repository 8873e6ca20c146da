"""What to do with a budget: one answer out of what the laws say, and why.

A law's optimum is the answer where the corpus feeds it, read as often as is nearly as good as
fresh text. Where it does not, the answer is the model that the corpus feeds, and the rest of the
budget is left; where even that is beyond the budget, the law that prices what is read again
divides it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedstone.laws.conclusions import fed, short
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN
from bedstone.laws.repeated_text import NEARLY_FRESH_PASSES

Row = Mapping[str, Any]
REFERENCE, SERVING, REPEATED = "epoch", "served", "repeated"
"""Of the laws: the one that is followed; with tokens to be served; and with too few that differ."""


@dataclass(frozen=True, slots=True)
class Advice:
    """How large, on how many tokens, and why."""

    parameters: float
    train_tokens: float
    law: str
    why: str


def advise(rows: Mapping[str, Row], flop: float, unique: float | None, served: float) -> Advice:
    """One answer.

    Args:
        rows: what each law says, by its name.
        flop: the budget.
        unique: tokens that differ; None where there is always fresh text.
        served: tokens that the model will read and write.
    """
    asked = next(iter(rows)) if len(rows) == 1 else SERVING if served else REFERENCE
    row = rows[asked]
    if unique is None or row["train_tokens"] <= NEARLY_FRESH_PASSES * unique:
        return Advice(row["parameters"], row["train_tokens"], asked, _by_law(rows, asked, unique))
    other = rows.get(REPEATED, row)
    found, train_tokens = fed(unique), NEARLY_FRESH_PASSES * unique
    if FLOP_PER_PARAMETER_AND_TOKEN * found.parameters * train_tokens <= flop:
        whole = f"{short(other['parameters'])} parameters, {other['passes']:.1f} passes"
        gain = found.loss_nats - other["loss_nats_on_corpus"]
        return Advice(
            found.parameters,
            train_tokens,
            REPEATED,
            f"the corpus ends before the budget does: {asked} would read it "
            f"{row['train_tokens'] / unique:.1f} times, and after {NEARLY_FRESH_PASSES:g} a pass "
            f"teaches less and less; the whole budget ({whole}) would take {gain:.3f} nats a token "
            f"off, or it wants {short(row['train_tokens'] / NEARLY_FRESH_PASSES)} tokens that "
            "differ",
        )
    is_priced = other["law"] == REPEATED
    worth = "the budget is divided by that" if is_priced else f"{asked} does not reckon with that"
    return Advice(
        other["parameters"],
        other["train_tokens"],
        other["law"],
        f"{asked} would read the corpus {row['train_tokens'] / unique:.1f} times; what is read "
        f"again is worth less, and {worth}",
    )


def _by_law(rows: Mapping[str, Row], asked: str, unique: float | None) -> str:
    row = rows[asked]
    told = [f"the optimum by {asked}"]
    if ends := row["parameters_interval"]:
        told.append(f"whose runs leave {short(ends[0])} to {short(ends[1])} parameters open (95 %)")
    if len(rows) > 1:
        low, high = (pick(it["parameters"] for it in rows.values()) for pick in (min, max))
        told.append(f"and all laws {short(low)} to {short(high)}")
    if unique is not None:
        passes = row["train_tokens"] / unique
        told.append(
            f"the corpus is read {passes:.2g} times, which is nearly as good as fresh text"
            if passes > 1
            else "nothing is read twice"
        )
    if not row["in_range"]:
        told.append("no run that the law was fitted on was like it")
    return ", ".join(told)
