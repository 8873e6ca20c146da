"""Models with their tokenisers; one that has learnt nothing, and a GGUF file."""

from dataclasses import replace

import pytest
import torch
from tests.support.models import (
    ASSISTANT,
    END,
    SHAPE,
    SMOLLM2,
    USER,
    bytes_of,
    changed,
    needs_smollm2,
    write_model,
)

from bedstone.errors import ArtifactError, ConfigError
from bedstone.generation import template
from bedstone.generation import writer as module
from bedstone.generation.chain import parse
from bedstone.generation.generate import Drawing
from bedstone.generation.writer import Writer
from bedstone.text.encoder import SPECIAL_TOKENS

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(tmp_path, tokenizer):
    return write_model(tmp_path / "model", tokenizer)


def test_a_text_of_a_bedstone_model_follows_the_end_of_another(folder):
    writer = Writer.load(folder, "fp32")
    assert set(writer.texts.special) == set(SPECIAL_TOKENS)
    ids = writer.prompt_ids(["Ab", "<|user|>"], chat=False)
    assert ids == [[END, *bytes_of("Ab")], [END, *bytes_of("<|user|>")]]
    assert writer.ends == {END}


def test_a_text_of_another_model_begins_as_its_tokeniser_says(folder):
    path = folder / "tokenizer.json"
    renamed = path.read_text().replace("<|assistant|>", "<|other|>")
    path.write_text(renamed)
    assert Writer.load(folder, "fp32").prompt_ids(["Ab"], chat=False) == [bytes_of("Ab")]
    changed(folder / "tokenizer_config.json", add_bos_token=True, bos_token="<|user|>")
    begun = Writer.load(folder, "fp32").prompt_ids(["Ab"], chat=False)
    assert begun == [[USER, *bytes_of("Ab")]]


def test_a_turn_is_the_template_s_and_its_words_are_no_control_tokens(folder):
    ids = Writer.load(folder, "fp32").prompt_ids(["Ab", "<|assistant|>"], chat=True)
    assert ids == [
        [USER, *bytes_of("Ab"), ASSISTANT],
        [USER, *bytes_of("<|assistant|>"), ASSISTANT],
    ]


def test_a_template_is_given_the_tokens_that_begin_and_end_a_text(folder):
    template = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"
    values = {"add_bos_token": True, "bos_token": "<|user|>", "chat_template": template}
    changed(folder / "tokenizer_config.json", **values)
    (ids,) = Writer.load(folder, "fp32").prompt_ids(["Ab"], chat=True)
    assert ids == [USER, *bytes_of("Ab"), END]


def test_a_model_without_a_template_takes_no_turns(folder):
    changed(folder / "tokenizer_config.json", chat_template=None)
    with pytest.raises(ConfigError, match="no chat template") as error:
        Writer.load(folder, "fp32").prompt_ids(["Ab"], chat=True)
    assert "go on from the text" in error.value.hint


def test_a_prompt_without_a_token_is_refused(folder):
    changed(folder / "tokenizer_config.json", chat_template="{{ messages[0].content }}")
    writer = Writer.load(folder, "fp32")
    with pytest.raises(ConfigError, match="the prompt '' gives no token"):
        writer.prompt_ids(["Ab", ""], chat=True)


def test_the_longest_prompt_decides_what_fits(folder):
    writer = Writer.load(folder, "fp32")
    fits = Drawing(parse("greedy"), 1, 500, frozenset(range(259)), 0)
    assert [len(each) for each in writer.complete([[1], [1] * 12], fits)] == [1, 1]
    with pytest.raises(ConfigError, match="12 tokens and 501 more are 513"):
        writer.complete([[1], [1] * 12], replace(fits, max_tokens=501))
    writer.refuse_longer([[1], [1] * 12], 500)
    with pytest.raises(ConfigError, match="12 tokens and 501 more are 513"):
        writer.refuse_longer([[1] * 12, [1]], 501)


def test_a_model_is_laid_out_once_for_one_row_and_once_for_several(folder, monkeypatch):
    laid_out = []
    real = module.LaidOut

    def counted(model, *, one_row):
        laid_out.append(one_row)
        return real(model, one_row=one_row)

    monkeypatch.setattr(module, "LaidOut", counted)
    writer = Writer.load(folder, "fp32")
    drawing = Drawing(parse("temperature=1"), 1, 2, writer.ends, seed=0)
    for _ in range(2):
        writer.complete([[1, 2]], drawing)
        writer.complete([[1, 2]], replace(drawing, samples=2))
        writer.complete([[1, 2], [3]], drawing)
    assert laid_out == [True, False]


def test_a_template_runs_once_for_equal_prompts(folder, monkeypatch):
    asked = []
    real = template.render
    monkeypatch.setattr(
        template, "render", lambda *words, **names: asked.append(words) or real(*words, **names)
    )
    first = Writer.load(folder, "fp32").prompt_ids(["asked once"], chat=True)
    assert Writer.load(folder, "fp32").prompt_ids(["asked once"], chat=True) == first
    assert len(asked) == 1


def test_a_model_computes_in_the_format_that_is_asked(folder):
    assert Writer.load(folder, "bf16").model.embedding.dtype == torch.bfloat16
    assert Writer.load(folder, "fp32").model.embedding.dtype == torch.float32


def test_ends_are_those_of_the_generation_config(folder):
    changed(folder / "generation_config.json", eos_token_id=[2, 5])
    assert Writer.load(folder, "fp32").ends == {2, 5}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ((), "does not exist"),
        (("there/empty.txt",), "holds no model"),
        (("there/a.gguf", "there/b.gguf"), "holds 2 GGUF files"),
        (("there/a.gguf",), "a.gguf"),
        (("there",), "there is no model$"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, made, message):
    for name in made:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("nothing")
    with pytest.raises(ArtifactError, match=message):
        Writer.load(tmp_path / "there", "fp32")


def test_a_config_goes_before_a_gguf_file(folder):
    (folder / "other.gguf").write_text("nothing")
    assert Writer.load(folder, "fp32").model.config == SHAPE


@pytest.mark.slow
@needs_smollm2
def test_a_folder_with_a_gguf_file_is_its_model(tmp_path):
    (tmp_path / SMOLLM2.name).symlink_to(SMOLLM2)
    (tmp_path / "README.md").write_text("a model")
    writer = Writer.load(tmp_path, "bf16")
    assert writer.ends == {writer.texts.special["<|im_end|>"]}
    (ids,) = writer.prompt_ids(["Hi"], chat=True)
    assert ids[0] == writer.texts.special["<|im_start|>"]
