"""`bedstone evaluate`: how good a model is, language by language, and how sure that is."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Annotated, Any, Literal, NotRequired

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    MOST_SEED,
    NOT_KNOWN,
    STORE,
    WIDTH,
    Command,
    Found,
    MadeOf,
    PathLike,
    Store,
    Words,
    Workers,
)
from bedstone.commands.desk import artifact_of, given, is_url, keys_of, making, words_of
from bedstone.commands.save import target, write_chart
from bedstone.commands.strategies import Probe
from bedstone.errors import ConfigError
from bedstone.model import Device, NumberFormat
from bedstone.progress import Progress

SUITES = ("rows", "facts")
"""What is asked unless told: they need neither a file nor the network."""


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
            " udhr (the last three fetch parallel text); may be repeated; rows and facts unless"
            " told"
        ),
    ] = (),
    items: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="of a suite in each language, at most")
    ] = 200,
    language: Annotated[
        Words, typer.Option(help="these alone, by any code: te,swa; English is always among them")
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
    prompt_price: Annotated[
        float, typer.Option(min=0, help="USD a million prompt tokens")
    ] = 0.0,
    completion_price: Annotated[
        float, typer.Option(min=0, help="USD a million tokens drawn")
    ] = 0.0,
    corpus: Annotated[
        PathLike | None,
        typer.Option(help="an artifact: the text that the model learnt from, if it does not tell"),
    ] = None,
    against: Annotated[
        PathLike | None,
        typer.Option(help="another model, or samples that lm-evaluation-harness logged of one"),
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
        PathLike | None, typer.Option(help="draw accuracy by language in this SVG file")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option(help="only say what it costs; an endpoint is probed")
    ] = False,
    store: Store = STORE,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> "Evaluation | EvaluationCost":
    """Measure how good a model is in each language and domain, and say how sure that is.

    Scores and answers are stored: nothing is asked twice, and a run that was stopped goes on.
    Languages are compared on the same items, paired, and adjusted for how many they are; what chance
    alone would do stands beside.

    Raises:
        ArtifactError: it is no such model, or no such artifact.
        ConfigError: an option cannot be used.
        DataError: a file holds no items.
        BedstoneError: torch is not installed, or the endpoint fails.
    """
