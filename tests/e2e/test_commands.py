"""The command line on a small crawl, from the recipe to the tree behind its last artifact."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bedstone
from bedstone.errors import ConfigError
from bedstone.store.artifact import Artifact
from bedstone.store.recipe import load

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "recipes" / "demo.toml"
LAST = "filtered"

STUCK = """
import sys
from bedstone.commands.main import main
from bedstone.store.stage import Job
record = Job.record
def stuck(job, name):
    made = record(job, name)
    if name == "language.parquet":
        print("stuck", flush=True)
        sys.stdin.readline()
    return made
Job.record = stuck
main()
"""
"""A command line that has made the languages, and commits them when it is told to."""

LATE = """
import fcntl
from bedstone.commands.main import main
from bedstone.store import tables
flock = fcntl.flock
def told(*words):
    print("waiting", flush=True)
    flock(*words)
fcntl.flock = told
tables.write = tables.writing = None
main()
"""
"""A command line that says when it waits, and cannot build."""


@pytest.fixture
def run(cli, crawl, store):
    """Run the recipe's first nodes with more words, and return them."""

    def nodes(*words):
        inputs = ("--input", f"crawl={crawl}", "--store", store, "--until", LAST)
        status, out, _ = cli("run", RECIPE, *inputs, *words, "--json")
        assert status == 0
        return json.loads(out)["nodes"]

    return nodes


@pytest.fixture
def artifacts(run):
    return {name: Artifact(Path(path)) for name, path in run().items()}


def started(script, *words):
    command = [sys.executable, "-c", script, *map(str, words)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, text=True, **streams)


def edited(artifact, change):
    path = artifact.path / "manifest.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_run_twice_builds_once(run, store):
    first = run()
    stamps = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    assert run() == first
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*") if path in stamps} == stamps
    assert set(run("--dry-run").values()) == {"built"}


def test_a_dry_run_says_what_would_be_done(run, store):
    states = run("--dry-run")
    assert (states["documents"], states["language"]) == ("would build", "depends on documents")
    run("--until", "documents")
    states = run("--dry-run")
    assert states["documents"] == "built"
    assert (states["language"], states["statistics"]) == ("would build", "depends on language")
    assert states[LAST] == "depends on statistics, language, yardstick"
    assert len(list(store.glob("*-*"))) == 3  # the crawl, the documents' one shard, their list


def test_a_limit_forks_only_what_it_decides_and_reads_no_text(run, monkeypatch):
    first = run()
    for path in Path(first["documents"]).parent.glob("corpus.extract-*/documents.parquet"):
        path.unlink()
    second = run("--set", "filtered.ranges.word_count.low=1")
    assert {name for name in first if first[name] != second[name]} == {LAST}


def test_a_rule_that_fires_for_nobody_runs_nothing_after_it_again(run, cli):
    until = ("--until", "audit")
    first = run(*until)
    rules = '["gopher-quality:datatrove", "c4:tfds"]'
    without = '["text_characters", "c4_tfds_sentences", "c4_tfds_curly_lines"]'
    more = ("--set", f"filtered.rules={rules}", "--set", f"filtered.without={without}")
    second = run(*more, *until)
    assert {name for name in first if first[name] != second[name]} == {LAST}
    before, after = (Artifact(Path(nodes[LAST])) for nodes in (first, second))
    assert before.content == after.content
    assert set(after.manifest.metrics) > set(before.manifest.metrics)
    assert cli("verify", after.path)[0] == 0


def test_one_more_warc_builds_one_more_shard_of_each_stage(run, store, second_warc):
    run()
    before = {path.name for path in store.iterdir()}
    more = run("--input", f"crawl={second_warc}")
    new = {path.name for path in store.iterdir()} - before
    lists = {Path(path).name for path in more.values()}
    shards = sorted(name.rpartition("-")[0] for name in new - lists)
    assert shards == ["adopt", *sorted(set(MAPPED))]


MAPPED = ("corpus.extract", "corpus.language", "corpus.statistics", "corpus.filter")


def test_workers_change_nothing(cli, crawl, second_warc, tmp_path):
    made = []
    for workers in (1, 2):
        inputs = ("--input", f"crawl={crawl}", "--input", f"crawl={second_warc}")
        place = ("--store", tmp_path / str(workers), "--workers", workers, "--until", "audit")
        status, out, _ = cli("run", RECIPE, *inputs, *place, "--json")
        assert status == 0
        nodes = json.loads(out)["nodes"]
        made.append([Artifact(Path(path)).manifest for path in nodes.values()])
    for one, two in zip(*made, strict=True):
        assert (one.request, one.content) == (two.request, two.content)


def test_two_processes_build_once(cli, crawl, store):
    words = ("run", RECIPE, "--input", f"crawl={crawl}", "--store", store, "--until", "language")
    with started(STUCK, *words) as first:
        assert first.stdout.readline() == "stuck\n"
        assert cli("clean", "--store", store)[:2] == (0, "")
        with started(LATE, *words) as second:
            assert second.stdout.readline() == "waiting\n"
            made, _ = first.communicate("go on\n")
            assert second.stdout.read().splitlines()[-1] == made.splitlines()[-1]
    assert (first.returncode, second.returncode) == (0, 0)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_its_status_and_what_is_complete_stays(
    cli, crawl, store, number, status
):
    words = ("run", RECIPE, "--input", f"crawl={crawl}", "--store", store, "--until", "language")
    with started(STUCK, *words) as process:
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(number)
        assert process.wait() == status
    (unfinished,) = [
        path for path in store.glob("corpus.language-*") if (path / "language.parquet").exists()
    ]
    assert not (unfinished / "manifest.json").exists()
    removed = json.loads(cli("clean", "--store", store, "--json")[1])["removed"]
    assert str(unfinished) in removed
    assert not list(store.glob("corpus.language-*"))


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["config"].update(rules=[]),
        lambda values: values["metrics"].update(kept_share=1.0),
        lambda values: values["shards"].pop(),
    ],
)
def test_an_altered_manifest_is_found(cli, artifacts, change):
    path = artifacts[LAST].path
    assert cli("verify", path)[0] == 0
    edited(artifacts[LAST], change)
    status, _, err = cli("verify", path)
    assert status == 3
    assert "altered" in err


def test_an_altered_byte_is_found(cli, artifacts):
    path = artifacts[LAST].shards[0].file("decisions.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (path.parent / "more").write_text("")
    status, _, err = cli("verify", artifacts[LAST].path)
    assert status == 3
    assert "decisions.parquet has other bytes" in err
    assert "more is not in its manifest" in err


def test_the_tree_behind_an_artifact(cli, artifacts, store):
    request = artifacts[LAST].manifest.request
    tree = json.loads(cli("trace", request[:8], "--store", store, "--json")[1])
    assert tree["config"]["rules"] == ["gopher-quality:datatrove"]
    documents = tree["parents"]["statistics"]["parents"]["documents"]
    assert documents["parents"]["crawl"]["sources"][0]["name"] == "crawl.warc.gz"
    lines = cli("trace", artifacts[LAST].path)[1].splitlines()
    assert any(line.strip().startswith("documents: corpus.extract-") for line in lines)
    assert any(line.endswith("(above)") for line in lines)


def test_what_two_artifacts_were_made_of_differently(cli, run, store):
    left, right = run(), run("--set", "documents.share=0.5")
    pairs = json.loads(cli("diff", left[LAST], right[LAST], "--json")[1])
    assert pairs["corpus.extract.config.share"] == [1.0, 0.5]
    assert "corpus.extract.metrics.documents" in pairs
    kinds = {key.removeprefix("corpus.").split(".")[1] for key in pairs}
    assert kinds <= {"config", "metrics"}
    assert json.loads(cli("diff", left[LAST], left[LAST], "--json")[1]) == {}


def test_show_prints_the_manifest(cli, artifacts):
    path = artifacts[LAST].path
    values = json.loads(cli("show", path, "--json")[1])
    assert values["digest"] == artifacts[LAST].manifest.digest
    assert values["machine"]["cores"] == len(os.sched_getaffinity(0))
    assert values["paths"]["statistics"] == str(artifacts["statistics"].path.resolve())
    assert "metrics.kept_documents" in cli("show", path)[1]


def test_a_stage_alone(cli, artifacts, store):
    documents = artifacts["documents"].manifest.request[:12]
    words = ("build", "corpus.language", "--input", f"documents={documents}", "--store", store)
    status, out, _ = cli(*words, "--json")
    assert status == 0
    assert json.loads(out)["artifact"] == str(artifacts["language"].path)


def test_files_are_adopted_where_they_lie(cli, crawl, store):
    status, out, _ = cli("adopt", crawl, "--store", store)
    assert status == 0
    (file,) = Artifact(Path(out.strip())).files
    assert file.resolve() == crawl


def test_all_that_is_wrong_with_a_recipe(cli, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(
        "[inputs]\ncrawl = 'documents'\n"
        "[a]\nstage = 'corpus.filtr'\ninputs = {documents = 'crwl'}\n"
        "[b]\nstage = 'corpus.language'\n[b.inputs]\ndocument = 'a'\n"
        "[c]\nstage = 'corpus.extract'\ninputs = {crawl = 'crawl'}\n"
        "[c.config]\nshare = 3\nshares = {}\n"
        "[crawl]\nstag = 'corpus.language'\n"
    )
    status, out, err = cli("run", path)
    assert (status, out) == (2, "")
    first, *problems = err.splitlines()
    assert first == "error: unusable config"
    assert [line.removeprefix("  ") for line in problems] == [
        f"{path}:16: crawl: an input has this name",
        f"{path}:16: crawl.stage: field required",
        f"{path}:17: crawl.stag: unknown key; did you mean 'stage'?",
        f"{path}:5: a.inputs.documents: no node or input 'crwl'; did you mean 'crawl'?",
        f"{path}:4: a.stage: no stage 'corpus.filtr'; did you mean 'corpus.filter'?",
        f"{path}:8: b.inputs.documents: input 'documents' is missing",
        f"{path}:9: b.inputs.document: no input 'document'; did you mean 'documents'?",
        f"{path}:14: c.config.share: input should be less than or equal to 1",
        f"{path}:15: c.config.shares: unknown key; did you mean 'share'?",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--input crawl=PATH is missing"),
        (("--input", "crawl=nowhere"), "nowhere does not exist"),
        (("--input", "crwal=x"), "did you mean 'crawl'?"),
        (("--input", "crawl"), "has no '='"),
        (("--input", "crawl="), "has no path"),
        (("--input", "crawl=*"), "* does not exist"),
        (("--set", "plan"), "--set 'plan' has no '='"),
        (("--set", "plan.x.y=3"), "--set plan.x.y=3: plan.config.x: unknown key"),
        (("--set", "filtered.ranges.word_count.lo=3"), "did you mean 'low'?"),
        (("--until", "filterd"), "did you mean 'filtered'?"),
        (("--set", "filtr.without=[]"), "did you mean 'filtered'?"),
    ],
)
def test_a_run_that_cannot_be(cli, store, words, message):
    status, out, err = cli("run", RECIPE, "--store", store, *words)
    assert status in (2, 3)
    assert out == ""
    assert message in err


@pytest.mark.parametrize("engine", ["loacl", "ray:", "ray:there", "rays", "local:1"])
def test_there_is_no_such_engine(cli, crawl, store, engine):
    words = ("run", RECIPE, "--input", f"crawl={crawl}", "--store", store, "--engine", engine)
    status, _, err = cli(*words)
    assert (status, "HOST:PORT" in err) == (2, True)
    assert not store.exists()


def test_a_circle_is_named(cli, tmp_path):
    path = tmp_path / "circle.toml"
    node = "[{}]\nstage = 'corpus.language'\ninputs = {{documents = '{}'}}\n"
    path.write_text(node.format("a", "b") + node.format("b", "a"))
    status, _, err = cli("run", path)
    assert (status, "circle" in err) == (2, True)


def test_errors_have_a_status_and_no_traceback(cli, tmp_path):
    assert cli("build", "corpus.filtr")[::2] == (
        2,
        "error: no stage 'corpus.filtr'; did you mean 'corpus.filter'?\n",
    )
    assert cli("verify", tmp_path)[0] == 3
    assert json.loads(cli("stages", "--json")[1])["corpus.filter"]


def test_the_functions_take_paths_as_text(crawl, store):
    place = str(store)
    nodes = bedstone.run(
        str(RECIPE), {"crawl": str(crawl)}, until=LAST, store=place, sets="documents.share=0.5"
    )["nodes"]
    assert bedstone.run(RECIPE, {"crawl": [crawl]}, until=LAST, store=place)["nodes"] != nodes
    name = Path(nodes[LAST]).name
    assert bedstone.verify(name, store=place)["verified"]
    assert bedstone.show(Path(nodes[LAST]))["stage"] == "corpus.filter"
    adopted = bedstone.adopt(str(crawl), store=place)["artifact"]
    request = bedstone.show(adopted)["request"][:10]
    made = bedstone.build("corpus.extract", inputs={"crawl": request}, store=place)
    assert made["metrics"]["documents"] > 0
    assert bedstone.clean(store=place) == {"removed": []}
    with pytest.raises(ConfigError, match=r"^workers 0: 1 is the least$"):
        bedstone.run(RECIPE, {"crawl": crawl}, store=place, workers=0)


def test_what_the_system_refuses_is_an_error_and_no_traceback(cli, crawl):
    words = ("run", RECIPE, "--input", f"crawl={crawl}", "--until", LAST, "--store", crawl)
    status, out, err = cli(*words)
    assert (status, out) == (1, "")
    assert err.startswith("error: ")
    assert str(crawl) in err


def test_an_empty_recipe_is_an_error(cli, tmp_path):
    (tmp_path / "empty.toml").write_text("\ufeff# nothing\n", "utf-8")
    assert "there is no node" in cli("run", tmp_path / "empty.toml")[2]


def test_another_programs_manifest_is_told_from_ours(cli, tmp_path):
    (tmp_path / "manifest.json").write_text('{"name": "an app"}')
    status, _, err = cli("show", tmp_path)
    assert (status, len(err.splitlines())) == (3, 2)


def test_every_recipe_can_be_read():
    assert all(load(path).nodes for path in RECIPE.parent.glob("*.toml"))
