import math

import pytest

from bedstone.laws.repeated_text import R_STAR, effective_tokens, pass_worth


def test_the_fourth_pass_is_worth_82_percent_of_fresh_text():
    assert pass_worth(4) == pytest.approx(0.82, abs=0.005)
    assert pass_worth(1) == 1
    assert pass_worth(0.4) == 1


def test_what_a_pass_is_worth_is_the_slope_of_what_all_are_worth():
    for number in (1, 2, 4, 17.5):
        slope = effective_tokens(1, number + 1e-6) - effective_tokens(1, number)
        assert slope / 1e-6 == pytest.approx(pass_worth(number), rel=1e-4)


def test_a_whole_pass_is_worth_more_than_its_end():
    whole = effective_tokens(1, 4) - effective_tokens(1, 3)
    assert whole == pytest.approx(0.85, abs=0.005)


def test_text_that_was_not_read_once_is_fresh():
    assert effective_tokens(1000, 0.25) == 250
    assert effective_tokens(1000, 1) == 1000


def test_no_number_of_passes_is_worth_more_than_the_end():
    assert effective_tokens(1000, 1e9) == pytest.approx(1000 * (1 + R_STAR))


def test_the_loss_of_the_paper_s_model_is_found_again():
    # Constants and figure: the authors' code for 6.34e9 parameters, 242e9 tokens of 25e9.
    log_a, log_b, log_e, exponent, r_star_parameters = (
        6.255414,
        7.3049974,
        0.6254804,
        0.3526596,
        5.309743,
    )
    unique, parameters, tokens = 25e9, 6.34e9, 242e9
    ratio = math.exp((log_a - log_b) / exponent)  # best N over D, as alpha and beta are equal
    unique_parameters = ratio * unique
    repeated = parameters / unique_parameters - 1
    effective_parameters = unique_parameters * (
        1 + r_star_parameters * (1 - math.exp(-repeated / r_star_parameters))
    )
    loss = (
        math.exp(log_e)
        + math.exp(log_a) / effective_parameters**exponent
        + math.exp(log_b) / effective_tokens(unique, tokens / unique) ** exponent
    )
    assert loss == pytest.approx(2.2256440889984477, rel=1e-12)
