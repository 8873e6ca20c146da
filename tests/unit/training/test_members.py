import pytest

from bedstone.errors import ConfigError
from bedstone.training.members import NEEDED, Member, member


@pytest.fixture
def environment(monkeypatch):
    def put(*values):
        for name in NEEDED:
            monkeypatch.delenv(name, raising=False)
        for name, value in zip(NEEDED, values, strict=False):
            monkeypatch.setenv(name, value)

    return put


def test_the_environment_says_which_process_this_is(environment):
    environment("3", "4", "127.0.0.1", "29500")
    assert member() == Member(3, 4)


@pytest.mark.parametrize("left_over", [(), ("1",), ("1", "2"), ("1", "2", "127.0.0.1")])
def test_what_another_program_left_there_makes_no_group(environment, left_over):
    environment(*left_over)
    assert member() == Member(0, 1)


@pytest.mark.parametrize("wrong", [("x", "2"), ("0", "many"), ("2", "2")])
def test_no_numbers(environment, wrong):
    environment(*wrong, "127.0.0.1", "29500")
    with pytest.raises(ConfigError, match="is no process of several"):
        member()
