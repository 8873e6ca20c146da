"""By which patterns tokenisers cut a text into pieces, before they merge bytes within each.

Source: those that GPT-2 (Radford et al. 2019, ``encoder.py``) and tiktoken 0.14
(``openai_public.py``, cl100k and o200k) publish, without its possessive quantifiers, which change
the time and not the pieces; llama-vocab.cpp in github.com/ggml-org/llama.cpp, for GGUF.
"""

PATTERN = "|".join(
    [
        r" ?[\p{L}\p{M}\x{200C}\x{200D}]+",  # a word with the space before it
        r" ?\p{N}",
        r" ?[^\s\p{L}\p{M}\p{N}\x{200C}\x{200D}]+",  # punctuation, symbols
        r"[\r\n]+",
        r"[^\S\r\n]+",  # a gap
    ]
)
"""Cuts any text into pieces that together are the text.

Source: the pattern of GPT-2 (Radford et al. 2019). Differs: marks and joiners belong to their
word, without which Indic and Arabic words fall apart; a digit is a piece of its own, because
groups of three would ask for a thousand tokens; no rule for English contractions; of a longer
gap no space goes with the word, because that takes looking ahead, which costs half the speed and
overflows the stack in a page of a million spaces.
"""

_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
PATTERNS = {
    "r50k": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": "|".join(
        [
            _CONTRACTION,
            r"[^\r\n\p{L}\p{N}]?\p{L}+",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
    "o200k": "|".join(
        [
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
            + f"{_CONTRACTION}?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
            + f"{_CONTRACTION}?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
}
BY_RANKS = {50_256: "r50k", 50_280: "r50k", 100_256: "cl100k", 199_998: "o200k"}
"""Ranks in the file -> its pattern; 50,280 are p50k's, which cuts alike."""

SINGLE_DIGITS = PATTERNS["cl100k"].replace("{1,3}", "")
CUTS = {
    "gpt-2": [PATTERNS["r50k"]],
    "smollm": [r"\p{N}", PATTERNS["r50k"]],
    "llama-bpe": [PATTERNS["cl100k"]],
    "qwen2": [SINGLE_DIGITS],
    "superbpe": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", PATTERNS["r50k"], r"\p{N}+", "[0-9][0-9][0-9]"],
}
"""``tokenizer.ggml.pre`` -> the patterns by which a text is cut, one after the other."""
