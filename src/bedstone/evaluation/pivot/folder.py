"""Translation by a model of CTranslate2's: Opus-MT's, for two languages, or NLLB's, for many.

The folder holds what the converter writes, and ``source.spm`` and ``target.spm``, or one
SentencePiece file for both. A model of several languages is told them by tokens of its vocabulary:
NLLB's ``spa_Latn`` before the text and before the translation, Opus-MT's ``>>spa<<`` before the
text. One that has none is taken to be of the two languages.
"""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedstone.errors import ArtifactError, reason
from bedstone.evaluation.pivot.translators import Translated, checked
from bedstone.languages import by_code, join, split

LANGUAGE = re.compile(r">>([a-z]{2,3})(?:_([A-Z][a-z]{3}))?<<|([a-z]{3})_([A-Z][a-z]{3})")
MAX_TOKENS = 512
"""Of a line, and of its translation: what the models have learnt."""
BATCH_TOKENS = 2_048


@dataclass(frozen=True, slots=True)
class Folder:
    """A model with its tokenisers."""

    model: Any
    source: Any
    target: Any
    """A tokeniser, as ``source``; the same where there is one."""
    before: Sequence[str]
    after: Sequence[str]
    """Of the line's tokens."""
    prefix: Sequence[str]
    """Of the translation's."""

    @classmethod
    def load(cls, folder: Path, source: str, target: str, threads: int) -> "Folder":
        """What translates from one language into another, both as ``spa_Latn``.

        Raises:
            ArtifactError: there is no such model, or it does not know one of the languages.
        """
        import ctranslate2
        from sentencepiece import SentencePieceProcessor

        files = sorted([*folder.glob("*.spm"), *folder.glob("*.model")])
        pair = [folder / "source.spm", folder / "target.spm"]
        try:
            model = ctranslate2.Translator(str(folder), intra_threads=threads)
            says = json.loads((folder / "config.json").read_text("utf-8"))
            tokens = json.loads(next(folder.glob("s*_vocabulary.json")).read_text("utf-8"))
            paths = pair if pair[0] in files else [files[0]] * 2
            tokenisers = [SentencePieceProcessor(model_file=str(path)) for path in paths]
        except (OSError, RuntimeError, ValueError, StopIteration, IndexError) as error:
            raise ArtifactError(
                f"{folder} is no model of CTranslate2's with its tokeniser: {reason(error)}",
                hint="it holds model.bin, config.json, a vocabulary, source.spm and target.spm",
            ) from None
        # A converter says whether a line's end is left to the caller.
        after = () if says.get("add_source_eos") else ("</s>",)
        named = {token: match for token in tokens if (match := LANGUAGE.fullmatch(token))}
        before, prefix = [], list[str]()
        if any(match[1] for match in named.values()):
            before = [_token(named, target, folder)]
        elif named:
            before, prefix = ([_token(named, key, folder)] for key in (source, target))
        return cls(model, tokenisers[0], tokenisers[1], before, after, prefix)

    def translate(self, lines: Sequence[str]) -> list[Translated]:
        """Of each line, by a beam of CTranslate2's usual width."""
        begun = time.monotonic()
        asked = [[*self.before, *it, *self.after] for it in self.source.encode(lines, out_type=str)]
        found = self.model.translate_batch(
            asked,
            target_prefix=[self.prefix] * len(asked) if self.prefix else None,
            max_batch_size=BATCH_TOKENS,
            batch_type="tokens",
            max_input_length=0,
            max_decoding_length=MAX_TOKENS,
        )
        share, translated = (time.monotonic() - begun) / len(lines), []
        for line, sent, one in zip(lines, asked, found, strict=True):
            tokens = one.hypotheses[0]
            text, why = checked(line, self.target.decode(tokens[len(self.prefix) :]))
            if max(len(sent), len(tokens)) >= MAX_TOKENS:
                text, why = "", "too long"
            translated.append(Translated(text, why, share, len(sent), len(tokens)))
        return translated


def _token(named: dict[str, re.Match[str]], key: str, folder: Path) -> str:
    for token, match in named.items():
        language, script = by_code(match[1] or match[3]), match[2] or match[4] or split(key)[1]
        if language and join(language.code, script) == key:
            return token
    raise ArtifactError(f"{folder} does not know {key}", hint="take a model that has the language")
