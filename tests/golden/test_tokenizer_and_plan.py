"""What the stages from tokenizer.train to scaling.predict write for fixed documents.

A change of output shows as a failure here and needs a new stage version: the version is in the
file's name, so the old file stays what it was. An absent file is written, to be reviewed. Of a
stage that promises no equal bytes, the last digits are the processor's own.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find

LANGUAGES = {
    "eng_Latn": "The patient scholar of page {} measured the silver river, and the others did too.",
    "hin_Deva": "पृष्ठ {} का शिक्षक उस गाँव के विद्यालय को जानता है।",
}
CONFIGS = {
    "tokenizer.train": {"vocab_size": 300},
    "tokenizer.encode": {},
    "tokenizer.cost": {},
    "tokenizer.mix": {},
    "scaling.plan": {"speed": 1e11, "threads": 2, "number_format": "fp32"},
    "scaling.predict": {"law": "repeated"},
}
ROLES = {
    "tokenizer.train": "tokenizer",
    "tokenizer.encode": "tokens",
    "tokenizer.cost": "cost",
    "tokenizer.mix": "mix",
    "scaling.plan": "plan",
    "scaling.predict": "prediction",
}
OPTIONAL = {
    "tokenizer.train": ("kept",),
    "tokenizer.encode": ("kept",),
    "scaling.predict": ("plan",),
}
"""Roles that are given though a stage asks for none."""


def tables() -> dict[str, pa.Table]:
    rows = [
        (f"{name}-{number:02}", name, text.format(number))
        for name, text in LANGUAGES.items()
        for number in range(20)
    ]
    ids, languages, texts = map(list, zip(*rows, strict=True))
    yardstick = {name: text.format(0) for name, text in LANGUAGES.items()}
    return {
        "documents": pa.table({"id": ids, "text": pa.array(texts, pa.large_string())}),
        "language": pa.table({"id": ids, "language": languages}),
        "kept": pa.table({"id": ids, "keep": [number != 7 for number in range(len(ids))]}),
        "held_out": pa.table({"id": ids, "split": (["held_out", "near", *["train"] * 8]) * 4}),
        "yardstick": pa.table(
            {
                "url": list(yardstick),
                "language": list(yardstick),
                "text": list(yardstick.values()),
            }
        ),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The stages' artifacts by role."""
    top = tmp_path_factory.mktemp("golden")
    store, artifacts = top / "store", {}
    for role, table in tables().items():
        (top / role).mkdir()
        pq.write_table(table, top / role / f"{role}.parquet")
        artifacts[role] = adopt([top / role], store)
    for name, values in CONFIGS.items():
        stage = find(name)
        inputs = {role: artifacts[role] for role in (*stage.inputs, *OPTIONAL.get(name, ()))}
        config = stage.config(**values)
        artifacts[ROLES[name]] = build(stage, config, inputs, store, Local())
    return artifacts


def readable(path: Path) -> object:
    if path.suffix == ".json":
        return json.loads(path.read_text("utf-8"))
    if path.suffix == ".npy":
        return np.load(path).tolist()
    return pq.read_table(path).to_pylist()


def written(artifact) -> dict:
    parts = [artifact] if artifact.manifest.shards is None else artifact.shards
    files = [{path.name: readable(path) for path in part.files} for part in parts]
    return {"metrics": artifact.manifest.metrics, "files": files}


def nearly(number: str) -> object:
    # Where a curve is least, only the root of its rounding is known.
    return pytest.approx(float(number), rel=1e-6)


@pytest.mark.parametrize("name", CONFIGS)
def test_output_is_that_of_this_version(made, name):
    ours = json.loads(json.dumps(written(made[ROLES[name]])))
    path = Path(__file__).with_name(f"{name}.v{find(name).version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    number = float if find(name).reproducible == "bytes" else nearly
    assert ours == json.loads(path.read_text("utf-8"), parse_float=number)
