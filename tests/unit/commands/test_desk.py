"""What commands find before their work."""

import pytest

from bedstone.commands.desk import among, keys_of
from bedstone.errors import ConfigError


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ((), ()),
        ("te,SWH, en", ("tel", "swa", "eng")),
        (["te-Telu", "tel_telu"], ("tel_Telu",)),
        ("zh-hant,zho", ("zho_Hant", "zho")),
        ("no,pt-BR,pa-PK", ("nob", "por", "pnb")),
        ("ace_Arab,ACE", ("ace_Arab", "ace")),  # none of the identifiers' own, but a language
    ],
)
def test_languages_by_any_code(asked, keys):
    assert keys_of(asked) == keys


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("swahili", "did you mean 'swa', Swahili?"),
        ("qqq", "'qqq' is no language's code$"),
        ("und", "'und' is no language's code"),
        ("mul", "'mul' is no language's code"),
    ],
)
def test_words_that_mean_no_language(word, told):
    with pytest.raises(ConfigError, match=told):
        keys_of(["te", word])


def test_rows_of_the_languages_asked_for():
    rows = [{"key": key} for key in ("zho_Hans", "zho_Hant", "tel_Telu", "sux")]

    def chosen(*keys):
        found, absent = among(keys, rows, lambda row: row["key"])
        return [row["key"] for row in found], absent

    assert chosen() == (["zho_Hans", "zho_Hant", "tel_Telu", "sux"], [])
    assert chosen("zho", "sux") == (["zho_Hans", "zho_Hant", "sux"], [])
    assert chosen("tel_Telu", "zho_Hant", "eng") == (["zho_Hant", "tel_Telu"], ["eng"])
    assert chosen("tel_Latn") == ([], ["tel_Latn"])
