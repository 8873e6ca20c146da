"""What evaluation.suite makes of miniatures of sets; see test_tokenizer_and_plan.py."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.evaluation.suite import STAGE, SuiteConfig
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.tasks.items import FILE

XCOPA = {"premise": "P.", "choice1": "One.", "choice2": "Two.", "question": "effect", "label": 1}
OPTIONS = {f"option_{letter}": letter for letter in "abcd"}
GLOBAL = {"question": "?", "answer": "C", "cultural_sensitivity_label": "CS", **OPTIONS}
PIQA = [{"id": n, "question": f"{n}?", "choices": ["a", "b"], "gold": n % 2} for n in range(9)]
FILES = {
    "mgsm_te.tsv": "ఎంత?\t౧,౨౩౪\n",
    "xcopa/th/test.th.jsonl": json.dumps(XCOPA),
    "xcopa/sw/test.sw.jsonl": json.dumps(XCOPA | {"question": "cause"}),
    "flores/devtest/tam_Taml.devtest": "ஒன்று.\nஇரண்டு.\n",
    "blimp/fin/data.tsv": "sen\twrong_sen\nTalo on.\tTalo ovat.\n",
    "sib/annotated/yor_Latn/test.tsv": "index_id\tcategory\ttext\n7\thealth\tÌlera.\n",
    "sib/annotated/yor_Latn/train.tsv": "index_id\tcategory\ttext\n8\thealth\tÌlera.\n",
    "piqa.hi.jsonl": "\n".join(map(json.dumps, PIQA)),
    "piqa.en.jsonl": "\n".join(map(json.dumps, PIQA[::-1])),
}


def test_output_is_that_of_this_version(store, tmp_path):
    top = tmp_path / "given"
    for name, text in FILES.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (top / "mmlu" / "te").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([GLOBAL]), top / "mmlu" / "te" / "test.parquet")
    made = build(STAGE, SuiteConfig(items=3), {"files": adopt([top], store)}, store, Local())
    rows = pq.read_table(made.file(FILE)).to_pylist()
    ours = {"metrics": made.manifest.metrics, "rows": rows}
    path = Path(__file__).with_name(f"{STAGE.name}.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, indent=1, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
