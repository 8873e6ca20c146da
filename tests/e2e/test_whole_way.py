"""Every stage, from a crawl that the test makes to an aligned, sampled model."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import bedstone
from bedstone.errors import ArtifactError
from bedstone.evaluation.seen import is_trained_on
from bedstone.sampling import latency
from bedstone.store.artifact import Artifact

RECIPE = Path(__file__).parents[2] / "recipes" / "demo.toml"
pytestmark = pytest.mark.slow


def answer(cli, crawls, store, small, *words):
    inputs = [word for path in crawls for word in ("--input", f"crawl={path}")]
    sets = [word for change in small for word in ("--set", change)]
    status, out, err = cli("run", RECIPE, *inputs, *sets, "--store", store, "--json", *words)
    assert status == 0, err
    return json.loads(out)


def whole_way(*arguments):
    return answer(*arguments)["nodes"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("whole") / "store"


@pytest.fixture
def made(cli, crawl, second_warc, shared, small):
    """The artifacts of the whole way; only the first test of the module builds them."""
    nodes = whole_way(cli, [crawl, second_warc], shared, small)
    return {name: Artifact(Path(path)) for name, path in nodes.items()}


def test_the_trained_model_has_the_size_that_was_planned(made):
    folder = made["base"].path
    found = bedstone.size(folder, checkpoint=folder)
    assert found["parameters_total"] == made["plan"].manifest.metrics["parameters_total"]
    assert found["checkpoint"]["parameters_too_many"] == 0


def test_a_plan_knows_the_tokens_of_what_was_made(made, shared):
    mix = json.loads(made["mix"].file("mix.json").read_text())
    for node in ("mix", "base"):  # the nearest mix behind it
        found = bedstone.plan(flop=1e15, corpus=str(made[node].path))
        assert found["unique_tokens"] == mix["train_tokens"]
        assert set(found["unique_tokens_by_language"]) == set(mix["languages"])
    encoded = bedstone.plan(flop=1e15, corpus=str(made["tokens"].path))
    assert encoded["unique_tokens"] == made["tokens"].manifest.metrics["encoded_tokens"]
    with pytest.raises(ArtifactError, match="no tokens were counted"):
        bedstone.plan(flop=1e15, corpus=str(made["documents"].path))


def test_what_was_predicted_is_scored_by_the_run(made, shared):
    found = bedstone.diff(made["prediction"].path, made["base"].path, store=shared)
    predicted, measured = found["score.loss_nats"]
    assert measured == made["base"].manifest.metrics["loss_nats"]
    assert found["score.error_share"] == [None, predicted / measured - 1]
    assert found["score.registered_before_the_run"] == [None, True]


def test_the_second_run_builds_nothing(cli, crawl, second_warc, shared, small, made):
    stamps = {path: path.stat().st_mtime_ns for path in shared.rglob("*")}
    again = whole_way(cli, [crawl, second_warc], shared, small)
    assert again == {name: str(artifact.path) for name, artifact in made.items()}
    assert {path: path.stat().st_mtime_ns for path in shared.rglob("*") if path in stamps} == stamps
    states = whole_way(cli, [crawl, second_warc], shared, small, "--dry-run")
    assert set(states.values()) == {"built"}


@pytest.mark.parametrize(
    ("change", "built_again"),
    [
        ("alignment.prompts=13", {"alignment"}),
        (
            "preferences.max_pairs=9",
            {
                *("preferences", "aligned", "aligned_bits", "alignment", "strategies"),
                *("scores", "standing"),
            },
        ),
    ],
)
def test_measuring_on_more_trains_nothing_and_another_judge_draws_nothing(
    cli, crawl, second_warc, shared, small, made, change, built_again
):
    words = ("--set", change, "--dry-run")
    states = whole_way(cli, [crawl, second_warc], shared, small, *words)
    assert {name for name, state in states.items() if state != "built"} == built_again


def test_a_dry_run_says_what_comes(cli, crawl, second_warc, tmp_path, small, made):
    told = answer(cli, [crawl, second_warc], tmp_path / "empty", small, "--dry-run")["estimate"]
    assert not (tmp_path / "empty").exists()
    model = bedstone.size(made["base"].path)
    (flop_per_token,) = model["flop_per_token_forward"].values()
    metrics = {name: artifact.manifest.metrics for name, artifact in made.items()}
    trained_tokens = sum(metrics[name]["train_tokens"] for name in ("base", "sft", "aligned"))
    came = {
        "documents": metrics["kept"]["kept_documents"],
        "tokens": metrics["tokens"]["encoded_tokens"],
        "flop": 3 * flop_per_token * trained_tokens,
        "bytes_on_disk": sum(disk_bytes(artifact) for artifact in made.values()),
    }
    for name, value in came.items():
        assert told[name] == pytest.approx(value, rel=0.25), name
    assert 0 < told["peak_memory_bytes"] < 1e11
    minutes = {name: node["minutes"] for name, node in told["nodes"].items()}
    assert list(minutes) == list(made)
    assert None not in minutes.values()
    assert told["minutes"] == pytest.approx(sum(minutes.values()))
    assert {name for name, number in minutes.items() if not number} == {"preferences", "standing"}
    asked = {
        **{name: metrics[name]["train_tokens"] for name in ("base", "sft")},
        "answers": metrics["answers"]["completion_tokens"],
        **{name: compared_tokens(made[name]) for name in ("strategies_before", "strategies")},
    }
    for name, value in asked.items():
        assert told["nodes"][name]["model_tokens"] == pytest.approx(value, rel=0.25), name


def compared_tokens(compared):
    """What a model has drawn to be compared, and to tell its pace."""
    names = json.loads(compared.file("strategies.json").read_text())["answers"]
    drawn = (Artifact(compared.path.with_name(name)).manifest.metrics for name in names)
    paced = (latency.ROUNDS + 1) * (1 + 2 + 4 + 8) * (latency.NEW_TOKENS + 2)
    return paced + sum(each["completion_tokens"] for each in drawn)


def disk_bytes(artifact):
    parts = artifact.shards if artifact.manifest.shards else ()
    folders = {artifact.path, *(shard.path for shard in parts)}
    return sum(
        path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()
    )


def test_nothing_is_estimated_where_all_is_built(cli, crawl, second_warc, shared, small, made):
    again = answer(cli, [crawl, second_warc], shared, small, "--dry-run")
    assert again["estimate"] is None


def test_two_workers_make_the_same(cli, crawl, second_warc, tmp_path, small, made):
    other = whole_way(cli, [crawl, second_warc], tmp_path / "two", small, "--workers", 2)
    for name, artifact in made.items():
        twin = Artifact(Path(other[name]))
        assert artifact.manifest.request == twin.manifest.request, name
        assert artifact.content == twin.content or name.startswith("strategies"), name
        artifact.verify()
    assert without_seconds(made["strategies"]) == without_seconds(
        Artifact(Path(other["strategies"]))
    )


def without_seconds(strategies):
    """What the strategies are worth, and all that they cost but time."""
    rows = json.loads(strategies.file("strategies.json").read_text())["strategies"]
    return [{name: row[name] for name in row if not name.startswith("seconds")} for row in rows]


def test_rubbish_is_counted_and_stops_nothing(cli, crawl, tmp_path, made):
    before = made["documents"].manifest.metrics
    assert before["rejected.no_text_records"] == 2  # one in each WARC
    (shard, _) = made["documents"].shards
    texts = pq.read_table(shard.file("documents.parquet"))
    decided = pq.read_table(made["filtered"].shards[0].about("failed.parquet"))
    rubbish = texts["url"].to_pylist().index("https://example.org/rubbish")
    assert decided["failed"][rubbish].as_py()
    cut = tmp_path / "cut.warc.gz"
    whole = crawl.read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3] + b"rubbish" * 100)
    words = ("--input", f"crawl={cut}", "--store", tmp_path / "cut", "--until", "kept")
    status, out, err = cli("run", RECIPE, *words, "--json")
    assert status == 0, err
    metrics = Artifact(Path(json.loads(out)["nodes"]["documents"])).manifest.metrics
    assert metrics["input_bytes"] == cut.stat().st_size
    assert metrics["parsed_bytes"] + metrics["lost_bytes"] == metrics["input_bytes"]
    assert metrics["lost_bytes"] >= 700
    assert metrics["rejected.damaged_records"] >= 1
    assert 0 < metrics["documents"] < before["documents"]


def test_the_model_loads_elsewhere_and_says_the_same(made):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from bedstone.model.hugging_face import load

    folder = made["aligned"].path
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ours = load(folder).eval()
    ids = tokenizer("The patient scholar described", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert torch.allclose(ours(ids), theirs(ids).logits, atol=1e-4)
        generated = theirs.generate(ids, max_new_tokens=12, do_sample=False)
        greedy = ids
        while greedy.shape[1] < generated.shape[1]:
            greedy = torch.cat([greedy, ours(greedy)[:, -1:].argmax(-1)], 1)
    assert torch.equal(greedy, generated)


def test_the_yardstick_is_in_no_training(made):
    held_out = set(pq.read_table(made["yardstick"].file("held_out.parquet"))["id"].to_pylist())
    assert len(held_out) == 4
    assert is_trained_on(made["base"], ["udhr"]) is False
    trained = set(pq.read_table(made["mix"].file("documents.parquet"))["id"].to_pylist())
    assert trained
    assert not held_out & trained
    for shard in made["pairs"].shards:
        assert not held_out & set(pq.read_table(shard.file("pairs.parquet"))["id"].to_pylist())


def test_what_is_held_out_is_learnt_from_by_nobody(made):
    found = [row for path in made["held_out"].files for row in pq.read_table(path).to_pylist()]
    splits = {row["id"]: row["split"] for row in found}
    assert set(splits.values()) == {"train", "held_out", "near", "yardstick"}
    mixed = pq.read_table(made["mix"].file("documents.parquet")).to_pylist()
    cut = [
        row
        for shard in made["pairs"].shards
        for row in pq.read_table(shard.file("pairs.parquet")).to_pylist()
    ]
    for rows, others in ((mixed, {"near": "left_out"}), (cut, {})):
        assert {row["split"] for row in rows} == {"train", "held_out", *others.values()}
        for row in rows:
            assert row["split"] == others.get(splits[row["id"]], splits[row["id"]])
    kept = [row for path in made["kept"].files for row in pq.read_table(path).to_pylist()]
    learnt = [row for row in kept if row["keep"] and splits[row["id"]] == "train"]
    assert made["tokenizer"].manifest.metrics["train_documents"] == len(learnt)


def test_what_two_models_were_made_of_differently(cli, crawl, second_warc, shared, small, made):
    change = ("--set", "mix.weights.temperature=1")
    other = whole_way(cli, [crawl, second_warc], shared, small, *change, "--until", "base")
    left, right = made["base"].path, other["base"]
    pairs = json.loads(cli("diff", left, right, "--json")[1])
    decisions = {key: value for key, value in pairs.items() if ".config." in key}
    assert decisions == {"tokenizer.mix.config.weights.temperature": [2, 1]}
    assert "pretrain.train.metrics.loss_nats" in pairs
    assert not [key for key in pairs if ".config." not in key and ".metrics." not in key]


def test_the_tree_of_decisions_reaches_the_crawl(cli, made):
    tree = cli("trace", made["aligned"].path)[1]
    for part in ("posttrain.judge-", "scaling.plan-", "tokenizer.mix-", "crawl.warc.gz"):
        assert part in tree
    assert "(decided): scaling.plan-" in tree


def test_the_report_is_one_offline_page(cli, made, tmp_path):
    out = tmp_path / "report.html"
    assert cli("report", made["aligned"].path, "--out", out)[0] == 0
    page = out.read_text("utf-8")
    assert len(page.encode()) < 2e6
    assert "<script>alert(1)</script>" not in page


def test_each_model_is_exported_with_its_card(made, tmp_path):
    for node in ("base", "sft", "aligned"):
        metrics = made["base"].manifest.metrics
        folder, file = tmp_path / node, tmp_path / f"{node}.gguf"
        bedstone.export(made[node].path, to="huggingface", out=folder)
        card = (folder / "README.md").read_text("utf-8")
        for told in (
            f"| parameters | {metrics['parameters_total']:,.0f}, ",
            f"| tokens of pretrain.train | {metrics['train_tokens']:,.0f} |",
            f"| loss of pretrain.train | {metrics['loss_nats']:.3f} nats a token,",
            "## Was it as predicted?",
            "## Who is represented?",
        ):
            assert told in card
        measured = node in ("base", "aligned")
        assert ("| bits a byte of held-out text |" in card) == measured
        bedstone.export(made[node].path, to="gguf", out=file)
        for model in (folder, file):
            assert bedstone.sample(model, prompt="A", chat=node != "base", max_tokens=2)
