import json
import random
import re

import jsonschema
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from bedstone.errors import ConfigError
from bedstone.generation import constraint
from bedstone.generation.constraint import json_schema, regex
from bedstone.text.model_encoder import Texts

pytestmark = pytest.mark.torch

END, TURN = 0, 1
ALPHABET = pre_tokenizers.ByteLevel.alphabet()
TRAINING = ['{"name": "abc", "list": [1, 20, true, false, null]}', "నమస్తే é 日本 2024-02-29"] * 2
MAX_TOKENS = 4000


def trained(alphabet):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        TRAINING,
        trainers.BpeTrainer(
            vocab_size=330,
            initial_alphabet=sorted(alphabet),
            special_tokens=["<|end|>", "<|turn|>"],
            show_progress=False,
        ),
    )
    return Texts(json.loads(tokenizer.to_str()), None, 340)


@pytest.fixture(scope="module")
def texts():
    return trained(ALPHABET)


def drawn(rule, texts, seed):
    """The text of a model to which all tokens are equal, within its rule; whether it ended."""
    guide, ids, generator = rule(), [], random.Random(seed)
    for _ in range(MAX_TOKENS):
        token = generator.choice(guide.allowed().nonzero()[:, 0].tolist())
        if token == END:
            return texts.decode(ids), True
        ids.append(token)
        if guide.advance(token):
            return texts.decode(ids), True
    return texts.decode(ids), False


def thing(**properties):
    return {"type": "object", "properties": properties, "required": sorted(properties)}


INTEGER, TEXT = {"type": "integer"}, {"type": "string", "maxLength": 12}
SCHEMAS = [
    {"type": "null"},
    {"type": "boolean"},
    {"type": "integer", "minimum": -3, "maximum": 17},
    {"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 1000},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    TEXT,
    {"type": "string", "minLength": 3, "maxLength": 5},
    {"type": "string", "pattern": "^(ab|c){2,4}é?$"},
    {"enum": ["a", "నమస్తే", 1, None, [1], {"b": 2}]},
    {"const": {"a": [1, "x"]}},
    {"type": ["integer", "null"]},
    {"anyOf": [INTEGER, {"type": "array", "items": INTEGER, "maxItems": 2}]},
    {"oneOf": [INTEGER, TEXT]},
    {"allOf": [INTEGER, {"minimum": 3}, {"maximum": 5}]},
    {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 4},
    {"type": "array", "prefixItems": [INTEGER, TEXT], "items": False, "minItems": 2},
    thing(a=INTEGER, b=TEXT) | {"additionalProperties": False},
    thing(a=thing(b=thing(c={"type": "boolean"}))),
    {"type": "object", "properties": {"a": INTEGER, "b": TEXT}, "additionalProperties": False},
    {"type": "object", "patternProperties": {"^k[0-9]$": INTEGER}, "additionalProperties": False,
     "minProperties": 1, "maxProperties": 2},
    {"type": "object", "additionalProperties": INTEGER, "maxProperties": 2},
    {"type": "object", "additionalProperties": INTEGER, "maxProperties": 2, "required": ["a"]},
    {"$ref": "#/$defs/tree",
     "$defs": {"tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}},
                        "required": ["value"], "additionalProperties": False}
               | {"properties": {"value": INTEGER, "left": {"$ref": "#/$defs/tree"}}}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_whatever_is_drawn_is_valid(texts, schema):
    rule = json_schema(schema, texts, {END})
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for seed in range(10):
        text, is_whole = drawn(rule, texts, seed)
        assert is_whole, text
        validator.validate(json.loads(text))


PATTERNS = [
    "",
    "ab",
    "(ab|c)+d?",
    r"[0-9]{1,3}(,[0-9]{3}){0,2}",
    "a/b\"'\n\\\\",
    "న.{2,3}",
    "|x",
    "^ab$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_whatever_is_drawn_matches(texts, pattern):
    rule = regex(pattern, texts, {END})
    for seed in range(10):
        text, is_whole = drawn(rule, texts, seed)
        assert is_whole
        assert re.fullmatch(pattern, text)


WORDS = {"", "a", "ab", "abab", "é", "éé", "name", "name1"}


def test_allowed_is_what_brute_force_finds(texts):
    """Of a small language: the tokens after which one of its texts can still come of it."""
    contents = {word.encode() for word in WORDS}
    rule = regex("|".join(WORDS), texts, {END, TURN})

    def compare(guide, written, ids):
        expected = [
            token
            for token, content in enumerate(texts.token_bytes)
            if content and any(word.startswith(written + content) for word in contents)
        ]
        if written in contents:
            expected = [END, TURN, *expected]
        assert guide.allowed().nonzero()[:, 0].tolist() == expected
        for token in expected:
            if token in (END, TURN):
                continue
            longer = written + texts.token_bytes[token]
            after = rule()
            for each in ids:
                after.advance(each)
            goes_on = any(word.startswith(longer) and word != longer for word in contents)
            assert after.advance(token) == (not goes_on)
            if goes_on:
                compare(after, longer, [*ids, token])

    compare(rule(), b"", [])


def test_the_mask_is_as_wide_as_the_models_vocabulary(texts):
    allowed = regex("a", texts, {END})().allowed()
    assert allowed.shape == (340,)
    assert allowed.dtype == torch.bool


def test_rows_do_not_meet(texts):
    rule = regex("ab|cd", texts, {END})
    (a,), (c,) = texts.encode("a"), texts.encode("c")
    one, other = rule(), rule()
    one.advance(a)
    other.advance(c)
    assert one.allowed().tolist() != other.allowed().tolist()
    assert rule().allowed()[[a, c]].all()


def test_no_whitespace_between_the_parts(texts):
    guide = json_schema(thing(a=INTEGER), texts, {END})()
    for token in texts.encode('{"a":'):
        assert guide.allowed()[token]
        guide.advance(token)
    assert not guide.allowed()[texts.encode(" ")[0]]


UNENFORCED = "asks for what is not enforced:"
COSTS_TOO_MUCH = "costs too much: give it fewer choices, levels or repetitions"


def nested(levels):
    return {"items": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "array", "uniqueItems": True}, "asks for uniqueItems, which is not enforced"),
        ({"type": "string", "maxLenght": 3}, "asks for maxLenght, which is not enforced"),
        (
            {"properties": {"a": {"items": {"anyOf": [{"mininum": 3}]}}}},
            "asks for mininum, which is not enforced",
        ),
        (
            {"$defs": {"a": {"minumum": 3}}, "$ref": "#/$defs/a"},
            "asks for minumum, which is not enforced",
        ),
        ({"items": [{"mininum": 3}]}, "asks for mininum, which is not enforced"),
        ({"x-guidance": {"lenient": True}, "not": {}}, "asks for not, which is not enforced"),
        ({"type": "strin"}, "is wrong: Invalid type: strin"),
        ({"properties": [1]}, "is wrong: properties must be an object"),
        ({"properties": {"a": 1}}, "is wrong: schema must be an object or boolean"),
        ({"required": "a"}, "is wrong: Expected array for 'required', got \"a\""),
        ({"type": "string", "format": "day"}, "is wrong: Unknown format: day"),
        ({"type": "string", "pattern": "("}, "is wrong: unclosed group"),
        ({"$ref": "#/$defs/a"}, "is wrong: Pointer '/$defs/a' does not exist"),
        ({"$ref": "https://example.org/"}, "refers to https://example.org/, which is not fetched"),
        ({"$ref": "a.json"}, "refers to a.json, which is not fetched"),
        ({"$ref": "#"}, "leaves no text that the model's tokens could write"),
        (
            INTEGER | {"minimum": 5, "maximum": 4},
            "allows nothing: minimum (5) is greater than maximum (4)",
        ),
        (
            {"oneOf": [INTEGER, {"type": "number"}]},
            "asks for a oneOf whose choices may overlap, which is not enforced",
        ),
        (nested(300), COSTS_TOO_MUCH),
        ({"enum": ["x" * 70_000]}, "takes 70,102 bytes; 65,536 are the most"),
    ],
)
def test_a_schema_that_is_not_enforced(texts, schema, message):
    with pytest.raises(ConfigError, match=f"^the JSON schema {re.escape(message)}$"):
        json_schema(schema, texts, {END})


def test_a_format_is_held_to_its_shape(texts):
    rule = json_schema({"type": "string", "format": "date"}, texts, {END})
    for seed in range(10):
        text, is_whole = drawn(rule, texts, seed)
        assert is_whole
        assert re.fullmatch(r'"\d{4}-\d\d-\d\d"', text)


def test_names_of_properties_are_no_keywords(texts):
    json_schema(thing(maxLenght=INTEGER) | {"title": "of a thing"}, texts, {END})


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "is wrong: unclosed group"),
        ("a{5,2}", "is wrong: invalid repetition count range, the start must be <= the end"),
        ("too many(\nerror: look-around", "is wrong: unclosed group"),
        ("a\\\\\\", "ends with a backslash that escapes nothing"),
        (
            "(?=a)b",
            f"{UNENFORCED} look-around, including look-ahead and look-behind, is not supported",
        ),
        (r"(a)\1", f"{UNENFORCED} backreferences are not supported"),
        (r"a\b", r"asks for \b, or for ^ or $ within it, which is not enforced"),
        ("a$b", r"asks for \b, or for ^ or $ within it, which is not enforced"),
        (r"[^\s\S]", "leaves no text that the model's tokens could write"),
        ("(" * 300 + ")" * 300, COSTS_TOO_MUCH),
        ("a\ud800", r"holds what is no character, '\ud800'"),
        ("a" * 70_000, "takes 70,000 bytes; 65,536 are the most"),
    ],
)
def test_a_pattern_that_is_not_enforced(texts, pattern, message):
    with pytest.raises(ConfigError, match=f"^the regular expression {re.escape(message)}$"):
        regex(pattern, texts, {END})


def test_tokens_that_cannot_write_what_is_asked():
    texts = trained(set(ALPHABET) - {"7"})
    with pytest.raises(ConfigError, match=r"^the regular expression leaves no text that the model"):
        regex("7", texts, {END})
    guide = regex("a7", texts, {END})()
    guide.advance(*texts.encode("a"))
    with pytest.raises(ConfigError, match=r"^the constraint leaves no text that the model"):
        guide.allowed()


def test_a_pattern_that_costs_too_much_to_follow(texts):
    with pytest.raises(ConfigError, match=f"^the constraint {COSTS_TOO_MUCH}$"):
        drawn(regex("(.|..|...){1000}.*a.{100}b(.*c){50}", texts, {END}), texts, 0)


def test_a_schema_that_explodes(texts):
    choice = {"anyOf": [{"properties": {f"p{number}": INTEGER}} for number in range(9)]}
    with pytest.raises(ConfigError, match=COSTS_TOO_MUCH):
        json_schema({"type": "object", "allOf": [choice] * 9}, texts, {END})


def test_compiling_has_a_deadline(texts, monkeypatch):
    monkeypatch.setattr(constraint, "COMPILE_SECONDS", 0.0)
    with pytest.raises(ConfigError, match="the regular expression takes more than 0 s to compile"):
        regex("|".join(f"w{number}" for number in range(5000)), texts, {END})
