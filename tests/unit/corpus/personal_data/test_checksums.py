"""Known numbers of each kind, as their authorities' and encyclopaedias' pages print them."""

import pytest

from bedstone.corpus.personal_data import checksums


@pytest.mark.parametrize(
    ("is_valid", "number"),
    [
        (checksums.is_card, "4111111111111111"),
        (checksums.is_card, "378282246310005"),
        (checksums.is_card, "30569309025904"),
        (checksums.is_card, "6011111111111117"),
        (checksums.is_card, "5555555555554444"),
        (checksums.is_card, "2223003122003222"),
        (checksums.is_card, "3530111333300000"),
        (checksums.is_iban, "GB29NWBK60161331926819"),
        (checksums.is_iban, "DE89370400440532013000"),
        (checksums.is_iban, "PK36SCBL0000001123456702"),
        (checksums.is_aadhaar, "234123412346"),
        (checksums.is_south_africa_id, "7503305044089"),
        (checksums.is_nuit, "400339910"),
        (checksums.is_cpf, "39053344705"),
        (checksums.is_nik, "3171011708450001"),
        (checksums.is_nik, "3171015708450001"),
        (checksums.is_cnic, "3420108912318"),
        (checksums.is_tanzania_id, "19800229141280000123"),
    ],
)
def test_a_known_number_passes_and_with_another_digit_of_its_own_does_not(is_valid, number):
    assert is_valid(number)
    checked = (checksums.is_card, checksums.is_iban, checksums.is_aadhaar, checksums.is_nuit)
    if is_valid in (*checked, checksums.is_cpf, checksums.is_south_africa_id):
        for place in range(4, len(number)):
            if number[place].isdigit():
                other = str((int(number[place]) + 1) % 10)
                assert not is_valid(number[:place] + other + number[place + 1 :]), place


@pytest.mark.parametrize(
    ("is_valid", "number"),
    [
        (checksums.is_card, "0000000000000000"),
        (checksums.is_card, "9780306406157"),
        (checksums.is_card, "490154203237518"),  # a telephone's own, with Luhn's digit
        (checksums.is_iban, "ZZ29NWBK60161331926819"),
        (checksums.is_aadhaar, "201912312355"),
        (checksums.is_south_africa_id, "7513305044081"),
        (checksums.is_cpf, "11111111111"),
        (checksums.is_nik, "9971011708450001"),
        (checksums.is_nik, "3171013113450001"),
        (checksums.is_nik, "3171013102450001"),
        (checksums.is_cnic, "8420108912318"),
        (checksums.is_cnic, "3420108912310"),
        (checksums.is_tanzania_id, "18800229141280000123"),
        (checksums.is_any, "00000000000"),
    ],
)
def test_no_number_of_its_kind(is_valid, number):
    assert not is_valid(number)


def test_two_neighbours_that_changed_places_are_seen():
    assert not checksums.is_aadhaar("234124312346")
    assert not checksums.is_luhn("4111111111111141")
