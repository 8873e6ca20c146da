"""Which earlier comparisons of the store lend their noise to another."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bedstone.ablation.recipes import TRAINER
from bedstone.ablation.runs import BITS
from bedstone.errors import ArtifactError
from bedstone.evaluation.ablation import FILE, STAGE, AblationConfig
from bedstone.evaluation.lending import lenders
from bedstone.store.artifact import MANIFEST, Artifact, Parent, folder_name, is_complete
from bedstone.store.payload import read_json

ROLE = "lender."
SEEDED = ("init_seed", "order_seed")
Parents = Mapping[str, Parent]


def chosen(
    config: AblationConfig, inputs: Mapping[str, Artifact], store: Path
) -> dict[str, Artifact]:
    """By role, the earlier comparisons that lend to the one of this config and these inputs.

    They measured the same texts with the same kind of model: of as many parameters, trained alike
    on as many tokens. What was asked before keeps the lenders that it had, so that asking again
    gives no other answer.
    """
    asked = config.model_dump(mode="json")
    parents = {role: each.as_parent() for role, each in inputs.items()}
    past = list(_past(store))
    for each in past:
        if each.manifest.config == asked and _own(each.manifest.parents) == parents:
            kept = _lenders_of(each, store)
            if all(is_complete(folder) for folder in kept.values()):
                return {role: Artifact(folder) for role, folder in kept.items()}
    kind = _kind(asked, parents, store)
    alike = {
        each.manifest.request[:12]: each
        for each in past
        if _kind(each.manifest.config, each.manifest.parents, store) == kind
    }
    found = {name: read_json(each, FILE) for name, each in alike.items()}
    runs = {each.content for role, each in inputs.items() if role.startswith("bits.")}
    return {f"{ROLE}{it.name}": alike[it.name] for it in lenders(found, runs)}


def _past(store: Path) -> Iterator[Artifact]:
    for path in sorted(store.glob(f"{STAGE.name}-*/{MANIFEST}")):
        try:
            made = Artifact(path.parent)
        except ArtifactError:  # another program's
            continue
        if made.manifest.stage_version == STAGE.version:
            yield made


def _own(parents: Parents) -> dict[str, Parent]:
    return {role: parent for role, parent in parents.items() if not role.startswith(ROLE)}


def _lenders_of(made: Artifact, store: Path) -> dict[str, Path]:
    parents = made.manifest.parents.items()
    return {
        role: store / folder_name(STAGE.name, parent.request)
        for role, parent in parents
        if role.startswith(ROLE)
    }


def _kind(config: Mapping[str, Any], parents: Parents, store: Path) -> Any:
    """What a lender and its borrower have in common; None where it is not known."""
    bits = next(parent for role, parent in parents.items() if role.startswith("bits.0-"))
    scored = store / folder_name(BITS, bits.request)
    if not is_complete(scored):
        return None
    model = store / folder_name(TRAINER, Artifact(scored).manifest.parents["model"].request)
    if not is_complete(model):
        return None
    trained = Artifact(model).manifest.config
    shape = {name: value for name, value in trained.items() if name not in SEEDED}
    return config["parameters"], parents["texts"].content, shape
