"""Kill builds of a recipe's nodes at chosen points, let the next run go on, and compare.

One process imports everything and computes nothing; every build runs in a fork of it, so a
thousand builds cost one import. A point is the n-th time that a process of the build opens,
renames, makes or removes something in the store. With several workers it is the build's own process
that is killed, or the first of its workers that comes so far.

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
from collections.abc import Callable, Iterator
from pathlib import Path

from bedstone.store import recipe, work
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.engine import Local
from bedstone.store.stages import STAGES, find

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.faults.watcher import sitecustomize as watcher

TRAINED = "pretrain.train"
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


def folders_of(artifact: Artifact) -> list[Path]:
    shards = artifact.shards if artifact.manifest.shards is not None else ()
    return [artifact.path, *(shard.location for shard in shards)]


def without(reference: Path, artifact: Artifact, store: Path) -> None:
    """Make ``store`` the ``reference`` without one artifact; its files are links."""
    shutil.rmtree(store, ignore_errors=True)
    gone = {path.name for path in folders_of(artifact)}
    shutil.copytree(
        reference,
        store,
        symlinks=True,
        copy_function=os.link,
        ignore=lambda folder, names: gone & set(names) if Path(folder) == reference else (),
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
    reference = folder / "reference"
    assert in_fork(lambda: [adopt(paths, reference) for paths in build.inputs.values()]) == 0
    counts = {node: counted(build, node, reference, folder) for node in build.nodes}
    made = {
        name: Artifact(Path(path))
        for name, path in json.loads((folder / "made").read_text()).items()
    }
    points = chosen(build, counts, asked.points, random.Random(asked.seed))

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


def counted(build: Build, node: str, reference: Path, folder: Path) -> dict[str, int]:
    """Build ``node``; how often its own process and the busiest worker change the store."""
    counts, made = folder / "counts", folder / "made"
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir(parents=True)

    def recorded() -> None:
        found = build.watched(node, reference, counts=str(counts))
        known = json.loads(made.read_text()) if made.exists() else {}
        made.write_text(json.dumps({**known, node: str(found[node].path)}))

    assert in_fork(recorded) == 0, f"the reference failed at {node}"
    found = [(path.name.split("-")[0], int(path.read_text())) for path in counts.iterdir()]
    return {role: max(n for name, n in found if name == role) for role, _ in found}


def chosen(
    build: Build, counts: dict[str, dict[str, int]], points: int, dice: random.Random
) -> list[tuple[str, str, int]]:
    """Nodes, who is killed, and at which event: by lot, and one late in each training."""
    nodes = dice.choices(build.nodes, k=points - len(build.trained))
    roles = [(node, dice.choice(sorted(counts[node]))) for node in nodes]
    found = [(node, role, dice.randint(1, counts[node][role])) for node, role in roles]
    late = [(node, "parent", counts[node]["parent"] * 2 // 3) for node in build.trained]
    return [*late, *found]


def killed(
    build: Build, node: str, role: str, event: int, reference: Path, store: Path, expected: Artifact
) -> dict[str, object]:
    """Kill a process of the build of ``node`` at its ``event``-th change of the disk, and go on."""
    without(reference, expected, store)
    told, resumed = store.with_name(f"{store.name}-killed"), store.with_name(f"{store.name}-step")
    for path in (told, resumed):
        path.unlink(missing_ok=True)
    ended = in_fork(lambda: build.watched(node, store, last=event, role=role, told=str(told)))
    folders = [store / path.name for path in folders_of(expected)]
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
        "same": went_on == 0 and Artifact(folders[0]).content == expected.content,
        "kept": {name: after.get(name) for name in before} == before,
        "resumed_step": int(resumed.read_text()) if resumed.exists() else 0,
        "strays": list(strays_in(store)),
    }


if __name__ == "__main__":
    main()
