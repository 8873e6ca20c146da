"""Lines through Apertium, and through programs that call themselves so."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from bedstone.errors import ConfigError
from bedstone.evaluation.pivot import translators
from bedstone.evaluation.pivot.translators import Apertium, checked, lines_of, rebuilt

MODES = (
    subprocess.run(["apertium", "-l"], capture_output=True, text=True, check=True).stdout.split()
    if shutil.which("apertium")
    else []
)


def needs(mode):
    return pytest.mark.skipif(mode not in MODES, reason=f"apertium has no mode {mode} here")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Something else by the name of apertium: ``program(script)``."""

    def write(script):
        path = tmp_path / "bin" / "apertium"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")

    return write


def is_running(process):
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().split()[2] != "Z"


def texts(found):
    return [each.text for each in found]


@needs("spa-eng")
def test_each_line_keeps_its_place_its_number_and_its_marks():
    lines = [
        "No sé.",
        "de la casa blanca",
        "a\\b [x] {y} ^z$ @w",
        "en 1.999,5",
        "El perro. El gato",
    ]
    found = texts(Apertium.between("spa_Latn", "eng_Latn").translate(lines))
    assert found[:2] == ["I do not know.", "Of the white house"]
    assert "[x] {and} ^z$" in found[2]
    assert found[3:] == ["In 1.999,5", "The dog. The cat"]


@pytest.mark.parametrize(
    ("language", "line", "english"),
    [
        pytest.param("cat_Latn", "la casa", "The home", marks=needs("cat-eng")),
        pytest.param("glg_Latn", "a casa", "The house", marks=needs("gl-en")),
    ],
)
def test_catalan_and_galician_are_found_by_either_code(language, line, english):
    (found,) = texts(Apertium.between(language, "eng_Latn").translate([line]))
    assert found.lower() == english.lower()


def test_of_variants_the_plain_mode_is_taken(program):
    program("echo eng-cat_valencia; echo eng-cat; echo cat-eng")
    assert Apertium.between("eng_Latn", "cat_Latn").mode == "eng-cat"


def test_a_language_it_has_not_is_refused_with_what_it_has(program):
    program("echo '  spa-eng'; echo srp-eng")
    with pytest.raises(ConfigError, match="no mode from tel_Telu to eng_Latn") as caught:
        Apertium.between("tel_Telu", "eng_Latn")
    assert "spa-eng, srp-eng" in caught.value.hint
    with pytest.raises(ConfigError, match="no mode"):  # it is written in Cyrillic there
        Apertium.between("srp_Latn", "eng_Latn")


def test_without_the_program_its_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="does not run") as caught:
        Apertium.between("spa_Latn", "eng_Latn")
    assert "apt-get install apertium" in caught.value.hint


def test_its_version_changes_with_the_program_and_with_the_pair(program, tmp_path, monkeypatch):
    monkeypatch.setenv("APERTIUM_DATADIR", str(tmp_path))
    (tmp_path / "modes").mkdir()
    rules = tmp_path / "spa eng.bin"
    (tmp_path / "modes" / "spa-eng.mode").write_text(f"lt-proc $1 '{rules}' | lt-proc -p '{rules}'")
    found = []
    for said, held in (("3.8", "a"), ("3.9", "a"), ("3.9", "b"), ("3.9", "b")):
        program(f"echo Apertium {said}")
        rules.write_text(held)
        found.append(Apertium("spa-eng").version)
    assert found[0].startswith("Apertium 3.8, spa-eng ")
    assert len(set(found[:3])) == 3
    assert found[2] == found[3]
    with pytest.raises(ConfigError, match="mode x-y has no version"):
        assert Apertium("x-y").version


@needs("spa-eng")
def test_the_version_of_what_is_here_is_known():
    assert "spa-eng" in Apertium("spa-eng").version


def test_a_line_that_breaks_it_is_told_alone(program):
    program('text=$(cat); case $text in *bad*) exit 3;; esac; echo "$text" | tr a-z A-Z')
    found = Apertium("x-y").translate(["one", "two", "bad", "four"])
    assert texts(found) == ["ONE", "TWO", "", "FOUR"]
    assert found[2].why == "status 3"


def test_lines_that_are_lost_are_not_taken_for_others(program):
    program("head -n 1")
    found = Apertium("x-y").translate(["one", "two", "three"])
    assert texts(found) == ["one", "two", "three"]  # each was asked alone in the end


def test_a_program_that_hangs_is_ended_with_all_that_it_began(program, monkeypatch, tmp_path):
    program(f"sleep 30 & echo $! > {tmp_path}/child; cat > /dev/null; wait")
    monkeypatch.setattr(translators, "SECONDS", 0.3)
    begun = time.monotonic()
    (found,) = Apertium("x-y").translate(["one"])
    assert time.monotonic() - begun < 10
    assert found.why.startswith("not done in")
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 5
    while is_running(child):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_is_no_translation_of_a_line_is_told():
    assert checked("uno", " one ") == ("one", "")
    assert checked("uno", "  ") == ("", "empty")
    assert checked("uno", "Sure!\n\none") == ("", "several lines")
    assert checked("uno", "one " * 50)[1] == "far longer"
    assert checked("uno", "o\x1bne") == ("o ne", "")


def test_a_text_is_put_together_from_its_lines():
    text = "Uno\x07 dos \n\n 12.5 \ntres"
    assert lines_of(text) == ["Uno  dos", "tres"]
    assert rebuilt(text, {"Uno  dos": "One two", "tres": "three"}) == "One two\n\n12.5\nthree"
