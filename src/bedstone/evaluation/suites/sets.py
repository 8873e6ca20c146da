"""Known sets of items, told by their fields alone, and sets with fields of our own.

Each becomes items as they stand: no character of a text is left out or changed, and nothing stands
before an item that it does not say itself: no examples, no instruction. Where the answers are
texts, they are asked for by text, not by letter.

Differs from lm-evaluation-harness: a premise of XCOPA keeps its last character, whatever that is,
and a choice its capital; connecting words begin a sentence of their own; numbers of MGSM are read
in all digits; Belebele's items are no examples for one another.
"""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bedstone import languages
from bedstone.evaluation.suites.records import MOST_ANSWERS, MOST_CHOICES, Fields
from bedstone.lots import lot
from bedstone.tasks.items import Metric
from bedstone.tasks.reading import LETTERS

SPACELESS = frozenset({"Thai", "Hani", "Hans", "Hant", "Jpan", "Laoo", "Khmr", "Mymr", "Tibt"})
"""Scripts that put no blank between words."""
SIB_TOPICS = (
    *("entertainment", "geography", "health", "politics"),
    *("science/technology", "sports", "travel"),
)
CONNECTIONS = {
    "est": ("Sest", "Seetõttu"),
    "eng": ("Because", "Therefore"),
    "hat": ("Paske", "Donk"),
    "ind": ("Karena", "Maka"),
    "ita": ("Perché", "Quindi"),
    "que": ("Imaraykuchus", "Chayrayku"),
    "swa": ("Kwa sababu", "Kwa hiyo"),
    "tam": ("ஏனெனில்", "எனவே"),
    "tha": ("เพราะ", "ดังนั้น"),
    "tur": ("Çünkü", "Bu yüzden"),
    "vie": ("Bởi vì", "Vì vậy"),
    "zho": ("因为", "所以"),
}
"""Of XCOPA's languages, before a cause and before an effect."""
SENSITIVITIES = {"CS": "sensitive", "CA": "agnostic"}
Made = dict[str, Any]
"""Fields of an item by name. ``own`` is its id within suite and language, where ``recurs`` together
with how often it came before; without one its number is."""


class Set(NamedTuple):
    """A form in which items come."""

    name: str
    """Empty of the form of our own."""
    fields: str
    """That a record of it has."""
    made: Callable[[Fields], Made]
    metric: Metric = "acc_bytes"
    """Of items of several choices."""


def delimiter_of(language: str) -> str:
    """What stands between words, before a choice."""
    return "" if languages.split(language)[1] in SPACELESS else " "


def _belebele(it: Fields) -> Made:
    link = it.text("link")
    passage = f"{link}#{it.maybe('split') or ''}"
    return {
        "own": f"{passage}/{it.text('question_number')}",
        "recurs": not it.has("split"),
        "passage_id": passage,
        "context": it.text("flores_passage"),
        "question": it.text("question"),
        "choices": tuple(it.text(f"mc_answer{each}") for each in range(1, 5)),
        "gold": it.whole("correct_answer_num") - 1,
        "domain": (urlsplit(link).hostname or "").removesuffix(".org").rpartition(".")[2] or None,
    }


def _mmlu_prox(it: Fields) -> Made:
    names = [f"option_{each}" for each in range(10)]
    given = [name for name in names if it.has(name) and it.text(name) != "N/A"]
    right = it.whole("answer_index")
    if f"option_{right}" not in given or it.text("answer") != LETTERS[right]:
        raise ValueError("'answer' and 'answer_index' name no option, or not the same")
    return {
        "question": it.text("question"),
        "choices": tuple(map(it.text, given)),
        "own": it.maybe("question_id"),
        "gold": given.index(f"option_{right}"),
        "domain": it.maybe("category"),
    }


def _global_mmlu(it: Fields) -> Made:
    label = SENSITIVITIES.get(it.maybe("cultural_sensitivity_label") or "")
    return {
        "question": it.text("question"),
        "choices": tuple(it.text(f"option_{each}") for each in "abcd"),
        "own": it.maybe("sample_id"),
        "gold": "ABCD".find(it.text("answer").upper()),
        "domain": label or it.maybe("subject_category"),
    }


def _mgsm(it: Fields) -> Made:
    return {"question": it.text("question"), "answers": (it.figure("answer_number"),)}


def _xcopa(it: Fields) -> Made:
    relation, code = it.text("question"), languages.split(it.language)[0]
    if relation not in ("cause", "effect"):
        raise ValueError("'question' is neither cause nor effect")
    if code not in CONNECTIONS:
        raise ValueError(f"no connecting words of {code} are known")
    word = CONNECTIONS[code][relation == "effect"]
    return {
        "question": f"{it.text('premise')}{delimiter_of(it.language)}{word}",
        "choices": (it.text("choice1"), it.text("choice2")),
        "own": it.maybe("idx"),
        "gold": it.whole("label"),
        "domain": relation,
    }


def _sib(it: Fields) -> Made:
    if (topic := it.text("category")) not in SIB_TOPICS:
        raise ValueError(f"'category' is none of {', '.join(SIB_TOPICS)}")
    return {
        "own": it.text("index_id"),
        "question": it.text("text"),
        "choices": SIB_TOPICS,
        "gold": SIB_TOPICS.index(topic),
    }


def _multiblimp(it: Fields) -> Made:
    pair = (it.text("sen"), it.text("wrong_sen"))
    # Not always the first: who takes that would be right by no merit.
    gold = int(lot("\n".join(pair), "order of choices") < 0.5)
    return {
        "parallel_id": None,
        "choices": pair[::-1] if gold else pair,
        "gold": gold,
        "domain": it.maybe("phenomenon"),
    }


def a_line(it: Fields) -> Made:
    """A text that stands on a line of its own; its number is that of its translations."""
    return {"own": it.text("number"), "choices": (it.text("line"),)}


def _own(it: Fields) -> Made:
    listed = ("context", "question", "passage_id", "domain")
    found: Made = {name: value for name in listed if (value := it.maybe(name))}
    found["own"] = it.maybe("id")
    found["parallel_id"] = it.maybe("parallel_id") or found["own"]
    if it.has("text"):
        return found | {"choices": (it.text("text"),)}
    if it.has("choices"):
        choices = it.texts("choices", MOST_CHOICES)
        if len(choices) < 2:
            raise ValueError("'choices' has not several entries")
        return found | {"choices": choices, "gold": _gold(it, choices)}
    if "question" not in found:
        raise ValueError("there is no 'question', no 'choices' and no 'text'")
    if it.has("answers"):
        return found | {"answers": it.texts("answers", MOST_ANSWERS)}
    return found | {"answers": (it.text("gold" if it.has("gold") else "answer"),)}


def _gold(it: Fields, choices: tuple[str, ...]) -> int:
    """By its number from 0 in ``gold``; by ``answer``, which is its text or its letter."""
    if it.has("gold"):
        return it.whole("gold")
    answer = it.text("answer")
    found = [at for at, choice in enumerate(choices) if answer in (choice, LETTERS[at])]
    if len(found) != 1:
        raise ValueError("'answer' is not the text or the letter of one choice: give 'gold'")
    return found[0]


ANSWERS = " ".join(f"mc_answer{number}" for number in range(1, 5))
SETS = (
    Set("belebele", f"flores_passage question {ANSWERS}", _belebele),
    Set("mmlu-prox", "question option_0 option_1 answer answer_index", _mmlu_prox),
    Set("global-mmlu", "question option_a option_b option_c option_d answer", _global_mmlu),
    Set("mgsm", "question answer_number", _mgsm),
    Set("xcopa", "premise choice1 choice2 question label", _xcopa),
    Set("sib-200", "index_id category text", _sib),
    Set("multiblimp", "sen wrong_sen", _multiblimp, "acc"),
    Set("", "text", _own),
    Set("", "question", _own),
    Set("", "choices", _own),
    Set("", "line number", a_line),
)
"""The first whose fields are all there counts."""
