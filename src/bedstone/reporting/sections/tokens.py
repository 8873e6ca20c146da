"""The report's sections about tokens: what each language pays, and how languages are mixed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

import pyarrow.parquet as pq

from bedstone.corpus.sources.parallel_texts import UNUSUAL
from bedstone.languages import MIXED, SPEAKERS_SOURCE, UNKNOWN, split
from bedstone.laws.repeated_text import effective_tokens, pass_worth
from bedstone.pretrain.loader import read_order
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Bar, Dot
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
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE

NAMED_SHARE = 0.01
"""Of the text, what a language has at least that the heading of the mix names; or an even share,
where the languages are so many that it is less."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The tokens of each language that a run reads."""

    mix: Artifact
    weighed: Row
    """What the mix has written."""
    tokens: Mapping[str, float]
    run: Artifact | None
    """None before there is one."""


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
            "by any text": lambda it: f"{it['premium_low']:.2f} to {it['premium_high']:.2f}",
            "text": lambda it: it["text"] + "*" * ((it["text"], it["language"]) in UNUSUAL),
            "tokens": lambda it: count(it["tokens"]),
            "characters": lambda it: count(it["characters"]),
            "bytes": lambda it: count(it["bytes"]),
        },
        words=2,
    )
    chart = charts.bars(drawn, f"Bars for {len(drawn)} languages, the dearest first.")
    texts = list(
        dict.fromkeys(pq.read_table(cost.file("texts/languages.parquet"))["text"].to_pylist())
    )
    return Section(
        name="tokens",
        question="What does each language pay?",
        answer=f"{worst[0]} pays {worst[1]:.1f} times what English pays",
        text=(
            f"Drawn are the {len(drawn)} most spoken of the {len(rows)} languages measured. Of "
            f"all, {names[rows[0]['language']]} pays most, {rows[0]['premium']:.1f} times.",
            _styles(texts, rows, names),
        ),
        figures=(Figure("Tokens for the same content, in times English", chart, table),),
        tables=_scripts(family),
        method="The yardstick's text is the same in every language, and in no training data. "
        "Of a text with an asterisk it is known that the style is unusual in that language. "
        f"Speakers: {SPEAKERS_SOURCE['cldr']}.",
        measured_by=(cost, family.find("tokenizer.train"), family.find("corpus.yardstick")),
    )


def _styles(texts: list[str], rows: list[Row], names: Mapping[str, str]) -> str:
    """What one text is worth."""
    if len(texts) == 1:
        return (
            f"By one text, {texts[0]}: one text is one style, and another may say the same in a "
            "third fewer tokens."
        )
    widest = max(rows, key=lambda it: it["premium_high"] - it["premium_low"])
    return (
        f"By {texts[0]} where a language has it, else by the next of {', '.join(texts[1:])}. One "
        f"text is one style: {names[widest['language']]} pays {widest['premium_low']:.1f} to "
        f"{widest['premium_high']:.1f} times, by which text is asked."
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
    key = (("made", "steered"), ("known", "plain"))
    return Figure(
        "Tokens for the same content, before and after: the dearest languages",
        charts.dots(dots, axis, f"Two dots for each of {len(dots) // 2} languages.", key),
        table,
    )


def _rate(row: Row) -> float:
    return float(1_000 * row["tokens"] / row["content_bytes"])


def reading(family: Family) -> Reading | None:
    """What the run read; where there is none, what the plan or else the mix would have it read."""
    base, planned = family.find("pretrain.train"), family.find("scaling.plan")
    mixed = family.parent(base, "mix") if base else family.find("tokenizer.mix")
    if mixed is None:
        return None
    whole: Row = read_json(mixed, MIX_FILE)
    if base:
        length = base.manifest.config["seq_len"]
        sequences = int(base.manifest.metrics["train_tokens"]) // length
        order = read_order(mixed, sequences, base.manifest.config["order_seed"])
        read = {name: number * length for name, number in order.sequences.items()}
        return Reading(mixed, whole, read, base)
    budget = planned.manifest.metrics["train_tokens"] if planned else whole["budget_tokens"]
    tokens = {name: it["weight"] * budget for name, it in whole["languages"].items()}
    return Reading(mixed, whole, tokens, None)


def mix(family: Family) -> Section | None:
    """What is read of each language: shares of the text and of the run, passes, their worth."""
    read = reading(family)
    if read is None:
        return None
    audit = read_json(read.mix, "audit.json")
    rows = _read_rows(audit["languages"], read)
    names = language_labels([it["language"] for it in rows])
    spoken = most_spoken(list(names))
    shown = [it for it in rows if it["language"] in spoken]
    tense = "read" if read.run else "to be read"
    dots = []
    for it in shown:
        name = names[it["language"]]
        dots.append(Dot(name, "known", it["share_before"]))
        dots += [Dot(name, "made", it["share_after"])] if it["share_after"] else []
    return Section(
        name="mix",
        question="How much of each language?",
        answer=_most_changed(shown, len(rows), names, tense),
        text=_worth(rows, read),
        figures=(
            Figure(
                f"Share of the text and of the tokens {tense}",
                charts.dots(
                    dots,
                    Axis("share", percent, log=True),
                    f"A dot for the text and one for what is {tense}, in {len(shown)} languages.",
                    (("made", f"of the tokens {tense}"), ("known", "of the text there is")),
                ),
                _mix_table(rows, names, tense),
            ),
        ),
        method="Shares are of tokens. The heading names, of the languages drawn, the one whose "
        f"share changes most among those with {percent(NAMED_SHARE)} of the text, or an even "
        "share where that is less. A ratio is the language's share of the world's people "
        "over its share of the tokens. What a pass is worth is Muennighoff et al. 2023's fit. "
        f"Speakers: {audit['speakers_source']}.",
        measured_by=(read.mix, family.find("tokenizer.encode"), read.run),
    )


def _read_rows(audit: list[Row], read: Reading) -> list[Row]:
    """The languages of a mix, with what comes after mixing as it is by the tokens read."""
    total = sum(read.tokens.values())
    rows = []
    for it in audit:
        counts, tokens = read.weighed["languages"][it["language"]], read.tokens[it["language"]]
        passes, share = tokens / counts["train_tokens"], tokens / total
        ratio = it["world_to_corpus_ratio_before"]
        after = {
            "share_after": share,
            "world_to_corpus_ratio_after": ratio * it["share_before"] / share
            if ratio is not None and share
            else None,
            "passes": passes,
            "next_pass_worth": pass_worth(passes + 1),
            "effective_tokens": effective_tokens(counts["train_tokens"], passes),
        }
        rows.append(it | counts | after)
    return rows


def _most_changed(shown: list[Row], languages: int, names: Mapping[str, str], tense: str) -> str:
    least = min(NAMED_SHARE, 1 / languages)
    large = [
        it for it in shown if it["share_before"] >= least and it["language"] not in (UNKNOWN, MIXED)
    ]
    largest = max(shown, key=itemgetter("share_before"))
    changed = max(large or [largest], key=_change_of_share)
    passes = changed["passes"]
    often = f"its text {passes:.2g} times" if passes >= 1 else f"{percent(passes)} of its text"
    return (
        f"{names[changed['language']]} is {percent(changed['share_before'])} of the text and "
        f"{percent(changed['share_after'])} of the tokens {tense}: {often}"
    )


def _change_of_share(row: Row) -> float:
    """The larger of the language's shares over the other one."""
    low, high = sorted((row["share_before"], row["share_after"]))
    return float(high / low) if low else math.inf


def _worth(rows: list[Row], read: Reading) -> tuple[str, ...]:
    total, text, effective = (
        short(sum(numbers))
        for numbers in (
            read.tokens.values(),
            (it["train_tokens"] for it in rows),
            (it["effective_tokens"] for it in rows),
        )
    )
    unread = sum(not tokens for tokens in read.tokens.values())
    told = [
        f"The run read {total} tokens of a text of {text}; they are worth {effective} fresh ones."
        if read.run
        else f"A run of {total} tokens over this text of {text} is worth {effective} fresh ones."
    ]
    if unread:
        told.append(f"Nothing was read in {count(unread)} of the {count(len(rows))} languages.")
    if "vocabulary_unseen_share" in read.weighed:
        unseen_share = percent(read.weighed["vocabulary_unseen_share"])
        told.append(f"{unseen_share} of the tokens in the vocabulary occur in no held-out text.")
    return tuple(told)


def _mix_table(rows: list[Row], names: Mapping[str, str], tense: str) -> Table:
    def ratio(value: float | None) -> str:
        return NOT_KNOWN if value is None else f"{value:.3g}"

    def compression(value: float | None) -> str:
        return NOT_KNOWN if value is None else f"{value:.2f}"

    return tabled(
        f"Languages in the text and in the tokens {tense}",
        rows,
        {
            "language": lambda it: names[it["language"]],
            "text": lambda it: percent(it["share_before"]),
            tense: lambda it: percent(it["share_after"]),
            "ratio, text": lambda it: ratio(it["world_to_corpus_ratio_before"]),
            f"ratio, {tense}": lambda it: ratio(it["world_to_corpus_ratio_after"]),
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
