"""`bedstone sample`: completions of a prompt by a model that Bedstone made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedstone.errors import ConfigError
from bedstone.model import hugging_face
from bedstone.posttrain.chat import render_prompt
from bedstone.sampling.chain import Chain, parse
from bedstone.sampling.generate import Completion, Drawing, generate
from bedstone.tokenizer.encoding import END, Encoder


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be completed, and how."""

    prompt: str
    chat: bool
    """Whether the prompt is a user's turn; else the text goes on from it."""
    chain: str
    n: int
    seed: int
    max_tokens: int

    def drawing(self, stop_id: int) -> Drawing:
        """As the generator takes it.

        Raises:
            ConfigError: there is no such chain, or a number cannot be used.
        """
        for name, least in (("n", 1), ("max_tokens", 1), ("seed", 0)):
            if (value := getattr(self, name)) < least:
                raise ConfigError(f"--{name.replace('_', '-')} {value}: {least} is the least")
        return Drawing(_chain(self.chain), self.n, self.max_tokens, stop_id, self.seed)


def sample(folder: Path, asked: Asked) -> dict[str, Any]:
    """What ``bedstone.sample`` returns.

    Raises:
        ArtifactError: the folder holds no model of Bedstone's.
        ConfigError: an option cannot be used, or prompt and completion are longer than the texts
            that the model was trained on.
    """
    model, encoder = hugging_face.load(folder), Encoder.load(folder)
    drawing = asked.drawing(encoder.special[END])
    ids = _prompt_ids(encoder, asked)
    if (length := len(ids) + asked.max_tokens) > model.config.seq_len:
        raise ConfigError(
            f"the prompt's {len(ids)} tokens and {asked.max_tokens} more are {length}, and the "
            f"model has seen texts of {model.config.seq_len}",
            hint="shorten the prompt, or lower --max-tokens",
        )
    (completions,) = generate(model, [ids], drawing)
    return {
        "model": str(folder),
        "chain": str(drawing.chain),
        "prompt_tokens": len(ids),
        "completions": [_told(encoder, each, asked.seed) for each in completions],
    }


def _chain(text: str) -> Chain:
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"--chain {text}: {error}") from error


def _prompt_ids(encoder: Encoder, asked: Asked) -> list[int]:
    """A text's beginning follows the end of another, as in training."""
    if asked.chat:
        return [*render_prompt(encoder, asked.prompt)]
    return [encoder.special[END], *encoder.encode(asked.prompt)]


def _told(encoder: Encoder, completion: Completion, seed: int) -> dict[str, Any]:
    return {
        "text": encoder.decode(completion.text_ids),
        "token_ids": list(completion.token_ids),
        "logprobs": list(completion.logprobs),
        "sampling_logprobs": list(completion.sampling_logprobs),
        "finish_reason": completion.finish_reason,
        "seed": seed,
    }
