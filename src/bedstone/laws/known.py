"""Laws that can be asked: published ones as they are printed, and those of one's own runs.

Published ones stand in ``laws.toml``. A constant is known to half a unit of its last digit, and
what that leaves open of an answer can be told.
"""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from bedstone.errors import DataError
from bedstone.laws.law import Law
from bedstone.store.artifact import Artifact, Shard
from bedstone.store.payload import read_json

LAW_NAMES = (
    "chinchilla-1",
    "chinchilla-2",
    "chinchilla-3",
    "chinchilla-3-unrounded",
    "epoch",
    "twenty",
    "repeated",
    "served",
)
SURFACE = ("E", "A", "B", "alpha", "beta")
"""The numbers of a law, in the order of ``Law`` and of each draw."""
LAW_FILE, DRAWS_FILE, RUNS_FILE = "law.json", "draws.parquet", "runs.parquet"
"""Of the artifact of scaling.fit."""
PREDICTION_FILE = "prediction.json"
"""Of that of scaling.predict."""
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Printed:
    """A number, and how far from it the unrounded one may lie."""

    value: float
    half_unit: float = 0.0

    @classmethod
    def read(cls, text: str) -> "Printed":
        """``"0.34"`` is 0.34 to within 0.005."""
        exponent = Decimal(text).as_tuple().exponent
        assert isinstance(exponent, int), text
        return cls(float(text), 0.5 * 10.0**exponent)

    @property
    def ends(self) -> Range:
        """Lowest and highest unrounded value."""
        return self.value - self.half_unit, self.value + self.half_unit


@dataclass(frozen=True, slots=True)
class KnownLaw:
    """One law as its source gives it."""

    name: str
    form: str
    """``surface``, ``power``, ``ratio``, ``repeated`` or ``served``: see ``laws.toml``."""
    title: str
    source: str
    counted: str
    """Which parameters N is the number of."""
    parameters_range: Range
    """Of the runs that it was fitted on."""
    train_tokens_range: Range
    constants: Mapping[str, Printed]
    base: str | None = None
    """Of a law that uses another's surface, that one's name."""
    draws: tuple[Law, ...] = ()
    """Surfaces that the runs allow as well, drawn by their plausibility; none where unknown."""
    warnings: tuple[str, ...] = ()
    """Of own runs: what keeps the numbers from being taken as they are."""

    def values(self) -> dict[str, float]:
        """The constants as printed."""
        return {name: it.value for name, it in self.constants.items()}

    def surface(self) -> Law:
        """L(N, D) with the constants as printed; of a law with a base, that one's."""
        if self.base:
            return published(self.base).surface()
        return surface_of(self.values())

    def within_rounding(self) -> list[dict[str, float]]:
        """The constants at all ends of what their digits leave open."""
        ends = product(*(it.ends for it in self.constants.values()))
        return [dict(zip(self.constants, corner, strict=True)) for corner in ends]


@cache
def published(name: str) -> KnownLaw:
    """The law called ``name``, one of ``LAW_NAMES``."""
    row = dict(_table()[name])
    words = {key: row.pop(key) for key in ("form", "title", "source", "counted")}
    parameters_range, train_tokens_range = (
        (float(low), float(high))
        for low, high in (row.pop("parameters_range"), row.pop("train_tokens_range"))
    )
    base, draws_file = row.pop("base", None), row.pop("draws", None)
    constants = {key: Printed.read(text) for key, text in row.items()}
    draws = _read_draws(draws_file) if draws_file else ()
    draws = published(base).draws if base else draws
    return KnownLaw(
        name,
        **words,
        parameters_range=parameters_range,
        train_tokens_range=train_tokens_range,
        constants=constants,
        base=base,
        draws=draws,
    )


def fitted(path: Path) -> KnownLaw:
    """The law that ``bedstone fit`` wrote: a file, or the folder of its artifact.

    Raises:
        ArtifactError: a folder is no such artifact.
        DataError: it is none, or its runs could not tell the law's terms apart.
    """
    if path.is_dir():
        return fitted_in(Artifact(path))
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _no_law(path, error) from error
    return _own(found, path)


def fitted_in(fit: Shard) -> KnownLaw:
    """The law of an artifact of scaling.fit.

    Raises:
        ArtifactError: it is none.
        DataError: as ``fitted``.
    """
    return _own(read_json(fit, LAW_FILE) | {"draws": stored_draws(fit)}, fit.location)


def _own(found: Any, path: Path) -> KnownLaw:
    try:
        values = {name: found[name] for name in SURFACE}
        parameters_range, train_tokens_range = (
            (float(low), float(high))
            for low, high in (found["parameters_range"], found["train_tokens_range"])
        )
        draws = tuple(Law(*map(float, draw)) for draw in found.get("draws", ()))
        constants = {name: Printed(float(it)) for name, it in values.items() if it is not None}
        if len(constants) == len(SURFACE):
            Law(*(it.value for it in constants.values()))  # complains of what no law has
        source = f"{found['runs']} runs, {found['objective']}"
        warnings = tuple(map(str, found.get("warnings", ())))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _no_law(path, error) from error
    if len(constants) < len(SURFACE):
        raise DataError(
            f"{path}: these runs tell no L(N, D), so they cannot divide a budget",
            hint="fit runs of several sizes, each on several numbers of tokens",
        )
    return KnownLaw(
        name=str(path),
        form="surface",
        title="own runs",
        source=source,
        counted="as your runs count them",
        parameters_range=parameters_range,
        train_tokens_range=train_tokens_range,
        constants=constants,
        draws=draws,
        warnings=warnings,
    )


def _no_law(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} is no law: {error}",
        hint="give a file that `bedstone fit RUNS.csv --out FILE` wrote",
    )


def stored_draws(fit: Shard) -> list[list[float]]:
    """The draws of a fit's artifact, each in the order of ``SURFACE``."""
    import pyarrow.parquet as pq

    table = pq.read_table(fit.file(DRAWS_FILE), columns=list(SURFACE))
    rows: list[list[float]] = np.stack([column.to_numpy() for column in table.columns], 1).tolist()
    return rows


def surface_of(constants: Mapping[str, float]) -> Law:
    """L(N, D) of its five numbers, each given plain or as its logarithm, ``log_A``."""
    plain = (
        constants[name] if name in constants else math.exp(constants[f"log_{name}"])
        for name in SURFACE
    )
    return Law(*plain)


def hyperparameter_laws() -> Mapping[str, Mapping[str, Any]]:
    """What is published on learning rate and batch, by name."""
    table: Mapping[str, Mapping[str, Any]] = _table()["hyperparameters"]
    return table


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_packaged("laws.toml"))


def _read_draws(name: str) -> tuple[Law, ...]:
    """A table of the package: the five numbers of a law in each row."""
    header, *rows = _packaged(name).splitlines()
    assert tuple(header.split()) == SURFACE, name
    return tuple(Law(*map(float, row.split())) for row in rows)


def _packaged(name: str) -> str:
    return files("bedstone.laws").joinpath(name).read_text("utf-8")
