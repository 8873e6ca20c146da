import numpy as np
import pyarrow as pa
import pytest

from bedstone.errors import DataError
from bedstone.posttrain.checker import WholeSentences
from bedstone.posttrain.prompts import drawn, read_pairs
from bedstone.sampling.choosing.evidence import Reader

GOOD = "  An answer that ends as it should. "


def test_its_problems_are_the_prompts_of_a_split(pairs):
    task = WholeSentences.of_pairs(pairs, None)
    train, held_out = read_pairs(pairs)
    for split, of_split in (("train", train), ("test", held_out)):
        problems = task.problems(7, 3, split)
        assert [each.prompts for each in problems] == [
            (pair.prompt,) for pair in drawn(of_split, 7, 3)
        ]
        assert problems == task.problems(100, 3, split)[:7]
    assert len({each.id for each in task.problems(100, 0, "test")}) == 10
    assert problems[0].language == "eng"


def test_prompts_of_too_many_bytes_are_left_out(pairs):
    task = WholeSentences.of_pairs(pairs, max_bytes=4)
    assert (len(task.train), len(task.test)) == (38, 8)
    with pytest.raises(DataError, match="no prompt to test on that fits"):
        WholeSentences.of_pairs(pairs, max_bytes=1).problems(3, 0, "test")


def test_what_is_right_is_what_has_the_property_and_was_not_cut_off(pairs):
    task = WholeSentences.of_pairs(pairs, None)
    problem = task.problems(1, 0, "test")[0]
    texts = [(GOOD, "stop"), (GOOD, "length"), ("Too short.", "stop"), (" ", "stop")]
    rows = [
        {
            "problem": problem.id,
            "sample": sample,
            "text": text,
            "finish_reason": reason,
            "completion_tokens": 9,
            "prompt_tokens": 3,
            "logprob": -1.0,
            "seconds": 1.0,
        }
        for sample, (text, reason) in enumerate(texts)
    ]
    answers = Reader(task, [problem]).read(pa.Table.from_pylist(rows), 4).answers
    assert np.array_equal(answers.correct_PN, [[True, False, False, False]])
    assert np.array_equal(answers.choice_PN, [[0, -1, 1, -1]])
