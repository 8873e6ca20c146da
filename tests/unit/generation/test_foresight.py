import pytest

from bedstone.counting.shape import ModelConfig
from bedstone.generation import foresight
from bedstone.generation.foresight import Draws, Foreseen, Known
from bedstone.text.encoder import Encoder

SHAPE = ModelConfig(
    vocab_size=300, n_layers=1, d_model=8, n_heads=2, n_kv_heads=1, d_ff=8, seq_len=64
)
DRAWS = Draws(6, 2, prompts=5, samples=4, prompt_tokens=7, tokens=11)


def test_batches_that_are_drawn_side_by_side_share_the_time(monkeypatch):
    monkeypatch.setattr(foresight, "_pace", lambda *asked: (0.5, 0.25))
    one, two, many = (DRAWS.seconds(SHAPE, "fp32", "cpu", at_once) for at_once in (1, 2, 9))
    assert one == 6 * (0.5 + 10 * 0.25)
    assert one == 2 * two == 2 * many  # there are no more than two


@pytest.mark.torch
def test_the_pace_is_measured_without_a_trained_model():
    assert DRAWS.seconds(SHAPE, "fp32", "cpu", 1) > 0


def test_tokens_are_those_of_all_rows():
    foreseen = Foreseen((DRAWS, DRAWS), read_tokens=30, trained_tokens=5)
    assert foreseen.tokens == 2 * 6 * 5 * 4 * 11 + 35


def test_a_part_tells_of_all_up_to_a_limit(tokenizer):
    known = Known({}, {"pairs": 2.5}, {}, SHAPE, Encoder.stored(tokenizer))
    assert known.count("pairs", 4, 100) == 10
    assert known.count("pairs", 4, 7) == 7
    # A token for each byte; two around a prompt, one behind an answer, none beyond the limit.
    assert known.lengths(["abcd"], ["ab", "abcdefgh"], 5) == (6, 4)
    assert known.lengths(["abcd", "ab"], [], 5) == (5, 5)
