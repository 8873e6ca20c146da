from pathlib import Path

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


def test_cld2_codes_that_are_not_iso():
    found = {code: languages.by_cld2()[code].code for code in ("iw", "jw", "no", "zh-Hant", "tl")}
    assert found == {"iw": "heb", "jw": "jav", "no": "nob", "zh-Hant": "zho", "tl": "tgl"}


def test_cld2_can_say_nothing_that_is_not_in_the_table():
    import pycld2

    spoken = dict(pycld2.LANGUAGES)
    codes = {spoken[name] for name in pycld2.DETECTED_LANGUAGES}
    assert codes - set(languages.by_cld2()) == {"tlh", "zzp"}  # Klingon and Pig Latin


def test_speakers_of_first_and_second_language():
    assert languages.speakers("swa") > 150e6
    assert languages.speakers("nob") < 6e6
    assert languages.speakers("got") is languages.speakers("und") is None


def test_names_and_keys():
    assert languages.name("pan") == "Panjabi"
    assert languages.name("und") == "unknown"
    assert languages.name("xyz") == "xyz"
    assert languages.split("pan_Guru") == ("pan", "Guru")
    assert languages.split("und") == ("und", "")


def test_english_is_named_in_one_place():
    package = Path(languages.__file__).parent
    naming = [path for path in package.rglob("*.py") if '"eng_Latn"' in path.read_text("utf-8")]
    assert naming == [Path(languages.__file__)]
