"""What `bedstone plan` reads and draws beside the laws."""

import pytest

import bedstone
from bedstone.commands.plan import read_corpus
from bedstone.errors import ArtifactError, ConfigError
from bedstone.laws.budget import Corpus


def test_a_corpus_is_told_in_tokens_by_language_or_not(tmp_path):
    assert read_corpus([], tmp_path) is None
    assert read_corpus(["1.2e9"], tmp_path) == Corpus({"": 1.2e9})
    named = read_corpus(["sw=1e9", "tel_Telu=2e8"], tmp_path)
    assert named == Corpus({"swa": 1e9, "tel_Telu": 2e8})
    assert named.unique_tokens == 1.2e9


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["xyzzy=3"], "no language 'xyzzy'"),
        (["swh=-1"], "above 0"),
        (["1e9", "2e9"], "given twice"),
        (["sw=1e9", "swh=2e9"], "given twice"),
        (["1e19", "swh=1e20"], "are no corpus"),
    ],
)
def test_a_corpus_that_nobody_understands_is_refused(tmp_path, words, told):
    with pytest.raises(ConfigError, match=told):
        read_corpus(words, tmp_path)
    with pytest.raises(ArtifactError, match="no artifact"):
        read_corpus(["abcdef"], tmp_path)


def test_the_chart_is_an_svg_with_every_law_on_it(tmp_path):
    bedstone.plan(flop=1e25, chart=tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text()
    assert text.startswith("<svg")
    assert "chinchilla-3-unrounded" in text
    assert "1e+25 FLOP" in text
    with pytest.raises(ConfigError, match="says nothing of loss"):
        bedstone.plan(flop=1e21, law="twenty", chart=tmp_path / "none.svg")
