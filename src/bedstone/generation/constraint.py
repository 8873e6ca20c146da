"""Constraints: completions that are JSON by a schema, or match a regular expression as a whole.

llguidance says before each token which may come next: all after which a text within the
constraint can still come. Between the parts of a JSON text no whitespace is allowed, so a model
cannot go on with it for ever. A schema asks for nothing in vain: a keyword that is not enforced
is refused, not skipped; but a format is held to its shape only, by which 2023-02-30 is a date.

Letters of shapes: V tokens of the vocabulary.
"""

import json
import re
from collections.abc import Collection, Iterator
from threading import Thread
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper, regex_to_lark
from torch import Tensor

from bedstone.errors import ConfigError
from bedstone.text.model_encoder import Texts

SOURCE_BYTES = 2**16
"""Most of a schema or a pattern."""
COMPILE_SECONDS = 5.0
LIMITS = LLParserLimits(
    initial_lexer_fuel=1_000_000,
    step_lexer_fuel=200_000,
    max_lexer_states=50_000,
    verbose_errors=False,
)
"""Fuel is spent at some 50,000 a millisecond in compiling and 14,000 before a token; a state
takes up to 2 kB."""

EXACTLY = '%llguidance {"no_forcing": true}\n'
"""Or a text that has to come would be allowed by the tokens only that it is encoded to."""
STRICTLY = {"whitespace_flexible": False, "lenient": False, "coerce_one_of": False}

SCHEMAS_AT = ("additionalProperties", "allOf", "anyOf", "items", "oneOf", "prefixItems")
NAMED_SCHEMAS_AT = ("$defs", "definitions", "patternProperties", "properties")
ENFORCED = {
    *SCHEMAS_AT,
    *NAMED_SCHEMAS_AT,
    *("$anchor", "$id", "$ref", "const", "enum", "format", "type"),
    *("maxItems", "maxLength", "maxProperties", "maximum", "exclusiveMaximum", "multipleOf"),
    *("minItems", "minLength", "minProperties", "minimum", "exclusiveMinimum"),
    *("pattern", "required"),
}
SAYING_NOTHING = {
    *("$comment", "$schema", "default", "deprecated", "description", "examples"),
    *("readOnly", "title", "writeOnly"),
}
"""Keywords that no JSON text can violate."""

BEFORE_REASON = (
    r'(at \d+\(\d+\): )?(failed to parse "%json": )?(failed to compile JSON schema: )?'
    r'(invalid regex ".*" \(in regex\): )?(regex parse error:\n.*\nerror: )?'
    r"((lexer|parser) error: )?"
)
BEHIND_REASON = r"\n +1 \| |\n<non-verbose"
"""llguidance tells where in its grammar a reason stands; but the user has written no grammar."""
VERDICTS = {
    "(too many|initial lexer|grammar size|schema too large|fuel|recursion|exceed).*": (
        "costs too much: give it fewer choices, levels or repetitions"
    ),
    "NoExtension.*": "leaves no text that the model's tokens could write",
    "Unsatisfiable schema: (.*)": r"allows nothing: \1",
    "oneOf constraints.*": "asks for a oneOf whose choices may overlap, which is not enforced",
    "lookarounds.*": r"asks for \\b, or for ^ or $ within it, which is not enforced",
    "(look-around|backreferences).*": r"asks for what is not enforced: \g<0>",
    "Resource '(json-schema:///)?(.*)' is not present.*": r"refers to \2, which is not fetched",
    "(.*)": r"is wrong: \1",
}
"""What is said of a reason, by the first that fits."""
VERDICT_CHARACTERS = 200


class Constraint:
    """What completions have to be; makes the guide of each row."""

    def __init__(self, matcher: LLMatcher, vocab_size: int) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size

    def __call__(self) -> "ConstraintGuide":
        """The guide of a row, before its first token."""
        return ConstraintGuide(self._matcher.deep_copy(), self._vocab_size)


class ConstraintGuide:
    """Holds one row to its constraint."""

    def __init__(self, matcher: LLMatcher, vocab_size: int) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size

    def allowed(self) -> Tensor:
        """(V,) bool: what keeps the text within the constraint; ends where it is complete.

        Raises:
            ConfigError: to find out costs more than it may, or no token can go on.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        _check(self._matcher, "the constraint")
        return torch.from_numpy(
            np.unpackbits(bits, count=self._vocab_size, bitorder="little").view(np.bool_)
        )

    def advance(self, token_id: int) -> bool:
        """Take the drawn token; whether nothing can follow.

        Raises:
            ConfigError: to find out costs more than it may.
        """
        self._matcher.consume_token(token_id)
        _check(self._matcher, "the constraint")
        return self._matcher.is_stopped()


def json_schema(schema: dict[str, Any], texts: Texts, ends: Collection[int]) -> Constraint:
    """Completions are JSON by ``schema``, without whitespace between the parts.

    Args:
        schema: JSON Schema, of draft 2020-12 unless it says otherwise.
        texts: of the model, with as many tokens as it has.
        ends: the tokens that close a completion; at least one.

    Raises:
        ConfigError: the schema is wrong, asks for what is not enforced, or is too large.
    """
    source = _bounded("the JSON schema", json.dumps(schema | {"x-guidance": STRICTLY}))
    # llguidance skips what is no keyword at all.
    if odd := sorted(set(_keywords(schema)) - ENFORCED - SAYING_NOTHING):
        raise ConfigError(
            f"the JSON schema asks for {odd[0]}, which is not enforced",
            hint=f"enforced are {', '.join(sorted(ENFORCED))}",
        )
    tokenizer = _tokenizer(texts, ends, LLTokenizer.json_slices())
    return _compiled("the JSON schema", f"start: %json {source}", tokenizer)


def regex(pattern: str, texts: Texts, ends: Collection[int]) -> Constraint:
    """Completions match ``pattern`` as a whole.

    Args:
        pattern: in the syntax of Rust's regex, without looking around.
        texts: of the model, with as many tokens as it has.
        ends: the tokens that close a completion; at least one.

    Raises:
        ConfigError: the pattern is wrong, or too large.
    """
    source = regex_to_lark(_bounded("the regular expression", pattern), use_ascii="")
    # It would escape what ends the expression in the grammar.
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise ConfigError("the regular expression ends with a backslash that escapes nothing")
    tokenizer = _tokenizer(texts, ends, LLTokenizer.general_slices())
    return _compiled("the regular expression", f"start: /{source}/", tokenizer)


def _bounded(what: str, source: str) -> str:
    try:
        size_bytes = len(source.encode())
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{what} holds what is no character, {error.object[error.start]!r}"
        ) from error
    if size_bytes > SOURCE_BYTES:
        raise ConfigError(f"{what} takes {size_bytes:,} bytes; {SOURCE_BYTES:,} are the most")
    return source


def _keywords(schema: Any) -> Iterator[str]:
    """All keywords of a schema and of those within it, however deep."""
    left = [schema]
    while left:
        each = left.pop()
        if isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            yield from each
            left += [each.get(key) for key in SCHEMAS_AT]
            for key in NAMED_SCHEMAS_AT:
                named = each.get(key)
                left += named.values() if isinstance(named, dict) else []


def _tokenizer(texts: Texts, ends: Collection[int], slices: list[str]) -> LLTokenizer:
    wrapped = TokenizerWrapper(_Vocabulary(texts, ends))
    return LLTokenizer(wrapped, eos_token=sorted(ends), slices=slices)


class _Vocabulary:
    """A tokeniser as llguidance asks for one."""

    def __init__(self, texts: Texts, ends: Collection[int]) -> None:
        self._texts = texts
        self.tokens = texts.token_bytes
        self.eos_token_id = min(ends)
        self.bos_token_id = None
        self.special_token_ids = sorted({*texts.special.values(), *ends})

    def __call__(self, text: bytes) -> list[int]:
        return self._texts.encode(text.decode("utf-8", "replace"))


def _compiled(what: str, grammar: str, tokenizer: LLTokenizer) -> Constraint:
    """Compiled in time, first mask included.

    A thread that is late goes on until its fuel is spent: nobody waits for it.
    """
    done: list[LLMatcher] = []

    def compile_grammar() -> None:
        matcher = LLMatcher(tokenizer, EXACTLY + grammar, log_level=0, limits=LIMITS)
        matcher.compute_bitmask()
        done.append(matcher)

    thread = Thread(target=compile_grammar, daemon=True)
    thread.start()
    thread.join(COMPILE_SECONDS)
    if not done:
        raise ConfigError(f"{what} takes more than {COMPILE_SECONDS:g} s to compile")
    _check(done[0], what)
    return Constraint(done[0], tokenizer.vocab_size)


def _check(matcher: LLMatcher, what: str) -> None:
    if matcher.is_error():
        raise ConfigError(f"{what} {_verdict(matcher.get_error())}")


def _verdict(said: str) -> str:
    """What is wrong, in words for people who gave a schema or an expression."""
    before = re.split(BEHIND_REASON, said, maxsplit=1)[0]
    reason = " ".join(re.sub(f"^{BEFORE_REASON}", "", before, flags=re.DOTALL).split())
    found = ((re.fullmatch(form, reason, re.IGNORECASE), told) for form, told in VERDICTS.items())
    return next(match.expand(told) for match, told in found if match)[:VERDICT_CHARACTERS]
