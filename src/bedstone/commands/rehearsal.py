"""A recipe made of a part of its text, in a store that is thrown away; and what that tells of all.

It is made three times: once to warm up, then of an eighth of the part and of the part. A figure of
a node is taken to lie on a line through those two, so that neither what a node takes whatever it is
given nor what it takes for each document is multiplied wrongly.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bedstone.errors import BedstoneError
from bedstone.progress import Task
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.recipe import Node, Recipe, naming
from bedstone.store.stages import OF_FILES, find

READER, ROLE = "corpus.extract", "crawl"
"""The stage that takes a share of what it is given, and its role."""
PLANNER = "scaling.plan"
"""The stage that decides for all of the text: it is planned with apart."""
HELD_OUT, FLOOR = "corpus.held_out", "min_documents"
"""The stage that draws so many documents of a language at least: of a part, a part of them."""
LEARNER, LIMIT = "tokenizer.train", "max_bytes"
"""The stage that reads so much text at most."""
FETCHING = ("corpus.crawl", "corpus.commoncrawl", "corpus.parallel")
PART_BYTES = 4_000_000
"""Of the files: the documents of about as many go through all stages."""
PASSES = (1 / 16, 1 / 8, 1.0)
"""Of the part. The first pays for what is paid once: imports, compiled kernels."""
READ_BYTES = 1_000_000_000
"""Of all files of an input, about as many are read: whole ones, evenly chosen, one at least."""


@dataclass(frozen=True, slots=True)
class Part:
    """The files of an input that are read, and the share of their documents that is taken."""

    files: Artifact
    share: float
    growth: float
    """How many times as much there is in the input."""


@dataclass(slots=True)
class Made:
    """What a pass has made, in how many seconds, and why it has not made the rest."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """As on a machine without other work, where a node computes in one thread."""
    why: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Rehearsal:
    """A recipe's nodes, of a part of its text."""

    nodes: Sequence[Node]
    parts: Mapping[str, Part]
    """By the inputs' names."""
    built: Mapping[str, Artifact | None]
    """What the store of the run has."""
    folder: Path
    """The store of the rehearsal."""
    low: Made = field(default_factory=Made)
    high: Made = field(default_factory=Made)

    @property
    def share(self) -> float:
        """Of the documents, those that go through the stages."""
        return min((1 / part.growth for part in self.parts.values()), default=1.0)

    def go(self, task: Task) -> None:
        """Make all nodes that neither train nor wait for what is planned or trained.

        Raises:
            BedstoneError: a given file cannot be read.
        """
        for share in PASSES if self.share < 1 else PASSES[-1:]:
            self.low, self.high = self.high, Made()
            for node in self.nodes:
                self.make(node, share)
                task.advance(note=node.name)

    def make(self, node: Node, share: float = 1.0) -> None:
        """Make a node from what was made, or find out why not.

        Raises:
            BedstoneError: it reads a given file, and cannot.
        """
        if why := self._obstacle(node):
            self.high.why[node.name] = why
            return
        self.high.why.pop(node.name, None)
        if node.stage.name in FETCHING and (found := self.built[node.name]):
            self.high.artifacts[node.name] = found
            self.high.seconds[node.name] = 0.0
            return
        config, inputs = node.config, self.inputs(node)
        is_reader = node.stage.name == READER
        if is_reader and (part := self.parts.get(node.inputs[ROLE])):
            taken = dict(config)["share"] * part.share * share
            config = config.model_copy(update={"share": taken})
        if node.stage.name == HELD_OUT:
            floor = round(dict(config)[FLOOR] * share / self.growth(node.name))
            config = config.model_copy(update={FLOOR: floor})
        try:
            with naming(node), timed() as seconds:
                made = build(node.stage, config, inputs, self.folder, Local())
        except BedstoneError as error:
            if is_reader and share == 1:
                raise
            self.high.why[node.name] = f"of {self.share:.2%} of the text it fails: {error}"
            return
        before = self.low.artifacts.get(node.name)
        if before and before.path == made.path:  # it is made of no larger part of the text
            seconds = [self.low.seconds[node.name]]
        self.high.artifacts[node.name], self.high.seconds[node.name] = made, sum(seconds)

    def inputs(self, node: Node) -> dict[str, Artifact]:
        """What a node is made from, as far as it was made, by role."""
        found = {name: part.files for name, part in self.parts.items()} | self.high.artifacts
        return {role: found[each] for role, each in node.inputs.items() if each in found}

    def whole(self, name: str, figure: Callable[[Artifact], float]) -> float:
        """A figure of a node's artifact, of all of the text."""
        low = self.low.artifacts.get(name)
        lower = None if low is None else figure(low)
        return self._drawn_out(name, lower, figure(self.high.artifacts[name]))

    def seconds(self, name: str) -> float:
        """What a node takes, of all of the text."""
        return self._drawn_out(name, self.low.seconds.get(name), self.high.seconds[name])

    def _drawn_out(self, name: str, low: float | None, high: float) -> float:
        """Where the line through both is at all of the text; without one, through zero."""
        share = 0.0 if low is None else PASSES[-2]
        steps = (self.growth(name) - 1) / (1 - share)
        return max(high + (high - (low or 0.0)) * steps, 0.0)

    def growth(self, name: str) -> float:
        """How many times as much text a node is given in the run, or an input has."""
        if name in self.parts:
            return self.parts[name].growth
        node = next(node for node in self.nodes if node.name == name)
        mapped = [node.inputs[role] for role in node.stage.sharded if role in node.inputs]
        sources = mapped or list(node.inputs.values())
        growth = max((self.growth(source) for source in sources), default=1.0)
        if node.stage.name != LEARNER or name not in self.high.artifacts:
            return growth
        read_bytes = self.high.artifacts[name].manifest.metrics["train_bytes"]
        limit_bytes: int = dict(node.config)[LIMIT]
        return min(growth, max(limit_bytes / read_bytes, 1.0))

    def _obstacle(self, node: Node) -> str:
        """Why a node is not made; empty if it can be."""
        if trains(node):
            return "it trains"
        if node.stage.name == PLANNER:
            return "it plans for all of the text"
        if node.stage.name in FETCHING and not self.built[node.name]:
            return "what it fetches is not known before"
        absent = set(node.inputs) - set(self.inputs(node))
        return (
            f"depends on {', '.join(sorted(node.inputs[role] for role in absent))}"
            if absent
            else ""
        )


@contextmanager
def timed() -> Iterator[list[float]]:
    """A list that gets the seconds of the block when it has ended."""
    seconds: list[float] = []
    started = time.perf_counter(), time.process_time()
    yield seconds
    seconds.append(min(time.perf_counter() - started[0], time.process_time() - started[1]))


def trains(node: Node) -> bool:
    """Whether it makes a model."""
    return "optimizer" in type(node.config).model_fields


def parts(recipe: Recipe, given: Mapping[str, Sequence[Path]], folder: Path) -> dict[str, Part]:
    """What is read of each input, adopted in the store ``folder``.

    An artifact of documents has no part: what is made from it is not rehearsed.
    """
    readers = [node for node in recipe.nodes if node.stage.name == READER]
    shares = {node.inputs[ROLE]: dict(node.config)["share"] for node in readers}
    found = {}
    for name, paths in given.items():
        whole = adopt(paths, folder)
        if name not in shares:
            found[name] = Part(whole, 1.0, 1.0)
        elif whole.manifest.stage in OF_FILES:
            found[name] = _part(whole, shares[name], folder)
    return found


def _part(whole: Artifact, wanted_share: float, folder: Path) -> Part:
    files = [file for file in whole.manifest.files if find(READER).reads(file.path)]
    total_bytes = sum(file.bytes for file in files)
    step = max(1, min(round(total_bytes / READ_BYTES), len(files)))
    chosen = files[step // 2 :: step]
    read_bytes = sum(file.bytes for file in chosen)
    share = min(1.0, PART_BYTES / max(wanted_share * read_bytes, 1))
    if step > 1:
        whole = _some(whole, [file.path for file in chosen], folder)
    return Part(whole, share, total_bytes / max(read_bytes, 1) / share)


def _some(whole: Artifact, names: Sequence[str], folder: Path) -> Artifact:
    """Some files of an artifact, under their names."""
    links = folder / f"part-{whole.content[:12]}"
    for name in names:
        (links / name).parent.mkdir(parents=True, exist_ok=True)
        (links / name).symlink_to((whole.path / name).resolve())
    return adopt([links], folder)


def bytes_on_disk(made: Artifact) -> float:
    """Of an artifact's folder, and of its shards'."""
    folders = [made.path]
    if made.manifest.shards is not None:
        folders += [shard.path for shard in made.shards if isinstance(shard, Artifact)]
    return sum(
        path.lstat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()
    )
