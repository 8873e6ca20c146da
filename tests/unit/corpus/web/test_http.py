import gzip
import random
import tracemalloc
import zlib

import brotli
import pytest

from bedstone.corpus.web import http
from bedstone.corpus.web.packing import TooLarge, zstd

CAP = 1 << 20
PAGE = b"<!doctype html><p>" + b"The river carries more water in spring than in autumn. " * 9


def response(body: bytes, *headers: str, start: str = "HTTP/1.1 200 OK", line: str = "\r\n"):
    head = line.join([start, "Content-Type: text/html", *headers]).encode()
    return http.parse(head + 2 * line.encode() + body, CAP)


def chunked(body: bytes, size: int = 40, extension: bytes = b"") -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x%b\r\n%b\r\n" % (len(it), extension, it) for it in [*parts, b""])


def raw(body: bytes) -> bytes:
    return zlib.compress(body, wbits=-15)


PACK = {
    "gzip": lambda body: gzip.compress(body, 1),
    "deflate": lambda body: zlib.compress(body, 1),
    "br": lambda body: brotli.compress(body, quality=1),
    "zstd": zstd.compress,
    "chunked": chunked,
}
CODED = {name: pack(PAGE) for name, pack in PACK.items() if name != "chunked"}


@pytest.mark.parametrize("name", [*CODED, "x-gzip", "GZip", "x-deflate"])
def test_codings_are_undone(name):
    coded = CODED[name.lower().removeprefix("x-")]
    found = response(coded, f"Content-Encoding: {name}", f"Content-Length: {len(coded)}")
    assert (found.body, found.is_cut) == (PAGE, False)


def test_deflate_without_its_wrapping():
    assert response(raw(PAGE), "Content-Encoding: deflate").body == PAGE


@pytest.mark.parametrize("name", [*CODED, "chunked", "UTF-8", "none", "identity", "", "gzip, br"])
def test_a_body_that_does_not_have_its_coding_is_taken_as_it_is(name):
    found = response(PAGE, f"Content-Encoding: {name}", "Content-Length: 99999")
    assert (found.body, found.readings) == (PAGE, (PAGE,))
    assert response(PAGE, f"Transfer-Encoding: {name}").body == PAGE


def test_several_codings_are_undone_from_the_outermost():
    body = chunked(zlib.compress(brotli.compress(PAGE)))
    found = response(body, "Content-Encoding: br, deflate", "Transfer-Encoding: chunked")
    assert (found.body, len(found.readings)) == (PAGE, 4)
    body = gzip.compress(PAGE)
    assert response(body, "Content-Encoding: gzip", "Content-Encoding: br").body == PAGE


def test_gzip_needs_no_name_and_may_have_several_members():
    assert response(CODED["gzip"]).body == PAGE
    members = gzip.compress(PAGE[:40]) + gzip.compress(PAGE[40:])
    assert response(members, "Content-Encoding: gzip").body == PAGE


@pytest.mark.parametrize("extension", [b";x=1", b' ; name="a;b"', b"  "])
def test_extensions_of_chunks_mean_nothing(extension):
    found = response(chunked(PAGE, extension=extension), "Transfer-Encoding: chunked")
    assert (found.body, found.is_cut) == (PAGE, False)


@pytest.mark.parametrize("name", PACK)
def test_a_body_cut_within_its_coding_gives_what_is_there(name):
    page = PAGE + random.Random(1).randbytes(300_000).hex().encode()
    coded = PACK[name](page)
    field = "Transfer" if name == "chunked" else "Content"
    found = response(coded[: len(coded) // 2], f"{field}-Encoding: {name}")
    assert found.is_cut
    assert page.startswith(found.body)
    assert len(found.body) > len(page) // 3


def test_a_body_shorter_than_its_length_is_cut():
    assert response(PAGE, f"Content-Length: {len(PAGE) + 1}").is_cut
    assert not response(PAGE, f"Content-Length: {len(PAGE)}").is_cut
    assert not response(PAGE, "Content-Length: many").is_cut
    assert response(CODED["gzip"], "Content-Encoding: gzip", "Content-Length: 9999").is_cut


@pytest.mark.parametrize("name", CODED)
def test_what_unpacks_to_too_much_is_not_held(name):
    coded = PACK[name](bytes(16 << 20))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        response(coded, f"Content-Encoding: {name}")
    assert tracemalloc.get_traced_memory()[1] < 4 * CAP
    tracemalloc.stop()


def test_a_header_that_does_not_end_is_not_held():
    block = b"HTTP/1.1 200 OK\r\n" + b"a\n" * CAP
    tracemalloc.start()
    assert http.parse(block, CAP).body == b""
    assert tracemalloc.get_traced_memory()[1] < 16 * CAP
    tracemalloc.stop()


def test_what_unpacks_to_itself_is_not_undone_for_ever():
    names = ", ".join(["gzip"] * 10_000)
    coded = PAGE
    for _ in range(20):
        coded = gzip.compress(coded)
    assert len(response(coded, f"Content-Encoding: {names}").readings) <= http.MAX_CODINGS + 2


def test_a_coding_that_cannot_be_undone():
    for body in (b"\x1f\x8b\x08 no more of it", b"\x28\xb5\x2f\xfd\xff\xff no more of it"):
        with pytest.raises(http.NoResponse):
            response(body, "Content-Encoding: gzip, zstd")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("text/html", ("text/html", "")),
        ("TEXT/HTML; Charset=UTF-8", ("text/html", "UTF-8")),
        ('text/html;charset="utf-8"', ("text/html", "utf-8")),
        ("text/html charset=utf-8", ("text/html", "utf-8")),
        ("text/html; charset=gbk, text/html", ("text/html", "gbk")),
        ("text/html; charset=gbk, text/plain", ("text/plain", "")),
        ("text/plain, text/html; charset=a", ("text/html", "a")),
        ('text/html; x=", text/plain"', ("text/html", "")),
        ("text/html, nonsense, */*", ("text/html", "")),
        ("nonsense", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_last_type_that_is_one(told, found):
    assert http.content_type(told) == found


@pytest.mark.parametrize("line", ["\r\n", "\n"])
@pytest.mark.parametrize(
    ("start", "status"), [("HTTP/1.1 200 OK", 200), ("HTTP/2 200", 200), ("http/3 404 ", 404)]
)
def test_status_lines_and_line_ends(start, status, line):
    if start.startswith("http"):
        start = start.upper()
    found = response(PAGE, "X: 1", "Content-Encoding:", " gzip", start=start, line=line)
    assert (found.status, found.media_type, found.body) == (status, "text/html", PAGE)


@pytest.mark.parametrize("block", [b"", b"SMTP 200", b"HTTP/1.1 2000 x", b"<p>HTTP/1.1 200 OK"])
def test_no_response(block):
    with pytest.raises(http.NoResponse):
        http.parse(block, CAP)


def test_a_response_that_ends_in_its_header_has_no_body():
    assert http.parse(b"HTTP/1.1 200 OK\r\nContent-Type: text/html", CAP).body == b""
    assert http.parse(b"HTTP/1.1 200", CAP).status == 200
