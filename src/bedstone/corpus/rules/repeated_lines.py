"""Repetition within a text: equal lines and equal paragraphs.

Lines and paragraphs are compared by 64-bit hashes, in linear time. The statistics' names say whose
count they are: without a prefix datatrove's, else the paper's or dolma's; how these differ is told
in ``corpus.rules.sets``. ``repeated_line_character_share`` is FineWeb's.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, appendix A.1.1; datatrove 0.10,
GopherRepetitionFilter and FineWebQualityFilter; dolma 1.2, gopher_v1.
"""

import numpy as np
from numpy.typing import NDArray

from bedstone.text.characters import IS_SPACE, flag_table
from bedstone.text.codes import Codes, Indices, Texts
from bedstone.text.hashing import Values, group, share, slot_bits
from bedstone.text.kernel import ZERO, inner, kernel

Flags = NDArray[np.uint16]

NEWLINE = 0x0A
FACTORS = (
    np.uint64(0xD6E8FEB86659FD93),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
    np.uint64(0xFF51AFD7ED558CCD),
    np.uint64(0xC4CEB9FE1A85EC53),
)
HALF = np.uint64(32)

LINES = (
    "lines",
    "duplicate_lines",
    "duplicate_line_characters",
    "paragraphs",
    "duplicate_paragraphs",
    "duplicate_paragraph_characters",
    "repeated_line_characters",
    "paper_lines",
    "paper_duplicate_lines",
    "paper_duplicate_line_characters",
    "paper_duplicate_paragraphs",
    "paper_duplicate_paragraph_characters",
    "dolma_lines",
    "dolma_duplicate_lines",
    "dolma_duplicate_line_characters",
)


def line_repetition(texts: Texts) -> dict[str, Values]:
    """The shares of equal lines and paragraphs, of each text; 0 where there are none.

    ``dolma_duplicate_line_characters`` is a count: its whole are the words' characters.
    """
    found = np.zeros((len(texts), len(LINES)), np.float64)
    _lines(texts.codes, texts.starts, flag_table(), found)
    counts = dict(zip(LINES, found.T, strict=True))
    characters = np.diff(texts.starts).astype(np.float64)
    newlines = counts["dolma_lines"] - 1
    return {
        "duplicate_paragraph_share": share(counts["duplicate_paragraphs"], counts["paragraphs"]),
        "duplicate_paragraph_character_share": share(
            counts["duplicate_paragraph_characters"], characters
        ),
        "duplicate_line_share": share(counts["duplicate_lines"], counts["lines"]),
        "duplicate_line_character_share": share(counts["duplicate_line_characters"], characters),
        "paper_duplicate_paragraph_share": share(
            counts["paper_duplicate_paragraphs"], counts["paragraphs"]
        ),
        "paper_duplicate_paragraph_character_share": share(
            counts["paper_duplicate_paragraph_characters"], characters
        ),
        "paper_duplicate_line_share": share(counts["paper_duplicate_lines"], counts["paper_lines"]),
        "paper_duplicate_line_character_share": share(
            counts["paper_duplicate_line_characters"], characters
        ),
        "dolma_duplicate_line_share": share(counts["dolma_duplicate_lines"], counts["dolma_lines"]),
        "dolma_duplicate_line_characters": counts["dolma_duplicate_line_characters"],
        "repeated_line_character_share": share(
            counts["repeated_line_characters"], characters - newlines
        ),
    }


@inner
def _hash(codes: Codes, low: int, high: int) -> np.uint64:
    value = np.uint64(high - low)
    position = low
    while position + 4 <= high:
        value = (value ^ (value >> HALF)) * FACTORS[0] + (
            np.uint64(codes[position]) * FACTORS[1]
            + np.uint64(codes[position + 1]) * FACTORS[2]
            + np.uint64(codes[position + 2]) * FACTORS[3]
            + np.uint64(codes[position + 3]) * FACTORS[4]
        )
        position += 4
    while position < high:
        value = (value ^ (value >> HALF)) * FACTORS[0] + np.uint64(codes[position]) * FACTORS[1]
        position += 1
    return value


@inner
def _most_lines(codes: Codes, starts: Indices) -> int:
    """Of the text with the most lines, how many it has at most that are not empty."""
    most = 0
    for text in range(len(starts) - 1):
        count = 1
        for code in codes[starts[text] : starts[text + 1]]:
            count += code == NEWLINE
        most = max(most, min(count, (starts[text + 1] - starts[text] + 1) // 2))
    return most


@kernel
def _lines(all_codes: Codes, starts: Indices, flags: Flags, found: Values) -> None:
    most = _most_lines(all_codes, starts)
    table = np.empty(1 << slot_bits(most), np.int32)
    keys = np.empty(most, np.uint64)
    begins = np.empty(most, np.int64)
    lengths = np.empty(most, np.int64)
    firsts = np.empty(most, np.int64)
    copies = np.empty(most, np.int64)
    for text in range(len(found)):
        codes = all_codes[starts[text] : starts[text + 1]]
        row = found[text]

        # 1. The lines that are not empty.
        count, empty, begin = ZERO, 0, ZERO
        for position in range(len(codes) + 1):
            if position < len(codes) and codes[position] != NEWLINE:
                continue
            if position == begin:
                empty += 1
            else:
                keys[count] = _hash(codes, begin, position)
                begins[count] = begin
                lengths[count] = position - begin
                count += 1
            begin = position + 1

        # 2. How they recur. datatrove's empty lines are what stands before and behind the rest.
        group(keys, count, table, firsts, copies)
        edges = 0
        if len(codes):
            edges += codes[0] == NEWLINE
            edges += codes[-1] == NEWLINE
        row[0] = count + edges
        row[1] = edges == 2
        row[12] = count + empty
        row[13] = empty if empty > 1 else 0
        for index in range(count):
            number, length = copies[index], lengths[index]
            if not number:
                continue
            is_visible = False
            for position in range(begins[index], begins[index] + length):
                if not flags[codes[position]] & IS_SPACE:
                    is_visible = True
                    break
            row[7] += number * is_visible
            if number > 1:
                row[1] += number - 1
                row[2] += (number - 1) * length
                row[6] += (number - 1) * length * is_visible
                row[8] += number * is_visible
                row[9] += number * length * is_visible
                row[13] += number
                row[14] += number * length

        # 3. The paragraphs: lines without an empty one between them, in the stripped text.
        low, high = 0, len(codes)
        while low < high and flags[codes[low]] & IS_SPACE:
            low += 1
        while low < high and flags[codes[high - 1]] & IS_SPACE:
            high -= 1
        paragraphs, end = ZERO, -1
        for index in range(count):
            begin = max(begins[index], low)
            position = min(begins[index] + lengths[index], high)
            if begin >= position:
                continue
            key, length = keys[index], position - begin
            if length != lengths[index]:
                key = _hash(codes, begin, position)
            if paragraphs and begin == end + 1:
                joined = keys[paragraphs - 1]
                keys[paragraphs - 1] = (joined ^ (joined >> HALF)) * FACTORS[0] + key
                lengths[paragraphs - 1] += 1 + length
            else:
                keys[paragraphs] = key
                lengths[paragraphs] = length
                paragraphs += 1
            end = position
        group(keys, paragraphs, table, firsts, copies)
        row[3] = max(paragraphs, 1)
        for index in range(paragraphs):
            number, length = copies[index], lengths[index]
            if number > 1:
                row[4] += number - 1
                row[5] += (number - 1) * length
                row[10] += number
                row[11] += number * length
