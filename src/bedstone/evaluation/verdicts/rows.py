"""What is said of a suite, as rows: of each language, of a domain, or of both.

Each row is a measure. Those that compare, a ``gap_`` or ``over_``, have a p-value too. What cannot
be told has no row.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bedstone.corpus.identification.identifiers import Identifier
from bedstone.evaluation.verdicts.chance import told_apart, worst_of_equal
from bedstone.evaluation.verdicts.confusion import own_texts, passes
from bedstone.evaluation.verdicts.evidence import Evidence
from bedstone.evaluation.verdicts.gaps import Score, gaps, scores
from bedstone.evaluation.verdicts.outcomes import ACCURACIES, Outcome, taken
from bedstone.evaluation.verdicts.panels import Measured, Panel, panel_of
from bedstone.evaluation.verdicts.trust import agreements, calibration, knowing, penalised
from bedstone.languages import ENGLISH
from bedstone.tasks.items import Item
from bedstone.uncertainty.intervals import MIN_DOCUMENTS

Row = dict[str, Any]
Measures = Mapping[str, Sequence[Measured]]
"""By name."""


def language_rows(
    evidence: Evidence, threshold: float, identifier: Identifier, seed: int
) -> Iterator[Row]:
    """All that is said of each language; ``threshold`` as of ``penalised``."""
    panel = panel_of(evidence.measured)
    yield from _rows("score", panel.columns, scores(panel, seed))
    yield from _against_english(evidence, panel, seed)
    bases = baselines(evidence)
    right = {
        name: sum(each.right for each in those) / len(those)
        for name, those in _by_item(evidence.outcomes).items()
    }
    signed = {
        f"over_{name}": [Measured(it.item, right[it.item.id] - it.part) for it in measured]
        for name, measured in bases.items()
    }
    shares = {**bases, **_accuracies(evidence), **_spoken(evidence, identifier)}
    if any(not it.item.choices and not it.item.answers for it in evidence.outcomes):
        shares |= knowing(evidence.outcomes)
        signed["scored"] = penalised(evidence.outcomes, threshold)
    shares["unread"] = [Measured(it.item, float(not it.is_read)) for it in evidence.outcomes]
    for judge, those in ((gaps, signed), (scores, shares)):
        for name, measured in those.items():
            panel = panel_of(measured)
            yield from _rows(name, panel.columns, judge(panel, seed))
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
    found = {"chance": [Measured(item, 1 / len(item.choices)) for item in items]}
    found["longest_choice"] = [Measured(item, _longest(item)) for item in items]
    if evidence.choices is not None:
        alone_IK = evidence.choices.alone(evidence.metric)
        if alone_IK is not None:
            right_I, _ = taken(alone_IK, evidence.choices.golds)
            found["answer_only"] = list(map(Measured, evidence.choices.items, right_I.tolist()))
    return found


def _longest(item: Item) -> float:
    """How far the choice of most bytes is the right one."""
    lengths = [len(choice.encode("utf-8", "surrogatepass")) for choice in item.choices]
    return (lengths[item.gold or 0] == max(lengths)) / lengths.count(max(lengths))


def _accuracies(evidence: Evidence) -> Measures:
    choices = evidence.choices
    if choices is None:
        return {}
    names = [name for name in ACCURACIES if name != "acc_pmi" or choices.alone_IK is not None]
    right = {name: taken(choices.values(name), choices.golds)[0].tolist() for name in names}
    return {name: list(map(Measured, choices.items, each)) for name, each in right.items()}


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


def _by_item(outcomes: Sequence[Outcome]) -> Mapping[str, list[Outcome]]:
    by_item = defaultdict[str, list[Outcome]](list)
    for each in outcomes:
        by_item[each.item.id].append(each)
    return by_item


def _calibrated(outcomes: Sequence[Outcome], seed: int) -> Iterator[Row]:
    by_language = defaultdict[str, list[tuple[float, float]]](list)
    for each in outcomes:
        if each.confidence is not None:
            by_language[each.item.language].append((each.confidence, each.right))
    for language, known in by_language.items():
        confidence, right = zip(*known, strict=True)
        found = calibration(confidence, right, seed)
        values = {
            "calibration_error": found.error,
            "calibration_error_by_chance": found.error_by_chance,
            "is_miscalibrated": float(found.is_miscalibrated),
            "brier": found.brier,
            "auroc": found.auroc,
        }
        highs = {"calibration_error_by_chance": found.error_by_chance_high}
        for name, value in values.items():
            row = {"measure": name, "value": value, "high": highs.get(name), "n": len(known)}
            yield {"language": language, **row}


def _agreeing(outcomes: Sequence[Outcome], seed: int) -> Iterator[Row]:
    first = [those[0] for those in _by_item(outcomes).values()]
    for kind, those, group in (("samples", outcomes, _item), ("wordings", first, _content)):
        agreeing, all_right, by_chance = agreements(those, group)
        for name, measured in (("agreement_of", agreeing), ("all_right_of", all_right)):
            panel = panel_of(measured)
            yield from _rows(f"{name}_{kind}", panel.columns, scores(panel, seed))
        for language, value in by_chance.items():
            name = f"agreement_of_{kind}_by_chance"
            yield {"language": language, "measure": name, "value": value}


def _item(outcome: Outcome) -> tuple[str, str]:
    return outcome.item.language, outcome.item.id


def _content(outcome: Outcome) -> tuple[str, str]:
    return outcome.item.language, outcome.item.parallel_id or outcome.item.id


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
