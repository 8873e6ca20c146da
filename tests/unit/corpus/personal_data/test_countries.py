import pytest

from bedstone.corpus.personal_data.countries import country_of


@pytest.mark.parametrize(
    ("url", "language", "country"),
    [
        ("https://a.example.co.ke/x.in", "eng_Latn", "KE"),
        ("http://user@shop.example.co.uk:8080/", "", "GB"),
        ("https://a.example.de", "tel_Telu", "DE"),
        ("https://a.example.org/", "tel_Telu", "IN"),
        ("https://a.example.io/", "jpn_Jpan", "JP"),
        ("https://a.example.org/", "ben_Beng", None),
        ("https://a.example.org/", "swh_Latn", None),
        ("https://a.example.tv/", "eng_Latn", None),
        ("https://10.0.0.1/", "und", None),
        ("", "", None),
        ("no url.de", "", None),
    ],
)
def test_the_host_s_country_or_the_language_s_or_none(url, language, country):
    assert country_of(url, language) == country
