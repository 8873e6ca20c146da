"""The runner, with stages as small as they can be."""

import math
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bedstone.config import Config
from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.store import work
from bedstone.store.artifact import Artifact
from bedstone.store.build import build, clean
from bedstone.store.engine import Local
from bedstone.store.lineage import ancestors, trace
from bedstone.store.request import ask
from bedstone.store.stage import Job, Result, Stage
from bedstone.store.stages import STAGES, find

SAMPLING = ("answers", "compare", "latency", "rewards")


class Size(Config):
    parameters: int | None = None


class SizeAndWidth(Size):
    width: int = 64


def write_size(config, job: Job) -> Result:
    with job.part("size.txt") as path:
        path.write_text(str(config.parameters))
    return Result({"size_parameters": config.parameters})


def planned(config: Size, inputs) -> Size:
    if config.parameters is None:
        planned_parameters = inputs["plan"].manifest.metrics["size_parameters"]
        return config.model_copy(update={"parameters": int(planned_parameters)})
    return config


PLAN = Stage("test.plan", version=1, config=Size, inputs=(), run=write_size)
MODEL = Stage(
    "test.model",
    version=1,
    config=Size,
    inputs=(),
    run=write_size,
    decided_by=("plan",),
    resolve=planned,
    reproducible="request",
)


def make(stage: Stage, store: Path, config: Config, **inputs: Artifact) -> Artifact:
    return build(stage, config, inputs, store, Local())


def test_a_decision_fills_what_is_absent_and_stays_out_of_the_request(store):
    plan = make(PLAN, store, Size(parameters=7))
    decided = make(MODEL, store, Size(), plan=plan)
    assert decided.manifest.config == {"parameters": 7}
    assert decided.manifest.decided_by == {"plan": plan.as_parent()}
    assert decided.manifest.parents == {}
    assert decided.manifest.reproducible == "request"
    assert make(MODEL, store, Size(parameters=7)).path == decided.path


def test_a_new_field_with_a_default_keeps_the_request():
    old = ask(PLAN, Size(parameters=7), {})
    assert ask(PLAN, SizeAndWidth(parameters=7), {}).digest == old.digest
    assert ask(PLAN, SizeAndWidth(parameters=7, width=65), {}).digest != old.digest


class Placed(Size):
    how = ("device",)
    device: str = "auto"


def test_how_it_is_computed_is_recorded_and_in_no_request(store):
    stage = replace(MODEL, config=Placed)
    one, two = (make(stage, store, Placed(parameters=5, device=it)) for it in ("cpu", "cuda"))
    assert one.path == two.path
    assert one.manifest.config["device"] == "cpu"  # the first made it, and it is the second's too


def test_all_that_computes_with_a_model_can_be_told_where():
    models = ("pretrain.train", "posttrain.sft", "posttrain.prefer", "evaluation.bits")
    others = ("evaluation.change", *(f"sampling.{it}" for it in SAMPLING))
    for name in (*models, *others):
        config = find(name).config
        assert config.model_fields["device"].default == "auto", name
        assert "device" in config.how, name


def test_another_stage_version_is_another_request():
    newer = Stage("test.plan", version=2, config=Size, inputs=(), run=write_size)
    assert ask(newer, Size(), {}).digest != ask(PLAN, Size(), {}).digest


def test_another_version_of_a_library_it_names_is_another_request(monkeypatch):
    named = Stage(
        "test.plan", version=1, config=Size, inputs=(), run=write_size, libraries=("pydantic",)
    )
    before = ask(named, Size(), {}).digest
    monkeypatch.setattr("bedstone.store.request.version", lambda name: "0")
    assert ask(named, Size(), {}).digest != before


def test_only_a_parents_content_enters_the_request(store):
    child = Stage("test.child", version=1, config=Size, inputs=("size",), run=write_size)
    plan = make(PLAN, store, Size(parameters=7))
    model = make(MODEL, store, Size(parameters=7))
    digests = {ask(child, Size(), {"size": parent}).digest for parent in (plan, model)}
    assert plan.manifest.request != model.manifest.request
    assert len(digests) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_metric_that_is_no_number_is_refused(store, value):
    stage = Stage(
        "test.nan", version=1, config=Config, inputs=(), run=lambda *_: Result({"loss_nats": value})
    )
    with pytest.raises(BedstoneError, match="loss_nats"):
        make(stage, store, Config())
    assert not list(store.rglob("manifest.json*"))


def test_what_a_stage_imports_when_it_runs_may_not_be_installed(store, monkeypatch):
    def run(config, job):
        import safetensors  # noqa: F401

    monkeypatch.setitem(sys.modules, "safetensors", None)
    stage = Stage("test.trains", version=1, config=Config, inputs=(), run=run)
    with pytest.raises(BedstoneError, match="needs safetensors, which is not") as told:
        make(stage, store, Config())
    assert told.value.hint == "pip install 'bedstone[train]'"


def test_two_builders_build_once(store):
    runs = []

    def slow(config, job):
        runs.append(job)
        time.sleep(0.2)
        return Result({})

    stage = Stage("test.slow", version=1, config=Config, inputs=(), run=slow)
    with ThreadPoolExecutor() as pool:
        builds = [pool.submit(make, stage, store, Config()) for _ in range(4)]
    assert len({built.result().path for built in builds}) == len(runs) == 1
    assert not list(store.glob(".*.lock"))


def test_a_failed_build_is_gone_on_with(store):
    written = []

    def fails_once(config, job):
        for name in ("a", "b"):
            if not job.has(name):
                with job.part(name) as path:
                    path.write_text(name)
                    written.append(name)
                    if written == ["a", "b"]:
                        raise BedstoneError("the disk is full")
        return Result({})

    stage = Stage("test.fails", version=1, config=Config, inputs=(), run=fails_once)
    with pytest.raises(BedstoneError, match="full"):
        make(stage, store, Config())
    assert [file.path for file in make(stage, store, Config()).manifest.files] == ["a", "b"]
    assert written == ["a", "b", "b"]


def test_a_failed_build_that_finished_nothing_leaves_nothing(store):
    def fails(config, job):
        with job.part("a") as path:
            path.write_text("half")
            raise BedstoneError("the disk is full")

    with pytest.raises(BedstoneError, match="full"):
        make(Stage("test.f", version=1, config=Config, inputs=(), run=fails), store, Config())
    assert not list(store.iterdir())


def test_clean_leaves_what_is_held_and_what_is_complete(store):
    def fails(config, job):
        with job.part("a") as path:
            path.write_text("a")
        raise BedstoneError("the disk is full")

    complete = make(PLAN, store, Size(parameters=7)).path
    work.lock_of(complete).touch()  # its builder was killed between the manifest and the lock
    held = store / "test.held-0"
    with pytest.raises(BedstoneError):
        make(Stage("test.f", version=1, config=Config, inputs=(), run=fails), store, Config())
    with work.held(work.lock_of(held)):
        held.mkdir()
        assert [folder.name.partition("-")[0] for folder in clean(store)] == ["test.f"]
        assert held.exists()
    assert complete.exists()


def test_the_next_build_removes_what_one_killed_behind_its_manifest_left(store):
    complete = make(PLAN, store, Size(parameters=7)).path
    work.lock_of(complete).touch()
    (complete / work.SCRATCH).mkdir()
    assert make(PLAN, store, Size(parameters=7)).path == complete
    assert not work.lock_of(complete).exists()
    assert not (complete / work.SCRATCH).exists()


def test_roles_are_those_of_the_stage(store):
    with pytest.raises(ConfigError, match=r"no input 'plam'; did you mean 'plan'\?"):
        make(MODEL, store, Size(), plam=make(PLAN, store, Size(parameters=7)))


def test_every_stage_module_is_listed():
    source = Path(__file__).parents[3] / "src" / "bedstone"
    found = {
        ".".join(path.relative_to(source).with_suffix("").parts)
        for path in source.glob("*/*.py")
        if "\nSTAGE = Stage(" in path.read_text("utf-8")
    }
    assert found == set(STAGES)
    assert all(find(name).name == name for name in STAGES)


def join(config: Size, job: Job) -> Result:
    with job.part("joined.txt") as path:
        path.write_text(
            "".join(
                f"{name}={shard.file('size.txt').read_text()} "
                for name, shard in job.many("sizes").items()
            )
        )
    return Result({})


JOIN = Stage("test.join", version=1, config=Size, inputs=("plan",), many=("sizes",), run=join)


def test_a_role_may_be_played_by_many(store):
    one, two = (make(PLAN, store, Size(parameters=number)) for number in (1, 2))
    roles = {"plan": one, "sizes.b": two, "sizes.a": one}
    made = make(JOIN, store, Size(), **roles)
    assert made.file("joined.txt").read_text() == "a=1 b=2 "
    assert made.manifest.parents == {role: each.as_parent() for role, each in roles.items()}
    assert make(JOIN, store, Size(), **dict(reversed(roles.items()))).path == made.path
    assert make(JOIN, store, Size(), **roles | {"sizes.a": two}).path != made.path
    assert set(trace(made)["parents"]) == set(roles)
    assert set(ancestors(made)) == {"", "plan", "sizes.b"}
    made.verify()


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ([], "input 'plan' is missing"),
        (["plan", "sizes"], "no input 'sizes'"),
        (["plan", "sizes."], "no input 'sizes.'"),
        (["plan", "sizes.a", "size.b"], "no input 'size.b'; did you mean 'sizes.NAME'?"),
    ],
)
def test_a_role_of_many_is_given_by_name(store, roles, message):
    plan = make(PLAN, store, Size(parameters=7))
    with pytest.raises(ConfigError) as caught:
        make(JOIN, store, Size(), **dict.fromkeys(roles, plan))
    assert message in str(caught.value)


def remark(config: SizeAndWidth, job: Job) -> Result:
    for name, number in (("size.txt", config.parameters), ("about/width.txt", config.width)):
        with job.part(name) as path:
            path.write_text(str(number))
    return Result({})


REMARK = Stage("test.remark", version=1, config=SizeAndWidth, inputs=(), run=remark)
READ = Stage("test.read", version=1, config=Size, inputs=("size",), run=write_size)


def test_what_only_tells_people_is_verified_but_no_child_reads_it(store):
    one, other = (make(REMARK, store, SizeAndWidth(parameters=7, width=it)) for it in (64, 65))
    assert one.path != other.path
    assert one.content == other.content
    assert make(READ, store, Size(parameters=1), size=one).path == (
        make(READ, store, Size(parameters=1), size=other).path
    )
    assert [path.name for path in one.files] == ["size.txt"]
    assert [path.name for shard in one.shards for path in shard.files] == ["size.txt"]
    with pytest.raises(ArtifactError, match=r"has no about/width\.txt"):
        one.file("about/width.txt")
    assert other.about("width.txt").read_text() == "65"
    one.verify()
    one.about("width.txt").write_text("66")
    with pytest.raises(ArtifactError, match=r"was altered: about/width\.txt"):
        one.verify()


def test_no_stage_asks_for_what_only_tells_people():
    source = Path(__file__).parents[3] / "src" / "bedstone"
    asking = {
        path.relative_to(source)
        for path in source.rglob("*.py")
        if ".about(" in path.read_text("utf-8")
    }
    elsewhere = {path for path in asking if path.parts[0] != "reporting"}
    told_by_commands = {Path("corpus", "overlap", "grades.py"), Path("tasks", "waits.py")}
    assert elsewhere == told_by_commands
    stages = [source.joinpath(*name.split(".")).with_suffix(".py") for name in STAGES]
    imports = re.compile(r"overlap import grades|overlap\.grades import|tasks.*waits")
    assert not any(imports.search(path.read_text("utf-8")) for path in stages)
