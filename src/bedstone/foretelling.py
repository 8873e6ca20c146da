"""What `bedstone fit` does with a law that it has: register predictions, hand it on, draw it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedstone.artifact import Artifact
from bedstone.auditing import Making
from bedstone.errors import ConfigError
from bedstone.scaling.known import LAW_FILE, PREDICTION_FILE, stored_draws
from bedstone.scaling.runs import LIMITS


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that a law is asked about."""

    parameters: float
    train_tokens: float


def run_of(word: str) -> PlannedRun:
    """``1e9,2e10`` as parameters and training tokens.

    Raises:
        ConfigError: it is no such word.
    """
    try:
        parameters, train_tokens = map(float, word.split(","))
    except ValueError:
        parameters = train_tokens = float("nan")
    low, high = LIMITS
    if not (low <= parameters <= high and low <= train_tokens <= high):
        raise ConfigError(
            f"--predict {word!r} is no run",
            hint="write parameters and training tokens: --predict 1e9,2e10",
        )
    return PlannedRun(parameters, train_tokens)


def predict(law: Artifact, run: PlannedRun, making: Making) -> dict[str, Any]:
    """What the law of the artifact says of ``run``, registered.

    Raises:
        DataError: the runs tell no L(N, D).
    """
    sizes = {"parameters": run.parameters, "train_tokens": run.train_tokens}
    made = making.build("scaling.predict", sizes, law=law)
    found: dict[str, Any] = json.loads(made.file(PREDICTION_FILE).read_text("utf-8"))
    return {"artifact": str(made.path), **found}


def write_law(law: Artifact, out: Path) -> None:
    """The law and its draws as one file, which ``bedstone plan --law`` reads."""
    found = json.loads(law.file(LAW_FILE).read_text("utf-8"))
    text = json.dumps({**found, "draws": stored_draws(law.path)})
    out.write_text(text + "\n", "utf-8")


def write_chart(law: Artifact, path: Path) -> None:
    """Predicted against measured where runs were held out, else loss over compute, as SVG.

    Raises:
        ConfigError: the runs tell no L(N, D), and none was held out.
    """
    from bedstone.reporting import charts, scaling_sections

    found = json.loads(law.file(LAW_FILE).read_text("utf-8"))
    if found["E"] is None and not found["hold_out"]:
        raise ConfigError("--chart: these runs tell no L(N, D), so no curve of best sizes")
    figure = scaling_sections.fit_charts(law)[-1 if found["hold_out"] else 0]
    path.write_text(charts.standalone(figure.chart) + "\n", "utf-8")
