"""What ends a command is said in words."""

import errno

import pytest

from bedstone.commands import main


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("the page is torn"), "error: the page is torn\n"),
        (OSError(errno.ENOSPC, "No space left"), "error: No space left\n"),
        (OSError(errno.EACCES, "Not allowed", "a\x1b[31m"), "error: a\\x1b[31m: Not allowed\n"),
    ],
)
def test_an_error_of_the_system(cli, monkeypatch, error, told):
    def application():
        raise error

    monkeypatch.setattr(main, "application", application)
    assert cli("audit") == (1, "", told)
