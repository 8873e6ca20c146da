"""Whether languages are harder in themselves: models of one language each, on equal texts.

    python benchmarks/structure.py [--store FOLDER] [--seeds 3] [--workers 2] [--reference deu_Latn]
    python benchmarks/structure.py --planted FOLDER ...

`recipes/structure.toml` makes one model of one language; here it is run for each language that it
compares, with own tokens and with bytes, on the same pages, as many bytes, bytes in proportion to
what the same pages take, and as many tokens. A tokeniser is learnt once, from all pages of its
language. Each model reads its text as often as the others, in steps of as many tokens. English in
letters of more bytes, which languages of such letters are held against, is trained on all pages
only. With --planted the languages are copies of the English text, made into FOLDER, of which the
truth is known: other letters of one, two and three bytes, and words that end at random. What is
printed stands in docs/concepts/structure.md.
"""

import argparse
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from bedstone.corpus.sources.relettered import TABLES
from bedstone.evaluation.structure import AMOUNTS, CONTENT, FILE, SURE
from bedstone.progress import Progress
from bedstone.store import recipe as recipes
from bedstone.store import tables
from bedstone.store.artifact import Artifact
from bedstone.store.engine import Local
from bedstone.store.making import Making
from bedstone.store.payload import read_json
from bedstone.text.encoder import SPECIAL_TOKENS
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE

RECIPE = Path(__file__).parents[1] / "recipes" / "structure.toml"
BYTES = len(SPECIAL_TOKENS) + 256
"""Tokens of a vocabulary without merges."""
BYTES_PER_TOKEN = 4
"""About: windows and steps of bytes are so many times as long, to hold as much text."""
ROTATED = str.maketrans(ascii_lowercase, ascii_lowercase[13:] + ascii_lowercase[:13])
PLANTED = {"deu_Latn": "", "rus_Cyrl": "eng_Cyrl", "amh_Ethi": "eng_Ethi"}
"""Copies of the English text in other letters, and whose letters; ``IRREGULAR`` has those of the
first, and words that end at random."""
IRREGULAR = "hun_Latn"
Cell = tuple[str, str]
"""Language and tokeniser, or what a row and a column of the table are."""
Texts = Mapping[str, Mapping[str, float]]
"""By language, what the mix says of its text."""


@dataclass(frozen=True)
class Model:
    """One model of the recipe."""

    sets: tuple[str, ...]
    held: Mapping[str, Artifact]
    """Nodes that are not its own."""


@dataclass(frozen=True)
class Study:
    """The recipe, run for each language that it compares."""

    where: Making
    sets: Sequence[str]
    given: Mapping[str, Sequence[Path]]

    def compare(self, reference: str, seeds: int) -> Artifact:
        """Train all models, measure them, and tell in what languages differ."""
        nodes = {
            (language, tokeniser): self.built("mix", Model(self.own(language, tokeniser), {}))
            for language in self.config("pages")["languages"]
            for tokeniser in AMOUNTS
        }
        models = {
            f"bits.{name}-{seed}": Model((*model.sets, *self.seed(seed)), model.held)
            for name, model in self.arms(nodes)
            for seed in range(seeds)
        }
        made = self.where.engine.map(self.bits, list(models.values()))
        bits = {}
        with self.where.progress.named("structure").task("models", len(models)) as task:
            for role, path in zip(models, made, strict=True):
                bits[role] = Artifact(path)
                task.advance()
        told = {"reference": reference, "controls": controls(reference, nodes)}
        return self.where.build("evaluation.structure", told, **bits)

    def arms(self, nodes: Mapping[Cell, Mapping[str, Artifact]]) -> Iterator[tuple[str, Model]]:
        """What each language and amount changes in the recipe, by name."""
        planned = self.config("base")["train_tokens"]
        own = nodes[self.config("pages")["language"], "bpe"]
        factor = planned / text_of(own)["train_tokens"]
        for tokeniser, amounts in AMOUNTS.items():
            found = {it[0]: each for it, each in nodes.items() if it[1] == tokeniser}
            texts = {it: text_of(each) for it, each in found.items() if it not in TABLES}
            for language, made in found.items():
                sets = self.own(language, tokeniser)
                held = {"tokenizer": made["tokenizer"]}
                for amount in amounts if language in texts else (CONTENT,):
                    most_bytes = limits(texts)[amount][language] if amount != CONTENT else None
                    limit = [f"pages.max_bytes={most_bytes}"] if most_bytes else []
                    text = text_of(self.built("mix", Model((*sets, *limit), held)))
                    length = f"base.train_tokens={round(factor * text['train_tokens'])}"
                    yield f"{language}-{tokeniser}-{amount}", Model((*sets, *limit, length), held)

    def own(self, language: str, tokeniser: str) -> tuple[str, ...]:
        """What makes the recipe one of that language and tokeniser."""
        sets = [f"pages.language={language}"]
        if tokeniser == "bytes":
            base = self.config("base")
            sets += [
                f"tokenizer.vocab_size={BYTES}",
                *(f"base.{it}={BYTES_PER_TOKEN * base[it]}" for it in ("seq_len", "batch_tokens")),
            ]
        return tuple(sets)

    def seed(self, seed: int) -> tuple[str, ...]:
        """Of the first weights and the order of the text."""
        return f"base.init_seed={seed}", f"base.order_seed={seed}"

    def config(self, node: str) -> dict[str, Any]:
        """A node's, as the recipe has it."""
        return dict(recipes.load(RECIPE, self.sets, until=node).nodes[-1].config)

    def built(self, until: str, model: Model) -> dict[str, Artifact]:
        """The nodes of the recipe for a model, up to one of them."""
        recipe = recipes.load(RECIPE, [*self.sets, *model.sets], until=until)
        given = {name: self.given[name] for name in recipe.inputs}
        made = recipes.run(recipe, given, self.where.store, Local(), Progress(), model.held)
        return {**model.held, **made}

    def bits(self, model: Model) -> Path:
        """Of a model, on the pages that are held out."""
        return self.built("bits", model)["bits"].path


def text_of(nodes: Mapping[str, Artifact]) -> Mapping[str, float]:
    """Its ``train_bytes``, ``train_tokens`` and ``held_out_bytes``, among others."""
    (text,) = read_json(nodes["mix"], MIX_FILE)["languages"].values()
    return dict(text)


def controls(reference: str, nodes: Mapping[Cell, Mapping[str, Artifact]]) -> dict[str, str]:
    """For each language, the text whose letters take about as many bytes."""
    letters = {
        language: made["pages"].manifest.metrics["letter_bytes"]
        for (language, _), made in nodes.items()
    }
    among = [reference, *(name for name in letters if name in TABLES)]
    return {
        name: min(among, key=lambda it: abs(letters[it] - letters[name]))
        for name in letters
        if name not in among
    }


def limits(texts: Texts) -> dict[str, dict[str, int]]:
    """By amount and language, the bytes to train on, of what ``texts`` say of all content.

    Equal bytes and equal tokens are as many as the language with the fewest has; bytes are scaled
    by what held-out content takes, as far as each language has so many.
    """
    fewest, tokens = (min(it[f"train_{of}"] for it in texts.values()) for of in ("bytes", "tokens"))
    scale = min(it["train_bytes"] / it["held_out_bytes"] for it in texts.values())
    return {
        "bytes": {name: int(fewest) for name in texts},
        "scaled": {name: int(scale * it["held_out_bytes"]) for name, it in texts.items()},
        "tokens": {
            name: int(it["train_bytes"] * tokens / it["train_tokens"]) for name, it in texts.items()
        },
    }


def plant(english: Sequence[str], folder: Path, seed: int = 0) -> None:
    """Write copies of English lines as if they were of other languages."""
    dice = random.Random(seed)
    texts = {
        name: [line.translate(ROTATED).translate(TABLES.get(letters, {})) for line in english]
        for name, letters in PLANTED.items()
    }
    texts[IRREGULAR] = [
        " ".join(word + "".join(dice.choices(ascii_lowercase, k=2)) for word in line.split())
        for line in texts["deu_Latn"]
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in {**texts, "eng_Latn": english}.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")


def told(made: Artifact) -> Iterator[str]:
    """A row for each language and what it is compared with, a column for each arm."""
    found = read_json(made, FILE)
    cells = [(tokeniser, amount) for tokeniser, amounts in AMOUNTS.items() for amount in amounts]
    yield "".join([f"{'':22}", *(f"{tokeniser:>16}" for tokeniser, _ in cells)])
    yield "".join([f"{'equal':22}", *(f"{amount:>16}" for _, amount in cells)])
    rows: dict[Cell, dict[Cell, str]] = {}
    for row in found["arms"]:
        ends = f"{row['difference']:+.1%} [{100 * row['low']:+.0f},{100 * row['high']:+.0f}]"
        own = rows.setdefault((row["language"], row["control"]), {})
        own[row["tokeniser"], row["amount"]] = ends + ("*" if row["verdict"] in SURE else " ")
    for (language, control), own in rows.items():
        yield f"{language} to {control} " + "".join(f"{own.get(it, ''):>16}" for it in cells)
    for row in found["languages"]:
        yield f"{row['language']}: {row['verdict']}; {row['premium']:.2f} times the bytes"
    for name, value in made.manifest.metrics.items():
        yield f"{name} {value:.4g}"


def planted(study: Study, folder: Path) -> Study:
    """The same on copies of the recipe's English text in the place of its languages."""
    pages = study.built("pages", Model(("pages.language=eng_Latn",), {}))["pages"]
    plant(tables.read(pages, ["text"])["text"].to_pylist(), folder)
    languages = json.dumps(["eng_Latn", *PLANTED, IRREGULAR, *TABLES])
    sets = ["parallel.sources=[]", "parallel.texts=translations", f"pages.languages={languages}"]
    return Study(study.where, [*study.sets, *sets], {"translations": [folder]})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", type=Path, default=Path("artifacts"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--reference", default="eng_Latn")
    parser.add_argument("--planted", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="sets")
    asked = parser.parse_args()
    study = Study(Making(asked.store, Local(asked.workers), Progress()), asked.sets, {})
    if asked.planted:
        study = planted(study, asked.planted)
    print("\n".join(told(study.compare(asked.reference, asked.seeds))))


if __name__ == "__main__":
    main()
