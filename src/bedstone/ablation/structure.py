"""Models of languages, each trained on its own text: the same content, bytes, or tokens.

One recipe makes a model of one language; here it is run for each language, tokeniser, amount and
seed. A tokeniser is learnt once, from all content of its language. Each model reads its text as
often as the others, in steps of as many tokens. English in letters of more bytes is trained on all
content only: it is what languages of such letters are held against.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bedstone import config as configs
from bedstone.ablation.recipes import TEXTS, TOKENISER, TRAINER, only
from bedstone.ablation.runs import BITS, Run, trained
from bedstone.corpus.sources.relettered import TABLES
from bedstone.errors import ConfigError
from bedstone.evaluation.structure import AMOUNTS, CONTENT
from bedstone.store import recipe as recipes
from bedstone.store.artifact import Artifact
from bedstone.store.making import Making
from bedstone.store.payload import read_json
from bedstone.store.recipe import Node
from bedstone.store.request import ask
from bedstone.store.stages import find
from bedstone.text.encoder import SPECIAL_TOKENS
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE

ALIGNED, COMPARED = "corpus.aligned", "evaluation.structure"
BYTES_PER_TOKEN = 4
"""About: windows and steps of bytes are so many times as long, to hold as much text."""
BYTES = len(SPECIAL_TOKENS) + 256
"""Tokens of a vocabulary without merges."""
LENGTHS = ("seq_len", "batch_tokens", "train_tokens", "number_format", "threads")
WHOLE = {"max_bytes": 2**40, "document_max_bytes": 2**40}
"""Held-out content is measured to its end: its beginning is another content in each language."""


Cell = tuple[str, str]
"""Language and tokeniser."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the models of one language, tokeniser and amount are made from, and measured on."""

    nodes: Mapping[str, Artifact]
    trainer: Node
    texts: Artifact
    text: Mapping[str, float]
    """``train_bytes``, ``train_tokens`` and ``held_out_bytes`` of it, among others."""

    def run(self, seed: int, factor: float) -> Run:
        """A model on ``factor`` times the tokens that the recipe says."""
        stage, config = self.trainer.stage, self.trainer.config
        planned = config.model_dump()
        changed = {
            "train_tokens": round(planned["train_tokens"] * factor),
            "init_seed": planned["init_seed"] + seed,
            "order_seed": planned["order_seed"] + seed,
        }
        chosen = configs.checked(stage.config, config.model_dump(exclude_unset=True) | changed)
        inputs = {role: self.nodes[name] for role, name in self.trainer.inputs.items()}
        measured = {name: planned[name] for name in ("number_format", "threads")}
        bits = configs.checked(find(BITS).config, measured)
        return Run(1.0, ask(stage, chosen, inputs), self.texts, bits)


class Study:
    """A recipe of one model of one language, run for each language that it compares."""

    def __init__(
        self, path: Path, sets: Sequence[str], given: Mapping[str, Sequence[Path]], where: Making
    ) -> None:
        """Read it.

        Raises:
            ConfigError: it is no recipe of one model of one language, or leaves its size open.
        """
        self._path, self._sets, self._given, self._where = path, sets, given, where
        self._trainer = only(recipes.load(path, sets), TRAINER)
        recipe = recipes.load(path, sets, until=self._trainer.name)
        self._pages, self._tokenizer = (only(recipe, it) for it in (ALIGNED, TOKENISER))
        pages, config = dict(self._pages.config), dict(self._trainer.config)
        self.language: str = pages["language"]
        """The recipe's own, whose tokens are as many as it says."""
        self.languages: tuple[str, ...] = pages["languages"]
        if absent := [name for name in LENGTHS if config[name] is None]:
            raise ConfigError(
                f"{self._trainer.name}: {', '.join(absent)} must be given, not planned: all "
                "languages have the same"
            )

    def compare(self, reference: str, seeds: int) -> Artifact:
        """Train all models, measure them, and tell in what languages differ.

        Raises:
            ConfigError: the reference is not compared.
            BedstoneError: a stage failed; what was finished stays, and the next call goes on.
        """
        if reference not in self.languages:
            raise ConfigError(
                f"--reference {reference}: it is not compared",
                hint=f"compared are {', '.join(self.languages)}",
            )
        content = {
            (language, tokeniser): self._made((language, tokeniser))
            for language in self.languages
            for tokeniser in AMOUNTS
        }
        planned = content[self.language, "bpe"].text["train_tokens"]
        runs = {
            f"bits.{language}-{tokeniser}-{amount}-{seed}": made.run(
                seed, made.text["train_tokens"] / planned
            )
            for (language, tokeniser), whole in content.items()
            for amount in (AMOUNTS[tokeniser] if language not in TABLES else (CONTENT,))
            for made in [self._limited((language, tokeniser), amount, whole, content)]
            for seed in range(seeds)
        }
        bits = {role: found for role, (_, found) in trained(runs.items(), self._where).items()}
        told = {"reference": reference, "controls": self._controls(reference, content)}
        return self._where.build(COMPARED, told, **bits)

    def _controls(self, reference: str, content: Mapping[Cell, Made]) -> dict[str, str]:
        """For each language, the text whose letters take about as many bytes."""
        letters = {
            name: content[name, "bpe"].nodes[self._pages.name].manifest.metrics["letter_bytes"]
            for name in self.languages
        }
        among = [reference, *(name for name in self.languages if name in TABLES)]
        return {
            name: min(among, key=lambda it: abs(letters[it] - letters[name]))
            for name in self.languages
            if name not in among
        }

    def _limited(self, cell: Cell, amount: str, whole: Made, content: Mapping[Cell, Made]) -> Made:
        """The same with what ``amount`` leaves of the text, and the tokeniser of all of it."""
        if amount == CONTENT:
            return whole
        least = limits(
            {
                language: made.text
                for (language, tokeniser), made in content.items()
                if tokeniser == cell[1] and language not in TABLES
            }
        )
        held = {self._tokenizer.name: whole.nodes[self._tokenizer.name]}
        return self._made(cell, (f"{self._pages.name}.max_bytes={least[amount][cell[0]]}",), held)

    def _made(
        self, cell: Cell, sets: Sequence[str] = (), held: Mapping[str, Artifact] = {}
    ) -> Made:
        language, tokeniser = cell
        own = [f"{self._pages.name}.language={language}", *sets]
        if tokeniser == "bytes":
            own.append(f"{self._tokenizer.name}.vocab_size={BYTES}")
            for name in ("seq_len", "batch_tokens"):
                longer = BYTES_PER_TOKEN * dict(self._trainer.config)[name]
                own.append(f"{self._trainer.name}.{name}={longer}")
        recipe = recipes.load(self._path, [*self._sets, *own], until=self._trainer.name)
        *before, trainer = recipe.nodes
        where = self._where
        recipe = replace(recipe, nodes=tuple(before))
        nodes = recipes.run(recipe, self._given, where.store, where.engine, where.progress, held)
        pages = nodes[self._pages.name]
        texts = where.build(TEXTS, WHOLE, documents=pages, language=pages, held_out=pages)
        (text,) = read_json(nodes[trainer.inputs["mix"]], MIX_FILE)["languages"].values()
        return Made({**held, **nodes}, trainer, texts, text)


def limits(texts: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, int]]:
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
