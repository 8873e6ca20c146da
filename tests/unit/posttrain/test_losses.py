import json
import math
from pathlib import Path

import pytest
import torch

from bedstone.posttrain.losses import (
    dpo_loss,
    dpo_rewards,
    sequence_logprobs,
    sft_weights,
    token_logprobs,
)

pytestmark = pytest.mark.torch

DATA = Path(__file__).parents[2] / "data" / "posttraining"
DPO = json.loads((DATA / "dpo_golden.json").read_text("utf-8"))
SFT = json.loads((DATA / "sft_golden.json").read_text("utf-8"))
SIGMOID = [
    case
    for case in DPO["cases"]
    if (case["loss_type"], case.get("label_smoothing")) == ("sigmoid", 0)
]
DIGITS = 8
"""That the golden DPO figures have after the point."""


def doubles(values):
    return torch.tensor(values, dtype=torch.float64)


def sums(token_logps, mask):
    rows, _ = mask.nonzero(as_tuple=True)
    return sequence_logprobs(token_logps[mask], rows, len(mask))


def dpo(policy, beta):
    """The golden rows: the chosen four, then the rejected four."""
    mask = torch.tensor(DPO["completion_mask"])[:, 1:].bool()
    reference = sums(doubles(DPO["ref_token_logps"]), mask)
    rewards = dpo_rewards(sums(policy, mask), reference, beta)
    return rewards, dpo_loss(*rewards.chunk(2))


def test_there_are_golden_figures_of_both_betas():
    assert [case["beta"] for case in SIGMOID] == [0.1, 0.5]


@pytest.mark.parametrize("case", SIGMOID, ids=lambda case: f"beta={case['beta']}")
def test_dpo_is_the_golden_loss_with_its_gradients(case):
    policy = doubles(DPO["policy_token_logps"]).requires_grad_()
    rewards, loss = dpo(policy, case["beta"])
    (gradient,) = torch.autograd.grad(loss, policy)
    chosen, rejected = rewards.chunk(2)
    found = [loss, chosen.mean(), rejected.mean()]
    golden = [case["loss"], case["metrics"]["rewards/chosen"], case["metrics"]["rewards/rejected"]]
    assert [round(value.item(), DIGITS) for value in found] == pytest.approx(golden, abs=1e-9)
    rounded = gradient.round(decimals=DIGITS)
    assert (rounded - doubles(case["grad_wrt_policy_token_logps"])).abs().max() < 1e-9


@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_dpo_is_the_formula_to_the_last_digits(beta):
    mask, sides = DPO["completion_mask"], {}
    for name in ("policy_token_logps", "ref_token_logps"):
        beside = zip(DPO[name], mask, strict=True)
        sides[name] = [
            math.fsum(x for x, m in zip(r, ms[1:], strict=True) if m) for r, ms in beside
        ]
    rows = zip(sides["policy_token_logps"], sides["ref_token_logps"], strict=True)
    ratios = [policy - reference for policy, reference in rows]
    h = [chosen - rejected for chosen, rejected in zip(ratios[:4], ratios[4:], strict=True)]
    policy = doubles(DPO["policy_token_logps"]).requires_grad_()
    _, loss = dpo(policy, beta)
    (gradient,) = torch.autograd.grad(loss, policy)
    assert loss.item() == pytest.approx(
        sum(math.log1p(math.exp(-beta * x)) for x in h) / 4, abs=1e-9
    )
    slopes = [-beta / (1 + math.exp(beta * x)) / 4 for x in h]
    expected = doubles(mask)[:, 1:] * doubles([*slopes, *(-slope for slope in slopes)])[:, None]
    assert (gradient - expected).abs().max() < 1e-9


def test_a_model_that_is_its_reference_loses_log_two():
    same = doubles([-3.0, -5.0])
    rewards = dpo_rewards(same, same, beta=0.1)
    assert dpo_loss(rewards, rewards.flip(0)).item() == math.log(2)


def sft(precision):
    """The golden logits, the mask and targets, and the loss."""
    logits = torch.tensor(SFT["logits"], dtype=precision).requires_grad_()
    targets_BT = torch.tensor(SFT["labels"])[:, 1:]
    mask_BT = targets_BT != -100
    flat_RV = logits[:, :-1].flatten(0, 1)
    logprobs_BT = token_logprobs(flat_RV, targets_BT.clamp(min=0).flatten()).view_as(targets_BT)
    return logits, mask_BT, targets_BT, -(sft_weights(mask_BT) * logprobs_BT).sum()


def test_sft_is_the_golden_loss():
    # The golden figure was computed in fp32, so it is right to the last place of fp32 only.
    last_place = torch.finfo(torch.float32).eps * 2
    *_, loss = sft(torch.float64)
    assert loss.item() == pytest.approx(SFT["loss_token_mean"], abs=last_place)


def test_sft_is_the_formula_with_its_gradient():
    logits, mask_BT, targets_BT, loss = sft(torch.float64)
    (gradient,) = torch.autograd.grad(loss, logits)
    expected, count = torch.zeros_like(gradient), int(mask_BT.sum())
    losses = []
    for row, position in mask_BT.nonzero().tolist():
        weights = [math.exp(value) for value in SFT["logits"][row][position]]
        target = targets_BT[row, position].item()
        losses.append(math.log(math.fsum(weights)) - SFT["logits"][row][position][target])
        expected[row, position] = doubles(weights) / math.fsum(weights) / count
        expected[row, position, target] -= 1 / count
    assert loss.item() == pytest.approx(math.fsum(losses) / count, abs=1e-9)
    assert (gradient - expected).abs().max() < 1e-9


def test_bf16_logits_are_not_summed_in_bf16():
    logits = torch.zeros(1, 1000, dtype=torch.bfloat16)
    logprob = token_logprobs(logits, torch.tensor([3]))
    assert logprob.dtype == torch.float32
    assert logprob.item() == pytest.approx(-math.log(1000), abs=1e-5)


def test_a_sequence_without_a_token_has_logprob_zero():
    found = sequence_logprobs(torch.tensor([-1.0, -2.0, -4.0]), torch.tensor([0, 2, 2]), 3)
    assert found.tolist() == [-1.0, 0.0, -6.0]
