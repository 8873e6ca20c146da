"""Whether `bedstone ablate` finds what is not there, and finds what is: many small comparisons.

    python benchmarks/ablation.py STORE [--placebos N] [--harms N] [--proxy SIZE] [--vocabulary V]

Each trial is the command on recipes/ablation.toml and the demo's crawl, with other seeds. Of one
arm a lot of 1 % of the documents is left out, which is nothing; of another the words of 30 % of the
German documents are shuffled, which is harm. Of these runs further comparisons are drawn at random,
in which nothing differs. The defaults take less than 10 minutes; STORE keeps what is made, so a
benchmark that was killed goes on.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

import bedstone
from bedstone.commands.desk import own_recipe
from bedstone.evaluation.ablation import AblationConfig, read
from bedstone.evaluation.effects import LANGUAGE, WHOLE, Floats, Scores, Yardstick
from bedstone.progress import Progress
from bedstone.store.artifact import Artifact
from bedstone.store.engine import Local
from bedstone.store.stage import Job
from bedstone.uncertainty import comparison
from bedstone.uncertainty.comparison import borrowed, lent
from bedstone.uncertainty.intervals import MIN_DOCUMENTS
from bedstone.uncertainty.paired import LEVEL

SEEDS = 3
LOTS, BLOCKS = 21, 40
"""Trials beyond so many have a lot again, or the seeds: not both, as long as 840 are enough."""
LOT = """
[lot{number}]
stage = "corpus.filter"
inputs = {{ statistics = "statistics", before = "spoken" }}
config = {{ rules = [], share = 0.99, share_seed = {number} }}
"""
PLACEBO, HARM, HARMED = "filtered.before", "tokens.documents", "deu_Latn"
DRAWN_SEEDS, DRAWS = (3, 5, 8), 2_000
"""Of a comparison of runs drawn at random; how many."""
LENDERS = 5
"""Earlier comparisons, where any lend to it."""
TRAINED, SCORED = "pretrain.train", "evaluation.bits"
DIFFERS = ("better", "worse")


@dataclass(frozen=True)
class Trial:
    """What a call of the command found and took."""

    first_seed: int
    effects: dict[str, dict[str, dict[str, Any]]]
    """By what an arm varies, and by unit: the whole, a language."""
    yardstick: Yardstick
    scores: Scores
    seconds: dict[str, float]
    """Of the whole call, of what it trained and scored; and as foretold, 0 where some was there."""


def tried(trial: int, varied: list[str], store: Path, sets: list[str], proxy: str) -> Trial:
    recipe, seed = store / "trials.toml", SEEDS * (trial % BLOCKS)
    lots = "".join(LOT.format(number=each) for each in range(LOTS))
    recipe.write_text(own_recipe("ablation").read_text() + lots)
    crawl = Path(bedstone.build("corpus.crawl", store=store)["artifact"])
    before, begun = set(store.iterdir()), time.monotonic()
    answer = bedstone.ablate(
        recipe,
        {"crawl": [crawl]},
        vary=varied,
        sets=[*sets, f"base.init_seed={seed}", f"base.order_seed={seed}"],
        seeds=str(SEEDS),
        proxy=[proxy],
        by=LANGUAGE,
        store=store,
    )
    seconds = {"call": time.monotonic() - begun, TRAINED: 0.0, SCORED: 0.0}
    for folder in set(store.iterdir()) - before:
        if (stage := folder.name.rpartition("-")[0]) in seconds:
            seconds[stage] += Artifact(folder).manifest.seconds
    seconds["foretold"] = answer["cost"]["predicted_seconds"] or 0.0
    found: dict[str, dict[str, Any]] = {}
    for row in answer["effects"]:
        if row["family"] in (WHOLE, LANGUAGE):
            found.setdefault(row["value"].partition("=")[0], {})[row["unit"]] = row
    return Trial(seed, found, *scored(Artifact(Path(answer["artifact"]))), seconds)


def scored(comparison: Artifact) -> tuple[Yardstick, Scores]:
    """The bits that a comparison was made from."""
    inputs = {role: Artifact(Path(path)) for role, path in comparison.manifest.paths.items()}
    config = AblationConfig.model_validate(comparison.manifest.config)
    return read(config, Job(inputs, comparison.path, Local(), Progress()))


class Pool:
    """The runs of all trials, of which further comparisons are drawn."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._yardstick = trials[0].yardstick
        by_seed = {it.first_seed: it.scores.bits_KH[0] for it in trials}
        self._baseline_RH = np.concatenate([*by_seed.values()])
        placebos = (it.scores.bits_KH for it in trials if PLACEBO in it.effects)
        pairs = [placebo[1] - placebo[0] for placebo in placebos]
        self._placebo_RH = np.concatenate([self._baseline_RH[:0], *pairs])
        languages = np.array(self._yardstick.table["language"])
        units = {name: np.flatnonzero(languages == name) for name in np.unique(languages)}
        self._units = {name: it for name, it in units.items() if len(it) >= MIN_DOCUMENTS}
        self._units[WHOLE] = np.arange(len(languages))

    def unpaired(self, unit: str) -> float:
        """The deviation of the difference of two runs of the baseline, bits a byte."""
        rows = self._units[unit]
        bits = self._baseline_RH[:, rows].sum(axis=1) / self._yardstick.bytes_H[rows].sum()
        return 2**0.5 * float(bits.std(ddof=1))

    def drawn(self) -> Iterator[str]:
        """How often comparisons of runs drawn at random find an effect, where none is."""
        random = np.random.default_rng(0)
        pools = {"baseline": (2, self._baseline_RH), "pairs with a placebo": (1, self._placebo_RH)}
        cases = product(pools.items(), DRAWN_SEEDS, (0, LENDERS))
        for (name, (arms, pool_RH)), seeds, lenders in cases:
            needed = arms * (seeds + SEEDS * lenders)
            if len(pool_RH) >= needed:
                found = np.zeros(2)
                for _ in range(DRAWS):
                    drawn_KH = pool_RH[random.permutation(len(pool_RH))[:needed]]
                    if arms > 1:
                        drawn_KH = drawn_KH[: needed // 2] - drawn_KH[needed // 2 :]
                    lent_KH = np.split(drawn_KH[seeds:], lenders) if lenders else []
                    found += self._found(drawn_KH[:seeds], lent_KH)
                yield (
                    f"{name}, {seeds} seeds out of {len(pool_RH)} runs, {lenders} lenders: the "
                    f"whole differs in {found[0] / DRAWS:.1%}, any language in "
                    f"{found[1] / DRAWS:.1%}"
                )

    def _found(self, difference_KH: Floats, lenders: Sequence[Floats]) -> list[bool]:
        """Whether the whole differs, and whether any language does."""
        paired, known = self._yardstick.paired, {}
        for name, rows in self._units.items() if lenders else ():
            total = self._yardstick.bytes_H[rows].sum()
            known[name] = lent([[each[:, rows].sum(axis=1) / total] for each in lenders])
        parts = {name: paired(difference_KH, rows) for name, rows in self._units.items()}
        families = [{WHOLE: parts.pop(WHOLE)}, parts]
        found = [comparison.effects(it, noise=borrowed(it), known=known) for it in families]
        return [any(it.p_adjusted < LEVEL for it in each.values()) for each in found]


def told(trials: Sequence[Trial], pool: Pool, varied: str, *harmed: str) -> Iterator[str]:
    """What was found, where the ``harmed`` languages are and no other is."""
    found = [it.effects[varied] for it in trials if varied in it.effects]
    for unit in (WHOLE, *harmed) if found else ():
        rows = [it[unit] for it in found]
        said = Counter(row["verdict"] for row in rows)
        difference = mean(row["difference"] for row in rows)
        of_documents = mean(row["document_error"] for row in rows)
        paired = mean(row["seed_deviation"] ** 2 for row in rows) ** 0.5
        yield f"{varied}, {unit}: {', '.join(f'{it} {n}' for it, n in said.most_common())}"
        yield (
            f"  {difference:+.4f} bits a byte; paired deviation of a seed {paired:.4f}, unpaired "
            f"{pool.unpaired(unit):.4f}; error of documents {of_documents:.4f}"
        )
    false = [{u for u in it if it[u]["verdict"] in DIFFERS} - {WHOLE, *harmed} for it in found]
    if found:
        yield f"  another language in {sum(map(bool, false))}: {', '.join(chain(*false))}"


def spent(trials: Sequence[Trial]) -> Iterator[str]:
    """Where the time went, in the calls that made all of their runs."""
    if new := [it.seconds for it in trials if it.seconds["foretold"]]:
        call, training, scoring, foretold = (sum(it[name] for it in new) for name in new[0])
        ratios = sorted((it[TRAINED] + it[SCORED]) / it["foretold"] for it in new)
        yield (
            f"{len(new)} calls, {call:.0f} s: training {training / call:.1%}, scoring "
            f"{scoring / call:.1%}; scoring over training {scoring / training:.2f}; spent over "
            f"foretold {(training + scoring) / foretold:.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--placebos", type=int, default=14)
    parser.add_argument("--harms", type=int, default=14)
    parser.add_argument("--proxy", default="parameters=29k,tokens=150k")
    parser.add_argument("--vocabulary", type=int, default=512)
    options = parser.parse_args()
    sets, trials = [f"tokenizer.vocab_size={options.vocabulary}"], list[Trial]()
    for number in range(max(options.placebos, options.harms)):
        varied = [f"{PLACEBO}=lot{number % LOTS}"] if number < options.placebos else []
        varied += [f"{HARM}=shuffled"] if number < options.harms else []
        trials.append(tried(number, varied, options.store, sets, options.proxy))
        rows = [(name, units[WHOLE]) for name, units in trials[-1].effects.items()]
        said = [f"{name} {row['difference']:+.4f} {row['verdict']}" for name, row in rows]
        print(f"trial {number}: {'; '.join(said)}", flush=True)
    pool = Pool(trials)
    lines = [*told(trials, pool, PLACEBO), *told(trials, pool, HARM, HARMED)]
    print("\n".join([*lines, *pool.drawn(), *spent(trials)]))


if __name__ == "__main__":
    main()
