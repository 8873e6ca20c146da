import pytest

from bedstone.evaluation.verdicts.gaps import told_apart
from bedstone.evaluation.verdicts.panels import Measured, panel_of
from bedstone.tasks.items import Item


def measured(language, content, part, whole=1.0, *, passage=None, wording=""):
    name = f"{language} {content} {wording}"
    item = Item("s", name, language, "acc", parallel_id=content, passage_id=passage)
    return Measured(item, part, whole)


def test_a_language_has_the_mean_of_a_contents_wordings():
    made = [measured("b", "1", part, wording=part) for part in (1, 1, 0)] + [measured("b", "2", 0)]
    panel = panel_of([*made, measured("a", "2", 1)])
    assert panel.columns == ("a", "b")
    assert panel.values == [1, pytest.approx(1 / 3)]
    assert panel.clusters == [1, 2]
    assert not panel.is_single


def test_contents_are_paired_in_whatever_order_they_come():
    panel = panel_of(
        [measured("b", "2", 1), measured("a", "1", 1), measured("b", "1", 0), measured("a", "3", 0)]
    )
    differences = panel.differences([("a", "b")])
    assert (differences.values, differences.clusters) == ([1], [1])
    assert panel.is_counted


def test_languages_without_a_content_in_common_are_no_pair():
    panel = panel_of([measured("a", "1", 1), measured("b", "2", 1), measured("c", "2", 0)])
    assert panel.paired([("a", "b"), ("a", "c"), ("b", "c")]) == [("b", "c")]
    assert told_apart(panel, 0) == []
    assert panel.differences([("b", "c")]).values == [1]


def test_what_shares_a_passage_is_one_cluster_in_every_language():
    """Each language may name its passages in its own way: the first name is taken for all."""
    panel = panel_of(
        measured(language, content, 1, passage=f"{language} {passage}")
        for language in ("a", "b")
        for content, passage in (("1", "x"), ("2", "x"), ("3", "y"))
    )
    assert panel.cluster_U.tolist() == [0, 0, 1]
    assert panel.clusters == [2, 2]
    assert not panel.is_counted


def test_a_ratio_is_that_of_the_same_contents():
    panel = panel_of(
        [
            *(measured("a", "1", 30, 10), measured("a", "2", 10, 10), measured("a", "3", 99, 1)),
            *(measured("b", "1", 10, 5), measured("b", "2", 10, 20)),
        ]
    )
    assert panel.values == [pytest.approx(139 / 21), pytest.approx(20 / 25)]
    assert panel.ratios([("a", "b")]).values == [2]
    assert not panel_of([measured("a", "1", 1, 10)]).is_counted  # a bit is nothing right


def test_columns_may_be_others_than_languages():
    made = [measured("a", "1", 1), measured("b", "1", 0)]
    panel = panel_of(made, lambda item: "all")
    assert (panel.columns, panel.values, panel.clusters) == (("all",), [0.5], [1])
