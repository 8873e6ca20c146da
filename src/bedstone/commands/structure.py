"""`bedstone structure`: whether languages are harder in themselves, or by their amount of text."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    STORE,
    Command,
    EngineName,
    NamedInputs,
    Sets,
    Store,
    Workers,
)
from bedstone.commands.desk import RecipeName, given, making, recipe_of, words_of
from bedstone.languages import ENGLISH
from bedstone.progress import Progress

SURE = ("harder", "easier")


class StructureArm(TypedDict):
    """One language against another, of models of one tokeniser and amount of text."""

    language: str
    tokeniser: Literal["bpe", "bytes"]
    amount: Literal["content", "bytes", "scaled", "tokens"]
    """What is equal: the pages, their bytes, bytes as many more as content takes, or tokens."""
    control: str
    """Against what it is compared."""
    difference: float
    """Of the bits for the same content, as a share of the reference's: above 0 is harder."""
    low: float
    """Of all languages of the arm together, over seeds and pages."""
    high: float
    by_seed: list[float]
    p_adjusted: float
    verdict: Literal["harder", "easier", "same", "cannot tell"]


class StructureLanguage(TypedDict):
    """What all arms of a language say."""

    language: str
    control: str
    """What it must differ from too, at equal content: as the reference, but that its letters take
    about as many bytes as the language's."""
    premium: float
    """Bytes of the same content, over the reference's."""
    verdict: Literal["harder", "easier", "explained by amount", "cannot tell"]


class Structure(TypedDict):
    """Languages against one of them."""

    artifact: str
    reference: str
    seeds: int
    pages: int
    """Held out, in each language."""
    level: float
    languages: list[StructureLanguage]
    arms: list[StructureArm]


def structure(
    recipe: RecipeName,
    inputs: NamedInputs = {},  # noqa: B006 (never changed)
    *,
    seeds: Annotated[int, typer.Option(min=2, max=100, help="of each model")] = 3,
    reference: Annotated[
        str, typer.Option(help="the language that the others are compared with")
    ] = ENGLISH,
    sets: Sets = (),
    store: Store = STORE,
    workers: Workers = 1,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Structure:
    """Tell whether languages are harder in themselves, of models of one language each.

    All are trained alike, on the same translated pages or on equal amounts of them, with tokens of
    their own or with bytes, and measured on the same held-out pages.

    Raises:
        ConfigError: the recipe or the reference cannot be used.
        BedstoneError: a stage failed; what was finished stays, and the next call goes on.
    """
    from bedstone.ablation.structure import Study
    from bedstone.evaluation.structure import FILE
    from bedstone.store.payload import read_json

    found = {name: given(each, store) for name, each in inputs.items()}
    where = making(store, progress, workers)
    made = Study(recipe_of(recipe), words_of(sets), found, where).compare(reference, seeds)
    return {"artifact": str(made.path), **read_json(made, FILE)}  # type: ignore[typeddict-item]


def _lines(found: Any) -> Iterator[str]:
    cells = list(dict.fromkeys((row["tokeniser"], row["amount"]) for row in found["arms"]))
    yield "".join([f"{'':22}", *(f"{tokeniser:>9}" for tokeniser, _ in cells)])
    yield "".join([f"{'equal':22}", *(f"{amount:>9}" for _, amount in cells)])
    verdicts = {row["language"]: row["verdict"] for row in found["languages"]}
    rows: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    for row in sorted(found["arms"], key=lambda it: it["language"]):
        own = rows.setdefault((row["language"], row["control"]), {})
        sure = "*" if row["verdict"] in SURE else " "
        own[row["tokeniser"], row["amount"]] = f"{row['difference']:+8.1%}{sure}"
    for (language, control), own in rows.items():
        said = "".join(own.get(cell, f"{'':9}") for cell in cells)
        verdict = verdicts.get(language, "control") if control == found["reference"] else ""
        yield f"{language} to {control:9}{said}  {verdict}".rstrip()
    yield (
        f"bits for the same content over the other's; *: sure, over {found['seeds']} seeds and "
        f"{found['pages']} held-out pages"
    )


COMMANDS = (Command(structure, _lines),)
