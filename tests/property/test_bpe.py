"""Any words: the trainer makes the merges of a slow and obvious one."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bedstone.tokenizer.learning.bpe import Choice, Words, learn
from bedstone.tokenizer.learning.pieces import counts_of
from bedstone.tokenizer.learning.vocabulary import untrained

SYMBOLS, LANGUAGES = 3, 3
WORD = st.tuples(
    st.lists(st.integers(0, SYMBOLS - 1), min_size=1, max_size=9),
    st.integers(0, LANGUAGES - 1),
    st.integers(0, 5),
    st.integers(0, 5),
)
TEXTS = st.one_of(
    st.text(), st.text(st.sampled_from("ab़ि1!\u200c \t\r\n\x1c\x85\u00a0\u3000\u180e\u200b語"))
)


def merged(symbols, pair, made):
    found = []
    for symbol in symbols:
        found.append(symbol)
        if tuple(found[-2:]) == pair:
            found[-2:] = [made]
    return found


def reference(rows, merges, min_frequency, content, window, most):
    rows, is_closed, chosen, pairs = list(rows), [False] * LANGUAGES, [], []
    while len(pairs) < merges and not all(is_closed):
        tokens = [
            sum(len(symbols) * development for symbols, own, _, development in rows if own == each)
            for each in range(LANGUAGES)
        ]
        recent = Counter(chosen[-window:] if window else [])
        opened = [each for each in range(LANGUAGES) if not is_closed[each]]
        allowed = [each for each in opened if not window or recent[each] <= most] or opened
        language = max(allowed, key=lambda each: (tokens[each] / content[each], -each))
        counts = Counter()
        for symbols, own, count, _ in rows:
            if own == language:
                for pair in pairwise(symbols):
                    counts[pair] += count
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < min_frequency:
            is_closed[language] = True
            continue
        made = SYMBOLS + len(pairs)
        rows = [(merged(symbols, best, made), *rest) for symbols, *rest in rows]
        pairs.append(best)
        chosen.append(language)
    return pairs, chosen, [symbols for symbols, *_ in rows]


@given(
    st.lists(WORD, min_size=1, max_size=12),
    st.integers(1, 3),
    st.lists(st.integers(1, 9), min_size=LANGUAGES, max_size=LANGUAGES),
    st.integers(0, 4),
    st.integers(0, 3),
)
def test_merges_are_those_of_a_slow_trainer(rows, min_frequency, content, window, most):
    symbols, languages, counts, development = zip(*rows, strict=True)
    given_words = Words(
        np.concatenate([np.array(each, np.int32) for each in symbols]),
        np.cumsum([0, *map(len, symbols)]),
        np.array(languages, np.int32),
        np.array(counts, np.int64),
        np.array(development, np.int64),
    )
    choice = Choice(np.array(content, float), window, float(most))
    found = learn(given_words, SYMBOLS, 20, min_frequency, choice)
    pairs, chosen, left = reference(rows, 20, min_frequency, content, window, most)
    assert [tuple(pair) for pair in found.pairs.tolist()] == pairs
    assert found.chosen.tolist() == chosen
    assert np.array_equal(found.words.symbols, np.concatenate(left))
    assert found.words.lengths.tolist() == list(map(len, left))


@given(st.lists(TEXTS, max_size=4))
def test_pieces_are_those_of_the_pattern(texts):
    split = untrained().pre_tokenizer[0]
    pieces = Counter(piece.encode() for text in texts for piece, _ in split.pre_tokenize_str(text))
    assert counts_of(texts) == pieces
