"""Models as transformers and llama.cpp load them: they write what bedstone does."""

import json
from functools import partial
from urllib.request import Request, urlopen

import pytest

import bedstone
from bedstone.text.encoder import Encoder

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
xllamacpp = pytest.importorskip("xllamacpp")
from tests.support.exports import HEAD, TEXTS, made, write_model  # noqa: E402  # it needs torch

pytestmark = pytest.mark.slow
LENGTH = 16
EXPERTS = {"experts": {"n_experts": 4, "n_active_experts": 2}}
MADE = {
    "text": ("pretrain.train", {}),
    "chat": ("posttrain.sft", {}),
    "mixtral": ("pretrain.train", EXPERTS),
    "qwen3moe": ("pretrain.train", EXPERTS | {"qk_norm": True}),
}
PROMPTS = [text[:HEAD] for text in TEXTS]


@pytest.fixture(scope="module", params=MADE)
def exported(request, tmp_path_factory):
    """An artifact, whether it is asked in turns, and what it was exported as."""
    folder = tmp_path_factory.mktemp("exported")
    stage, shape = MADE[request.param]
    write = partial(write_model, steps=70, shape=json.dumps(shape))
    artifact = made(folder / "store", stage, write)
    names = {"huggingface": "model", "gguf": "model.gguf"}
    for to, name in names.items():
        bedstone.export(artifact.path, to=to, out=folder / name)
    return artifact.path, request.param == "chat", folder


def greedy(model, prompt, chat):
    asked = {"chain": "greedy", "max_tokens": LENGTH, "number_format": "fp32"}
    (found,) = bedstone.sample(model, prompt=prompt, chat=chat, **asked)["completions"]
    return found


def test_the_model_knows_the_texts(exported):
    """Else two programs might write the same by chance, or another for a rounding."""
    artifact, chat, _ = exported
    for text in TEXTS:
        found = greedy(artifact, text[:HEAD], chat)["text"].rstrip("\ufffd")
        assert found
        assert text[HEAD:].startswith(found)


def test_transformers_writes_the_same(exported):
    artifact, chat, folder = exported
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "model")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "model")
    for prompt in PROMPTS:
        if chat:
            turns = [{"role": "user", "content": prompt}]
            asked = tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
        else:
            asked = tokenizer(prompt, return_tensors="pt")
        written = model.generate(**asked, max_new_tokens=LENGTH)
        ids = written[0, asked["input_ids"].shape[1] :].tolist()
        ours = greedy(artifact, prompt, chat)
        assert ids == ours["token_ids"], prompt
        assert tokenizer.decode(ids, skip_special_tokens=True) == ours["text"]


@pytest.fixture(scope="module")
def ask(exported):
    """Ask llama.cpp's server of the exported file."""
    settings = xllamacpp.CommonParams()
    settings.model.path = str(exported[2] / "model.gguf")
    settings.n_ctx, settings.n_parallel, settings.port = 128, 1, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(settings)
    url = server.listening_address

    def asked(path, **values):
        request = Request(
            url + path, json.dumps(values).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request) as answer:
            return json.load(answer)

    yield asked
    del server


def test_llama_cpp_has_the_same_ids(exported, ask):
    encoder = Encoder.load(exported[0])
    for text in (*TEXTS, " ".join(TEXTS), "  a  b 1 22 333"):
        ids = encoder.encode(text)
        assert ask("/tokenize", content=text, parse_special=False)["tokens"] == ids, text
        assert ask("/detokenize", tokens=ids)["content"] == text


def test_llama_cpp_writes_the_same(exported, ask):
    artifact, chat, _ = exported
    for prompt in PROMPTS:
        ours = greedy(artifact, prompt, chat)
        if chat:
            turns = [{"role": "user", "content": prompt}]
            answer = ask("/v1/chat/completions", messages=turns, temperature=0, max_tokens=LENGTH)
            found = answer["choices"][0]["message"]["content"]
            assert found.rstrip("\ufffd") == ours["text"].rstrip("\ufffd"), prompt
        else:
            answer = ask(
                "/completion", prompt=prompt, temperature=0, n_predict=LENGTH, return_tokens=True
            )
            assert answer["tokens"] == ours["token_ids"], prompt
