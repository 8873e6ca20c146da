import pytest
from tests.support.shapes import shape

from bedstone.scaling import speed

SHAPE = shape(64, 1, 32, 2, 1, 32, 8)


@pytest.fixture
def cpus(tmp_path, monkeypatch):
    def siblings(*names):
        for number, name in enumerate(names):
            folder = tmp_path / f"cpu{number}" / "topology"
            folder.mkdir(parents=True)
            (folder / "thread_siblings_list").write_text(f"{name}\n")
        monkeypatch.setattr(speed, "TOPOLOGY", tmp_path)
        monkeypatch.setattr(speed.sys, "platform", "linux")
        monkeypatch.setattr(
            speed.os, "sched_getaffinity", lambda _: range(len(names)), raising=False
        )

    return siblings


def test_threads_of_one_core_count_once(cpus):
    cpus("0,2", "1,3", "0,2", "1,3")
    assert speed.physical_cores() == 2


def test_only_cores_that_the_process_may_use_count(cpus, monkeypatch):
    cpus("0,2", "1,3", "0,2", "1,3")
    monkeypatch.setattr(speed.os, "sched_getaffinity", lambda _: {0, 2}, raising=False)
    assert speed.physical_cores() == 1


def test_where_the_topology_is_missing_every_cpu_of_the_process_counts(cpus, tmp_path):
    cpus("0,1", "0,1", "2")
    (tmp_path / "cpu2" / "topology" / "thread_siblings_list").unlink()
    assert speed.physical_cores() == 3


def test_elsewhere_every_cpu_counts(monkeypatch):
    monkeypatch.setattr(speed.sys, "platform", "darwin")
    monkeypatch.setattr(speed.os, "cpu_count", lambda: 8)
    assert speed.physical_cores() == 8


def formats(**asked):
    settings = {"device": "auto", "number_format": None, "threads": 1, "compiled": "auto"}
    return [way.number_format for way in speed.ways(**settings | asked, minutes=60.0)]


def test_bf16_is_measured_where_torch_has_kernels_for_it(no_bf16_kernels, monkeypatch):
    assert formats() == ["fp32"]
    monkeypatch.setattr("bedstone.model.processor.has_bf16_kernels", lambda device: True)
    assert formats() == ["fp32", "bf16"]
    assert formats(number_format="bf16") == ["bf16"]


def test_on_a_gpu_bf16_is_measured_compiled_and_not_and_threads_are_not(monkeypatch):
    torch = pytest.importorskip("torch")
    processor = pytest.importorskip("bedstone.model.processor")
    monkeypatch.setattr(processor, "device_of", lambda device: torch.device("cuda"))
    monkeypatch.setattr(processor, "has_bf16_kernels", lambda device: True)
    monkeypatch.setattr(speed, "physical_cores", lambda: 8)
    both = [speed.Way("cuda", "bf16", 1, how) for how in ("off", "on")]
    assert speed.ways("auto", None, None, "auto", 60.0) == both
    assert speed.ways("auto", None, None, "auto", 1.0) == both[:1]
    assert speed.ways("cuda", "fp32", 2, "on", 1.0) == [speed.Way("cuda", "fp32", 2, "on")]


@pytest.mark.parametrize("number_format", ["fp32", "bf16"])
def test_the_training_step_is_measured_and_threads_are_put_back(number_format):
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    assert speed.flop_per_second(SHAPE, 16, speed.Way("cpu", number_format, 1), 0.0) > 0
    assert torch.get_num_threads() == before


@pytest.mark.torch
def test_flop_are_counted_over_the_median_step(monkeypatch):
    clock = iter([0, 9, 9, 10, 11, 12, 20, 23, 24, 30, 32, 200])  # steps of 9, 1, 3, 2
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    found = speed.flop_per_second(SHAPE, 16, speed.Way("cpu", "fp32", 1), 100.0)
    assert found == speed.train_flop(SHAPE, 16) / 2
