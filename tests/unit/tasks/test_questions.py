import json
from datetime import date

import pytest

from bedstone.tasks.problems import Problem
from bedstone.tasks.questions import WEEKDAYS, Dates, Json, Unanswerable

PERSON = {"name": "Ada", "age": 30, "town": "Arlen", "likes": ["tea", "chess"]}
GOLD = '{"age":30,"likes":["tea","chess"],"name":"Ada","town":"Arlen"}'


def problem(content="", answer=None):
    return Problem("x/1", ("?",), answer, "eng", "", content=content)


def test_an_object_is_found_in_a_text_whatever_its_spaces_and_the_order_of_its_keys():
    text = f"```json\n{json.dumps(dict(reversed(PERSON.items())), indent=2)}\n``` or {{}}"
    assert Json().extract(problem(), text) == GOLD


def test_braces_within_texts_and_around_the_object_do_not_matter():
    odd = PERSON | {"name": "a}b{"}
    expected = Json().extract(problem(), json.dumps(odd))
    assert json.loads(expected) == odd
    for text in ("{" + json.dumps(odd), json.dumps({"facts": odd}), json.dumps(odd) + ' {"age": 3'):
        assert Json().extract(problem(), text) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"age": "30"},
        {"age": True},
        {"age": 30.5},
        {"name": None},
        {"town": 1},
        {"likes": "tea"},
        {"likes": ["tea", 1]},
        {"more": 1},
    ],
)
def test_what_the_schema_forbids_is_no_answer(changes):
    assert Json().extract(problem(), json.dumps(PERSON | changes)) is None


@pytest.mark.parametrize("key", PERSON)
def test_an_object_lacks_no_key(key):
    text = json.dumps({name: value for name, value in PERSON.items() if name != key})
    assert Json().extract(problem(), text) is None


@pytest.mark.parametrize("text", ["{", "{'age': 30}", '{"likes": ' + "[" * 100_000 + "}", "{}", ""])
def test_what_is_no_json_is_no_answer(text):
    assert Json().extract(problem(), text) is None


def test_the_facts_of_an_object_decide():
    task = Json()
    one = task.problems(1, 0, "test")[0]
    facts = json.loads(one.answer)
    assert task.check(one, task.extract(one, json.dumps(facts)))
    for changed in ({"age": facts["age"] + 1}, {"likes": [*facts["likes"], "tea"]}):
        assert not task.check(one, task.extract(one, json.dumps(facts | changed)))
    assert set(Json.schema["properties"]) == set(Json.schema["required"]) == set(facts)


def test_dates_are_counted_as_in_the_calendar():
    asked = set()
    for one in Dates(years=(2000, 2004), days=(1, 400)).problems(200, 0, "train"):
        kind, *words = one.content.split()
        asked.add(kind)
        if kind == "days":
            _, start, _, end = words
            days = (date.fromisoformat(end) - date.fromisoformat(start)).days
            assert one.answer == str(days)
        elif kind == "weekday":
            assert one.answer == date.fromisoformat(words[1]).strftime("%A")
        else:
            days, _, start = words
            past = date.fromisoformat(one.answer) - date.fromisoformat(start)
            assert past.days == int(days)
    assert asked == {"days", "weekday", "date"}
    assert WEEKDAYS[date(2024, 2, 29).weekday()] == "Thursday"


@pytest.mark.parametrize(
    ("content", "text", "answer"),
    [
        ("days from 2024-02-27 to 2024-03-02", "From 2024-02-27 it is 4 days.", "4"),
        ("days from 2020-02-27 to 2024-03-02", "1,465 days from 2020-02-27 to 2024-", "1465"),
        ("days from 2024-02-27 to 2024-03-02", "2024-03-02", None),
        ("weekday of 2024-02-29", "It is a THURSDAY, not a friday? answer: thursday.", "Thursday"),
        ("date 4 after 2024-02-27", "4 days after 2024-02-27 comes 2024-03-02.", "2024-03-02"),
        ("date 4 after 2024-02-27", "the 2nd of March", None),
    ],
)
def test_an_answer_to_a_question_about_dates_is_found(content, text, answer):
    assert Dates().extract(problem(content), text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("answer 12", "12"),
        ("Ada has 12 cats and 3 dogs; answer: 12", "12"),
        ("answer unknown", "unknown"),
        ("The facts do not say how many cats Ada has.", "unknown"),
        ("Bo has 3 cats, but Ada's cats are not given.", "unknown"),
        ("I don't know.", "unknown"),
        ("It cannot be told.", "unknown"),
        ("many", None),
    ],
)
def test_a_count_or_abstaining_is_found(text, answer):
    assert Unanswerable().extract(problem(), text) == answer


def test_the_asked_fact_is_missing_just_where_to_abstain_is_right():
    problems, is_sparse = Unanswerable(people=(1, 4)).problems(500, 0, "train"), False
    for one in problems:
        facts, _, asked = one.content.rpartition(". ")
        name, thing = asked.split(", ")
        table = dict(row.split(": ") for row in facts.split("; "))
        counts = dict(reversed(fact.split(" ")) for fact in table[name].split(", "))
        assert counts.get(thing, "unknown") == one.answer
        assert one.answerable == (one.answer != "unknown")
        rows = {row.count(",") for name_, row in table.items() if name_ != name}
        is_sparse = is_sparse or len(rows) > 1
    assert is_sparse  # a missing fact of others tells nothing
    assert 0.3 < sum(not one.answerable for one in problems) / 500 < 0.5
