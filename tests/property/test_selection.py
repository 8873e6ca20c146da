"""What holds of every selector whatever the samples say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedstone.sampling.choosing.selection import Answers, best_shares, outcome

CHOICES = st.integers(1, 7).flatmap(
    lambda samples: st.lists(
        st.lists(st.integers(-1, 3), min_size=samples, max_size=samples), min_size=1, max_size=4
    )
)
SELECTORS = st.sampled_from(
    ["first", "majority", "weighted", "likeliest", "checked", "rewarded", "mbr"]
)


def answers(choice):
    choice_PN = np.array(choice)
    random = np.random.default_rng(0)
    tokens_PN = random.integers(1, 9, choice_PN.shape)
    logprob_PN = -random.random(choice_PN.shape)
    same_PNN = (choice_PN[:, :, None] == choice_PN[:, None, :]).astype(float)
    return Answers(
        choice_PN,
        choice_PN == 0,
        logprob_PN * tokens_PN,
        logprob_PN,
        tokens_PN,
        np.ones(len(choice_PN), dtype=int),
        random.random(choice_PN.shape),
        np.zeros(choice_PN.shape, dtype=bool),
        np.ones(len(choice_PN), dtype=bool),
        random.random(choice_PN.shape),
        same_PNN,
    )


@given(CHOICES, SELECTORS, st.data())
def test_accuracy_is_between_what_must_and_what_can_be_right(choice, selector, data):
    k = data.draw(st.integers(1, len(choice[0])))
    made = answers(choice)
    accuracy_P = outcome(made, selector, k).accuracy_P
    assert (accuracy_P <= outcome(made, "checked", k).accuracy_P + 1e-9).all()
    assert (accuracy_P >= -1e-9).all()
    sure = (made.choice_PN == 0).all(axis=1)
    assert accuracy_P[sure] == pytest.approx(1)


@given(CHOICES, SELECTORS)
def test_of_one_sample_every_selector_takes_it(choice, selector):
    made = answers(choice)
    assert outcome(made, selector, 1).accuracy_P == pytest.approx(made.correct_PN.mean(axis=1))


@given(CHOICES, SELECTORS, st.randoms(use_true_random=False))
def test_the_order_of_samples_changes_nothing(choice, selector, random):
    made = answers(choice)
    order = list(range(made.samples))
    random.shuffle(order)
    turned = Answers(
        *(getattr(made, name)[:, order] for name in ("choice_PN", "correct_PN", "logprob_PN")),
        *(getattr(made, name)[:, order] for name in ("mean_logprob_PN", "completion_tokens_PN")),
        made.prompt_tokens_P,
        *(getattr(made, name)[:, order] for name in ("seconds_PN", "abstains_PN")),
        made.answerable_P,
        made.reward_PN[:, order],
        made.utility_PNN[:, order][:, :, order],
    )
    for k in range(1, made.samples + 1):
        assert outcome(turned, selector, k).accuracy_P == pytest.approx(
            outcome(made, selector, k).accuracy_P
        )


@given(CHOICES, st.sampled_from(["majority", "checked"]))
def test_settling_saves_and_takes_at_least_half_a_majority(choice, selector):
    made = answers(choice)
    for k in range(1, made.samples + 1):
        stopped, all_of = outcome(made, selector, k, "settled"), outcome(made, selector, k)
        assert (stopped.samples_P <= k + 1e-9).all()
        assert (stopped.completion_tokens_P <= all_of.completion_tokens_P + 1e-9).all()
        if selector == "majority":
            assert (stopped.samples_P >= k / 2).all()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.data())
def test_someone_is_taken(scores, data):
    k = data.draw(st.integers(1, len(scores)))
    share_PN = best_shares(np.array([scores], dtype=float), k)
    assert share_PN.sum() == pytest.approx(1)
    assert (share_PN >= 0).all()
