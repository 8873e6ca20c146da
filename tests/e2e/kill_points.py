"""Kill builds of a recipe's nodes at chosen points, let the next run go on, and compare.

One process imports everything and computes nothing; every build runs in a fork of it, so a
thousand builds cost one import. A point is the n-th time that a process of the build opens,
renames, makes, removes or syncs something in the store. With several workers it is the build's own
process that is killed, or the first of its workers that comes so far. Points are drawn by lot, but
for one late in each training, and for each that the node with the fewest has.

    python kill_points.py RECIPE FOLDER --points N --seed S [--workers N] [--at-once N]
        [--only corpus] --input NAME=PATH ... [--set NODE.KEY=VALUE ...]

FOLDER/reference is built first. Writes a JSON object a line: what was killed, what came out.
"""

import argparse
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from bedstone.store import recipe, work
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.engine import Local
from bedstone.store.stages import STAGES, find

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.faults.watcher import sitecustomize as watcher

TRAINED = "pretrain.train"
MEASURED = "sampling.latency"
"""What has seconds as its content, which no second build gives again: it stays."""
IMPORTED = ("pyarrow.dataset", "scipy.linalg")
IMPORTED_BY_MODELS = ("bedstone.training.loop", "bedstone.generation.writer", "torch._dynamo")
"""What stages import when they run, and what takes long."""
STRAYS = (f"*{work.UNFINISHED}", f".*{work.LOCK}", f"*/{work.SCRATCH}")


def in_fork(action: Callable[[], object]) -> int:
    """Run ``action`` in a fork; how that ended, as ``waitpid`` says it."""
    return os.waitpid(forked(action), 0)[1]


def forked(action: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            action()
            status = 0
        finally:
            os._exit(status)
    return child


def without(reference: Path, gone: Collection[str], store: Path) -> None:
    """Make ``store`` the ``reference`` without some artifacts; its files are links."""
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(
        reference,
        store,
        symlinks=True,
        copy_function=os.link,
        ignore=lambda folder, names: set(gone) & set(names) if Path(folder) == reference else (),
    )


def finished_files(folders: list[Path]) -> dict[str, tuple[int, int]]:
    """The files of the artifacts that are complete, shards among them: name -> inode and time."""
    return {
        f"{folder.name}/{path.relative_to(folder)}": (path.stat().st_ino, path.stat().st_mtime_ns)
        for folder in folders
        if is_complete(folder)
        for path in folder.rglob("*")
        if path.is_file()
    }


def strays_in(store: Path) -> Iterator[str]:
    """What no store should have when nobody builds in it."""
    for pattern in STRAYS:
        yield from map(str, store.rglob(pattern))
    folders = [path for path in store.rglob("*") if path.is_dir()]
    yield from (str(folder) for folder in folders if not any(folder.iterdir()))


@dataclass(frozen=True)
class Made:
    """What the reference has of a node."""

    name: str
    content: str
    folders: frozenset[str]
    """That came with it: its shards', and what it made on its way."""
    counts: dict[str, int]
    """How often the build's own process and the busiest of its workers change the store."""


class Build:
    """A recipe, what it is given, and how many build it."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.path, self.sets, self.workers = asked.recipe, asked.set, asked.workers
        self.inputs: dict[str, list[Path]] = {}
        for name, path in (it.split("=", 1) for it in asked.input):
            self.inputs.setdefault(name, []).append(Path(path))
        nodes = recipe.load(self.path, self.sets).nodes
        self.nodes = [it.name for it in nodes if it.stage.name.startswith(asked.only)]
        trained = [it.name for it in nodes if it.stage.name == TRAINED]
        self.trained = [name for name in trained if name in self.nodes]

    def of(self, node: str, store: Path) -> dict[str, Artifact]:
        """Build what is missing up to ``node``, and go on from a checkpoint where there is one."""
        plan = recipe.load(self.path, self.sets, node)
        given = {name: self.inputs[name] for name in plan.inputs}
        return recipe.run(plan, given, store, Local(self.workers))

    def watched(self, node: str, store: Path, **asked: object) -> dict[str, Artifact]:
        """The same, counted; and killed where that is asked for."""
        if self.trained:
            from bedstone.training import loop

            loop.CHECKPOINT_SECONDS = 0.0  # after every step, so that there is one to go on from
        settings = json.dumps({"store": str(store), "parent": os.getpid(), **asked})
        os.environ[watcher.ASKED] = settings
        os.environ["PYTHONPATH"] = f"{Path(watcher.__file__).parent}:{os.pathsep.join(sys.path)}"
        watcher.watch(settings)
        return self.of(node, store)

    def going_on(self, node: str, store: Path, resumed: Path) -> None:
        """Build on, and write down at which step a training went on."""
        if node in self.trained:
            from bedstone.training.checkpoints import Kept

            read = Kept.read

            def read_told(kept: Kept, path: Path) -> object:
                curve = read(kept, path)
                resumed.write_text(str(len(curve)))
                return curve

            Kept.read = read_told
        self.of(node, store)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--points", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--only", default="", help="stages whose names begin so")
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    asked = parser.parse_args()
    for name in STAGES:
        find(name)
    build, folder = Build(asked), asked.folder.resolve()
    for name in (*IMPORTED, *(IMPORTED_BY_MODELS if build.trained else ())):
        import_module(name)
    reference = folder / "reference"
    assert in_fork(lambda: [adopt(paths, reference) for paths in build.inputs.values()]) == 0
    made = {node: counted(build, node, reference, folder) for node in build.nodes}
    points = chosen(build, made, asked.points, random.Random(asked.seed))

    def part(number: int) -> None:
        store = folder / f"store-{number}"
        lines = [
            json.dumps(killed(build, *point, reference, store, made[point[0]]))
            for point in points[number :: asked.at_once]
        ]
        (folder / f"told-{number}").write_text("\n".join(lines) + "\n")

    children = [forked(lambda number=number: part(number)) for number in range(asked.at_once)]
    assert all(os.waitpid(child, 0)[1] == 0 for child in children), "a fork failed"
    for number in range(asked.at_once):
        sys.stdout.write((folder / f"told-{number}").read_text())


def counted(build: Build, node: str, reference: Path, folder: Path) -> Made:
    """Add ``node`` to the reference, and count in a build like those that are killed."""
    counts, told, store = folder / "counts", folder / "made", folder / "counted"
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir(parents=True)
    before = {path.name for path in reference.iterdir()}
    made = in_fork(lambda: told.write_text(build.of(node, reference)[node].path.name))
    assert made == 0, f"the reference failed at {node}"
    name, names = told.read_text(), {path.name for path in reference.glob("[!.]*")}
    folders = {it for it in names - before if not it.startswith(MEASURED)} | {name}
    without(reference, folders, store)
    assert in_fork(lambda: build.watched(node, store, counts=str(counts))) == 0
    found = [(path.name.split("-")[0], int(path.read_text())) for path in counts.iterdir()]
    busiest = {role: max(n for name, n in found if name == role) for role, _ in found}
    return Made(name, Artifact(reference / name).content, frozenset(folders), busiest)


def chosen(
    build: Build, made: dict[str, Made], points: int, dice: random.Random
) -> list[tuple[str, str, int]]:
    """Nodes, who is killed, and at which event."""
    counts = {node: its.counts for node, its in made.items()}
    nodes = dice.choices(build.nodes, k=points - len(build.trained))
    roles = [(node, dice.choice(sorted(counts[node]))) for node in nodes]
    found = [(node, role, dice.randint(1, counts[node][role])) for node, role in roles]
    late = [(node, "parent", counts[node]["parent"] * 2 // 3) for node in build.trained]
    least = min(build.nodes, key=lambda node: counts[node]["parent"])
    every = [(least, "parent", event) for event in range(1, counts[least]["parent"] + 1)]
    return [*late, *found, *every]


def killed(
    build: Build, node: str, role: str, event: int, reference: Path, store: Path, expected: Made
) -> dict[str, object]:
    """Kill a process of the build of ``node`` at its ``event``-th change of the disk, and go on."""
    without(reference, expected.folders, store)
    told, resumed = store.with_name(f"{store.name}-killed"), store.with_name(f"{store.name}-step")
    for path in (told, resumed):
        path.unlink(missing_ok=True)
    ended = in_fork(lambda: build.watched(node, store, last=event, role=role, told=str(told)))
    folders = [store / name for name in sorted(expected.folders)]
    before = finished_files(folders)
    went_on = in_fork(lambda: build.going_on(node, store, resumed))
    after = finished_files(folders)
    return {
        "node": node,
        "role": role,
        "event": event,
        "killed": told.exists(),
        "at_once": ended == 0,
        "went_on": went_on == 0,
        "same": went_on == 0 and Artifact(store / expected.name).content == expected.content,
        "kept": {name: after.get(name) for name in before} == before,
        "resumed_step": int(resumed.read_text()) if resumed.exists() else 0,
        "strays": list(strays_in(store)),
    }


if __name__ == "__main__":
    main()
