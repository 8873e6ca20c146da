"""C4's rules: which lines of a page are dropped, and which pages; and the text that is left.

A page is read line by line (as ``str.splitlines`` has them), each stripped. In this order

1. a line with a very long word is dropped;
2. citations (``[12]``, ``[]``, ``[edit]``, ``[citation needed]``) are taken out;
3. a line that does not end in an end mark, or ends in ``...``, is dropped;
4. so is one of few words, words being what stands between white space;
5. "lorem ipsum" drops the page;
6. "javascript" drops the line;
7. ``{`` drops the page;
8. a phrase about cookies, terms or privacy drops the line;

and a page with few sentences on the lines that are kept is dropped. What drops the page is looked
for on lines that have come so far, so a bracket on a line without an end mark is none. For the
text of a page that is dropped, and for its sentences, such a line counts as kept.

Variants, for the sources differ:

* ``tfds``: the code that made C4. End marks are ``. ? ! "``; words are counted after citations
  are out; a page of very many characters is dropped before anything else.
* ``datatrove``: ``'`` is an end mark too; other numbers of words and of sentences; words are
  counted before citations are out.
* ``fineweb``: as datatrove, without rule 3.

Source: Raffel et al. 2020 (T5), JMLR 21(140), section 2.2; tensorflow_datasets c4 3.0.1,
``clean_page`` and ``is_valid_length``; datatrove 0.10, C4QualityFilter.
Differs: sentences are those of ``text.words`` by spaCy's rule, counted line by line,
where tfds asks NLTK. The list of bad words is no part of this.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.rules import c4_kernels as kernels
from bedstone.corpus.rules.c4_kernels import Lines
from bedstone.text.codes import Indices, Rewritten, Texts
from bedstone.text.words import AFTER_BREAK, IS_PUNCTUATION, SENTENCE_END, Words, words_of

Bools = NDArray[np.bool_]

LINE_RULES = ("citations", "long_word", "end_mark", "few_words", "javascript", "policy")
"""What changes the text, in this order."""
_BITS = (np.uint8(SENTENCE_END), np.uint8(IS_PUNCTUATION), np.uint8(AFTER_BREAK))


@dataclass(frozen=True, slots=True)
class Variant:
    """What the sources differ in."""

    end_marks: int
    """Bits of the marks that a line may end in; 0 for any end."""
    min_words: int
    words_without_citations: bool


VARIANTS = {
    "tfds": Variant(kernels.PLAIN_END, 5, words_without_citations=True),
    "datatrove": Variant(
        kernels.PLAIN_END | kernels.APOSTROPHE_END, 3, words_without_citations=False
    ),
    "fineweb": Variant(0, 3, words_without_citations=False),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of lines."""

    dropped: dict[str, Bools]
    """By rule, the lines that it drops and none before it."""
    kept: Bools
    lorem: Bools
    """Those whose "lorem ipsum" drops the page."""
    curly: Bools


def c4_statistics(
    texts: Texts, words: Words, sentences: NDArray[np.int64] | None = None
) -> dict[str, NDArray[np.float64]]:
    """What the rules for pages ask for: a column a name, a row a text.

    Args:
        texts: any.
        words: theirs.
        sentences: of each text, their number on the lines that are kept, if known from elsewhere.
    """
    # A line of fewer words is dropped by all variants before it could drop the page.
    fewest = min(variant.min_words for variant in VARIANTS.values())
    lines = kernels.read_lines(texts.codes, texts.starts, kernels.class_table(), fewest)
    verdicts = {name: judged(lines, variant) for name, variant in VARIANTS.items()}
    counted = None if sentences is not None else _sentences(lines, words, verdicts)
    owners = np.repeat(np.arange(len(texts)), np.diff(lines.firsts))
    columns = {"text_characters": np.diff(texts.starts).astype(np.float64)}
    for name, verdict in verdicts.items():
        kept = verdict.kept
        columns[f"c4_{name}_sentences"] = (
            np.bincount(owners[kept], counted[kept], len(texts)).astype(np.float64)
            if counted is not None
            else np.asarray(sentences, np.float64)
        )
        for each, applies in (("lorem_lines", verdict.lorem), ("curly_lines", verdict.curly)):
            found = np.bincount(owners[applies], minlength=len(texts))
            columns[f"c4_{name}_{each}"] = found.astype(np.float64)
    return columns


def rewrite(texts: Texts, variant: str, without: tuple[str, ...] = ()) -> Rewritten:
    """The lines that ``variant`` keeps, without citations, parted by line feeds and stripped.

    Args:
        texts: any.
        variant: a name in ``VARIANTS``.
        without: names in ``LINE_RULES`` of what is not done.
    """
    classes = kernels.class_table(citations="citations" not in without)
    fewest = 0 if "few_words" in without else 1
    lines = kernels.read_lines(texts.codes, texts.starts, classes, fewest)
    verdict = judged(lines, VARIANTS[variant], without)
    made = kernels.join_lines(texts.codes, lines, verdict.kept, classes)
    codes, starts, firsts, numbers = made
    return Rewritten(Texts(codes, starts), firsts, numbers, _counts(texts, lines, verdict))


def judged(lines: Lines, variant: Variant, without: tuple[str, ...] = ()) -> Verdict:
    """What becomes of each line; ``without`` names rules that do not apply."""

    def has(bits: int) -> Bools:
        return lines.bits & np.uint16(bits) > 0

    counted = lines.clean_words if variant.words_without_citations else lines.words
    rules = {
        "long_word": has(kernels.HAS_LONG_WORD),
        "end_mark": np.full(len(lines.bits), bool(variant.end_marks)) & ~has(variant.end_marks),
        "few_words": counted < variant.min_words,
        "lorem": has(kernels.HAS_LOREM),
        "javascript": has(kernels.HAS_JAVASCRIPT),
        "curly": has(kernels.HAS_CURLY),
        "policy": has(kernels.HAS_POLICY),
    }
    kept, applied = np.ones(len(lines.bits), np.bool_), {}
    for rule, applies in rules.items():
        applied[rule] = kept & applies
        if rule in LINE_RULES and rule not in without:
            kept &= ~applies
    dropped = {rule: applied[rule] for rule in LINE_RULES if rule in applied}
    dropped |= {rule: np.zeros(len(kept), np.bool_) for rule in without if rule in applied}
    return Verdict(dropped, kept, applied["lorem"], applied["curly"])


def _sentences(lines: Lines, words: Words, verdicts: dict[str, Verdict]) -> Indices:
    """The sentences of each line that a variant keeps; those that lost citations have new words."""
    wanted = np.logical_or.reduce([verdict.kept for verdict in verdicts.values()])
    is_cited = lines.bits & np.uint16(kernels.IS_CITED) > 0
    plain = wanted & ~is_cited
    counts = np.zeros(len(wanted), np.int64)
    counts[plain] = kernels.count_sentences(
        lines.starts[plain], lines.ends[plain], words.starts, words.flags, _BITS
    )
    if is_cited.any():
        bounds = lines.cited_starts
        inner = words_of(Texts(lines.cited, bounds))
        counts[is_cited] = kernels.count_sentences(
            bounds[:-1], bounds[1:], inner.starts, inner.flags, _BITS
        )
    return counts


def _counts(texts: Texts, lines: Lines, verdict: Verdict) -> dict[str, int]:
    """By rule, the lines that are not blank and the bytes that it drops."""
    counts = {}
    for rule, dropped in verdict.dropped.items():
        some = dropped & (lines.words > 0)
        counts[f"dropped.{rule}_lines"] = int(some.sum())
        counts[f"dropped.{rule}_bytes"] = kernels.utf8_bytes(
            texts.codes, lines.starts[some], lines.ends[some]
        )
    is_cited = lines.bits & np.uint16(kernels.IS_CITED) > 0
    cited, whole = verdict.kept & is_cited, verdict.kept[is_cited]
    left = Texts(lines.cited, lines.cited_starts)
    counts["dropped.citations_lines"] = int(cited.sum())
    counts["dropped.citations_bytes"] = kernels.utf8_bytes(
        texts.codes, lines.starts[cited], lines.ends[cited]
    ) - kernels.utf8_bytes(left.codes, left.starts[:-1][whole], left.starts[1:][whole])
    return counts
