"""Samplers: what becomes of the logits of the next token before it is drawn.

Each is a pure function on a batch of logits in fp32. Logits are natural-log odds; -inf marks
tokens that are ruled out, and no sampler brings one back. A row holds at least one token that is
not ruled out, before and after. No function alters its input.

What truncates keeps the likeliest token of every row, but for ``typical``, which is made to drop
it; a row with one token left it does not change. Of tokens that are equally likely all stay or go
together, but for ``top_p`` and ``greedy``, which would keep a whole flat row: of theirs the lower
ids stay, so that a result depends on no sort's chance.

Where engines differ: ``top_k`` keeps ties, as Hugging Face and vLLM do, and so does ``typical``,
as Hugging Face does: a token that is as likely has no less right to stay. llama.cpp keeps none
after the last. Their ``top_p`` breaks ties as their sort happens to. ``repetition`` counts prompt
and output, as Hugging Face and vLLM do, ``frequency`` and ``presence`` the output alone, as OpenAI
and vLLM do, for else they would penalise what was asked. llama.cpp counts a window of the last
tokens in all three.

Shape letters: B rows of the batch, T positions, V tokens of the vocabulary, W windows of a text,
N tokens of a window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bedstone.generation.values import refuse_wrong

RULED_OUT = float("-inf")
NO_TOKEN = -1
"""The id at a position that a row's text does not reach: its prompt is shorter than others."""


@dataclass(frozen=True, slots=True)
class History:
    """The text of each row so far, up to the token that is drawn next."""

    tokens: Tensor
    """(B, T): ids, prompt before output; on the left ``NO_TOKEN`` where a prompt is shorter."""
    prompt_width: int
    """The first positions, which are the prompt's."""

    @property
    def output(self) -> Tensor:
        """Of each row the ids that were drawn."""
        return self.tokens[:, self.prompt_width :]


def temperature(logits_BV: Tensor, value: float) -> Tensor:
    """Divide by ``value``: below 1 sharpens, above 1 flattens; the order of tokens stays.

    Raises:
        ValueError: ``value`` not above 0; the limit at 0 is ``greedy``.
    """
    refuse_wrong("temperature", value)
    return logits_BV / value


def greedy(logits_BV: Tensor) -> Tensor:
    """Rule out all but the likeliest token; of equally likely ones the first stays."""
    best_B1 = logits_BV.argmax(dim=-1, keepdim=True)
    return torch.full_like(logits_BV, RULED_OUT).scatter(-1, best_B1, logits_BV.gather(-1, best_B1))


def top_k(logits_BV: Tensor, k: float) -> Tensor:
    """Rule out all but the ``k`` likeliest tokens; those as likely as the last of them stay.

    A ``k`` of the vocabulary's size or more changes nothing.

    Raises:
        ValueError: ``k`` is no whole number from 1.

    Source: Fan et al. 2018, arXiv:1805.04833.
    """
    refuse_wrong("top_k", k)
    count = min(int(k), logits_BV.shape[-1])
    bound_B1 = logits_BV.topk(count, dim=-1).values[..., -1:]
    return logits_BV.masked_fill(logits_BV < bound_B1, RULED_OUT)


def top_p(logits_BV: Tensor, p: float) -> Tensor:
    """Rule out all but the fewest tokens, likeliest first, whose probabilities reach ``p``.

    The token that crosses ``p`` stays, so at least one does. Of equally likely tokens those with
    the lower ids stay. ``p`` = 1 changes nothing.

    Raises:
        ValueError: ``p`` outside (0, 1].

    Source: Holtzman et al. 2020, arXiv:1904.09751, equations 2 and 3.
    """
    refuse_wrong("top_p", p)
    if p == 1:
        return logits_BV.clone()
    sorted_BV, order_BV = logits_BV.sort(dim=-1, descending=True, stable=True)
    probabilities_BV = sorted_BV.softmax(dim=-1)
    mass_before_BV = probabilities_BV.cumsum(dim=-1) - probabilities_BV
    drop_BV = mass_before_BV >= p
    drop_BV[..., 0] = False  # a rounded sum must not rule out the likeliest
    return logits_BV.masked_fill(drop_BV.scatter(-1, order_BV, drop_BV), RULED_OUT)


def min_p(logits_BV: Tensor, p: float) -> Tensor:
    """Rule out every token less likely than ``p`` times its row's likeliest one.

    The likeliest token of a row always stays. ``p`` = 0 changes nothing; ``p`` = 1 leaves the
    likeliest tokens. After a temperature the bound is on the probabilities that it gives.

    Raises:
        ValueError: ``p`` outside [0, 1].

    Source: Nguyen et al. 2024, arXiv:2407.01082.
    """
    refuse_wrong("min_p", p)
    if p == 0:
        return logits_BV.clone()
    bound_B1 = logits_BV.amax(dim=-1, keepdim=True) + torch.tensor(p).log()
    return logits_BV.masked_fill(logits_BV < bound_B1, RULED_OUT)


def typical(logits_BV: Tensor, mass: float) -> Tensor:
    """Rule out all but the tokens nearest to the entropy whose probabilities reach ``mass``.

    A token is near when its -log p is about as large as the row's entropy, so a very likely one
    may go while less likely ones stay. The token that crosses ``mass`` stays, and so do those as
    near as it; a flat row stays whole. ``mass`` = 1 changes nothing.

    Raises:
        ValueError: ``mass`` outside (0, 1].

    Source: Meister et al. 2023, arXiv:2202.00666, section 4.
    """
    refuse_wrong("typical", mass)
    if mass == 1:
        return logits_BV.clone()
    logprobs_BV = logits_BV.log_softmax(dim=-1)
    probabilities_BV = logprobs_BV.exp()
    distance_BV = (logprobs_BV + entropy_nats(probabilities_BV)).abs()
    sorted_BV, order_BV = distance_BV.sort(dim=-1, stable=True)
    reached_BV = probabilities_BV.gather(-1, order_BV).cumsum(dim=-1)
    last_B1 = (reached_BV < mass).sum(dim=-1, keepdim=True).clamp(max=logits_BV.shape[-1] - 1)
    return logits_BV.masked_fill(distance_BV > sorted_BV.gather(-1, last_B1), RULED_OUT)


def epsilon(logits_BV: Tensor, bound: float) -> Tensor:
    """Rule out every token less likely than ``bound``.

    The likeliest tokens of a row always stay. ``bound`` = 0 changes nothing; 1 leaves the
    likeliest.

    Raises:
        ValueError: ``bound`` outside [0, 1].

    Source: Hewitt et al. 2022, arXiv:2210.15191, section 4.
    """
    refuse_wrong("epsilon", bound)
    return _likely_enough(logits_BV, logits_BV.softmax(dim=-1), torch.tensor(bound))


def eta(logits_BV: Tensor, bound: float) -> Tensor:
    """Rule out every token less likely than ``bound`` or, if lower, sqrt(bound) exp(-entropy).

    So the flatter a row, the less likely its tokens may be. The likeliest tokens of a row always
    stay. ``bound`` = 0 changes nothing.

    Raises:
        ValueError: ``bound`` outside [0, 1].

    Source: Hewitt et al. 2022, arXiv:2210.15191, section 4.
    """
    refuse_wrong("eta", bound)
    probabilities_BV = logits_BV.softmax(dim=-1)
    most = torch.tensor(bound)
    bound_B1 = torch.minimum(most, most.sqrt() * (-entropy_nats(probabilities_BV)).exp())
    return _likely_enough(logits_BV, probabilities_BV, bound_B1)


def top_n_sigma(logits_BV: Tensor, n: float) -> Tensor:
    """Rule out every logit more than ``n`` standard deviations below its row's highest.

    A temperature before it changes nothing in what stays. The deviation is that of the tokens
    not ruled out, as llama.cpp takes it, and of a population, so that one token has 0; the
    paper's program takes a sample's over the whole vocabulary. ``n`` = 0 leaves the likeliest.

    Raises:
        ValueError: ``n`` below 0 or not finite.

    Source: Tang et al. 2024, arXiv:2411.07641, section 3.
    """
    refuse_wrong("top_n_sigma", n)
    bound_B1 = logits_BV.amax(dim=-1, keepdim=True) - n * deviation(logits_BV)
    return logits_BV.masked_fill(logits_BV < bound_B1, RULED_OUT)


def repetition(logits_BV: Tensor, history: History, penalty: float) -> Tensor:
    """Divide the logits above 0 of tokens seen, in prompt or output, and multiply the others.

    So a penalty above 1 makes them less likely, one below 1 more. It depends on where a model's
    logits have their 0, which their probabilities do not.

    Raises:
        ValueError: ``penalty`` not above 0.

    Source: Keskar et al. 2019, arXiv:1909.05858, section 4.1.
    """
    refuse_wrong("repetition", penalty)
    seen_BV = _counts(history.tokens, logits_BV) > 0
    penalised_BV = torch.where(logits_BV > 0, logits_BV / penalty, logits_BV * penalty)
    return torch.where(seen_BV, penalised_BV, logits_BV)


def frequency(logits_BV: Tensor, history: History, penalty: float) -> Tensor:
    """Subtract ``penalty`` for each time that a token stands in the output; 0 changes nothing.

    Raises:
        ValueError: ``penalty`` not finite.

    Source: OpenAI's API reference, frequency_penalty.
    """
    refuse_wrong("frequency", penalty)
    return logits_BV - penalty * _counts(history.output, logits_BV)


def presence(logits_BV: Tensor, history: History, penalty: float) -> Tensor:
    """Subtract ``penalty`` from every token that stands in the output; 0 changes nothing.

    Raises:
        ValueError: ``penalty`` not finite.

    Source: OpenAI's API reference, presence_penalty.
    """
    refuse_wrong("presence", penalty)
    return logits_BV - penalty * (_counts(history.output, logits_BV) > 0)


def logit_bias(logits_BV: Tensor, biases: Mapping[int, float]) -> Tensor:
    """Add to the logits of some tokens; -inf rules one out.

    Args:
        logits_BV: of a vocabulary that holds all the ids.
        biases: of token ids, in nats, below inf.

    Raises:
        ValueError: an id outside the vocabulary, or a row without a token left.
    """
    _in_vocabulary("logit_bias", biases, logits_BV)
    bias_V = torch.zeros(logits_BV.shape[-1])
    bias_V[list(biases)] = torch.tensor(list(biases.values()))
    bias_V = bias_V.to(logits_BV.device)
    return _some_left("logit_bias", logits_BV + bias_V)


def bad_words(logits_BV: Tensor, history: History, words: Sequence[Sequence[int]]) -> Tensor:
    """Rule out the last token of each word where the text ends in the word's other tokens.

    The text is prompt and output, as Hugging Face has it; vLLM looks at the output alone.

    Raises:
        ValueError: an id outside the vocabulary, or a row without a token left.
    """
    _in_vocabulary("bad_words", [token for word in words for token in word], logits_BV)
    out_BV = torch.zeros_like(logits_BV, dtype=torch.bool)
    length = history.tokens.shape[1]
    for *before, last in words:
        if len(before) <= length:
            end_BN = history.tokens[:, length - len(before) :]
            wanted_N = end_BN.new_tensor(before)
            out_BV[:, last] |= (end_BN == wanted_N).all(dim=1)
    return _some_left("bad_words", logits_BV.masked_fill(out_BV, RULED_OUT))


def no_repeat_ngram(logits_BV: Tensor, history: History, n: float) -> Tensor:
    """Rule out every token that would end ``n`` tokens that stand in prompt or output already.

    Raises:
        ValueError: ``n`` is no whole number from 1, or a row without a token left.

    Source: Paulus et al. 2017, arXiv:1705.04304, section 2.5.
    """
    refuse_wrong("no_repeat_ngram", n)
    size, length = int(n), history.tokens.shape[1]
    if length < size:
        return logits_BV.clone()
    windows_BWN = history.tokens.unfold(1, size, 1)
    end_B1N = history.tokens[:, None, length - size + 1 :]
    # Absent tokens repeat nothing: they are all on the left, where two windows never agree in them.
    repeats_BW = (windows_BWN[..., :-1] == end_B1N).all(dim=-1)
    ends_BW = windows_BWN[..., -1].where(repeats_BW, NO_TOKEN)
    out_BV = _counts(ends_BW, logits_BV) > 0
    return _some_left("no_repeat_ngram", logits_BV.masked_fill(out_BV, RULED_OUT))


def deviation(logits_BV: Tensor) -> Tensor:
    """Of each row, the standard deviation of the logits that are not ruled out, (B, 1)."""
    left_BV = logits_BV > RULED_OUT
    count_B1 = left_BV.sum(dim=-1, keepdim=True)
    mean_B1 = logits_BV.where(left_BV, 0).sum(dim=-1, keepdim=True) / count_B1
    squares_BV = (logits_BV - mean_B1).square().where(left_BV, 0)
    return (squares_BV.sum(dim=-1, keepdim=True) / count_B1).sqrt()


def entropy_nats(probabilities_BV: Tensor) -> Tensor:
    """Of each row, (B, 1)."""
    terms_BV: Tensor = torch.special.entr(probabilities_BV)  # of 0 it is 0
    return terms_BV.sum(dim=-1, keepdim=True)


def _likely_enough(logits_BV: Tensor, probabilities_BV: Tensor, bound_B1: Tensor) -> Tensor:
    drop_BV = probabilities_BV < bound_B1
    drop_BV &= logits_BV < logits_BV.amax(dim=-1, keepdim=True)
    return logits_BV.masked_fill(drop_BV, RULED_OUT)


def _counts(tokens_BT: Tensor, logits_BV: Tensor) -> Tensor:
    # What is no token is counted in a column of its own, behind the vocabulary.
    rows, vocabulary = logits_BV.shape
    column_BT = tokens_BT.where(tokens_BT >= 0, vocabulary)
    counts = torch.zeros(rows, vocabulary + 1, device=logits_BV.device)
    counts.scatter_add_(1, column_BT, torch.ones(column_BT.shape, device=logits_BV.device))
    return counts[:, :vocabulary]


def _in_vocabulary(name: str, ids: Sequence[int] | Mapping[int, float], logits_BV: Tensor) -> None:
    size = logits_BV.shape[-1]
    if wrong := [token for token in ids if not 0 <= token < size]:
        raise ValueError(f"{name} names token {wrong[0]}; the vocabulary has {size}, from 0")


def _some_left(name: str, logits_BV: Tensor) -> Tensor:
    if (logits_BV.amax(dim=-1) == RULED_OUT).any():
        raise ValueError(f"{name} rules out every token that was left of a row")
    return logits_BV
