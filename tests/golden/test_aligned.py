"""What corpus.aligned writes for fixed texts; see test_tokenizer_and_plan.py."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bedstone.corpus.aligned import FILE, STAGE, AlignedConfig
from bedstone.corpus.parallel import STAGE as PARALLEL
from bedstone.corpus.parallel import ParallelConfig
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local

TEXTS = {
    "eng_Latn": """All people are born free.
They have reason.
OK
Nobody is a slave.
All may leave.
All may marry.
""",
    "por_Latn": """Todos nascem livres.
Têm razão.
OK
Ninguém é escravo.
Podem sair.
Podem casar.
""",
    "zho_Hant": """人人生而自由。
有理性。
好
無人為奴。
可離開。
可結婚。
""",
}


def test_output_is_that_of_this_version(store, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")
    inputs = {"texts": adopt([folder], store)}
    parallel = build(PARALLEL, ParallelConfig(sources=()), inputs, store, Local())
    ours = {}
    for language in ("por_Latn", "eng_Cyrl"):
        config = AlignedConfig(
            language=language, languages=(*TEXTS, "eng_Cyrl"), held_out_share=0.4, max_bytes=25
        )
        made = build(STAGE, config, {"parallel": parallel}, store, Local())
        rows = pq.read_table(made.file(FILE)).to_pylist()
        ours[language] = {"metrics": made.manifest.metrics, "rows": rows}
    path = Path(__file__).with_name(f"corpus.aligned.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
