import re

import pytest

from bedstone.tasks.problems import Problem
from bedstone.tasks.puzzles import Brackets, Factoring, Reversing, Sorting, Sums


def problem(content, answer=None):
    return Problem("x/1", ("?",), answer, "eng", "", content=content)


def test_steps_of_a_sum_are_right_and_take_the_terms_in_several_orders():
    problems = Sums(terms=(3, 3), digits=(1, 1)).problems(600, 0, "train")
    for one in problems:
        for left, right, total in re.findall(r"(\d+)\+(\d+)=(\d+)", one.worked):
            assert int(left) + int(right) == int(total)
    first, *_ = problems
    ways = {one.worked for one in problems if one.content == first.content}
    assert len(ways) > 1


def test_the_terms_of_a_sum_have_as_many_digits_as_asked_for():
    for one in Sums(terms=(2, 5), digits=(3, 3)).problems(50, 0, "test"):
        terms = one.content.split("+")
        assert 2 <= len(terms) <= 5
        assert {len(term) for term in terms} == {3}
        assert int(one.answer) == sum(map(int, terms))


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("answer 17*23", "17*23", True),
        ("391 = 23 × 17.", "17*23", True),
        ("$23 \\times 17$", "17*23", True),
        ("The factors are 17 and 23", "17*23", True),
        ("17 * 23 = 391", "17*23", True),
        ("answer 1*391", "1*391", False),
        ("answer 17*22", "17*22", False),
        ("answer 2*17*23", None, False),
        ("answer 17*23*1", None, False),
        ("answer -17*-23", None, False),
        ("answer 17.5*23", None, False),
        ("answer 17*23.5", None, False),
        ("1000000000017*23", None, False),
        ("answer 391", None, False),
    ],
)
def test_any_right_pair_is_right(text, answer, right):
    one = problem("391")
    assert Factoring().extract(one, text) == answer
    assert (answer is not None and Factoring().check(one, answer)) == right


def test_every_right_pair_is_right_and_no_other():
    one = problem("36")
    pairs = [(a, b) for a in range(40) for b in range(40) if Factoring().check(one, f"{a}*{b}")]
    assert pairs == [(2, 18), (3, 12), (4, 9), (6, 6), (9, 4), (12, 3), (18, 2)]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("answer dcba", "dcba"),
        ("Answer: DCBA.", "dcba"),
        ("The answer is 'dcba'", "dcba"),
        ("d c b a", "dcba"),
        ("answer: d-c-b-a", "dcba"),
        ("Sure! Here it is: d, c, b, a", "dcba"),
        ("Written backwards, abcd is dcba.", "dcba"),
        ("12", None),
        ("ſ", None),
    ],
)
def test_letters_are_found_in_a_text(text, answer):
    assert Reversing().extract(problem("abcd", "dcba"), text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("answer 3 8 15", "3 8 15"),
        ("Sorted: 3, 8, 15. There are 3 numbers.", "3 8 15"),
        ("3 < 8 < 15", "3 8 15"),
        ("3\n8\n15", "3 8 15"),
        ("3", None),
    ],
)
def test_a_row_of_numbers_is_found_in_a_text(text, answer):
    assert Sorting().extract(problem("15 3 8", "3 8 15"), text) == answer


def test_numbers_are_sorted_as_numbers():
    for one in Sorting(digits=(1, 3)).problems(50, 0, "test"):
        assert list(map(int, one.answer.split())) == sorted(map(int, one.content.split()))


def test_brackets_close_what_is_open_and_no_more():
    for one in Brackets(length=(1, 12)).problems(100, 0, "train"):
        whole = one.content + one.answer
        assert 1 <= len(one.content) <= 12
        assert set(one.answer) <= set(")]}")
        while shorter := re.sub(r"\(\)|\[\]|\{\}", "", whole):
            assert shorter != whole, one
            whole = shorter


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("answer )]", ")]"),
        ("[( needs ) ] .", ")]"),
        ("The whole is [()]", ")]"),
        ("answer ])", "])"),
        ("[(", None),
        ("nothing", None),
    ],
)
def test_brackets_are_found_in_a_text(text, answer):
    assert Brackets().extract(problem("[(", ")]"), text) == answer
