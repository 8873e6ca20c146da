"""A person's labels of drawn documents, as they were filled in."""

import csv
from collections.abc import Collection
from pathlib import Path

from bedstone.errors import DataError, reason

COLUMNS = ("id", "label")
"""What is read; other columns are for the eyes."""
SAID = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
    "": None,
}
"""In small letters."""
SHOWN = 40
"""Characters of what is wrong, in an error."""


def read_labels(path: Path, drawn: Collection[str]) -> dict[str, bool]:
    """What the table of tabs at ``path`` says of the ``drawn`` documents, where it says anything.

    Rows may stand in any order, and be missing.

    Raises:
        DataError: it cannot be read, or a row is of no drawn document, says neither yes nor no,
            or is there twice: with its line.
    """
    path, found = path.resolve(), dict[str, bool | None]()
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t")
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise DataError(
                    f"{path} has no column {', '.join(missing)}",
                    hint="fill in the table that was drawn, and save it with tabs between columns",
                )
            for row in reader:
                line = reader.line_num
                document, label = ((row[name] or "").strip() for name in COLUMNS)
                _refuse(f"{path}:{line}", document, label.lower(), drawn, found)
                found[document] = SAID[label.lower()]
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot read {path} after line {line}: it is not in UTF-8",
            hint="save it as UTF-8 with tabs between columns; what spreadsheets call Unicode text "
            "is another encoding",
        ) from error
    except (OSError, csv.Error) as error:
        where = "" if isinstance(error, OSError) else f" after line {line}"
        raise DataError(f"cannot read {path}{where}: {reason(error)}") from error
    return {document: said for document, said in found.items() if said is not None}


def _refuse(
    place: str, document: str, label: str, drawn: Collection[str], found: Collection[str]
) -> None:
    if document not in drawn:
        raise DataError(
            f"{place}: {document[:SHOWN]!r} is no document of this draw",
            hint="labels are read with the seed, the corpus and the settings they were drawn with",
        )
    if document in found:
        raise DataError(f"{place}: {document} is there twice", hint="leave one row of it")
    if label not in SAID:
        raise DataError(
            f"{place}: the label {label[:SHOWN]!r} is neither yes nor no",
            hint="leave it empty where you cannot tell: such rows are counted apart",
        )
