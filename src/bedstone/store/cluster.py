"""A Ray cluster as an engine: core tasks, each with one processor and no data but its answer.

Its nodes see the store at the same path. What a node's death takes is done again elsewhere; the
manifests in the store say what is complete, and nothing else does.
"""

import os
import re
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.store.engine import SHARED, Answer, Item, answers, here
from bedstone.store.provenance import core_count
from bedstone.store.stages import packages_of

OWN = "local"
ADDRESS = re.compile(r"([\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""In the environment before Ray is imported: no reports, no task without the token, no packages
that are sent to the nodes; the accelerators that a task sees are the node's."""
TRIES = {"RAY_NUM_REDIS_GET_RETRIES": "2"}
"""To join a cluster, 40 s each."""
OBJECT_BYTES = 100 << 20
"""For answers, which are small."""
CONNECT_SECONDS = 10.0
WATCH_SECONDS = 0.5
"""So long a process of a task outlives its node, at most."""
QUEUED = 2
"""Tasks for each processor: one of them waits there."""
_joined: tuple[str, int | None] | None = None


class Ray:
    """Tasks of a cluster; they need no process of this one, but for a single item."""

    def __init__(self, address: str = OWN, workers: int | None = None) -> None:
        """Start a cluster of ``workers`` processors on this machine, or join that at ``address``.

        Of a cluster that is joined, ``workers`` are as many tasks at once as it is given at most.

        Raises:
            ConfigError: the address is none.
            BedstoneError: Ray is not installed, or there is no such cluster.
        """
        with packages_of("--engine ray"):
            self._ray = _imported(address)
        _join(self._ray, address, workers)
        self._address, self._most = address, workers
        self._task = self._ray.remote(num_cpus=1, max_retries=0)(_done)
        self.workers = workers or self._processors()

    def map(
        self,
        work: Callable[[Item], Answer],
        items: Sequence[Item],
        ended: Callable[[], object] = lambda: None,
    ) -> Iterator[Answer]:
        """As ``Engine`` says; what fails waits for the others, and the error says which failed."""
        if len(items) == 1:
            yield from here(work, items, ended)
            return
        begun = set[Any]()

        def begin(item: Item) -> Future[Answer]:
            task = self._task.remote(work, item, str(Path.cwd()))
            begun.add(task)
            future: Future[Answer] = task.future()
            future.add_done_callback(lambda _: begun.discard(task))
            return future

        try:
            yield from answers(items, begin, self._at_once, self._own, ended, is_patient=True)
        finally:
            for task in begun.copy():
                self._ray.cancel(task, force=True)

    def _at_once(self) -> int:
        # Asked again and again: nodes die, and others join.
        most = QUEUED * self._processors()
        return min(self._most or most, most)

    def _processors(self) -> int:
        if found := int(self._ray.cluster_resources().get("CPU", 0)):
            return found
        raise BedstoneError(
            f"the Ray cluster {self._address} has no processor: its nodes are gone, or have none",
            hint="begin nodes; what is complete is kept, and the next run goes on",
        )

    def _own(self, error: BaseException) -> BaseException | None:
        """What the work raised; None of what Ray says of a process or a node that is gone."""
        is_raised = isinstance(error, self._ray.exceptions.RayTaskError)
        return error.cause if is_raised else None  # type: ignore[attr-defined]


def _done(work: Callable[[Item], Answer], item: Item, folder: str) -> Answer:
    _end_with_node()
    with suppress(OSError):  # of relative paths; a node may have no such folder
        os.chdir(folder)
    try:
        return work(item)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{error.filename or error} is not there on the node {socket.gethostname()}",
            hint=SHARED,
        ) from error


@cache
def _end_with_node() -> None:
    # Ray's own watch takes a killed raylet to live while nobody has asked how it ended.
    threading.Thread(target=_exit_after, args=[os.getppid()], daemon=True).start()


def _exit_after(raylet: int) -> None:
    while os.getppid() == raylet:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def _imported(address: str) -> Any:
    """Ray, which reads its settings from the environment when it is imported."""
    if address != OWN:
        for name, value in (SETTINGS | TRIES).items():
            os.environ.setdefault(name, value)
    else:
        # A token of its own; Ray's name for the switch: nodes have the loopback's address.
        own = {"RAY_AUTH_TOKEN": secrets.token_hex(), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
        os.environ |= SETTINGS | own
    import ray

    return ray


def _join(ray: Any, address: str, workers: int | None) -> None:
    global _joined
    asked = (address, workers if address == OWN else None)
    if ray.is_initialized() and _joined == asked:
        return
    if ray.is_initialized():
        raise BedstoneError(
            "this process uses another Ray cluster already", hint="call ray.shutdown() first"
        )
    if address == OWN:
        where = {"num_cpus": workers or core_count(), "object_store_memory": OBJECT_BYTES}
    else:
        _refuse_unreachable(address)
        where = {}
    # Else it prints what befalls a worker on stdout, which holds answers alone.
    ray._private.worker.listen_error_messages = lambda *_: None
    is_main = threading.current_thread() is threading.main_thread()
    stop = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            **where,
        )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise BedstoneError(
            f"the Ray cluster {address} cannot be used: {error}",
            hint="this machine must be a node of it, with its token: RAY_AUTH_TOKEN, or "
            "~/.ray/auth_token",
        ) from error
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, stop)  # Ray puts its own in its place
    _joined = asked


def _refuse_unreachable(address: str) -> None:
    found = ADDRESS.fullmatch(address)
    if not found:
        raise ConfigError(
            f"{address!r} is no address of a Ray cluster",
            hint="write HOST:PORT, as `ray start` says",
        )
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise BedstoneError(
            f"no Ray cluster answers at {address}: {error}",
            hint="begin its first node with `ray start`",
        ) from error
