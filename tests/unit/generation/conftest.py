"""Matrices this small are slower with more threads, and much slower beside other work."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
