"""What tokenizer.train writes for fixed documents when parallel text steers it.

As in ``test_tokenizer_and_plan.py``, the version is in the file's name.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.tokenizer.train import STAGE, ParityConfig, TrainConfig, WindowConfig

LANGUAGES = {
    "eng_Latn": "The patient scholar of page {} measured the silver river, and the others did too.",
    "hin_Deva": "पृष्ठ {} का शिक्षक उस गाँव के विद्यालय को जानता है।",
    "swa_Latn": "Mwalimu wa ukurasa {} anajua shule ya kijiji kile na mto mrefu.",
}
SETTINGS = {"global_share": 0.5, "min_bytes": 500, "min_units": 3}
FORMS = {
    "hybrid": ParityConfig(**SETTINGS),
    "window": ParityConfig(**{**SETTINGS, "global_share": 0, "window": WindowConfig(merges=9)}),
}


def tables() -> dict[str, pa.Table]:
    rows = [
        (f"{name}-{number:02}", name, text.format(number))
        for name, text in LANGUAGES.items()
        for number in range(20)
    ]
    ids, languages, texts = map(list, zip(*rows, strict=True))
    units = [
        ("help", name, str(number), text.format(number), LANGUAGES["eng_Latn"].format(number))
        for name, text in LANGUAGES.items()
        for number in range(100, 120)
    ]
    names = ("source", "language", "unit", "text", "english")
    return {
        "documents": pa.table({"id": ids, "text": pa.array(texts, pa.large_string())}),
        "language": pa.table({"id": ids, "language": languages}),
        "kept": pa.table({"id": ids, "keep": [True] * len(ids)}),
        "held_out": pa.table({"id": ids, "split": ["train"] * len(ids)}),
        "parallel": pa.table(dict(zip(names, map(list, zip(*units, strict=True)), strict=True))),
    }


def written(folder: Path) -> dict:
    inputs = {}
    for role, table in tables().items():
        (folder / role).mkdir()
        pq.write_table(table, folder / role / f"{role}.parquet")
        inputs[role] = adopt([folder / role], folder / "store")
    found = {}
    for name, parity in FORMS.items():
        config = TrainConfig(vocab_size=330, parity=parity)
        artifact = build(STAGE, config, inputs, folder / "store", Local())
        model = json.loads(artifact.file("tokenizer.json").read_text("utf-8"))["model"]
        costs = json.loads(artifact.file("parity.json").read_text("utf-8"))
        merges = [" ".join(pair) for pair in model["merges"]]
        found[name] = {"metrics": artifact.manifest.metrics, "parity": costs, "merges": merges}
    return found


def test_output_is_that_of_this_version(tmp_path):
    ours = json.loads(json.dumps(written(tmp_path)))
    path = Path(__file__).with_name(f"tokenizer.train.parity.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
