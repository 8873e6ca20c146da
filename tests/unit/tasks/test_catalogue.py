import json
from time import process_time

import pytest

from bedstone.errors import ConfigError, DataError
from bedstone.tasks.catalogue import TASKS, named, of_file
from bedstone.tasks.problems import paraphrases


def write(path, *lines):
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return path


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_is_found_by_its_own_name(kind):
    task = named(kind)
    assert task.name == kind
    assert task.problems(1, 0, "test")[0].id.startswith(f"{kind}/")


def test_a_name_takes_ranges_and_single_numbers():
    task = named("sums:terms=3-5,digits=2")
    assert (task.terms, task.digits) == ((3, 5), (2, 2))
    assert named(task.name) == task


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("factorin", "no task 'factorin'", "did you mean 'factoring'"),
        ("sums:letters=3", "'letters=3' is no range that sums has", "terms=3-4, digits=1-2"),
        ("sums:terms=a", "'terms=a' is no range", "terms=3-4"),
        ("sums:", "'' is no range", "terms=3-4"),
        ("sums:terms=5-3", "terms of sums is a range within 2-100, got 5-3", ""),
    ],
)
def test_a_name_that_means_nothing_is_an_error(name, message, hint):
    with pytest.raises(ConfigError) as error:
        named(name)
    assert message in str(error.value)
    assert hint in (error.value.hint or "")


@pytest.mark.parametrize("kind", TASKS)
def test_a_text_that_never_ends_is_soon_read(kind):
    task = named(kind)
    problem = task.problems(1, 0, "test")[0]
    before = process_time()
    for part in ("answer ", "(", "9", "1+", "1 ", "a-", "{", "[(", "one ", " ", "111,", "17 * "):
        task.extract(problem, part * 20_000)
    assert process_time() - before < 2


def test_every_wording_belongs_to_a_task():
    for wording, wordings in paraphrases().items():
        assert any(wording.startswith(kind) for kind in TASKS)
        assert len(set(wordings)) == len(wordings) >= 3, wording


def test_problems_of_a_file_are_asked_and_checked(tmp_path):
    path = write(
        tmp_path / "quiz.jsonl",
        {"question": "2+2?", "answer": "Two and two is 4.\n#### 4"},
        {"prompts": ["Capital of Italy?", "Italy's capital?"], "answers": ["Rome", "Roma"]},
        {"prompt": "Half of 2,469?", "answer": 1234.5, "id": "half", "language": "spa"},
        {"prompt": "3+1?", "answers": ["4", "four"]},
        {"prompt": "Who is it?", "answer": "No answer", "id": "0006"},
        {"prompt": "6*7?", "answer": "The answer is 42.", "id": "0007"},
        {"prompt": "A coffee house?", "answer": "cafe\u0301", "id": "0005"},
    )
    task = of_file(path)
    problems = {problem.id: problem for problem in task.problems(10, 0, "test")}
    assert task.name == "quiz"
    assert set(problems) == {
        "quiz/0001",
        "quiz/0002",
        "quiz/half",
        *(f"quiz/{place:04d}" for place in (4, 5, 6, 7)),
    }
    assert problems["quiz/0002"].prompts == ("Capital of Italy?", "Italy's capital?")
    assert problems["quiz/half"].language == "spa"
    for id_, text, right in [
        ("quiz/0001", "It is 2 + 2.\n#### 4", True),
        ("quiz/0001", "The answer is 4.0, or 2*2.", True),
        ("quiz/0001", "2+2=4", True),
        ("quiz/0001", "4, or is it 5", False),
        ("quiz/0002", "**Rome**.", True),
        ("quiz/0002", "I think so.\nAnswer: ROMA", True),
        ("quiz/0002", "Rome\n(in Italy)", False),
        ("quiz/half", "1,234.50", True),
        ("quiz/0004", "Four!", True),
        ("quiz/0004", "answer: 4", True),
        ("quiz/0005", "Café", True),
        ("quiz/0006", "No answer.", True),
        ("quiz/0007", "42", True),
    ]:
        answer = task.extract(problems[id_], text)
        assert task.check(problems[id_], answer) == right, text
    for problem in problems.values():
        assert task.check(problem, task.extract(problem, problem.worked))
    assert task.extract(problems["quiz/0001"], "four") is None
    assert task.extract(problems["quiz/0002"], " \n ") is None


def test_problems_of_a_file_are_all_to_test_on_in_the_order_of_a_seed(tmp_path):
    path = write(tmp_path / "a.jsonl", *({"prompt": f"{n}?", "answer": n} for n in range(40)))
    task = of_file(path)
    problems = task.problems(40, 1, "test")
    assert task.problems(7, 1, "test") == problems[:7]
    assert sorted(problems, key=lambda problem: problem.id) == list(task.listed)
    assert task.problems(7, 2, "test") != problems[:7]
    assert task.problems(7, 1, "train") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Expecting property name"),
        ("[1]", "the line is no object"),
        ('{"answer": "4"}', "there is no 'prompt'"),
        ('{"prompt": "a"}', "there is no 'answer'"),
        ('{"prompts": [], "answer": "4"}', "there is no 'prompt'"),
        ('{"prompts": "a", "answer": "4"}', "there is no 'prompt'"),
        ('{"prompt": "a", "answer": true}', "'answer' is no text"),
        ('{"question": " ", "answer": "4"}', "'question' is empty"),
        ('{"prompt": "b", "answers": ["4", ""]}', "'answers' is empty"),
        ('{"prompt": "a", "answer": "4"}', "line 1 asks the same"),
        ('{"prompt": "a", "answer": "4\\n####"}', "is empty or has several lines"),
        ('{"prompt": "a", "answer": "b\\nc"}', "is empty or has several lines"),
        ('{"prompt": "a", "answer": "4", "language": ["en"]}', "no language"),
        ('{"prompt": "a", "answer": "4", "id": "0001"}', "the id 'quiz/0001' stands there twice"),
        ("[" * 100_000, "quiz.jsonl:3"),
    ],
)
def test_a_bad_line_of_a_file_is_named(tmp_path, line, message):
    path = write(tmp_path / "quiz.jsonl", {"prompt": "a", "answer": "b"})
    path.write_text(f"{path.read_text('utf-8')}\n{line}\n", "utf-8")
    with pytest.raises(DataError) as error:
        of_file(path)
    assert str(error.value).startswith(f"{path}:3: ")
    assert message in str(error.value)
    assert error.value.hint


def test_a_file_without_problems_is_an_error(tmp_path):
    (tmp_path / "quiz.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no problem"):
        of_file(tmp_path / "quiz.jsonl")
    with pytest.raises(DataError, match="cannot read"):
        of_file(tmp_path / "absent.jsonl")
