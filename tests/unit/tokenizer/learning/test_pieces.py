import re

from tokenizers import Regex, pre_tokenizers

from bedstone.tokenizer.learning.pieces import GAP, PieceCounter, counts_of


def test_pieces_are_counted_over_all_texts():
    counter = PieceCounter()
    counter.add("the cat, the hat")
    counter.add("the\n\n cat  1")
    assert counter.counts() == {
        b"the": 2, b" cat": 2, b",": 1, b" the": 1, b" hat": 1, b"\n\n": 1, b"  ": 1, b"1": 1,
    }  # fmt: skip


def test_no_text_has_no_piece():
    assert counts_of([]) == counts_of([""]) == {}


def test_white_space_is_what_the_pattern_takes_for_it():
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x20000)]))
    others = pre_tokenizers.Split(Regex(r"\s"), "removed").pre_tokenize_str(text)
    theirs = set(text) - set("".join(piece for piece, _ in others))
    assert set(re.findall(rf"[\r\n{GAP}]", text)) == theirs
