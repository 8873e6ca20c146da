"""The report's section about languages: who is represented."""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from bedstone.languages import join
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Chart, Dot
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table, tabled
from bedstone.reporting.wording import NOT_KNOWN, SHOWN_LANGUAGES, count, interval, percent, short
from bedstone.store.payload import read_json
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, wilson


def shares(family: Family) -> Section | None:
    """Each language's share of the corpus against its share of the world's speakers."""
    audit = family.find("corpus.audit")
    if audit is None:
        return None
    whole = read_json(audit, "audit.json")
    lost = _lost(family, whole)
    shown = _by_language(whole)[:SHOWN_LANGUAGES]
    noise, unsure = (
        sum(bool(it[name]) for it in whole["languages"])
        for name in ("possible_noise", "cannot_tell")
    )
    return Section(
        name="languages",
        question="Who is represented?",
        answer=f"{lost[0]['name']} was lost on the way: {_left(lost[0])}"
        if lost
        else _represented(shown),
        text=(
            *(f"{it['name']} ({it['script']}): {_left(it)}." for it in lost[1:]),
            f"{percent(whole['unknown_share'])} of the documents are in no language that could "
            f"be told. Drawn are the {len(shown)} most spoken of the languages found; the table "
            f"has all. {count(noise)} of {count(len(whole['languages']))} may be nothing but "
            f"misread documents of others; of {count(unsure)} that cannot be told.",
        ),
        figures=(
            Figure(
                "Share of the documents against share of the world's speakers",
                share_chart(whole),
                _share_table(whole["languages"]),
            ),
        ),
        tables=_value_tables(whole),
        method="Share of the kept documents, with Wilson's interval of 95 %. Speakers: "
        f"{whole['speakers_source']}. Lost on the way is a language of which far less is kept "
        f"than of all. The heading names none of fewer than {MIN_DOCUMENTS} documents, and none "
        "that may be noise or of which that cannot be told: by what the identifier misreads of "
        "labelled text, not one document is certain to be in it; noise is where less than a tenth "
        "is expected to be. Pure with an asterisk was learnt from one kind of text, so words "
        "that are missing prove nothing. Lost to the second is what a second identifier calls "
        "something else.",
        measured_by=(audit, family.find("corpus.language")),
    )


def share_chart(whole: Mapping[str, Any]) -> Chart:
    """The most spoken languages of an audit: share of the documents, share of the speakers."""
    shown = _by_language(whole)[:SHOWN_LANGUAGES]
    dots = []
    for it in shown:
        here = it["share"]
        dots.append(Dot(it["name"], "known", it["speakers_share"]))
        dots.append(Dot(it["name"], "made", here.value, here.low, here.high))
    key = (("made", "of the documents"), ("known", "of the world's speakers"))
    axis = Axis("share", percent, log=True)
    return charts.dots(dots, axis, f"Two dots for each of {len(shown)} languages.", key)


def _lost(family: Family, whole: Row) -> list[Row]:
    """The languages that were removed without having been named."""
    filters = family.all("corpus.filter")
    wanted = [
        set(it.manifest.config["languages"]) for it in filters if it.manifest.config["languages"]
    ]
    return [
        it
        for it in whole["removed"]
        if all(join(it["language"], it["script"]) in names for names in wanted)
    ]


def _left(lost: Row) -> str:
    verb = "is" if lost["documents"] == 1 else "are"
    documents = f"{count(lost['documents'])} of its {count(lost['input_documents'])} documents"
    return f"{documents} {verb} left"


def _by_language(whole: Mapping[str, Any]) -> list[Row]:
    """Languages with a known number of speakers, all scripts of one together, most spoken first."""
    found: dict[str, Row] = {}
    for it in whole["languages"]:
        if it["speakers_share"]:
            before = found.get(it["language"], {"documents": 0, "certain": False})
            found[it["language"]] = it | {
                "documents": before["documents"] + it["documents"],
                "certain": before["certain"] or not (it["possible_noise"] or it["cannot_tell"]),
            }
    return sorted(
        (
            it | {"share": wilson(it["documents"] / whole["documents"], whole["documents"])}
            for it in found.values()
        ),
        key=itemgetter("speakers_share"),
        reverse=True,
    )


def _represented(shown: list[Row]) -> str:
    enough = [it for it in shown if it["documents"] >= MIN_DOCUMENTS and it["certain"]]
    if len(enough) < 2:
        return "Too few languages with known speakers have enough documents to compare"
    ratios = sorted((it["share"].value / it["speakers_share"], it["name"]) for it in enough)
    (low, least), (high, most) = ratios[0], ratios[-1]
    return f"{most} has {high:.2g} times its share of the world's speakers, {least} {low:.1g} times"


def _value_tables(whole: Mapping[str, Any]) -> tuple[Table, ...]:
    """The shares of a column's values at each step, where the audit counted by one."""
    if "by" not in whole:
        return ()
    shares = {(it["step"], it["value"]): it for it in whole["values"]}
    steps, values = (list(dict.fromkeys(it)) for it in zip(*shares, strict=True))

    def share_at(step: str) -> Callable[[Row], str]:
        return lambda row: percent(shares[step, row["value"]]["share"])

    columns = {step: share_at(step) for step in steps}
    rows: list[Row] = [{"value": value} for value in values]
    caption = f"Share of the documents by {whole['by']}, of all and of what each decision left"
    return (tabled(caption, rows, {"value": itemgetter("value"), **columns}),)


def _share_table(everything: list[Row]) -> Table:
    return tabled(
        "Documents and speakers by language",
        everything,
        {
            "language": itemgetter("name"),
            "script": itemgetter("script"),
            "documents": lambda it: count(it["documents"]),
            "share": lambda it: percent(it["share"]),
            "speakers": lambda it: short(it["speakers"]) if it["speakers"] else NOT_KNOWN,
            "of the world": lambda it: (
                NOT_KNOWN if it["speakers_share"] is None else percent(it["speakers_share"])
            ),
            "ratio": lambda it: (
                NOT_KNOWN
                if it["world_to_corpus_ratio"] is None
                else short(it["world_to_corpus_ratio"])
            ),
            "category": itemgetter("category"),
            "pure": lambda it: (
                interval(it["purity_low"], it["purity_high"]) + "*" * (it["purity_kinds"] == 1)
                if it["purity"] is not None
                else NOT_KNOWN
            ),
            "lost to the second": lambda it: (
                NOT_KNOWN if it["erased_share"] is None else percent(it["erased_share"])
            ),
            "may be noise": lambda it: (
                "yes" if it["possible_noise"] else "cannot tell" if it["cannot_tell"] else ""
            ),
        },
        words=2,
    )
