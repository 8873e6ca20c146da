"""Published shares of languages: their tables, and the shares of each crawl."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bedstone.corpus.identification.purity import confusion_of
from bedstone.corpus.representation.shares import Count
from bedstone.corpus.representation.shares import shares as shares_of
from bedstone.errors import DataError, reason
from bedstone.languages import MIXED, SPEAKERS_SOURCE, UNKNOWN, Source, by_code, is_divided, join

SHARES = ("crawl", "primary_language", "pages")
"""The columns that published shares must have."""
COLUMNS = (*SHARES, "pct_pages")
"""With the percentages, the shares are checked."""
PUBLISHED_UNKNOWN = "<unknown>"
ROUNDING_PERCENT = 1.0
"""By how much published percentages may miss 100 in all."""
NUMBER = re.compile("[0-9]{1,15}")
"""Of pages: no crawl has more."""
SHOWN = 30
"""Characters of a cell that cannot be read."""
QUOTE = re.compile(r"^'(?=[=+\-@\t\r])")
"""Stands in tables of the audit before what a spreadsheet would compute."""


@dataclass(frozen=True, slots=True)
class Row:
    """A language's share of a crawl."""

    crawl: str
    label: str
    pages: int
    percent: float | None
    place: str


def audit_shares(paths: Sequence[Path], speakers: Source) -> dict[str, Any]:
    """What an audit says, of published shares: of the last crawl, with the shares of each.

    Raises:
        DataError: a file is no table of shares, or lacks rows.
    """
    crawls = _crawls(paths)
    *_, last = crawls
    counts = {key: Count(pages) for key, pages in crawls[last].items()}
    rows = [asdict(row) for row in shares_of(counts, speakers, confusion_of("pycld2"))]
    totals = {crawl: sum(pages.values()) for crawl, pages in crawls.items()}
    if len(crawls) > 1:
        for row in rows:
            key = join(row["language"], row["script"])
            row["share_by_crawl"] = {
                crawl: pages.get(key, 0) / totals[crawl] for crawl, pages in crawls.items()
            }
    return {
        "crawl": last,
        "crawls": list(crawls),
        "documents": totals[last],
        "bytes": None,
        "tokens": None,
        "languages": rows,
        "removed": [],
        "rejected": {},
        "unknown_share": crawls[last].get(UNKNOWN, 0) / totals[last],
        "mixed_share": crawls[last].get(MIXED, 0) / totals[last],
        "speakers_source": SPEAKERS_SOURCE[speakers],
        "identifier": "pycld2",
    }


def _crawls(paths: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Crawl -> language key -> pages, in the order of the files."""
    crawls: dict[str, dict[str, int]] = {}
    percent: dict[str, float] = {}
    first: dict[str, str] = {}
    places: dict[tuple[str, str], str] = {}
    for row in (row for path in paths for row in _rows(path)):
        if before := places.get((row.crawl, row.label)):
            raise DataError(f"{row.place}: {row.label} of {row.crawl} is also in {before}")
        places[row.crawl, row.label] = row.place
        first.setdefault(row.crawl, row.place)
        pages = crawls.setdefault(row.crawl, {})
        key = _published_key(row.label)
        pages[key] = pages.get(key, 0) + row.pages
        if row.percent is not None:
            percent[row.crawl] = percent.get(row.crawl, 0.0) + row.percent
    for crawl, pages in crawls.items():
        if not any(pages.values()):
            raise DataError(f"{first[crawl]}: {crawl} has 0 pages in all: there are no shares")
    for crawl, total in percent.items():
        if abs(total - 100) > ROUNDING_PERCENT:
            raise DataError(
                f"{first[crawl]}: the shares of {crawl} add up to {total:.1f} %: "
                "rows are missing or twice there",
                hint="give every language's row once, that of <unknown> too",
            )
    return crawls


def _rows(path: Path) -> Iterator[Row]:
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in SHARES if name not in (reader.fieldnames or ())]:
                raise DataError(
                    f"{path} has no column {', '.join(missing)}",
                    hint=f"published shares have the columns {', '.join(SHARES)}, pct_pages",
                )
            for cells in reader:
                line = reader.line_num
                yield _row(cells, f"{path}:{line}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        where = "" if isinstance(error, OSError) else f" after line {line}"
        raise DataError(f"cannot read {path}{where}: {reason(error)}") from error
    if line < 2:
        raise DataError(f"{path} has no row")


def _row(cells: dict[str | Any, str | Any], place: str) -> Row:
    if None in cells:
        raise DataError(f"{place}: the row has more cells than the table has columns")
    if missing := [name for name in SHARES if not cells[name]]:
        raise DataError(f"{place}: the row has no {', '.join(missing)}")
    crawl, label, pages = (cells[name] for name in SHARES)
    if not NUMBER.fullmatch(pages):
        raise DataError(f"{place}: {pages[:SHOWN]!r} is no number of pages")
    text = cells.get("pct_pages")
    return Row(
        QUOTE.sub("", crawl), label, int(pages), _percent(text, place) if text else None, place
    )


def _percent(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise DataError(f"{place}: {text[:SHOWN]!r} is no percentage")
    return value


def _published_key(code: str) -> str:
    """The key of a published code: with a script where the language has but one reader's script."""
    if code == PUBLISHED_UNKNOWN:
        return UNKNOWN
    primary, _, script = code.partition("_")
    language = by_code(primary)
    if language is None or script:
        return join(language.code if language else primary, script)
    is_open = is_divided(language.code) and len(language.scripts) > 1
    return join(language.code, "" if is_open else language.scripts[0])
