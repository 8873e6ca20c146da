"""`bedstone audit`: who is in a corpus, whatever it is given as, or in published shares.

Files are taken into the store as any recipe would take them, so that an audit that was stopped goes
on, and a second one with other speakers identifies no language again.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bedstone import config as configs
from bedstone.adoption import STAGE_NAME as ADOPTED
from bedstone.adoption import adopt
from bedstone.artifact import Artifact, is_complete
from bedstone.corpus.purity import confusion_of
from bedstone.corpus.records import ENDINGS as RECORDS
from bedstone.corpus.representation import Count
from bedstone.corpus.representation import shares as shares_of
from bedstone.engine import Engine
from bedstone.errors import ArtifactError, ConfigError, DataError
from bedstone.languages import SPEAKERS_SOURCE, UNKNOWN, Source, by_code, is_divided, join
from bedstone.languages import Identifier as Name
from bedstone.lineage import ancestors
from bedstone.pricing import adopt_tokenizer
from bedstone.progress import Progress
from bedstone.stage import build, find

WARC = (".warc", ".warc.gz")
OF_FILES = (ADOPTED, "corpus.crawl")
"""Stages whose artifacts hold files as anybody might bring them."""
WITH_TEXTS = ("corpus.extract", "corpus.records", "corpus.rewrite", "corpus.lines")
"""Stages that write documents."""
DECIDING = ("corpus.filter", "corpus.dedup")
"""Stages that write which documents are kept."""
SHARES = ("crawl", "primary_language", "pages")
"""The columns of published shares; with ``pct_pages``, they are checked."""
PUBLISHED_UNKNOWN = "<unknown>"
ROUNDING_PERCENT = 1.0
"""By how much published percentages may miss 100 in all."""


@dataclass(frozen=True, slots=True)
class Making:
    """Where and how artifacts are made."""

    store: Path
    engine: Engine
    progress: Progress

    def build(self, stage: str, config: Mapping[str, Any], **inputs: Artifact | None) -> Artifact:
        """The artifact of ``stage``; an input that is None is left out."""
        made_by = find(stage)
        given = {role: artifact for role, artifact in inputs.items() if artifact is not None}
        settings = configs.checked(made_by.config, dict(config))
        return build(made_by, settings, given, self.store, self.engine, self.progress)

    def adopted(self, path: Path | None) -> Artifact | None:
        """The artifact of a file, or nothing of none."""
        return None if path is None else adopt([path], self.store)


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


def audit_shares(paths: Sequence[Path], speakers: Source) -> dict[str, Any]:
    """The same of published shares: of the last crawl, with each language's share of every one.

    Raises:
        DataError: a file is no table of shares, or lacks rows.
    """
    crawls = _crawls(paths)
    *_, last = crawls
    counts = {key: Count(pages) for key, pages in crawls[last].items()}
    rows = [asdict(row) for row in shares_of(counts, speakers, confusion_of("pycld2"))]
    totals = {crawl: sum(pages.values()) for crawl, pages in crawls.items()}
    if len(crawls) > 1:
        for row in rows:
            key = join(row["language"], row["script"])
            row["share_by_crawl"] = {
                crawl: pages.get(key, 0) / totals[crawl] for crawl, pages in crawls.items()
            }
    return {
        "crawl": last,
        "crawls": list(crawls),
        "documents": totals[last],
        "bytes": None,
        "tokens": None,
        "languages": rows,
        "removed": [],
        "unknown_share": crawls[last].get(UNKNOWN, 0) / totals[last],
        "mixed_share": 0.0,
        "speakers_source": SPEAKERS_SOURCE[speakers],
        "identifier": "pycld2",
    }


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
    from bedstone.reporting import charts, language_sections

    path.write_text(charts.standalone(language_sections.share_chart(audit)) + "\n", "utf-8")


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


def _crawls(paths: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Crawl -> language key -> pages, in the order of the files."""
    crawls: dict[str, dict[str, int]] = {}
    percent: dict[str, float] = {}
    for path in paths:
        for row in _rows(path):
            pages = crawls.setdefault(row["crawl"], {})
            key = _published_key(row["primary_language"])
            pages[key] = pages.get(key, 0) + int(row["pages"])
            if row.get("pct_pages"):
                added = float(row["pct_pages"])
                percent[row["crawl"]] = percent.get(row["crawl"], 0.0) + added
    for crawl, total in percent.items():
        if abs(total - 100) > ROUNDING_PERCENT:
            raise DataError(
                f"the shares of {crawl} add up to {total:.1f} %: rows are missing or twice there",
                hint="give every language's row once, that of <unknown> too",
            )
    return crawls


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in SHARES if name not in (reader.fieldnames or ())]:
                raise DataError(
                    f"{path} has no column {', '.join(missing)}",
                    hint=f"published shares have the columns {', '.join(SHARES)}, pct_pages",
                )
            for row in reader:
                if not str(row["pages"]).isdecimal():
                    raise DataError(
                        f"{path}:{reader.line_num}: {row['pages']!r} is no number of pages"
                    )
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if reader.line_num < 2:
        raise DataError(f"{path} has no row")


def _published_key(code: str) -> str:
    """The key of a published code: with a script where the language has but one reader's script."""
    if code == PUBLISHED_UNKNOWN:
        return UNKNOWN
    primary, _, script = code.partition("_")
    language = by_code(primary)
    if language is None or script:
        return join(language.code if language else primary, script)
    is_open = is_divided(language.code) and len(language.scripts) > 1
    return join(language.code, "" if is_open else language.scripts[0])
