"""Choices after their prompts, in the tokens of a model, and how likely it holds them.

A prompt and a choice are encoded together, and parted behind as many tokens as the prompt has
without the choice; the prompt's trailing blanks are the choice's. Where a token would span the
border, both are encoded apart. Where the longest choice does not fit into the model's texts, the
prompt loses its first tokens, before all choices the same. Where it alone is longer than these, all
choices are read as texts are, without the prompt: it adds nothing for such a model.

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
        DataError: a choice has no token.
    """
    nothing = writer.before or sorted(writer.ends)[:1]
    if not nothing:
        raise ArtifactError(
            "the model's files name no token that begins or ends a text",
            hint="behind none, a text's first token has no probability",
        )
    rows, ends, texts = list[Row](), list[Continued](), list[list[int]]()
    whole = set[str]()
    for item in items:
        choices = [] if is_text(item) else list(_choices(writer, item, nothing))
        for each, text, alone in choices:
            rows.append(each)
            ends += [text, alone]
        if not choices:
            whole.add(item.id)
            delimiter = "" if is_text(item) else item.delimiter
            ids = [_some(writer.texts, item, it, delimiter) for it in range(len(item.choices))]
            texts += ids
            marks = {"is_cut": not is_text(item)}
            rows += [row(item, it, len(own), 1, **marks) for it, own in enumerate(ids)]
    told = iter(logprobs(writer.model, ends))
    bits = iter(text_bits(writer.model, texts, nothing[0], advance=lambda tokens: None))
    for each in rows:
        if each["item"] not in whole:
            each["logprob"], each["alone_logprob"] = next(told), next(told)
            continue
        each["logprob"] = -next(bits) * math.log(2)
        if each["is_cut"]:
            each["alone_logprob"] = each["logprob"]
    return rows


def row(item: Item, choice: int, tokens: int, prompt_tokens: int, **columns: Any) -> Row:
    """As it is stored."""
    named = {"item": item.id, "choice": choice, "tokens": tokens, "prompt_tokens": prompt_tokens}
    return {**named, "is_split": False, "is_cut": False, **columns}


def _choices(
    writer: "Writer", item: Item, nothing: list[int]
) -> Iterator[tuple[Row, Continued, Continued]]:
    """Of each choice its row, itself behind the prompt, which is the same for all, and alone.

    Nothing where one of them is longer than the model's texts.
    """
    texts, seq_len = writer.texts, writer.model.config.seq_len
    head = texts.encode(parted(item.prompt)[0])
    prompt = (*(writer.before if head else nothing), *head)
    endings = [item.delimiter + choice for choice in item.choices]
    alone = [_some(texts, item, it, item.delimiter) for it in range(len(endings))]
    behind = [_encoded(texts, head, *parted(item.prompt, ending)) for ending in endings]
    longest = max(len(own) for own, _ in behind)
    if max(longest, *map(len, alone)) > seq_len:
        return
    excess = max(len(prompt) + longest - (seq_len + 1), 0)
    context = prompt[excess:]
    for number, (own, is_split) in enumerate(behind):
        marks = {"is_split": is_split, "is_cut": excess > 0}
        yield (
            row(item, number, len(own), len(context), **marks),
            Continued((*context, *own), len(context)),
            Continued((*nothing, *alone[number]), len(nothing)),
        )


def _some(texts: "Texts", item: Item, number: int, delimiter: str) -> list[int]:
    """The tokens of a choice after nothing.

    Raises:
        DataError: there is none.
    """
    if not (ids := texts.encode(delimiter + item.choices[number])):
        raise DataError(f"{place_of(item, number)} gives no token")
    return ids


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
