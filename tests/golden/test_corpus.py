"""What the stages on documents write for a fixed crawl, in files a reviewer can read.

A change of output shows as a failure here and needs a new stage version: the version is in the
file's name, so the old file stays what it was. An absent file is written, to be reviewed.
"""

import json
import random
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from bedstone.corpus.extract import ExtractConfig
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find

ENGLISH = (
    "The old harbour lies where the river meets the sea, and every morning the boats go out with "
    "the tide. A teacher from the village keeps a list of their names, which she reads to the "
    "children when it rains. Some of the names are older than the church; others were painted "
    "last spring. She says that a boat without a name does not come back, and nobody has ever "
    "asked her whether that is true. In the winter the nets hang between the houses, and the "
    "smell of tar stays in the streets until the first warm days. Then the visitors arrive, and "
    "the harbour belongs to them until the leaves fall and the ferry stops. "
)
DECLARATION = (
    "All people of the valley may use the road, the well and the bridge, whoever they are and "
    "wherever they come from. Nobody may be kept from speaking in the assembly, and what has been "
    "said there is written down for those who could not come. Whoever is accused is heard before "
    "anything is decided. Children learn to read in the language of their parents. "
)
NORWEGIAN = "Jeg vet ikke hvorfor katten ligger og sover i solen hele dagen, men det gjør den. " * 4
MORE_NORWEGIAN = (
    "Båten går ut fra havna når det blir lyst, og den kommer ikke tilbake før det er mørkt. "
    "Da står barna på brygga og teller fiskene, og den som teller feil, må begynne på nytt. "
)
HINDI = "यह एक पुराना विद्यालय है और इस गाँव के सब बच्चे यहाँ हर दिन पढ़ते हैं। " * 5
THAI = "นักเรียนทุกคนในหมู่บ้านนี้เรียนประวัติศาสตร์และวรรณคดีทุกวันที่โรงเรียนเก่า " * 6
CHINESE = "这所老学校里每天都有很多孩子学习历史和文学，他们说中国话。" * 5
RUSSIAN = "Старый учитель каждый день рассказывал детям о звёздах и далёких странах. " * 6
PAGES = {
    "https://a.example/english": f"<nav>Home</nav><h1>Scholars</h1><p>{ENGLISH}</p>",
    "https://a.example/copy": f"<h1>Scholars</h1>\n<p>{ENGLISH}</p>",
    "https://a.example/near": f"<h1>Scholars</h1><p>{ENGLISH} And no more of them came.</p>",
    "https://a.example/norwegian": f"<h2>Katten</h2><p>{NORWEGIAN}</p>",
    "https://a.example/hindi": f"<h2>विद्यालय</h2><p>{HINDI}</p>",
    "https://a.example/thai": f"<p>{THAI}</p>",
    "https://a.example/chinese": f"<p>{CHINESE}</p>",
    "https://a.example/russian": f"<p>{RUSSIAN}</p>",
    "https://a.example/mixed": f"<p>{RUSSIAN}</p><p>{HINDI}</p>",
    "https://a.example/short": "<p>Buy now ...</p>",
    "https://a.example/none": "<script>0</script>",
    "https://u.example/udhr_eng": f"<h1>Declaration</h1><p>{DECLARATION}</p>",
    "https://a.example/harbour": f"<p>{MORE_NORWEGIAN}</p><p>{MORE_NORWEGIAN}[1]</p>",
}
CONFIGS = {
    "corpus.yardstick": {"urls": ["https://u.example/"]},
    "corpus.shuffle": {"languages": ["nob_Latn"]},
    "corpus.thresholds": {"min_documents": 2},
    "corpus.minhash": {"bands": 4, "rows": 3},
    "corpus.held_out": {"min_documents": 1, "max_share": 1},
    "corpus.reference": {"min_characters": 1_000, "table_bits": 12},
    "corpus.perplexity": {"min_documents": 3},
    "corpus.dedup": {"scope": "language"},
    "corpus.draw": {"labels": 5},
    "corpus.prevalence": {"min_labels": 1},
}
RECORDED = "corpus.extract.records"
"""Texts that were taken out before."""
ROLES = {
    "corpus.extract": "documents",
    "corpus.language": "language",
    "corpus.votes": "voted",
    "corpus.sites": "sites",
    "corpus.words": "words",
    "corpus.permissions": "permissions",
    "corpus.yardstick": "yardstick",
    "corpus.minhash": "signatures",
    "corpus.held_out": "held_out",
    "corpus.shuffle": "shuffled",
    "corpus.thresholds": "thresholds",
    "corpus.rewrite": "rewritten",
    "corpus.lines": "lines",
    "corpus.personal": "personal",
    "corpus.redact": "redacted",
    "corpus.statistics": "statistics",
    "corpus.classifier": "classifier",
    "corpus.classify": "scores",
    "corpus.reference": "reference",
    "corpus.perplexity": "perplexity",
    "corpus.controls": "controls",
    "corpus.contamination": "contamination",
    "corpus.filter": "filtered",
    "corpus.dedup": "kept",
    "corpus.draw": "draw",
    "corpus.prevalence": "prevalence",
    "corpus.audit": "audit",
    "posttrain.pairs": "pairs",
}
ITEMS = [
    {
        "id": "tide",
        "question": "When do the boats go out of the old harbour?",
        "answer": "The tide",
    },
    {"id": "boat", "text": "She says that a boat without a name does not come back."},
    {"id": "zh", "question": "他们说中国话", "answer": "每天都有很多孩子学习历史和文学"},
    {"id": "none", "question": "Why?"},
]


def crawl() -> bytes:
    """The pages, and behind them a page cut off; plain, for gzip's bytes differ by its maker."""
    records = [response(url, html) for url, html in PAGES.items()]
    return b"".join([*records, records[0][:-40]])


def response(url: str, html: str) -> bytes:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
        "WARC-Date: 2024-01-01T00:00:00Z\r\nContent-Type: application/http\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Each stage's artifact, by the stage's name."""
    folder = tmp_path_factory.mktemp("golden")
    path = folder / "crawl.warc"
    path.write_bytes(crawl())
    store = folder / "store"
    items = folder / "items.jsonl"
    items.write_text("\n".join(map(json.dumps, ITEMS)))
    artifacts = {"crawl": adopt([path], store), "items": adopt([items], store)}
    artifacts |= examples(folder, store)
    given = given_lists(folder, store)
    for name, role in ROLES.items():
        stage, artifacts = find(name), artifacts | given.get(name, {})
        taken = [*stage.inputs, *(each for each in stage.optional if each in artifacts)]
        inputs = {each: artifacts[each] for each in taken}
        config = stage.config(**CONFIGS.get(name, {}))
        artifacts[role] = build(stage, config, inputs, store, Local())
        if role == "filtered":
            artifacts["before"] = artifacts[role]
        if role == "draw":
            artifacts["labels"] = labelled(artifacts[role].file("labels.tsv"), folder, store)
    recorded = build(
        find("corpus.extract"), ExtractConfig(), {"crawl": own_texts(folder, store)}, store, Local()
    )
    return {name: artifacts[role] for name, role in ROLES.items()} | {RECORDED: recorded}


def examples(folder: Path, store: Path):
    """Texts about boats, and others."""
    made = {}
    for role, text in (("seed", ENGLISH), ("negatives", DECLARATION)):
        parts = [random.Random(number).sample(text.split(), 30) for number in range(60)]
        lines = [json.dumps({"text": " ".join(each)}) for each in parts]
        (folder / f"{role}.jsonl").write_text("\n".join(lines), "utf-8")
        made[role] = adopt([folder / f"{role}.jsonl"], store)
    return made


def labelled(table: Path, folder: Path, store: Path):
    """The drawn documents; English ones are of the domain, and the last has no label."""
    head, *lines = table.read_text("utf-8").splitlines()
    filled = [line + ("yes" if "eng_Latn" in line else "no") for line in lines[:-1]]
    path = folder / "labels.tsv"
    path.write_text("\n".join([head, *filled, lines[-1], ""]), "utf-8")
    return adopt([path], store)


def given_lists(folder: Path, store: Path):
    """What a user gives, by stage and role."""
    files = {
        "votes.csv": "url,votes\nhttp://a.example/english#top,3\nhttps://www.a.example/near,1\nx,1\n",
        "hosts/blocked.txt": "u.example\na.example/short\n",
        "words/en": "the village\nvisitors\n",
        "words/no": "katten\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return {
        "corpus.votes": {"votes": adopt([folder / "votes.csv"], store)},
        "corpus.sites": {"lists": adopt([folder / "hosts"], store)},
        "corpus.words": {"lists": adopt([folder / "words"], store)},
    }


def own_texts(folder: Path, store: Path):
    """A table of texts, and a folder of them."""
    table, texts = folder / "texts.jsonl", folder / "texts"
    lines = [{"text": ENGLISH, "url": "https://a.example/"}, {"text": HINDI}, {"text": None}]
    table.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    (texts / "nordic").mkdir(parents=True)
    (texts / "nordic" / "cat.md").write_text(f"# Katten\r\n\r\n{NORWEGIAN}", "utf-8")
    (texts / "teacher.TXT").write_bytes(RUSSIAN.encode("cp1251"))
    (texts / "blank.txt").write_text(" \n")
    return adopt([table, texts], store)


def outcome(artifact) -> dict:
    """Metrics and files; bytes as hexadecimal digits.."""
    parts = artifact.shards if artifact.manifest.shards else [artifact]
    files: dict[str, object] = {}
    for number, part in enumerate(parts):
        before = f"{number}/" if len(parts) > 1 else ""
        for file in part.manifest.files:
            name = file.path if file.path.startswith("about/") else Path(file.path).name
            files[before + name] = rows(part.path / file.path)
    values = {"metrics": artifact.manifest.metrics, "files": files}
    return json.loads(json.dumps(values, default=bytes.hex))


def rows(path: Path) -> object:
    if path.suffix == ".npy":
        return round(float(np.abs(np.load(path)).sum()), 3)
    if path.suffix == ".json":
        return json.loads(path.read_text("utf-8"))
    if path.suffix == ".tsv":
        return path.read_text("utf-8").splitlines()
    return pq.read_table(path).to_pylist()


@pytest.mark.parametrize("name", [*ROLES, RECORDED])
def test_output_is_that_of_this_version(made, name):
    ours, stage = outcome(made[name]), find(made[name].manifest.stage)
    libraries = {library: version(library) for library in stage.libraries}
    path = Path(__file__).with_name(f"{name}.v{stage.version}.json")
    if not path.exists():
        text = json.dumps({"libraries": libraries, **ours}, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    expected = json.loads(path.read_text("utf-8"))
    if expected["libraries"] != libraries:
        pytest.skip(f"the file was made with {expected['libraries']}, here is {libraries}")
    assert ours == {key: value for key, value in expected.items() if key != "libraries"}
