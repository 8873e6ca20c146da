"""The documents of the comparison: English pages of Debian's documentation packages.

    python tests/oracle/documents.py FOLDER

Fetches the packages into ``FOLDER/packages`` (those not there already) and writes
``FOLDER/docs.warc.gz``, the pages as they lie in the packages, of every language, and
``FOLDER/documents.parquet``: ``id``, ``source`` and ``text`` of English ones that are no exact
duplicates, their text as corpus.extract takes it out.

From each package the same pages are taken every time: those whose names have the first lots.
"""

import argparse
import hashlib
import re
import sys
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.sources import packages
from bedstone.corpus.sources.packages import Package
from bedstone.corpus.web import charsets, html, pages, warc, warc_writer
from bedstone.corpus.web.warc_writer import Page
from bedstone.languages import ENGLISH
from bedstone.lots import lot

MIN_DOCUMENTS = 2000
MAX_PAGES = 500
"""Of one package in the crawl."""
MAX_DOCUMENTS = 200
"""Of one package among the documents: none is more than a tenth of the comparison."""
MAX_CHARACTERS = 100_000
"""Of a document: whole books on one page would take as long as all others."""
MAX_RECORD_BYTES = 8 << 20
MIN_ENGLISH_SHARE = 0.7
HTML = r"usr/share/.*\.x?html?"
PAGES = {
    "apache2-doc": r"usr/share/doc/apache2-doc/manual/en/.*\.html",
    "aptitude-doc-en": HTML,
    "cmake-doc": HTML,
    "debian-faq": HTML,
    "debian-handbook": HTML,
    "debian-policy": HTML,
    "debian-reference-en": HTML,
    "developers-reference": r"usr/share/developers-reference/[^/]*\.html",
    "erlang-doc": HTML,
    "gimp-help-en": HTML,
    "git-doc": HTML,
    "installation-guide-amd64": HTML,
    "libreoffice-help-en-us": HTML,
    "maxima-doc": HTML,
    "openjdk-17-doc": HTML,
    "postgresql-doc-15": HTML,
    "python-django-doc": HTML,
    "python3.11-doc": HTML,
    "r-doc-html": HTML,
    "subversion": HTML,
}
"""Which files of each package are its pages. Handbook and guide are there in many languages."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    crawl = folder / "docs.warc.gz"
    if not crawl.exists():
        print(f"fetching {len(PAGES)} packages", file=sys.stderr)
        wanted = [Package(name, "apt-get", name) for name in PAGES]
        fetched = packages.fetch(wanted, folder / "packages")
        for name, reason in fetched.missing.items():
            print(f"missing: {name}: {reason}", file=sys.stderr)
        pages = [page for archive in fetched.archives for page in pages_of(archive)]
        about = {"description": ", ".join(archive.command for archive in fetched.archives)}
        part = crawl.with_name("part.warc.gz")
        warc_writer.write(part, pages, about)
        part.rename(crawl)
        print(f"{crawl}: {len(pages)} pages", file=sys.stderr)
    documents = english(crawl)
    if documents.num_rows < MIN_DOCUMENTS:
        sys.exit(f"only {documents.num_rows} English documents, {MIN_DOCUMENTS} are wanted")
    pq.write_table(documents, folder / "documents.parquet", compression="zstd")
    print(f"{documents.num_rows} English documents", file=sys.stderr)


def pages_of(archive: packages.Archive) -> list[Page]:
    name = archive.package.name
    files = packages.read(archive.path, re.compile(PAGES[name]))
    chosen = sorted(sorted(files, key=lambda path: lot(path, "oracle"))[:MAX_PAGES])
    return [Page(f"https://{name}.example.org/{quote(path)}", files[path]) for path in chosen]


def english(crawl: Path) -> pa.Table:
    find = identifier("pycld2").find
    by_source: dict[str, list[dict[str, str]]] = {}
    seen = set()
    for page in warc.read(crawl, MAX_RECORD_BYTES, warc.Ledger()):
        if isinstance(page, pages.Rejected):
            continue
        decoded = charsets.decode(page.body, page.charset).text
        text = html.text_of(decoded, main_content=True).text
        digest = hashlib.sha256(text.encode()).digest()
        is_english = find([text]).shares.get(ENGLISH, 0.0) >= MIN_ENGLISH_SHARE
        if not is_english or digest in seen or len(text) > MAX_CHARACTERS:
            continue
        seen.add(digest)
        source = page.url.removeprefix("https://").partition(".example.org/")[0]
        row = {"id": page.url, "source": source, "text": text}
        by_source.setdefault(source, []).append(row)
    rows = []
    for of_source in by_source.values():
        chosen = sorted(of_source, key=lambda row: lot(row["id"], "oracle"))[:MAX_DOCUMENTS]
        rows += sorted(chosen, key=lambda row: row["id"])
    return pa.Table.from_pylist(rows)


if __name__ == "__main__":
    main()
