"""One table of a suite: how good a model is in each language, beside what may go with it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from bedstone.evaluation.standing import UNKNOWN, compared_by
from bedstone.languages import ENGLISH, WORLD_POPULATION, name, speakers, split
from bedstone.store.artifact import Artifact
from bedstone.store.lineage import ancestors
from bedstone.store.payload import read_json
from bedstone.tasks.items import Item
from bedstone.tokenizer.mixing.shares import FILE as MIX
from bedstone.tokenizer.mixing.shares import language_of
from bedstone.uncertainty.intervals import rank_correlation, wilson

Row = dict[str, Any]
BESIDE = ("train_share", "speakers_share", "tokens_over_english")
"""What a score may go with."""
COARSE = 0.1
"""A gap that a test should be able to tell."""
UNREAD_SHARE = 0.05
"""Of the answers: more is told."""
MARKS = {
    "is_cut": "the prompt lost its first tokens, for the model's texts are shorter",
    "is_split": "a token spans the border of prompt and choice",
}
"""Of scores, in words."""
ONE_TEXT = {"belebele": "FLORES", "sib200": "FLORES", "flores": "FLORES", "udhr": "udhr"}
"""Suites, without hyphens, of a text that yardsticks are made of, too."""


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


def beside(row: Row, expense: Row, shares: Mapping[str, float]) -> Row:
    """A language's row with what may go with its score.

    Args:
        row: as ``evaluation.standing.told`` has it.
        expense: as ``inquiry.expense.expenses`` has it.
        shares: of the training text; empty where it is not known.
    """
    key = row["language"]
    people = speakers(*split(key))
    return row | {
        "name": name(split(key)[0]),
        "longest_choice": row["measures"].get("longest_choice", {}).get("value"),
        "train_share": shares.get(key, 0.0) if shares else None,
        "speakers_share": None if people is None else people / WORLD_POPULATION,
        **expense,
    }


def correlations(rows: Sequence[Row], metric: str) -> dict[str, Row]:
    """How what languages are compared by goes with what stands beside it; no cause is told by it.

    Of texts that is bits over English, of which few are good.
    """
    found = {}
    for kind in BESIDE:
        both = [(compared_by(row, metric), row[kind]) for row in rows]
        pairs = [pair for pair in both if None not in pair]
        if pairs and (told := rank_correlation(*zip(*pairs, strict=True))) is not None:
            found[kind] = asdict(told)
    return found


def warnings(suite: str, rows: Sequence[Row]) -> Iterator[str]:
    """What a careful reader of the rows would object."""
    if ENGLISH not in {row["language"] for row in rows}:
        yield "no gap to English: the suite has none"
    if doubtful := [row["language"] for row in rows if row["exceeds_baselines"] is False]:
        yield (
            "not above what is had without the question, so the score says nothing of the "
            f"language: {', '.join(doubtful)}"
        )
    if few := [row["language"] for row in rows if _is_coarse(row["gap_to_english"])]:
        yield f"too few items to tell a gap of {COARSE:.2f} to English: {', '.join(few)}"
    unread = {row["language"]: row["measures"].get("unread", {}).get("value", 0) for row in rows}
    if told := [f"{key} {share:.0%}" for key, share in unread.items() if share > UNREAD_SHARE]:
        yield f"no answer could be read, which counts as wrong: {', '.join(told)}"
    for row in rows:
        if row["seen_share"] not in (UNKNOWN, None, 0):
            clean = row["accuracy_clean"]
            on_clean = "none is clean" if clean is None else f"{clean['value']:.3f} on clean ones"
            yield (
                f"{row['language']}: {row['seen_share']:.0%} of the items stand in the training "
                f"text; {on_clean}"
            )
    plain = suite.lower().replace("-", "")
    if text := next((text for name, text in ONE_TEXT.items() if name in plain), None):
        yield f"its text is that of the yardstick {text}: the two are one piece of evidence"


def marks(items: Sequence[Item], tables: Sequence[pa.Table]) -> Iterator[str]:
    """Of how many items, by language, the scores are not of the texts as they stand."""
    for mark, told in MARKS.items():
        scored = [table for table in tables if mark in table.column_names]
        ids = {name for it in scored for name in it.filter(it[mark])["item"].to_pylist()}
        marked = Counter(item.language for item in items if item.id in ids)
        whole = Counter(item.language for item in items)
        counts = (f"{key} {n:,} of {whole[key]:,}" for key, n in sorted(marked.items()))
        if marked:
            yield f"{told}: {', '.join(counts)}"


def _is_coarse(gap: Row | None) -> bool:
    """Where nothing differs, as many items may yet differ as none of so many are seen to."""
    if gap is None or gap["low"] is None:
        return gap is not None
    return bool(gap.get("detectable", wilson(0, gap["n"]).high) > COARSE)
