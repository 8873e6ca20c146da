import math

import pytest

from bedstone import config as configs
from bedstone.config import Config, key_lines
from bedstone.corpus.filter import FilterConfig
from bedstone.errors import ConfigError


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


class Steps(Config):
    steps: tuple[Step, ...] = ()


def test_an_unknown_key_in_a_list_of_tables():
    assert problems(Steps, "steps=[{share=1}, {share=1, shaer=2}]") == [
        "--set steps=[{share=1}, {share=1, shaer=2}]: steps.1.shaer: unknown key; "
        "did you mean 'share'?"
    ]


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
    text = 'a = """\nb = 1\n"""\n[c.d] # e\n"f" = {g = 1}\nh.i = 2\n'
    assert key_lines(text) == {
        ("a",): 1,
        ("c", "d"): 4,
        ("c", "d", "f"): 5,
        ("c", "d", "h", "i"): 6,
    }
