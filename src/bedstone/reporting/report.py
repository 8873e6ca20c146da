"""The report: one offline page about an artifact, all behind it, and what was measured on those.

It reads manifests and payloads and nothing else; no stage knows of it. A section is a function of
the family that gives None where the family has not what it is about.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bedstone.errors import printable
from bedstone.reporting.family import Family, family
from bedstone.reporting.section import Section
from bedstone.reporting.sections import (
    ablation,
    behaviour,
    classifiers,
    data,
    ladder,
    rules,
    scaling,
)
from bedstone.reporting.sections import languages as language_sections
from bedstone.reporting.sections import model as model_sections
from bedstone.reporting.sections import tokens as token_sections
from bedstone.reporting.sections.evaluation import tests
from bedstone.reporting.sections.limits import limits
from bedstone.reporting.sections.prevalence import prevalence
from bedstone.reporting.sections.privacy import privacy
from bedstone.reporting.sections.rules import decisions
from bedstone.reporting.sections.strategies import strategies
from bedstone.reporting.svg import PALETTE
from bedstone.reporting.wording import count, duration, short
from bedstone.store.artifact import Artifact, Manifest
from bedstone.store.lineage import flat
from bedstone.store.provenance import current_code
from bedstone.store.work import named

SECTIONS: tuple[Callable[[Family], Section | None], ...] = (
    data.documents,
    rules.rules,
    privacy,
    classifiers.classifiers,
    prevalence,
    limits,
    language_sections.shares,
    token_sections.premiums,
    token_sections.fairness,
    token_sections.mix,
    model_sections.size,
    scaling.laws,
    scaling.fits,
    model_sections.training,
    model_sections.experts,
    scaling.predictions,
    model_sections.held_out,
    tests,
    behaviour.fine_tuning,
    behaviour.alignment,
    strategies,
    model_sections.time_spent,
    behaviour.levers,
)
"""In the order of the reader's questions."""
OWN_SECTIONS = {ablation.STAGE: ablation.SECTIONS, ladder.STAGE: ladder.SECTIONS}
"""Of what is no model, by the stage that made it."""
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""That HTML has no use for: all but the tab and the line feed."""
OPEN_DEPTH = 1
"""Of the tree of decisions, so many levels are open at first."""
BEGINNINGS = {
    "pretrain.train": "A",
    "posttrain.sft": "A fine-tuned",
    "posttrain.prefer": "An aligned",
}
"""Stage of a model -> how its title begins."""
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
    with named(out):
        out.write_text(page(family(artifact)), "utf-8")


def page(about: Family) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader("bedstone.reporting", "."),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = OWN_SECTIONS.get(about.subject.manifest.stage, SECTIONS)
    made = [section(about) for section in sections]
    text = environment.get_template("page.html").render(
        title=title(about),
        subject=about.subject,
        figures=key_figures(about),
        sections=[section for section in made if section],
        tree=tree(about),
        made_of=f"{len(about.members)} artifacts, each with its decisions"
        if len(about.members) > 1
        else "1 artifact, with its decisions",
        palette=PALETTE,
        version=current_code().version,
    )
    return text.strip() + "\n"


def _shown(value: object) -> object:
    """Text as it may stand on a page; its blocks hold what turns the direction of writing."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return CONTROLS.sub(lambda found: printable(found[0]), value)


def title(about: Family) -> str:
    """What was made: a model and the text that it read, or an artifact and its documents."""
    stage, base = about.subject.manifest.stage, about.find("pretrain.train")
    if stage == ablation.STAGE:
        return ablation.headline(about)
    if stage == ladder.STAGE:
        return ladder.headline(about)
    number = _documents_behind(about)
    texts = f"{count(number)} documents" if number else ""
    if base is None:
        return f"{stage} of {texts}" if texts else stage
    made, metrics = BEGINNINGS.get(stage), base.manifest.metrics
    model = f"{made} language model" if made else f"{stage} of a language model"
    return (
        f"{model} of {short(metrics['parameters_total'])} parameters, trained on "
        f"{short(metrics['train_tokens'])} tokens{f' from {texts}' if texts else ''}"
    )


def _documents_behind(about: Family) -> float:
    """The documents that the subject is made of: those that the decisions before it left."""
    before = [it for it in decisions(about) if it is not about.subject]
    documents = about.find("corpus.extract")
    if before:
        return before[-1].manifest.metrics["kept_documents"]
    if documents is about.subject:
        return data.documents_read(documents)
    return documents.manifest.metrics["documents"] if documents else 0


def key_figures(about: Family) -> Pairs:
    """The numbers that stand at the top."""
    if about.subject.manifest.stage == ablation.STAGE:
        return ablation.key_figures(about)
    kept = next(reversed(decisions(about)), None)
    base, read = about.find("pretrain.train"), token_sections.reading(about)
    named = (
        (base or about.find("scaling.plan"), "parameters_total", "parameters", short),
        (base, "train_tokens", "training tokens", short),
        (kept, "kept_documents", "documents kept", count),
        (about.find("tokenizer.encode"), "bytes_per_token", "bytes a token", short),
    )
    figures = [
        (label, words(artifact.manifest.metrics[metric]))
        for artifact, metric, label, words in named
        if artifact and metric in artifact.manifest.metrics
    ]
    if read:
        languages = sum(tokens > 0 for tokens in read.tokens.values())
        figures.append(("languages read" if read.run else "languages to read", count(languages)))
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
