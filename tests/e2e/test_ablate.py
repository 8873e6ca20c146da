"""Decisions compared by models that are trained: what is the same, worse, begun anew."""

import json
import random
import shutil
import signal
import subprocess
import sys
from html.parser import HTMLParser
from itertools import accumulate, count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bedstone
from bedstone.ablation.decisions import arms
from bedstone.ablation.recipes import Proxy, load
from bedstone.ablation.runs import prepare
from bedstone.corpus.duplicates.clusters import string_hashes
from bedstone.progress import Progress
from bedstone.store.artifact import Artifact, file_record
from bedstone.store.engine import Local
from bedstone.store.making import Making

pytestmark = [pytest.mark.torch, pytest.mark.slow]

RECIPE = Path(__file__).parents[2] / "recipes" / "ablation.toml"
LANGUAGES = {"en": "eng_Latn", "es": "spa_Latn", "hi": "hin_Deva"}
SPANISH, HINDI = LANGUAGES["es"], LANGUAGES["hi"]
DOCUMENTS = 60
"""Of each language; twelve of them are held out, of as many sites."""
EVIL = "<script>alert(1)</script>"
HARM, NOBODY = "tokens.documents=shuffled", "filtered.ranges.word_count.low=1"
"""An arm that is worse, and one whose rule fires for nobody."""
PLACEBO = "filtered.share=0.9"
"""An arm that keeps nine of ten documents, by lot."""
SMALL = (
    "tokenizer.vocab_size=400",
    "held_out.share=0.2",
    f"spoken.languages={json.dumps(list(LANGUAGES.values()))}",
    f'shuffled.languages=["{HINDI}"]',
    "shuffled.share=1",
    'base.parametrisation="standard"',
    "base.learning_rate=0.0186",
    'base.documents="joined"',
)
PROXY = "parameters=29k,tokens=40k"

KILLED = """
import os, signal
from bedstone.ablation import runs
from bedstone.commands.main import main
from bedstone.training import loop
write, begun = loop.write_model, []
def die(*words):
    begun.append(1)
    if len(begun) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    write(*words)
loop.write_model = die
main()
"""
"""A command line that dies in its third run, of which all but the model is written."""


def written(sentence, language, number):
    """A document of sixteen sentences, the same each time."""
    dice = random.Random(f"{language}{number}")
    lines = (" ".join(sentence(language, dice) for _ in range(4)) for _ in range(4))
    text = "\n".join([EVIL, *lines] if language == "en" else lines)
    return {"url": f"https://site{number % 12}.example/{language}/{number}", "text": text}


@pytest.fixture(scope="module")
def texts(sentence):
    return [written(sentence, each, n) for each in LANGUAGES for n in range(DOCUMENTS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ablate")


@pytest.fixture(scope="module")
def crawl(folder, texts):
    return table(folder / "crawl.jsonl", texts)


def table(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def compared(crawl, store, *vary, recipe=RECIPE, **options):
    """The answer, in process."""
    options = {"seeds": "2", "proxy": PROXY, "sets": SMALL} | options
    return bedstone.ablate(recipe, {"crawl": crawl}, vary=vary, store=store, **options)


@pytest.fixture(scope="module")
def store(folder):
    """In the place of the one that each test has: what is trained is trained once."""
    return folder / "store"


@pytest.fixture(scope="module")
def first(crawl, store):
    """Two arms and two seeds."""
    return compared(crawl, store, HARM, NOBODY)


def models(store):
    """Those that are trained."""
    return {path.parent.name for path in store.glob("pretrain.train-*/manifest.json")}


def row(answer, unit="whole", value=HARM):
    (only,) = [it for it in answer["effects"] if (it["unit"], it["value"]) == (unit, value)]
    return only


def but_for(answer, *names):
    """An answer without what tells of time and place."""
    if isinstance(answer, list):
        return [but_for(each, *names) for each in answer]
    if isinstance(answer, dict):
        return {key: but_for(it, *names) for key, it in answer.items() if key not in names}
    return answer


def test_harm_to_a_language_is_seen_in_it(first):
    assert row(first, HINDI)["verdict"] == "worse"
    assert row(first, HINDI)["low"] > 0.1  # far from the threshold
    assert first["decision"] == "tokens.documents, filtered.ranges.word_count.low"
    assert first["yardstick"]["sites"] >= 8
    assert first["slope_bits_per_byte"] > 0
    assert not any("fewer than 8 sites" in warning for warning in first["warnings"])
    harmed, nobody = first["arms"]
    assert harmed["nodes_built"] == ["shuffled", "tokens", "mix"]
    assert (harmed["runs"], nobody["runs"], first["baseline"]["runs"]) == (2, 0, 2)


def test_a_rule_that_fires_for_nobody_is_the_same_by_construction(first, crawl, store):
    assert row(first, value=NOBODY)["by_construction"]
    before = models(store)
    assert len(before) == 6  # two seeds of the baseline, of the arm, and of half the tokens
    answer = compared(crawl, store, NOBODY)
    assert models(store) == before
    assert (answer["artifact"], answer["seeds"], answer["warnings"]) == (None, 0, [])
    assert [it["verdict"] for it in answer["effects"]] == ["same"]
    assert answer["arms"][0]["nodes_built"] == ["filtered"]


def test_neither_a_nodes_name_nor_a_comment_is_a_decision(first, crawl, store, folder):
    text = RECIPE.read_text().replace('"kept"', '"chosen"').replace("[kept]", "[chosen] # new")
    path = folder / "renamed.toml"
    path.write_text(text + "\n# the end\n")
    before = {it.name for it in store.iterdir()}
    answer = compared(crawl, store, HARM, NOBODY, recipe=path)
    assert {it.name for it in store.iterdir()} == before
    assert answer["effects"] == first["effects"]
    assert "chosen" in answer["arms"][0]["nodes_shared"]


def test_the_same_call_again_trains_nothing_and_says_the_same(first, crawl, store):
    before = {it.name for it in store.iterdir()}
    answer = compared(crawl, store, HARM, NOBODY)
    assert {it.name for it in store.iterdir()} == before
    # Nothing was foretold, for nothing was to be done.
    assert answer["cost"]["predicted_seconds"] is None
    assert first["cost"]["predicted_seconds"] > 0
    said = "predicted_seconds"
    assert but_for(answer, said, "warnings") == but_for(first, said, "warnings")
    assert [it for it in first["warnings"] if "were predicted" not in it] == answer["warnings"]


def test_a_dry_run_knows_what_the_store_has(first, crawl, store):
    found = compared(crawl, store, HARM, dry_run=True)
    assert found["nodes_to_build"] == {"baseline": [], HARM: []}
    assert (found["unknown"], found["runs"]) == ([], 6)
    assert found["seconds"] > 0
    model = next(store.glob("pretrain.train-*"))
    flop = Artifact(model).manifest.metrics["train_flop"]
    assert any(found["flop"] == pytest.approx(2 * 2.5 * flop * times) for times in (1, 2))
    # Each is read for a third of 40,000 tokens.
    assert [it.partition(" have")[0] for it in found["warnings"]] == ["of 3 languages 3"]


def test_one_seed_more_trains_that_seed_alone_and_harm_is_seen_in_no_other_language(
    first, crawl, store
):
    before = models(store)
    answer = compared(crawl, store, HARM, seeds="3")
    new = [Artifact(store / name).manifest.config for name in models(store) - before]
    assert len(new) == 3  # the baseline, the arm, and half the tokens
    assert {(it["init_seed"], it["order_seed"]) for it in new} == {(2, 2)}
    assert row(answer)["by_seed"][:2] == row(first)["by_seed"]
    assert answer["noise"]["lenders"] == []  # the first has no run that is not its own too
    verdicts = {name: row(answer, name)["verdict"] for name in LANGUAGES.values()}
    assert [name for name, verdict in verdicts.items() if verdict == "worse"] == [HINDI]
    for name in set(LANGUAGES.values()) - {HINDI}:
        assert row(answer, name)["p_adjusted"] > 0.2  # far from the threshold


def test_seeds_end_at_the_look_that_tells(crawl, store):
    options = {"seeds": "3..5", "proxy": "parameters=29k,tokens=8k"}
    before = models(store)
    answer = compared(crawl, store, PLACEBO, **options, margin="9")
    assert (answer["seeds"], len(models(store) - before)) == (3, 9)
    assert row(answer, value=PLACEBO)["verdict"] == "same"
    # No number of seeds says so exactly that less of the same is the same.
    answer = compared(crawl, store, PLACEBO, **options, margin="1e-9")
    assert (answer["seeds"], len(models(store) - before)) == (5, 15)
    assert Artifact(Path(answer["artifact"])).manifest.config["level"] == 0.015


def test_two_sizes_say_whether_they_agree(first, cli, crawl, store):
    smaller = "tokenizer.vocab_size=380"
    sizes = ("parameters=29k,tokens=8k", PROXY)
    answer = compared(crawl, store, PLACEBO, smaller, proxy=sizes, seeds="1")
    both = (answer, *answer["further"])
    assert [it["proxy"]["train_tokens"] // 1000 for it in both] == [7, 39]
    for value in (PLACEBO, smaller):
        (sign,) = (it for it in answer["signs"] if (it["value"], it["unit"]) == (value, "whole"))
        assert sign["differences"] == [row(it, value=value)["difference"] for it in both]
        assert sign["agree"] is None  # of one seed each, no size is sure
    assert answer["noise"]["placebo"]["value"] == PLACEBO
    # Of one seed there is no interval; more tokens of a smaller vocabulary are as much text.
    assert (row(answer, value=PLACEBO)["low"], row(answer, value=PLACEBO)["seeds"]) == (None, 1)
    assert answer["arms"][1]["train_tokens"] > answer["baseline"]["train_tokens"]
    for told in ("one seed tells no interval", f"{smaller}: the best value of a small model"):
        assert any(warning.startswith(told) for warning in answer["warnings"]), told
    words = [word for it in SMALL for word in ("--set", it)]
    words += [word for it in sizes for word in ("--proxy", it)]
    place = ("--input", f"crawl={crawl}", "--store", store, "--seeds", 1)
    status, out, _ = cli("ablate", RECIPE, *place, "--vary", PLACEBO, "--vary", smaller, *words)
    assert status == 0
    assert f"{PLACEBO}: models of 2 sizes" in out
    assert "without an interval" in " ".join(out.split())


def test_a_bound_counts_what_is_still_to_be_trained(first, crawl, store):
    before = models(store)
    answer = compared(crawl, store, HARM, until_cost="0.001s", seeds="9")
    assert row(answer)["by_seed"][:2] == row(first)["by_seed"]
    assert (answer["seeds"] < 9, models(store)) == (True, before)


def test_a_bound_too_low_for_a_seed_is_told(first, cli, crawl, store):
    sets = [word for it in SMALL for word in ("--set", it)]
    words = ["--input", f"crawl={crawl}", "--store", store, "--vary", HARM, "--proxy"]
    bound = ["parameters=29k,tokens=4M", "--until-cost", "1s"]
    status, out, err = cli("ablate", RECIPE, *words, *bound, *sets)
    assert (status, out) == (2, "")
    assert "--until-cost: the first seed takes" in err


def test_what_documents_are_not_told_apart_by_is_refused_before_a_model(first, crawl, store):
    before = models(store)
    for by in ("headings", "hosts"):
        with pytest.raises(bedstone.errors.ConfigError, match=f"by {by}: no such column"):
            compared(crawl, store, HARM, by=by, rate=0.9)
    assert models(store) == before


def test_what_was_killed_goes_on_to_the_same_answer_with_two_workers(first, crawl, store, folder):
    twin = folder / "killed"
    shutil.copytree(store, twin, ignore=shutil.ignore_patterns("pretrain.*", "evaluation.*"))
    sets = [word for it in SMALL for word in ("--set", it)]
    words = ["ablate", RECIPE, "--input", f"crawl={crawl}", "--store", twin, "--seeds", "2"]
    words += ["--vary", HARM, "--vary", NOBODY, "--proxy", PROXY, *sets]
    command = [sys.executable, "-c", KILLED, *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(models(twin)) == 2
    stamps = {name: (twin / name / "manifest.json").stat().st_mtime_ns for name in models(twin)}
    answer = compared(crawl, twin, HARM, NOBODY, workers=2)
    assert models(twin) >= set(stamps)
    for name, stamp in stamps.items():
        assert (twin / name / "manifest.json").stat().st_mtime_ns == stamp
    place = ("artifact", "cost", "seconds", "warnings")
    assert but_for(answer, *place) == but_for(first, *place)
    assert Path(answer["artifact"]).name == Path(first["artifact"]).name


def test_what_is_near_held_out_text_is_learnt_from_in_no_arm(first, crawl, texts, store, folder):
    splits = split_of(store, first["artifact"])
    rows = zip(texts, ids_of(crawl), splits, strict=True)
    held_out = [(it, name) for it, name, split in rows if split == "held_out"]
    near = [copy_after(folder / f"near{n}.jsonl", *each) for n, each in enumerate(held_out)]
    answer = compared([crawl, *near], store, "kept=off")
    told = row(answer, value="kept=off")
    assert answer["yardstick"]["left_out_near_duplicates"] == len(near) > 24
    # The arm keeps the copies and reads none of them: it reads what the baseline reads.
    assert (told["difference"], told["verdict"]) == (0, "same")
    assert not told["by_construction"]
    assert answer["arms"][0]["documents"] == answer["baseline"]["documents"]


def copy_after(path, document, name):
    """A file of a near copy, that the document of that id represents: else another lot decides."""
    text, numbers = f"{document['text']} {document['text'][-40:]}", count()
    while True:
        table(path, [{"url": f"{document['url']}/{next(numbers)}", "text": text}])
        ranks = string_hashes(pa.chunked_array([[name, *ids_of(path)]]))
        if ranks[0] < ranks[1]:
            return path


def ids_of(path):
    """Of the documents of JSON lines."""
    lines = path.read_bytes().splitlines(keepends=True)
    starts = accumulate(map(len, lines[:-1]), initial=0)
    return [f"{file_record(path.parent, path.name).sha256[:16]}-{start}" for start in starts]


def split_of(store, artifact):
    """Of each document, in its file's order."""
    held_out = Artifact(Path(bedstone.show(artifact, store=store)["paths"]["held_out.0"]))
    return pq.read_table(held_out.file("00000.parquet"))["split"].to_pylist()


def test_copies_of_a_languages_documents_shift_the_mix_to_it(texts, folder):
    spanish = texts[DOCUMENTS : 2 * DOCUMENTS]
    copies = [it | {"url": f"{it['url']}/{n}"} for it in spanish for n in range(3)]
    path = table(folder / "copies.jsonl", [*texts, *copies])
    told = row(compared(path, folder / "copies", "kept=off"), SPANISH, "kept=off")
    assert told["train_share"] > 1.2 * told["train_share_before"]
    assert told["verdict"] != "worse"


def test_arms_of_another_vocabulary_are_trained_on_as_many_bytes(first, crawl, store):
    varied = arms(["tokenizer.vocab_size=300"])
    comparison = load(RECIPE, SMALL, varied, Proxy.read(PROXY), None)
    where = Making(store, Local(), Progress())
    given = {"crawl": [crawl]}
    made = prepare(comparison, given, None, 1.0, where)
    baseline, arm = made.train_tokens
    assert arm > 1.05 * baseline
    per_token = [
        sum(it["weight"] * it["train_bytes"] / it["train_tokens"] for it in languages.values())
        for languages in (
            json.loads(made.inputs(number)["mix"].file("mix.json").read_text())["languages"]
            for number in (0, 1)
        )
    ]
    assert arm * per_token[1] == pytest.approx(baseline * per_token[0], rel=1e-4)
    assert prepare(comparison, given, "tokens", 1.0, where).train_tokens == (baseline, baseline)
    flop = prepare(comparison, given, "flop", 1.0, where).train_tokens
    assert flop[1] > baseline  # its model is smaller


def test_the_artifact_is_as_any_other(first, crawl, store):
    artifact = first["artifact"]
    assert bedstone.verify(artifact, store=store)["verified"]
    tree = bedstone.trace(artifact, store=store)
    assert set(tree["parents"]) >= {"bits.0-0", "bits.1-1", "half.1", "mix.1", "texts"}
    other = compared(crawl, store, HARM, NOBODY, margin="0.01")["artifact"]
    pairs = bedstone.diff(artifact, other, store=store)
    key = "evaluation.ablation.config.margin_bits_per_byte"
    assert {name: pair for name, pair in pairs.items() if ".config." in name} == {key: [None, 0.01]}


class Page(HTMLParser):
    """Its words, and the tags and attributes that run something."""

    def __init__(self, text):
        super().__init__()
        self.words, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "script":
            self.scripts.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_says_it(first, store, folder):
    bedstone.report(first["artifact"], out=folder / "page.html", store=store)
    text = (folder / "page.html").read_text("utf-8")
    assert EVIL not in text
    said = " ".join(" ".join(Page(text).words).split())
    assert f"{HARM} costs 0." in said
    assert "worse for Hindi" in said
    assert f"{NOBODY} is the same by construction" in said
    assert "alert(1)" in said
    shared = said.partition("shared with the baseline")[2]
    assert "corpus.dedup" in shared
    assert "tokenizer.train" in shared
