"""What is compiled says so once, and is kept."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba import njit
from numba.core.compiler import Flags
from numba.core.targetconfig import TargetConfig

from bedstone.errors import BedstoneError
from bedstone.text import kernel as module

SUM = """
import numpy as np
from bedstone.text.kernel import kernel

@kernel
def total(numbers):
    found = 0
    for number in numbers:
        found += number
    return found

@kernel
def largest(numbers):
    return numbers.max()

print(total(np.arange(5)), largest(np.arange(5)))
"""


def test_compiling_is_announced_once_and_the_next_time_there_is_none(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SUM)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    told = [
        subprocess.run(
            [sys.executable, script], env=environment, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert [each.stdout for each in told] == ["10 4\n"] * 2
    assert told[0].stderr.count("compiling kernels for this type of processor, once") == 1
    assert told[1].stderr == ""


def test_garbage_is_collected_again_when_all_is_compiled():
    @module.inner
    def twice(number):
        return 2 * number

    @njit
    def four_times(number):
        return twice(twice(number))

    assert four_times(2) == 8
    assert gc.isenabled()


def test_without_a_place_to_keep_it_there_is_one_clear_error(monkeypatch):
    def nowhere(**options):
        def refuse(function):
            raise RuntimeError("no locator available")

        return refuse

    monkeypatch.setattr(module, "njit", nowhere)
    with pytest.raises(BedstoneError, match="no locator available") as caught:
        module.kernel(len)
    assert "NUMBA_CACHE_DIR" in caught.value.hint


def test_another_module_is_another_folder_and_another_stage_is_not(tmp_path):
    (tmp_path / "bits.py").write_text("BIT = 1")
    (tmp_path / "filter.py").write_text("LIMIT = 1\nSTAGE = Stage(")
    first = module._folder(tmp_path, "")
    assert first.parent == tmp_path / "__pycache__"
    assert module._folder(tmp_path, "elsewhere").as_posix() == f"elsewhere/{first.name}"
    (tmp_path / "filter.py").write_text("LIMIT = 2\nSTAGE = Stage(")
    assert module._folder(tmp_path, "") == first
    (tmp_path / "bits.py").write_text("BIT = 2")
    assert module._folder(tmp_path, "") != first


def test_how_it_is_compiled_is_of_the_folder_too(tmp_path):
    source = Path(module.__file__).read_bytes()
    (tmp_path / "kernel.py").write_bytes(source)
    first = module._folder(tmp_path, "")
    (tmp_path / "kernel.py").write_bytes(source + b"\n")
    assert module._folder(tmp_path, "") != first


def test_options_are_compared_as_numba_does():
    assert "_values" in TargetConfig.__slots__  # else they are compared as numba does
    options, alike, written_out, other = (Flags() for _ in range(4))
    for each in (options, alike, written_out, other):
        each.nrt = True
    written_out.boundscheck = Flags().boundscheck
    other.boundscheck = True
    assert options == alike == written_out != other
    assert hash(options) == hash(alike) == hash(written_out)
    assert options != "nrt"
