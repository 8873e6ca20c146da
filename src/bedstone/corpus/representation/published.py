"""Published shares of languages: their tables, and the shares of each crawl."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bedstone.corpus.identification.purity import confusion_of
from bedstone.corpus.representation.shares import Count
from bedstone.corpus.representation.shares import shares as shares_of
from bedstone.errors import DataError
from bedstone.languages import SPEAKERS_SOURCE, UNKNOWN, Source, by_code, is_divided, join

SHARES = ("crawl", "primary_language", "pages")
"""The columns that published shares must have."""
COLUMNS = (*SHARES, "pct_pages")
"""With the percentages, the shares are checked."""
PUBLISHED_UNKNOWN = "<unknown>"
ROUNDING_PERCENT = 1.0
"""By how much published percentages may miss 100 in all."""


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
        "unknown_share": crawls[last].get(UNKNOWN, 0) / totals[last],
        "mixed_share": 0.0,
        "speakers_source": SPEAKERS_SOURCE[speakers],
        "identifier": "pycld2",
    }


def _crawls(paths: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Crawl -> language key -> pages, in the order of the files."""
    crawls: dict[str, dict[str, int]] = {}
    percent: dict[str, float] = {}
    for path in paths:
        for row in _rows(path):
            pages = crawls.setdefault(row["crawl"], {})
            key = _published_key(row["primary_language"])
            pages[key] = pages.get(key, 0) + int(row["pages"])
            if row.get("pct_pages"):
                added = float(row["pct_pages"])
                percent[row["crawl"]] = percent.get(row["crawl"], 0.0) + added
    for crawl, total in percent.items():
        if abs(total - 100) > ROUNDING_PERCENT:
            raise DataError(
                f"the shares of {crawl} add up to {total:.1f} %: rows are missing or twice there",
                hint="give every language's row once, that of <unknown> too",
            )
    return crawls


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in SHARES if name not in (reader.fieldnames or ())]:
                raise DataError(
                    f"{path} has no column {', '.join(missing)}",
                    hint=f"published shares have the columns {', '.join(SHARES)}, pct_pages",
                )
            for row in reader:
                if not str(row["pages"]).isdecimal():
                    raise DataError(
                        f"{path}:{reader.line_num}: {row['pages']!r} is no number of pages"
                    )
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if reader.line_num < 2:
        raise DataError(f"{path} has no row")


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
