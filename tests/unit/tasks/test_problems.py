import dataclasses
import re

import pytest

from bedstone.errors import ConfigError
from bedstone.tasks.problems import NUMBER, TEST_SHARE, number, split_of, stated
from bedstone.tasks.puzzles import Factoring, Reversing, Sums

SMALL = Factoring(first=(2, 6), second=(2, 6))
"""Of 2 to 6, there are 14 products."""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("42", "42"),
        ("It is 42.", "42"),
        ("first 7, then 42", "42"),
        ("answer: 42, which is 40 + 2", "42"),
        ("The answer is 42. I added 40 and 2.", "42"),
        ("ANSWER 41\nNo: the answer is\n42", "41"),
        ("answer 41; no, answer 42", "42"),
        ("40 + 2 = 42. I hope that this answer helps.", "42"),
        ("answered 1, 2", "2"),
        ("La respuesta es 42, no 41", "42"),
        ("#### 42\n7", "42"),
        ("17-42", "42"),
        ("is -42", "-42"),
        ("= −42", "-42"),
        ("1,234,567", "1234567"),
        ("1,2345", "2345"),
        ("007", "7"),
        ("42.50", "42.5"),
        ("42.0", "42"),
        ("-0", "0"),
        ("४२", "42"),
        ("9" * 5000, "9" * 5000),
        ("none", None),
        ("", None),
    ],
)
def test_the_marked_or_else_the_last_number_is_found(text, found):
    match = stated(NUMBER, text)
    assert (None if match is None else number(match)) == found


def test_a_mark_without_what_is_sought_is_passed_over():
    assert stated(re.compile("[a-z]{4}"), "answer: abcd\nmy answer: 12") == "abcd"


def test_a_quarter_of_the_problems_is_to_test_on():
    splits = [split_of("sums", str(place)) for place in range(4000)]
    assert splits.count("test") / 4000 == pytest.approx(TEST_SHARE, abs=0.03)
    assert split_of("sums", "1+2") == split_of("sums", "1+2")


def test_of_a_small_task_all_problems_are_tested():
    count = sum(
        split_of("factoring", str(n)) == "test"
        for n in {a * b for a in range(2, 7) for b in range(2, 7)}
    )
    assert len(SMALL.problems(count, 0, "test")) == count
    assert SMALL.problems(50, 0, "test") == SMALL.problems(count, 0, "test")


def test_to_train_on_problems_come_again_when_there_are_no_others():
    problems = SMALL.problems(200, 0, "train")
    contents = [problem.content for problem in problems]
    new = len(set(contents))
    assert len(set(contents[:new])) == new < 25
    assert len({problem.id for problem in problems}) == 200
    again = next(problem for problem in problems[new:] if problem.content == contents[0])
    assert re.fullmatch(re.escape(problems[0].id) + r"-\d+", again.id)


def test_a_split_without_a_problem_is_an_error():
    task = Factoring(first=(2, 2), second=(2, 2))
    if split_of("factoring", "4") == "train":
        task = Factoring(first=(2, 2), second=(3, 3))
    with pytest.raises(ConfigError, match="has no problem to train on"):
        task.problems(1, 0, "train")


def test_a_name_says_how_hard_a_task_is_where_that_is_not_as_by_default():
    assert Reversing().name == "reversing"
    assert Reversing(letters=(3, 5)).name == "reversing:letters=3-5"
    assert dataclasses.replace(Sums(), terms=(2, 2), digits=(1, 1)).name == (
        "sums:terms=2-2,digits=1-1"
    )


@pytest.mark.parametrize("terms", [(1, 3), (4, 3), (2, 101)])
def test_a_range_out_of_its_limits_is_refused(terms):
    with pytest.raises(ValueError, match="terms of sums is a range within 2-100"):
        Sums(terms=terms)
