"""A chain as the settings of Hugging Face's ``generation_config.json``.

How many completions are drawn is not in it: the file cannot say how one of them is chosen.
"""

import json
from pathlib import Path
from typing import Any

from bedstone.errors import ConfigError
from bedstone.generation.chain import Chain
from bedstone.generation.presets import ENGINES
from bedstone.model.hugging_face import GENERATION
from bedstone.store.work import written

OF_TOKENS = ("logit_bias", "bad_words")
"""Samplers of a tokeniser's ids: not for every prompt."""


def generation_settings(chain: Chain) -> dict[str, Any]:
    """What ``generate`` of transformers must be given to draw as ``chain`` does.

    Raises:
        ConfigError: transformers applies these samplers in another order, or lacks one.
    """
    if chain.steps == (("greedy", None),):
        return {"do_sample": False}
    parameters = ENGINES["hf"].parameters
    order = [each.sampler for each in parameters]
    names = [name for name, _ in chain.steps]
    if missing := [name for name in names if name not in order or name in OF_TOKENS]:
        raise ConfigError(
            f"{missing[0]} is no setting of generation_config.json: {chain} cannot be written"
        )
    places = [order.index(name) for name in names]
    if places != sorted(set(places)):
        raise ConfigError(f"transformers applies the samplers of {chain} in another order")
    values = dict(chain.steps)
    settings: dict[str, Any] = {"do_sample": True}
    for each in parameters:
        if each.sampler in values:
            settings[each.name] = values[each.sampler]
        elif each.default is not None:  # what it would apply unasked
            settings[each.name] = each.off[0] if each.off else each.default
    for name in ("top_k", "no_repeat_ngram_size"):
        if name in settings:
            settings[name] = int(settings[name])
    return settings


def write_settings(folder: Path, chain: Chain) -> Path:
    """Put the chain into the folder's ``generation_config.json``; its other keys stay.

    Raises:
        ConfigError: the chain cannot be written, or the file cannot be read.
    """
    settings = generation_settings(chain)
    path = folder / GENERATION
    try:
        stored = json.loads(path.read_text("utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error
    replaced = {each.name for each in ENGINES["hf"].parameters} | {"num_return_sequences"}
    kept = {key: value for key, value in stored.items() if key not in replaced}
    with written(path) as unfinished:
        unfinished.write_text(json.dumps(kept | settings, indent=2) + "\n", "utf-8")
    return path
