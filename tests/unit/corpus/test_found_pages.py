"""Pages as they are found, each with what its text must hold; made for this (tests/data/pages)."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bedstone.corpus.extract import STAGE

FOLDER = Path(__file__).parents[2] / "data" / "pages"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("name", ["codings", "records", "kinds"])
def test_every_page_gives_the_text_that_it_has(name, run, rows):
    file = f"{name}.warc.gz"
    crawl = SimpleNamespace(content="c0ffee" * 11, location=FOLDER / file, files=(FOLDER / file,))
    _, made = run(STAGE, crawl=crawl)
    texts = {row["url"]: row["text"] for row in rows(made, "documents.parquet")}
    expected = {url: it["contains"] for url, it in EXPECTED.items() if it["file"] == file}
    assert [url for url, part in expected.items() if part not in texts.get(url, "")] == []
