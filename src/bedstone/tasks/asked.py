"""Items as problems that a model answers in its own words, or by the letter of an option."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bedstone import languages
from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.tasks.items import Item
from bedstone.tasks.problems import ABSTAINING, Problem, Split, Task
from bedstone.tasks.reading import LETTERS, golds_of, reading_of

BY_LETTER = "letters"
"""What the task is called where options are named by letters."""


@dataclass(frozen=True)
class AskedItems(Task):
    """Items without choices, or those of several, which are then asked for a letter.

    All are to test on. Where no answer is right, to abstain is. By ``chrf`` an answer is right here
    only if it is one of the right ones: how much of it is there, ``reading_of`` says.
    """

    by_id: Mapping[str, Item]

    @classmethod
    def among(cls, items: Iterable[Item], *, by_letter: bool) -> "AskedItems":
        """Those of ``items`` that can be asked so.

        Raises:
            DataError: there is none.
        """
        most = range(2, len(LETTERS) + 1) if by_letter else range(1)
        asked = {item.id: item for item in items if len(item.choices) in most}
        if not asked:
            kind = "with several choices" if by_letter else "without choices"
            hint = "" if by_letter else f"; those with choices are asked by task = {BY_LETTER!r}"
            raise DataError(f"there is no item {kind}", hint=f"give others{hint}")
        return cls(asked)

    @property
    def name(self) -> str:
        """Of the suites."""
        return "+".join(sorted({item.suite for item in self.by_id.values()}))

    def problems(self, count: int, seed: int, split: Split) -> list[Problem]:
        """In an order of the seed's, in which all languages of one content stand together."""
        if split == "train":
            return []
        ordered = sorted(
            self.by_id.values(),
            key=lambda it: (lot(it.parallel_id or it.id, f"problems {seed}"), it.language, it.id),
        )
        return [_problem(item) for item in ordered[:count]]

    def extract(self, problem: Problem, text: str) -> str | None:
        """As ``tasks.reading`` spells it; ``unknown`` where the text abstains."""
        found = reading_of(self.by_id[problem.id], text)
        return (found.answer or ABSTAINING) if found.is_read else None


def _problem(item: Item) -> Problem:
    prompt, answers = item.prompt, item.answers
    if item.choices:
        letters = LETTERS[: len(item.choices)]
        options = map("{}. {}".format, letters, item.choices)
        prompt = "\n".join((*([prompt] if prompt else []), *options, f"{'/'.join(letters)}:"))
        assert item.gold is not None
        answers = (letters[item.gold],)
    elif item.metric != "chrf":
        answers, _ = golds_of(item)
    right = answers[0] if answers else ABSTAINING
    return Problem(
        id=item.id,
        prompts=(prompt,),
        answer=right,
        language=languages.split(item.language)[0],
        worked=right,
        answerable=bool(answers),
        content=prompt,
        others=answers[1:],
    )
