"""One table of a suite: how good a model is in each language, beside what may go with it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bedstone.evaluation.expense import Expense
from bedstone.languages import WORLD_POPULATION, name, speakers, split
from bedstone.store.artifact import Artifact
from bedstone.store.lineage import ancestors
from bedstone.store.payload import read_json
from bedstone.tasks.items import Item
from bedstone.tokenizer.mixing.shares import FILE as MIX
from bedstone.tokenizer.mixing.shares import language_of
from bedstone.uncertainty.intervals import rank_correlation
from bedstone.uncertainty.paired import LEVEL

Row = dict[str, Any]
Measures = Mapping[str, Row]
"""What is measured of a language, by name."""
BASELINES = ("chance", "longest_choice", "answer_only")
BESIDE = ("train_share", "speakers_share", "tokens_over_english")
"""What a score may go with."""
COARSE = 0.1
"""A gap that a test should be able to tell."""
ONE_TEXT = {"belebele": "FLORES", "sib200": "FLORES", "flores": "FLORES", "udhr": "udhr"}
"""Suites of a text that yardsticks are made of, too."""


def train_shares(model: Artifact | None) -> dict[str, float]:
    """Each language's share of the tokens that a model was trained on; nothing if no mix is known.

    Args:
        model: whose mix is looked for among what is behind it.
    """
    behind = {} if model is None else ancestors(model)
    mix = next((it for it in behind.values() if it.manifest.stage == "tokenizer.mix"), None)
    found = defaultdict[str, float](float)
    if mix is not None:
        for group, row in read_json(mix, MIX)["languages"].items():
            found[language_of(group)] += row["weight"]
    return dict(found)


def speakers_share(key: str) -> float | None:
    """A language's speakers over the world's people; null where they are not known."""
    known = speakers(*split(key))
    return None if known is None else known / WORLD_POPULATION


def by_language(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """Language -> measure -> its row, of one suite."""
    found = defaultdict[str, dict[str, Row]](dict)
    for row in rows:
        found[row["language"]][row["measure"]] = row
    return dict(found)


def language_rows(
    measures: Mapping[str, Measures],
    items: Sequence[Item],
    expenses: Mapping[tuple[str, str], Expense],
    shares: Mapping[str, float],
) -> list[Row]:
    """A row for each language of a suite, the best score first.

    Args:
        measures: as ``by_language`` has them.
        items: of the suite.
        expenses: as ``evaluation.expense.expenses``.
        shares: of the training text; empty where it is not known.
    """
    counts = Counter(item.language for item in items)
    suite = items[0].suite
    rows = []
    for key, told in measures.items():
        seen, expense = told.get("seen_share"), expenses.get((suite, key))
        row = {
            "language": key,
            "name": name(split(key)[0]),
            "items": counts[key],
            "score": told["score"]["value"],
            "low": told["score"]["low"],
            "high": told["score"]["high"],
            "gap_to_english": _estimate(told.get("gap_to_english")),
            "bits_over_english": _estimate(told.get("bits_over_english")),
            **{base: _value(told.get(base)) for base in BASELINES},
            "is_above_baselines": is_above_baselines(told),
            "seen_share": "unknown" if seen is None else seen["value"],
            "train_share": shares.get(key, 0.0) if shares else None,
            "speakers_share": speakers_share(key),
            **(dict.fromkeys(Expense.__dataclass_fields__) if expense is None else asdict(expense)),
            "measures": {kind: _estimate(each) for kind, each in told.items()},
        }
        rows.append(row)
    return sorted(rows, key=lambda row: (-row["score"], row["language"]))


def is_above_baselines(measures: Measures) -> bool | None:
    """Whether the score is surely above the best of what is had without the question.

    Null where there is no such baseline, as of texts and answers.
    """
    there = [base for base in BASELINES if f"over_{base}" in measures]
    if not there:
        return None
    over = measures[f"over_{max(there, key=lambda base: measures[base]['value'])}"]
    return bool(over["value"] > 0 and over["p_adjusted"] is not None and over["p_adjusted"] < LEVEL)


def correlations(rows: Sequence[Row]) -> list[Row]:
    """How scores go with what stands beside them, over the languages; no cause is told by it."""
    found = []
    for kind in BESIDE:
        pairs = [(row["score"], row[kind]) for row in rows if row[kind] is not None]
        if pairs and (told := rank_correlation(*zip(*pairs, strict=True))) is not None:
            found.append({"with": kind, **asdict(told)})
    return found


def warnings(suite: str, rows: Sequence[Row]) -> Iterator[str]:
    """What a careful reader of the rows would object."""
    if doubtful := [row["language"] for row in rows if row["is_above_baselines"] is False]:
        yield (
            f"not above the best baseline, so the score says nothing of the language: "
            f"{', '.join(doubtful)}"
        )
    gaps = [(row["language"], row["measures"].get("gap_to_english")) for row in rows]
    if few := [key for key, gap in gaps if gap and (gap["detectable"] or 0) > COARSE]:
        yield f"too few items to tell a gap of {COARSE:.2f} to English: {', '.join(few)}"
    for row in rows:
        if row["seen_share"] != "unknown" and row["seen_share"]:
            yield (
                f"{row['language']}: {row['seen_share']:.0%} of the items stand in the training "
                "text: the score on clean ones is in --json"
            )
    if (text := next((ONE_TEXT[each] for each in ONE_TEXT if each in suite), None)) is not None:
        yield f"the text is that of the yardstick {text}: the two are one piece of evidence"


def _estimate(row: Row | None) -> Row | None:
    if row is None:
        return None
    names = ("value", "low", "high", "n", "p", "p_adjusted", "detectable")
    return {each: row.get(each) for each in names}


def _value(row: Row | None) -> float | None:
    return None if row is None else row["value"]
