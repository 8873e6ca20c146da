import pytest

from bedstone.corpus.optouts.wishes import wish_of

DEFAULT = frozenset({"noai", "tdm-reservation", "content-usage", "content-signal"})
AGENTS = frozenset({"gptbot"})
CASES = [
    ("x-robots-tag: noai, noimageai", False),
    ("x-robots-tag: NOAI", False),
    ("x-robots-tag: noimageai", None),
    ("x-robots-tag: noindex", None),
    ("x-robots-tag: GPTBot: noai", False),
    ("x-robots-tag: bingbot: noai", None),
    ("x-robots-tag: bingbot: noindex, noai", None),
    ("x-robots-tag: bingbot: noindex, gptbot: noai", False),
    ("x-robots-tag: unavailable_after: 25 Jun 2030 15:00:00 PST, noai", False),
    ("meta robots: index, noai", False),
    ("meta gptbot: noai", False),
    ("meta bingbot: noai", None),
    ("meta x-robots-tag: noai", False),
    ("tdm-reservation: 1", False),
    ("tdm-reservation: 0", True),
    ("tdm-reservation: maybe", None),
    ("meta tdm-reservation: 1", False),
    ("tdm-policy: https://a.example/policy", None),
    ("content-usage: train-ai=n", False),
    ("content-usage: search=y, train-ai=y", True),
    ("content-usage: search=n", None),
    ("content-signal: search=yes,ai-train=no", False),
    ("content-signal: ai-train=yes", True),
    ("content-signal: ai-train=yes, ai-train=no", False),
    ("content-signal: ai-train=none", None),
    ("license link: https://creativecommons.org/licenses/by/4.0/", None),
    ("gptbot: noai", None),
    ("", None),
]


@pytest.mark.parametrize(("signal", "expected"), CASES)
def test_what_a_signal_says_of_training(signal, expected):
    assert wish_of(signal, AGENTS, DEFAULT) is expected


def test_only_what_counts_counts():
    for signal, _ in CASES:
        assert wish_of(signal, AGENTS, frozenset()) is None
    assert wish_of("meta robots: noindex", AGENTS, frozenset({"noindex"})) is False
