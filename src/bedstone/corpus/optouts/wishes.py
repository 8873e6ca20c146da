"""What the signals of a page, or a line of robots.txt, ask about training on it.

Source: W3C TDMRep (1 reserves the rights, 0 does not); draft-ietf-aipref-attach and -vocab
(``train-ai=n``); Cloudflare's Content Signals (``ai-train=no``); ``noai`` is DeviantArt's and has
no specification.
"""

import re
from collections.abc import Collection, Sequence
from typing import Literal

Wish = Literal["noai", "noimageai", "noindex", "nosnippet", "noarchive",
               "tdm-reservation", "content-usage", "content-signal"]  # fmt: skip
"""What may count as a refusal."""
USAGES = ("content-usage", "content-signal")
EVERYBODY = ("robots", "*")
AGENT = re.compile(r"\s*([\w-]+|\*)\s*:\s*")
"""Before a directive of X-Robots-Tag: whom it and those behind it are for."""
WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
PREFERENCE = re.compile(r"(?:^|[,;\s])(?:train-ai|train-genai|ai-train)\s*=\s*(yes|no|y|n)\b")


def wish_of(signal: str, agents: Collection[str], counted: frozenset[str]) -> bool | None:
    """Whether the signal allows training; None if it says nothing of it, or does not count.

    Args:
        signal: as ``corpus.web.signals`` has it.
        agents: whose directives count beside those for everybody, in lower case.
        counted: of ``Wish``.
    """
    name, _, value = signal.lower().partition(": ")
    field = name.removeprefix("meta ")
    if field in USAGES:
        return preference(value) if field in counted else None
    if field == "tdm-reservation":
        known = {"1": False, "0": True} if field in counted else {}
        return known.get(value.strip())
    if field == "x-robots-tag":
        return None if counted.isdisjoint(_directives(value, agents)) else False
    if field in (*EVERYBODY, *agents) and name != field:
        return None if counted.isdisjoint(map(str.strip, value.split(","))) else False
    return None


def preference(value: str) -> bool | None:
    """Whether the value of a usage field allows training; of several that differ, no."""
    found = PREFERENCE.findall(value.lower())
    return all(each[0] == "y" for each in found) if found else None


def _directives(value: str, agents: Collection[str]) -> Sequence[str]:
    """Of a header's value, what is for everybody or for one of ``agents``."""
    found, is_meant = [], True
    for part in value.split(","):
        directive = part
        if (named := AGENT.match(part)) and named[1] not in WITH_VALUE:
            is_meant = named[1] in EVERYBODY or named[1] in agents
            directive = part[named.end() :]
        if is_meant:
            found.append(directive.strip())
    return found
