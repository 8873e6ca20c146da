"""Numbers, names and verdicts as the report words them."""

from collections.abc import Sequence

from bedstone.languages import name, speakers, split
from bedstone.tokenizer.mixing.shares import GROUP

SHOWN_LANGUAGES = 25
NOT_KNOWN = "–"
"""In the place of a number."""
TOO_FEW = "too few documents"
"""In the place of an interval."""
SPACE = "\u00a0"
"""Between a number and its unit: no line ends there."""


def count(value: float) -> str:
    """A whole number: ``15,012``."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Three digits and a unit of a thousand: ``5.12 M``."""
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= 0.9995 * limit:  # three digits of it are those of the limit
            return f"{value / min(limit, 1e3 if unit == 'k' else limit):.3g}{SPACE}{unit}"
    return f"{value:,.0f}" if value >= 1e3 else f"{value:.3g}"


def percent(share: float) -> str:
    """The whole percent; below ten, two digits: ``61 %``, ``0.31 %``."""
    digits = ".0f" if share >= 0.1 or not share else ".2g"
    return f"{100 * share:{digits}}{SPACE}%"


def interval(low: float, high: float) -> str:
    """The bounds of a share in percent: ``48–57 %``."""
    return f"{100 * low:.0f}–{100 * high:.0f}{SPACE}%"


def points(share: float) -> str:
    """A difference of shares in percentage points: ``+12``."""
    return f"{100 * share:+.0f}"


def duration(seconds: float) -> str:
    """``3 min 20 s``; below ten seconds with a tenth."""
    if seconds < 60:
        return f"{seconds:.{1 if seconds < 10 else 0}f}{SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def verdict(low: float, high: float) -> str:
    """What the interval of a change, more being better, says of what was done."""
    if low > 0:
        return "helped"
    return "made it worse" if high < 0 else "cannot be told to have helped"


def language_labels(keys: Sequence[str]) -> dict[str, str]:
    """A name for each language or group, with its script where the name alone would stand twice."""
    parts = {key: key.partition(GROUP) for key in keys}
    names = {
        key: ", ".join(filter(None, (name(split(language)[0]), value)))
        for key, (language, _, value) in parts.items()
    }
    once = {label for label in names.values() if list(names.values()).count(label) == 1}
    return {
        key: label if label in once else f"{label} ({split(parts[key][0])[1]})"
        for key, label in names.items()
    }


def most_spoken(keys: Sequence[str]) -> set[str]:
    """As many of the language keys as a chart shows: those with the most speakers."""
    ordered = sorted(keys, key=lambda key: speakers(split(key)[0]) or 0, reverse=True)
    return set(ordered[:SHOWN_LANGUAGES])
