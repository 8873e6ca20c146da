"""The command that divides a budget: plan."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

import bedstone
from bedstone.commands.declare import STORE, AsJson, Store, answer

NOT_KNOWN = "-"
WIDTH = 100
MUCH = 1e6


def plan(
    flop: Annotated[float | None, typer.Option(help="of training: the budget")] = None,
    device_hours: Annotated[
        float | None, typer.Option(help="the budget in hours of one device")
    ] = None,
    usd: Annotated[float | None, typer.Option(help="the budget in money")] = None,
    device: Annotated[str | None, typer.Option(help="H100-SXM, A100-80GB, ...")] = None,
    devices: Annotated[int, typer.Option(help="how many there are: for the time")] = 1,
    utilisation: Annotated[
        float | None, typer.Option(help="share of the device's dense rate; .4 unless told")
    ] = None,
    usd_per_device_hour: Annotated[float | None, typer.Option(help="your price")] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="an artifact, or unique tokens: 1.2e9, or by language swh=1.2e9"),
    ] = None,
    served_tokens: Annotated[float, typer.Option(help="that the model will read and write")] = 0.0,
    law: Annotated[str | None, typer.Option(help="one law's answer; or a file of fit")] = None,
    vocab_size: Annotated[
        int | None, typer.Option(min=1, help="for the embedding's share; 32,000 unless told")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="CSV of parameters, train_tokens, flop: can it be true?")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(help="draw loss over size at this budget in this SVG file")
    ] = None,
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Show what each law would do with a budget, how sure it is, and what it costs."""
    found = bedstone.plan(
        flop=flop,
        device_hours=device_hours,
        usd=usd,
        device=device,
        devices=devices,
        utilisation=utilisation,
        usd_per_device_hour=usd_per_device_hour,
        corpus=corpus or (),
        served_tokens=served_tokens,
        law=law,
        vocab_size=vocab_size,
        check=check,
        chart=chart,
        store=store,
    )
    answer(found, _checked(found) if check else _planned(found), as_json=as_json)


def _checked(found: dict[str, Any]) -> Iterator[str]:
    yield f"{len(found['inconsistent'])} of {len(found['rows'])} rows cannot be true"
    for row in found["inconsistent"]:
        yield (
            f"line {row['line']}: {row['flop']:.4g} FLOP, but 6 x {row['parameters']:.4g} x "
            f"{row['train_tokens']:.4g} = {row['flop_6nd']:.4g}: "
            f"{100 * row['difference_share']:+.1f} %, where rounding explains "
            f"{100 * row['rounding_share']:.1f} %"
        )


def _planned(found: dict[str, Any]) -> Iterator[str]:
    rows = found["laws"]
    width = max(len("law"), *(len(_name(row)) for row in rows))
    yield f"{found['flop']:.4g} FLOP of training, {found['pf_days']:,.4g} petaFLOP/s-days"
    yield ""
    yield (
        f"{'law':{width}} {'parameters':>11} {'tokens':>9} {'tok/par':>8} "
        f"{'loss, nats (95 %)':>22} {'passes':>8} {'on corpus':>9}"
    )
    for row in rows:
        yield (
            f"{_name(row):{width}} {_short(row['parameters']):>10}{_mark(row)} "
            f"{_short(row['train_tokens']):>9} {row['tokens_per_parameter']:8.3g} "
            f"{_loss(row):>22} {_amount(row['passes'], '.1f'):>8} "
            f"{_number(row['loss_nats_on_corpus'], '.3f'):>9}"
        )
    yield "*: outside the runs that the law was fitted on"
    yield "loss: of the law's own text and tokens; on corpus: by the law repeated"
    yield ""
    yield from _warnings(rows)
    yield ""
    for sentence in found["sentences"]:
        yield from wrap(f"{sentence[0].upper()}{sentence[1:]}.", WIDTH, subsequent_indent="  ")
    yield ""
    yield from _costs(found, width)


def _name(row: dict[str, Any]) -> str:
    """Of a law, or of its file without the folder."""
    return Path(row["law"]).name


def _mark(row: dict[str, Any]) -> str:
    return " " if row["in_range"] else "*"


def _loss(row: dict[str, Any]) -> str:
    if row["loss_nats"] is None:
        return NOT_KNOWN
    if row["loss_interval"] is None:
        return f"{row['loss_nats']:.3f}"
    low, high = row["loss_interval"]
    return f"{row['loss_nats']:.3f} [{low:.3f}, {high:.3f}]"


def _warnings(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Each once, after the laws that it is about."""
    laws: dict[str, list[str]] = {}
    for row in rows:
        for warning in row["warnings"]:
            laws.setdefault(warning, []).append(_name(row))
    for warning, names in laws.items():
        yield from wrap(f"{', '.join(names)}: {warning}", WIDTH, subsequent_indent="  ")


def _costs(found: dict[str, Any], width: int) -> Iterator[str]:
    rows, devices = found["laws"], found["budget"]["devices"]
    names = [it["law"] for it in rows[0]["hyperparameters"]]
    head = " ".join(f"{f'{name} LR, batch':>18}" for name in names)
    hours = "hours" if devices == 1 else f"hours on {devices}"
    yield f"{'law':{width}} {hours:>10} {'USD':>9} {'train GB':>8} {'serve GB':>8} {head}"
    for row in rows:
        told = (
            f"{it['learning_rate']:8.2e} {_short(it['batch_tokens']):>8}{_mark(it)}"
            for it in row["hyperparameters"]
        )
        yield (
            f"{_name(row):{width}} {_amount(row['hours'], ',.1f'):>10} "
            f"{_amount(row['usd'], ',.0f'):>9} {row['train_bytes'] / 1e9:8,.3g} "
            f"{row['weight_bytes'] / 1e9:8,.3g} {' '.join(told)}"
        ).rstrip()
    yield "train GB: weights, gradients, Adam's moments, no activations; serve GB: weights in bf16"
    yield "LR: at its peak; batch: tokens a step; *: outside the runs that this law was fitted on"


def _amount(value: float | None, form: str) -> str:
    """Of what may be little or very much."""
    return _short(value) if value and value >= MUCH else _number(value, form)


def _number(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else format(value, form)


def _short(value: float) -> str:
    from bedstone.laws.conclusions import short

    return short(value)


COMMANDS = (plan,)
