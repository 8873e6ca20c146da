"""A model of this machine with its tokeniser: prompts in, completions out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from bedstone.counting.shape import ModelConfig
from bedstone.errors import ArtifactError, ConfigError
from bedstone.generation import template
from bedstone.generation.generate import Completion, Drawing, LaidOut, fastest_format, generate
from bedstone.model import Device, NumberFormat, hugging_face, processor
from bedstone.model.hugging_face import CONFIG
from bedstone.model.transformer import Transformer
from bedstone.store.artifact import Shard
from bedstone.text.encoder import END, SPECIAL_TOKENS
from bedstone.text.model_encoder import Texts

GGUF = ".gguf"


@dataclass(frozen=True, slots=True)
class Writer:
    """What completes prompts."""

    model: Transformer
    texts: Texts
    ends: frozenset[int]
    """Tokens that close a completion."""
    chat_template: str | None
    """None: the model knows no turns."""

    @classmethod
    def load(cls, path: Path, number_format: NumberFormat, device: Device = "cpu") -> "Writer":
        """The model of a folder in Hugging Face's layout, or of a GGUF file or a folder with one.

        Raises:
            ArtifactError: there is none, or one that is not computed here.
        """
        if not path.exists():
            raise ArtifactError(f"{path} does not exist", hint="give a folder or a .gguf file")
        if (file := _gguf_file(path)) is not None:
            return cls._of_gguf(file, number_format, device)
        model = hugging_face.load(path, number_format, device)
        return cls(
            model,
            Texts.load(path, model.config.vocab_size),
            hugging_face.ends(path),
            hugging_face.chat_template(path),
        )

    @classmethod
    def _of_gguf(cls, file: Path, number_format: NumberFormat, device: Device) -> "Writer":
        from bedstone.model import gguf
        from bedstone.text import gguf_file

        contents = gguf_file.read(file)
        texts = Texts.of_gguf(contents.fields)
        model = gguf.load(contents, number_format, device)
        return cls(model, texts, contents.ends, contents.chat_template)

    def prompt_ids(self, prompts: Sequence[str], *, chat: bool) -> list[list[int]]:
        """The tokens of each prompt: a user's turn, or a text that goes on.

        Raises:
            ConfigError: ``chat`` of a model without a template, the template fails, or a prompt
                gives no token.
        """
        ids = self._turns(prompts) if chat else self._beginnings(prompts)
        if empty := [prompt for prompt, each in zip(prompts, ids, strict=True) if not each]:
            raise ConfigError(f"the prompt {empty[0]!r} gives no token", hint="write a longer one")
        return ids

    def drawn(self, ids: Sequence[Sequence[int]], drawing: Drawing) -> list[list[Completion]]:
        """As ``complete``, of prompts of any length."""
        one_row = len(ids) == drawing.samples == 1
        return generate(_laid_out(self.model, one_row), ids, drawing)

    def refuse_longer(self, ids: Sequence[Sequence[int]], max_tokens: int, where: str = "") -> None:
        """Raises ConfigError where a prompt and its completion exceed the model's texts.

        Args:
            ids: of the prompts.
            max_tokens: of a completion.
            where: whose prompts they are, for the message.
        """
        longest = max(map(len, ids))
        if (length := longest + max_tokens) > self.model.config.seq_len:
            raise ConfigError(
                f"{where}the prompt's {longest} tokens and {max_tokens} more are {length}, and the "
                f"model has seen texts of {self.model.config.seq_len}",
                hint="shorten the prompt, or lower --max-tokens",
            )

    def complete(self, ids: Sequence[Sequence[int]], drawing: Drawing) -> list[list[Completion]]:
        """The completions of each prompt.

        Raises:
            ConfigError: a prompt and its completion are longer than the model's texts; or the chain
                names a token that the model has not, or leaves none.
        """
        self.refuse_longer(ids, drawing.max_tokens)
        try:
            return self.drawn(ids, drawing)
        except ValueError as error:
            raise ConfigError(f"chain {drawing.chain}: {error}") from error

    @property
    def before(self) -> list[int]:
        """The token that stands before a text, if one does."""
        # Bedstone's models know a text as what follows the end of another.
        is_own = set(self.texts.special) == set(SPECIAL_TOKENS)
        begins = self.texts.special[END] if is_own else self.texts.begins
        return [] if begins is None else [begins]

    def _beginnings(self, prompts: Sequence[str]) -> list[list[int]]:
        return [[*self.before, *self.texts.encode(prompt)] for prompt in prompts]

    def _turns(self, prompts: Sequence[str]) -> list[list[int]]:
        if self.chat_template is None:
            raise ConfigError("the model has no chat template", hint="let it go on from the text")
        guarded = tuple(self.texts.guarded(prompt) for prompt in prompts)
        spelt = {number: name for name, number in self.texts.special.items()}
        begin = spelt.get(-1 if self.texts.begins is None else self.texts.begins, "")
        end = spelt.get(min(self.ends, default=-1), "")
        rendered = _rendered(self.chat_template, guarded, begin, end)
        return [self.texts.encode_rendered(text) for text in rendered]


@lru_cache(maxsize=128)
def _rendered(chat_template: str, prompts: tuple[str, ...], begin: str, end: str) -> list[str]:
    # Every chain asks the same prompts, and a template runs in a process of its own.
    turns = [[{"role": "user", "content": prompt}] for prompt in prompts]
    return template.render(chat_template, turns, begin=begin, end=end)


def loaded(path: Path, number_format: NumberFormat, device: Device = "cpu") -> Writer:
    """As ``Writer.load``; the last two are kept, for the next block mostly asks the same.

    Two, since an aligned model may judge each block behind the one that answers.
    """
    return _loaded(path, number_format, device)


@lru_cache(maxsize=2)
def _loaded(path: Path, number_format: NumberFormat, device: Device) -> Writer:
    return Writer.load(path, number_format, device)


@lru_cache(maxsize=2)
def _laid_out(model: Transformer, one_row: bool) -> LaidOut:  # noqa: FBT001 (a key of the cache)
    return LaidOut(model, one_row=one_row)


def faster_format(path: Path, device: Device = "cpu") -> NumberFormat:
    """The number format in which the model of ``path`` writes faster on this machine.

    Raises:
        ArtifactError: there is none, or one that is not computed here.
        ConfigError: there is no such device.
    """
    place = processor.device_of(device)
    if place.type != "cpu":
        return "bf16" if processor.has_bf16_kernels(place) else "fp32"
    with torch.device("meta"):
        model = Transformer(shape_of(path))
    return fastest_format(sum(weight.numel() for weight in model.parameters()))


def shape_of(path: Path) -> ModelConfig:
    """The shape of the model of ``path``; its weights are not read.

    Raises:
        ArtifactError: there is none, or one that is not computed here.
    """
    if not path.exists():
        raise ArtifactError(f"{path} does not exist", hint="give a folder or a .gguf file")
    if (file := _gguf_file(path)) is None:
        return hugging_face.config_of(path)
    from bedstone.model import gguf
    from bedstone.text import gguf_file

    return gguf.config_of(gguf_file.read(file))


def folder_of(model: Shard) -> Path:
    """Where the files of a stored model lie: a folder, or the GGUF file that is all it has."""
    files = [path for path in model.files if path.suffix == GGUF]
    return files[0] if len(files) == 1 else model.location


def _gguf_file(path: Path) -> Path | None:
    """The GGUF file that ``path`` is, or that a folder without a config holds.

    Raises:
        ArtifactError: there are several.
    """
    if path.is_file():
        if path.suffix != GGUF:
            raise ArtifactError(f"{path} is no model", hint="give a folder or a .gguf file")
        return path
    found = [] if (path / CONFIG).exists() else sorted(path.glob(f"*{GGUF}"))
    if len(found) > 1:
        raise ArtifactError(f"{path} holds {len(found)} GGUF files", hint="give one of them")
    return found[0] if found else None
