import re

import pytest

from bedstone.corpus.personal_data.national_numbers import KEYED, KINDS
from bedstone.corpus.personal_data.spans import found
from bedstone.corpus.personal_data.surrogates import surrogate, tag

VALUES = {
    "ip": ("41.90.64.7", "2a02:1:2::7"),
    "iban": ("GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000"),
    "card": ("4111 1111 1111 1111", "378282246310005"),
    "india_aadhaar": ("2341 2341 2346", "२३४१ २३४१ २३४६"),
    "india_pan": ("ABCPE1234F",),
    "pakistan_cnic": ("34201-0891231-8",),
    "indonesia_nik": ("3171011708450001",),
    "kenya_pin": ("A004416331M",),
    "south_africa_id": ("7503305044089",),
    "tanzania_id": ("19800229-14128-00001-23",),
    "mozambique_nuit": ("400339910",),
    "brazil_cpf": ("390.533.447-05",),
}
SHAPED = [(kind, value) for kind, values in VALUES.items() if kind != "ip" for value in values]


def shape(text):
    return re.sub("[A-Z]", "A", re.sub("[a-z]", "a", re.sub(r"\d", "0", text)))


@pytest.mark.parametrize(("kind", "value"), SHAPED)
def test_it_has_the_value_s_shape_and_is_nothing_that_is_found(kind, value):
    for document in map(str, range(20)):
        made = surrogate(value, kind, None, document)
        assert shape(made) == shape(value)
        assert made != value
        assert found(made, "MZ") == []
        assert {it.isascii() for it in made if it.isdigit()} == {
            it.isascii() for it in value if it.isdigit()
        }


@pytest.mark.parametrize("value", VALUES["ip"])
def test_an_address_is_one_of_documentation_s(value):
    made = {surrogate(value, "ip", None, str(number)) for number in range(50)}
    assert len(made) > 25
    reserved = r"192\.0\.2\.\d+|198\.51\.100\.\d+|203\.0\.113\.\d+|2001:db8::[0-9a-f:]+"
    assert all(re.fullmatch(reserved, each) for each in made)
    assert not any(found(each) for each in made)


def test_mail_goes_to_a_host_that_nobody_has():
    made = surrogate("Jane.Doe+news7@mail.co.ke", "email", None, "a")
    local, host = made.split("@")
    assert shape(local) == shape("Jane.Doe+news7")
    assert host in ("example.com", "example.net", "example.org")
    assert [it.kind for it in found(made)] == ["email"]


@pytest.mark.parametrize(
    ("value", "country"),
    [
        ("+254 712 345 678", "KE"),
        ("0712 345 678", "KE"),
        ("+1 212", "US"),
        ("+1 (212) 987-6543", "US"),
        ("+४९ १७१ १२३४५६७", "DE"),
    ],
)
def test_a_phone_number_is_one_that_no_plan_gives_out(value, country):
    made = {surrogate(value, "phone", country, str(number)) for number in range(20)}
    assert len(made) > 15
    assert {shape(each) for each in made} == {shape(value)}
    assert not any(found(each, country) for each in made)


def test_one_value_has_one_in_a_document_and_another_in_the_next():
    made = [surrogate("ABCPE1234F", "india_pan", None, name) for name in ("a", "a", "b")]
    assert made[0] == made[1] != made[2]


def test_of_the_hash_only_some_bits_count():
    """Else whoever guesses a value could prove it by the surrogate."""
    values = [f"a{number}@b.org" for number in range(3)]
    bits = {surrogate(value, "email", None, "document") for value in values}
    assert len(bits) == 3


@pytest.mark.parametrize("kind", KEYED)
def test_what_only_a_word_tells_is_tagged(kind):
    assert surrogate("12345678901", kind, None, "a") == tag(kind)


def test_a_tag_is_words_that_are_not_found_again():
    assert tag("india_pan") == "[india pan]"
    assert [found(tag(kind), "KE") for kind in KINDS] == [[] for _ in KINDS]
