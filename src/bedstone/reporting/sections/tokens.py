"""The report's sections about tokens: what each language pays, and how languages are mixed."""

from collections.abc import Mapping
from operator import itemgetter

import pyarrow.parquet as pq

from bedstone.languages import SPEAKERS_SOURCE, split
from bedstone.reporting import charts
from bedstone.reporting.charts import Axis, Bar, Dot
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table, tabled
from bedstone.reporting.wording import (
    NOT_KNOWN,
    SHOWN_LANGUAGES,
    count,
    language_labels,
    most_spoken,
    percent,
    short,
)
from bedstone.store.artifact import Artifact
from bedstone.store.payload import read_json


def premiums(family: Family) -> Section | None:
    """What each language pays in tokens for the same content."""
    cost, worst = family.find("tokenizer.cost"), dearest(family)
    if cost is None or worst is None:
        return None
    rows = _premiums(cost)
    names = language_labels([row["language"] for row in rows])
    spoken = most_spoken(list(names))
    drawn = [
        Bar(names[row["language"]], row["premium"], f"{row['premium']:.1f} ×")
        for row in rows
        if row["language"] in spoken
    ]
    table = tabled(
        "Tokens for the same content",
        rows,
        {
            "language": lambda it: names[it["language"]],
            "script": lambda it: split(it["language"])[1],
            "times English": lambda it: f"{it['premium']:.2f}",
            "tokens": lambda it: count(it["tokens"]),
            "characters": lambda it: count(it["characters"]),
            "bytes": lambda it: count(it["bytes"]),
        },
        words=2,
    )
    chart = charts.bars(drawn, f"Bars for {len(drawn)} languages, the dearest first.")
    return Section(
        name="tokens",
        question="What does each language pay?",
        answer=f"{worst[0]} pays {worst[1]:.1f} times what English pays",
        text=(f"Drawn are the {len(drawn)} most spoken of the {len(rows)} languages measured.",),
        figures=(Figure("Tokens for the same content, in times English", chart, table),),
        tables=_scripts(family),
        method="The yardstick's text is the same in every language, and in no training data. "
        f"Speakers: {SPEAKERS_SOURCE['cldr']}.",
        measured_by=(cost, family.find("tokenizer.train"), family.find("corpus.yardstick")),
    )


def _scripts(family: Family) -> tuple[Table, ...]:
    """The vocabulary by script."""
    tokenizer = family.find("tokenizer.train")
    if tokenizer is None:
        return ()
    counts = read_json(tokenizer, "scripts.json")
    total = sum(counts.values())
    cells = tuple((name, count(it), percent(it / total)) for name, it in counts.items())
    return (Table("The vocabulary by script", ("script", "tokens", "of all"), cells),)


def fairness(family: Family) -> Section | None:
    """What a vocabulary that is steered towards the dearest language changes."""
    tokenizer = family.find("tokenizer.train")
    if tokenizer is None or not tokenizer.manifest.config.get("parity"):
        return None
    both = read_json(tokenizer, "parity.json")
    plain, steered = both["plain"], both["parity"]
    worst, english = (
        steered[name] / plain[name] - 1 for name in ("worst_tokens", "english_tokens")
    )
    told = {
        "the dearest language": "worst_tokens",
        "the mean of the languages": "mean_tokens",
        "English": "english_tokens",
        "Gini's coefficient": "gini",
    }
    cells = tuple(
        (label, short(plain[name]), short(steered[name]), f"{steered[name] / plain[name] - 1:+.1%}")
        for label, name in told.items()
    )
    head = ("tokens for 1,000 bytes of English content", "plain", "steered", "change")
    return Section(
        name="parity",
        question="Is the vocabulary fair?",
        answer=f"The dearest language pays {_change(worst)} than with a plain vocabulary, "
        f"English {_change(english)}",
        figures=(_parity_figure(plain["languages"], steered["languages"]),),
        tables=(Table("Beside a plain vocabulary of the same size and text", head, cells),),
        method="Measured on the half of the parallel text that steered no merge; content is the "
        "bytes of the English that a language's own texts translate.",
        measured_by=(tokenizer,),
    )


def _change(share: float) -> str:
    return f"{percent(abs(share))} {'less' if share < 0 else 'more'}"


def _parity_figure(plain: list[Row], steered: list[Row]) -> Figure:
    before = {it["language"]: _rate(it) for it in plain}
    names = language_labels(list(before))
    rows = sorted(steered, key=lambda it: before[it["language"]], reverse=True)
    dots = []
    for it in rows[:SHOWN_LANGUAGES]:
        name = names[it["language"]]
        dots += [Dot(name, "known", before[it["language"]]), Dot(name, "made", _rate(it))]
    table = tabled(
        "Tokens for 1,000 bytes of English content",
        rows,
        {
            "language": lambda it: names[it["language"]],
            "plain": lambda it: count(before[it["language"]]),
            "steered": lambda it: count(_rate(it)),
            "times English": lambda it: f"{it['premium']:.2f}",
            "merges chosen": lambda it: count(it["merges"]),
        },
    )
    axis = Axis("tokens for 1,000 bytes of English content")
    return Figure(
        "Tokens for the same content, before and after: the dearest languages",
        charts.dots(dots, axis, f"Two dots for each of {len(dots) // 2} languages."),
        table,
        (("made", "steered"), ("known", "plain")),
    )


def _rate(row: Row) -> float:
    return float(1_000 * row["tokens"] / row["content_bytes"])


def mix(family: Family) -> Section | None:
    """What the mix makes of the text: shares before and after, passes, what they are worth."""
    mixed = family.find("tokenizer.mix")
    if mixed is None:
        return None
    whole = read_json(mixed, "mix.json")
    audit = read_json(mixed, "audit.json")
    rows = [it | whole["languages"][it["language"]] for it in audit["languages"]]
    names = language_labels([it["language"] for it in rows])
    spoken = most_spoken(list(names))
    shown = [it for it in rows if it["language"] in spoken]
    raised = max(shown, key=lambda it: it["share_after"] / it["share_before"])
    dots = []
    for it in shown:
        name = names[it["language"]]
        dots += [Dot(name, "known", it["share_before"]), Dot(name, "made", it["share_after"])]
    return Section(
        name="mix",
        question="How much of each language?",
        answer=f"{names[raised['language']]} goes from {percent(raised['share_before'])} of the "
        f"tokens to {percent(raised['share_after'])}, read {raised['passes']:.2g} times",
        text=_worth(whole),
        figures=(
            Figure(
                "Share of the tokens before and after mixing",
                charts.dots(
                    dots,
                    Axis("share", "~%", log=True),
                    f"Two dots for each of {len(dots) // 2} languages.",
                ),
                _mix_table(rows, names),
                (("made", "of the tokens trained on"), ("known", "of the text there is")),
            ),
        ),
        method="Shares are of tokens. A ratio is the language's share of the world's people over "
        "its share of the tokens. What a pass is worth is Muennighoff et al. 2023's fit. "
        f"Speakers: {audit['speakers_source']}.",
        measured_by=(mixed, family.find("tokenizer.encode")),
    )


def _worth(whole: Row) -> tuple[str, ...]:
    worth = (
        f"Training on {short(whole['budget_tokens'])} tokens is worth "
        f"{short(whole['effective_tokens'])} fresh ones."
    )
    if "vocabulary_unseen_share" not in whole:
        return (worth,)
    unseen = percent(whole["vocabulary_unseen_share"])
    return worth, f"{unseen} of the tokens in the vocabulary occur in no held-out text."


def _mix_table(rows: list[Row], names: Mapping[str, str]) -> Table:
    def ratio(value: float | None) -> str:
        return NOT_KNOWN if value is None else f"{value:.3g}"

    def compression(value: float | None) -> str:
        return NOT_KNOWN if value is None else f"{value:.2f}"

    return tabled(
        "Languages before and after mixing",
        rows,
        {
            "language": lambda it: names[it["language"]],
            "text": lambda it: percent(it["share_before"]),
            "mix": lambda it: percent(it["share_after"]),
            "ratio of text": lambda it: ratio(it["world_to_corpus_ratio_before"]),
            "of mix": lambda it: ratio(it["world_to_corpus_ratio_after"]),
            "passes": lambda it: f"{it['passes']:.2f}",
            "next is worth": lambda it: f"{it['next_pass_worth']:.2f}",
            "held-out bytes a token": lambda it: compression(it["held_out_bytes_per_token"]),
        },
    )


def dearest(family: Family) -> tuple[str, float] | None:
    """The language that pays most of those shown, and how many times what English pays."""
    cost = family.find("tokenizer.cost")
    rows = _premiums(cost) if cost else []
    names = language_labels([row["language"] for row in rows])
    spoken = most_spoken(list(names))
    return next(
        ((names[it["language"]], it["premium"]) for it in rows if it["language"] in spoken), None
    )


def _premiums(cost: Artifact) -> list[Row]:
    """The languages of the cost's table, the dearest first."""
    rows: list[Row] = pq.read_table(cost.file("languages.parquet")).to_pylist()
    return sorted(rows, key=itemgetter("premium"), reverse=True)
