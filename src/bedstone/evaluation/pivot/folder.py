"""Translation by a model of CTranslate2's: Opus-MT's, for two languages, or NLLB's, for many.

The folder holds what the converter writes and the SentencePiece files: ``source.spm`` and
``target.spm``, or one for both. A model of several languages is told them by tokens that its
vocabulary has: NLLB's ``spa_Latn`` before the text and before the translation, Opus-MT's ``>>spa<<``
before the text. One that has no such token is taken to be for the two languages.
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
from bedstone.languages import by_code, split

LANGUAGE = re.compile(r"(?:>>)?([a-z]{2,3})(?:_([A-Z][a-z]{3}))?(?:<<)?")
MAX_TOKENS = 512
"""Of a line: what the models have learnt."""
BATCH_TOKENS = 2_048


@dataclass(frozen=True, slots=True)
class Folder:
    """A model with its tokenisers."""

    model: Any
    source: Any
    target: Any
    """Tokenisers; the same for both where there is one."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    """Of the line's tokens."""
    prefix: tuple[str, ...]
    """Of the translation's."""

    @classmethod
    def load(cls, folder: Path, source: str, target: str, threads: int) -> "Folder":
        """What translates from one language into another, both as ``spa_Latn``.

        Raises:
            ArtifactError: there is no such model, or it does not know one of the languages.
        """
        import ctranslate2
        import sentencepiece

        files = sorted([*folder.glob("*.spm"), *folder.glob("*.model")])
        named = {file.name: file for file in files}
        pair = [
            named.get(name, files[0] if files else folder) for name in ("source.spm", "target.spm")
        ]
        try:
            model = ctranslate2.Translator(str(folder), inter_threads=1, intra_threads=threads)
            says = json.loads((folder / "config.json").read_text("utf-8"))
            tokenizers = [
                sentencepiece.SentencePieceProcessor(model_file=str(file)) for file in pair
            ]
            vocabulary = _vocabulary(folder)
        except (OSError, RuntimeError, ValueError) as error:
            raise ArtifactError(
                f"{folder} is no model of CTranslate2's with its tokeniser: {reason(error)}",
                hint="it holds model.bin, config.json, a vocabulary, source.spm and target.spm",
            ) from None
        # A converter says whether the model is to be given the end of a line by its caller.
        end = () if says.get("add_source_eos") else ("</s>",)
        if any(token.startswith(">>") for token in vocabulary):
            return cls(model, *tokenizers, (_token(vocabulary, target, folder),), end, ())
        if sum(1 for token in vocabulary if _key(token)[1]) > 1:
            both = [_token(vocabulary, key, folder) for key in (source, target)]
            return cls(model, *tokenizers, (both[0],), end, (both[1],))
        return cls(model, *tokenizers, (), end, ())

    def translate(self, lines: Sequence[str]) -> list[Translated]:
        """Of each line, by a beam of CTranslate2's default width."""
        begun = time.monotonic()
        asked = [
            [*self.before, *self.source.encode(line, out_type=str), *self.after] for line in lines
        ]
        found = self.model.translate_batch(
            asked,
            target_prefix=[list(self.prefix)] * len(asked) if self.prefix else None,
            max_batch_size=BATCH_TOKENS,
            batch_type="tokens",
            max_input_length=0,
            max_decoding_length=MAX_TOKENS,
        )
        share = (time.monotonic() - begun) / len(lines)
        translated = []
        for line, sent, one in zip(lines, asked, found, strict=True):
            tokens = one.hypotheses[0]
            text, why = checked(line, self.target.decode(tokens[len(self.prefix) :]))
            if max(len(sent), len(tokens)) >= MAX_TOKENS:
                text, why = "", "too long"
            translated.append(Translated(text, why, share, len(sent), len(tokens)))
        return translated


def _vocabulary(folder: Path) -> list[str]:
    names = ("shared_vocabulary", "source_vocabulary")
    for path in (folder / f"{name}{ending}" for name in names for ending in (".json", ".txt")):
        if path.exists():
            text = path.read_text("utf-8")
            return list(json.loads(text)) if path.suffix == ".json" else text.splitlines()
    raise ValueError("it has no vocabulary")


def _key(token: str) -> tuple[str, str]:
    # Language and script of a token that names one; the script is empty where it is not told.
    match = LANGUAGE.fullmatch(token)
    language = by_code(match[1]) if match and (match[2] or token.startswith(">>")) else None
    return (language.code, match[2] or "") if language and match else ("", "")


def _token(vocabulary: Sequence[str], key: str, folder: Path) -> str:
    language, script = split(key)
    for token in vocabulary:
        code, written = _key(token)
        if code == language and written in ("", script):
            return token
    raise ArtifactError(f"{folder} does not know {key}", hint="take a model that has the language")
