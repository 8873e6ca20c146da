"""Stage evaluation.structure: whether a language is harder in itself, or by its amount of text.

Reads   ``bits.LANGUAGE-TOKENISER-AMOUNT-SEED``: bits of models of one language each, all of the
        same held-out content; tokenisers are ``bpe`` and ``bytes``, amounts ``content`` (the same
        pages), ``bytes``, ``scaled`` (bytes, as many more as the same content takes), ``tokens``
Writes  ``structure.json``: ``reference``, ``seeds``, ``pages``, ``level``; ``arms``: of each
        language, tokeniser and amount ``difference`` (of the bits for the same content, over those
        of the reference: .1 is a tenth more), ``low``, ``high``, ``by_seed``, ``p_adjusted``,
        ``verdict``, ``control``; ``languages`` [{``language``, ``control``, ``premium`` (bytes of
        the same content over the reference's), ``verdict``}]

A language is called harder or easier in itself where it is so at equal content, with tokens of its
own and with bytes, than the reference and than its control, which is as the reference but for the
bytes of its letters: each interval, over seeds and pages, leaves out 0, adjusted over the
languages. It is *explained by amount* where some amount of text makes a difference that the
interval at equal content leaves out, and *cannot tell* otherwise.

Shape letters: K seeds, H pages.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.rules.sets import LanguageKey
from bedstone.corpus.sources.alignment import page_of
from bedstone.errors import DataError
from bedstone.languages import ENGLISH
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Result, Stage
from bedstone.uncertainty.comparison import Effect, Paired, borrowed, effects, verdict
from bedstone.uncertainty.intervals import MIN_DOCUMENTS
from bedstone.uncertainty.paired import LEVEL, Floats

FILE = "structure.json"
AMOUNTS = {"bpe": ("content", "bytes", "scaled", "tokens"), "bytes": ("content", "bytes", "scaled")}
"""By tokeniser; a byte is a token of the second, so that equal bytes are equal tokens."""
CONTENT = "content"
WORDS = {"worse": "harder", "better": "easier", "same": "same", "cannot tell": "cannot tell"}
SURE = ("harder", "easier")
AMOUNT, UNKNOWN = "explained by amount", "cannot tell"
Arm = tuple[str, str]
"""Tokeniser and amount."""
Row = dict[str, Any]


class StructureConfig(Config):
    """With what languages are compared, and how surely."""

    reference: LanguageKey = ENGLISH
    """Where texts are translations, the language that they were translated from is another kind of
    text: with a translated one as the reference, translations are compared."""
    controls: dict[LanguageKey, LanguageKey] = {}
    """By language, what it must differ from besides, at equal content."""
    level: float = Field(LEVEL, gt=0, lt=1)
    """Of the tests of all languages in one arm together."""


def run(config: StructureConfig, job: Job) -> Result:
    """Compare each language with the reference, arm by arm, and conclude.

    Raises:
        DataError: bits are missing, or are not of the same pages; the pages are too few.
    """
    sizes, bits = read(job.many("bits"))
    reference, whole = config.reference, bits["bpe", CONTENT]
    if lacking := {reference, *config.controls.values()} - set(whole):
        raise DataError(f"there are no bits of {', '.join(sorted(lacking))}")
    names = [name for name in bits["bpe", "bytes"] if name != reference]
    controls = {name: config.controls.get(name, reference) for name in names}
    arms = list(_arms(config, bits, controls))
    languages = [
        {
            "language": name,
            "control": controls[name],
            "premium": sizes[name] / sizes[reference],
            "verdict": concluded([row for row in arms if row["language"] == name]),
        }
        for name in names
    ]
    seeds, pages = whole[reference].shape
    told = {"reference": reference, "seeds": seeds, "pages": pages, "level": config.level}
    write_json(job, FILE, {**told, "languages": languages, "arms": arms})
    counts = Counter(row["verdict"] for row in languages)
    verdicts = {
        f"{name.replace(' ', '_')}_languages": counts[name] for name in (*SURE, AMOUNT, UNKNOWN)
    }
    costs = {
        f"{tokeniser}_{amount}_bits_per_byte": found[reference].sum() / seeds / sizes[reference]
        for (tokeniser, amount), found in bits.items()
    }
    return Result({"pages": pages, "seeds": seeds, **verdicts, **costs})


def _arms(
    config: StructureConfig, bits: Mapping[Arm, Mapping[str, Floats]], controls: Mapping[str, str]
) -> Iterator[Row]:
    """Against the reference; at equal content also against the controls, and these themselves."""
    everywhere = dict.fromkeys(controls, config.reference)
    own = dict.fromkeys(set(controls.values()) - {config.reference}, config.reference)
    for (tokeniser, amount), found in bits.items():
        asked = [everywhere]
        if amount == CONTENT:
            beside = {name: it for name, it in controls.items() if it != config.reference}
            asked += [each for each in (beside, own) if each]
        for against in asked:
            for name, row in compared(found, against, config.level).items():
                yield {
                    "language": name,
                    "tokeniser": tokeniser,
                    "amount": amount,
                    "control": against[name],
                    **row,
                }


def read(shards: Mapping[str, Shard]) -> tuple[dict[str, int], dict[Arm, dict[str, Floats]]]:
    """Bytes of the content by language; and by arm and language the bits of pages, K x H.

    Raises:
        DataError: bits are missing, or are not of the same pages; the pages are too few.
    """
    sizes: dict[str, int] = {}
    seeds: dict[Arm, dict[str, list[Floats]]] = {
        (tokeniser, amount): {} for tokeniser, amounts in AMOUNTS.items() for amount in amounts
    }
    first: list[str] | None = None
    for name, shard in shards.items():
        language, *arm, _ = name.split("-")
        if tuple(arm) not in seeds:
            raise DataError(f"bits.{name}: write bits.LANGUAGE-TOKENISER-AMOUNT-SEED")
        path = shard.file("documents.parquet")
        with tables.reading(path):
            table = pq.read_table(path, columns=["id", "bytes", "bits"]).sort_by("id")
        first = first or table["id"].to_pylist()
        if table["id"].to_pylist() != first:
            raise DataError(f"bits.{name}: of other content than {next(iter(shards))}")
        sizes[language] = sum(table["bytes"].to_pylist())
        _, of = np.unique([page_of(each) for each in first], return_inverse=True)
        pages = np.bincount(of, table["bits"].to_numpy())
        seeds[arm[0], arm[1]].setdefault(language, []).append(pages.astype(np.float64))
    if len({len(own) for found in seeds.values() for own in found.values()}) != 1:
        raise DataError("bits: each language has the same seeds in each arm")
    bits = {
        arm: {name: np.stack(own) for name, own in found.items()} for arm, found in seeds.items()
    }
    if (
        pages := min(each.shape[1] for found in bits.values() for each in found.values())
    ) < MIN_DOCUMENTS:
        raise DataError(f"{pages} held-out pages tell no interval; {MIN_DOCUMENTS} do")
    return sizes, bits


def compared(
    bits: Mapping[str, Floats], against: Mapping[str, str], level: float
) -> dict[str, Row]:
    """Each language against the one that is named, as one family: bits K x H, of equal pages."""
    family = {
        name: Paired(bits[name] - bits[other], bits[other].mean(axis=0))
        for name, other in against.items()
    }
    found = effects(family, level, borrowed(family))
    return {name: _row(effect, level) for name, effect in found.items()}


def _row(effect: Effect, level: float) -> Row:
    return {
        "difference": effect.difference,
        "low": effect.low,
        "high": effect.high,
        "by_seed": list(effect.by_seed),
        "p_adjusted": effect.p_adjusted,
        "verdict": WORDS[verdict(effect, 0.0, level)],
    }


def concluded(arms: Sequence[Row]) -> str:
    """What all arms of one language say together."""
    at_content = [row for row in arms if row["amount"] == CONTENT]
    said = {row["verdict"] for row in at_content}
    if len(said) == 1 and said <= set(SURE):
        return str(said.pop())
    sure = [row for row in arms if row["amount"] != CONTENT and row["verdict"] in SURE]
    return AMOUNT if any(_is_other(row, at_content) for row in sure) else UNKNOWN


def _is_other(row: Row, at_content: Sequence[Row]) -> bool:
    """Whether equal content leaves out what an amount does, against reference or control."""
    same = [each for each in at_content if each["tokeniser"] == row["tokeniser"]]
    return any(not each["low"] <= row["difference"] <= each["high"] for each in same)


STAGE = Stage(
    "evaluation.structure",
    version=1,
    config=StructureConfig,
    inputs=(),
    run=run,
    libraries=("numpy", "pyarrow"),
    many=("bits",),
)
