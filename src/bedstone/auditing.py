"""`bedstone audit`: who is in a corpus, whatever it is given as, or in published shares.

Files are taken into the store as any recipe would take them, so that an audit that was stopped goes
on, and a second one with other speakers identifies no language again.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bedstone.corpus.records import ENDINGS as RECORDS
from bedstone.corpus.representation.published import PUBLISHED_UNKNOWN, SHARES
from bedstone.errors import ArtifactError, ConfigError
from bedstone.languages import Identifier as Name
from bedstone.languages import Source, join
from bedstone.pricing import adopt_tokenizer
from bedstone.store.adoption import STAGE_NAME as ADOPTED
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.lineage import ancestors
from bedstone.store.making import Making

WARC = (".warc", ".warc.gz")
OF_FILES = (ADOPTED, "corpus.crawl")
"""Stages whose artifacts hold files as anybody might bring them."""
WITH_TEXTS = ("corpus.extract", "corpus.records", "corpus.rewrite", "corpus.lines")
"""Stages that write documents."""
DECIDING = ("corpus.filter", "corpus.dedup")
"""Stages that write which documents are kept."""


def audit_corpus(
    paths: Sequence[Path],
    making: Making,
    *,
    speakers: Source,
    identifier: Name,
    second: Name | None,
    model: Path | None,
    tokenizer: Path | None,
    confusion: Path | None,
) -> dict[str, Any]:
    """What corpus.audit says of an artifact, or of files.

    Raises:
        ConfigError: the files are of several kinds, or of none that is known.
        ArtifactError: the artifact has no documents behind it.
    """
    documents, language, kept = _inputs(paths, making)
    if language is None:
        settings = {"identifier": identifier, "second": second}
        language = making.build(
            "corpus.language", settings, documents=documents, model=making.adopted(model)
        )
    made = making.build(
        "corpus.audit",
        {"speakers": speakers},
        documents=documents,
        language=language,
        kept=kept,
        tokenizer=adopt_tokenizer(tokenizer, making.store) if tokenizer else None,
        confusion=making.adopted(confusion),
    )
    audit: dict[str, Any] = json.loads(made.file("audit.json").read_text("utf-8"))
    return {"artifact": str(made.path), **audit}


def write_csv(audit: Mapping[str, Any], path: Path) -> None:
    """The rows of an audit, after the columns that published shares have: ``--shares`` reads it."""
    crawl = audit.get("crawl") or path.stem
    unknown = round(audit["unknown_share"] * audit["documents"])
    mixed = round(audit["mixed_share"] * audit["documents"])
    rows = [
        {
            "crawl": crawl,
            "primary_language": join(row["language"], row["script"]),
            "pages": row["documents"],
            "pct_pages": f"{100 * row['share']:.6f}",
            **{name: value for name, value in row.items() if name != "share_by_crawl"},
        }
        for row in audit["languages"]
    ]
    for label, pages in ((PUBLISHED_UNKNOWN, unknown), ("mul", mixed)):
        if pages:
            share = f"{100 * pages / audit['documents']:.6f}"
            whole = {"primary_language": label, "pages": pages, "pct_pages": share}
            rows.append({"crawl": crawl, **whole})
    with path.open("w", encoding="utf-8", newline="") as file:
        names = list(rows[0]) if rows else [*SHARES, "pct_pages"]
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_chart(audit: Mapping[str, Any], path: Path) -> None:
    """The most spoken languages' shares of the documents and of the speakers, as SVG."""
    from bedstone.reporting import charts
    from bedstone.reporting.sections import languages

    path.write_text(charts.standalone(languages.share_chart(audit)) + "\n", "utf-8")


def _inputs(
    paths: Sequence[Path], making: Making
) -> tuple[Artifact, Artifact | None, Artifact | None]:
    """Documents, their languages where they are known, and which are kept where it is decided."""
    if not paths:
        raise ConfigError(
            "there is nothing to audit", hint="give an artifact, WARC, JSONL or Parquet files"
        )
    artifacts = [Artifact(path) for path in paths if is_complete(path)]
    if artifacts and len(paths) > 1:
        raise ConfigError(
            f"{artifacts[0].path} is an artifact, and {len(paths) - 1} more inputs are given",
            hint="audit one artifact, or files together",
        )
    if artifacts and artifacts[0].manifest.stage not in OF_FILES:
        return _of_artifact(artifacts[0])
    files = adopt(paths, making.store)
    names = [file.path for file in files.manifest.files]
    if all(name.endswith(WARC) for name in names):
        return making.build("corpus.extract", {}, crawl=files), None, None
    if all(name.endswith(RECORDS) for name in names):
        return making.build("corpus.records", {}, records=files), None, None
    odd = [name for name in names if not name.endswith((*WARC, *RECORDS))]
    raise ConfigError(
        f"{(odd or names)[0]}: files to audit are all WARC ({', '.join(WARC)}), "
        f"or all tables of texts ({', '.join(RECORDS)})",
        hint="published shares are given by --shares FILE.csv",
    )


def _of_artifact(artifact: Artifact) -> tuple[Artifact, Artifact | None, Artifact | None]:
    behind = ancestors(artifact)
    if artifact.manifest.stage == "corpus.audit":
        return behind["documents"], behind["language"], behind.get("kept")
    stages = {name: each.manifest.stage for name, each in behind.items()}
    texts = next((behind[name] for name, stage in stages.items() if stage in WITH_TEXTS), None)
    if texts is None or artifact.manifest.stage not in (*WITH_TEXTS, *DECIDING):
        raise ArtifactError(
            f"{artifact.path} was made by {artifact.manifest.stage}, which is no corpus",
            hint=f"audit what one of {', '.join((*WITH_TEXTS, *DECIDING))} made",
        )
    language = next(
        (behind[name] for name, stage in stages.items() if stage == "corpus.language"), None
    )
    return texts, language, artifact if artifact.manifest.stage in DECIDING else None
