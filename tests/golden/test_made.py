"""What evaluation.made writes of fixed texts in some languages; see test_tokenizer_and_plan.py."""

import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.evaluation.made import SETS, STAGE, MadeConfig
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.tasks.items import items_of

UNITS = {
    "gnome-user-docs": ("book/net-{0}#0", "book/net-{0}#1"),
    "mediawiki": ("languages/i18n/key-{0}#0",),
    "udhr": ("{0}",),
}
LANGUAGES = ("eng_Latn", "tel_Telu")


def test_output_is_that_of_this_version(store, tmp_path):
    rows = [
        {
            "source": source,
            "language": language,
            "unit": unit.format(number),
            "text": f"{language}, {unit.format(number)}: number {number} of this text is {number}.",
        }
        for source, units in UNITS.items()
        for number in range(1, 9)
        for unit in units
        for language in LANGUAGES
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "parallel.parquet")
    inputs = {"parallel": adopt([tmp_path / "parallel.parquet"], store)}
    config = MadeConfig(sets=SETS, items=4, languages=LANGUAGES)
    made = build(STAGE, config, inputs, store, Local())
    items = [asdict(item) for item in items_of(made)]
    ours = json.loads(json.dumps({"metrics": made.manifest.metrics, "items": items}))
    path = Path(__file__).with_name(f"{STAGE.name}.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, indent=1, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
