import json
import socket
from collections import Counter
from pathlib import Path

import pytest

from bedstone.corpus.links.addresses import (
    MAX_CHARACTERS,
    host_of,
    hosts_above,
    listed_key,
    loose_keys,
    loosely,
    paths_above,
    site_of,
    strict_key,
)

TABLE = Path(__file__).parents[3] / "data" / "corpus" / "link_pairs.tsv"
"""Two URLs, spelled as in JSON, and how they match."""


def pairs() -> list[list[str]]:
    lines = TABLE.read_text("utf-8").splitlines()[1:]
    return [[json.loads(f'"{each}"') for each in line.split("\t")] for line in lines]


def how(left: str, right: str) -> str:
    ours, theirs = strict_key(left), strict_key(right)
    if ours is None or theirs is None:
        return "none"
    if ours == theirs:
        return "strict"
    return "loose" if set(loosely(ours)) & set(loose_keys(theirs)) else "none"


def test_two_hundred_pairs():
    assert Counter(match for _, _, match in pairs()) == {"none": 102, "strict": 72, "loose": 26}
    wrong = [
        (left, right, match)
        for left, right, match in pairs()
        if (how(left, right), how(right, left)) != (match, match)
    ]
    assert wrong == []


@pytest.mark.parametrize(("left", "right", "match"), pairs()[::8])
def test_a_key_is_its_own_key(left, right, match):
    for url in (left, right):
        if key := strict_key(url):
            assert strict_key(f"https://{key}") == key


def test_what_is_too_long_or_no_text_has_no_key():
    assert strict_key("http://a.example/" + "a" * MAX_CHARACTERS) is None
    assert strict_key("http://" + "a." * 200 + "example/") is None
    assert strict_key("http://a.example/\udc80") is None


def test_what_lists_say():
    assert listed_key("example.org") == listed_key("//example.org/") == "example.org"
    assert listed_key(" Example.org/~a/ ") == "example.org/~a"
    assert listed_key("two words") is None


def test_above():
    key = "a.b.example/c/d?e=1/2"
    assert host_of(key) == "a.b.example"
    assert host_of("a.example?b") == "a.example"
    assert hosts_above("a.b.example") == ["a.b.example", "b.example"]
    assert hosts_above("localhost") == ["localhost"]
    assert hosts_above("192.0.2.1") == ["192.0.2.1"]
    assert paths_above(key) == [key, "a.b.example/c/d", "a.b.example/c"]
    assert paths_above("a.example/c") == ["a.example/c"]
    assert paths_above("a.example?b") == ["a.example?b"]
    many = "a.example" + "/b" * 8_000
    assert len(paths_above(many)) < 100  # each has the length of the URL
    assert many in paths_above(many)
    assert paths_above("a.example") == []


def test_sites_without_the_network(monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    site_of.cache_clear()
    assert site_of("a.b.co.uk") == ("b.co.uk", "co.uk")
    assert site_of("a.github.io") == ("github.io", "io")
    assert site_of("co.uk") == (None, "co.uk")
    assert site_of("192.0.2.1") == ("192.0.2.1", None)
    assert site_of("[::1]") == ("[::1]", None)
    assert site_of("localhost") == (None, None)
