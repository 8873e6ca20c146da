# ruff: noqa: N802 (shape suffixes)
"""Which of many samples is taken for the answer, and what it costs to have drawn them.

From the N samples that each problem has, every smaller number k is computed: what comes out in
the mean over all choices of k of the N, without replacement, so that nothing is drawn anew. What
depends on the order of a score is exact by order statistics. Votes are counted over every choice
where there are ``MAX_SUBSETS`` at most, so always for N up to 16, else over so many drawn ones,
the same for every problem.

A sample in which no answer was found is never taken where another has one, and is wrong. Among
equals each is taken with the same chance.

Shape letters: P problems, N samples of each, S choices of k of them, C candidates: the different
answers of a problem, or its samples.

Sources: Chen et al. 2021, arXiv:2107.03374, equation 1 (the best by a checker, pass@k); Wang et
al. 2022, arXiv:2203.11171 (majority and its weighted form); Eikema and Aziz 2020, arXiv:2005.10283
(minimum Bayes risk).
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bedstone.sampling.choosing.pace import Pace
from bedstone.text.hashing import Bools
from bedstone.uncertainty.paired import Floats

Selector = Literal["first", "majority", "weighted", "likeliest", "checked", "rewarded", "mbr"]
Stop = Literal["all", "settled"]

MAX_SUBSETS = math.comb(16, 8)
SEED = 0
"""Of the choices that are drawn where there are more."""
TIED = 1e-9
"""Relative: sums of weights nearer than this differ by rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What N samples of P problems say."""

    choice_PN: NDArray[np.int64]
    """The number of the answer within its problem, -1 where none was found."""
    correct_PN: Bools
    """Of equal answers of a problem, equal."""
    logprob_PN: Floats
    """Of the completion under the model itself, natural; nan where it is not told."""
    mean_logprob_PN: Floats
    """The same a token."""
    completion_tokens_PN: NDArray[np.int64]
    prompt_tokens_P: NDArray[np.int64]
    seconds_PN: Floats
    """Until an endpoint's sample was there, with all that was drawn beside it; else nan."""
    abstains_PN: Bools
    """Whether the answer is that there is none."""
    answerable_P: Bools
    reward_PN: Floats | None = None
    utility_PNN: Floats | None = None
    """Of each text (first N) if another were the right one; see ``similarity.similarities``."""
    paces: Mapping[int, Pace] | None = None
    """Of a model on this machine, by the number of samples side by side."""

    @property
    def problems(self) -> int:
        """P."""
        return len(self.choice_PN)

    @property
    def samples(self) -> int:
        """N."""
        return int(self.choice_PN.shape[1])

    def waited_PN(self, k: int) -> Floats:
        """Seconds until each sample is there, where ``k`` of a problem are drawn and no other.

        Those of an endpoint are as it took them, whatever ``k``.
        """
        if self.paces is None:
            return self.seconds_PN
        pace, prompt_tokens_P1 = self.paces[k], self.prompt_tokens_P[:, None]
        return np.asarray(pace.seconds(prompt_tokens_P1, self.completion_tokens_PN))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a selector gets out of k samples, for each problem in the mean over choices of k."""

    accuracy_P: Floats
    """The chance that the answer taken is right."""
    confidence_P: Floats
    """0 to 1: of a vote the winner's share; of ``mbr`` its mean utility; of ``first`` and
    ``likeliest`` the geometric mean of its tokens' probabilities; nan where nothing is told.
    The confidence of one choice where k is N, as calibration asks for."""
    samples_P: Floats
    """That are drawn, k or fewer."""
    completion_tokens_P: Floats
    """Of all samples drawn."""
    prompt_tokens_P: Floats
    """Of the prompt, once."""
    seconds_P: Floats
    """Until the slowest of k side by side; with ``settled`` one after another."""

    @property
    def tokens_P(self) -> Floats:
        """Of the prompt, which the samples share, and of the completions."""
        return self.prompt_tokens_P + self.completion_tokens_P

    @property
    def tokens_unshared_P(self) -> Floats:
        """The same where each sample pays for the prompt anew."""
        return self.samples_P * self.prompt_tokens_P + self.completion_tokens_P


def outcome(answers: Answers, selector: Selector, k: int, stop: Stop = "all") -> Outcome:
    """What ``selector`` gets out of ``k`` samples.

    * ``first`` takes any one of them, so its accuracy is the mean of all N.
    * ``majority`` takes the answer that most give.
    * ``weighted`` does so with votes of weight exp(mean log-probability); to norm the weights to
      a problem's sum would change no winner.
    * ``likeliest`` takes the one of the highest mean log-probability.
    * ``checked`` takes one that a checker finds right, if there is one.
    * ``rewarded`` takes the one of the highest reward.
    * ``mbr`` takes the one of the highest mean utility to all k.

    Args:
        answers: of N samples.
        selector: as above.
        k: from 1 to N.
        stop: ``settled`` draws one sample after another, and stops when what is left cannot change
            the answer: when the majority's leader can be neither overtaken nor caught up with, or
            when the checker has found a right one. Accuracy is that of all ``k``.

    Raises:
        ValueError: there are not so many samples; or the selector needs what the answers do not
            tell; or it cannot be settled before all samples are there.
    """
    if not 1 <= k <= answers.samples:
        raise ValueError(f"of {answers.samples} samples no {k} can be chosen")
    if selector in ("majority", "weighted", "mbr"):
        accuracy_P, confidence_P = _by_vote(answers, selector, k)
    else:
        accuracy_P, confidence_P = _by_score(answers, selector, k)
    if stop == "settled":
        samples_P, tokens_P, seconds_P = _until_settled(answers, selector, k)
    else:
        samples_P = np.full(answers.problems, float(k))
        tokens_P = k * answers.completion_tokens_PN.mean(axis=1)
        waited_PN = answers.waited_PN(k)
        seconds_P = (best_shares(waited_PN, k) * waited_PN).sum(axis=1)
    prompt_tokens_P = answers.prompt_tokens_P.astype(np.float64)
    return Outcome(accuracy_P, confidence_P, samples_P, tokens_P, prompt_tokens_P, seconds_P)


def best_shares(score_PN: Floats, k: int) -> Floats:
    """The chance (P, N) that a sample is drawn among ``k`` and taken for its highest score.

    Of the ``C(N, k)`` choices, those whose best is in a group of g equals with b samples below
    are ``C(b + g, k) - C(b, k)``.
    """
    total = score_PN.shape[1]
    chosen = np.array([math.comb(n, k) / math.comb(total, k) for n in range(total + 1)])
    below_PN = (score_PN[:, None, :] < score_PN[:, :, None]).sum(axis=2)
    equal_PN = (score_PN[:, None, :] == score_PN[:, :, None]).sum(axis=2)
    return np.asarray((chosen[below_PN + equal_PN] - chosen[below_PN]) / equal_PN)


def subsets(total: int, k: int) -> Floats:
    """Choices of ``k`` of ``total`` as rows of 0 and 1 (S, N): all of them, or drawn ones."""
    if math.comb(total, k) <= MAX_SUBSETS:
        rows = list(itertools.combinations(range(total), k))
        chosen_Sk = np.array(rows, dtype=np.int64).reshape(len(rows), k)
    else:
        random_SN = np.random.default_rng(SEED).random((MAX_SUBSETS, total))
        chosen_Sk = random_SN.argsort(axis=1)[:, :k]
    member_SN = np.zeros((len(chosen_Sk), total))
    np.put_along_axis(member_SN, chosen_Sk, 1.0, axis=1)
    return member_SN


def majority_choice(answers: Answers) -> NDArray[np.int64]:
    """The answer (P,) that most samples give, of equals that of the lowest number; -1 for none."""
    chosen = []
    for choice_N in answers.choice_PN:
        numbers, votes = np.unique(choice_N[choice_N >= 0], return_counts=True)
        chosen.append(numbers[votes.argmax()] if len(numbers) else -1)
    return np.array(chosen, dtype=np.int64)


def _by_score(answers: Answers, selector: Selector, k: int) -> tuple[Floats, Floats]:
    """Accuracy (P,) and confidence (P,) of the sample with the highest score."""
    found_PN = answers.choice_PN >= 0
    share_PN = best_shares(_scores(answers, selector, found_PN), k)
    accuracy_P = (share_PN * (answers.correct_PN & found_PN)).sum(axis=1)
    if selector in ("checked", "rewarded"):
        return accuracy_P, np.full(answers.problems, np.nan)
    return accuracy_P, (share_PN * np.exp(answers.mean_logprob_PN)).sum(axis=1)


def _scores(answers: Answers, selector: Selector, found_PN: Bools) -> Floats:
    if selector == "first":
        return np.zeros(found_PN.shape)
    if selector == "checked":
        return (answers.correct_PN & found_PN).astype(np.float64)
    known = answers.reward_PN if selector == "rewarded" else answers.mean_logprob_PN
    return np.where(found_PN, _told(known, selector), -np.inf)


def _by_vote(answers: Answers, selector: Selector, k: int) -> tuple[Floats, Floats]:
    """Accuracy (P,) and confidence (P,) of the candidate with the largest sum of votes."""
    member_SN = subsets(answers.samples, k)
    means = []
    for vote_NC, weight_N, right_C in _ballots(answers, selector):
        sum_SC = member_SN @ vote_NC
        if selector == "mbr":  # its candidates are the samples, and those not drawn are none
            sum_SC *= member_SN
        top_S = sum_SC.max(axis=1, initial=0.0)
        winner_SC = (sum_SC >= (1 - TIED) * top_S[:, None]) & (sum_SC > 0)
        right_S = (winner_SC @ right_C) / np.maximum(winner_SC.sum(axis=1), 1)
        means.append((right_S.mean(), (top_S / (member_SN @ weight_N)).mean()))
    accuracy_P, confidence_P = np.array(means).T
    return accuracy_P, confidence_P


def _ballots(answers: Answers, selector: Selector) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Of each problem: the samples' votes for candidates (N, C), their weights (N,), right (C,).

    A weight counts in the whole even where its sample has no answer to vote for.
    """
    even_N = np.ones(answers.samples)
    if selector == "mbr":
        found_PN = (answers.choice_PN >= 0).astype(np.float64)
        right_PN = found_PN * answers.correct_PN
        utility_PNN = _told(answers.utility_PNN, selector)
        for utility_NN, found_N, right_N in zip(utility_PNN, found_PN, right_PN, strict=True):
            yield utility_NN.T * found_N, even_N, right_N
        return
    logprob_PN = np.zeros(answers.choice_PN.shape)
    if selector == "weighted":
        logprob_PN = _told(answers.mean_logprob_PN, selector)
    for problem, logprob_N in enumerate(logprob_PN):
        weight_N = np.exp(logprob_N - logprob_N.max())  # to the highest, so that not all vanish
        vote_NC, right_C = _candidates(answers, problem)
        yield vote_NC * weight_N[:, None], weight_N, right_C


def _candidates(answers: Answers, problem: int) -> tuple[Floats, Floats]:
    """Which sample gives which answer (N, C), and which answers are right (C,)."""
    choice_N = answers.choice_PN[problem]
    numbers_C, first_C = np.unique(choice_N, return_index=True)
    kept_C = numbers_C >= 0
    vote_NC = choice_N[:, None] == numbers_C[kept_C]
    right_C = answers.correct_PN[problem][first_C[kept_C]]
    return vote_NC.astype(np.float64), right_C.astype(np.float64)


def _until_settled(answers: Answers, selector: Selector, k: int) -> tuple[Floats, Floats, Floats]:
    """Samples, completion tokens and seconds (P,) until what is left cannot change the answer.

    What is settled stays so. So the sample after t is drawn if and only if the first t, any
    choice of t of the N, leave it open; and it is any of the others.
    """
    if selector not in ("majority", "checked"):
        raise ValueError(f"{selector} is not settled before all samples are drawn")
    drawn_P3, waited_PN = np.zeros((answers.problems, 3)), answers.waited_PN(1)
    for t in range(k):
        member_SN = subsets(answers.samples, t)
        next_SN = (1 - member_SN) / (answers.samples - t)
        for problem in range(answers.problems):
            if selector == "checked":
                right_N = answers.correct_PN[problem] & (answers.choice_PN[problem] >= 0)
                open_S = member_SN @ right_N == 0
            else:
                open_S = _lead(member_SN @ _candidates(answers, problem)[0]) <= k - t
            next_N = open_S @ next_SN / len(member_SN)
            tokens = next_N @ answers.completion_tokens_PN[problem]
            drawn_P3[problem] += next_N.sum(), tokens, next_N @ waited_PN[problem]
    samples_P, tokens_P, seconds_P = drawn_P3.T
    return samples_P, tokens_P, seconds_P


def _lead(votes_SC: Floats) -> Floats:
    """By how much the first of the candidates leads before the second (S,)."""
    two_SC = np.pad(votes_SC, ((0, 0), (2, 0)))
    second_S, top_S = np.partition(two_SC, -2, axis=1)[:, -2:].T
    return np.asarray(top_S - second_S)


def _told(values: Floats | None, selector: Selector) -> Floats:
    if values is None or np.isnan(values).any():
        raise ValueError(f"the answers do not tell what {selector} needs of every sample")
    return values
