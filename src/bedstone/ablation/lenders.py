"""What earlier comparisons of a store lend to another: how much seeds differ.

A run lends once, and never to a comparison that it is part of. One more seed, or other arms of the
same baseline, leave runs in common: of such a lender the other arms alone are paired, with one
another. What is lent then has no run in common with the borrower's own differences, nor with what
another lends; a seed's luck, which both arms of a pair share, is in neither.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bedstone.ablation.recipes import TRAINER
from bedstone.ablation.runs import BITS
from bedstone.errors import ArtifactError
from bedstone.evaluation.ablation import BASELINE, FILE, STAGE, AblationConfig
from bedstone.evaluation.effects import GROUP
from bedstone.store.artifact import Artifact, Parent, folder_name, folders, is_complete
from bedstone.store.payload import read_json
from bedstone.uncertainty.comparison import lent
from bedstone.uncertainty.paired import Floats

LOAN = ("lenders", "lent")
SEEDED = ("init_seed", "order_seed")
MOST_LENDERS = 8
"""Of more the median is hardly another."""
Row = dict[str, Any]
Unit = tuple[str, str]
"""A family and one of its units."""


def borrowed(config: AblationConfig, inputs: Mapping[str, Artifact], store: Path) -> Row:
    """The keys of a comparison's config that say what is lent to it, and by whom.

    Lenders measured the same texts with the same kind of model: of as many parameters, trained
    alike but for the seeds. What was asked before keeps what it was lent, so that asking again
    gives no other answer.
    """
    asked, parents = _settings(config), {role: it.as_parent() for role, it in inputs.items()}
    past = {made: AblationConfig.model_validate(made.manifest.config) for made in _past(store)}
    for made, settings in past.items():
        if made.manifest.parents == parents and _settings(settings) == asked:
            return settings.model_dump(include=set(LOAN))
    kind = _kind(config, parents, store)
    alike = [it for it, own in past.items() if _kind(own, it.manifest.parents, store) == kind]
    found = {made.path.name: read_json(made, FILE) for made in alike}
    told = lenders(found, {it.content for role, it in inputs.items() if role.startswith("bits.")})
    table: dict[str, Row] = {}
    for family, unit in dict.fromkeys(unit for own in told.values() for unit in own):
        noise = lent([own[family, unit] for own in told.values() if (family, unit) in own])
        table.setdefault(family, {})[unit] = {"deviation": noise.deviation, "df": noise.df}
    return {"lenders": list(told), "lent": table}


def lenders(found: Mapping[str, Row], runs: Collection[str]) -> dict[str, dict[Unit, list[Floats]]]:
    """What each comparison that has something to lend saw of each unit: differences, by seed.

    Args:
        found: what comparisons found, by name. Those of more seeds lend first, then by name.
        runs: the borrower's.
    """
    taken, told = set(runs), dict[str, dict[Unit, list[Floats]]]()
    for name in sorted(found, key=lambda it: (-found[it]["seeds"], it)):
        own, free = set[str](), list[str]()
        for arm, made in found[name]["runs"].items():
            if (taken | own).isdisjoint(made):
                own.update(made)
                free.append(arm)
        if found[name]["seeds"] > 1 and len(free) > 1 and len(told) < MOST_LENDERS:
            told[name] = _differences(found[name], free)
            taken |= own
    return told


def _differences(found: Row, arms: Sequence[str]) -> dict[Unit, list[Floats]]:
    """Of each arm and the first, which may be the baseline."""
    by_unit: dict[Unit, dict[str, Floats]] = {}
    for row in found["effects"]:
        if row["family"] != GROUP:
            of = by_unit.setdefault((row["family"], row["unit"]), {})
            of.setdefault(BASELINE, np.zeros(found["seeds"]))
            of[row["value"]] = np.array(row["by_seed"])
    told = {}
    for unit, by_arm in by_unit.items():
        if len(measured := [by_arm[arm] for arm in arms if arm in by_arm]) > 1:
            told[unit] = [each - measured[0] for each in measured[1:]]
    return told


def _settings(config: AblationConfig) -> Row:
    return config.model_dump(exclude=set(LOAN))


def _past(store: Path) -> Iterator[Artifact]:
    for folder in folders(store, f"{STAGE.name}-*"):
        try:
            made = Artifact(folder)
        except ArtifactError:  # another program's
            continue
        if made.manifest.stage_version == STAGE.version:
            yield made


def _kind(config: AblationConfig, parents: Mapping[str, Parent], store: Path) -> Any:
    """What a lender and its borrower have in common; None where it is not known."""
    bits = next(parent for role, parent in parents.items() if role.startswith("bits.0-"))
    scored = store / folder_name(BITS, bits.request)
    if not is_complete(scored):
        return None
    model = store / folder_name(TRAINER, Artifact(scored).manifest.parents["model"].request)
    if not is_complete(model):
        return None
    trained = Artifact(model).manifest.config
    how = {name: value for name, value in trained.items() if name not in SEEDED}
    return config.parameters, parents["texts"].content, how
