"""The command that writes: sample."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import bedstone
from bedstone.cli.answer import STORE, AsJson, Store, answer


def sample(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="a folder or the artifact of a trained model")
    ],
    prompt: Annotated[str, typer.Option(help="the text that is completed")],
    chat: Annotated[bool, typer.Option("--chat", help="the prompt is a user's turn")] = False,
    chain: Annotated[
        str, typer.Option(help="samplers in order, or hf:, vllm:, llama.cpp:, openai: and theirs")
    ] = "temperature=0.8,top_p=0.95",
    n: Annotated[int, typer.Option(help="completions")] = 1,
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0,
    max_tokens: Annotated[int, typer.Option(help="of a completion")] = 64,
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Complete a prompt by a trained model, several times if asked."""
    found = bedstone.sample(
        model,
        prompt=prompt,
        chat=chat,
        chain=chain,
        n=n,
        seed=seed,
        max_tokens=max_tokens,
        store=store,
    )
    answer(found, _lines(found), as_json=as_json)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for number, each in enumerate(found["completions"]):
        if len(found["completions"]) > 1:
            mean = sum(each["logprobs"]) / len(each["logprobs"])
            yield f"[{number}] {len(each['token_ids'])} tokens, {mean:.3f} nats a token on average"
        yield each["text"]


COMMANDS: tuple[Callable[..., None], ...] = (sample,)
