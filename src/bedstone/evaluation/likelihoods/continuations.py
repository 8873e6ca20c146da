"""Choices after their prompts, in the tokens of a model, and how likely it holds them.

A prompt and a choice are encoded together, and parted behind as many tokens as the prompt has
without the choice; the prompt's trailing blanks are the choice's. Where a token would span the
border, both are encoded apart. Where the longest choice does not fit into the model's texts, the
prompt loses its first tokens, before all choices the same.

Source: lm-evaluation-harness 0.4.13, ``lm_eval/api/model.py``. There part of a token that spans the
border is lost, and each choice has a prompt cut for it alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bedstone.errors import ArtifactError, DataError, printable
from bedstone.evaluation.likelihoods.likelihood import Continued, logprobs
from bedstone.evaluation.likelihoods.windows import text_bits
from bedstone.tasks.items import Item

if TYPE_CHECKING:
    from bedstone.generation.writer import Writer
    from bedstone.text.model_encoder import Texts

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of an item's, in tokens."""

    item: Item
    number: int
    text: Continued
    """The prompt, and the choice as its end."""
    alone: Continued
    """The choice after nothing."""
    is_split: bool
    is_cut: bool = False

    def cut(self, tokens: int) -> "_Choice":
        """Without so many tokens of the prompt's first."""
        text = Continued(self.text.ids[tokens:], self.text.start - tokens)
        return replace(self, text=text, is_cut=True)


def is_text(item: Item) -> bool:
    """Whether it is one that is read whole, after nothing."""
    return len(item.choices) == 1 and not item.prompt


def parted(prompt: str, ending: str = "") -> tuple[str, str]:
    """Both, with the prompt's trailing blanks before the ending."""
    head = prompt.rstrip()
    return head, prompt[len(head) :] + ending


def scored(writer: "Writer", items: Sequence[Item]) -> list[Row]:
    """A row for each choice of each item, as ``tasks.stored.SCORES``.

    Raises:
        ArtifactError: the model's files name no token that could stand before a text.
        DataError: a choice has no token, or more than the model's texts.
    """
    nothing = writer.before or sorted(writer.ends)[:1]
    if not nothing:
        raise ArtifactError(
            "the model's files name no token that begins or ends a text",
            hint="behind none, a text's first token has no probability",
        )
    choices = [
        each for item in items if not is_text(item) for each in _choices(writer, item, nothing)
    ]
    texts = [item for item in items if is_text(item)]
    rows = _rows(writer, choices) | _text_rows(writer, texts, nothing[0])
    return [each for item in items for each in rows[item.id]]


def row(
    item: Item,
    choice: int,
    logprob: float,
    alone_logprob: float | None = None,
    **columns: int | bool,
) -> Row:
    """As it is stored."""
    named = {"item": item.id, "choice": choice, "logprob": logprob, "alone_logprob": alone_logprob}
    return {**named, "is_split": False, "is_cut": False, **columns}


def _choices(writer: "Writer", item: Item, nothing: list[int]) -> list[_Choice]:
    """All of the item's, behind the same prompt."""
    texts, seq_len = writer.texts, writer.model.config.seq_len
    head = texts.encode(parted(item.prompt)[0])
    before = writer.before if head else nothing
    found = []
    for number, choice in enumerate(item.choices):
        ending = item.delimiter + choice
        own, is_split = _encoded(texts, head, *parted(item.prompt, ending))
        text = Continued((*before, *head, *own), len(before) + len(head))
        alone = Continued((*nothing, *texts.encode(ending)), len(nothing))
        if min(text.tokens, alone.tokens) < 1:
            raise DataError(f"item {printable(item.id)}: choice {number} gives no token")
        found.append(_Choice(item, number, text, alone, is_split))
    longest = max(found, key=lambda each: len(each.text.ids))
    excess = len(longest.text.ids) - (seq_len + 1)
    if excess >= longest.text.start or len(longest.alone.ids) > seq_len + 1:
        where = f"item {printable(item.id)}: choice {longest.number}"
        raise DataError(f"{where} has {longest.text.tokens} tokens, the model's texts {seq_len}")
    return [each.cut(excess) for each in found] if excess > 0 else found


def _encoded(
    texts: "Texts", head: Sequence[int], prompt: str, ending: str
) -> tuple[list[int], bool]:
    """The tokens of the ending behind a prompt's, and whether it is encoded apart."""
    whole = texts.encode(prompt + ending)
    spelt, told = (
        b"".join(texts.token_bytes[each] for each in ids) for ids in (head, whole[: len(head)])
    )
    if spelt == told:
        return whole[len(head) :], False
    return texts.encode(ending), True


def _rows(writer: "Writer", choices: Sequence[_Choice]) -> dict[str, list[Row]]:
    texts = [each.text for each in choices] + [each.alone for each in choices]
    told = logprobs(writer.model, texts)
    found: dict[str, list[Row]] = {}
    for each, logprob, alone in zip(choices, told, told[len(choices) :], strict=False):
        tokens = {"tokens": each.text.tokens, "prompt_tokens": each.text.start}
        marks = {"is_split": each.is_split, "is_cut": each.is_cut}
        own = row(each.item, each.number, logprob, alone, **tokens, **marks)
        found.setdefault(each.item.id, []).append(own)
    return found


def _text_rows(writer: "Writer", texts: Sequence[Item], nothing: int) -> dict[str, list[Row]]:
    ids = [writer.texts.encode(item.choices[0]) for item in texts]
    if empty := [item.id for item, own in zip(texts, ids, strict=True) if not own]:
        raise DataError(f"item {printable(empty[0])}: the text gives no token")
    bits = text_bits(writer.model, ids, nothing, advance=lambda tokens: None)
    return {
        item.id: [row(item, 0, -cost * math.log(2), tokens=len(own), prompt_tokens=1)]
        for item, own, cost in zip(texts, ids, bits, strict=True)
    }
