import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from bedstone.corpus.duplicates.clusters import string_hashes
from bedstone.corpus.held_out import STAGE, HeldOutConfig, last_lots
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find

DICE = random.Random(3)
WORDS = ["".join(DICE.choices("abcdefghijklmnop", k=6)) for _ in range(400)]


def text(number, edits=0):
    """Some 200 words, of which the first few are others."""
    words = random.Random(number).choices(WORDS, k=200)
    return " ".join(["edited"] * edits + words[edits:])


TEXTS = {f"{number:03}": ("eng" if number < 60 else "nob", text(number)) for number in range(100)}
COPIES = {
    f"{name}-{copy}": (language, text(int(name), edits=copy))
    for name, (language, _) in TEXTS.items()
    if int(name) % 2
    for copy in range(3)
}
PARALLEL = ("007", "062")


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Of documents, by id their language and text: what becomes of each, and the artifact."""

    def go(documents, shards=1):
        folder = tmp_path_factory.mktemp("documents")
        names = list(documents)
        for number in range(shards):
            ids = names[number::shards]
            languages, texts = map(list, zip(*map(documents.get, ids), strict=True))
            tables = {
                "documents": {"id": ids, "text": pa.array(texts, pa.large_string())},
                "language": {"id": ids, "language": languages},
            }
            for role, table in tables.items():
                (folder / role).mkdir(exist_ok=True)
                pq.write_table(pa.table(table), folder / role / f"{number:05}.parquet")
        (folder / "yardstick").mkdir()
        pq.write_table(pa.table({"id": PARALLEL}), folder / "yardstick" / "held_out.parquet")
        roles = ("documents", "language", "yardstick")
        inputs = {role: adopt([folder / role], folder / "store") for role in roles}
        minhash = find("corpus.minhash")
        signed = {"documents": inputs.pop("documents")}
        inputs["signatures"] = build(minhash, minhash.config(), signed, folder / "store", Local())
        made = build(STAGE, HeldOutConfig(), inputs, folder / "store", Local())
        rows = [row for path in made.files for row in pq.read_table(path).to_pylist()]
        return {row["id"]: row["split"] for row in rows}, made

    return go


def test_of_a_cluster_that_is_drawn_one_is_held_out_and_nothing_learnt(split):
    found, made = split({**TEXTS, **COPIES}, shards=3)
    held_out = {name for name, each in found.items() if each == "held_out"}
    assert held_out
    clusters = {}
    for name, each in found.items():
        clusters.setdefault(name[:3], []).append(each)
    for name, members in clusters.items():
        expected = {"yardstick"} if name in PARALLEL else {"train"}
        if any(each[:3] == name for each in held_out):
            expected = {"held_out", *(["near"] if len(members) > 1 else [])}
            assert members.count("held_out") == 1
        assert set(members) == expected, name
    metrics = made.manifest.metrics
    assert metrics["yardstick_documents"] == 2 + 3  # copies
    assert metrics["held_out_documents"] == len(held_out)
    assert metrics["held_out_languages"] == 2
    assert metrics["held_out_characters"] == sum(
        len({**TEXTS, **COPIES}[name][1]) for name in held_out
    )
    assert sum(v for name, v in metrics.items() if name.endswith("_documents")) == len(found)


def test_shards_and_their_order_make_no_difference(split):
    documents = {**TEXTS, **COPIES}
    one, _ = split(documents)
    other, made = split(dict(reversed(documents.items())), shards=4)
    assert one == other
    assert len(made.files) == 4


def ranks(one, other):
    """Whether the id ``one`` goes before ``other``."""
    first, second = string_hashes(pa.chunked_array([[one, other]]))
    return first < second


def test_another_document_moves_no_other(split):
    before, _ = split(TEXTS)
    after, _ = split({**TEXTS, "zzz": ("eng", text(1000))})
    assert after == {**before, "zzz": "train"}
    # A copy of a document that is held out, and of one that is not: neither is moved.
    for name in ("held_out", "train"):
        copied = next(each for each in before if before[each] == name)
        copy = next(each for each in (f"{copied}-{n}" for n in range(99)) if ranks(copied, each))
        after, _ = split({**TEXTS, copy: (TEXTS[copied][0], text(int(copied), edits=2))})
        expected = {"held_out": "near", "train": "train"}[name]
        assert after == {**before, copy: expected}


@pytest.mark.parametrize(
    ("clusters", "config", "expected"),
    [
        (4, {}, 0),
        (20, {}, 4),
        (40, {}, 8),
        (100, {}, 8),  # a share of .05 has some 5
        (100, {"min_documents": 0, "share": 0}, 0),
        (100, {"min_documents": 50}, 20),
        (100, {"min_documents": 50, "max_share": 1}, 50),
    ],
)
def test_a_share_of_a_language_and_at_least_so_many_if_that_is_not_too_much(
    clusters, config, expected
):
    lots = np.random.default_rng(0).permutation(clusters) / clusters
    languages = np.zeros(clusters, np.uint64)
    cuts = (slice(0, 0), slice(0, 3), slice(3, None))
    last = last_lots(HeldOutConfig(**config), [(languages[cut], lots[cut]) for cut in cuts])
    assert last == ({0: sorted(lots)[expected - 1]} if expected else {})


def test_no_share_is_more_than_the_most():
    with pytest.raises(ValidationError, match=r"share 0\.3 is more than max_share 0\.2"):
        HeldOutConfig(share=0.3)
