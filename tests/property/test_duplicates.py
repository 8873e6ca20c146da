import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.clusters import join
from bedstone.corpus.signatures import signature_of

VALUES = st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=12)


def slow_roots(rows, digests, bands, similarity):
    """Obvious: the same rule, a pair at a time."""
    count, width = len(rows), len(rows[0]) // bands
    parts = [{number} for number in range(count)]
    firsts = [min(n for n in range(count) if digests[n] == digests[m]) for m in range(count)]

    def unite(a, b):
        left, right = (next(part for part in parts if each in part) for each in (a, b))
        if left is not right:
            parts.remove(right)
            left |= right

    for number, first in enumerate(firsts):
        unite(first, number)
    distinct = sorted(set(firsts))
    for band in range(bands):
        groups: dict[tuple[int, ...], list[int]] = {}
        for number in distinct:
            groups.setdefault(tuple(rows[number][band * width : (band + 1) * width]), []).append(
                number
            )
        for first, *others in groups.values():
            for other in others:
                equal = sum(a == b for a, b in zip(rows[first], rows[other], strict=True))
                if equal / len(rows[0]) >= similarity:
                    unite(first, other)
    return [min(next(part for part in parts if number in part)) for number in range(count)]


@given(VALUES, st.sampled_from([1, 2, 4]), st.sampled_from([0.0, 0.5, 0.75]), st.randoms())
def test_clusters_are_those_of_the_obvious_way(rows, bands, similarity, dice):
    digests = [str(dice.randrange(8)) for _ in rows]
    exact = np.array([digest.encode().ljust(16) for digest in digests], "V16")
    signed = np.ones(len(rows), bool)
    found = join(exact, np.array(rows, np.uint64), signed, bands, similarity)
    assert found.roots.tolist() == slow_roots(rows, digests, bands, similarity)


@given(st.text(max_size=60))
def test_a_signature_depends_on_the_words_only(text):
    one = signature_of(text, 8, 1, 2)
    other = signature_of(f" {text} \n", 8, 1, 2)
    assert (one is None) == (other is None)
    assert one is None or one.tolist() == other.tolist()
