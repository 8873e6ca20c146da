"""What a run would take, told before it, in sum and in words."""

import logging
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bedstone.commands.costs import WEIGHT_BYTES, Cost, Costs
from bedstone.commands.rehearsal import READER, Rehearsal, parts
from bedstone.corpus import commoncrawl
from bedstone.progress import Progress
from bedstone.store.artifact import Artifact
from bedstone.store.recipe import Node, Recipe, naming
from bedstone.store.stages import DECIDING

ENCODING = ("tokenizer.encode",)
KIB_OR_BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit in which the system tells a process's memory."""
HOW = {
    "documents": "{measured}, as if duplicates were as rare in all of them",
    "tokens": "{measured}, of those that are left",
    "flop": "of training steps alone, as planned for all of the text",
    "bytes_on_disk": f"{{measured}}; {WEIGHT_BYTES} bytes for each of a model's weights",
    "peak_memory_bytes": "at least: what the dry run itself held, a training step that a plan "
    "measured included; a stage holds the text of a whole shard, and post-training takes twice as "
    "much or more",
    "minutes": "{measured}; training at the speed that was measured or given, answering at that of "
    "an untrained model of the same shape",
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """What an estimate tells of the whole run."""

    value: float | None
    left_out: str = ""
    """What is not in it, or why it is not known."""


def estimate(
    recipe: Recipe,
    given: Mapping[str, Sequence[Path]],
    built: Mapping[str, Artifact | None],
    workers: int,
    progress: Progress,
) -> dict[str, Any] | None:
    """What is still to be built takes; None if nothing is.

    Args:
        recipe: its nodes up to the last that is wanted.
        given: its inputs.
        built: what there is, as ``recipe.built`` finds it.
        workers: as many processes as the run will have.
        progress: where it is said how far the rehearsal is.

    Returns:
        ``documents`` that are left and the ``tokens`` of their text, of the whole recipe; ``flop``
        of training, ``bytes_on_disk`` and ``minutes`` of what is to be built, in sum and by
        ``nodes``, with ``model_tokens``, of those alone; ``peak_memory_bytes``; ``how`` each was
        found; ``fetch``: of the nodes that fetch a part of Common Crawl, ``files``, ``bytes``,
        ``hours`` and ``how`` these were found.

    Raises:
        BedstoneError: a given file cannot be read.
    """
    missing = [node.name for node in recipe.nodes if not built[node.name]]
    if not missing:
        return None
    with TemporaryDirectory(prefix="bedstone-") as name, _without_warnings():
        folder = Path(name)
        tried = Rehearsal(recipe.nodes, parts(recipe, given, folder), built, folder)
        with progress.named("estimate").task("nodes") as task:
            tried.go(task)
        costs = Costs(tried, workers).found()
        told = {name: costs[name] for name in missing}
        fetch = {
            node.name: _fetch(node, folder)
            for node in recipe.nodes
            if node.name in missing and node.stage.name == commoncrawl.STAGE.name
        }
        for name, each in fetch.items():
            taken = {"minutes": each["hours"] * 60, "bytes_on_disk": each["bytes"]}
            told[name] = replace(told[name], **taken, why=None)
        found = {
            "documents": _documents(tried),
            "tokens": _count(tried, "encoded_tokens", ENCODING),
            "flop": _all(told, "flop"),
            "bytes_on_disk": _all(told, "bytes_on_disk"),
            "peak_memory_bytes": Quantity(_held_bytes()),
            "minutes": _all(told, "minutes"),
        }
    measured = (
        f"measured on {tried.share:.2%} of the documents and drawn out to all of them"
        if tried.share < 1
        else "measured on all documents"
    )
    return {
        **{name: quantity.value for name, quantity in found.items()},
        "how": {
            name: "; ".join(filter(None, [HOW[name].format(measured=measured), quantity.left_out]))
            for name, quantity in found.items()
        },
        "nodes": {name: asdict(each) for name, each in told.items()},
        "fetch": fetch,
    }


def _fetch(node: Node, folder: Path) -> dict[str, Any]:
    assert isinstance(node.config, commoncrawl.CommonCrawlConfig)
    with naming(node):
        return commoncrawl.foreseen(node.config, folder)


def _held_bytes() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB_OR_BYTES


def _documents(tried: Rehearsal) -> Quantity:
    """Those that are left in the end; without a decision, all."""
    if any(node.stage.name in DECIDING for node in tried.nodes):
        return _count(tried, "kept_documents", DECIDING)
    return _count(tried, "documents", (READER,))


def _count(tried: Rehearsal, metric: str, stages: Sequence[str]) -> Quantity:
    """A metric of the last node of these stages, as the run will have it."""
    nodes = [node for node in tried.nodes if node.stage.name in stages]
    if not nodes:
        return Quantity(None, "no node counts them")
    name = nodes[-1].name
    if (built := tried.built[name]) is not None:
        return Quantity(round(built.manifest.metrics[metric]))
    if name not in tried.high.artifacts:
        return Quantity(None, f"not known before: {name}: {tried.high.why[name]}")
    return Quantity(round(tried.whole(name, lambda made: made.manifest.metrics[metric])))


def _all(told: Mapping[str, Cost], quantity: str) -> Quantity:
    """The sum over all nodes of which it is known; None where all that is known is zero."""
    known: dict[str, float | None] = {name: getattr(cost, quantity) for name, cost in told.items()}
    unknown = [name for name, value in known.items() if value is None]
    value = sum(value for value in known.values() if value is not None)
    without = f"without {', '.join(unknown)}" if unknown else ""
    return Quantity(value if value or not unknown else None, without)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """What stages say of a part of the text does not hold of the whole."""
    log = logging.getLogger("bedstone")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """An estimate, told to people."""
    for name, each in found["fetch"].items():
        files = _told(each["files"], ",", " files")
        size = _told(each["bytes"] and each["bytes"] / 1e9, ".3g", " GB")
        yield f"{name} fetches {files}, {size}, in {each['hours']:.2g} hours: {each['how']}"
    documents = _told(found["documents"], ",", " documents")
    unknown = [name for name, node in found["nodes"].items() if node["why"]]
    least = "at least " if unknown else ""
    minutes = f"{least}{_told(found['minutes'], '.1f', ' minutes')}"
    yield f"about {documents}, {_told(found['tokens'], ',', ' tokens of their text')}"
    disk = None if found["bytes_on_disk"] is None else found["bytes_on_disk"] / 1e9
    yield (
        f"to be built: {_told(found['flop'], '.2g', ' FLOP')} of training, "
        f"{_told(disk, '.2g', ' GB')} on disk, {minutes}, "
        f"at least {found['peak_memory_bytes'] / 1e9:.2g} GB of memory"
    )
    if unknown:
        yield f"and what is not known before, --json says why: {', '.join(unknown)}"


def _told(number: float | None, form: str, unit: str) -> str:
    return f"an unknown number of{unit}" if number is None else f"{number:{form}}{unit}"
