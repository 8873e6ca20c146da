import pytest

from bedstone.counting.devices import device, known
from bedstone.errors import ConfigError


def test_a_device_is_found_in_any_letters():
    found = device("a100-80gb")
    assert (found.name, found.flop_per_second, found.memory_bytes) == ("A100-80GB", 312e12, 80e9)
    assert device("TPU-v4").flop_per_second == 275e12  # of PaLM's paper
    with pytest.raises(ConfigError, match="did you mean 'H100-SXM'"):
        device("h100-sxn")


def test_every_rate_is_dense_and_has_a_source():
    """What a rate with sparsity would be: 1,979 for an H100, 733 for an L40S."""
    assert [name for name, each in known().items() if not each.source] == []
    assert {each.sure for each in known().values()} <= {"vendor", "remembered"}
    assert known()["H100-SXM"].flop_per_second == pytest.approx(1979e12 / 2, rel=1e-3)
    assert known()["L40S"].flop_per_second == pytest.approx(733e12 / 2, rel=2e-2)


def test_no_figure_is_in_another_unit():
    for each in known().values():
        assert 5e13 < each.flop_per_second < 5e15, each
        assert 1e10 < each.memory_bytes < 1e12, each
        assert 1e11 < each.bytes_per_second < 1e13, each
        assert 30 < each.flop_per_second / each.bytes_per_second < 700, each
