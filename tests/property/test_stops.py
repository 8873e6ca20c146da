"""Any tokens and stop strings: a stream gives the cut text, a guide ends with its last token."""

from hypothesis import given
from hypothesis import strategies as st

from bedstone.generation.stops import StopStrings, Stream, cut

LETTERS = "abé\U0001f469\u200d"
STOPS = st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=3)
TOKENS = st.one_of(
    st.text(LETTERS, max_size=4).map(str.encode),
    st.binary(max_size=2),
    st.sampled_from([byte.to_bytes() for byte in LETTERS.encode()]),
)
CONTENTS = st.lists(TOKENS, max_size=12)


def decoded(contents):
    return b"".join(contents).decode("utf-8", "replace")


@given(CONTENTS, STOPS)
def test_a_stream_gives_the_cut_text(contents, stops):
    stream = Stream(contents, stops)
    given_so_far = ""
    for number in range(len(contents)):
        given_so_far += stream.push(number)
        assert cut(decoded(contents), stops).startswith(given_so_far)
    assert given_so_far + stream.finish() == cut(decoded(contents), stops)


@given(CONTENTS, STOPS)
def test_nothing_is_held_that_is_certain(contents, stops):
    """What is held back begins a stop string, or a character."""
    stream, given_so_far = Stream(contents, stops), ""
    for number in range(len(contents)):
        given_so_far += stream.push(number)
        whole = b"".join(contents[: number + 1]).decode("utf-8", "ignore")
        held = decoded(contents[: number + 1])[len(given_so_far) :].rstrip("\ufffd")
        if not stream.is_stopped and "\ufffd" not in given_so_far + held and held:
            assert whole.endswith(held)
            assert any(stop.startswith(held) for stop in stops)


@given(CONTENTS, STOPS)
def test_a_row_ends_with_the_token_that_completes_a_stop(contents, stops):
    guide = StopStrings(contents, stops)
    ended = [guide.advance(number) for number in range(len(contents))]
    for number, is_done in enumerate(ended):
        # A last character may want bytes: what is decoded so far ends before it.
        text = decoded(contents[: number + 1])
        assert is_done == any(stop in text for stop in stops)
