"""Which files and pages are drawn; see test_tokenizer_and_plan.py."""

import io
import json
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from tests.support.common_crawl import CRAWL, at, common_crawl, unhurried

from bedstone.corpus.commoncrawl import STAGE, CommonCrawlConfig
from bedstone.store.build import build
from bedstone.store.engine import Local

__all__ = ["at", "common_crawl", "unhurried"]
CONFIGS = {
    "files": {"files": 2, "first_megabytes": 1},
    "texts": {"files": 2, "kind": "wet", "seed": 1},
    "domains": {"domains": ("b.example", "www.a.example"), "pages": 9},
    "languages": {"languages": ("swa", "tel"), "pages": 9, "seed": 1},
}


def test_output_is_that_of_this_version(at, store):
    ours = {}
    for name, values in CONFIGS.items():
        config = CommonCrawlConfig(crawl=CRAWL, contact="you@example.org", at=at, **values)
        made = build(STAGE, config, {}, store, Local())
        urls = [
            record.headers.get("WARC-Target-URI")
            for path in made.files
            for record in ArchiveIterator(io.BytesIO(path.read_bytes()))
        ]
        counts = {key: n for key, n in made.manifest.metrics.items() if key != "input_bytes"}
        files = [path.name for path in made.files]
        ours[name] = {"files": files, "metrics": counts, "urls": urls if "pages" in values else []}
    path = Path(__file__).with_name(f"{STAGE.name}.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, indent=1) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
