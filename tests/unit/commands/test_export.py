"""Models on their way out, without the programs that load them; those are in e2e/test_export.py."""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from tests.support.exports import TEXTS, Result, made, write_bits

import bedstone
from bedstone.errors import ArtifactError, BedstoneError, ConfigError, printable
from bedstone.model import gguf, hugging_face
from bedstone.model.exported import CARD
from bedstone.reporting import model_card
from bedstone.reporting.family import family
from bedstone.reporting.section import Section, Table
from bedstone.store.artifact import Artifact
from bedstone.text import gguf_file
from bedstone.text.encoder import Encoder
from bedstone.text.model_encoder import Texts

pytestmark = pytest.mark.torch
HOSTILE = "\x1b]0;t\x07|<b>`\u202e"


@pytest.fixture
def base(store):
    return made(store, "pretrain.train")


@pytest.fixture
def aligned(store, base):
    return made(store, "posttrain.prefer", model=base)


def exported(artifact, tmp_path, to, name):
    found = bedstone.export(artifact.path, to=to, out=tmp_path / name)
    assert found["export"] == str(tmp_path / name)
    return tmp_path / name


def test_a_file_holds_the_weights_in_16_bits(base, tmp_path):
    path = exported(base, tmp_path, "gguf", "model.gguf")
    ours, theirs = hugging_face.load(base.path), gguf.load(gguf_file.read(path))
    assert theirs.config.model_dump(exclude={"norm_eps"}) == ours.config.model_dump(
        exclude={"norm_eps"}
    )
    for name, weight in ours.named_parameters():
        rounded = weight.half().float() if weight.ndim == 2 else weight
        assert torch.equal(theirs.get_parameter(name), rounded), name
    assert path.stat().st_size < 0.75 * (base.path / "model.safetensors").stat().st_size


def test_a_file_has_the_ids_of_the_tokeniser(base, tmp_path):
    contents = gguf_file.read(exported(base, tmp_path, "gguf", "model.gguf"))
    theirs, ours = Texts.of_gguf(contents.fields), Encoder.load(base.path)
    assert theirs.special == ours.special
    for text in (*TEXTS, " ".join(TEXTS), "  a  b 1 22 333", "<|user|>"):
        assert theirs.encode(text) == ours.encode(text), text
        assert theirs.decode(ours.encode(text)) == text


def test_a_base_model_begins_texts_and_an_aligned_one_turns(base, aligned, tmp_path):
    of_base = gguf_file.read(exported(base, tmp_path, "gguf", "base.gguf"))
    of_aligned = gguf_file.read(exported(aligned, tmp_path, "gguf", "aligned.gguf"))
    assert (of_base.chat_template, of_base.fields["tokenizer.ggml.add_bos_token"]) == (None, True)
    assert of_aligned.chat_template == hugging_face.chat_template(aligned.path)
    assert not of_aligned.fields["tokenizer.ggml.add_bos_token"]
    assert of_base.ends == of_aligned.ends == {0}
    assert hugging_face.chat_template(exported(base, tmp_path, "huggingface", "base")) is None
    folder = exported(aligned, tmp_path, "huggingface", "aligned")
    assert hugging_face.chat_template(folder) == of_aligned.chat_template
    for path in (folder, tmp_path / "base"):
        assert Texts.load(path).begins == 0
    head = (folder / CARD).read_text("utf-8").split("---")[1]
    assert f'base_model: "{base.path.name}"' in head
    assert "base_model" not in (tmp_path / "base" / CARD).read_text("utf-8")


def test_a_folder_completes_as_the_artifact(base, tmp_path):
    folder = exported(base, tmp_path, "huggingface", "model")
    asked = {"prompt": TEXTS[2][:20], "chain": "greedy", "max_tokens": 8}
    ours, theirs = (bedstone.sample(path, **asked) for path in (base.path, folder))
    assert ours["completions"] == theirs["completions"]
    assert json.loads((folder / "generation_config.json").read_text())["pad_token_id"] == 0


def test_the_card_tells_what_was_measured(base, store, tmp_path):
    made(store, "evaluation.bits", write_bits, model=base)
    text = (exported(base, tmp_path, "huggingface", "model") / CARD).read_text("utf-8")
    total = sum(weight.numel() for weight in hugging_face.load(base.path).parameters())
    for told in (
        f"| parameters | {total:,}, ",
        "| tokens of pretrain.train | 12,345 |",
        "| loss of pretrain.train | 2.125 nats a token, the mean of its last batches |",
        "| seeds of pretrain.train | init_seed 41, order_seed 42 |",
        "| 1.750 (95 %: 1.500 to 2.000), over 77 documents that it was not trained on, lang",
        "| Telugu | 1.75 (1.00–1.00) |",
        "init_seed = 41, order_seed = 42",
        base.manifest.content,
        "- The licences of the texts: they are not recorded.",
        "- How it is best sampled: not measured.",
    ):
        assert told in text
    assert "not trained on: not measured" not in text


def test_the_card_says_what_is_not_known(base, aligned, store, tmp_path):
    made(store, "evaluation.bits", write_bits, model=base)
    (base.path / "manifest.json").rename(base.path / "hidden")
    text = (exported(aligned, tmp_path, "huggingface", "model") / CARD).read_text("utf-8")
    assert "- How well it predicts text that it was not trained on: not measured." in text
    assert "- What 1 of the parents were: the store no longer has them." in text
    assert "bits a byte" not in text


@pytest.mark.parametrize(
    ("chain", "samples", "told"),
    [
        ("temperature=0.7,top_p=0.9", 1, {"do_sample": True, "top_k": 0, "temperature": 0.7}),
        ("temperature=0.5,top_k=20", 1, {"do_sample": True, "top_k": 20, "temperature": 0.5}),
        ("top_p=0.9,temperature=0.7", 1, {}),
        ("temperature=0.7", 4, {}),
        ("top_n_sigma=1", 1, {}),
        ("greedy", 1, {}),
    ],
)
def test_transformers_is_told_of_the_sampling_that_was_best(store, base, chain, samples, told):
    def compare(config, job):
        row = {"strategy": "best", "chain": chain, "samples": samples}
        stored = {"strategies": [row], "recommendation": {"strategy": "best"}}
        with job.part("strategies.json") as path:
            path.write_text(json.dumps(stored))
        return Result({})

    made(store, "sampling.compare", compare, model=base)
    found = model_card.sampling(family(base))
    assert found == told | ({"top_p": 0.9} if told and "top_p" in chain else {})


def test_names_from_outside_are_shown_as_they_are_spelt(store, tmp_path):
    found = made(store, "pretrain.train", note=HOSTILE)
    text = (exported(found, tmp_path, "huggingface", "model") / CARD).read_text("utf-8")
    assert printable(text.replace("\n", "")) == text.replace("\n", "")
    assert "<b>" not in text
    assert model_card._plain(HOSTILE) == "&#92;x1b&#93;0;t&#92;x07&#124;&#60;b&#62;&#96;&#92;u202e"


def test_the_card_names_no_file_of_the_machine_and_quotes_no_text(store, tmp_path):
    (tmp_path / "mine.txt").write_text("a")
    text = bedstone.adopt(tmp_path / "mine.txt", store=store)["artifact"]
    found = made(store, "pretrain.train", tokens=Artifact(Path(text)))
    told = (exported(found, tmp_path, "huggingface", "model") / CARD).read_text("utf-8")
    assert f"| mine.txt | – | a file | {sha256(b'a').hexdigest()[:12]} |" in told
    assert str(tmp_path) not in told
    for name in ("documents", "rules", "size"):
        quoted = Section(name, "What?", "This", tables=(Table("Texts", ("a",), (("b",),)),))
        assert ("| b |" in model_card._told(quoted)) == (name == "size")


@pytest.mark.parametrize("to", ["gguf", "huggingface"])
def test_nothing_is_left_of_what_fails(base, tmp_path, to, little_room):
    out = tmp_path / "out" / ("model.gguf" if to == "gguf" else "model")
    out.parent.mkdir()
    with pytest.raises(BedstoneError, match="cannot be written"), little_room():
        bedstone.export(base.path, to=to, out=out)
    assert list(out.parent.iterdir()) == []


def test_what_cannot_be_exported_is_said_before(store, base, tmp_path, cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = made(store, "tokenizer.train")
    with pytest.raises(ArtifactError, match=r"is no model: tokenizer\.train made it"):
        bedstone.export(other.path, to="gguf")
    Path("there").mkdir()
    for out in ("there", "no/model", "model.bin", HOSTILE + "/x"):
        status, told, err = cli("export", base.path, "--to", "gguf", "--out", out)
        assert (status, told) == (2, "")
        assert printable(err.replace("\n", "")) == err.replace("\n", "")
    assert cli("export", base.path, "--to", "onnx")[0] == 2
    with pytest.raises(ConfigError, match="to 'onnx'"):
        bedstone.export(base.path, to="onnx")
    status, told, _ = cli("export", base.manifest.request[:8], "--to", "gguf", "--store", store)
    assert (status, told) == (0, f"{base.path.name}.gguf\n")
    weights = base.path / "model.safetensors"
    os.truncate(weights, 100)
    with pytest.raises(ArtifactError, match="was altered"):
        bedstone.export(base.path, to="huggingface", out="anew")
    assert not Path("anew").exists()
