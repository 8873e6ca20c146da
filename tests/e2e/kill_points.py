"""Kill builds of a recipe's nodes at chosen points, let the next run go on, and compare.

One process imports everything and computes nothing; every build runs in a fork of it, so a
thousand builds cost one import. A point is the n-th time that the build opens, renames, syncs,
makes or removes something in the store.

    python kill_points.py RECIPE CRAWL FOLDER POINTS SEED SETS...

FOLDER/reference is built first. Writes a JSON object a line: what was killed, what came out.
"""

import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bedstone.store import recipe, work
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.engine import Local
from bedstone.store.stages import STAGES, find
from bedstone.training import loop
from bedstone.training.checkpoints import Kept
from bedstone.training.curve import Curve

WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "sync"}


class Counter:
    """Counts what the build does in the store, and ends the process at the chosen count."""

    def __init__(self, store: Path, last: int | None = None) -> None:
        self.store, self.seen, self.last = str(store), 0, last

    def __call__(self, event: str, words: tuple[object, ...]) -> None:
        if event in WATCHED and str(words[0]).startswith(self.store):
            self.seen += 1
            if self.seen == self.last:
                os.kill(os.getpid(), signal.SIGKILL)


def in_fork(action: Callable[[], None]) -> int:
    """Run ``action`` in a fork; how that ended, as ``waitpid`` says it."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            action()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def watched(counter: Counter) -> None:
    sys.addaudithook(counter)
    sync = work.sync

    def sync_watched(path: Path) -> None:
        counter("sync", (path,))
        sync(path)
        counter("sync", (path,))

    work.sync = sync_watched


def build_node(plan: recipe.Recipe, crawl: Path, store: Path) -> None:
    recipe.run(plan, {name: [crawl] for name in plan.inputs}, store, Local())


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


def main() -> None:
    recipe_path, crawl, folder = map(Path, sys.argv[1:4])
    points, seed, sets = int(sys.argv[4]), int(sys.argv[5]), sys.argv[6:]
    for name in STAGES:
        find(name)
    plan = recipe.load(recipe_path, sets)
    upto = {node.name: recipe.load(recipe_path, sets, node.name) for node in plan.nodes}
    reference, store, counted = folder / "reference", folder / "store", folder / "count"
    nodes = [node.name for node in plan.nodes]
    assert in_fork(lambda: record(plan, crawl, reference, folder)) == 0, "the reference failed"
    made = {
        name: Artifact(Path(path))
        for name, path in json.loads((folder / "made").read_text()).items()
    }
    counts = {}
    loop.CHECKPOINT_SECONDS = 0.0  # after every step, so that there is one to go on from
    for node in nodes:
        without(reference, made[node], store)

        def counting(node: str = node) -> None:
            counter = Counter(store)
            watched(counter)
            build_node(upto[node], crawl, store)
            counted.write_text(str(counter.seen))

        assert in_fork(counting) == 0, node
        counts[node] = int(counted.read_text())
    dice = random.Random(seed)
    chosen = [(node, dice.randint(1, counts[node])) for node in dice.choices(nodes, k=points)]
    chosen += [("base", counts["base"] * 2 // 3)]
    smallest = min(counts, key=counts.__getitem__)
    chosen += [(smallest, event) for event in range(1, counts[smallest] + 1)]
    for node, event in chosen:
        point = killed(upto[node], node, event, crawl, reference, store, made[node])
        sys.stdout.write(json.dumps(point) + "\n")


def record(plan: recipe.Recipe, crawl: Path, reference: Path, folder: Path) -> None:
    made = recipe.run(plan, {"crawl": [crawl]}, reference, Local())
    (folder / "made").write_text(json.dumps({name: str(each.path) for name, each in made.items()}))


def going_on(plan: recipe.Recipe, crawl: Path, store: Path, resumed: Path) -> None:
    """Build on, and write down at which step a training went on."""
    read = Kept.read

    def read_told(kept: Kept, path: Path) -> Curve:
        curve = read(kept, path)
        resumed.write_text(str(len(curve)))
        return curve

    Kept.read = read_told
    build_node(plan, crawl, store)


def killed(
    plan: recipe.Recipe,
    node: str,
    event: int,
    crawl: Path,
    reference: Path,
    store: Path,
    expected: Artifact,
) -> dict:
    """Kill the build of ``node`` at its ``event``-th change of the disk, and go on."""
    without(reference, expected, store)

    def dying() -> None:
        watched(Counter(store, last=event))
        build_node(plan, crawl, store)

    ended = in_fork(dying)
    folders = [store / path.name for path in folders_of(expected)]
    before = finished_files(folders)
    resumed = store / "resumed"
    went_on = in_fork(lambda: going_on(plan, crawl, store, resumed))
    after = finished_files(folders)
    return {
        "node": node,
        "event": event,
        "killed": os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGKILL,
        "went_on": went_on == 0,
        "same": went_on == 0 and Artifact(folders[0]).content == expected.content,
        "kept": {name: after.get(name) for name in before} == before,
        "resumed_step": int(resumed.read_text()) if resumed.exists() else 0,
        "rubbish": [str(path) for path in store.rglob(f"*{work.UNFINISHED}")],
    }


if __name__ == "__main__":
    main()
