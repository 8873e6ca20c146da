"""What the command line says of itself, how a shell completes it, what ends a command."""

import errno

import pytest

import bedstone
from bedstone.commands import main
from bedstone.store.stages import STAGES


def test_it_tells_its_version(cli):
    assert cli("--version") == (0, f"{bedstone.__version__}\n", "")


def test_help_lists_every_command_and_tells_the_options_of_one(cli):
    status, shown, _ = cli("--help")
    assert (status, cli("-h")[1]) == (0, shown)
    listed = {line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line}
    assert listed == set(bedstone.__all__)
    status, shown, _ = cli("plan", "-h")
    assert (status, "--usd-per-device-hour" in shown) == (0, True)


def test_without_a_word_it_helps(cli):
    status, out, err = cli()
    assert (status, "Commands:" in out + err) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["aduit"], "No such command 'aduit'. Did you mean 'audit'"),
        (["verifi", "--help"], "Did you mean 'verify'?"),
        (["clean", "--stor", "x"], "No such option: --stor (Possible options: --json, --store)"),
    ],
)
def test_a_misspelt_word_gets_the_nearest(cli, words, told):
    status, out, err = cli(*words)
    assert (status, out) == (2, "")
    assert told in err


@pytest.fixture
def completed(cli, monkeypatch):
    """What bash is told may stand for the last of the words."""

    def complete(*words):
        monkeypatch.setenv("_BEDSTONE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(["bedstone", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        return cli()[1].splitlines()

    return complete


def test_a_shell_completes_commands_options_and_choices(completed):
    assert completed("st") == ["stages", "strategies"]
    assert completed("clean", "--s") == ["--store"]
    assert completed("fit", "RUNS.csv", "--objective", "s") == ["squares"]


def test_a_shell_completes_stages_recipes_and_their_files(completed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swift.toml").touch()
    (tmp_path / "swift.csv").touch()
    (tmp_path / "swarm").mkdir()
    assert completed("run", "sw") == ["swahili", "swarm/", "swift.toml"]
    (tmp_path / "swarm" / "bee.toml").touch()
    assert completed("run", "swarm/") == ["swarm/bee.toml"]
    assert completed("init", "sw") == ["swahili"]
    assert completed("build", "corpus.m") == ["corpus.minhash"]
    assert completed("build", "") == list(STAGES)


def test_a_shell_is_told_how_to_complete(cli, monkeypatch):
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    status, script, _ = cli("--show-completion")
    assert (status, "_BEDSTONE_COMPLETE=complete_bash" in script) == (0, True)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("the page is torn"), "error: the page is torn\n"),
        (OSError(errno.ENOSPC, "No space left"), "error: No space left\n"),
        (OSError(errno.EACCES, "Not allowed", "a\x1b[31m"), "error: a\\x1b[31m: Not allowed\n"),
    ],
)
def test_an_error_of_the_system(cli, monkeypatch, error, told):
    def application(words):
        raise error

    monkeypatch.setattr(main, "application", application)
    assert cli("audit") == (1, "", told)
