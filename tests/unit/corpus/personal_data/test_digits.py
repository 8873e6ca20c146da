import unicodedata

import numpy as np

from bedstone.corpus.personal_data.digits import ZEROS, folded, native_digits
from bedstone.text.characters import IS_DIGIT, flag_table


def test_every_digit_of_the_table_becomes_ascii_s_in_its_place():
    for code in np.flatnonzero(flag_table() & IS_DIGIT):
        assert folded(f"é{chr(code)}.") == f"é{unicodedata.decimal(chr(code))}."


def test_signs_and_spaces_become_ascii_s_and_all_else_stays():
    text = "＋４９\u00a0३०‑१２\u2003é 中 😀 𝟗 ＠ ² ½"
    assert folded(text) == "+49 30-12 é 中 😀 9 @ ² ½"
    assert len(folded(text)) == len(text)


def test_the_digits_of_a_script():
    for script in ZEROS:
        assert [unicodedata.decimal(it) for it in native_digits(script)] == list(range(10))
    assert native_digits("Latn") == "0123456789"
