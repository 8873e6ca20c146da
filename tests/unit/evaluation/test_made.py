import pytest

from bedstone.errors import ConfigError, DataError
from bedstone.evaluation.made import STAGE
from bedstone.tasks.items import items_of

SOURCES = ("gnome-user-docs", "mediawiki", "udhr")


@pytest.fixture
def parallel(table_shard):
    """Eight pages, messages and articles in English, Telugu and Greek."""

    def write(*sources):
        rows = []
        for number in range(8):
            units = {
                "gnome-user-docs": {f"book/net-{number}#0": 9, f"book/net-{number}#1": 50},
                "mediawiki": {f"languages/i18n/key-{number}#0": 30},
                "udhr": {f"{number + 1}": 40},
            }
            for source in sources:
                rows += [
                    (
                        source,
                        language,
                        unit,
                        f"{language} {number} {unit[-1]} " + "word " * (size // 5) + f"{number}",
                    )
                    for unit, size in units[source].items()
                    for language in ("eng_Latn", "tel_Telu", "ell_Grek")
                ]
        columns = zip(*rows, strict=True)
        names = ("source", "language", "unit", "text")
        return table_shard("parallel", dict(zip(names, map(list, columns), strict=True)))

    return write


def test_words_need_no_text(run):
    result, made = run(STAGE, {"items": 4})
    items = list(items_of(made))
    assert {item.suite for item in items} == {"rows", "facts"}
    assert result.metrics["rows_languages"] > 300
    assert result.metrics["languages"] == len({item.language for item in items})
    assert result.metrics["items"] == len(items) == len({item.id for item in items})


def test_all_sets_the_same_in_each_language(run, parallel):
    config = {"sets": ["udhr", "facts", "titles", "messages", "rows"]}
    result, made = run(STAGE, config, parallel=parallel(*SOURCES))
    items = list(items_of(made))
    suites = list(dict.fromkeys(item.suite for item in items))
    assert suites == ["titles", "messages", "udhr", "udhr_text", "rows", "facts"]
    for suite in suites:
        asked = {
            language: {
                it.parallel_id for it in items if (it.suite, it.language) == (suite, language)
            }
            for language in ("eng_Latn", "tel_Telu", "ell_Grek")
        }
        assert asked["tel_Telu"] == asked["ell_Grek"] != set()
        assert asked["eng_Latn"] == (set() if suite == "messages" else asked["tel_Telu"])
    assert result.metrics["titles_items"] == 24
    assert result.metrics["messages_items"] == 16
    assert result.metrics["common_languages"] == 2


def test_only_the_languages_that_are_named(run, parallel):
    config = {"sets": ["udhr", "rows"], "languages": ["tel_Telu"], "items": 4}
    result, made = run(STAGE, config, parallel=parallel("udhr"))
    assert {item.language for item in items_of(made)} == {"tel_Telu"}
    assert result.metrics["udhr_items"] == result.metrics["rows_items"] == 4


def test_a_language_that_no_set_is_in(run):
    with pytest.raises(DataError, match=r"no item of rows is in tel_Latn$"):
        run(STAGE, {"sets": ["rows"], "languages": ["tel_Latn"]})


def test_a_language_that_a_set_is_not_in_is_left_out(run):
    _, made = run(STAGE, {"sets": ["rows"], "languages": ["tel_Latn", "deu_Latn"]})
    assert {item.language for item in items_of(made)} == {"deu_Latn"}


def test_text_that_no_item_can_be_made_of(run, table_shard):
    columns = {"source": ["udhr"], "language": ["eng_Latn"], "unit": ["1"], "text": ["a b c"]}
    with pytest.raises(DataError, match="no item of titles is in any language"):
        run(
            STAGE,
            {"sets": ["titles"]},
            parallel=table_shard("parallel", columns | {"source": ["gnome-user-docs"]}),
        )


def test_parallel_text_that_is_missing_or_in_vain(run, parallel):
    with pytest.raises(ConfigError, match="titles, udhr need 'parallel'"):
        run(STAGE, {"sets": ["titles", "rows", "udhr"]})
    given = parallel("udhr")
    with pytest.raises(ConfigError, match="rows do not need 'parallel'"):
        run(STAGE, {"sets": ["rows"]}, parallel=given)
    with pytest.raises(DataError, match="messages is made of mediawiki") as caught:
        run(STAGE, {"sets": ["messages", "udhr"]}, parallel=given)
    assert "mediawiki" in caught.value.hint
