"""What holds of every task, whatever is drawn and whatever a model writes."""

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedstone.tasks.catalogue import TASKS, named

SEEDS = st.integers(0, 10**6)
SPLITS = st.sampled_from(["train", "test"])
HARDER = {
    "sums": "terms=2-6,digits=1-3",
    "factoring": "first=2-99,second=2-999",
    "countdown": "count=2-5",
    "reversing": "letters=1-12",
    "sorting": "count=2-9,digits=1-1",
    "brackets": "length=1-14",
    "json": "likes=1-10",
    "dates": "years=1900-2100,days=1-400",
    "number-words": "numbers=500-1200",
    "unanswerable": "people=1-6,things=2-8",
}
NAMES = [*TASKS, *(f"{kind}:{difficulty}" for kind, difficulty in HARDER.items())]
TASK_NAMES = st.sampled_from(NAMES)
ANY_TEXT = st.text() | st.text(st.sampled_from('answer is:#\n 0123456789.,-+*/x()[]{}"mondayſK٣'))
EXAMPLES = {name: named(name).problems(30, 0, "test") for name in NAMES}


def right(task, problem, text):
    answer = task.extract(problem, text)
    return answer is not None and task.check(problem, answer)


@settings(max_examples=150, deadline=None)
@given(TASK_NAMES, SEEDS, SPLITS)
def test_what_is_worked_is_right(name, seed, split):
    task = named(name)
    for problem in task.problems(8, seed, split):
        assert right(task, problem, problem.worked), problem
        assert right(task, problem, f"Let me think.\n{problem.worked}\n"), problem
        if problem.answer is not None:
            assert task.extract(problem, problem.worked) == problem.answer
        assert len(set(problem.prompts)) >= 3


@settings(max_examples=150, deadline=None)
@given(TASK_NAMES, SEEDS)
def test_the_answer_to_another_problem_is_wrong(name, seed):
    task = named(name)
    one, other = task.problems(2, seed, "train")
    if one.answer is not None and one.answer != other.answer:
        assert not right(task, one, other.worked)
        assert not task.check(one, f"{one.answer}0")
        assert not task.check(one, one.answer[:-1])


@settings(max_examples=100, deadline=None)
@given(TASK_NAMES, SEEDS, SEEDS)
def test_train_and_test_share_no_problem(name, seed, other_seed):
    kind = name.partition(":")[0]
    to_train = {problem.content for problem in named(name).problems(40, seed, "train")}
    to_test = {problem.content for problem in TASKS[kind].problems(40, other_seed, "test")}
    assert not to_train & to_test


@settings(max_examples=60, deadline=None)
@given(TASK_NAMES, SEEDS, SPLITS, st.integers(0, 20))
def test_equal_seeds_give_equal_problems_and_fewer_are_the_first(name, seed, split, count):
    problems = named(name).problems(20, seed, split)
    assert named(name).problems(count, seed, split) == problems[:count]
    assert len({problem.id for problem in problems}) == 20
    assert len({problem.content for problem in problems}) == 20


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["sums:terms=2,digits=1", "sorting:count=2,digits=1"]), SEEDS, SEEDS)
def test_an_id_stands_for_one_question(name, seed, other_seed):
    first = {p.id: p for p in named(name).problems(8, seed, "test")}
    for problem in named(name).problems(8, other_seed, "test"):
        same = first.get(problem.id, problem)
        assert dataclasses.replace(same, worked="") == dataclasses.replace(problem, worked="")


@settings(max_examples=400, deadline=None)
@given(TASK_NAMES, ANY_TEXT, st.integers(0, 29))
def test_any_text_is_right_or_wrong_and_an_answer_stays_what_it_is(name, text, place):
    task, problem = named(name), EXAMPLES[name][place]
    answer = task.extract(problem, text)
    if answer is not None:
        assert isinstance(task.check(problem, answer), bool)
        assert task.extract(problem, answer) == answer
        assert task.extract(problem, f"answer {answer}") == answer


@pytest.mark.parametrize("name", NAMES)
def test_one_other_letter_or_digit_makes_an_answer_wrong(name):
    task, draws = named(name), random.Random(0)
    for problem in EXAMPLES[name]:
        steps, marker, answer = problem.worked.rpartition("answer ")
        place = draws.choice([i for i, sign in enumerate(answer) if sign.isalnum()] or [0])
        for sign in "019" if answer[place].isdigit() else "ax":
            changed = f"{answer[:place]}{sign}{answer[place + 1 :]}"
            if problem.answer is not None and changed != answer:
                assert not right(task, problem, steps + marker + changed), (problem, changed)
