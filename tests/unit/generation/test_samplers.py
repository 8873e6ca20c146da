import math

import pytest
import torch

from bedstone.generation import samplers
from bedstone.generation.samplers import (
    NO_TOKEN,
    History,
    bad_words,
    epsilon,
    eta,
    frequency,
    greedy,
    logit_bias,
    min_p,
    no_repeat_ngram,
    presence,
    repetition,
    temperature,
    top_k,
    top_n_sigma,
    top_p,
    typical,
)

pytestmark = pytest.mark.torch

LOGITS = torch.tensor([[0.15, 0.5, 0.05, 0.3]]).log()
FLAT = torch.zeros(1, 4)
ONE_LEFT = torch.tensor([[-math.inf, 2.0, -math.inf, -math.inf]])
SAID = History(torch.tensor([[3, 1, 0, 1, 1]]), prompt_width=2)
"""Four tokens, of which the prompt has 3 and 1."""
VOCABULARY = 48


def kept(logits_BV):
    return (~logits_BV[0].isinf()).nonzero()[:, 0].tolist()


@pytest.mark.parametrize(
    ("k", "tokens"), [(1, [1]), (2, [1, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_top_k(k, tokens):
    assert kept(top_k(LOGITS, k)) == tokens


def test_top_k_keeps_ties_with_the_last():
    assert kept(top_k(torch.tensor([[1.0, 1.0, 1.0, 0.0]]), 2)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("p", "tokens"),
    [(1e-9, [1]), (0.49, [1]), (0.51, [1, 3]), (0.81, [0, 1, 3]), (1, [0, 1, 2, 3])],
)
def test_top_p_keeps_the_token_that_crosses(p, tokens):
    assert kept(top_p(LOGITS, p)) == tokens


def test_top_p_of_equally_likely_tokens_keeps_the_first():
    assert kept(top_p(FLAT, 0.5)) == [0, 1]


@pytest.mark.parametrize(
    ("p", "tokens"), [(0, [0, 1, 2, 3]), (0.29, [0, 1, 3]), (0.31, [1, 3]), (1, [1])]
)
def test_min_p_is_relative_to_the_likeliest(p, tokens):
    assert kept(min_p(LOGITS, p)) == tokens


def test_greedy_keeps_one_token_even_of_ties():
    assert kept(greedy(torch.tensor([[1.0, 2.0, 2.0]]))) == [1]


def test_temperature_divides_the_logits():
    assert torch.equal(temperature(LOGITS, 0.5), LOGITS * 2)


@pytest.mark.parametrize(
    ("mass", "tokens"), [(1e-9, [3]), (0.31, [1, 3]), (0.81, [0, 1, 3]), (1, [0, 1, 2, 3])]
)
def test_typical_begins_with_the_token_nearest_to_the_entropy(mass, tokens):
    # The entropy is 1.14 nats; the tokens' -log p are 1.90, 0.69, 3.00 and 1.20.
    assert kept(typical(LOGITS, mass)) == tokens


@pytest.mark.parametrize(
    ("bound", "tokens"), [(0, [0, 1, 2, 3]), (0.149, [0, 1, 3]), (0.151, [1, 3]), (0.9, [1])]
)
def test_epsilon_is_a_probability(bound, tokens):
    assert kept(epsilon(LOGITS, bound)) == tokens


@pytest.mark.parametrize(
    ("bound", "tokens"),
    [
        (0, [0, 1, 2, 3]),
        (0.049, [0, 1, 2, 3]),
        (0.051, [0, 1, 3]),
        (0.21, [0, 1, 3]),
        (0.3, [1, 3]),
        (1, [1]),
    ],
)
def test_eta_is_epsilon_at_low_bounds_and_falls_with_the_entropy_at_high_ones(bound, tokens):
    # exp(-entropy) is 0.319; sqrt(0.21) of it is 0.146, and sqrt(0.3) of it 0.175.
    assert kept(eta(LOGITS, bound)) == tokens


@pytest.mark.parametrize(("n", "tokens"), [(0, [0]), (1.22, [0]), (1.23, [0, 1]), (9, [0, 1, 2])])
def test_top_n_sigma_counts_from_the_highest_logit(n, tokens):
    # Of 4, 2 and 0 a population's deviation is 1.633, and 2 of it are 1.225.
    logits_BV = torch.tensor([[4.0, 2.0, 0.0, -math.inf]])
    assert kept(top_n_sigma(logits_BV, n)) == tokens
    assert kept(top_n_sigma(logits_BV / 0.3, n)) == tokens


@pytest.mark.parametrize(
    ("sampler", "value"),
    [
        (temperature, 1),
        (top_k, 1),
        (top_p, 1e-30),
        (min_p, 1),
        (typical, 1e-30),
        (epsilon, 1),
        (eta, 1),
        (top_n_sigma, 0),
    ],
)
def test_one_token_left_is_always_kept(sampler, value):
    assert torch.equal(sampler(ONE_LEFT, value), ONE_LEFT)


@pytest.mark.parametrize(
    ("sampler", "value"),
    [(top_k, 1), (min_p, 1), (typical, 0.1), (epsilon, 1), (eta, 1), (top_n_sigma, 0)],
)
def test_a_flat_row_stays_whole(sampler, value):
    assert kept(sampler(FLAT, value)) == [0, 1, 2, 3]


def test_repetition_sees_the_prompt_and_makes_tokens_less_likely_on_either_side_of_zero():
    logits_BV = torch.tensor([[2.0, -2.0, 5.0, 0.0]])
    assert repetition(logits_BV, SAID, 2).tolist() == [[1.0, -4.0, 5.0, 0.0]]


def test_frequency_and_presence_count_the_output_alone():
    logits_BV = torch.zeros(1, 4)
    assert frequency(logits_BV, SAID, 0.5).tolist() == [[-0.5, -1.0, 0.0, 0.0]]
    assert presence(logits_BV, SAID, 0.5).tolist() == [[-0.5, -0.5, 0.0, 0.0]]


def test_logit_bias_is_added_and_may_rule_out():
    assert logit_bias(FLAT, {2: 1.5, 0: -math.inf}).tolist() == [[-math.inf, 0.0, 1.5, 0.0]]


@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        ([[2]], [0, 1, 3]),
        ([[2], [1, 1, 3]], [0, 1]),
        ([[0, 1, 3]], [0, 1, 2, 3]),
        ([[3, 1, 0, 1, 1, 0]], [1, 2, 3]),
        ([[2, 3, 1, 0, 1, 1, 0]], [0, 1, 2, 3]),
    ],
)
def test_bad_words_are_ruled_out_where_the_text_ends_in_their_beginning(words, tokens):
    assert kept(bad_words(FLAT, SAID, words)) == tokens


@pytest.mark.parametrize(
    ("n", "tokens"),
    [(1, [2]), (2, [2, 3]), (3, [0, 1, 2, 3]), (5, [0, 1, 2, 3]), (6, [0, 1, 2, 3])],
)
def test_no_n_tokens_are_said_twice(n, tokens):
    # After 1 came 0 and 1; after 1, 1 nothing yet.
    assert kept(no_repeat_ngram(FLAT, SAID, n)) == tokens


def test_the_place_before_a_shorter_prompt_is_no_token():
    padded = History(torch.tensor([[NO_TOKEN, NO_TOKEN, 3]]), prompt_width=3)
    assert kept(repetition(FLAT + 1, padded, 2)) == [0, 1, 2, 3]
    assert repetition(FLAT + 1, padded, 2).tolist() == [[1.0, 1.0, 1.0, 0.5]]
    assert kept(no_repeat_ngram(FLAT, padded, 1)) == [0, 1, 2]
    assert kept(no_repeat_ngram(FLAT, padded, 2)) == [0, 1, 2, 3]
    assert torch.equal(frequency(FLAT, padded, 1), FLAT)


@pytest.mark.parametrize(
    "ban",
    [
        lambda: logit_bias(ONE_LEFT, {1: -math.inf}),
        lambda: bad_words(ONE_LEFT, SAID, [[1]]),
        lambda: no_repeat_ngram(ONE_LEFT, SAID, 1),
    ],
)
def test_to_rule_out_every_token_is_an_error(ban):
    with pytest.raises(ValueError, match="rules out every token that was left"):
        ban()


@pytest.mark.parametrize(
    "ban", [lambda: logit_bias(FLAT, {4: 1.0}), lambda: bad_words(FLAT, SAID, [[1, 4]])]
)
def test_a_token_outside_the_vocabulary_is_an_error(ban):
    with pytest.raises(ValueError, match="names token 4; the vocabulary has 4, from 0"):
        ban()


@pytest.mark.parametrize(
    ("sampler", "value"),
    [
        (temperature, 0.0),
        (temperature, -1.0),
        (temperature, math.inf),
        (top_k, 0),
        (top_k, 1.5),
        (top_k, math.nan),
        (top_p, 0.0),
        (top_p, 1.1),
        (min_p, -0.1),
        (min_p, 1.1),
        (typical, 0.0),
        (typical, 1.1),
        (epsilon, -0.1),
        (epsilon, 1.1),
        (eta, -0.1),
        (eta, math.nan),
        (top_n_sigma, -1.0),
        (top_n_sigma, math.inf),
    ],
)
def test_values_out_of_range(sampler, value):
    with pytest.raises(ValueError, match=f"{sampler.__name__} takes"):
        sampler(LOGITS, value)


@pytest.mark.parametrize(
    ("sampler", "value"),
    [
        (repetition, 0.0),
        (repetition, math.inf),
        (frequency, math.nan),
        (presence, math.inf),
        (no_repeat_ngram, 0),
        (no_repeat_ngram, 2.5),
    ],
)
def test_values_out_of_range_of_those_with_a_history(sampler, value):
    with pytest.raises(ValueError, match=f"{sampler.__name__} takes"):
        sampler(LOGITS, SAID, value)


def rows():
    """Two hundred: random of four spreads, with ties, with tokens ruled out, one-hot, flat."""
    generator = torch.Generator().manual_seed(0)

    def normal(count, spread):
        return torch.randn(count, VOCABULARY, generator=generator) * spread

    out = normal(30, 3)
    out[torch.rand(30, VOCABULARY, generator=generator) < 0.6] = -math.inf
    out[:, 7] = 1.0
    one_hot = torch.full((10, VOCABULARY), -math.inf)
    one_hot[range(10), range(10)] = 1.0
    peaked = normal(10, 1)
    peaked[:, 3] = 100.0
    plain = [normal(25, spread) for spread in (0.05, 1, 4, 20)]
    flat = torch.arange(-5.0, 5.0)[:, None].expand(-1, VOCABULARY)
    return torch.cat([*plain, normal(40, 2).round(), out, one_hot, peaked, flat])


def texts():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(VOCABULARY // 2, (200, 40), generator=generator)


def same(found_BV, expected_BV):
    """The same tokens, as likely."""
    assert torch.equal(found_BV.isinf(), expected_BV.isinf())
    torch.testing.assert_close(found_BV.softmax(1), expected_BV.softmax(1), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("name", "warper", "values"),
    [
        ("temperature", "TemperatureLogitsWarper", (0.01, 0.7, 1.0, 3.0)),
        ("top_k", "TopKLogitsWarper", (1, 2, 17, 48, 1000)),
        ("min_p", "MinPLogitsWarper", (0.0, 1e-8, 0.05, 0.3, 1.0)),
        ("typical", "TypicalLogitsWarper", (1e-8, 0.2, 0.87, 0.9999)),
        ("epsilon", "EpsilonLogitsWarper", (1e-8, 3e-4, 0.03, 0.3, 0.999)),
        ("eta", "EtaLogitsWarper", (1e-8, 3e-4, 0.03, 0.3, 0.999)),
    ],
)
def test_what_is_kept_is_what_hugging_face_keeps(name, warper, values):
    transformers = pytest.importorskip("transformers")
    for value in values:
        found_BV = getattr(samplers, name)(rows(), value)
        same(found_BV, getattr(transformers, warper)(value)(texts(), rows()))


@pytest.mark.parametrize("p", [1e-8, 0.31, 0.87, 0.9999])
def test_top_p_keeps_as_many_as_hugging_face_and_as_likely(p):
    # Which of equally likely tokens stay there depends on its sort.
    warper = pytest.importorskip("transformers").TopPLogitsWarper(p)
    found_BV, expected_BV = top_p(rows(), p), warper(texts(), rows())
    same(found_BV.sort(dim=1).values, expected_BV.sort(dim=1).values)
    untied = [row for row, logits in enumerate(rows()) if len(set(logits.tolist())) == VOCABULARY]
    assert len(untied) > 100
    same(found_BV[untied], expected_BV[untied])


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.3])
def test_repetition_is_hugging_faces(penalty):
    transformers = pytest.importorskip("transformers")
    processor = transformers.RepetitionPenaltyLogitsProcessor(penalty)
    same(repetition(rows(), History(texts(), 10), penalty), processor(texts(), rows()))


@pytest.mark.parametrize("n", [1, 2, 3, 41])
def test_no_repeat_ngram_is_hugging_faces(n):
    transformers = pytest.importorskip("transformers")
    logits_BV = rows()[:100]  # one-hot rows may be ruled out whole
    found_BV = no_repeat_ngram(logits_BV, History(texts()[:100], 10), n)
    same(found_BV, transformers.NoRepeatNGramLogitsProcessor(n)(texts()[:100], logits_BV))


def test_bad_words_and_biases_are_hugging_faces():
    transformers = pytest.importorskip("transformers")
    logits_BV, ids_BT = rows()[:100], texts()[:100]
    ends = [row[-2:].tolist() for row in ids_BT[:20]]
    words = [[3], [9, 4], *([*end, token] for token, end in enumerate(ends)), [*range(47)]]
    processor = transformers.NoBadWordsLogitsProcessor(words)
    same(bad_words(logits_BV, History(ids_BT, 10), words), processor(ids_BT, logits_BV))
    biases = {0: 1.5, 7: -20.0, 47: -math.inf}
    processor = transformers.SequenceBiasLogitsProcessor({(id_,): b for id_, b in biases.items()})
    same(logit_bias(logits_BV, biases), processor(ids_BT, logits_BV))
