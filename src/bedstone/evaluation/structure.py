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
own and with bytes, than the reference and than its control, English in letters of as many bytes
say: each difference is sure over seeds and pages after Holm, over the languages
of an arm; intervals, which hold together, are rather wider. It is *explained by amount* where an
amount of text is sure to make a difference that the intervals at equal content leave out, and
*cannot tell* otherwise.

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
from bedstone.corpus.sources.relettered import TABLES as CONTROLS
from bedstone.errors import DataError
from bedstone.languages import ENGLISH
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Result, Stage
from bedstone.uncertainty.comparison import Paired, borrowed, effects, verdict
from bedstone.uncertainty.intervals import MIN_DOCUMENTS
from bedstone.uncertainty.paired import LEVEL, Floats

FILE = "structure.json"
AMOUNTS = {"bpe": ("content", "bytes", "scaled", "tokens"), "bytes": ("content", "bytes", "scaled")}
"""By tokeniser; a byte is a token of the second, so that equal bytes are equal tokens."""
ARMS = tuple((tokeniser, amount) for tokeniser, them in AMOUNTS.items() for amount in them)
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
    reference, (seeds, pages) = config.reference, next(iter(bits["bpe", CONTENT].values())).shape
    names = sorted({name for found in bits.values() for name in found} - set(CONTROLS))
    controls = {it: config.controls.get(it, reference) for it in names if it != reference}
    _require(bits, {reference, *controls}, set(controls.values()))
    arms = list(_arms(config, bits, controls))
    languages = [
        {
            "language": name,
            "control": control,
            "premium": sizes[name] / sizes[reference],
            "verdict": concluded([row for row in arms if row["language"] == name]),
        }
        for name, control in controls.items()
    ]
    told = {"reference": reference, "seeds": seeds, "pages": pages, "level": config.level}
    write_json(job, FILE, {**told, "languages": languages, "arms": arms})
    counts = Counter(f"{row['verdict']}_languages".replace(" ", "_") for row in languages)
    costs = {
        f"{tokeniser}_{amount}_bits_per_byte": found[reference].sum() / seeds / sizes[reference]
        for (tokeniser, amount), found in bits.items()
    }
    return Result({"held_out_pages": pages, "seeds": seeds, **counts, **costs})


def read(shards: Mapping[str, Shard]) -> tuple[dict[str, int], dict[Arm, dict[str, Floats]]]:
    """Bytes of the content by language; and by arm and language the bits of pages, K x H.

    Raises:
        DataError: bits are of no arm, or not of the same pages; seeds or pages are too few.
    """
    sizes: dict[str, int] = {}
    seeds: dict[Arm, dict[str, list[Floats]]] = {arm: {} for arm in ARMS}
    ids: list[str] = []
    for name, shard in shards.items():  # LANGUAGE-TOKENISER-AMOUNT-SEED
        language, *words = name.split("-")
        arm = ("", "") if len(words) != 3 else (words[0], words[1])
        if arm not in seeds:
            raise DataError(f"bits.{name}: write bits.LANGUAGE-TOKENISER-AMOUNT-SEED")
        path = shard.file("documents.parquet")
        with tables.reading(path):
            table = pq.read_table(path, columns=["id", "bytes", "bits"]).sort_by("id")
        ids = ids or table["id"].to_pylist()
        if table["id"].to_pylist() != ids:
            raise DataError(f"bits.{name}: of other content than bits.{next(iter(shards))}")
        sizes[language] = sum(table["bytes"].to_pylist())
        _, of = np.unique([page_of(each) for each in ids], return_inverse=True)
        own = np.bincount(of, table["bits"].to_numpy()).astype(np.float64)
        seeds[arm].setdefault(language, []).append(own)
    if (pages := len(set(map(page_of, ids)))) < MIN_DOCUMENTS:
        raise DataError(f"{pages} held-out pages tell no interval: {MIN_DOCUMENTS} do")
    counts = {len(own) for found in seeds.values() for own in found.values()}
    if len(counts) > 1 or min(counts) < 2:
        raise DataError("bits: give two seeds or more, of each language and arm the same")
    return sizes, {arm: {it: np.stack(own[it]) for it in own} for arm, own in seeds.items()}


def _require(
    bits: Mapping[Arm, Mapping[str, Floats]], languages: set[str], controls: set[str]
) -> None:
    for (tokeniser, amount), found in bits.items():
        wanted = languages | controls if amount == CONTENT else languages
        if lacking := sorted(wanted - set(found)):
            raise DataError(f"there are no bits.{lacking[0]}-{tokeniser}-{amount}-SEED")


def _arms(
    config: StructureConfig, bits: Mapping[Arm, Mapping[str, Floats]], controls: Mapping[str, str]
) -> Iterator[Row]:
    """Against the reference; at equal content also against the controls, and these themselves."""
    reference = config.reference
    beside = {name: it for name, it in controls.items() if it != reference}
    families = [dict.fromkeys(each, reference) for each in (controls, set(beside.values()))]
    for (tokeniser, amount), found in bits.items():
        for against in (*families, beside) if amount == CONTENT else families[:1]:
            for name, row in compared(found, against, config.level).items():
                about = {"language": name, "tokeniser": tokeniser, "amount": amount}
                yield {**about, "control": against[name], **row}


def compared(
    bits: Mapping[str, Floats], against: Mapping[str, str], level: float
) -> dict[str, Row]:
    """Each language against the one that is named, as one family: bits K x H, of equal pages.

    Raises:
        DataError: the seeds of a language are one run.
    """
    family = {
        name: Paired(bits[name] - bits[other], bits[other].mean(axis=0))
        for name, other in against.items()
    }
    found = effects(family, level, borrowed(family))
    if same := [name for name, effect in found.items() if effect.low is None]:
        raise DataError(f"bits of {same[0]}: all seeds found the same, so they are one run")
    columns = ("difference", "low", "high", "by_seed", "p_adjusted")
    return {
        name: {
            **{column: getattr(effect, column) for column in columns},
            "verdict": WORDS[verdict(effect, 0.0, level)],
        }
        for name, effect in found.items()
    }


def concluded(arms: Sequence[Row]) -> str:
    """What all arms of one language say together."""
    at_content = [row for row in arms if row["amount"] == CONTENT]
    said = {row["verdict"] for row in at_content}
    if len(said) == 1 and said <= set(SURE):
        return str(said.pop())
    for row in (row for row in arms if row["amount"] != CONTENT and row["verdict"] in SURE):
        # does equal content leave out what the amount does, and is not as sure of its sign?
        own = [each for each in at_content if each["tokeniser"] == row["tokeniser"]]
        is_out = (not each["low"] <= row["difference"] <= each["high"] for each in own)
        if all(is_out) and any(each["verdict"] != row["verdict"] for each in own):
            return AMOUNT
    return UNKNOWN


STAGE = Stage(
    "evaluation.structure",
    version=1,
    config=StructureConfig,
    inputs=(),
    run=run,
    libraries=("numpy",),
    many=("bits",),
)
