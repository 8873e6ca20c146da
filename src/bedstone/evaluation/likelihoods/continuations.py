"""Choices after their prompts, in the tokens of a model, and how likely it holds them.

A prompt and a choice are encoded together, and parted behind as many tokens as the prompt has
without the choice; the prompt's trailing blanks are the choice's. Where a token would span the
border, both are encoded apart. Where the longest choice does not fit into the model's texts, the
prompt loses its first tokens, before all choices the same.

Source: lm-evaluation-harness 0.4.13, ``lm_eval/api/model.py``. There part of a token that spans the
border is lost, and each choice has a prompt cut for it alone.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bedstone.errors import ArtifactError, DataError, printable
from bedstone.evaluation.likelihoods.likelihood import Continued, logprobs
from bedstone.evaluation.likelihoods.windows import text_bits
from bedstone.tasks.items import Item

if TYPE_CHECKING:
    from bedstone.generation.writer import Writer
    from bedstone.text.model_encoder import Texts

Row = dict[str, Any]


def is_text(item: Item) -> bool:
    """Whether it is one that is read whole, after nothing."""
    return len(item.choices) == 1 and not item.prompt


def parted(prompt: str, ending: str = "") -> tuple[str, str]:
    """Both, with the prompt's trailing blanks before the ending."""
    head = prompt.rstrip()
    return head, prompt[len(head) :] + ending


def place_of(item: Item, choice: int) -> str:
    """In an error's words."""
    return f"item {printable(item.id)}: choice {choice}"


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
    rows, ends, texts = list[Row](), list[Continued](), list[list[int]]()
    for item in items:
        if is_text(item):
            texts.append(writer.texts.encode(item.choices[0]))
            if not texts[-1]:
                raise DataError(f"item {printable(item.id)}: the text gives no token")
            rows.append(row(item, 0, len(texts[-1]), 1))
        else:
            for each, text, alone in _choices(writer, item, nothing):
                rows.append(each)
                ends += [text, alone]
    told = iter(logprobs(writer.model, ends))
    bits = iter(text_bits(writer.model, texts, nothing[0], advance=lambda tokens: None))
    of_text = {item.id for item in items if is_text(item)}
    for each in rows:
        if each["item"] in of_text:
            each["logprob"] = -next(bits) * math.log(2)
        else:
            each["logprob"], each["alone_logprob"] = next(told), next(told)
    return rows


def row(item: Item, choice: int, tokens: int, prompt_tokens: int, **columns: Any) -> Row:
    """As it is stored."""
    named = {"item": item.id, "choice": choice, "tokens": tokens, "prompt_tokens": prompt_tokens}
    return {**named, "is_split": False, "is_cut": False, **columns}


def _choices(
    writer: "Writer", item: Item, nothing: list[int]
) -> Iterator[tuple[Row, Continued, Continued]]:
    """Of each choice its row, itself behind the prompt, which is the same for all, and alone."""
    texts, seq_len = writer.texts, writer.model.config.seq_len
    head = texts.encode(parted(item.prompt)[0])
    prompt = (*(writer.before if head else nothing), *head)
    endings = [item.delimiter + choice for choice in item.choices]
    behind = [_encoded(texts, head, *parted(item.prompt, ending)) for ending in endings]
    excess = max(len(prompt) + max(len(own) for own, _ in behind) - (seq_len + 1), 0)
    for number, (ending, (own, is_split)) in enumerate(zip(endings, behind, strict=True)):
        alone = texts.encode(ending)
        for ids in (own, alone):
            if not 0 < len(ids) <= seq_len:
                bounds = f"the model's texts 1 to {seq_len}"
                raise DataError(f"{place_of(item, number)} has {len(ids)} tokens, {bounds}")
        context = prompt[excess:]
        marks = {"is_split": is_split, "is_cut": excess > 0}
        yield (
            row(item, number, len(own), len(context), **marks),
            Continued((*context, *own), len(context)),
            Continued((*nothing, *alone), len(nothing)),
        )


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
