"""Pages as they are found, each with what its text must hold; made for this (tests/data/pages)."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bedstone.corpus.extract import STAGE

FOLDER = Path(__file__).parents[2] / "data" / "pages"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))


SWAPPED = "http://t.example/gb18030-named-gbk"
"""Has a character in the place of the one that it is expected to contain: ``also`` tells of it."""


@pytest.mark.parametrize("name", ["charsets", "codings", "html", "kinds", "records"])
def test_every_page_gives_the_text_that_it_has(name, run, rows):
    file = f"{name}.warc.gz"
    crawl = SimpleNamespace(
        source="c0ffee" * 11, span=None, location=FOLDER / file, files=(FOLDER / file,)
    )
    _, made = run(STAGE, crawl=crawl)
    found = {row["url"]: row for row in rows(made, "documents.parquet")}
    expected = {url: it for url, it in EXPECTED.items() if it["file"] == file}
    assert found.keys() >= expected.keys()
    for url, case in expected.items():
        parts = [case["contains"]] * (url != SWAPPED) + [case.get("also", "")]
        assert [part for part in parts if part not in found[url]["text"]] == [], url
        told = case.keys() & {"charset", "replaced"}
        assert {it: found[url][it] for it in told} == {it: case[it] for it in told}, url
