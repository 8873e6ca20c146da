"""The recipe of Common Crawl, from a server with its layout to an audit of what is kept."""

import json

import pytest
from tests.e2e.test_recipes import ENGLISH, SWAHILI
from tests.support.common_crawl import CommonCrawl, unhurried

__all__ = ["unhurried"]


def page(dice):
    lines = dice.sample(dice.choice([ENGLISH, SWAHILI]), 12)
    return f"<html><body>{''.join(f'<p>{line}</p>' for line in lines)}</body></html>".encode()


@pytest.fixture
def crawl(unhurried):
    return CommonCrawl(body=page)


def test_the_recipe_tells_what_it_fetches_fetches_it_and_audits_it(crawl, store, cli):
    with crawl.serving() as at:
        words = ["run", "commoncrawl", "--store", store, "--set", f"crawl.at={at}"]
        status, _, err = cli(*words)
        assert status == 2
        assert "hint: --set crawl.contact=you@example.org" in err
        words += ["--set", "crawl.contact=you@example.org"]
        status, out, _ = cli(*words, "--dry-run")
        assert status == 0
        assert "crawl fetches 2 files, " in out
        assert "at 10 MB/s" in out
        fetch = json.loads(cli(*words, "--dry-run", "--json")[1])["estimate"]["fetch"]["crawl"]
        assert fetch["files"] == 2
        asked = len(crawl.asked)
        status, out, _ = cli(*words, "--json")
        assert status == 0
        assert len(crawl.asked) == asked + 3
        made = json.loads(out)["nodes"]
        assert json.loads(cli("run", *words[1:], "--dry-run", "--json")[1])["estimate"] is None
    audit = json.loads((store / made["audit_all"] / "audit.json").read_text())
    assert {row["language"] for row in audit["languages"]} == {"eng", "swa"}
    assert audit["documents"] == 24


def test_a_language_by_the_index(crawl, store, cli):
    with crawl.serving() as at:
        words = [
            "--set",
            f"at={at}",
            "--set",
            "contact=you@example.org",
            "--store",
            store,
            "--json",
        ]
        words += [
            "--set",
            'languages=["swa"]',
            "--set",
            "pages=9",
            "--set",
            "crawl=CC-MAIN-2026-30",
        ]
        found = json.loads(cli("build", "corpus.commoncrawl", *words)[1])
        documents = cli("audit", found["artifact"], "--store", store, "--json")[1]
    assert found["metrics"]["pages"] == json.loads(documents)["documents"] == 9
