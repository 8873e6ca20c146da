"""The commands that write, and that compare ways to: sample, strategies."""

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

import bedstone
from bedstone.commands.declare import STORE, AsJson, Store, Workers, answer, shown_progress

WIDTH = 100
NAME_WIDTH = 48
"""Of a strategy in a table; a longer one has a line of its own."""
FORMS = {"tokens": ".0f", "seconds": ".3f", "usd": ".6f"}
"""Of what a problem costs."""
Found = dict[str, Any]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="a folder, a GGUF file, or the artifact of a trained model"
    ),
]


def sample(
    model: Model,
    prompt: Annotated[str, typer.Option(help="the text that is completed")],
    chat: Annotated[bool, typer.Option("--chat", help="the prompt is a user's turn")] = False,
    chain: Annotated[
        str, typer.Option(help="samplers in order, or hf:, vllm:, llama.cpp:, openai: and theirs")
    ] = "temperature=0.8,top_p=0.95",
    n: Annotated[int, typer.Option(help="completions")] = 1,
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0,
    max_tokens: Annotated[int, typer.Option(help="of a completion")] = 64,
    stop: Annotated[
        list[str] | None, typer.Option(help="a text that ends a completion; may be repeated")
    ] = None,
    json_schema: Annotated[
        Path | None, typer.Option(help="a file: the completion is JSON by this schema")
    ] = None,
    regex: Annotated[
        str | None, typer.Option(help="the completion matches this expression, whole")
    ] = None,
    number_format: Annotated[
        str | None, typer.Option(help="fp32 or bf16; unless told, what is faster here")
    ] = None,
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Complete a prompt by a model, several times if asked."""
    found = bedstone.sample(
        model,
        prompt=prompt,
        chat=chat,
        chain=chain,
        n=n,
        seed=seed,
        max_tokens=max_tokens,
        stop=stop or (),
        json_schema=json_schema,
        regex=regex,
        number_format=number_format,
        store=store,
    )
    answer(found, _completions(found), as_json=as_json)
    first, *others = found["completions"]
    if not (as_json or others) and first["finish_reason"] == "length":  # stdout is the text alone
        print(f"cut off after {max_tokens} tokens: --max-tokens", file=sys.stderr)


def _completions(found: Found) -> Iterator[str]:
    several = len(found["completions"]) > 1
    for number, each in enumerate(found["completions"]):
        if several:
            mean = sum(each["logprobs"]) / len(each["logprobs"])
            cut_off = ", cut off" if each["finish_reason"] == "length" else ""
            yield (
                f"[{number}] {len(each['token_ids'])} tokens{cut_off}, "
                f"{mean:.3f} nats a token on average"
            )
        yield each["text"]


def strategies(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="a folder, a GGUF file, an artifact; or the URL of an OpenAI-compatible endpoint",
        ),
    ],
    task: Annotated[
        list[str] | None, typer.Option(help="a task by name; may be repeated; three unless told")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="JSONL of prompts and answers: a task of your own")
    ] = None,
    chain: Annotated[
        list[str] | None, typer.Option(help="a chain to try; equally many of each sampler")
    ] = None,
    samples: Annotated[int, typer.Option(help="most completions of a problem")] = 16,
    problems: Annotated[int, typer.Option(help="of a task; one half chooses, one reports")] = 200,
    paraphrases: Annotated[int, typer.Option(help="wordings of a problem, for agreement")] = 3,
    max_tokens: Annotated[int, typer.Option(help="of a completion")] = 128,
    seed: Annotated[int, typer.Option(help="of problems and of what is drawn")] = 0,
    plain: Annotated[
        bool, typer.Option("--plain", help="the model goes on from the prompt, without turns")
    ] = False,
    constrain: Annotated[
        bool, typer.Option("--constrain", help="where a task has a schema, answers are held to it")
    ] = False,
    budget_tokens: Annotated[
        float | None, typer.Option(help="a problem, prompt and completions")
    ] = None,
    budget_seconds: Annotated[float | None, typer.Option(help="a problem")] = None,
    budget_usd: Annotated[float | None, typer.Option(help="a problem; needs the prices")] = None,
    prompt_price: Annotated[float, typer.Option(help="USD a million prompt tokens")] = 0.0,
    completion_price: Annotated[float, typer.Option(help="USD a million tokens drawn")] = 0.0,
    checker: Annotated[
        bool, typer.Option("--checker", help="answers can be checked where the model is used")
    ] = False,
    reward: Annotated[
        str | None, typer.Option(help="a model aligned from this one: it judges the answers")
    ] = None,
    endpoint_model: Annotated[str | None, typer.Option(help="its name at the endpoint")] = None,
    number_format: Annotated[
        str | None, typer.Option(help="fp32 or bf16; unless told, what is faster here")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(help="draw accuracy over tokens in this SVG file")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="put the recommendation into generation_config.json")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only say what it costs; an endpoint is probed")
    ] = False,
    store: Store = STORE,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Compare ways to sample a model: what each is worth, and what it costs."""
    found = bedstone.strategies(
        model,
        task=task or (),
        data=data or (),
        chain=chain or (),
        samples=samples,
        problems=problems,
        paraphrases=paraphrases,
        max_tokens=max_tokens,
        seed=seed,
        plain=plain,
        constrain=constrain,
        budget_tokens=budget_tokens,
        budget_seconds=budget_seconds,
        budget_usd=budget_usd,
        prompt_price=prompt_price,
        completion_price=completion_price,
        checker=checker,
        reward=reward,
        endpoint_model=endpoint_model,
        number_format=number_format,
        chart=chart,
        write=write,
        dry_run=dry_run,
        store=store,
        workers=workers,
        progress=shown_progress(),
    )
    unit = "tokens" if budget_seconds is None else "seconds"
    unit = unit if budget_usd is None else "usd"
    answer(found, _cost(found) if dry_run else _compared(found, unit), as_json=as_json)


def _cost(found: Found) -> Iterator[str]:
    yield f"{found['completions_stored']:,} completions are stored"
    yield (
        f"{found['completions_to_draw']:,} would be drawn, of "
        f"{found['completion_tokens_at_most']:,} tokens at most"
    )
    if found["seconds_about"]:
        minutes, seconds = divmod(math.ceil(found["seconds_about"]), 60)
        yield f"about {minutes}:{seconds:02} minutes to draw them, at the pace measured here"
    if found["usd_at_most"]:
        yield f"{found['usd_at_most']:,.2f} USD at most, without the prompts"


def _compared(found: Found, unit: str) -> Iterator[str]:
    if found["probe"]:
        yield from _probed(found["probe"])
    for chain, reasons in found["unavailable"].items():
        yield from wrap(f"not compared: {chain}: {'; '.join(reasons)}", WIDTH)
    for task in found["tasks"]:
        yield from _task(task, unit)
    if "written" in found:
        yield f"written: {found['written']}"
        recommended = found["tasks"][-1]["recommendation"]["strategy"]
        for row in found["tasks"][-1]["strategies"]:
            if row["strategy"] == recommended and row["samples"] > 1:
                yield f"  the chain alone: to draw {row['samples']} and choose is the caller's part"


def _probed(probe: Found) -> Iterator[str]:
    for name, each in probe["features"].items():
        if each["verdict"] != "honoured":
            yield from wrap(
                f"{name}: {each['verdict']}: {each['seen']}", WIDTH, subsequent_indent="  "
            )


def _task(task: Found, unit: str) -> Iterator[str]:
    yield f"{task['task']}, {task['problems']} problems to report on"
    named = ("greedy", task["recommendation"]["strategy"])
    shown = [row for row in task["strategies"] if row["on_frontier"] or row["strategy"] in named]
    shown.sort(key=lambda row: float(row[unit]))
    names = [row["strategy"] for row in shown]
    width = max(len("strategy"), *(len(name) for name in names if len(name) <= NAME_WIDTH), 0)
    yield (
        f"  {'strategy':{width}} {'accuracy (95 %)':>20} {'over greedy':>12} {'adj. p':>7} "
        f"{unit:>9}"
    )
    for row in shown:
        interval = f"[{row['accuracy_share_low']:.3f}, {row['accuracy_share_high']:.3f}]"
        name = row["strategy"]
        if len(name) > width:
            yield from wrap(name, WIDTH, initial_indent="  ", subsequent_indent="    ")
            name = ""
        yield (
            f"  {name:{width}} {row['accuracy_share']:.3f} {interval:>14} "
            f"{row['gain_share']:+12.3f} {row['adjusted_p']:7.4f} {row[unit]:9{FORMS[unit]}}"
        )
    if any(row["selector"] == "checked" for row in shown):
        yield "  checked: of use only where a checker is at hand (--checker)"
    yield from wrap(
        f"recommended: {task['recommendation']['sentence']}", WIDTH, subsequent_indent="  "
    )
    yield ""


COMMANDS: tuple[Callable[..., None], ...] = (sample, strategies)
