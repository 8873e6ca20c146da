"""The page of a comparison: what each decision did and changed before, and what would settle it."""

import math
from collections.abc import Callable, Iterator, Sequence

from bedstone.ablation.words import arranged, claim, lent, sentence, settled
from bedstone.evaluation.ablation import EXAMPLES, FILE
from bedstone.evaluation.effects import LANGUAGE, WHOLE
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Effect, ForestGroup
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table, tabled
from bedstone.reporting.wording import NOT_KNOWN, count, duration, language_labels, percent, short
from bedstone.store.artifact import Artifact
from bedstone.store.lineage import ancestors
from bedstone.store.payload import read_json
from bedstone.uncertainty.comparison import BORROWED_DF, LENT_DF

STAGE = "evaluation.ablation"
DIFFERENCE = Axis("bits a byte more than the baseline; above 0 is worse")
LEAST_SHIFT = 0.005
"""Of a share of the training tokens: what is less rounds to the same percent."""
MOST_ROWS = 12
"""Of one arm in the chart of the parts, the largest effects first."""
METHOD = (
    "Each seed trains a model of the baseline and one of each arm with the same first weights and "
    "the same lots for the order of the text, and all are measured on the same bytes of the same "
    "held-out documents, weighed by their bytes. An interval counts seeds and documents "
    "(Satterthwaite), and is never narrower than the seeds alone would make it. The whole is one "
    "test; languages are one family of tests, sites another: verdicts are adjusted by Holm, drawn "
    "intervals by Bonferroni; arms are not adjusted for one another. Better and worse are sure, "
    "however small; the same is what is neither, and lies within the margin. The deviation over "
    "seeds of a language or a site is drawn towards the median of its family, as if "
    f"{BORROWED_DF} seeds more had been seen. Where earlier comparisons of such models on this "
    "text saw about as much in other runs, it is drawn towards that, and so is the whole's, as if "
    f"up to {LENT_DF} seeds more had been seen."
)


def read(about: Family) -> Row:
    """What the subject found."""
    found: Row = read_json(about.subject, FILE)
    size = {"parameters": found["parameters"], "train_tokens": found["train_tokens"]}
    return {**found, "proxy": size, "effects": arranged(found["effects"])}


def headline(about: Family) -> str:
    """One sentence: of one decision what it did, of several how many did what."""
    told = [row for row in read(about)["effects"] if row["family"] == WHOLE]
    if len(told) == 1:
        return sentence(told[0], ())
    verdicts = [
        "the same by construction" if row["by_construction"] else row["verdict"] for row in told
    ]
    words = {
        "worse": "made the model worse",
        "better": "made it better",
        "same": "made no difference that counts",
        "the same by construction": "changed nothing that the model is made from",
        "cannot tell": "cannot be told",
    }
    counted = [f"{verdicts.count(each)} {said}" for each, said in words.items() if each in verdicts]
    return f"Of {len(told)} decisions, {', '.join(counted)}"


def key_figures(about: Family) -> tuple[tuple[str, str], ...]:
    """What was compared, in numbers."""
    found = read(about)
    seconds = sum(member.manifest.seconds for member in about.members)
    return (
        ("decisions", count(len(found["arms"]) - 1)),
        ("seeds", count(found["seeds"])),
        ("parameters", short(found["parameters"])),
        ("training tokens", short(found["train_tokens"])),
        ("held-out documents", count(found["yardstick"]["documents"])),
        ("to build it all", duration(seconds)),
    )


def effects(about: Family) -> Section:
    """What each arm did to the whole and to its parts."""
    found = read(about)
    told = [row for row in found["effects"] if row["family"] == WHOLE]
    parts = {row["value"]: _parts(found, row["value"]) for row in told}
    names = _labels(found["effects"])
    sentences = [f"{sentence(row, parts[row['value']], names)}." for row in told]
    return Section(
        name="effects",
        question="What did each decision do?",
        answer=headline(about),
        text=(
            *sentences,
            f"{claim(found)}; intervals of {100 * (1 - found['level']):g} %.".capitalize(),
        ),
        figures=tuple(_figures(found, told, parts)),
        method=METHOD,
        measured_by=(about.subject,),
    )


def _parts(found: Row, value: str) -> list[Row]:
    return [it for it in found["effects"] if it["value"] == value and it["family"] != WHOLE]


def _figures(found: Row, told: list[Row], parts: dict[str, list[Row]]) -> Iterator[Figure]:
    margin = found["margin_bits_per_byte"]
    drawn = [row for row in told if not row["by_construction"]]
    if not drawn:
        return
    groups = [ForestGroup("All held-out text", [_effect(row, row["value"]) for row in drawn])]
    yield Figure(
        "The whole",
        charts.forest(groups, DIFFERENCE, margin, _described(drawn)),
        _table("Effects on the whole", told, found["level"]),
    )
    groups = []
    for row in drawn:
        sizes = sorted((abs(it["difference"]) for it in parts[row["value"]]), reverse=True)
        largest = [it for it in parts[row["value"]] if abs(it["difference"]) in sizes[:MOST_ROWS]]
        if largest:
            labels = _labels(largest)
            rows = [_effect(each, labels[each["unit"]]) for each in largest]
            groups.append(ForestGroup(row["value"], rows))
    if groups:
        everything = [each for row in drawn for each in parts[row["value"]]]
        yield Figure(
            "By language, site and who keeps the documents; of each decision the largest effects",
            charts.forest(groups, DIFFERENCE, margin, _described(everything)),
            _table("Effects on the parts", everything, found["level"]),
        )


def _effect(row: Row, label: str) -> Effect:
    return Effect(
        label=label,
        value=row["difference"],
        low=row["low"],
        high=row["high"],
        by_seed=row["by_seed"],
        kind=row["verdict"],
        note=row["verdict"],
    )


def _labels(rows: Sequence[Row]) -> dict[str, str]:
    languages = language_labels([it["unit"] for it in rows if it["family"] == LANGUAGE])
    units = [str(row["unit"]) for row in rows]
    return {unit: languages.get(unit) or unit for unit in units}


def _described(rows: Sequence[Row]) -> str:
    return "; ".join(
        f"{row['value']}, {row['unit']}: {row['difference']:+.4f}, {row['verdict']}" for row in rows
    )


def _table(caption: str, rows: Sequence[Row], level: float) -> Table:
    labels = _labels(rows)
    return tabled(
        caption,
        rows,
        {
            "decision": lambda it: it["value"],
            "of": lambda it: labels[it["unit"]],
            "verdict": lambda it: it["verdict"],
            "difference": lambda it: f"{it['difference']:+.4f}",
            f"{100 * (1 - level):g} %": _interval,
            "in tokens": lambda it: _signed_percent(it["worth_tokens"]),
            "documents": lambda it: (
                NOT_KNOWN if it["documents"] is None else count(it["documents"])
            ),
            "adjusted p": lambda it: _number(it["p_adjusted"], ".4f"),
        },
        words=3,
    )


def _interval(row: Row) -> str:
    if row["low"] is None:
        return NOT_KNOWN
    return f"{row['low']:+.4f} to {row['high']:+.4f}"


def _number(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else f"{value:{form}}"


def _signed_percent(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{100 * value:+.1f} %"


def upstream(about: Family) -> Section:
    """What an arm changed before anything was trained."""
    found = read(about)
    arms = found["arms"]
    base = count(arms[0]["documents"])
    changed = [
        f"{it['value']}: {count(it['documents'])} documents instead of {base}"
        for it in arms
        if it["documents"] != arms[0]["documents"]
    ]
    answer = "; ".join(changed) or "No decision changed how many documents there are to train on"
    return Section(
        name="upstream",
        question="What did it change before training?",
        answer=answer,
        tables=(
            tabled(
                "What the models read",
                arms,
                {
                    "decision": lambda it: it["value"],
                    "documents": lambda it: count(it["documents"]),
                    "text, MB": lambda it: f"{it['train_bytes'] / 1e6:,.2f}",
                    "tokens trained on": lambda it: short(it["train_tokens"]),
                    "most passes over a language": lambda it: (
                        f"{it['max_repetition']:.2f} ({it['most_repeated_language']})"
                    ),
                },
            ),
            *_shifts(found),
            _built(about, [it["value"] for it in arms]),
        ),
        measured_by=(about.subject,),
    )


def _shift(row: Row) -> float:
    return abs(float(row["train_share"] or 0) - float(row["train_share_before"] or 0))


def _shifts(found: Row) -> Iterator[Table]:
    """Whose share of the training tokens changed: an effect may be that of the mix alone."""
    rows = [it for it in found["effects"] if it["family"] == LANGUAGE and _shift(it) >= LEAST_SHIFT]
    if rows:
        labels = _labels(rows)
        yield tabled(
            "How the mix shifted: shares of the training tokens",
            sorted(
                rows,
                key=lambda it: (it["value"], -abs(it["train_share"] - it["train_share_before"])),
            ),
            {
                "decision": lambda it: it["value"],
                "language": lambda it: labels[it["unit"]],
                "before": lambda it: percent(it["train_share_before"]),
                "now": lambda it: percent(it["train_share"]),
                "effect, bits a byte": lambda it: f"{it['difference']:+.4f}",
            },
            words=2,
        )


def _built(about: Family, values: Sequence[str]) -> Table:
    """The tree, arm by arm: what is its own, and what it shares."""
    behind = [_behind(about, arm) for arm in range(len(values))]
    base = set(behind[0])
    rows = [
        (
            value,
            _stages(made[it] for it in made if it not in base) or "nothing",
            _stages(made[it] for it in made if it in base) if arm else NOT_KNOWN,
        )
        for arm, (value, made) in enumerate(zip(values, behind, strict=True))
        if arm
    ]
    head = ("decision", "built for it", "shared with the baseline")
    return Table("What was built", head, tuple(rows), words=3, quiet=1)


def _behind(about: Family, arm: int) -> dict[str, Artifact]:
    """All artifacts that an arm's mix is made from, by request."""
    mix = about.parent(about.subject, f"mix.{arm}")
    return {} if mix is None else {it.manifest.request: it for it in ancestors(mix).values()}


def _stages(artifacts: Iterator[Artifact]) -> str:
    return ", ".join(sorted({it.manifest.stage for it in artifacts}))


def documents(about: Family) -> Section | None:
    """The documents that gained and lost most in each arm."""
    found = read_json(about.subject, EXAMPLES)
    if not found:
        return None
    return Section(
        name="documents",
        question="Which documents gained and lost most?",
        answer="The ends of the distribution, by the mean over seeds: one document proves nothing",
        tables=tuple(
            tabled(
                f"{value}: {'became likelier' if end == 'gained' else 'became less likely'}",
                rows,
                {
                    "from": lambda it: it["url"] or it["id"],
                    "begins": lambda it: it["text"],
                    "language": lambda it: it["language"],
                    "bits a byte": lambda it: f"{it['difference']:+.3f}",
                },
                words=3,
            )
            for value, ends in found.items()
            for end, rows in ends.items()
        ),
        measured_by=(about.subject,),
    )


def noise(about: Family) -> Section | None:
    """How much of a model's luck the pairs share, and what would settle what is open."""
    found = read(about)
    it = found["noise"]
    opened = [row for row in found["effects"] if row["verdict"] == "cannot tell"]
    text = []
    if it["unpaired_deviation"] is not None:
        text.append(
            f"Two models of one recipe and two seeds differ by {it['unpaired_deviation']:.4f} bits "
            "a byte (one standard deviation)."
        )
    if it["variance_removed"] is not None:
        text.append(
            f"An arm and the baseline of one seed differ by {it['paired_deviation']:.4f} around "
            f"their mean: pairing removes {percent(max(it['variance_removed'], 0.0))} of the "
            "variance."
        )
    if said := lent(it):
        text.append(f"{said.capitalize()}.")
    if found["slope_bits_per_byte"]:
        text.append(
            f"Twice the tokens are worth {math.log(2) * found['slope_bits_per_byte']:.3f} bits a "
            f"byte to the baseline; the margin is {found['margin_bits_per_byte']:.4f}."
        )
    answer = (
        f"{len(opened)} of {len(found['effects'])} effects cannot be told"
        if opened
        else "All effects are told"
    )
    labels = _labels(opened)
    table = tabled(
        "What would settle it",
        opened,
        {
            "decision": lambda row: row["value"],
            "of": lambda row: labels[row["unit"]],
            "limited by": lambda row: row["limited_by"] or NOT_KNOWN,
            "would tell": lambda row: (
                settled(row).removeprefix("; ").removesuffix(" would tell") or "neither alone"
            ),
        },
        words=4,
    )
    return Section(
        name="noise",
        question="How sure is it, and what would settle it?",
        answer=answer,
        text=tuple(text),
        tables=(table,) if opened else (),
        measured_by=(about.subject,),
    )


SECTIONS: tuple[Callable[[Family], Section | None], ...] = (effects, upstream, documents, noise)
