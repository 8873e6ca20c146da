"""Suites of items with what a model made of them, whose truth is planted."""

import math

import pyarrow as pa

from bedstone.tasks.items import Item
from bedstone.tasks.stored import ANSWERS, SCORES

LANGUAGES = ("deu_Latn", "eng_Latn", "swh_Latn")
CHOICES = ("Berg", "Flussbett", "Meer", "Insel")


def questions(count=40, domains=("law", "medicine")):
    """Two to a passage, the right choice never the longest; parallel in ``LANGUAGES``."""
    return [
        Item(
            *("rivers", f"rivers/{language}/{number}", language, "acc_bytes"),
            question=f"Question {number}",
            choices=CHOICES,
            gold=(0, 2, 3)[number % 3],
            parallel_id=f"{number}",
            passage_id=f"passage {number // 2}",
            domain=domains[number % len(domains)],
        )
        for language in LANGUAGES
        for number in range(count)
    ]


def texts(count=10):
    """Of 100 bytes each."""
    return [
        Item(
            *("udhr", f"udhr/{language}/{number}", language, "bits"),
            choices=(f"{number:0100}",),
            parallel_id=f"{number}",
        )
        for language in LANGUAGES
        for number in range(count)
    ]


def facts(count=10):
    """Pairs of questions, with and without the fact."""
    return [
        Item(
            *("facts", f"facts/{language}/{number} {fact}", language, "exact_match"),
            question="How many?",
            answers=("42",) if fact == "with" else (),
            parallel_id=f"{number} {fact}",
        )
        for language in LANGUAGES
        for number in range(count)
        for fact in ("with", "without")
    ]


def scores(items, chosen, alone=None):
    """A table in which each item's choice is ``chosen(item)``, after nothing ``alone(item)``.

    Of a text it is its bits.
    """
    rows = []
    for item in items:
        several = len(item.choices) > 1
        for number, choice in enumerate(item.choices):
            size = len(choice.encode())
            logprob = -size * (1.0 if number == chosen(item) else 2.0)
            best_alone = alone and number == alone(item)
            rows.append(
                {
                    "item": item.id,
                    "choice": number,
                    "logprob": logprob if several else -chosen(item) * math.log(2),
                    "alone_logprob": -size * (1.0 if best_alone else 3.0) if several else None,
                    "tokens": size,
                    "prompt_tokens": 3,
                    "is_split": False,
                    "is_cut": False,
                }
            )
    return pa.Table.from_pylist(rows, SCORES)


def answers(items, said, samples=1):
    """A table of what ``said(item, sample)`` says."""
    rows = [
        {"problem": item.id, "sample": sample, "prompt": item.prompt, "text": said(item, sample)}
        for item in items
        for sample in range(samples)
    ]
    return pa.Table.from_pylist(rows, ANSWERS)
