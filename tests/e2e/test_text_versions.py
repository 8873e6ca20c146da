"""A text version and what is made of it: what another limit or another line rule builds anew."""

import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bedstone.corpus.web.warc_writer import Page, write
from bedstone.store.engine import Local
from bedstone.store.recipe import load, run

WEB = Path(__file__).parents[2] / "recipes" / "web.toml"
LAST = "kept"
LOW = "gopher_and_c4.ranges.word_count.low=300"
"""Between the words of the shorter half of the pages and those of the longer one."""
ALL = ["text.before=off", "text_statistics.before=off"]
"""Pages that are dropped already are rewritten and measured too."""
WITHOUT = 'text.without=["javascript"]'
SCRIPT_LINE = "Please enable JavaScript to read what the others said about this garden."
WORDS = """
the of and with that have to be a in house river garden teacher village morning winter children
remember followed between before again under little green quiet old letter road bridge friend
evening weather market window story country number water paper answer music people always never
often their which where walked found brought carried opened written
"""


def paragraph(dice):
    return " ".join(
        " ".join(dice.choices(WORDS.split(), k=12)).capitalize() + "." for _ in range(4)
    )


def page(number):
    """Of some 200 words, or twice as many; each third has a line about scripts."""
    dice = random.Random(number)
    paragraphs = [paragraph(dice) for _ in range(4 + 4 * (number % 2))]
    if number % 3 == 0:
        paragraphs.insert(2, SCRIPT_LINE)
    body = "".join(f"<p>{each}</p>" for each in paragraphs)
    html = f"<!doctype html><title>{number}</title><body><main>{body}</main></body>"
    return Page(f"https://example.org/{number}", html.encode(), "utf-8")


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    path = tmp_path_factory.mktemp("crawl") / "crawl.warc.gz"
    write(path, [page(number) for number in range(24)], {"software": "a test"})
    return path


@pytest.fixture
def made(crawl, store):
    """The recipe's artifacts by node, with other settings or in another store."""

    def artifacts(*sets, place=store):
        return run(load(WEB, sets, until=LAST), {"crawl": [crawl]}, place, Local())

    return artifacts


def changed(first, second):
    return {name for name in first if first[name].path != second[name].path}


def texts(artifact):
    tables = [pq.read_table(shard.file("documents.parquet")) for shard in artifact.shards]
    return [text for table in tables for text in table["text"].to_pylist()]


def test_a_moved_limit_reads_no_text_and_gives_what_a_run_from_scratch_gives(made, tmp_path):
    first = made(*ALL)
    for name in ("documents", "text"):
        for shard in first[name].shards:
            shard.file("documents.parquet").unlink()
    second = made(LOW, *ALL)
    assert changed(first, second) == {"gopher_and_c4", "fineweb", LAST}
    kept = [each["gopher_and_c4"].manifest.metrics["kept_documents"] for each in (first, second)]
    assert kept == [24, 12]
    scratch = made(LOW, *ALL, place=tmp_path / "other")
    assert {name: each.content for name, each in second.items()} == {
        name: each.content for name, each in scratch.items()
    }


def test_what_is_dropped_is_neither_rewritten_nor_measured_and_all_else_is_the_same(made):
    first, second = made(LOW, *ALL), made(LOW)
    assert changed(first, second) == {"text", "text_statistics", "fineweb"}
    assert texts(second["text"]) == [
        text if number % 2 else "" for number, text in enumerate(texts(first["text"]))
    ]
    assert second["text_statistics"].manifest.metrics["input_documents"] == 12
    assert second["fineweb"].content == first["fineweb"].content
    assert second[LAST].content == first[LAST].content


def test_a_limit_that_decides_alike_builds_its_filter_alone(made):
    first, second = made(), made("gopher_and_c4.ranges.word_count.low=51")
    assert changed(first, second) == {"gopher_and_c4"}


def test_another_line_rule_makes_another_text_version_which_is_measured_anew(made):
    first, second = made(), made(WITHOUT)
    assert changed(first, second) == {"text", "text_statistics", "fineweb"}
    before, after = texts(first["text"]), texts(second["text"])
    assert [SCRIPT_LINE in text for text in after] == [number % 3 == 0 for number in range(24)]
    assert before == [text.replace(SCRIPT_LINE + "\n", "") for text in after]
    assert first["text_statistics"].content != second["text_statistics"].content
    assert changed(first, made()) == set()
