import json
import re
from types import SimpleNamespace

import pytest
from tests.support.answers import compare, measured, share

from bedstone.reporting.sections.strategies import accuracy_chart, strategies
from bedstone.reporting.svg import COLOURS
from bedstone.sampling.choosing.comparison import Row


def chart():
    rows = compare(
        measured(share(40), "t=1", tokens=80),
        measured(share(60), "t=2", tokens=80, selector="majority", samples=4),
        measured(share(90), "t=3", tokens=80, selector="checked", samples=4),
        measured(share(85), "t=4", tokens=90, selector="checked", samples=5),
    ).rows
    return accuracy_chart(rows)


def words(chart):
    return re.findall(r"<text[^>]*>([^<]*)</text>", chart.wide)


def test_the_frontiers_have_names():
    found = words(chart())
    assert {"greedy", "majority of 4", "checked of 4"} <= set(found)
    assert not {"t=1", "checked of 5"} & set(found)
    assert "tokens a problem, prompt counted once, log scale" in found


def test_equal_and_near_points_have_one_name():
    near = [measured(share(50 + n), f"t={n}", tokens=50 + n) for n in (0, 10, 15)]
    equal = measured(share(70), "p=1", tokens=70)
    chosen = measured(share(70), "t=20", tokens=70)
    found = words(accuracy_chart(compare(*near, chosen, equal).rows))
    # a step is 0.3 of 0.2
    assert [word for word in found if "=" in word] == ["t=10", "t=20"]


def test_what_needs_a_checker_has_a_colour_of_its_own():
    svg = chart().wide
    dots = re.findall(r"<circle[^>]*>", svg)
    filled = [COLOURS[kind] for kind in ("made", "best of N", "known", "before")]
    assert all(any(f'fill="{colour}"' in dot for dot in dots) for colour in filled)
    assert f'stroke="{COLOURS["best of N"]}"' in svg


def test_it_is_told_in_words():
    assert chart().description == (
        "Accuracy against tokens of 5 strategies; on the frontier: greedy, 0.500; "
        "t=2, majority of 4, 0.600; t=3, checked of 4, 0.900."
    )


@pytest.fixture
def section(tmp_path):
    """The section about a comparison with this recommendation, of a task."""

    def told(recommended, task="sums"):
        rows = compare(measured(share(60), "t=2", tokens=80, selector="mbr", samples=4)).rows
        recommendation = {"strategy": recommended, "sentence": "said", "alike": []}
        answer = {"task": task, "problems": 7, "strategies": [row.told() for row in rows]}
        path = tmp_path / "strategies.json"
        path.write_text(json.dumps(answer | {"recommendation": recommendation}))
        made = SimpleNamespace(file=lambda name: tmp_path / name)
        model = SimpleNamespace(manifest=SimpleNamespace(stage="posttrain.sft"))
        about = SimpleNamespace(all=lambda stage: iter([made]), parent=lambda it, role: model)
        return strategies(about)

    return told


def test_the_heading_says_what_is_recommended_and_what_greedy_gives(section):
    found = section("t=2, mbr of 4", "whole sentences")
    answer = "t=2, mbr of 4: 60 % of the answers end as a sentence, in time, for 85 tokens a prompt"
    assert found.answer.replace("\u00a0", " ").startswith(f"{answer}; greedy, 50 % for 15")
    assert found.text[0].startswith("The model: fine-tuned (SFT). Right are answers that end as a")
    assert [row[0] for row in found.figures[0].table.rows][-1] == "t=2, mbr of 4"
    assert "of the answers are right, for" in section("t=2, mbr of 4").answer


def test_where_greedy_stands_the_heading_says_so(section):
    assert section(None).answer.startswith("No strategy beats greedy here: ")


def test_a_row_is_read_as_it_was_told():
    for row in compare(measured(share(60), "t=2", tokens=80, selector="mbr", samples=4)).rows:
        assert Row.read(json.loads(json.dumps(row.told()))) == row
