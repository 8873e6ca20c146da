"""`bedstone sample`: completions of a prompt, by a model that Bedstone made or another."""

from collections.abc import Iterator
from typing import Annotated, Literal

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import MOST_SEED, STORE, Command, PathLike, Store, Words
from bedstone.commands.desk import given, is_url, optional, words_of
from bedstone.errors import ConfigError, number_of
from bedstone.model import Device, NumberFormat
from bedstone.progress import Progress


class Completion(TypedDict):
    """What a model wrote after the prompt."""

    text: str
    token_ids: list[int]
    """The closing token included, if there is one."""
    logprobs: list[float]
    """Of each token under the model itself, in nats."""
    sampling_logprobs: list[float]
    """Of each token under what it was drawn from: constraint and chain."""
    boundary_draws: int
    """Tokens that the rounding of another batch might turn."""
    finish_reason: Literal["stop", "length"]
    seed: int


class Sample(TypedDict):
    """Completions of a prompt."""

    model: str
    chain: str
    """Spelt out."""
    number_format: NumberFormat
    device: str
    prompt_tokens: int
    completions: list[Completion]


def sample(
    model: Annotated[
        PathLike,
        typer.Argument(
            metavar="MODEL", help="a folder, a GGUF file, or the artifact of a trained model"
        ),
    ],
    *,
    prompt: Annotated[str, typer.Option(help="the text that is completed")],
    chat: Annotated[bool, typer.Option(help="the prompt is a user's turn")] = False,
    chain: Annotated[
        str, typer.Option(help="samplers in order, or hf:, vllm:, llama.cpp:, openai: and theirs")
    ] = "temperature=0.8,top_p=0.95",
    n: Annotated[int, typer.Option(min=1, max=4_096, help="completions")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="of what is drawn")] = 0,
    max_tokens: Annotated[int, typer.Option(min=1, max=1_048_576, help="of a completion")] = 64,
    stop: Annotated[
        Words, typer.Option(help="a text that ends a completion; may be repeated")
    ] = (),
    json_schema: Annotated[
        PathLike | None, typer.Option(help="a file: the completion is JSON by this schema")
    ] = None,
    regex: Annotated[
        str | None, typer.Option(help="the completion matches this expression, whole")
    ] = None,
    number_format: Annotated[
        NumberFormat | None, typer.Option(help="unless told, what is faster here")
    ] = None,
    device: Annotated[
        Device, typer.Option(help="where it computes; auto: a GPU if there is one")
    ] = "auto",
    store: Store = STORE,
    progress: Progress | None = None,
) -> Sample:
    """Complete a prompt by a model, several times if asked.

    Raises:
        ArtifactError: it is no such model.
        ConfigError: an option cannot be used.
        BedstoneError: torch is not installed.
    """
    from bedstone.store.stages import imported

    if is_url(model):
        raise ConfigError(
            f"{model} is an endpoint", hint="sample takes a model of this machine; ask it with curl"
        )
    complete = imported("generation.complete", "bedstone sample")
    asked = complete.Asked(
        prompt=prompt,
        chat=chat,
        chain=chain,
        n=n,
        seed=seed,
        max_tokens=max_tokens,
        stop=tuple(words_of(stop)),
        json_schema=optional(json_schema),
        regex=regex,
        number_format=number_format,
        device=device,
    )
    found: Sample = complete.sample(given(model, store)[0], asked)
    first, *others = found["completions"]
    if progress and not others and first["finish_reason"] == "length":
        progress.named("cut off").say(f"after {number_of(max_tokens, 'token')}: --max-tokens")
    return found


def _completions(found: Sample) -> Iterator[str]:
    several = len(found["completions"]) > 1
    for number, each in enumerate(found["completions"]):
        if several:
            mean = sum(each["logprobs"]) / len(each["logprobs"])
            cut_off = ", cut off" if each["finish_reason"] == "length" else ""
            yield (
                f"[{number}] {number_of(len(each['token_ids']), 'token')}{cut_off}, "
                f"{mean:.3f} nats a token on average"
            )
        yield each["text"]


COMMANDS = (Command(sample, _completions),)
