"""`bedstone evaluate`: how good a model is, language by language, and how sure that is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from textwrap import wrap
from typing import Annotated, Any

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    MOST_SEED,
    NOT_KNOWN,
    STORE,
    WIDTH,
    Command,
    PathLike,
    Store,
    Words,
    Workers,
)
from bedstone.commands.desk import artifact_of, given, is_url, keys_of, making, words_of
from bedstone.commands.save import target, write_chart
from bedstone.commands.strategies import Probe
from bedstone.errors import number_of
from bedstone.evaluation.inquiry.answer import (
    Detour,
    DetourCost,
    DetourLanguage,
    EvaluatedLanguage,
    EvaluatedSuite,
    Measure,
    Survived,
)
from bedstone.model import Device, NumberFormat
from bedstone.progress import Progress

SUITES = ("rows", "facts")
"""What is asked unless told: they need neither a file nor the network."""


class Evaluation(TypedDict):
    """How good a model is, by suite and language."""

    model: str
    probe: Probe | None
    """Of an endpoint."""
    documents: str | None
    """The text that the items were looked for in; null where none is known."""
    suites: list[EvaluatedSuite]
    pivot: list[Detour]
    """Of each suite what the detour through another language is worth, with --pivot."""
    warnings: list[str]


class EvaluationCost(TypedDict):
    """What an evaluation would ask."""

    model: str
    suites: list[str]
    scores_stored: int
    """Of choices."""
    scores_to_make: int
    answers_stored: int
    answers_to_draw: int
    prompt_tokens_at_most: int
    """To read; of an endpoint's tokeniser, which is not known, a token a byte."""
    completion_tokens_at_most: int
    seconds_about: float | None
    """At the pace measured here; null for an endpoint."""
    usd_at_most: float
    pivot: list[DetourCost]
    """Of each suite, with --pivot."""


def evaluate(
    model: Annotated[
        PathLike,
        typer.Argument(
            metavar="MODEL",
            help="a folder, a GGUF file, an artifact; or the URL of an OpenAI-compatible endpoint,"
            " whose key stands in OPENAI_API_KEY",
        ),
    ],
    *,
    suite: Annotated[
        Words,
        typer.Option(
            help="a file or folder of a test, or what is made here: rows, facts, titles, messages,"
            " udhr (the last three fetch parallel text), though a file has that name: ./rows is the"
            " file; may be repeated; rows and facts unless told"
        ),
    ] = (),
    items: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="of a suite in each language, at most")
    ] = 200,
    language: Annotated[
        Words, typer.Option(help="these alone, by any code: te,swa; and English, if it is there")
    ] = (),
    samples: Annotated[
        int, typer.Option(min=1, max=64, help="answers to an item, for agreement")
    ] = 1,
    max_tokens: Annotated[int, typer.Option(min=1, max=1_048_576, help="of an answer")] = 64,
    chain: Annotated[
        str | None,
        typer.Option(help="how answers are drawn; greedy, and of several samples temperature=1"),
    ] = None,
    plain: Annotated[
        bool, typer.Option(help="the model goes on from the prompt, without turns")
    ] = False,
    prompt_price: Annotated[float, typer.Option(help="USD a million prompt tokens")] = 0.0,
    completion_price: Annotated[float, typer.Option(help="USD a million tokens drawn")] = 0.0,
    corpus: Annotated[
        PathLike | None,
        typer.Option(help="an artifact: the text that the model learnt from, if it does not tell"),
    ] = None,
    against: Annotated[
        PathLike | None,
        typer.Option(
            help="another model of this machine, or samples that lm-evaluation-harness logged"
        ),
    ] = None,
    pivot: Annotated[
        str | None, typer.Option(help="a language to translate to, answer in, and translate from")
    ] = None,
    translator: Annotated[
        str | None,
        typer.Option(help="of --pivot: apertium, self, a CTranslate2 folder, or URL#NAME"),
    ] = None,
    endpoint_model: Annotated[str | None, typer.Option(help="its name at the endpoint")] = None,
    number_format: Annotated[
        NumberFormat | None, typer.Option(help="unless told, what is faster here")
    ] = None,
    device: Annotated[
        Device, typer.Option(help="where it computes; auto: a GPU if there is one")
    ] = "auto",
    seed: Annotated[
        int, typer.Option(min=0, max=MOST_SEED, help="of items, of what is drawn, of intervals")
    ] = 0,
    chart: Annotated[
        PathLike | None, typer.Option(help="draw the scores of the first suite in this SVG file")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option(help="only say what it costs; an endpoint is probed")
    ] = False,
    store: Store = STORE,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> Evaluation | EvaluationCost:
    """Measure how good a model is in each language and domain, and say how sure that is.

    Scores and answers are stored: nothing is asked twice, and a run that was stopped goes on.
    Languages are compared on the same items, paired, and adjusted for how many they are; what
    chance alone would do stands beside.

    Raises:
        ArtifactError: it is no such model, or no such artifact.
        ConfigError: an option cannot be used.
        DataError: a file holds no items.
        BedstoneError: torch is not installed, or the endpoint fails.
    """
    from bedstone.store.stages import imported

    asking = imported("evaluation.inquiry.asking", "bedstone evaluate")
    evaluating = imported("evaluation.inquiry.evaluating", "bedstone evaluate")
    writer = imported("generation.writer", "bedstone evaluate")
    picture = target("--chart", chart, ".svg")
    path = None if is_url(model) else given(model, store)[0]
    asked = asking.Asked(
        path=path,
        endpoint_model=endpoint_model,
        suites=tuple(
            each if each in asking.SETS else given(each, store)[0]
            for each in words_of(suite) or SUITES
        ),
        items=items,
        languages=keys_of(language),
        samples=samples,
        max_tokens=max_tokens,
        chain=chain or ("greedy" if samples == 1 else "temperature=1"),
        plain=plain,
        prices=asking.Prices(prompt_price, completion_price),
        corpus=None if corpus is None else artifact_of(corpus, store),
        against=None if against is None else given(against, store)[0],
        pivot=pivot,
        translator=translator,
        number_format=number_format
        or ("fp32" if path is None else writer.faster_format(path, device)),
        device=device,
        seed=seed,
        dry_run=dry_run,
    )
    found: Evaluation | EvaluationCost = evaluating.evaluated(
        str(model), asked, making(store, progress, workers)
    )
    if picture and not dry_run:
        from bedstone.reporting.sections.evaluation import accuracy_chart

        write_chart(accuracy_chart(found["suites"][0]), picture, progress)
    return found


Columns = Mapping[str, Callable[[Any], str | None]]
COLUMNS: Columns = {
    "score (95 %)": lambda row: _told(row["score"], row["low"], row["high"]),
    "gap to English (95 %)": lambda row: _gap(row["gap_to_english"]),
    "adj. p": lambda row: _number(row["gap_to_english"], "p_adjusted", ".4f"),
    "bits": lambda row: _number(row["bits_over_english"], "value", ".2f"),
    "text": lambda row: _number(row, "train_share", ".2%"),
    "people": lambda row: _number(row, "speakers_share", ".2%"),
    "tokens": lambda row: _number(row, "tokens_over_english", ".2f"),
    "USD": lambda row: _number(row, "usd_per_1000_items", ".3g"),
    "s": lambda row: _number(row, "seconds_per_item", ".2g"),
}
"""Of the table for people; what nobody knows of any language is left out."""
DOMAIN_COLUMNS: Columns = {
    "of all languages (95 %)": lambda row: _told(row["score"], row["low"], row["high"]),
}
DETOUR_COLUMNS: Columns = {
    "language gap": lambda row: _gap(row["language_gap"]),
    "translation loss": lambda row: _gap(row["translation_loss"]),
    "detour gain": lambda row: _gap(row["detour_gain"]),
    "so": lambda row: row["recommendation"],
}
ARM_COLUMNS: Columns = {
    "score (95 %)": lambda row: _told(row["score"], row["low"], row["high"]),
    "calls": lambda row: _number(row, "calls", ".1f"),
    "tokens": lambda row: _number(row, "tokens", ",.0f"),
    "right/M tokens": lambda row: _number(row, "right_per_million_tokens", ",.0f"),
    "s": lambda row: _number(row, "waiting_seconds", ".2g"),
}
"""Of each language and way; calls, tokens and seconds are an item's."""
SURVIVES = "survives (people's)"
SURVIVAL_COLUMNS: Columns = {
    "numbers": lambda row: _survived(row["numbers"]),
    "names": lambda row: _survived(row["names"]),
    "negations": lambda row: _survived(row["negations"]),
    "addresses": lambda row: _survived(row["addresses"]),
    "chrF++": lambda row: _number(row, "chrf", ".1f"),
}
"""Of each language, beside the same of what people wrote."""


def _lines(found: Any) -> Iterator[str]:
    return _evaluated(found) if "warnings" in found else _cost(found)


def _cost(found: EvaluationCost) -> Iterator[str]:
    yield from wrap(f"suites: {', '.join(found['suites'])}", WIDTH, subsequent_indent="  ")
    yield f"{found['scores_stored']:,} scores and {found['answers_stored']:,} answers are stored"
    yield (
        f"{found['scores_to_make']:,} scores would be made and {found['answers_to_draw']:,} answers"
        " drawn"
    )
    yield (
        f"of {found['prompt_tokens_at_most']:,} tokens to read at most, and "
        f"{found['completion_tokens_at_most']:,} to draw"
    )
    if found["seconds_about"] is not None:
        seconds = found["seconds_about"] + sum(it["seconds_about"] or 0 for it in found["pivot"])
        yield f"about {seconds / 60:.1f} minutes, at the pace measured here"
    if found["usd_at_most"]:
        yield f"{found['usd_at_most']:,.2f} USD at most"
    for detour in found["pivot"]:
        yield (
            f"besides, {detour['items']:,} translated items to ask; to translate them "
            f"{detour['calls']['translator']:,} calls of the translator and "
            f"{detour['calls']['self']:,} of the model"
        )
        yield (
            f"of {detour['prompt_tokens_at_most']:,} tokens to read at most, and "
            f"{detour['completion_tokens_at_most']:,} to draw; {detour['usd_at_most']:,.2f} USD"
        )


def _evaluated(found: Evaluation) -> Iterator[str]:
    for suite in found["suites"]:
        by = "" if suite["judged_from"] == "scores" else ", as the model answers"
        head = f"{suite['name']} by {suite['metric']}{by}; {_baselines(suite['languages'])}"
        yield from wrap(head, WIDTH, subsequent_indent="  ")
        yield from _table("language", COLUMNS, suite["languages"])
        whole = [row for row in suite["domains"] if row["language"] is None]
        if len(whole) > 1:
            yield from _table("domain", DOMAIN_COLUMNS, whole)
        yield from _wrapped(_sentences(suite))
        yield ""
    for detour in found["pivot"]:
        for asked in detour["suites"]:
            yield f"{asked['name']} through {detour['pivot']} by {detour['translator']}"
            yield from _table("language", DETOUR_COLUMNS, asked["languages"])
            arms = [arm for row in asked["languages"] for arm in _arms(row)]
            yield from _table("arm", ARM_COLUMNS, arms)
        kept = [{SURVIVES: key} | each for key, each in detour["survival"].items()]
        yield from _table(SURVIVES, SURVIVAL_COLUMNS, kept)
        failed = detour["not_translated"].items()
        yield from _wrapped(f"not translated: {key}: {why}" for key, why in failed)
        yield ""
    yield from _wrapped(f"warning: {each}" for each in found["warnings"])


def _table(key: str, columns: Columns, rows: Sequence[Any]) -> list[str]:
    """A line for each row; columns without a value are left out."""
    names = [key, *(row[key][:40] for row in rows)]
    lines = [f"  {name:{max(10, *map(len, names))}}" for name in names]
    for head, cell in columns.items():
        cells = [cell(row) for row in rows]
        if any(cells):
            told = [head, *(each or NOT_KNOWN for each in cells)]
            width = max(map(len, told))
            lines = [f"{line} {each:>{width}}" for line, each in zip(lines, told, strict=True)]
    return lines


def _arms(row: DetourLanguage) -> Iterator[dict[str, Any]]:
    for name, arm in row["arms"].items():
        if arm:
            told = {"arm": f"{row['language']} {name}", "calls": row["calls"][name]}
            yield {**arm, **told, "tokens": row["tokens"][name]}


def _survived(share: Survived | None) -> str | None:
    people = "" if share is None else _number(share, "by_people", ".0%")
    return share and f"{share['value']:.0%}" + (f" ({people})" if people else "")


def _baselines(rows: Sequence[EvaluatedLanguage]) -> str:
    """What is had without the question, in the mean over the languages."""
    counts = [row["items"] for row in rows]
    few, most = min(counts), max(counts)
    told = [f"{f'{few:,} to ' * (few < most)}{number_of(most, 'item')} a language"]
    for name in ("chance", "longest_choice", "answer_only"):
        values: list[Any] = [dict(row)[name] for row in rows]
        known = [value for value in values if value is not None]
        told += [f"{name.replace('_', ' ')} {fmean(known):.3f}"] if known else []
    return ", ".join(told)


def _sentences(suite: EvaluatedSuite) -> Iterator[str]:
    rows = suite["languages"]
    if worst := suite["worst"]:
        yield (
            f"worst: {worst['language']}, {worst['value']:.3f}; the worst of {len(rows)} equal "
            f"languages would have {worst['expected']:.3f}, in 5 of 100 tests below "
            f"{worst['low']:.3f}"
        )
        pairs = len(rows) * (len(rows) - 1) // 2
        apart = len(suite["told_apart"] or ())
        yield f"{apart:,} of {pairs:,} pairs of languages can be told apart"
    what = "bits over English" if suite["metric"] == "bits" else "score"
    for name, each in suite["correlations"].items():
        yield (
            f"{what} with {name.replace('_', ' ')}, over {each['n']} languages: "
            f"{_told(each['value'], each['low'], each['high'])}, no cause"
        )
    for key, gap in (suite["against"] or {}).items():
        yield f"{key}: over the other model {_gap(gap)}"
    if it := suite["detector"]:
        yield (
            f"looked for in the training text, where {it['found']:,} of {it['planted']:,} planted "
            f"copies are found, and of {it['absent']:,} stretches {it['false_alarms']:,} wrongly"
        )
    yield from (f"warning: {each}" for each in suite["warnings"])


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _told(value: float | None, low: float | None, high: float | None, sign: str = "") -> str:
    bounds = "" if low is None else f" [{low:{sign}.3f}, {high:{sign}.3f}]"
    return f"{value:{sign}.3f}{bounds}"


def _gap(gap: Measure | None) -> str | None:
    return gap and _told(gap["value"], gap["low"], gap["high"], "+")


def _number(row: Any, name: str, form: str) -> str | None:
    return None if row is None or row.get(name) is None else format(row[name], form)


COMMANDS = (Command(evaluate, _lines),)
"""What `bedstone evaluate` asks, and what it says of the answers."""
