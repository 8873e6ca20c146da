"""Tasks' answers as a comparison of strategies, and what they say of the model.

Shape letters: P problems, N samples of each, Q paraphrases of each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bedstone.errors import ConfigError
from bedstone.sampling.choosing import calibration
from bedstone.sampling.choosing.comparison import (
    Comparison,
    Measured,
    Prices,
    Strategy,
    compared,
    development_half,
    tuned,
)
from bedstone.sampling.choosing.evidence import Evidence
from bedstone.sampling.choosing.selection import (
    Answers,
    Outcome,
    Selector,
    majority_choice,
    outcome,
)
from bedstone.sampling.choosing.similarity import distinct_share
from bedstone.uncertainty.intervals import Estimate, wilson
from bedstone.uncertainty.paired import Floats

GREEDY = "greedy"
SELECTORS: tuple[Selector, ...] = (
    "majority",
    "weighted",
    "likeliest",
    "mbr",
    "checked",
    "rewarded",
)
BY_LOGPROB = ("weighted", "likeliest")
SETTLED: tuple[Selector, ...] = ("majority", "checked")
"""Those that can stop before all samples are there."""


@dataclass(frozen=True, slots=True)
class TaskEvidence:
    """What a model answered to a task's problems."""

    task: str
    problem_ids: list[str]
    chains: Mapping[str, Evidence]
    """By chain, greedy among them."""
    paraphrases: tuple[Evidence, ...]
    """Greedy, of each wording; the first is that of the chains."""


def numbers(samples: int) -> list[int]:
    """How many samples are considered: powers of two, and all."""
    return [*(2**power for power in range(1, samples.bit_length()) if 2**power < samples), samples]


def measured(evidence: TaskEvidence, families: Mapping[str, str]) -> list[Measured]:
    """Greedy first, then every strategy of every chain."""
    greedy = outcome(evidence.chains[GREEDY].answers, "first", 1)
    found = [Measured(Strategy(GREEDY, GREEDY), greedy)]
    for chain, family in families.items():
        found += _of_chain(chain, family, evidence.chains[chain])
    return found


def pooled(tasks: Sequence[Sequence[Measured]]) -> list[Measured]:
    """The same strategies on the problems of several tasks together."""
    return [
        Measured(
            group[0].strategy,
            Outcome(
                *(
                    np.concatenate([getattr(each.outcome, name) for each in group])
                    for name in Outcome.__dataclass_fields__
                )
            ),
        )
        for group in zip(*tasks, strict=True)
    ]


def comparison(
    found: Sequence[Measured], problem_ids: Sequence[str], prices: Prices, seed: int
) -> Comparison:
    """Greedy and, of each family and choice, the chain best on the development half.

    Raises:
        ConfigError: a family has more chains than another, or a half has too few problems.
    """
    development_P = development_half(problem_ids)
    greedy, *others = found
    try:
        return compared(greedy, tuned(others, development_P), development_P, prices, seed)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def measures(evidence: TaskEvidence) -> dict[str, object]:
    """What the answers say of the model, chain by chain and of its wordings."""
    choice_PQ = np.stack([majority_choice(each.answers) for each in evidence.paraphrases], axis=1)
    right_PQ = np.stack([each.answers.correct_PN[:, 0] for each in evidence.paraphrases], axis=1)
    same_P, all_right_P = calibration.paraphrase_agreement(choice_PQ, right_PQ)
    return {
        "paraphrases": len(evidence.paraphrases),
        "paraphrase_agreement": _estimate(wilson(float(same_P.mean()), len(same_P))),
        "all_paraphrases_right": _estimate(wilson(float(all_right_P.mean()), len(all_right_P))),
        "paraphrase_accuracy": [float(column.mean()) for column in right_PQ.T],
        "chains": {chain: _of_answers(each) for chain, each in evidence.chains.items()},
    }


def _of_chain(chain: str, family: str, evidence: Evidence) -> Iterator[Measured]:
    answers = evidence.answers
    yield Measured(Strategy(family, chain), outcome(answers, "first", 1))
    told = not np.isnan(answers.mean_logprob_PN).any()
    for k in numbers(answers.samples):
        for selector in SELECTORS:
            if (selector in BY_LOGPROB and not told) or (
                selector == "rewarded" and answers.reward_PN is None
            ):
                continue
            strategy = Strategy(family, chain, k, selector)
            yield Measured(strategy, outcome(answers, selector, k))
    for selector in SETTLED:
        strategy = Strategy(family, chain, answers.samples, selector, "settled")
        yield Measured(strategy, outcome(answers, selector, answers.samples, "settled"))


def _of_answers(evidence: Evidence) -> dict[str, object]:
    answers = evidence.answers
    texts = [samples[0] for samples in evidence.texts]  # equally many for each chain
    right_PN = answers.correct_PN & (answers.choice_PN >= 0)
    found: dict[str, object] = {
        "accuracy": float(right_PN.mean()),
        "format_validity": _estimate(calibration.format_validity(answers)),
        "distinct_1": distinct_share(texts, 1),
        "distinct_2": distinct_share(texts, 2),
        "completion_tokens": float(answers.completion_tokens_PN.mean()),
        "seconds_p50": float(np.quantile(answers.waited_PN(1), 0.5)),
        "seconds_p95": float(np.quantile(answers.waited_PN(1), 0.95)),
    }
    if not answers.answerable_P.all():
        found["wrongly_answered"] = _estimate(calibration.wrongly_answered(answers))
    if not np.isnan(answers.mean_logprob_PN).any():
        found["logprob"] = _calibrated(*calibration.sample_confidence(answers))
    if answers.samples > 1:
        found["vote_share"] = _calibrated(*calibration.vote_confidence(answers))
        found["agreement"] = float(calibration.agreement(answers.choice_PN).mean())
        ks = [1, *numbers(answers.samples)]
        by_name: dict[str, Selector] = {"pass_at": "checked", "majority_at": "majority"}
        for name, selector in by_name.items():
            found[name] = _by_number(answers, selector, ks)
    return found


def _by_number(answers: Answers, selector: Selector, ks: Sequence[int]) -> dict[str, float]:
    return {str(k): float(outcome(answers, selector, k).accuracy_P.mean()) for k in ks}


def _calibrated(confidence: Floats, right: Floats) -> dict[str, float | None]:
    auroc = calibration.auroc(confidence, right)
    return {
        "calibration_error": calibration.calibration_error(confidence, right),
        "brier": calibration.brier(confidence, right),
        "auroc": None if np.isnan(auroc) else auroc,
    }


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
