import json
import math
import re
from pathlib import Path

import pytest

import bedstone
from bedstone.errors import DataError
from bedstone.laws.known import LAW_NAMES, Printed, fitted, published

OWN = {
    "E": 1.7,
    "A": 400.0,
    "B": 1000.0,
    "alpha": 0.34,
    "beta": 0.37,
    "parameters_range": [1e6, 1e9],
    "train_tokens_range": [1e7, 1e10],
    "runs": 40,
    "objective": "huber",
}


def write(tmp_path, **changed):
    path = tmp_path / "law.json"
    path.write_text(json.dumps(OWN | changed))
    return path


def test_a_printed_number_is_known_to_half_a_unit_of_its_last_digit():
    assert Printed.read("0.34").half_unit == pytest.approx(0.005)
    assert Printed.read("406.4").half_unit == pytest.approx(0.05)
    assert Printed.read("20").half_unit == 0.5
    assert Printed.read("0.34").ends == pytest.approx((0.335, 0.345))


def test_every_published_law_has_source_range_and_what_it_counts():
    for law in map(published, LAW_NAMES):
        assert "arXiv" in law.source
        assert law.counted
        for low, high in (law.parameters_range, law.train_tokens_range):
            assert 0 < low < high


def test_hoffmann_s_third_law_is_as_printed():
    law = published("chinchilla-3").surface()
    assert (law.E, law.A, law.B, law.alpha, law.beta) == (1.69, 406.4, 410.7, 0.34, 0.28)


def test_epoch_s_law_is_as_printed_where_it_is_printed_plain():
    law = published("epoch").surface()
    assert math.isclose(law.A, 482.006, abs_tol=5e-4)
    assert math.isclose(law.B, 2085.434, abs_tol=5e-3)
    assert math.isclose(law.E, 1.81686, abs_tol=5e-6)


def test_a_law_of_one_s_own_is_read_with_its_ranges_and_draws(tmp_path):
    law = fitted(write(tmp_path, draws=[[1.6, 300, 900, 0.3, 0.4]]))
    assert law.surface().beta == 0.37
    assert law.parameters_range == (1e6, 1e9)
    assert law.draws[0].alpha == 0.3
    assert fitted(write(tmp_path)).draws == ()
    assert fitted(write(tmp_path, warnings=["too few"])).warnings == ("too few",)


def test_a_file_that_is_no_law_is_refused(tmp_path):
    broken = tmp_path / "x.json"
    broken.write_text("[1]")
    odd = [
        {"E": -1},
        {"E": "x"},
        {"draws": [[1, 2]]},
        {"draws": 5},
        {"warnings": 5},
        {"draws": [[-1, 1, 1, 1, 1]]},
    ]
    for changed in odd:
        with pytest.raises(DataError, match="is no law"):
            fitted(write(tmp_path, **changed))
    for path in (broken, tmp_path / "absent.json"):
        with pytest.raises(DataError, match="is no law"):
            fitted(path)


def test_a_law_of_compute_alone_cannot_divide_a_budget(tmp_path):
    with pytest.raises(DataError, match=r"tell no L\(N, D\)"):
        fitted(write(tmp_path, **dict.fromkeys(("E", "A", "B", "alpha", "beta"))))


def test_every_published_constant_stands_in_the_table_alone():
    package = Path(bedstone.__file__).parent
    table = (package / "laws" / "laws.toml").read_text("utf-8")
    constants = {it for it in re.findall(r'= "(-?[0-9.]+)"', table) if len(it.strip("-0.")) > 3}
    assert "482.006" not in constants  # Epoch's are printed as logarithms
    assert {"406.4", "15.387756", "0.3118"} <= constants
    for path in package.rglob("*.py"):
        text = path.read_text("utf-8")
        found = [it for it in constants if re.search(rf"(?<![0-9.]){re.escape(it)}(?![0-9])", text)]
        assert not found, path
