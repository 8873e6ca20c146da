import numpy as np
import pytest

from bedstone.corpus.classifiers import parting


@pytest.mark.parametrize(
    "urls",
    [
        (
            "https://h.example/stable/net-wireless.html.de",
            "https://h.example/3.2/net-wireless.html",
            "https://h.example/fr/net-wireless.html",
            "https://fr.h.example/docs/pt-BR/net-wireless",
            "net-wireless_fr.txt",
        ),
        (
            "https://a.example/de/guide/index.html",
            "https://a.example/fr/guide/",
            "https://a.example/guide",
        ),
        ("https://a.example/show?id=7&lang=fr", "https://a.example/show?lang=de&id=7"),
        ("https://a.example/", "https://a.example/fr/index.html"),
    ],
)
def test_translations_have_one_name(urls):
    assert len({parting.page_name(url) for url in urls}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/net-slow.html", "https://a.example/net-fast.html"),
        ("https://a.example/cars/index.html", "https://a.example/boats/index.html"),
        ("https://a.example/show?id=7", "https://a.example/show?id=8"),
    ],
)
def test_other_pages_have_others(one, other):
    assert parting.page_name(one) != parting.page_name(other)


def test_no_url_no_name():
    assert parting.page_name("") == ""
    assert parting.page_name("https://[") == "https://["


def test_likenesses_of_likenesses_are_one_group():
    one, other = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 3])
    assert parting.groups_of([f"page{name}" for name in other], one).tolist() == [0, 0, 0, 0, 4]


def test_near_duplicates_and_names_or_sites_make_groups():
    words = [f"{one}{other}" for one in "abcdefgh" for other in "klmnopqr"]
    texts = [" ".join(words), " ".join(["other", *words[1:]]), " ".join(words[::-1]), "x", ""]
    clusters = parting.clusters(texts)
    assert clusters[0] == clusters[1] != clusters[2]
    groups = parting.groups_of(["a.co.uk", "b.co.uk", "a.co.uk", "", ""], clusters)
    assert groups[0] == groups[1] == groups[2]
    assert len(set(groups.tolist())) == 3  # what has no name is by itself


def test_sites_are_held_out_where_there_are_many_and_none_has_most():
    many = [f"{number}.example" for number in range(10)] * 2
    assert parting.sites_can_be_held_out(many)
    assert not parting.sites_can_be_held_out(many[:9])
    assert not parting.sites_can_be_held_out([*many, *["0.example"] * 21])
    assert not parting.sites_can_be_held_out([""] * 20)


def test_folds_part_no_group_and_share_both_kinds():
    groups = np.repeat(np.arange(40), 5)
    is_positive = groups % 4 == 0
    folds = parting.folds_of(groups, is_positive)
    for group in range(40):
        assert len(set(folds[groups == group])) == 1
    assert np.bincount(folds, is_positive).tolist() == [10] * 5
    assert np.bincount(folds, ~is_positive).tolist() == [30] * 5
