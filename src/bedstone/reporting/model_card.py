"""The card of a model: what its artifacts say of it, in Markdown, and what they do not say.

Each number is measured, and stands beside what it was measured on; the sections are the report's,
as words and tables. Hugging Face reads the head.

Source: the keys of the head: huggingface.co/docs/hub/model-cards.
"""

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from bedstone.counting.count import parameters
from bedstone.counting.shape import ModelConfig
from bedstone.errors import printable
from bedstone.generation.chain import parse
from bedstone.generation.presets import ENGINES
from bedstone.generation.values import ALONE
from bedstone.languages import MIXED, UNKNOWN, split
from bedstone.reporting.family import Family
from bedstone.reporting.report import Node, title, tree
from bedstone.reporting.section import Section, Table
from bedstone.reporting.sections import behaviour, data, rules, scaling
from bedstone.reporting.sections import languages as language_sections
from bedstone.reporting.sections import model as model_sections
from bedstone.reporting.sections import tokens as token_sections
from bedstone.reporting.sections.strategies import strategies
from bedstone.reporting.wording import count
from bedstone.store.artifact import Artifact, Source
from bedstone.store.payload import read_json

SECTIONS: tuple[Callable[[Family], Section | None], ...] = (
    model_sections.held_out,
    scaling.predictions,
    model_sections.training,
    behaviour.fine_tuning,
    behaviour.alignment,
    strategies,
    data.documents,
    rules.rules,
    language_sections.shares,
    token_sections.premiums,
    token_sections.mix,
    model_sections.size,
)
"""In the order of the questions of somebody who is given the model."""
QUOTING = ("documents", "rules")
"""Sections whose tables quote documents and name a machine's files: not for everybody."""
LOSSES = {
    "pretrain.train": "nats a token",
    "posttrain.sft": "nats a token of the completions",
    "posttrain.prefer": "nats a pair, of DPO",
}
"""Stage that trains -> what its loss is of."""
MARKS = re.compile(r"[\\`*\[\]|~$#<>&]")
"""That Markdown or HTML would obey."""


def card(about: Family, shape: ModelConfig) -> str:
    """The card of the model that ``about`` is about, which has this shape."""
    parts = [
        _head(about),
        f"# {_plain(title(about))}",
        _table(Table("", ("measured", ""), tuple(_facts(about, shape)))),
        *(_told(section) for make in SECTIONS if (section := make(about))),
        "## What is not known",
        "\n".join(f"- {_plain(line)}." for line in _not_known(about)),
        "## Where the text came from",
        _sources(about),
        "## How was it made?",
        "Each artifact with its decisions, and below it what it was made of.",
        "<pre>\n" + html.escape("\n".join(_tree(tree(about)))) + "\n</pre>",
    ]
    return "\n\n".join(parts) + "\n"


def languages(about: Family) -> list[str]:
    """The languages that the model has read, by ISO 639-3."""
    read = token_sections.reading(about)
    keys = {split(key)[0] for key, tokens in read.tokens.items() if tokens} if read else set()
    return sorted(keys - {UNKNOWN, MIXED})


def sampling(about: Family) -> dict[str, Any]:
    """How transformers is told to draw: as one answer by a chain was measured best, else nothing.

    Of strategies that draw several answers and of an order that it has not, it cannot be told.
    """
    measured = _measured(about, "sampling.compare")
    told = read_json(measured, "strategies.json") if measured else {"strategies": []}
    for row in told["strategies"]:
        if row["strategy"] == told["recommendation"]["strategy"] and row["samples"] == 1:
            known = {it.sampler: it.name for it in ENGINES["hf"].parameters if it.sampler in ALONE}
            steps = parse(row["chain"]).steps
            keys = {"top_k": 0}  # unasked it takes the best 50
            keys |= {known[name]: value for name, value in steps if name in known}
            asked = ",".join(f"{key}={value}" for key, value in keys.items())
            if parse(f"hf:{asked}").steps == steps:
                return {"do_sample": True} | keys | {"top_k": int(keys["top_k"])}
    return {}


def _head(about: Family) -> str:
    subject = about.subject
    base = about.parent(subject, "model")
    values = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["bedstone"],
        "language": languages(about),
        "base_model": base.path.resolve().name if base else None,
    }
    told = [f"{key}: {json.dumps(value)}" for key, value in values.items() if value]
    return "\n".join(["---", *told, "---"])


def _facts(about: Family, shape: ModelConfig) -> Iterator[tuple[str, str]]:
    subject, counted = about.subject.manifest, parameters(shape.architecture)
    yield (
        "parameters",
        f"{count(counted.total)}, {count(counted.non_embedding)} without the embedding",
    )
    yield "longest text in training", f"{count(shape.seq_len)} tokens"
    for stage, unit in LOSSES.items():
        if (made := about.find(stage)) is not None:
            it = made.manifest.metrics
            yield f"tokens of {stage}", count(it["train_tokens"])
            yield f"loss of {stage}", f"{it['loss_nats']:.3f} {unit}, the mean of its last batches"
            seeds = {k: v for k, v in made.manifest.config.items() if k.endswith("seed")}
            yield f"seeds of {stage}", ", ".join(f"{k} {v}" for k, v in seeds.items())
    if (bits := _measured(about, "evaluation.bits")) is not None:
        it, name = bits.manifest.metrics, "held_out_bits_per_byte"
        ends = (it.get(f"{name}_{end}") for end in ("low", "high"))
        low, high = (f"{end:.3f}" if end is not None else "not known" for end in ends)
        yield (
            "bits a byte of held-out text",
            f"{it[name]:.3f} (95 %: {low} to {high}), over {count(it['held_out_documents'])} "
            f"documents that it was not trained on, languages: {count(it['languages'])}",
        )
    yield "made by", f"bedstone {subject.code.version}, commit {subject.code.commit or 'unknown'}"
    yield "artifact", f"{subject.stage}, request {subject.request}, content {subject.content}"


def _measured(about: Family, stage: str) -> Artifact | None:
    """What a stage measured on the subject itself."""
    own = about.subject.as_parent()
    return next((it for it in about.all(stage) if it.manifest.parents.get("model") == own), None)


def _not_known(about: Family) -> Iterator[str]:
    missing = {
        "evaluation.bits": "How well it predicts text that it was not trained on: not measured",
        "sampling.compare": "How it is best sampled: not measured",
    }
    yield from (line for stage, line in missing.items() if _measured(about, stage) is None)
    if about.find("scaling.predict") is None:
        yield "What a law would have predicted of the run: none was asked before it"
    if about.find("corpus.audit") is None:
        yield "Which languages the documents are in: no audit is in the store"
    parents = [
        (member, role)
        for member in about.members
        for role in (*member.manifest.parents, *member.manifest.decided_by)
    ]
    if lost := sum(about.parent(*each) is None for each in parents):
        yield f"What {count(lost)} of the parents were: the store no longer has them"
    yield "What another seed would change: this is one run of each stage"
    yield "The licences of the texts: they are not recorded"
    yield (
        "Whether what it writes is true, fair or harmless, and what it knows of any task that is "
        "not named above: not measured"
    )


def _sources(about: Family) -> str:
    found = {it for member in about.members for it in member.manifest.sources}
    rows = sorted((it.name, it.version or "–", _origin(it), it.sha256[:12]) for it in found)
    head = ("name", "version", "from", "sha256")
    return _table(Table("", head, tuple(rows))) if rows else "Not recorded."


def _origin(source: Source) -> str:
    """Where it came from, without the folders of a machine."""
    return "a file" if source.location.startswith("/") else source.location


def _told(section: Section) -> str:
    others = () if section.name in QUOTING else section.tables
    tables = [*(figure.table for figure in section.figures), *others]
    told = [f"{section.answer}.", *section.text]
    return "\n\n".join(
        [
            f"## {_plain(section.question)}",
            *map(_plain, told),
            *(
                f"<details><summary>{_plain(it.caption)}</summary>\n\n{_table(it)}\n\n</details>"
                for it in tables
            ),
            *([_plain(section.method)] if section.method else []),
        ]
    )


def _table(table: Table) -> str:
    rows = [table.head, tuple("---" for _ in table.head)]
    lines = [*rows, *table.rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text if text == "---" else _plain(text)


def _plain(text: str) -> str:
    """A text from anywhere that Markdown and HTML show as it reads."""
    return MARKS.sub(lambda found: f"&#{ord(found[0])};", printable(text))


def _tree(nodes: tuple[Node, ...], depth: int = 0) -> Iterator[str]:
    for node in nodes:
        name = f"{node.role}: {node.manifest.stage}" if node.role else node.manifest.stage
        config = ", ".join(f"{key} = {value}" for key, value in node.config)
        told = "above" if node.above else config
        yield printable("  " * depth + f"{name}, {node.id}" + (f" ({told})" if told else ""))
        yield from _tree(node.parents, depth + 1)
