"""The report's section about how much of a domain there is: by a person's labels."""

from bedstone.reporting.family import Family
from bedstone.reporting.section import Row, Section, tabled
from bedstone.reporting.wording import count, language_labels, percent
from bedstone.store.payload import read_json

SHOWN = 12
"""Languages, those with most documents."""


def prevalence(family: Family) -> Section | None:
    """The share of the documents that are of the domain, where somebody has labelled some."""
    made = family.find("corpus.prevalence")
    if made is None:
        return None
    told = read_json(made, "prevalence.json")
    languages = sorted(told["languages"], key=lambda row: (-row["documents"], row["language"]))
    labels = language_labels([row["language"] for row in languages[:SHOWN]])
    columns = {
        "documents": lambda row: count(row["documents"]),
        "labels": lambda row: count(row["labels"]),
    }
    counted = {**columns, "yes": lambda row: count(row["yes"])}
    return Section(
        name="prevalence",
        question="How much of the domain is in it?",
        answer=f"Of {count(told['documents'])} documents {_share(told)} are of the domain"
        if told["share"] is not None
        else f"Nobody can tell yet how much of the domain there is: {_missing(told)}",
        text=(
            f"{count(told['drawn'])} documents were drawn to be labelled; "
            f"{count(told['unfilled'])} of them have no label.",
        ),
        tables=(
            tabled(
                "What the labels say, by what the classifier says",
                told["strata"],
                {"score": lambda row: row["stratum"], **counted},
            ),
            tabled(
                "The domain by language",
                languages[:SHOWN],
                {"language": lambda row: labels[row["language"]], **columns, "share": _share},
            ),
        ),
        method=f"{told['method'][0].upper()}{told['method'][1:]}. What the labels say is taken "
        "for true; where the empty ones are the hard ones, the share is that of the easy ones.",
        measured_by=(made,),
    )


def _missing(told: Row) -> str:
    bare = [row["stratum"] for row in told["strata"] if row["documents"] and not row["labels"]]
    of = f" of the documents {' and '.join(bare)}" if told["labels"] else ""
    return f"nothing{of} is labelled"


def _share(row: Row) -> str:
    if row["share"] is None:
        return "cannot tell"
    share, low, high = (percent(row[name]) for name in ("share", "low", "high"))
    return f"{share} ({low} to {high})"
