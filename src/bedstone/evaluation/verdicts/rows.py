"""What is known of a model by a suite, and what is said of it, as rows.

Each row is a measure of a language, of a domain, or of both. Those that compare, a ``gap_`` or
``over_``, have a p-value too. What cannot be told has no row.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import pyarrow as pa

from bedstone.corpus.identification.identifiers import Identifier
from bedstone.evaluation.verdicts.confusion import own_texts, passes
from bedstone.evaluation.verdicts.gaps import Score, gaps, scores, told_apart, worst_of_equal
from bedstone.evaluation.verdicts.outcomes import (
    ACCURACIES,
    SIZES,
    Outcome,
    Scored,
    choices_of,
    outcomes,
    text_costs,
)
from bedstone.evaluation.verdicts.panels import Measured, Panel, panel_of
from bedstone.evaluation.verdicts.trust import agreements, calibration, knowing, penalised
from bedstone.languages import ENGLISH
from bedstone.tasks.items import Item, Metric
from bedstone.uncertainty.intervals import MIN_DOCUMENTS

Row = dict[str, Any]
T = TypeVar("T", bound=Hashable)
Measures = Mapping[str, Sequence[Measured]]
"""By name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a model made of the items of a suite."""

    suite: str
    metric: Metric
    outcomes: Sequence[Outcome]
    texts: Sequence[Measured] = ()
    """Bits over bytes."""
    choices: Sequence[Scored] = ()
    """Of items with several; none where the outcomes are read from answers."""
    spoken: Sequence[tuple[Item, str]] = ()
    """Whole answers."""

    @property
    def measured(self) -> list[Measured]:
        """What the score is the mean of: what is right, or bits over bytes."""
        return [*(Measured(each.item, each.right) for each in self.outcomes), *self.texts]

    @property
    def has_alone(self) -> bool:
        """Whether it is known what each choice has without the question."""
        return all(each.alone is not None for each in self.choices)

    @property
    def is_comparable(self) -> bool:
        """Whether the score of one language says anything beside another's."""
        return self.metric not in ("bits", "chrf")


def evidences(
    items: Sequence[Item], scores: pa.Table | None, answers: pa.Table | None
) -> Iterator[Evidence]:
    """Of each suite of which something is known.

    Items with choices are judged by their scores where there are some, else by answers.

    Raises:
        DataError: the scores lack an item.
    """
    suites = defaultdict[tuple[str, Metric], list[Item]](list)
    for item in items:
        suites[item.suite, item.metric].append(item)
    rows = answers.select(["problem", "text"]).to_pylist() if answers is not None else []
    for (suite, metric), those in suites.items():
        several = [it for it in those if scores is not None and len(it.choices) > 1]
        texts = [it for it in those if scores is not None and len(it.choices) == 1]
        answered = {it.id: it for it in those if scores is None or not it.choices}
        found = outcomes(several, scores) if several else []
        found += outcomes(list(answered.values()), answers) if answers is not None else []
        bits = text_costs(texts, scores) if texts else []
        asked = {name: it for name, it in answered.items() if not it.choices}
        spoken = [(asked[it["problem"]], it["text"]) for it in rows if it["problem"] in asked]
        if found or bits:
            choices = choices_of(several, scores) if several else ()
            yield Evidence(suite, metric, found, bits, choices, spoken)


def language_rows(
    evidence: Evidence, threshold: float, identifier: Identifier, seed: int
) -> Iterator[Row]:
    """All that is said of each language; ``threshold`` as of ``penalised``."""
    panel = panel_of(evidence.measured)
    yield from _rows("score", panel.columns, scores(panel, seed))
    yield from _against_english(evidence, panel, seed)
    bases = baselines(evidence)
    by_item = _groups(evidence.outcomes, lambda it: it.item.id)
    right = {name: sum(it.right for it in those) / len(those) for name, those in by_item.items()}
    signed = {
        f"over_{name}": [Measured(it.item, right[it.item.id] - it.part) for it in measured]
        for name, measured in bases.items()
    }
    shares = {**bases, **_accuracies(evidence), **_spoken(evidence, identifier)}
    if any(not it.item.choices and not it.item.answers for it in evidence.outcomes):
        shares |= knowing(evidence.outcomes)
        signed["scored"] = penalised(evidence.outcomes, threshold)
    answers = [it for it in evidence.outcomes if it.confidence is None]
    shares["unread"] = [Measured(it.item, float(not it.is_read)) for it in answers]
    for name, measured in signed.items():
        panel = panel_of(measured)
        least = threshold / (threshold - 1) if name == "scored" else -1.0
        yield from _rows(name, panel.columns, gaps(panel, seed, least))
    for name, shared in shares.items():
        panel = panel_of(shared)
        yield from _rows(name, panel.columns, scores(panel, seed))
    yield from _calibrated(evidence.outcomes, seed)
    yield from _agreeing(evidence.outcomes, seed)


def domain_rows(evidence: Evidence, seed: int) -> Iterator[Row]:
    """Of each domain: of all languages together, and of those that have an interval there."""
    by_domain = defaultdict[str, list[Measured]](list)
    for each in evidence.measured:
        if each.item.domain:
            by_domain[each.item.domain].append(each)
    for domain, measured in sorted(by_domain.items()):
        panel = panel_of(measured)
        rows = [*_rows("score", panel.columns, scores(panel, seed))]
        rows += _against_english(evidence, panel, seed)
        rows = [row for row in rows if row["n"] >= MIN_DOCUMENTS]
        if evidence.is_comparable:
            whole = panel_of(measured, lambda item: "")
            rows += [row | {"language": None} for row in _rows("score", [""], scores(whole, seed))]
        yield from (row | {"domain": domain} for row in rows)


def suite_row(evidence: Evidence, seed: int) -> Row:
    """Which language is worst, and which are told apart."""
    panel = panel_of(evidence.measured)
    row: Row = {"judged_from": "scores" if evidence.choices or evidence.texts else "answers"}
    row |= {"worst": None, "told_apart": None}
    if evidence.is_comparable and len(panel.columns) > 1:
        apart = told_apart(panel, seed)
        row["worst"] = asdict(worst_of_equal(panel, seed))
        row["told_apart"] = [{"better": better, "worse": worse} for better, worse in apart]
    return row


def baselines(evidence: Evidence) -> Measures:
    """What is had without the question: ``chance``, ``longest_choice``, ``answer_only``.

    The last takes the choice that is best after nothing.
    """
    items = {each.item.id: each.item for each in evidence.outcomes if each.item.choices}.values()
    if not items:
        return {}
    found = {
        "chance": [Measured(item, 1 / len(item.choices)) for item in items],
        "longest_choice": [Measured(item, _longest(item)) for item in items],
    }
    if evidence.choices and evidence.has_alone:
        found["answer_only"] = _right(evidence, evidence.metric, is_alone=True)
    return found


def _longest(item: Item) -> float:
    """How far the choice of most bytes is the right one."""
    sizes = [*map(SIZES["acc_bytes"], item.choices)]
    return (sizes[item.gold or 0] == max(sizes)) / sizes.count(max(sizes))


def _accuracies(evidence: Evidence) -> Measures:
    names = [name for name in ACCURACIES if name != "acc_pmi" or evidence.has_alone]
    return {name: _right(evidence, name) for name in names if evidence.choices}


def _right(evidence: Evidence, metric: Metric, *, is_alone: bool = False) -> list[Measured]:
    found = (each.outcome(metric, is_alone=is_alone) for each in evidence.choices)
    return [Measured(each.item, each.right) for each in found]


def _rows(name: str, languages: Sequence[str], found: Sequence[Score]) -> Iterator[Row]:
    for language, score in zip(languages, found, strict=True):
        yield {"language": language, "measure": name} | asdict(score)


def _against_english(evidence: Evidence, panel: Panel, seed: int) -> Iterator[Row]:
    if ENGLISH not in panel.columns or evidence.metric == "chrf":
        return
    pairs = panel.paired((name, ENGLISH) for name in panel.columns if name != ENGLISH)
    if evidence.metric == "bits":
        ratios = panel.ratios(pairs)
        yield from _rows("bits_over_english", ratios.columns, scores(ratios, seed))
    else:
        differences = panel.differences(pairs)
        yield from _rows("gap_to_english", differences.columns, gaps(differences, seed))


def _groups(outcomes: Sequence[Outcome], by: Callable[[Outcome], T]) -> dict[T, list[Outcome]]:
    """By what each is told apart by."""
    found = defaultdict[T, list[Outcome]](list)
    for each in outcomes:
        found[by(each)].append(each)
    return found


def _calibrated(outcomes: Sequence[Outcome], seed: int) -> Iterator[Row]:
    told = [each for each in outcomes if each.confidence is not None]
    for language, known in _groups(told, lambda it: it.item.language).items():
        confidence, right = zip(*((it.confidence or 0.0, it.right) for it in known), strict=True)
        found = calibration(confidence, right, seed)
        highs = {"calibration_error_by_chance": found.pop("calibration_error_by_chance_high")}
        for name, value in found.items():
            row = {"measure": name, "value": value, "high": highs.get(name), "n": len(known)}
            yield {"language": language, **row}


def _agreeing(outcomes: Sequence[Outcome], seed: int) -> Iterator[Row]:
    samples = _groups(outcomes, lambda it: (it.item.language, it.item.id))
    first = [those[0] for those in samples.values()]
    wordings = _groups(first, lambda it: (it.item.language, it.item.parallel_id or it.item.id))
    for kind, those in (("samples", samples), ("wordings", wordings)):
        agreeing, all_right, by_chance = agreements(those.values())
        for name, measured in (("agreement_of", agreeing), ("all_right_of", all_right)):
            panel = panel_of(measured)
            yield from _rows(f"{name}_{kind}", panel.columns, scores(panel, seed))
        for language, value in by_chance.items():
            name = f"agreement_of_{kind}_by_chance"
            yield {"language": language, "measure": name, "value": value}


def _spoken(evidence: Evidence, identifier: Identifier) -> Measures:
    """Of answers in words, beside the test's own texts."""
    if not evidence.spoken:
        return {}
    items = list({item.id: item for item, _ in evidence.spoken}.values())
    found = {"": evidence.spoken, "own_": list(own_texts(items))}
    return {
        f"{prefix}{name}": measured
        for prefix, texts in found.items()
        for name, measured in passes(texts, identifier).items()
    }
