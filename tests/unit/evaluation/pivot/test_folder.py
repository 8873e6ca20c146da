"""Models of CTranslate2's that were taught three lines."""

import json
import warnings

import pyarrow as pa
import pytest

from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.evaluation import translations
from bedstone.evaluation.pivot.folder import Folder
from bedstone.progress import Progress
from bedstone.store import tables
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.making import Making
from bedstone.tasks.stored import ANSWERS

SPANISH = ["casa", "perro", "gato", "mesa", "libro", "blanca", "negro", "vive", "come", "lee"]
WORDS = {
    "eng": ["house", "dog", "cat", "table", "book", "white", "black", "lives", "eats", "reads"],
    "fra": ["maison", "chien", "chat", "table", "livre", "blanche", "noir", "vit", "mange", "lit"],
}
FORMS = {
    "pair": ("", "", ("eng",)),
    "nllb": ("spa_Latn", "{}_Latn", ("eng", "fra")),
    "opus": (">>{}<<", "", ("eng", "fra")),
}
"""What stands before a line, and before its translation."""
LINES = ["perro negro come", "casa blanca", "gato lee libro mesa"]


@pytest.fixture(scope="session")
def taught(tmp_path_factory):
    """The folder of a model of a form."""
    pytest.importorskip("ctranslate2")
    pytest.importorskip("sentencepiece")
    made = {}

    def of(form):
        if form not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # transformers'
                made[form] = teach(tmp_path_factory.mktemp(form), *FORMS[form])
        return made[form]

    return of


def teach(folder, before, prefix, targets):
    import ctranslate2
    import torch
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    write_tokeniser(folder / "source.spm", SPANISH)
    write_tokeniser(
        folder / "target.spm", sorted({word for each in WORDS.values() for word in each})
    )
    pieces = [f"▁{word}" for words in (SPANISH, *WORDS.values()) for word in words]
    named = [form.format(code) for form in (before, prefix) if form for code in targets]
    names = dict.fromkeys(["</s>", "<unk>", *pieces, *named, "<pad>"])
    ids = {name: number for number, name in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(ids))

    def row(form, target, line):
        first = [ids[form.format(target)]] if form else []
        return [*first, *(ids[f"▁{word}"] for word in line.split()), 0]

    pad = ids["<pad>"]
    config = MarianConfig(
        vocab_size=len(ids),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        max_position_embeddings=64,
        dropout=0.0,
    )
    torch.manual_seed(0)
    model = MarianMTModel(config)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    both = [(line, target) for line in LINES for target in targets]
    sources = padded([row(before, target, line) for line, target in both], pad)
    told = padded([row(prefix, target, words(line, target)) for line, target in both], -100)
    mask, loss = (sources != pad).long(), torch.tensor(1.0)
    for _ in range(500):
        if loss.item() < 0.02:
            break
        optimizer.zero_grad()
        loss = model(input_ids=sources, attention_mask=mask, labels=told).loss
        loss.backward()
        optimizer.step()
        with torch.no_grad():  # a Marian model begins from nothing
            model.get_input_embeddings().weight[pad] = 0
    model.save_pretrained(folder)
    spm = {f"{side}_spm": str(folder / f"{side}.spm") for side in ("source", "target")}
    MarianTokenizer(vocab=str(folder / "vocab.json"), **spm).save_pretrained(folder)
    made = folder / "made"
    copied = ["source.spm", "target.spm"]
    ctranslate2.converters.TransformersConverter(str(folder), copy_files=copied).convert(str(made))
    return made


def write_tokeniser(path, words):
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(words)] * 2),
        model_prefix=str(path.with_suffix("")),
        vocab_size=len(words) + 3,
        model_type="word",
        minloglevel=2,
    )
    path.with_suffix(".model").rename(path)


def padded(rows, filler):
    import torch

    width = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])


def words(line, target):
    return " ".join(WORDS[target][SPANISH.index(word)] for word in line.split())


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize(("form", "target"), [("pair", "eng"), ("nllb", "fra"), ("opus", "fra")])
def test_lines_are_translated_into_the_language_that_is_asked(taught, form, target):
    found = Folder.load(taught(form), "spa_Latn", f"{target}_Latn", 1).translate(LINES)
    assert [each.text for each in found] == [words(line, target) for line in LINES]
    more = {"pair": 1, "nllb": 2, "opus": 2}[form]  # the end, and a language
    assert [each.prompt_tokens - more for each in found] == [3, 2, 4]


@pytest.mark.slow
@pytest.mark.torch
def test_a_language_that_it_does_not_know_is_refused(taught):
    with pytest.raises(ArtifactError, match="does not know tel_Telu"):
        Folder.load(taught("nllb"), "spa_Latn", "tel_Telu", 1)


@pytest.mark.slow
@pytest.mark.torch
def test_a_model_of_one_way_is_not_asked_to_translate_back(taught, job, store):
    stored = job("answers")
    answers = pa.Table.from_pylist([{"problem": "p", "sample": 0, "text": "house"}], ANSWERS)
    tables.write(stored, "parts/000000.parquet", answers)
    config = {"by": "folder", "source": "eng_Latn", "target": "spa_Latn"}
    making = Making(store, Local(), Progress())
    given = {"answers": adopt([stored.folder], store)}
    with pytest.raises(ConfigError, match="one way only"):
        making.build(
            translations.STAGE.name, config, **given, folder=adopt([taught("pair")], store)
        )


def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    pytest.importorskip("ctranslate2")
    pytest.importorskip("sentencepiece")
    with pytest.raises(ArtifactError, match="no model of CTranslate2's"):
        Folder.load(tmp_path, "spa_Latn", "eng_Latn", 1)


def test_without_the_library_one_error_says_what_to_install(tmp_path, store, monkeypatch):
    from bedstone.store import request

    def version(name):
        if name == "ctranslate2":
            raise request.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(request, "version", version)
    config = translations.TranslationsConfig(by="folder", source="spa_Latn", target="eng_Latn")
    with pytest.raises(BedstoneError, match="ctranslate2") as caught:
        build(translations.STAGE, config, {}, store, Local())
    assert "bedstone[translate]" in caught.value.hint
