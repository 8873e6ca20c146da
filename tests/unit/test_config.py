import math
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from bedstone import config as configs
from bedstone.config import Config, key_lines
from bedstone.corpus.filter import FilterConfig
from bedstone.errors import ConfigError
from bedstone.store.stages import STAGES, find
from bedstone.tokenizer.train import TrainConfig as TokenizerConfig


def problems(kind, *sets, path=None):
    with pytest.raises(ConfigError) as caught:
        configs.load(kind, path, sets)
    return str(caught.value).splitlines()[1:]


def test_all_errors_at_once_each_with_its_line(tmp_path):
    path = tmp_path / "filter.toml"
    path.write_text('witout = []\n\n[ranges.word_count]\n# fewer\nlow = "few"\n')
    assert problems(FilterConfig, path=path) == [
        f"{path}:5: ranges.word_count.low: input should be a valid number, unable to parse "
        "string as a number",
        f"{path}:1: witout: unknown key; did you mean 'without'?",
    ]


class Step(Config):
    share: float


class Loop(Config):
    turns: int
    step: Step | None = None


class Steps(Config):
    steps: tuple[Step, ...] = ()
    one: Step | None = None
    named: dict[str, Step] = {}
    lists: dict[Annotated[str, Field(pattern="^[a-z]+$")], list[Step]] | None = None
    either: Step | Loop | None = None
    pair: tuple[Step, Loop] | None = None
    loop: Loop = Loop(turns=1)


def test_an_unknown_key_in_a_list_of_tables():
    assert problems(Steps, "steps=[{share=1}, {share=1, shaer=2}]") == [
        "--set steps=[{share=1}, {share=1, shaer=2}]: steps.1.shaer: unknown key; "
        "did you mean 'share'?"
    ]


@pytest.mark.parametrize(
    "key",
    [
        "one.shaer",
        "named.other.shaer",
        "named.share.shaer",
        "loop.step.shaer",
        "lists.x.0.shaer",
        "either.Step.shaer",
        "either.Loop.step.shaer",
        "pair.0.shaer",
    ],
)
def test_the_nearest_key_is_told_wherever_a_table_may_stand(key):
    values = 1
    for part in reversed(key.split(".")):
        if part not in ("Step", "Loop"):  # the choices of a union are no part of the values
            values = [values] if part == "0" else {part: values}
    with pytest.raises(ConfigError, match=rf"{key}: unknown key; did you mean 'share'\?"):
        configs.checked(Steps, values)


def test_the_nearest_key_is_told_in_a_stage_s_optional_tables():
    assert problems(TokenizerConfig, "parity.min_bytez=1", "parity.window.mergs=1") == [
        "--set parity.window.mergs=1: parity.window.mergs: unknown key; did you mean 'merges'?",
        "--set parity.min_bytez=1: parity.min_bytez: unknown key; did you mean 'min_bytes'?",
    ]


def test_many_problems_are_not_all_told():
    found = problems(FilterConfig, *(f"k{number}=1" for number in range(30)))
    assert len(found) == 21
    assert found[-1] == "and more"
    assert len(problems(FilterConfig, *(f"k{number}=1" for number in range(20)))) == 20


def test_a_set_is_its_own_place():
    change = 'without=["word_cuont"]'
    assert problems(FilterConfig, change) == [
        f"--set {change}: without: no rule 'word_cuont' in gopher-quality:datatrove; "
        "did you mean 'word_count'?"
    ]


def test_a_setting_without_effect_is_an_error():
    sets = ['without=["word_count"]', "ranges.word_count.low=1"]
    assert "no effect" in problems(FilterConfig, *sets)[0]


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_config_holds_finite_numbers(value):
    assert problems(FilterConfig, f"ranges.word_count.low={value}")


def test_toml_that_is_none_names_the_line(tmp_path):
    (tmp_path / "x.toml").write_text("a = 1\nb = = 2\n")
    with pytest.raises(ConfigError, match=r"x\.toml:2: no TOML"):
        configs.load(FilterConfig, tmp_path / "x.toml")


def test_integers_have_64_bits(tmp_path):
    class Counts(Config):
        one: int = 0
        several: tuple[int, ...] = ()
        any: object = None

    largest, told = 2**63 - 1, "an integer has 64 bits at most"
    sets = [f"one={-largest - 1}", f"several=[{largest}]", f"any=[{largest}]"]
    assert configs.load(Counts, None, sets).several == (largest,)
    hexadecimal = f"0x{'f' * 9999}"
    path = tmp_path / "counts.toml"
    path.write_text(
        f"one = {10**30}\nseveral = [1, {largest + 1}]\nany = [{{x = {hexadecimal}}}]\n"
    )
    assert problems(Counts, path=path) == [
        f"{path}:1: one: {told}",
        f"{path}:2: several: {told}",
        f"{path}:3: any: {told}",
    ]
    with pytest.raises(ConfigError, match=f"options: one: {told}"):
        configs.checked(Counts, {"one": 10**30})


def test_an_integer_of_thousands_of_digits(tmp_path):
    (tmp_path / "x.toml").write_text(f"low = {'1' * 5000}")
    with pytest.raises(ConfigError, match=r"x\.toml: an integer has too many digits"):
        configs.load(FilterConfig, tmp_path / "x.toml")
    assert "finite number" in problems(FilterConfig, f"ranges.word_count.low={'1' * 5000}")[0]


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 500_000 + "]" * 500_000,
        "x = " + "{x = " * 150_000 + "1" + "}" * 150_000,
        "[" * 1_000_000,
        "x." * 500_000 + "x = 1",
        "[" + "x . " * 250_000 + "x]",
        'x = ["""a"""", {' + "'x'." * 250_000 + "x = 1}]",
    ],
    ids=["arrays", "tables", "brackets", "key", "header", "behind a string"],
)
def test_what_lies_too_deep_is_refused(tmp_path, text):
    (tmp_path / "x.toml").write_text("# here\n" + text)
    with pytest.raises(ConfigError, match=r"x\.toml:2: more than 32 tables or arrays"):
        configs.load(FilterConfig, tmp_path / "x.toml")


def test_a_set_that_lies_too_deep_is_refused():
    with pytest.raises(ConfigError, match="--set: more than 32 dots"):
        configs.load(FilterConfig, None, ["x." * 100_000 + "x=1"])
    for value in ("[" * 100_000 + "]" * 100_000, "{" + "x." * 100_000 + "x=1}"):
        assert "valid tuple" in problems(FilterConfig, f"rules={value}")[0]


@pytest.mark.parametrize("blank", [" ", "\t", "\n", " " * 999 + "\n", "#", "# '''\n"])
def test_blank_text_is_read(tmp_path, blank):
    """A pattern that goes back over the blanks would take days."""
    (tmp_path / "x.toml").write_text(blank * (1_000_000 // len(blank)))
    assert configs.load(FilterConfig, tmp_path / "x.toml") == FilterConfig()


def test_a_file_without_end_is_no_config():
    with pytest.raises(ConfigError, match="/dev/zero is no config: it has more than"):
        configs.load(FilterConfig, Path("/dev/zero"))


@pytest.mark.parametrize("change", ["broken", "without.x.y=1"])
def test_a_malformed_set(change):
    with pytest.raises(ConfigError, match="--set"):
        configs.load(FilterConfig, None, ["without=1", change])


def test_a_set_value_is_toml_or_else_text():
    class Anything(Config):
        value: object

    values = {"1e-4": 1e-4, "true": True, "no": "no", "[1, 2]": [1, 2], "nob_Latn": "nob_Latn"}
    for text, value in values.items():
        assert configs.load(Anything, None, [f"value={text}"]).value == value
    assert not math.isnan(configs.load(Anything, None, ["value=1.10"]).value)


def test_key_lines_skip_what_only_looks_like_a_key():
    text = 'a = """\nb = 1\n"""\n[c.d] # \'\'\'\n"f" = {g = 1}\nh.i = 2 # """\n'
    assert key_lines(text) == {
        ("a",): 1,
        ("c", "d"): 4,
        ("c", "d", "f"): 5,
        ("c", "d", "h", "i"): 6,
    }


FREE = {
    "corpus.language": {"min_bytes"},
    "corpus.held_out": {"min_documents"},
    "corpus.thresholds": {"min_documents"},
    "tokenizer.train": {
        "min_frequency",
        "max_bytes",
        "parity.window.merges",
        "parity.min_bytes",
        "parity.min_units",
    },
    "tokenizer.mix": {"budget_tokens"},
    "scaling.fit": {"drop_highest", "hold_out"},
    "evaluation.texts": {"max_bytes", "document_max_bytes"},
    "posttrain.pairs": {
        "prompt_max_characters",
        "completion_min_characters",
        "completion_max_characters",
        "document_max_pairs",
    },
    "posttrain.sft": {"batch_tokens", "max_tokens"},
    "posttrain.judge": {"max_pairs"},
    "posttrain.prefer": {"batch_tokens"},
    "evaluation.change": {"prompts", "loss_max_tokens"},
    "sampling.answers": {"paraphrase", "ends.0"},
    "evaluation.translations": {"ends.0"},
}
"""Integers that neither time nor memory grows with: what there is bounds them, or 64 bits do."""


def integers(schema, part, key=()):
    """The keys of all integers, and whether each has a largest value."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    if part.get("type") == "integer":
        yield ".".join(key), "maximum" in part or "exclusiveMaximum" in part
    for each in part.get("anyOf", ()):
        yield from integers(schema, each, key)
    below = {**part.get("properties", {}), "0": part.get("items")}
    for name, inner in {**below, "x": part.get("additionalProperties")}.items():
        if inner:
            yield from integers(schema, inner, (*key, name))


@pytest.mark.torch
@pytest.mark.parametrize("stage", STAGES)
def test_integers_that_time_or_memory_grows_with_are_bounded(stage):
    kind = find(stage).config
    schema = kind.model_json_schema()
    for key, is_bounded in integers(schema, schema):
        is_free = key in FREE.get(stage, ()) or key.endswith("seed")
        assert is_bounded or is_free, key
        values = 10**30
        for name in reversed(key.split(".")):
            values = [values] if name == "0" else {name: values}
        with pytest.raises(ConfigError, match=key.removesuffix(".0")):
            configs.checked(kind, values)
