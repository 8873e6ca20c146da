"""Figures that the papers print, and their own formulas as oracles."""

import pytest

from bedstone.counting.utilisation import (
    activation_bytes_per_layer,
    hardware_flop_per_token,
    model_flop_per_token,
    utilisation,
)

VOCABULARY = 51_200
SEQ_LEN = 2048
GPTS = [  # width, layers, heads; MFU and HFU of table 5 in percent
    pytest.param(6144, 48, 64, 41.5, 43.7, id="22B"),
    pytest.param(12_288, 96, 96, 51.4, 52.8, id="175B"),
    pytest.param(20_480, 105, 128, 56.0, 57.0, id="530B"),
    pytest.param(25_600, 128, 160, 56.3, 57.0, id="1T"),
]


def of_a_gpt(d_model, n_layers):
    """Parameters in products, those of the head, and the width of attention."""
    head = VOCABULARY * d_model
    return 12 * n_layers * d_model**2 + head, head, 2 * n_layers * d_model


def printed(factor, d_model, n_layers, by_length, by_vocabulary):
    """Of a token, as the paper writes an iteration: factor B L s h^2 (1 + s/.. + v/..)."""
    share = 1 + SEQ_LEN / (by_length * d_model) + VOCABULARY / (by_vocabulary * d_model * n_layers)
    return factor * n_layers * d_model**2 * share


def test_palm():
    """Chowdhery et al. 2022, appendix B and table 3: 46.2 % and 45.7 %."""
    attention = 2 * 118 * 48 * 256
    for width, expected, percent in ((attention, 0.4620, 46.2), (0, 0.4570, 45.7)):
        flop = model_flop_per_token(540_000_000_000, width, 2048)
        mfu = utilisation(238_300, flop, 275e12, 6144)
        assert mfu == pytest.approx(expected, abs=5e-5)
        assert round(100 * mfu, 1) == percent


@pytest.mark.parametrize(("d_model", "n_layers", "n_heads", "mfu", "hfu"), GPTS)
def test_korthikanti(d_model, n_layers, n_heads, mfu, hfu):
    """Appendix A, equations of an iteration; table 5's shares, each rounded to 0.1."""
    matrices, head, width = of_a_gpt(d_model, n_layers)
    needed = model_flop_per_token(matrices, width, SEQ_LEN)
    assert needed == pytest.approx(printed(72, d_model, n_layers, 6, 12), rel=1e-14)
    done = {
        recompute: hardware_flop_per_token(matrices, head, width, SEQ_LEN, recompute)
        for recompute in ("none", "selective", "full")
    }
    assert done["none"] == needed
    assert done["selective"] == pytest.approx(printed(72, d_model, n_layers, 3, 12), rel=1e-14)
    assert done["full"] == pytest.approx(printed(96, d_model, n_layers, 6, 16), rel=1e-14)
    low, high = (hfu - 0.05) / (mfu + 0.05), (hfu + 0.05) / (mfu - 0.05)
    assert low <= done["selective"] / needed <= high


def test_gpt_3_saves_70_percent_of_activations_for_2_7_percent_of_flop():
    """Korthikanti et al. 2022, section 5."""
    size = {"batch": 1, "seq_len": SEQ_LEN, "d_model": 12_288, "n_heads": 96}
    all_of_it = activation_bytes_per_layer(**size, recompute="none")
    without_scores = activation_bytes_per_layer(**size, recompute="selective")
    assert all_of_it == SEQ_LEN * 12_288 * (34 + 80)  # 5 a s / h is 80
    assert without_scores == SEQ_LEN * 12_288 * 34
    assert round(1 - without_scores / all_of_it, 2) == 0.70
    assert activation_bytes_per_layer(**size, recompute="full") == 2 * SEQ_LEN * 12_288
    assert activation_bytes_per_layer(**size | {"batch": 3}, recompute="none") == 3 * all_of_it
    matrices, head, width = of_a_gpt(12_288, 96)
    done = hardware_flop_per_token(matrices, head, width, SEQ_LEN, "selective")
    assert round(done / model_flop_per_token(matrices, width, SEQ_LEN) - 1, 3) == 0.027
