from collections import defaultdict

import pytest

from bedstone.commands.audit import COMMANDS, _lines

(AUDIT,) = COMMANDS
UNSURE = ("possible_noise", "cannot_tell")


def told(**known):
    row = dict.fromkeys(("speakers", "speakers_share", "world_to_corpus_ratio", "erased_share"))
    row |= {"name": "Hausa", "script": "Latn", "documents": 12, "share": 0.5, "category": "H"}
    row |= {"purity_low": 0.0, "purity_high": 1.0, "purity_kinds": 2}
    audit = {"documents": 24, "languages_total": 1, "unknown_share": 0.5, "mixed_share": 0.0}
    return list(_lines(defaultdict(str, audit | {"languages": [row | known]})))


@pytest.mark.parametrize(
    ("noise", "unsure", "end"),
    [(True, False, " noise?"), (False, True, " cannot tell"), (False, False, "0 to 100 ")],
)
def test_noise_is_told_from_what_cannot_be_told(noise, unsure, end):
    lines = told(possible_noise=noise, cannot_tell=unsure)
    assert next(line for line in lines if line.startswith("Hausa")).endswith(end)
    explained = [line for line in lines if line.startswith(("noise?:", "cannot tell:"))]
    assert [line.partition(":")[0] for line in explained] == [end.strip()] * (noise or unsure)


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
