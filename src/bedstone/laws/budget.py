"""`bedstone plan`: what each law would do with a budget, how sure it is, and what it costs.

A budget is FLOP of training, hours of a device, or money. A corpus is a number of tokens that
differ, by language where it is known, or an artifact that counted them.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bedstone import languages
from bedstone.counting.devices import device
from bedstone.counting.families import MAX_SIZE
from bedstone.counting.memory import TRAIN_BYTES_PER_PARAMETER
from bedstone.errors import ConfigError, nearest
from bedstone.laws import conclusions
from bedstone.laws.advice import advise
from bedstone.laws.allocation import Answer, Question, answer, outside, serving_flop
from bedstone.laws.consistency import read_table
from bedstone.laws.hyperparameters import all_advice
from bedstone.laws.known import LAW_NAMES, KnownLaw, fitted, published
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN
from bedstone.laws.repeated_text import effective_tokens, repeated_loss
from bedstone.laws.shapes import embedding_share, smallest_parameters

SECONDS_PER_HOUR = 3600
PF_DAY_FLOP = 8.64e19
"""A day of 1e15 FLOP a second."""
UTILISATION = 0.4
"""Assumption: what training in bf16 reaches on many devices of a data centre."""
VOCAB_SIZE = 32_000
FLOP_BOUNDS = (1e9, 1e40)
"""Of training: no law says anything beyond."""
MAX_TOKENS = 1e20
"""Of a corpus, and to be served."""
BUDGETS = ("flop", "device_hours", "usd")
SERVED_BYTES_PER_PARAMETER = 2
"""Of weights in 16 bit."""
LANGUAGES_TOLD = 3
"""Languages of a corpus that have a sentence of their own, the largest."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent, in one of three ways, and on what. None is not told."""

    flop: float | None = None
    device_hours: float | None = None
    usd: float | None = None
    device: str | None = None
    devices: int = 1
    utilisation: float | None = None
    """Share of the device's dense rate; absent, ``UTILISATION``."""
    usd_per_device_hour: float | None = None

    def refuse_unusable(self) -> None:
        """Raises ConfigError where the budget cannot be reckoned, or a part of it has no effect."""
        for name, value in asdict(self).items():
            if isinstance(value, int | float) and not 0 < value <= sys.float_info.max:
                option = name.replace("_", "-")
                raise ConfigError(f"--{option} {value}: it must be a finite number above 0")
        told = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(told) != 1:
            raise ConfigError(
                f"{len(told)} budgets are given",
                hint="give one of --flop 1e20, --device-hours 1000, --usd 5000, say",
            )
        if self.utilisation is not None and self.utilisation > 1:
            raise ConfigError(f"--utilisation {self.utilisation}: it must be at most 1")
        of_device = (self.usd_per_device_hour, self.utilisation, self.devices > 1)
        if self.device is None and (self.flop is None or any(of_device)):
            raise ConfigError(
                "hours, money and utilisation are of a device, and none is given",
                hint="name it: --device H100-SXM, say",
            )
        if self.usd is not None and self.usd_per_device_hour is None:
            raise ConfigError("money buys hours at a price", hint="--usd-per-device-hour 2.5, say")

    @property
    def share(self) -> float:
        """Of the device's dense rate."""
        return UTILISATION if self.utilisation is None else self.utilisation

    @property
    def rate(self) -> float | None:
        """FLOP in an hour of one device."""
        if self.device is None:
            return None
        return device(self.device).flop_per_second * self.share * SECONDS_PER_HOUR

    @property
    def train_flop(self) -> float:
        """What it buys."""
        if self.flop is not None:
            return self.flop
        hours = self.device_hours
        if self.usd is not None and self.usd_per_device_hour is not None:
            hours = self.usd / self.usd_per_device_hour
        assert hours is not None
        assert self.rate is not None
        return hours * self.rate


@dataclass(frozen=True, slots=True)
class Corpus:
    """Tokens that differ, by language; under no name where it is not told."""

    tokens: Mapping[str, float]

    @property
    def unique_tokens(self) -> float:
        """In all."""
        return sum(self.tokens.values())


def plan(
    budget: Budget,
    corpus: Corpus | None,
    served_tokens: float = 0.0,
    law: str | None = None,
    vocab_size: int = VOCAB_SIZE,
) -> dict[str, Any]:
    """What `bedstone plan --json` prints.

    Raises:
        ConfigError: the budget cannot be used, or there is no such law.
        DataError: the law's file cannot be read.
    """
    budget.refuse_unusable()
    low, high = FLOP_BOUNDS
    if not low <= budget.train_flop <= high:
        raise ConfigError(f"{budget.train_flop:g} FLOP: a budget is between {low:g} and {high:g}")
    if not 0 <= served_tokens <= MAX_TOKENS:
        raise ConfigError(
            f"--served-tokens {served_tokens}: it must be a number from 0 to {MAX_TOKENS:g}"
        )
    if not 1 <= vocab_size <= MAX_SIZE:
        raise ConfigError(f"--vocab-size {vocab_size}: it must be from 1 to {MAX_SIZE}")
    unique = corpus.unique_tokens if corpus else None
    question = Question(budget.train_flop, unique, served_tokens)
    laws = [known_law(law)] if law else [published(name) for name in LAW_NAMES]
    rows = [_row(each, question, budget, vocab_size) for each in laws]
    found = {
        "answer": _answer(rows, question, budget),
        "flop": question.flop,
        "pf_days": question.flop / PF_DAY_FLOP,
        "budget": asdict(budget),
        "unique_tokens": unique,
        "unique_tokens_by_language": dict(corpus.tokens) if corpus else None,
        "served_tokens": served_tokens,
        "laws": rows,
        "sentences": list(_sentences(rows, corpus, budget)),
    }
    return {**rows[0], **found} if law else found


def known_law(name: str) -> KnownLaw:
    """A published law, or the file that `bedstone fit` wrote."""
    if name in LAW_NAMES:
        return published(name)
    if not Path(name).exists():
        raise ConfigError(f"no law {name!r}, and no file of that name; {nearest(name, LAW_NAMES)}")
    return fitted(Path(name))


def check(path: Path) -> dict[str, Any]:
    """Which rows of a table of published models cannot be true.

    Raises:
        DataError: it is no such table.
    """
    rows = [{**asdict(row), "consistent": row.consistent} for row in read_table(path)]
    bad = [row for row in rows if not row["consistent"]]
    return {"table": str(path), "rows": rows, "inconsistent": bad}


def _row(law: KnownLaw, question: Question, budget: Budget, vocab_size: int) -> dict[str, Any]:
    found = answer(law, question)
    share = embedding_share(found.parameters, vocab_size)
    beyond = outside(law, found.parameters, found.train_tokens)
    row = {
        "law": law.name,
        "title": law.title,
        **asdict(found),
        "tokens_per_parameter": found.train_tokens / found.parameters,
        "in_range": not beyond,
        "parameters_counted": law.counted,
        "embedding_share": share,
        **_cost(found, question, budget),
        **_repeated(found, question),
        "hyperparameters": [
            asdict(it)
            for it in all_advice(found.parameters * (1 - share), found.train_tokens, question.flop)
        ],
        "source": law.source,
    }
    warnings = [
        *law.warnings,
        *conclusions.row_warnings(row, beyond),
        *_too_small(found.parameters, vocab_size),
        *_without_effect(law, question),
        *_on_serving(law, row, question),
    ]
    return {**row, "warnings": warnings}


def _answer(
    rows: Sequence[Mapping[str, Any]], question: Question, budget: Budget
) -> dict[str, Any]:
    """One answer, what it costs, and what of the budget is left: below 0 where it takes more."""
    by_law = {row["law"]: row for row in rows}
    found = advise(by_law, question.flop, question.unique_tokens, question.served_tokens)
    sizes = Answer(found.parameters, found.train_tokens, None)
    cost = _cost(sizes, question, budget)
    left_share = 1 - cost["train_flop"] / question.flop
    spent, price = budget.train_flop, budget.usd_per_device_hour
    whole_usd = spent / budget.rate * price if budget.rate and price else None
    return {
        **asdict(found),
        **cost,
        **_repeated(sizes, question),
        "left_share": left_share,
        "left_flop": left_share * question.flop,
        "left_usd": None if whole_usd is None else left_share * whole_usd,
    }


def _too_small(parameters: float, vocab_size: int) -> Iterator[str]:
    smallest = smallest_parameters(vocab_size)
    if parameters < smallest:
        yield (
            f"no model with a vocabulary of {vocab_size:,} is so small: the smallest has "
            f"{conclusions.short(smallest)} parameters"
        )


def _without_effect(law: KnownLaw, question: Question) -> Iterator[str]:
    """Where nothing is told of what the law is about."""
    if law.form == "repeated" and question.unique_tokens is None:
        yield "no corpus is told: as if there were always fresh text"
    if law.form == "served" and not question.served_tokens:
        yield f"no tokens to be served are told: as {law.base}"


def _on_serving(law: KnownLaw, row: Mapping[str, Any], question: Question) -> Iterator[str]:
    """What serving a smaller model saves, over the optimum of training alone."""
    if law.form != "served" or not question.served_tokens:
        return
    optimum = law.surface().optimum(question.flop)
    before = question.flop + serving_flop(optimum.parameters, question)
    saved = 1 - (row["train_flop"] + row["serving_flop"]) / before
    yield (
        f"training takes {row['train_flop'] / question.flop:.3g} times the budget; with serving, "
        f"{100 * max(saved, 0.0):.3g} % less than {law.base}'s optimum, for the same loss"
    )


def _cost(found: Answer, question: Question, budget: Budget) -> dict[str, Any]:
    """Time, money and memory; None where no device or price is told."""
    train_flop = FLOP_PER_PARAMETER_AND_TOKEN * found.parameters * found.train_tokens
    hours = train_flop / budget.rate if budget.rate else None
    price = budget.usd_per_device_hour
    train_bytes = TRAIN_BYTES_PER_PARAMETER * found.parameters
    return {
        "train_flop": train_flop,
        "serving_flop": serving_flop(found.parameters, question),
        "device_hours": hours,
        "hours": hours / budget.devices if hours else None,
        "usd": hours * price if hours and price else None,
        "train_bytes": train_bytes,
        "weight_bytes": SERVED_BYTES_PER_PARAMETER * found.parameters,
    }


def _repeated(found: Answer, question: Question) -> dict[str, Any]:
    """How often the corpus is read, and what that is worth; None without one."""
    unique = question.unique_tokens
    if unique is None:
        return dict.fromkeys(("passes", "effective_tokens", "loss_nats_on_corpus"))
    passes = found.train_tokens / unique
    expected = repeated_loss(found.parameters, found.train_tokens, unique)
    return {
        "passes": passes,
        "effective_tokens": effective_tokens(unique, passes),
        "loss_nats_on_corpus": float(expected),
    }


def _on_budget(budget: Budget) -> str:
    assert budget.device is not None
    assert budget.rate is not None
    flop, used = budget.train_flop, device(budget.device)
    hours = flop / budget.rate
    price = budget.usd_per_device_hour
    money = f", {hours * price:,.0f} USD" if price else ""
    time = (
        f", {hours / budget.devices:,.1f} hours of {budget.devices}" if budget.devices > 1 else ""
    )
    return (
        f"{flop:.3g} FLOP are {hours:,.1f} hours of one {used.name}{time}{money}, at "
        f"{100 * budget.share:.0f} % of its dense {used.flop_per_second / 1e12:,.0f} TFLOP/s"
    )


def _sentences(
    rows: Sequence[Mapping[str, Any]], corpus: Corpus | None, budget: Budget
) -> Iterator[str]:
    if budget.device is not None:
        yield _on_budget(budget)
    yield from conclusions.on_disagreement(rows)
    yield from conclusions.on_certainty(rows)
    if not any(row["in_range"] for row in rows):
        yield "no law was fitted on models like these: their answers are extrapolations"
    if corpus is None:
        return
    yield from conclusions.on_passes(rows, corpus.unique_tokens)
    named = {name: count for name, count in corpus.tokens.items() if name}
    only = f" {_name(*named)}" if len(named) == len(corpus.tokens) == 1 else ""
    yield conclusions.on_corpus(only, corpus.unique_tokens)
    if len(named) > 1:
        largest = sorted(named, key=lambda name: -named[name])[:LANGUAGES_TOLD]
        for name in largest:
            yield conclusions.on_language(_name(name), named[name])


def _name(key: str) -> str:
    """As people say it: ``Swahili``, where the standard adds that it is one language."""
    return languages.name(languages.split(key)[0]).partition(" (")[0]
