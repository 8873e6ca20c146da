"""Text from outside, as it may be shown."""

import pickle
import unicodedata

import pytest

import bedstone
from bedstone.errors import ConfigError, DataError, number_of, printable, reason


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("one\r\ntwo\tthree\u2028four", r"one\r\ntwo\tthree\u2028four"),
        ("user\u202egpj.exe", r"user\u202egpj.exe"),
        ("half \ud83d", r"half \ud83d"),
    ],
)
def test_what_a_terminal_would_obey_is_spelt(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["नमस्ते क्‍ष", "می‌خواهم", "👩‍🔬", "a\\x1b b", ""])
def test_texts_of_any_script_stay(text):
    assert printable(text) == text


def test_no_control_is_left():
    shown = printable("".join(map(chr, range(0x11_0000))))
    left = {unicodedata.category(character) for character in shown}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(character) for character in shown} & {
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    }


def test_marks_of_direction_are_spelt_and_joiners_stay():
    assert printable("a\u200eb\u200fc\u061cd") == r"a\u200eb\u200fc\u061cd"
    assert printable("می\u200cخواهم 👩\u200d🌾") == "می\u200cخواهم 👩\u200d🌾"


@pytest.mark.parametrize(("number", "told"), [(0, "0 rows"), (1, "1 row"), (2_000, "2,000 rows")])
def test_a_number_of_things(number, told):
    assert number_of(number, "row") == told


def test_the_system_s_errors_are_told_without_number_and_path(tmp_path):
    with pytest.raises(ConfigError) as caught:
        bedstone.run(tmp_path / "nope.toml")
    assert str(caught.value) == f"cannot read {tmp_path / 'nope.toml'}: No such file or directory"
    assert reason(ValueError("odd")) == "odd"


def test_a_name_with_a_line_end_begins_no_line():
    error = DataError("two files:", "a\nhint: b", hint="none")
    for each in (error, pickle.loads(pickle.dumps(error))):  # a worker's comes through a pipe
        assert (str(each), each.hint) == ("two files:\na\\nhint: b", "none")


def test_a_file_s_name_is_one_line_of_an_error(cli, tmp_path):
    name = tmp_path / "a\nhint: b.toml"
    _, _, err = cli("run", name)
    assert f"{tmp_path}/a\\nhint: b.toml" in err
    with pytest.raises(ConfigError) as caught:
        bedstone.run(name)
    assert "\n" not in str(caught.value)
