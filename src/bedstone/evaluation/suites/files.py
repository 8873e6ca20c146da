"""Items of files, whose records are known by their fields and whose language by field or name."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bedstone.errors import DataError, printable
from bedstone.evaluation.suites.descriptions import ENDINGS
from bedstone.evaluation.suites.harness import harness_items
from bedstone.evaluation.suites.naming import Named, key_of, named
from bedstone.evaluation.suites.records import Fields, records_of
from bedstone.evaluation.suites.sets import SETS, Made, Set, a_line, delimiter_of
from bedstone.tasks.items import Item

MOST_ITEMS = 1_000_000
MOST_CHARACTERS = 1 << 30
"""Of all items together."""
ID_CHARACTERS = 1_000
LANGUAGE_FIELDS = ("language", "lang", "dialect")
KNOWN = "; ".join(f"{each.name or 'your own'}: {each.fields}" for each in SETS)
"""What each set's records have."""


class SetReader:
    """Reads files one after the other into items."""

    def __init__(self, wanted: Collection[str] = ()) -> None:
        self.items: list[Item] = []
        self.languages: set[str] = set()
        """Of all records."""
        self.ignored: list[str] = []
        """What tests of lm-evaluation-harness say that is not done here."""
        self._wanted = wanted
        self._counts = Counter[str]()
        self._places: dict[str, str] = {}
        self._characters = 0

    def read(self, name: str, path: Path) -> None:
        """Take a file's items in the languages that are wanted; all, if none are named.

        Args:
            name: the file's within what was given, with its folders.
            path: where it is.

        Raises:
            DataError: it cannot be read, is of no known set, or a record is no item.
            ConfigError: as ``harness_items``.
        """
        if name.endswith(ENDINGS):
            self._read_test(path)
            return
        told, form = named(name), None
        for where, values in records_of(path):
            known = (each for each in SETS if values.keys() >= {*each.fields.split()})
            if (form := form or next(known, None)) is None:
                fields = printable(", ".join(map(str, values))[:200])
                raise DataError(f"{where}: of no known set: {fields}", hint=KNOWN)
            try:
                item = self._item(values, form, told)
            except ValueError as error:
                hint = f"the set is read as {form.name or 'one of your own'}: {form.fields}"
                raise DataError(f"{where}: {error}", hint=hint) from error
            if item:
                self._take(item, where)

    def _read_test(self, path: Path) -> None:
        test = harness_items(path)
        self.ignored += [f"{path.name}: {said}" for said in test.ignored]
        for number, item in enumerate(test.items):
            if self._is_wanted(item.language):
                self._take(item, f"{path}, item {number}")

    def _is_wanted(self, language: str) -> bool:
        self.languages.add(language)
        return not self._wanted or language in self._wanted

    def _item(self, values: dict[str, Any], form: Set, told: Named) -> Item | None:
        language = _language_of(values, told)
        if not self._is_wanted(language):
            return None
        # FLORES has no fields: nothing but the ending of its files tells it.
        is_flores = form.made is a_line and told.split in ("dev", "devtest")
        suite = "flores" if is_flores else form.name or told.suite or told.split or "own"
        number = str(self._next(f"{suite}/{language}"))
        made = form.made(Fields(values, language))
        own = made.pop("own", None) or number
        if made.pop("recurs", False) and (time := self._next(f"{language}/{own}")) > 1:
            own += f"#{time}"
        if len(own) > ID_CHARACTERS:
            raise ValueError(f"its id has more than {ID_CHARACTERS:,} characters")
        choices, metric = made.get("choices", ()), form.metric
        if len(choices) > 1 and not 0 <= made["gold"] < len(choices):
            raise ValueError("the right choice is none of them")
        if len(choices) < 2:
            metric = "bits" if choices else "exact_match"
        made["domain"] = printable(made.get("domain") or "") or None
        is_asked = "question" in made or "context" in made
        usual: Made = {"parallel_id": own, "delimiter": delimiter_of(language) if is_asked else ""}
        return Item(suite, printable(f"{suite}/{language}/{own}"), language, metric, **usual | made)

    def _next(self, of: str) -> int:
        self._counts[of] += 1
        return self._counts[of]

    def _take(self, item: Item, where: str) -> None:
        if (before := self._places.setdefault(item.id, where)) != where:
            told = f"{where}: the id {item.id!r} is that of {before}"
            raise DataError(told, hint="give each item an id of its own")
        self._characters += sum(map(len, (item.prompt, *item.choices, *item.answers)))
        if len(self._places) > MOST_ITEMS or self._characters > MOST_CHARACTERS:
            most = f"{MOST_ITEMS:,} items or {MOST_CHARACTERS:,} characters"
            raise DataError(f"{where}: more than {most}", hint="name languages, or give less")
        self.items.append(item)


def _language_of(values: Mapping[str, Any], told: Named) -> str:
    given = next((values[name] for name in LANGUAGE_FIELDS if values.get(name)), told.language)
    if given is None:
        raise ValueError("neither a field nor the name of a file or a folder tells the language")
    if (language := key_of(str(given)[:40])) is None:
        raise ValueError(f"there is no language {str(given)[:40]!r}")
    return language
