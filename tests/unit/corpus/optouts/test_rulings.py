"""Cases of RFC 9309: its own examples, and what its sections 2.2 and 2.5 ask for."""

import pytest

from bedstone.corpus.optouts.rulings import MAX_BYTES, MAX_RULES, Robots, decoded

SIMPLE = """
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""
LONGEST = "User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n"
TWICE = (
    "user-agent: foobot\ndisallow: /a\nuser-agent: other\ndisallow: /c\n"
    "USER-AGENT: FooBot\ndisallow: /b"
)
BARE = "User-agent: foobot\n{}"
CASES = [  # text, agent, path, allowed
    (SIMPLE, "anybot", "/example/x", False),
    (SIMPLE, "anybot", "/publications/x", True),
    (SIMPLE, "anybot", "/x.gif", False),
    (SIMPLE, "anybot", "/x.gif?size=1", True),
    (SIMPLE, "anybot", "/publications/x.gif", True),  # as long as, or longer than, *.gif$
    (SIMPLE, "foobot", "/publications/", False),
    (SIMPLE, "foobot", "/example/page.html", True),
    (SIMPLE, "foobot", "/example/allowed.gif", True),
    (SIMPLE, "foobot", "/", False),
    (SIMPLE, "barbot", "/example/page.html", False),
    (SIMPLE, "bazbot", "/example/page.html", False),
    (SIMPLE, "bazbot", "/example/x", True),
    (SIMPLE, "quxbot", "/example/page.html", True),
    (LONGEST, "foobot", "/example/page/disallowed.gif", False),
    (LONGEST, "foobot", "/example/page/x", True),
    # 2.2.1: names are matched whole and in any case, groups of one agent are joined
    (TWICE, "FOOBOT", "/a", False),
    (TWICE, "foobot", "/b", False),
    (TWICE, "foobot", "/c", True),
    ("User-agent: foo\nDisallow: /", "foobot", "/", True),
    ("User-agent: foobot-news\nDisallow: /", "foobot", "/", True),
    ("User-agent: foobot/1.0 (x)\nDisallow: /", "foobot", "/", False),
    ("User-agent: *\nDisallow: /\nUser-agent: foobot\nDisallow:", "foobot", "/", True),
    ("Disallow: /\nUser-agent: foobot\nAllow: /x", "foobot", "/", True),
    # 2.2.2: the most octets win, of equal ones Allow; case of a path counts; codes are one thing
    (BARE.format("Disallow: /a\nAllow: /a"), "foobot", "/a", True),
    (BARE.format("Allow: /a\nDisallow: /a"), "foobot", "/a", True),
    (BARE.format("Disallow: /\nAllow: /ab\nDisallow: /abc"), "foobot", "/abx", True),
    (BARE.format("Disallow: /A"), "foobot", "/a", True),
    (BARE.format("Disallow: /foo/bar?baz=quz"), "foobot", "/foo/bar?baz=quz", False),
    (BARE.format("Disallow: /x?y=https://foo.bar"), "foobot", "/x?y=https%3A%2F%2ffoo.bar", False),
    (BARE.format("Disallow: /x?y=https%3A%2F%2Ffoo.bar"), "foobot", "/x?y=https://foo.bar", False),
    (BARE.format("Disallow: /a/b"), "foobot", "/a%2Fb", True),
    (BARE.format("Disallow: /foo/bar/ツ"), "foobot", "/foo/bar/%E3%83%84", False),
    (BARE.format("Disallow: /foo/bar/%E3%83%84"), "foobot", "/foo/bar/%e3%83%84", False),
    (BARE.format("Disallow: /foo/bar/%62%61%7A"), "foobot", "/foo/bar/baz", False),
    (BARE.format("Disallow: /"), "foobot", "/robots.txt", True),
    # 2.2.3: special characters
    (BARE.format("Disallow: /a # /b"), "foobot", "/a", False),
    (BARE.format("Disallow: /this/path/exactly$"), "foobot", "/this/path/exactly", False),
    (BARE.format("Disallow: /this/path/exactly$"), "foobot", "/this/path/exactly/", True),
    (BARE.format("Disallow: /this/*/exactly"), "foobot", "/this/a/b/exactly/c", False),
    (BARE.format("Disallow: /this/*/exactly"), "foobot", "/this/exactly", True),
    (BARE.format("Disallow: /file-a-%2A.html"), "foobot", "/file-a-%2A.html", False),
    (BARE.format("Disallow: /file-a-%2A.html"), "foobot", "/file-a-x.html", True),
    (BARE.format("Disallow: /foo-%24"), "foobot", "/foo-$", False),
    # 2.2.4 and 2.3.1.5: other records, and lines that are none, disturb nothing
    ("User-agent: foobot\nSitemap: /s\nUser-agent: b\nDisallow: /", "foobot", "/", False),
    ("<html>\nUser-agent: foobot\n\0\nnonsense\n\nDisallow: /", "foobot", "/", False),
    ("User-agent: foobot\rDisallow: /a\r\nDisallow: /b", "foobot", "/b", False),
    ("", "foobot", "/", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "agent", "path", "is_allowed"), CASES)
def test_rules_as_the_standard_has_them(text, agent, path, is_allowed):
    robots = Robots(text, [agent], star_counts=True)
    assert (robots.refusals(f"https://a.example{path}") == []) == is_allowed


def test_the_line_that_forbids_is_told_once_for_all_its_agents():
    text = (
        "User-agent: a\nUser-agent: B\nDisallow: /x\nDisallow: /x/y\n\nUser-agent: *\nDisallow: /"
    )
    robots = Robots(text, ["A", "b", "c", "d"], star_counts=True)
    assert robots.refusals("https://a.example/x/y/z") == [
        "*: line 7, Disallow: /",
        "A, b: line 4, Disallow: /x/y",
    ]
    assert Robots(text, ["c"], star_counts=False).refusals("https://a.example/x") == []


def test_an_agent_that_is_named_beside_all_is_named():
    robots = Robots("User-agent: *\nUser-agent: a\nDisallow: /", ["a", "b"], star_counts=False)
    assert robots.refusals("https://a.example/") == ["a: line 3, Disallow: /"]


USAGE = frozenset({"content-usage", "content-signal"})


def test_usage_lines_belong_to_groups_and_the_longest_path_decides():
    text = (
        "User-agent: *\nContent-Signal: search=yes, ai-train=no\nContent-Usage: train-ai=n\n"
        "Content-Usage: /open/ train-ai=y\nAllow: /\n\nUser-agent: a\nAllow: /\n"
    )
    robots = Robots(text, ["b"], star_counts=False)
    closed = robots.usage("https://a.example/x", USAGE)
    assert closed == [
        ("*: line 3, content-usage: train-ai=n", False),
        ("*: line 2, content-signal: search=yes, ai-train=no", False),
    ]
    opened = robots.usage("https://a.example/open/x", frozenset({"content-usage"}))
    assert opened == [("*: line 4, content-usage: /open/ train-ai=y", True)]
    assert Robots(text, ["a"], star_counts=True).usage("https://a.example/x", USAGE) == []
    before = Robots("Content-Usage: train-ai=n\nUser-agent: a\n", ["b"], star_counts=True)
    assert [allows for _, allows in before.usage("https://a.example/", USAGE)] == [False]


def test_no_more_than_so_many_bytes_are_read_and_no_line_in_parts():
    head = b"\xef\xbb\xbfUser-agent: a\nDisallow: /x\n"
    body = head + b"#" * (MAX_BYTES - len(head) - 12) + b"\nDisallow: /yes\nDisallow: /y\n"
    robots = Robots(decoded(body), ["a"], star_counts=True)
    assert robots.refusals("https://a.example/x")
    assert not robots.refusals("https://a.example/y")
    assert decoded(b"\xff\n") == "\ufffd\n"


def test_many_agents_with_many_rules_are_not_held_each_with_each():
    agents = [f"agent{number}" for number in range(40)]
    shared = "".join(f"User-agent: {it}\n" for it in agents) + "Disallow: /*a\n" * 2 * MAX_RULES
    own = "".join(f"User-agent: {it}\nDisallow: /{it}\n" for it in agents)
    robots = Robots(shared + own, agents, star_counts=True)
    assert sum(len(it.forbidding) for it in robots._rulings) <= MAX_RULES
    few = Robots(f"User-agent: z\nDisallow: /z\n{shared}", ["z", *agents], star_counts=True)
    assert few.refusals("https://a.example/z") == ["z: line 2, Disallow: /z"]
