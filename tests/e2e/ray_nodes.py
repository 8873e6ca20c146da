"""Run a recipe on a Ray cluster of this machine and kill nodes while it works.

A moment is a shard's end: that of the n-th in the whole run, drawn by a seed. The next node but the
first that begins a shard is killed then. Once there have been two, another is begun before.

    python ray_nodes.py RECIPE FILES STORE UNTIL KILLS SEED SETS...

Writes a JSON object: what was killed, what came out, what is left, and who was talked to.
"""

import json
import os
import random
import secrets
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread

os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex()
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # nodes have the loopback's address

from bedstone.store import cluster, recipe, work
from bedstone.store.engine import Local

os.environ |= cluster.SETTINGS

import ray
from ray.cluster_utils import Cluster

NODES = 2
NODE = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 << 20}
LISTENS = "0A"


class Killing(cluster.Ray):
    """A cluster of which a node is killed, amid its next task, as chosen shards end."""

    def __init__(self, nodes: Cluster, moments: set[int], claims: Path) -> None:
        super().__init__(nodes.address)
        self.nodes, self.moments, self.claims = nodes, moments, claims
        self.ended, self.moment, self.deaths, self.peers = 0, [], 0, set()

    def map(self, work, items, ended=lambda: None):
        def counted() -> None:
            ended()
            self.ended += 1
            if self.ended in self.moments:
                self.kill(str(items[0]).split()[0])

        head = self.nodes.head_node.node_id
        yield from super().map(partial(dying, work, self.claims, head), items, counted)

    def kill(self, during: str) -> None:
        self.peers |= peers()
        self.moment.append(during)
        if len(self.moment) >= NODES:
            self.add()
        (self.claims / str(self.ended)).touch()

    def add(self) -> None:
        node = self.nodes.add_node(**NODE)
        # Else it stays a zombie, and its workers take it to live.
        Thread(target=node.all_processes["raylet"][0].process.wait, daemon=True).start()

    def _own(self, error):
        raised = super()._own(error)
        self.deaths += raised is None
        return raised


def dying(work, claims: Path, head: str, item):
    """Work, after the node that does it was killed if that is asked for."""
    if ray.get_runtime_context().get_node_id() != head:
        for claim in sorted(claims.iterdir()):
            with suppress(FileNotFoundError):  # another was first
                claim.unlink()
                os.kill(os.getppid(), signal.SIGKILL)
                work(item)
                signal.pause()  # it ends with its node, and is never done
    return work(item)


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


def main() -> None:
    path, files, store, until, kills, seed, *sets = sys.argv[1:]
    plan = recipe.load(Path(path), sets, until)
    given = {name: [Path(files)] for name in plan.inputs}
    shards = len(list(Path(files).iterdir()))
    local = recipe.run(plan, given, Path(store) / "local", Local(2))
    mapped = [node for node in plan.nodes if node.stage.sharded]
    last = len(mapped) * shards - 3  # so that some are being worked on
    moments = set(random.Random(int(seed)).sample(range(2, last), int(kills)))
    nodes = Cluster(initialize_head=True, head_node_args=NODE)
    claims = Path(store).absolute() / "claims"
    claims.mkdir()
    engine = Killing(nodes, moments, claims)
    for _ in range(NODES):
        engine.add()
    made = recipe.run(plan, given, Path(store) / "ray", engine)
    engine.peers |= peers()
    report = {
        "moments": engine.moment,
        "not_killed": len(list(claims.iterdir())),
        "deaths": engine.deaths,
        "same": contents(made) == contents(local),
        "names": sorted(each.name for each in (Path(store) / "ray").iterdir())
        == sorted(each.name for each in (Path(store) / "local").iterdir()),
        "rubbish": [str(path) for path in Path(store).rglob(f"*{work.UNFINISHED}")],
        "peers": sorted(engine.peers),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
    os._exit(0)  # what the cluster's end says of nodes that were killed is not the question


if __name__ == "__main__":
    main()
