"""Items that are asked in words or by letters."""

import pytest

from bedstone.errors import DataError
from bedstone.tasks.asked import AskedItems
from bedstone.tasks.items import Item
from bedstone.tasks.problems import ABSTAINING

LANGUAGES = ("eng_Latn", "tel_Telu")


def item(number, language, **fields):
    base = {"suite": "s", "id": f"s/{language}/{number}", "parallel_id": str(number)}
    return Item(**base | {"language": language, "metric": "exact_match"} | fields)


SUMS = [(n, language) for language in LANGUAGES for n in range(9)]
CHOICES = {"choices": ("ఒకటి", "రెండు"), "gold": 1, "metric": "acc"}
ITEMS = [
    *(item(*it, question=f"{it[0]} + 1?", answers=(str(it[0] + 1),)) for it in SUMS),
    item("x", "tel_Telu", question="?", answers=()),
    item("c", "tel_Telu", context="పేజీ", question="?", **CHOICES),
    item("t", "tel_Telu", choices=("పాఠం",), metric="bits"),
]


def test_each_language_of_a_content_stands_beside_the_other():
    task = AskedItems.among(ITEMS, by_letter=False)
    problems = task.problems(100, 0, "test")
    assert sorted(it.id for it in problems) == sorted(it.id for it in ITEMS if not it.choices)
    contents = [it.id.rpartition("/")[2] for it in problems if not it.id.endswith("x")]
    assert contents[::2] == contents[1::2]
    assert task.problems(5, 0, "test") == problems[:5]
    assert task.problems(100, 1, "test") != problems
    assert task.problems(5, 0, "train") == []


def test_answers_are_found_and_judged():
    task = AskedItems.among(ITEMS, by_letter=False)
    problems = {it.id: it for it in task.problems(100, 0, "test")}
    sum_ = problems["s/tel_Telu/3"]
    assert sum_.prompts == ("3 + 1?",)
    assert task.check(sum_, task.extract(sum_, "సమాధానం ౪"))
    assert not task.check(sum_, task.extract(sum_, "5"))
    assert task.extract(sum_, "?") is None
    nothing = problems["s/tel_Telu/x"]
    assert (nothing.answer, nothing.answerable) == (ABSTAINING, False)
    assert task.check(nothing, task.extract(nothing, "తెలియదు"))
    assert not task.check(nothing, task.extract(nothing, "4"))


def test_options_are_letters_without_words_of_any_language():
    task = AskedItems.among(ITEMS, by_letter=True)
    (problem,) = task.problems(100, 0, "test")
    assert problem.prompts == ("పేజీ\n?\nA. ఒకటి\nB. రెండు\nA/B:",)
    assert task.check(problem, task.extract(problem, " B"))
    assert task.check(problem, task.extract(problem, "రెండు"))
    assert not task.check(problem, task.extract(problem, "A"))


def test_without_such_items_there_is_no_task():
    with pytest.raises(DataError, match="no item without choices"):
        AskedItems.among(ITEMS[-1:], by_letter=False)
    with pytest.raises(DataError, match="no item with several choices"):
        AskedItems.among(ITEMS[:3], by_letter=True)
