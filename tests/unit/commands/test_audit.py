from bedstone.commands.audit import COMMANDS

(AUDIT,) = COMMANDS


def test_one_of_a_kind_is_told_as_one():
    found = {
        "documents": 1,
        "languages_total": 1,
        "languages": [],
        "absent": [],
        "removed": [],
        "speakers_source": "CLDR",
        "identifier": "pycld2",
        "unknown_share": 0.0,
        "mixed_share": 0.0,
    }
    assert next(iter(AUDIT.lines(found))) == "1 document in 1 language"


def test_help_names_all_that_is_read(cli):
    words = " ".join(cli("audit", "--help")[1].split())
    assert "WARC, ARC, WET, HTML, JSONL, Parquet, text files, folders" in words
