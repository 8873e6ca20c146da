"""Which detour is wanted, and who translates on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.evaluation.pivot.translators import Apertium
from bedstone.evaluation.suites.naming import key_of
from bedstone.evaluation.translations import (
    STAGE,
    TranslationsConfig,
    that_ask,
    translator_of,
)
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.source import Source
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.making import Making
from bedstone.store.request import require
from bedstone.tasks.items import Item, items_of

By = tuple[Mapping[str, Any], Mapping[str, Artifact]]
"""Config and inputs of who translates."""
SELF, APERTIUM, URL = "self", "apertium", ("http://", "https://")
NOTHING = Prices()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which detour, and how a model is asked to translate."""

    pivot: str
    """Any code of a language: ``eng``, ``eng_Latn``."""
    translator: str
    """``apertium``, ``self``, ``http://HOST/v1#NAME``, or a folder for CTranslate2."""
    chat: bool = True
    """Whether a model is asked in turns."""
    how: Mapping[str, Any] = field(default_factory=dict)
    """``number_format``, ``device`` and ``threads`` of what translates here."""
    prices: Prices = NOTHING
    """Of endpoints, the evaluated one and another that translates."""
    seed: int = 0
    """Of the resampling."""


@dataclass(frozen=True)
class Translating:
    """Who translates, beside the model that is evaluated, and where translations are stored."""

    source: Source
    wanted: Wanted
    making: Making

    @cached_property
    def pivot(self) -> str:
        """The language in between, as ``eng_Latn``."""
        if (key := key_of(self.wanted.pivot)) is None:
            hint = "name the pivot by a code: eng, eng_Latn"
            raise ConfigError(f"no language {self.wanted.pivot!r}", hint=hint)
        return key

    @cached_property
    def translator(self) -> By:
        """Who translates there and back."""
        name = self.wanted.translator
        if name == SELF:
            return self.evaluated
        if name == APERTIUM:
            return {"by": APERTIUM}, {}
        if name.startswith(URL):
            url, _, model = name.partition("#")
            if not model:
                raise ConfigError(f"{url}: no name of a model", hint=f"write {url}#NAME")
            asked = Source.of_url(url, model, self.making, chat=self.wanted.chat)
            return {"by": "probe"}, asked.inputs
        if not Path(name).is_dir():
            raise ConfigError(
                f"no translator {name!r}",
                hint="apertium, self, http://HOST/v1#NAME, or a folder for CTranslate2",
            )
        threads = {key: value for key, value in self.wanted.how.items() if key == "threads"}
        return {"by": "folder", **threads}, {"folder": adopt([Path(name)], self.making.store)}

    @property
    def evaluated(self) -> By:
        """The model that is evaluated, as a translator."""
        if "probe" in self.source.inputs:
            return {"by": "probe"}, self.source.inputs
        how = {"chat": self.wanted.chat, "ends": self.source.ends, **self.wanted.how}
        return {"by": "model", **how}, self.source.inputs

    def items(self, suite: Artifact) -> dict[str, list[Item]]:
        """Those that ask something, by language."""
        languages = sorted({item.language for item in items_of(suite)})
        found = {language: that_ask(suite, language) for language in languages}
        return {language: items for language, items in found.items() if items}

    def refuse_unusable(self, suites: Sequence[Artifact]) -> None:
        """Raises what ``pivoted`` would of a pivot or a translator, before anything is asked."""
        pivot, (by, inputs) = self.pivot, self.translator
        for suite in suites if by["by"] in (APERTIUM, "folder") else ():
            errors = list[BedstoneError]()
            for language in set(self.items(suite)) - {pivot}:
                both = {"source": language, "target": pivot}
                config = TranslationsConfig.model_validate({**by, **both})
                try:
                    require(STAGE, config)
                    translator_of(config, inputs)
                except (ConfigError, ArtifactError) as error:
                    errors.append(error)
                else:
                    errors.clear()
                    break
            if errors:
                raise errors[0]

    def translated(self, by: By, source: str, target: str, **what: Artifact) -> Artifact:
        """Items or answers."""
        config = self._config(by, source, target)
        return self.making.build(STAGE.name, config, **by[1], **what)

    def stored(self, by: By, source: str, items: Artifact) -> Artifact | None:
        """Items in the pivot's language, if they were translated before."""
        config = self._config(by, source, self.pivot)
        if not self.making.is_stored(STAGE.name, config, **by[1], items=items):
            return None
        return self.translated(by, source, self.pivot, items=items)

    def _config(self, by: By, source: str, target: str) -> dict[str, Any]:
        config = {**by[0], "source": source, "target": target}
        if by[0]["by"] == APERTIUM:
            config["version"] = Apertium.between(source, target).version
        return config
