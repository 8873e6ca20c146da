"""Whatever sites and pages say of themselves, an answer comes out, and rules are as in RFC 9309."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.optouts.robots_records import address_of
from bedstone.corpus.optouts.rulings import Robots
from bedstone.corpus.optouts.wishes import wish_of
from bedstone.corpus.web.signals import license_of

COUNTED = frozenset({"noai", "tdm-reservation", "content-usage", "content-signal"})
LINES = st.sampled_from(
    ["user-agent: ", "allow: ", "disallow:", "content-usage: ", "content-signal:/", "# ", "\ufeff"]
)
FILES = st.lists(st.tuples(LINES, st.text(max_size=20)).map("".join)).map("\n".join)
PATTERNS = st.builds(
    "{}{}{}".format,
    st.just("/"),
    st.text("ab/*", max_size=6),
    st.sampled_from(["", "$"]),
)


@given(FILES, st.text(max_size=40))
def test_any_file_and_any_address_has_an_answer(text, path):
    robots = Robots(text, ["a", "gptbot"], star_counts=True)
    for url in (f"https://a.example/{path}", path):
        if address := address_of(url):
            assert all(robots.refusals(address.url))
            assert isinstance(robots.usage(address.url, COUNTED), list)


@given(st.sampled_from(["x-robots-tag: ", "meta robots: ", "content-usage: ", ""]), st.text())
def test_any_signal_has_a_meaning_or_none(name, value):
    assert wish_of(name + value, {"gptbot"}, COUNTED) in (True, False, None)
    license_of([f"license a: {value}"], f"https://a.example/{name}")


@given(
    st.lists(st.tuples(st.booleans(), PATTERNS), max_size=8),
    st.text("ab/", max_size=8).map("/{}".format),
)
def test_the_longest_rule_wins_and_of_equal_ones_that_which_allows(rules, path):
    lines = [f"{'Allow' if allows else 'Disallow'}: {pattern}" for allows, pattern in rules]
    robots = Robots("\n".join(["User-agent: a", *lines]), ["a"], star_counts=True)
    matching = [(len(it), allows) for allows, it in rules if re.match(expression(it), path)]
    is_allowed = max(matching, default=(0, True))[1]
    assert (robots.refusals(f"https://a.example{path}") == []) == is_allowed


def expression(pattern: str) -> str:
    body = ".*".join(map(re.escape, pattern.removesuffix("$").split("*")))
    return body + ("$" if pattern.endswith("$") else "")
