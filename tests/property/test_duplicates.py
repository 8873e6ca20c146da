import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.duplicates.clusters import Documents, agreement, join
from bedstone.corpus.duplicates.signatures import composed, signed
from bedstone.text.codes import string_of, texts_of

VALUES = st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=12)
TEXT = st.text(st.characters(), max_size=60)


def slow_roots(rows, digests, ranks, scopes, width, similarity):
    """Obvious: the same rule, a pair at a time."""
    count = len(rows)
    parts = [{number} for number in range(count)]

    def part_of(number):
        return next(part for part in parts if number in part)

    def unite(a, b):
        left, right = part_of(a), part_of(b)
        if left is not right:
            parts.remove(right)
            left |= right

    def first(numbers):
        return min(numbers, key=lambda number: ranks[number])

    def groups(numbers, key):
        keys = {(scopes[number], key(number)) for number in numbers}
        return [
            [number for number in numbers if (scopes[number], key(number)) == each] for each in keys
        ]

    equal = groups(range(count), lambda number: digests[number])
    for group in equal:
        for number in group:
            unite(first(group), number)
    for start in range(0, 4, width):
        for group in groups(
            [first(group) for group in equal],
            lambda number, start=start: tuple(rows[number][start : start + width]),
        ):
            centre = first(group)
            for other in group:
                same = sum(a == b for a, b in zip(rows[centre], rows[other], strict=True))
                if same / 4 >= similarity:
                    unite(centre, other)
    return [first(part_of(number)) for number in range(count)]


@given(VALUES, st.sampled_from([1, 2, 4]), st.sampled_from([None, 0.0, 0.5, 0.75]), st.randoms())
def test_clusters_are_those_of_the_obvious_way(rows, width, similarity, dice):
    count = len(rows)
    digests = [dice.randrange(8) for _ in rows]
    scopes = [dice.randrange(2) for _ in rows]
    ranks = dice.sample(range(count), count)
    present, numbers = np.ones(count, np.bool_), np.array(rows, np.uint64)
    bands = [
        lambda first=first: iter(
            [(np.ascontiguousarray(numbers[:, first : first + width]), present)]
        )
        for first in range(0, 4, width)
    ]
    exact = np.array([[digest, 0] for digest in digests], np.uint64)
    about = Documents(present, np.array(scopes, np.uint64), np.array(ranks))
    found = join(lambda: iter([(exact, present)]), bands, about, similarity)
    expected = slow_roots(rows, digests, ranks, scopes, width, similarity or 0.0)
    assert found.roots.tolist() == expected
    pairs = np.array([[dice.randrange(count), dice.randrange(count)] for _ in range(3)])
    shares = [np.mean(numbers[one] == numbers[other]) for one, other in pairs]
    assert agreement(bands, pairs).tolist() == shares


def sign(*strings):
    return signed(composed(texts_of(strings)), 8, 1, 2)


@given(TEXT)
def test_any_text_is_signed_and_white_space_makes_no_difference(text):
    one, other, after = (
        sign("a first text", text, "another one"),
        sign(f" {text} \n".replace(" ", "\u2028 ")),
        sign("another one"),
    )
    assert one.is_signed[1] == other.is_signed[0]
    assert one.least[1].tolist() == other.least[0].tolist()
    assert one.exact[1].tolist() == other.exact[0].tolist()
    assert one.least[2].tolist() == after.least[0].tolist()


@given(TEXT, TEXT)
def test_exact_numbers_are_equal_for_texts_equal_but_for_white_space(one, other):
    plain = [
        " ".join(string_of(composed(texts_of([text])), 0).replace("\udfff", "\ufffd").split())
        for text in (one, other)
    ]
    made = sign(one, other)
    assert (made.exact[0].tolist() == made.exact[1].tolist()) == (plain[0] == plain[1])
