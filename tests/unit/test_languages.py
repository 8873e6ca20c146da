from pathlib import Path

import pytest

from bedstone import languages


def test_table_is_consistent():
    table = languages.known()
    assert [row.code for row in table.values()] == sorted(table)
    for row in table.values():
        assert len(row.code) == 3
        assert row.name
        assert row.scripts
        assert all(len(script) == 4 for script in row.scripts)
    codes = [code for row in table.values() for code in row.cld2]
    assert len(codes) == len(set(codes)) == len(languages.by_cld2())


def test_no_code_means_two_languages():
    claimed = [
        code
        for row in languages.known().values()
        for code in {row.code, row.standard, *row.codes, *row.cld2} - {""}
    ]
    assert len(claimed) == len(set(claimed))


def test_every_cldr_code_has_speakers():
    for row in languages.known().values():
        assert all(languages._population(code) for code in row.cldr), row.code
        for countries in row.divided.values():
            assert all(languages._population(f"{row.cldr[0]}-{it}") for it in countries), row.code


def test_the_table_of_names_and_speakers_is_language_datas():
    from language_data.names import code_to_names
    from language_data.population_data import LANGUAGE_SPEAKING_POPULATION as POPULATION

    table = languages._cldr()
    assert len(table) > 8000
    for code, (name, people) in table.items():
        own = "" if code in languages.known() else code_to_names(code).get("en", "")
        assert (name, people) == (own, POPULATION.get(code)), code
    assert {code for code in POPULATION if "-" not in code} <= set(table)


def test_cld2_codes_that_are_not_iso():
    found = {code: languages.by_cld2()[code].code for code in ("iw", "jw", "no", "zh-Hant", "tl")}
    assert found == {"iw": "heb", "jw": "jav", "no": "nob", "zh-Hant": "zho", "tl": "tgl"}


def test_cld2_can_say_nothing_that_is_not_in_the_table():
    import pycld2

    spoken = dict(pycld2.LANGUAGES)
    codes = {spoken[name] for name in pycld2.DETECTED_LANGUAGES}
    assert codes - set(languages.by_cld2()) == {"tlh", "zzp"}  # Klingon and Pig Latin


@pytest.mark.parametrize(
    ("codes", "means"),
    [
        ("zh cmn zho chi cn zh-Hant zh_CN", "zho"),
        ("no nor nb nob", "nob"),
        ("nn nno", "nno"),
        ("ms msa zsm zlm may", "msa"),
        ("sw swa swh", "swa"),
        ("ar ara arb", "ara"),
        ("sr srp scc sr-Latn sr-ME-x", "srp"),
        ("hr hrv scr hrp", "hrv"),
        ("bs bos", "bos"),
        ("sh hbs", "hbs"),
        ("ja jpn jp", "jpn"),
        ("pa pan", "pan"),
        ("tl fil tgl", "tgl"),
        ("iw he heb", "heb"),
    ],
)
def test_codes_in_print(codes, means):
    assert {languages.by_code(code).code for code in codes.split()} == {means}


def test_a_code_of_nothing_known():
    assert languages.by_code("xyz") is languages.by_code("C") is languages.by_code("") is None


def test_speakers_of_first_and_second_language():
    assert languages.speakers("swa") > 150e6
    assert languages.speakers("nob") < 6e6
    assert languages.speakers("got") is languages.speakers("und") is None
    assert languages.speakers("hbs") == sum(map(languages.speakers, ("srp", "hrv", "bos")))
    assert languages.speakers("sck") == languages._population("sck") > 1e6  # not in the table


def test_speakers_by_script_add_up():
    for code in ("pan", "zho", "snd", "uzb"):
        language = languages.known()[code]
        scripts = [language.scripts[0], *language.divided]
        parts = [languages.speakers(code, script) for script in scripts]
        assert sum(parts) == languages.speakers(code)
        assert languages.is_divided(code)
    assert languages.speakers("pan", "Arab") == languages.speakers("pnb") > 150e6
    assert languages.speakers("srp", "Latn") == languages.speakers("srp")
    assert not languages.is_divided("srp")


def test_published_speakers():
    codes = ("pan", "swa", "urd", "kan", "tel", "guj", "mar", "ben", "eng")
    millions = (113, 71, 231, 64, 95, 62, 99, 272, 1452)
    for code, number in zip(codes, millions, strict=True):
        assert languages.speakers(code, source="published") == number * 1_000_000
    assert languages.speakers("fra", source="published") is None


def test_names_and_keys():
    assert languages.name("pan") == "Panjabi"
    assert languages.name("und") == "unknown"
    assert languages.name("sux") == "Sumerian"  # not in the table
    assert languages.name("xyz") == "xyz"
    assert languages.split("pan_Guru") == ("pan", "Guru")
    assert languages.split("und") == ("und", "")
    assert languages.join(*languages.split("pan_Guru")) == "pan_Guru"
    assert languages.join("und", "") == "und"


def test_english_is_named_in_one_place():
    package = Path(languages.__file__).parent
    naming = [path for path in package.rglob("*.py") if '"eng_Latn"' in path.read_text("utf-8")]
    assert naming == [Path(languages.__file__)]
