"""What a detour will ask for; nothing is asked."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from bedstone.errors import ConfigError
from bedstone.evaluation.pivot.instructed import prompts_of
from bedstone.evaluation.pivot.wanted import SELF, Translating
from bedstone.evaluation.translations import TranslationsConfig, different_lines, texts_of
from bedstone.sampling.choosing.pace import Pace
from bedstone.store.artifact import Artifact
from bedstone.tasks.items import items_of

MODELS = ("model", "probe")


def foreseen(
    by: Translating,
    items: Artifact,
    cost: Callable[[Artifact], Mapping[str, Any]],
    pace: Pace | None,
) -> dict[str, Any]:
    """What is not stored yet, without what translates answers back.

    Args:
        by: who translates.
        items: a suite.
        cost: what is still to be asked of items: ``scores_to_make``, ``answers_to_draw``.
        pace: of the evaluated model on this machine; None of an endpoint.

    Returns:
        As ``answer.DetourCost``: ``items`` that the model is asked besides, ``calls`` of the
        translator and of the model as one, and what these calls take.
    """
    ways = {"self": by.evaluated}
    if by.wanted.translator != SELF:
        ways["translator"] = by.translator
    asked, calls = 0, dict.fromkeys(("translator", "self"), 0)
    read, drawn = Counter[str](), Counter[str]()
    most = TranslationsConfig(source=by.pivot, target=by.pivot).max_tokens
    for language, its in by.items(items).items():
        if language == by.pivot:
            continue
        lines = different_lines(list(texts_of(its)))
        prompts = prompts_of(lines, language, by.pivot, chat=by.wanted.chat)
        try:
            stored = {name: by.stored(who, language, items) for name, who in ways.items()}
        except ConfigError:  # Apertium has not this language: it goes no way
            continue
        for name, made in stored.items():
            if made is None:
                asked, calls[name] = asked + len(its), calls[name] + len(lines)
                read[ways[name][0]["by"]] += sum(len(prompt.encode()) for prompt in prompts)
                drawn[ways[name][0]["by"]] += len(lines) * most
            elif count := sum(1 for _ in items_of(made)):
                left = cost(made)
                asked += count * bool(left["scores_to_make"] + left["answers_to_draw"])
    here, prices = read["model"], by.wanted.prices
    paid = read["probe"] * prices.prompt_usd + drawn["probe"] * prices.completion_usd
    return {
        "items": asked,
        "calls": calls,
        "prompt_tokens_at_most": sum(read[each] for each in MODELS),
        "completion_tokens_at_most": sum(drawn[each] for each in MODELS),
        "seconds_about": pace and pace.seconds(here, drawn["model"]) * bool(here),
        "usd_at_most": paid / 1e6,
    }
