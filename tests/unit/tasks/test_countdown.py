import re
from fractions import Fraction

import pytest

from bedstone.tasks.countdown import Countdown, value
from bedstone.tasks.problems import Problem

PROBLEM = Problem("x/1", ("?",), None, "eng", "", content="2 3 5 7 = 56")


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("answer (3+5)*7", "(3+5)*7", True),
        ("Answer: ( 3 + 5 ) × 7 = 8 × 7 = 56", "(3+5)*7", True),
        ("Step 2 (3+5)*7", "(3+5)*7", True),
        ("56 = 7*(5+3)", "7*(5+3)", True),
        ("answer (3+5)*7*2/2", "(3+5)*7*2/2", False),  # 2 is given once
        ("answer (3+5)*(7+0)", "(3+5)*(7+0)", False),
        ("answer 7*8", "7*8", False),
        ("answer 3+5*7", "3+5*7", False),
        ("answer (3+5*7", "(3+5*7", False),
        ("answer 5/(2-2)", "5/(2-2)", False),
        ("answer 56", None, False),
    ],
)
def test_an_expression_is_found_and_checked(text, answer, right):
    assert Countdown().extract(PROBLEM, text) == answer
    assert (answer is not None and Countdown().check(PROBLEM, answer)) == right


def test_an_endless_expression_is_wrong():
    assert not Countdown().check(PROBLEM, "(" * 100_000 + "3+5" + ")" * 100_000)
    assert not Countdown().check(PROBLEM, "+".join(["3"] * 50_000))


@pytest.mark.parametrize(
    "text", ["7", "2+3*5", "(2+3)*5", "9-4-3", "24/4/3", "7/2*2", "1/3+2/3", "2*(3-(4-5))*6"]
)
def test_a_value_is_what_python_makes_of_it(text):
    assert value(text) == eval(re.sub(r"(\d+)", r"Fraction(\1)", text), {"Fraction": Fraction})


@pytest.mark.parametrize(
    "text", ["", "2+", "*2", "2 3", "(2", "2)", "()", "2**3", "-2", "2^3", "a", "2//3", "1.5"]
)
def test_what_is_no_expression_has_no_value(text):
    with pytest.raises(ValueError, match=r"stands|closed"):
        value(text)


def test_targets_are_whole_reached_by_all_numbers_and_not_among_them():
    for one in Countdown(count=(2, 5)).problems(100, 0, "train"):
        numbers, target = one.content.split(" = ")
        expression = one.worked.rpartition("answer ")[2]
        assert sorted(re.findall(r"\d+", expression), key=int) == numbers.split()
        assert 1 <= int(target) <= 999
        assert target not in numbers.split()
        for step, result in re.findall(r"([^;= ]+)=(\d+);", one.worked):
            assert value(step) == int(result)
