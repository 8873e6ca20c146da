"""Run a recipe on a Ray cluster of this machine and kill two of its nodes while it works.

One is lost in the map, when a shard begins, one in the shuffle, when one of corpus.dedup's tasks
does: the first that begins on another node than the head's after so many ended, drawn by a seed.

    python ray_nodes.py RECIPE FILES STORE UNTIL SEED SETS...

The local processes' artifacts stay in STORE/local. Writes a JSON object: what was killed, what came
out, what is left, and who was talked to.
"""

import json
import os
import random
import secrets
import signal
import sys
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex()
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # nodes have the loopback's address

from bedstone.store import cluster, recipe, work
from bedstone.store.engine import Local
from bedstone.store.request import Request

os.environ |= cluster.SETTINGS

import ray
from ray.cluster_utils import Cluster

NODES = 3
HEAD = {"num_cpus": 0}
"""It works on nothing: else it may take all tasks."""
NODE = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 << 20}
LISTENS = "0A"
LATEST = 8
"""Of corpus.dedup's tasks: more than that are begun later."""
MAP, SHUFFLE = "map", "shuffle"


class Killing(cluster.Ray):
    """A cluster that loses a node amid a task of each kind, once so many of it have ended."""

    def __init__(self, nodes: Cluster, moments: dict[str, int], claims: Path) -> None:
        super().__init__(nodes.address)
        self.head, self.moments, self.claims = nodes.head_node.node_id, moments, claims
        self.ended, self.deaths = Counter(), 0

    def map(self, work, items, ended=lambda: None):
        kind = MAP if items and isinstance(items[0], Request) else SHUFFLE

        def counted() -> None:
            ended()
            self.ended[kind] += 1
            if self.ended[kind] == self.moments[kind]:
                (self.claims / kind).touch()

        work = partial(dying, work, self.claims / kind, self.head)
        yield from super().map(work, items, counted)

    def _own(self, error):
        raised = super()._own(error)
        self.deaths += raised is None
        return raised


def dying(work, claim: Path, head: str, item):
    """Work, after the node that does it was killed if that is asked for."""
    # A single task is done where the recipe is run.
    if ray.get_runtime_context().get_node_id() != head:
        with suppress(FileNotFoundError):  # not asked for, or another was first
            claim.rename(f"{claim}, {name_of(item)}")
            os.kill(os.getppid(), signal.SIGKILL)
            work(item)
            signal.pause()  # it ends with its node, and is never done
    return work(item)


def name_of(item) -> str:
    """Whose task it is."""
    if isinstance(item, Request):
        return item.stage.name
    return item[1].parent.name if isinstance(item, tuple) else type(item).__name__


def descendants() -> list[int]:
    """This process and all that it began, as far as they live."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [os.getpid()]
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found


def peers() -> set[str]:
    """The addresses of this machine at which they listen, and those to which they talk, as hex."""
    inodes = set()
    for pid in descendants():
        for path in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(str(path.readlink()))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, own, other, state, *_, inode = line.split()[:10]
            if f"socket:[{inode}]" in inodes:
                found.add((own if state == LISTENS else other).partition(":")[0])
    return found


def contents(made) -> dict[str, str]:
    return {name: artifact.content for name, artifact in made.items()}


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def is_rubbish(path: Path) -> bool:
    return path.name.endswith((work.UNFINISHED, work.LOCK, work.SCRATCH))


def main() -> None:
    path, files, store, until, seed, *sets = sys.argv[1:]
    plan = recipe.load(Path(path), sets, until)
    given = {name: [Path(files)] for name in plan.inputs}
    store, dice = Path(store).absolute(), random.Random(int(seed))
    local = recipe.run(plan, given, store / "local", Local(2))
    shards = len(local["documents"].shards)
    own, claims = store / f"ray-{seed}", store / f"claims-{seed}"
    claims.mkdir()
    nodes = Cluster(initialize_head=True, head_node_args=NODE | HEAD)
    for _ in range(NODES):
        nodes.add_node(**NODE)
    moments = {MAP: dice.randint(1, shards), SHUFFLE: dice.randint(1, LATEST)}
    engine = Killing(nodes, moments, claims)
    made = recipe.run(plan, given, own, engine)
    report = {
        "moments": moments,
        "killed": sorted(each.name for each in claims.iterdir()),
        "deaths": engine.deaths,
        "same": contents(made) == contents(local),
        "names": names_in(own) == names_in(store / "local"),
        "rubbish": [str(path) for path in own.rglob("*") if is_rubbish(path)],
        "peers": sorted(peers()),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
    os._exit(0)  # what the cluster's end says of nodes that were killed is not the question


if __name__ == "__main__":
    main()
