"""Stage corpus.redact: take the identifiers of persons that were found out of the texts.

Reads   ``documents``; ``personal``, the spans that corpus.personal found in these texts; where
        given ``before``, earlier decisions: what they drop is not rewritten
Writes  ``documents.parquet``: the same rows and columns, with the texts rewritten, and ``headings``
        as numbers of their lines

A policy for each kind:

* ``keep``: it stays.
* ``tag``: ``[email]`` stands for it: plain text and no special token, so that whoever trains on it
  needs no vocabulary of ours, and what a model writes can be read.
* ``surrogate``: another of its shape, which is nobody's, as ``corpus.personal_data.surrogates``
  says; of kinds that only a word tells, the tag.
* ``drop``: it is cut, with a space beside it; a line that is left blank goes. Documents are
  dropped by corpus.filter, ``limits.personal.personal``.

If the new text is measured again, a tag is nothing. Nor is a surrogate, but for those of mail.

Rewriting makes texts alike: of two that differed in an address, tags make near-duplicates. Take
those out after it; measure statistics anew.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any, Literal

import numpy as np
from pydantic import model_validator

from bedstone.config import Config
from bedstone.corpus.personal_data.national_numbers import KEYED, KINDS, Kind
from bedstone.corpus.personal_data.surrogates import surrogate, tag
from bedstone.corpus.rewriting.versions import passing, total, write_version
from bedstone.errors import DataError
from bedstone.store import tables
from bedstone.store.stage import Job, Result, Stage
from bedstone.text.codes import Rewritten, Texts, string_of, texts_of

Policy = Literal["keep", "tag", "surrogate", "drop"]
PLACED: tuple[Policy, ...] = ("tag", "surrogate", "drop")
Row = dict[str, Any]
"""A span."""


class RedactConfig(Config):
    """What takes the place of each kind."""

    policy: Policy = "tag"
    """Of all kinds that have none of their own."""
    policies: dict[Kind, Policy] = {}
    """Of single kinds (``policies.phone = "surrogate"``)."""

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> "RedactConfig":
        for kind, policy in self.policies.items():
            if policy == self.policy:
                raise ValueError(f"policies.{kind}: {policy} is the policy of all, so no effect")
            if policy == "surrogate" and kind in KEYED:
                raise ValueError(f"policies.{kind}: only a word tells its numbers: tag or drop it")
        if {self.policies.get(kind, self.policy) for kind in KINDS} == {"keep"}:
            raise ValueError("all kinds are kept, so the texts stay as they are")
        return self


def run(config: RedactConfig, job: Job) -> Result:
    """Rewrite the documents of one shard.

    Raises:
        DataError: the spans are of other texts.
    """
    documents = job.inputs["documents"]
    ids = tables.read(documents, ["id"])
    names, passes = ids["id"].to_pylist(), passing(job, ids)
    personal = tables.beside(job.inputs["personal"], ids, ["characters", "spans"])
    characters = personal["characters"].to_numpy()

    def rewriting(texts: Texts, row: int) -> Rewritten:
        rows = slice(row, row + len(texts))
        if np.any(passes[rows] & (characters[rows] != np.diff(texts.starts))):
            raise DataError(
                "the spans are of other texts: corpus.personal read another version of them",
                hint="give it as documents what corpus.redact is given",
            )
        found = personal["spans"].slice(row, len(texts)).to_pylist()
        found = [it if passed else [] for it, passed in zip(found, passes[rows], strict=True)]
        return _redacted(texts, names[rows], found, config)

    file, metrics = write_version(job, "documents.parquet", documents, rewriting, passes)
    return Result(metrics, (file,))


def _redacted(
    texts: Texts, names: Sequence[str], found: Iterable[list[Row]], config: RedactConfig
) -> Rewritten:
    told = [
        *(f"redacted.{kind}_spans" for kind in KINDS),
        *(f"{policy}_spans" for policy in PLACED),
    ]
    counts = Counter(dict.fromkeys(told, 0))
    made, lines = [], []
    for row, (name, spans) in enumerate(zip(names, found, strict=True)):
        old = string_of(texts, row)
        new = _without(old, spans, name, config, counts) if spans else old
        before, after = old.split("\n"), new.split("\n")
        left = [
            number
            for number, (one, other) in enumerate(zip(before, after, strict=True))
            if other.strip() or not one.strip()
        ]
        made.append("\n".join(after[number] for number in left))
        lines.append(left)
    firsts = np.array([0, *accumulate(map(len, lines))], np.int64)
    return Rewritten(
        texts_of(made), firsts, np.array([*chain.from_iterable(lines)], np.int64), dict(counts)
    )


def _without(
    text: str, spans: Iterable[Row], name: str, config: RedactConfig, counts: Counter[str]
) -> str:
    """The text of the document with this name with what its policy puts in place of each span."""
    parts, behind = [], 0
    for span in spans:
        kind, start, end = span["kind"], span["start"], span["end"]
        policy = config.policies.get(kind, config.policy)
        if policy == "keep":
            continue
        value, new = text[start:end], ""
        if policy == "surrogate":
            new = surrogate(value, kind, span["country"], name)
        if policy == "tag" or new == tag(kind):
            policy, new = "tag", tag(kind)
        if policy == "drop":
            start, end = _with_a_space(text, max(start, behind), end)
        parts += [text[behind:start], new]
        behind = end
        counts[f"{policy}_spans"] += 1
        counts[f"redacted.{kind}_spans"] += 1
    return "".join([*parts, text[behind:]])


def _with_a_space(text: str, start: int, end: int) -> tuple[int, int]:
    """The place, and a space beside it where two would meet or one would end the line."""
    at_start = not start or text[start - 1].isspace()
    if at_start and text[end : end + 1] == " ":
        return start, end + 1
    if text[start - 1 : start] == " " and text[end : end + 1] in ("", "\n"):
        return start - 1, end
    return start, end


STAGE = Stage(
    "corpus.redact",
    version=1,
    config=RedactConfig,
    inputs=("documents", "personal"),
    optional=("before",),
    run=run,
    libraries=("numpy", "phonenumbers", "pyarrow"),
    sharded=("documents", "personal", "before"),
    total=total,
    instead="documents",
)
