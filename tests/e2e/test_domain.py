"""`bedstone domain`: how much of a planted domain there is, from a seed and labels."""

import csv
import json
import random
import re
from pathlib import Path

import pytest

import bedstone
from bedstone.errors import ConfigError, DataError

BOATS, FIELDS, COMMON = (
    line.split()
    for line in (
        "harbour tide mast sail anchor rope captain deck keel wharf oar buoy ferry crew",
        "barley plough meadow harvest orchard tractor fence sheep hay soil barn seed cow",
        "the old people of that village often said it was better to go there before",
    )
)
SHARE = 0.1


def text(words, dice):
    """Ten sentences, of words that all share and of those of the topic."""
    sentences = []
    for _ in range(10):
        drawn = dice.choices(COMMON, k=9) + dice.choices(words, k=4)
        dice.shuffle(drawn)
        sentences.append(" ".join(drawn).capitalize() + ".")
    return " ".join(sentences)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """600 pages, a tenth of them about boats; and a seed of 80 texts about boats."""
    folder, dice = tmp_path_factory.mktemp("planted"), random.Random(2)
    rows = []
    for number in range(600):
        is_boat = number < SHARE * 600
        url = f"https://{'b' if is_boat else 'f'}{number % 40}.example/{number}"
        rows.append({"text": text(BOATS if is_boat else FIELDS, dice), "url": url})
    (folder / "crawl.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (folder / "seed").mkdir()
    for number in range(80):
        (folder / "seed" / f"page{number}.txt").write_text(text(BOATS, dice), "utf-8")
    store = folder / "store"
    crawl = bedstone.adopt(folder / "crawl.jsonl", store=store)["artifact"]
    made = bedstone.build("corpus.extract", inputs={"crawl": crawl}, store=store)
    return folder, store, made["artifact"]


@pytest.fixture
def asked(planted, tmp_path, monkeypatch):
    """The command's options, without labels, in a folder of one's own."""
    folder, store, made = planted
    monkeypatch.chdir(tmp_path)
    return {"artifact": made, "seed": folder / "seed", "store": store, "draw": 100}


def fill(table, limit=None):
    """Say of each drawn page what it is, by its host; of those after the limit nothing."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows[:limit]:
        row["label"] = "yes" if row["url"].startswith("https://b") else "no"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_without_labels_unknown_and_with_them_the_planted_share(asked, tmp_path):
    found = bedstone.domain(**asked)
    assert (found["share"], found["low"], found["high"]) == (None, None, None)
    assert (found["documents"], found["labels"], found["unfilled"]) == (600, 0, 100)
    assert found["table"] == "labels.tsv"
    assert found["auc"] > 0.9
    again = bedstone.domain(**asked)
    assert again == found
    rows = fill(tmp_path / "labels.tsv")
    assert len(rows) == 100
    told = bedstone.domain(**asked, labels="labels.tsv")
    assert told["low"] <= SHARE <= told["high"]
    assert told["high"] - told["low"] < 0.1
    assert (told["labels"], told["unfilled"], told["table"]) == (100, 0, None)
    assert {row["stratum"] for row in told["strata"]} <= {"above", "below", "untold"}
    with pytest.raises(ConfigError, match=r"labels\.tsv is there already"):
        bedstone.domain(**asked)
    table = re.escape(str((tmp_path / "labels.tsv").resolve()))
    with pytest.raises(DataError, match=rf"^{table}:\d+: .* is no document of this draw"):
        bedstone.domain(**asked | {"draw": 50}, labels="labels.tsv")


def test_what_is_told_to_people(asked, planted, cli, tmp_path):
    folder, store, made = planted
    words = ("domain", made, "--seed", folder / "seed", "--store", store, "--draw", 100)
    status, out, _ = cli(*words)
    assert status == 0
    assert out.startswith("an unknown share of 600 documents\n0 of 100 drawn documents")
    assert "say yes or no in the column label of labels.tsv" in out
    fill(tmp_path / "labels.tsv", 60)
    status, out, _ = cli(*words, "--labels", "labels.tsv")
    assert status == 0
    assert "% (" in out.splitlines()[0]
    assert "60 of 100 drawn documents are labelled, 40 not" in out
    status, _, err = cli("domain", made, "--store", store)
    assert status == 2
    assert "hint: --seed FOLDER" in err


def test_a_label_of_one_stratum_alone_leaves_the_share_unknown(asked, planted, cli, tmp_path):
    folder, store, made = planted
    words = ("domain", made, "--seed", folder / "seed", "--store", store, "--draw", 100)
    found = bedstone.domain(**asked)
    fill(tmp_path / "labels.tsv", 1)
    status, out, _ = cli(*words, "--labels", "labels.tsv")
    assert status == 0
    assert out.startswith("an unknown share of 600 documents")
    bare = [row["stratum"] for row in found["strata"] if row["documents"]]
    assert any(
        f"no document is labelled of those {name}: each needs a label" in out for name in bare
    )


def test_a_seed_with_another_column(asked, planted, tmp_path):
    folder, _, made = planted
    texts = [path.read_text("utf-8") for path in sorted((folder / "seed").iterdir())]
    seed = tmp_path / "seed.jsonl"
    seed.write_text("\n".join(json.dumps({"content": each}) for each in texts), "utf-8")
    with pytest.raises(DataError) as caught:
        bedstone.domain(**asked | {"seed": seed})
    assert caught.value.hint == "text_column content"
    assert bedstone.domain(**asked | {"seed": seed}, text_column="content")["auc"] > 0.9
    with pytest.raises(ConfigError, match="is no table"):
        bedstone.domain(**asked | {"seed": made}, text_column="content")


SMALL = (
    "held_out.share=0.3",
    "held_out.max_share=0.3",
    "tokenizer.vocab_size=400",
    "filtered.rules=[]",
    'base.parametrisation="standard"',
)


def test_the_recipe_finds_the_domain_and_tells_its_share_at_each_step(planted):
    folder, store, _ = planted
    inputs = {"crawl": folder / "crawl.jsonl", "seed": folder / "seed"}
    made = bedstone.run("domain", inputs, sets=SMALL, until="audit", store=store)["nodes"]
    audit = json.loads((Path(made["audit"]) / "audit.json").read_text("utf-8"))
    shares = {(it["step"], it["value"]): it["share"] for it in audit["values"]}
    assert shares["all", "yes"] == pytest.approx(SHARE, abs=0.05)
    assert shares["kept", "yes"] == 1
    assert {step for step, _ in shares} == {"all", "filtered", "deduplicated", "kept"}
    found = bedstone.run("domain", inputs, sets=SMALL, until="share", store=store)["nodes"]
    draw = Path(found["draw"])
    (folder / "filled.tsv").write_bytes((draw / "labels.tsv").read_bytes())
    fill(folder / "filled.tsv")
    inputs["labels"] = folder / "filled.tsv"
    sets = (*SMALL, "share.labels=labels")
    told = bedstone.run("domain", inputs, sets=sets, until="share", store=store)["nodes"]
    share = json.loads((Path(told["share"]) / "prevalence.json").read_text("utf-8"))
    assert share["low"] <= SHARE <= share["high"]
    bedstone.report(Path(made["curated"]), out=folder / "report.html", store=store)
    assert f"Of {share['documents']} documents" in (folder / "report.html").read_text("utf-8")


@pytest.mark.torch
@pytest.mark.slow
def test_inside_and_outside_the_domain_against_as_many_random_tokens(planted):
    folder, store, _ = planted
    answer = bedstone.ablate(
        "domain",
        {"crawl": folder / "crawl.jsonl", "seed": folder / "seed"},
        vary="curated=off",
        sets=SMALL,
        seeds="2",
        proxy="parameters=29k,tokens=40k",
        store=store,
    )
    effects = {it["unit"]: it for it in answer["effects"] if it["family"] == "group"}
    inside, outside = effects["kept by both"], effects["kept by the arm alone"]
    # The arm is the random one: worse where the domain is, better elsewhere.
    assert inside["difference"] > 0 > outside["difference"]
    assert outside["verdict"] == "better"
