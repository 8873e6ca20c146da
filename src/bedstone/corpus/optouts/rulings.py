"""A robots.txt as far as it is about some agents: what it forbids them, and by which line.

Groups are told apart here, rules are matched by protego: it alone would match agents by parts of
their names, and of a file of many agents and many rules hold each with each.

Source: RFC 9309; draft-ietf-aipref-attach, "Content-Usage in robots.txt": the longest path decides.
Differs: an agent's name ends where a letter, digit, ``_`` or ``-`` does not follow, digits are not
in the RFC's; misspellings of ``Disallow`` are taken as protego takes them; a usage field before all
groups is read as one for ``*``; ``Content-Signal`` is read like ``Content-Usage``.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from protego import Protego

from bedstone.corpus.optouts.wishes import USAGES, preference

ALL = "*"
MAX_BYTES = 500 << 10
"""Of a file that are read: the least that the RFC asks for."""
MAX_RULES = 10_000
"""Of a file, each counted for all agents that it is for together, so that none stalls all pages of
its host. Where there are more, agents with few keep theirs."""
MAX_RULE_CHARACTERS = 2_000
"""A longer one is passed over."""
MAX_USAGES = 100
MAX_NAMED = 1_000
"""Rules among which the one that forbids a page is looked for."""
LINE_END = re.compile(r"\r\n|\r|\n")
LINE = re.compile(
    r"\s*(?:(?P<agent>user[ -]?agent)|(?P<allow>allow)"
    r"|(?P<disallow>diss?all?ow|diasllow|disallaw)"
    r"|(?P<usage>content-usage|content-signal))(?:\s*:\s*|\s+)(?P<value>.*)",
    re.IGNORECASE,
)
SLASH = re.compile("%2f", re.IGNORECASE)
TOKEN = re.compile(r"\*(?=\s|$)|[\w-]+")


class Rule(NamedTuple):
    """A line of a group."""

    line: int
    """From 1."""
    kind: str
    """``allow``, ``disallow``, or one of ``USAGES``."""
    value: str


@dataclass(slots=True)
class _Group:
    agents: set[str] = field(default_factory=set)
    rules: list[Rule] = field(default_factory=list)


class _Ruling(NamedTuple):
    """What is said to some agents."""

    label: str
    forbidding: list[Rule]
    usages: list[Rule]
    protego: Protego


class Robots:
    """What a robots.txt says to some agents."""

    def __init__(self, text: str, agents: Sequence[str], *, star_counts: bool) -> None:
        groups = list(_groups(text))
        by_agent = defaultdict[str, list[int]](list)
        for number, group in enumerate(groups):
            for agent in group.agents:
                by_agent[agent].append(number)
        named = defaultdict[tuple[str, tuple[int, ...]], list[str]](list)
        for agent in agents:
            is_named = agent.lower() in by_agent
            numbers = by_agent.get(agent.lower() if is_named else ALL, ())
            named["" if is_named else ALL, tuple(numbers)].append(agent)
        asked = [
            (label or ", ".join(names), [it for number in numbers for it in groups[number].rules])
            for (label, numbers), names in named.items()
        ]
        self._rulings, left = list[_Ruling](), MAX_RULES
        for label, rules in sorted(asked, key=lambda it: len(it[1])):
            some = rules[: left // (len(asked) - len(self._rulings))]
            left -= len(some)
            self._rulings.append(_ruling(label, some, counts=star_counts or label != ALL))

    def refusals(self, url: str) -> list[str]:
        """The lines that forbid ``url``, which begins with scheme and host, with their agents."""
        url = _plain(url)
        return [
            f"{it.label}: {_line(it.forbidding, url)}"
            for it in self._rulings
            if it.forbidding and not it.protego.can_fetch(url, ALL)
        ]

    def usage(self, url: str, counted: frozenset[str]) -> list[tuple[str, bool]]:
        """The usage lines that are about ``url``, and whether they allow training."""
        found, url = dict[str, bool](), _plain(url)
        for it in self._rulings:
            for name in USAGES if it.usages else ():
                if name in counted and (last := _decisive(it.usages, name, url)):
                    found[f"{it.label}: line {last[0].line}, {name}: {last[0].value}"] = last[1]
        return list(found.items())


def decoded(body: bytes) -> str:
    """The text of a robots.txt, as far as it is read."""
    whole = body if len(body) <= MAX_BYTES else body[: body.rfind(b"\n", 0, MAX_BYTES) + 1]
    return whole.decode("utf-8-sig", "replace")


def _groups(text: str) -> Iterator[_Group]:
    group, is_before = _Group({ALL}), True
    for number, line in enumerate(LINE_END.split(text), 1):
        found = LINE.match(line.partition("#")[0])
        if not found:
            continue
        value = " ".join(found["value"].split())
        if found["agent"]:
            if group.rules or is_before:
                yield group
                group, is_before = _Group(), False
            if token := TOKEN.match(value):
                group.agents.add(token[0].lower())
        elif (found["usage"] or not is_before) and len(value) <= MAX_RULE_CHARACTERS:
            kind = "disallow" if found["disallow"] else (found["usage"] or "allow").lower()
            group.rules.append(Rule(number, kind, value))
    yield group


def _ruling(label: str, rules: list[Rule], *, counts: bool) -> _Ruling:
    paths = [it for it in rules if counts and it.kind not in USAGES and it.value]
    forbidding = sorted(
        (it for it in paths if it.kind == "disallow"), key=lambda it: len(it.value), reverse=True
    )
    lines = "\n".join(f"{it.kind}: {_plain(it.value)}" for it in paths)
    usages = [it for it in rules if it.kind in USAGES][:MAX_USAGES]
    return _Ruling(label, forbidding, usages, Protego.parse(f"user-agent: *\n{lines}"))


def _line(forbidding: list[Rule], url: str) -> str:
    """The longest rule that forbids ``url``."""
    for rule in forbidding[:MAX_NAMED]:
        if _matches(rule.value, url):
            return f"line {rule.line}, Disallow: {rule.value}"
    return f"one of {len(forbidding):,} lines"


def _decisive(usages: list[Rule], name: str, url: str) -> tuple[Rule, bool] | None:
    """The line of this name with the longest path that is about ``url``; of equal ones a no."""
    found: tuple[int, bool, Rule] | None = None
    for rule in usages:
        path, _, rest = (
            rule.value.partition(" ") if rule.value[:1] in "/*" else ("", "", rule.value)
        )
        allows = preference(rest) if rule.kind == name else None
        if allows is not None and (not path or _matches(path, url)):
            candidate = (len(path), not allows, rule)
            found = candidate if found is None or candidate[:2] > found[:2] else found
    return (found[2], not found[1]) if found else None


def _matches(pattern: str, url: str) -> bool:
    return not _alone(_plain(pattern)).can_fetch(url, ALL)


def _plain(address: str) -> str:
    """The same with a slash in its query spelled in one way, which protego leaves as it is."""
    path, mark, query = address.partition("?")
    return path + mark + SLASH.sub("/", query) if mark else address


@lru_cache(1 << 12)
def _alone(pattern: str) -> Protego:
    return Protego.parse(f"user-agent: *\ndisallow: {pattern}")
