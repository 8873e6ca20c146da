"""The report's section about the documents: what was read, and what is left of it."""

from typing import cast

import pyarrow.parquet as pq

from bedstone.corpus.content.judge import REASONS
from bedstone.corpus.rules.sets import YARDSTICK
from bedstone.errors import number_of, printable
from bedstone.reporting import charts
from bedstone.reporting.charts import Bar
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table
from bedstone.reporting.sections.rules import decisions, excerpt, shards_of
from bedstone.reporting.wording import NOT_KNOWN, count, percent, short
from bedstone.store.artifact import Artifact
from bedstone.store.lineage import ancestors
from bedstone.store.rejected import WITHOUT, reasons


def documents(family: Family) -> Section | None:
    """What was read, what each rule dropped, what is left."""
    extracted = family.find("corpus.extract")
    if extracted is None:
        return None
    steps = _steps(family, extracted)
    tokens = family.find("tokenizer.encode")
    verb = "were kept" if decisions(family) else "have text"
    in_tokens = f": {short(tokens.manifest.metrics['encoded_tokens'])} tokens" if tokens else ""
    return Section(
        name="documents",
        question="From what?",
        answer=f"{count(steps[-1][1])} of {count(steps[0][1])} documents {verb}{in_tokens}",
        text=_not_read(extracted),
        figures=(_funnel(steps),),
        tables=(*_left_out(extracted), *_sources(extracted)),
        method="Every document counts once.",
        measured_by=(extracted, *decisions(family), tokens),
    )


def documents_read(extracted: Artifact) -> float:
    """The pages and records that were read, those without text among them."""
    return extracted.manifest.metrics["documents"] + sum(reasons(extracted).values())


def _steps(family: Family, extracted: Artifact) -> list[tuple[str, int]]:
    with_text = extracted.manifest.metrics["documents"]
    steps = [("read", documents_read(extracted)), ("with text", with_text)]
    chain = decisions(family)
    held_out = [it for it in map(_held_out, chain) if it][:1]  # each that is given them drops them
    for decision in chain:
        if held_out and _held_out(decision):
            steps.append(("not the yardstick", steps[-1][1] - held_out.pop()))
        steps.append((_step(decision), decision.manifest.metrics["kept_documents"]))
    return [(label, int(number)) for label, number in steps]


def _held_out(decision: Artifact) -> float:
    """Documents of the yardstick, which a filter counts among its rules."""
    metrics = decision.manifest.metrics
    names = (f"failed.{YARDSTICK}_documents", f"{YARDSTICK}_documents")
    return max(metrics.get(name, 0) for name in names)


def _step(decision: Artifact) -> str:
    if decision.manifest.stage == "corpus.dedup":
        return "no duplicate"
    sets = decision.manifest.config["rules"]
    return f"pass {sets[0]}" if len(sets) == 1 else f"pass {len(sets)} sets of rules"


def _funnel(steps: list[tuple[str, int]]) -> Figure:
    first = steps[0][1] or 1
    rows = [Bar(label, it, f"{count(it)} · {percent(it / first)}") for label, it in steps]
    told = ", ".join(f"{count(number)} {label}" for label, number in steps)
    before = [first, *(number for _, number in steps)]
    cells = [
        (label, count(number), percent(number / first), count(more - number))
        for (label, number), more in zip(steps, before, strict=False)
    ]
    head = ("step", "documents", "of all", "dropped here")
    table = Table("Documents left after each step", head, tuple(cells))
    return Figure("What is left after each step, in documents", charts.bars(rows, told), table)


def _not_read(extracted: Artifact) -> tuple[str, ...]:
    without = [f"{count(number)} {reason}" for reason, number in reasons(extracted).items()]
    skipped = extracted.manifest.metrics.get("skipped_pages")
    empty = extracted.manifest.metrics.get(WITHOUT)
    return (
        *([f"{number_of(empty, 'file')} gave no document."] if empty else []),
        *([f"Documents without text, by reason: {', '.join(without)}."] if without else []),
        *([f"{count(skipped)} more documents of the crawl were left unread."] if skipped else []),
    )


def _left_out(extracted: Artifact) -> tuple[Table, ...]:
    """What is left out of pages, the most first, each with an example."""
    metrics = extracted.manifest.metrics
    sizes = {reason: metrics.get(f"left_out.{reason}_bytes", 0) for reason in REASONS}
    whole = metrics["text_bytes"] + sum(sizes.values())
    examples: dict[str, Row] = {}
    for shard in shards_of(extracted):
        about = cast(Artifact, shard).about("left_out.parquet")  # it maps files
        for row in pq.read_table(about).to_pylist():
            examples.setdefault(row["reason"], row)
    if not examples:
        return ()
    cells = tuple(
        (
            reason,
            f"{excerpt(it['example'])} ({printable(it['url'])})",
            percent(sizes[reason] / whole),
        )
        for reason, it in sorted(examples.items(), key=lambda item: -sizes[item[0]])
    )
    kept = percent(metrics["text_bytes"] / whole)
    title = f"Left out of the pages as no content of theirs: {kept} of their text is kept"
    return (Table(title, ("reason", "an example, and where", "of the text"), cells, 2),)


def _sources(extracted: Artifact) -> tuple[Table, ...]:
    behind = ancestors(extracted).values()
    sources = [source for it in behind for source in it.manifest.sources]
    cells = [(it.name, it.version or NOT_KNOWN, it.sha256[:16], it.location) for it in sources]
    head = ("source", "version", "sha256 begins", "fetched from")
    return (Table("Where the documents come from", head, tuple(cells), 4),) if cells else ()
