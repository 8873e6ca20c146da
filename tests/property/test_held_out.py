import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bedstone.corpus.held_out import HeldOutConfig, last_lots

LETTERS = st.sampled_from("abc")


@settings(max_examples=200)
@given(
    st.lists(st.tuples(LETTERS, st.floats(0, 0.999)), max_size=60, unique_by=lambda it: it[1]),
    LETTERS,
    st.floats(0, 0.999),
)
def test_another_cluster_moves_one_at_most_and_none_of_another_language(clusters, letter, its_lot):
    config = HeldOutConfig(share=0.1, min_documents=3)

    def held_out(them):
        codes = np.array([ord(language) for language, _ in them], np.uint64)
        lots = np.array([each for _, each in them], np.float64)
        last = last_lots(config, [(codes[each::3], lots[each::3]) for each in range(3)])
        return {(name, lot) for name, lot in them if lot <= last.get(ord(name), -1)}

    new = (letter, its_lot)
    moved = (held_out(clusters) ^ held_out([*clusters, new])) - {new}
    assert len(moved) <= 1
    assert {language for language, _ in moved} <= {letter}
