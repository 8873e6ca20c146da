"""The report: one offline page about an artifact, all behind it, and what was measured on those.

It reads manifests and payloads and nothing else; no stage knows of it. A section is a function of
the family that gives None where the family has not what it is about.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from bedstone.reporting.charts import COLOURS, PALETTE
from bedstone.reporting.family import Family, family
from bedstone.reporting.section import Section
from bedstone.reporting.sections import behaviour, data, languages, model, rules, scaling, tokens
from bedstone.reporting.sections.rules import decisions
from bedstone.reporting.sections.strategies import strategies
from bedstone.reporting.wording import count, duration, short
from bedstone.store.artifact import Artifact, Manifest
from bedstone.store.lineage import ancestors, flat
from bedstone.store.provenance import current_code

SECTIONS: tuple[Callable[[Family], Section | None], ...] = (
    data.pages,
    rules.rules,
    languages.shares,
    tokens.premiums,
    tokens.fairness,
    tokens.mix,
    model.size,
    scaling.laws,
    scaling.fits,
    model.training,
    scaling.predictions,
    model.held_out,
    behaviour.fine_tuning,
    behaviour.alignment,
    strategies,
    model.time_spent,
    behaviour.levers,
)
"""In the order of the reader's questions."""
OPEN_DEPTH = 1
"""Of the tree of decisions, so many levels are open at first."""
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Node:
    """An artifact in the tree of decisions."""

    id: str
    role: str
    """What it is to the one that it stands below."""
    manifest: Manifest
    above: bool
    """It was told already, and is only pointed to."""
    open: bool
    config: Pairs
    metrics: Pairs
    made: Pairs
    parents: tuple["Node", ...]


def write_report(artifact: Artifact, out: Path) -> None:
    """Write the page about ``artifact`` as the file ``out``."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(family(artifact)), "utf-8")


def page(about: Family) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader("bedstone.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made = [section(about) for section in SECTIONS]
    text = environment.get_template("page.html").render(
        title=title(about),
        subject=about.subject,
        figures=key_figures(about),
        sections=[section for section in made if section],
        tree=tree(about),
        made_of=f"{len(about.members)} artifacts, each with its decisions"
        if len(about.members) > 1
        else "1 artifact, with its decisions",
        colours=COLOURS,
        palette=PALETTE,
        version=current_code().version,
    )
    return text.strip() + "\n"


def title(about: Family) -> str:
    """What was made, from how many pages."""
    documents, decided = about.find("corpus.extract"), decisions(about)
    number = decided[-1].manifest.metrics["kept_documents"] if decided else 0
    number = number or (documents.manifest.metrics["documents"] if documents else 0)
    from_pages = f" from {count(number)} web pages" if number else ""
    behind = {it.manifest.stage: it.manifest.metrics for it in ancestors(about.subject).values()}
    if "pretrain.train" in behind and "scaling.plan" in behind:
        parameters = short(behind["scaling.plan"]["parameters_total"])
        return f"A language model of {parameters} parameters{from_pages}"
    return f"{about.subject.manifest.stage}{from_pages}"


def key_figures(about: Family) -> Pairs:
    """The numbers that stand at the top."""
    kept = next(reversed(decisions(about)), None)
    named = (
        (about.find("scaling.plan"), "parameters_total", "parameters", short),
        (about.find("pretrain.train"), "train_tokens", "training tokens", short),
        (kept, "kept_documents", "documents kept", count),
        (about.find("tokenizer.mix"), "train_languages", "languages", count),
        (about.find("tokenizer.encode"), "bytes_per_token", "bytes a token", short),
    )
    figures = [
        (label, words(artifact.manifest.metrics[metric]))
        for artifact, metric, label, words in named
        if artifact and metric in artifact.manifest.metrics
    ]
    seconds = sum(member.manifest.seconds for member in about.members)
    return (*figures, ("to build it all", duration(seconds)))


def tree(about: Family) -> tuple[Node, ...]:
    """The decisions behind the subject; then those of what was measured, each told once."""
    told: set[str] = set()
    roots = [about.subject, *about.members]
    return tuple(
        _node(about, root, "", 0, told) for root in roots if root.manifest.request not in told
    )


def _node(about: Family, artifact: Artifact, role: str, depth: int, told: set[str]) -> Node:
    manifest = artifact.manifest
    above = manifest.request in told
    told.add(manifest.request)
    roles = () if above else (*manifest.parents, *manifest.decided_by)
    parents = [(name, about.parent(artifact, name)) for name in roles]
    return Node(
        id=manifest.request[:12],
        role=role,
        manifest=manifest,
        above=above,
        open=depth < OPEN_DEPTH and artifact is about.subject,
        config=tuple((name, json.dumps(value)) for name, value in flat(manifest.config)),
        metrics=_metrics(manifest.metrics),
        made=_made(manifest),
        parents=tuple(
            _node(about, parent, name, depth + 1, told) for name, parent in parents if parent
        ),
    )


def _metrics(metrics: dict[str, float]) -> Pairs:
    """Each with its interval and number, where it has them."""
    ends = ("_low", "_high", "_n")
    uncertain = [name for name in metrics if all(name + end in metrics for end in ends)]
    parts = {name + end for name in uncertain for end in ends}
    told = {name: f"{value:,.6g}" for name, value in metrics.items() if name not in parts}
    for name in uncertain:
        low, high, n = (metrics[name + end] for end in ends)
        told[name] += f" ({low:,.4g} to {high:,.4g}, n = {n:,.0f})"
    return tuple(told.items())


def _made(manifest: Manifest) -> Pairs:
    code = manifest.code
    libraries = ", ".join(f"{name} {version}" for name, version in manifest.libraries.items())
    machine = manifest.machine
    return (
        ("version of the stage", str(manifest.stage_version)),
        *((("libraries", libraries),) if libraries else ()),
        ("request", manifest.request),
        ("content", manifest.content),
        ("same again gives the same", manifest.reproducible),
        ("bedstone", f"{code.version}, commit {code.commit or 'unknown'}"),
        ("machine", f"{machine.processor}, {machine.cores} cores, {machine.system}"),
        ("time", f"{duration(manifest.seconds)}, {manifest.workers} workers"),
    )
