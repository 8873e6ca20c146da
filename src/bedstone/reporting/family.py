"""Whom a report is about: an artifact, all behind it, and what was measured on those."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bedstone.store.artifact import Artifact, Parent, folders
from bedstone.store.lineage import ancestors

MEASURING = (
    "corpus.audit",
    "corpus.contamination",
    "corpus.draw",
    "corpus.permissions",
    "corpus.personal",
    "corpus.prevalence",
    "corpus.votes",
    "corpus.words",
    "corpus.yardstick",
    "evaluation.",
    "sampling.",
    "scaling.predict",
    "tokenizer.cost",
)
"""How the names of the stages begin that measure what others made, and make nothing of it."""
GIVEN = (
    ("corpus.contamination", "controls"),
    ("corpus.contamination", "items"),
    ("corpus.permissions", "robots"),
    ("corpus.prevalence", "labels"),
    ("corpus.votes", "votes"),
    ("corpus.words", "lists"),
    ("evaluation.scores", "items"),
    ("evaluation.standing", "answers"),
    ("evaluation.standing", "items"),
    ("evaluation.standing", "letters"),
    ("scaling.predict", "fit"),
    ("scaling.predict", "ladder"),
)
"""Stages and roles of what need not be in the family: what it is measured by, or who says it."""
PARTS = ("sampling.answers", "sampling.latency", "sampling.rewards")
"""Stages of which hundreds of artifacts are parts of one comparison, which is what is told."""


@dataclass(frozen=True, slots=True)
class Family:
    """The subject of a report and its relations in the same store."""

    subject: Artifact
    members: tuple[Artifact, ...]
    """The subject, those behind it from the nearest on, then what was measured on these alone."""

    def all(self, stage: str) -> Iterator[Artifact]:
        """The members that ``stage`` made."""
        return (member for member in self.members if member.manifest.stage == stage)

    def find(self, stage: str) -> Artifact | None:
        """The first of ``all``; None without one."""
        return next(self.all(stage), None)

    def parent(self, artifact: Artifact, role: str) -> Artifact | None:
        """A parent, whether made from or decided by; None if the store has it no longer."""
        named = (artifact.manifest.parents | artifact.manifest.decided_by).get(role)
        return next((it for it in self.members if it.as_parent() == named), None)


def family(subject: Artifact) -> Family:
    """The family of ``subject``.

    To those behind it come, until there are no more, the measurements of its store whose parents
    all belong, unless a member was made by the same stage of the same parents: another threshold
    is another model's. Of several such the newest comes. What was made of the subject later, a
    model of a mix, is a story of its own.
    """
    members = list(ancestors(subject).values())
    store = subject.path.resolve().parent
    others = [Artifact(it) for of in MEASURING for it in folders(store, f"{of}*")]
    others = sorted(others, key=lambda it: it.manifest.created, reverse=True)
    taken = {_made_of(member) for member in members}
    while joining := next((it for it in others if _joins(it, members, taken)), None):
        members.append(joining)
        taken.add(_made_of(joining))
    return Family(subject, tuple(members))


def _joins(artifact: Artifact, members: list[Artifact], taken: set[Any]) -> bool:
    known = {(it.manifest.request, it.content) for it in members}
    parents = {(it.request, it.content) for it in _parents(artifact).values()}
    is_part = artifact.manifest.stage in PARTS
    return bool(parents) and parents <= known and not is_part and _made_of(artifact) not in taken


def _made_of(artifact: Artifact) -> tuple[str, frozenset[tuple[str, str]]]:
    parents = _parents(artifact).items()
    return artifact.manifest.stage, frozenset((role, it.content) for role, it in parents)


def _parents(artifact: Artifact) -> dict[str, Parent]:
    """Without ``GIVEN``."""
    made_by = artifact.manifest
    return {role: it for role, it in made_by.parents.items() if (made_by.stage, role) not in GIVEN}
