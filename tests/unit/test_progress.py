import io

from rich.console import Console

from bedstone import progress
from bedstone.progress import Progress, Task, state, time_left


def shown(terminal, monkeypatch, seconds_between_lines=0.0, term="xterm"):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(progress, "LINE_SECONDS", seconds_between_lines)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    with Progress(console).named("corpus.extract").task("pages", 4) as task:
        task.advance()
        task.advance(2, note="fine")
    return console.file.getvalue()


def test_elsewhere_than_on_a_terminal_there_are_plain_lines(monkeypatch):
    lines = shown(False, monkeypatch).splitlines()
    assert lines[0].startswith("corpus.extract: 1 of 4 pages, ")
    assert lines[1].endswith("/s, fine, 0:00 left")
    assert "\x1b" not in "".join(lines)
    assert shown(False, monkeypatch, seconds_between_lines=60) == ""


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    text = shown(True, monkeypatch)
    assert "3 of 4 pages" in text
    assert "\x1b" in text


def test_on_a_terminal_that_draws_nothing_there_are_plain_lines(monkeypatch):
    text = shown(True, monkeypatch, term="dumb")
    assert text.startswith("corpus.extract: 1 of 4 pages, ")


def test_time_left_is_said_only_where_it_can_be_known():
    task = Task("pages", total=4, changed=lambda task: None, done=1)
    task.started -= 60
    assert time_left(task) == ", 3:00 left"
    assert state(task) == "1 of 4 pages, 0.0/s"
    task.total = None
    assert time_left(task) == ""


def test_without_a_console_nothing_is_shown_and_work_goes_on(capsys):
    with Progress().task("pages", 3) as task:
        task.advance()
    Progress().say("done")
    assert task.done == 1
    assert capsys.readouterr() == ("", "")


def test_what_a_terminal_would_obey_is_spelt(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    for terminal in (False, True):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=200, soft_wrap=True)
        hostile = Progress(console).named("[red]a\x1b]0;t\x07:cat:")
        hostile.say("b\x1b[31m\nc")
        with hostile.task("pages", 4) as task:
            task.advance(note="d\x1b[31m[/]")
        text = console.file.getvalue()
        assert text.startswith("[red]a\\x1b]0;t\\x07:cat:: b\\x1b[31m\\nc\n")
        assert "\x1b]" not in text
        assert "\x1b[31m" not in text
        assert "d\\x1b[31m[/]" in text
