import pytest

from bedstone.corpus.permissions import AGENTS
from bedstone.corpus.web import html, http
from bedstone.corpus.web.signals import MAX_CHARACTERS, MAX_SIGNALS, license_of


def of_page(markup: str) -> list[str]:
    return html.text_of(markup, main_content=True).signals


def of_head(*lines: str) -> tuple[str, ...]:
    head = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *lines))
    return http.parse(f"{head}\r\nbody".encode("latin-1"), 100).signals


CC = "https://creativecommons.org/licenses/by/4.0/"
MARKUP = [
    ('<meta name="robots" content="noai, noimageai">', ["meta robots: noai, noimageai"]),
    ("<META NAME=ROBOTS CONTENT=NoAI>", ["meta robots: NoAI"]),
    ("<meta content='a > b' name=' GPTBot '>", ["meta gptbot: a > b"]),
    ('<meta name="google-extended" content="noindex">', ["meta google-extended: noindex"]),
    ('<meta name="tdm-reservation" content="1">', ["meta tdm-reservation: 1"]),
    ('<meta name="tdm-policy" content="/p?a&amp;b">', ["meta tdm-policy: /p?a&b"]),
    ('<meta http-equiv="X-Robots-Tag" content="noai">', ["meta x-robots-tag: noai"]),
    ('<meta name=content-usage content="train-ai=n">', ["meta content-usage: train-ai=n"]),
    ('<body><p>x<meta name="robots" content="noai">', ["meta robots: noai"]),
    (f'<link rel="license" href="{CC}">', [f"license link: {CC}"]),
    (f'<p><a href="{CC}" rel="nofollow LICENSE">CC</a>', [f"license a: {CC}"]),
    ('<meta name="description" content="robots">', []),
    ('<meta name="robots">', []),
    ('<!-- <meta name="robots" content="noai"> -->', []),
    ('<script>\'<meta name="robots" content="noai"> rel="license"\'</script>', []),
    ('<p title=\'<meta name="robots" content="noai">\'>x', []),
    (f'<a rel="licensee" href="{CC}">x</a><a rel="license">y</a>', []),
    ('<meta name="robots" content="no\x01ai\r\n  x">', ["meta robots: noai x"]),
]


@pytest.mark.parametrize(("markup", "expected"), MARKUP)
def test_signals_of_markup(markup, expected):
    assert of_page(markup) == expected


def test_agents_that_are_asked_about_by_default_are_read_in_markup():
    for agent in AGENTS:
        markup = f'<meta name="{agent}" content="noai">'
        assert of_page(markup) == [f"meta {agent.lower()}: noai"]


def test_what_begins_like_a_signal_is_looked_at_once():
    tree = b"<script>" + b"<meta name " * 400_000 + b"</script>"  # quadratic time would take hours
    assert of_page(tree.decode()) == []


def test_signals_of_headers():
    assert of_head(
        "x-robots-TAG: noai",
        "X-Robots-Tag: gptbot: noindex",
        "TDM-Reservation: 1",
        "tdm-policy: https://a.example/p",
        "Content-Usage: train-ai=n",
        "Content-Signal: ai-train=no",
        f'Link: <https://a.example/style>; rel=preload, <{CC}>; rel="license"',
        "X-Other: noai",
    ) == (
        "x-robots-tag: noai",
        "x-robots-tag: gptbot: noindex",
        "tdm-reservation: 1",
        "tdm-policy: https://a.example/p",
        "content-usage: train-ai=n",
        "content-signal: ai-train=no",
        f"license header: {CC}",
    )
    assert of_head("Content-Type: text/html") == ()


def test_many_and_long_signals_are_bounded():
    many = of_page('<meta name="robots" content="noai">' * 2_000)
    assert many == ["meta robots: noai"] * MAX_SIGNALS
    (long,) = of_page(f'<meta name="robots" content="{"x" * 1_000_000}">')
    assert long == "meta robots: " + "x" * MAX_CHARACTERS
    assert len(of_head(*["x-robots-tag: noai"] * 1_000)) == MAX_SIGNALS


LICENSES = [
    ([], None),
    ([f"license a: {CC}"], CC),
    ([f"license a: {CC}", f"license a: {CC}"], CC),
    ([f"license a: {CC}", "license a: /own"], None),
    ([f"license a: {CC}", "license link: /own"], "https://a.example/own"),
    (["license header: own", f"license link: {CC}"], "https://a.example/x/own"),
    (["license a: javascript:void(0)"], None),
    (["license a: http://[x"], None),
    ([f"license a: https://a.example/{'x' * MAX_CHARACTERS}"[:511]], None),
    ([f"meta robots: license a: {CC}"], None),
]


@pytest.mark.parametrize(("signals", "expected"), LICENSES)
def test_the_licence_that_a_page_names(signals, expected):
    assert license_of(signals, "https://a.example/x/y") == expected


def test_an_address_on_its_own_needs_no_page():
    assert license_of([f"license a: {CC}"], "") == CC
    assert license_of(["license a: own"], "") is None
