import pytest

from bedstone.generation.stops import StopStrings, Stream, cut

BYTES = tuple(bytes([byte]) for byte in range(256))
CUTS = [
    ("a\n\nb", ["\n\n"], "a"),
    ("abc", [], "abc"),
    ("abc", ["x"], "abc"),
    ("abcd", ["cd", "b"], "a"),  # the one that ends first
    ("abcd", ["bcd", "c"], "ab"),
    ("abcd", ["d", "bcd"], "a"),  # both end there: the longest
    ("aab", ["ab"], "a"),
    ("వందనం", ["ద"], "వం"),
]


@pytest.mark.parametrize(("text", "stops", "expected"), CUTS)
def test_a_text_is_cut_before_the_stop_that_ends_first(text, stops, expected):
    assert cut(text, stops) == expected


@pytest.mark.parametrize(("text", "stops", "expected"), CUTS)
def test_a_stream_gives_the_cut_text(text, stops, expected):
    stream = Stream(BYTES, stops)
    parts = [stream.push(byte) for byte in text.encode()]
    assert "".join(parts) + stream.finish() == expected
    assert stream.is_stopped == (expected != text)


def test_characters_come_whole_and_beginnings_of_stops_wait():
    stream = Stream((*BYTES, b"a\n", b"\nb\n", b"\n"), ["\n\n"])
    assert [stream.push(byte) for byte in "é".encode()] == ["", "é"]
    assert stream.push(256) == "a"
    assert stream.push(257) == ""
    assert stream.is_stopped
    assert stream.push(65) == ""
    assert stream.finish() == ""


def test_what_turns_out_to_be_no_stop_is_given():
    stream = Stream(BYTES, ["abc"])
    assert [stream.push(byte) for byte in b"abab"] == ["", "", "ab", ""]
    assert stream.finish() == "ab"


def test_an_unfinished_character_shows_at_the_end():
    stream = Stream(BYTES, ["!"])
    assert stream.push("é".encode()[0]) == ""
    assert stream.finish() == "\ufffd"


def test_a_row_ends_with_the_token_that_completes_a_stop():
    """It begins within a token, and its second character's bytes lie in two."""
    first, second = "é".encode()
    guide = StopStrings((b"xa", bytes([first]), bytes([second]) + b"y", b""), ["aé"])
    assert guide.allowed() is None
    assert [guide.advance(token) for token in (0, 1, 3, 2)] == [False, False, False, True]


class Counting:
    """A guide that allows one token and is done after three."""

    def __init__(self):
        self.taken = []

    def allowed(self):
        return "one"

    def advance(self, token_id):
        self.taken.append(token_id)
        return len(self.taken) == 3


def test_a_row_with_another_guide_is_held_to_it_and_ends_with_either():
    for text, ends in (("aaa", [False, False, True]), ("ab", [False, True])):
        other = Counting()
        guide = StopStrings(BYTES, ["b"], other)
        assert guide.allowed() == "one"
        assert [guide.advance(token) for token in text.encode()] == ends
        assert other.taken == [*text.encode()]


@pytest.mark.parametrize("make", [lambda stops: cut("a", stops), lambda s: StopStrings((), s)])
def test_an_empty_stop_is_refused(make):
    with pytest.raises(ValueError, match="empty"):
        make(["a", ""])
