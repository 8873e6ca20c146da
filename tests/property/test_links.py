"""Keys of addresses, of any text and of anything that looks like a URL."""

from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.links.addresses import (
    host_of,
    hosts_above,
    loose_keys,
    loosely,
    paths_above,
    site_of,
    strict_key,
)

PIECES = st.sampled_from(
    [
        *"/?&=#.@:%[]\\ aZ7é日",
        "%2e",
        "%41",
        "%c3",
        "//",
        "www.",
        "m.",
        "index.html",
        "utm_x=",
        "?id=7",
    ]
)
URLS = st.builds("http://{}".format, st.lists(PIECES, max_size=12).map("".join))


@given(URLS | st.text())
def test_a_key_is_its_own_key_and_finds_itself(url):
    key = strict_key(url)
    if key is None:
        return
    assert strict_key(f"https://{key}") == key
    assert loosely(key)[0] == loose_keys(key)[0]
    host = host_of(key)
    assert hosts_above(host)[0] == host
    assert all(key.startswith(each) for each in paths_above(key))
    site, suffix = site_of(host)
    assert site is None or host.endswith(site)
    assert suffix is None or host.endswith(suffix)


@given(URLS, st.sampled_from(["/", "#x", "?utm_source=x", "/index.html"]))
def test_what_makes_no_difference(url, more):
    url = url.strip()
    if "?" not in url and "#" not in url and (key := strict_key(url)):
        assert strict_key(url + more) == key
