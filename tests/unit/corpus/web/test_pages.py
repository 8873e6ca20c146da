import base64
import gzip
import hashlib

import pytest

from bedstone.corpus.web.pages import Page
from bedstone.corpus.web.warc import Ledger, read

BODY = b"<p>The river carries more water in spring than in autumn."
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def archived(
    block: bytes, kind: str = "response", type_: str = "application/http", **fields
) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: <http://a.example/>\r\n"
        f"Content-Type: {type_}\r\n{more}Content-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def sha1(data: bytes) -> str:
    return f"sha1:{base64.b32encode(hashlib.sha1(data).digest()).decode()}"


@pytest.fixture
def one(tmp_path):
    """The page of a file of one record, or the reason why it gives none."""

    def go(data: bytes) -> Page | str | None:
        (tmp_path / "a.warc").write_bytes(data)
        ledger = Ledger()
        found = list(read(tmp_path / "a.warc", 1 << 20, ledger))
        assert (ledger.records, ledger.lost_bytes) == (1, 0)
        assert len(found) + ledger.passed_over.total() == 1
        each = found[0] if found else None
        return each if isinstance(each, Page) or each is None else each.reason

    return go


@pytest.mark.parametrize(
    "spelled",
    [
        lambda data: sha1(data),
        lambda data: sha1(data).lower(),
        lambda data: f"SHA-1: {hashlib.sha1(data).hexdigest().upper()}",
        lambda data: f"sha256:{hashlib.sha256(data).hexdigest()}",
        lambda data: f"sha256:{base64.b32encode(hashlib.sha256(data).digest()).decode()}",
        lambda data: f"sha-256:{base64.b64encode(hashlib.sha256(data).digest()).decode()}",
        lambda data: f"md5:{base64.b32encode(hashlib.md5(data).digest()).decode().rstrip('=')}",
    ],
)
def test_digests_however_they_are_spelled(one, spelled):
    block = HTTP + b"\r\n" + BODY
    good = archived(block, WARC_Block_Digest=spelled(block))
    assert one(good).body == BODY
    assert one(good.replace(b"spring", b"sprimg")) == "digest"


@pytest.mark.parametrize("told", ["sha1:", "sha1:????", "crc32:0", "none", "sha1:" + "É" * 32])
def test_what_is_no_digest_tells_nothing_or_another(one, told):
    found = one(archived(HTTP + b"\r\n" + BODY, WARC_Block_Digest=told))
    assert found == "digest" if len(told) > 30 else found.body == BODY


def test_a_payload_is_what_was_sent_or_what_it_was_made_of(one):
    coded = gzip.compress(BODY)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(coded), coded)
    codings = b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    for payload in (chunks, coded, BODY):
        good = archived(HTTP + codings + chunks, WARC_Payload_Digest=sha1(payload))
        assert one(good).body == BODY
    assert one(archived(HTTP + codings + chunks, WARC_Payload_Digest=sha1(b""))) == "digest"


def test_one_of_two_digests_is_enough(one):
    digests = {"WARC_Block_Digest": sha1(b"as it was"), "WARC_Payload_Digest": sha1(BODY)}
    assert one(archived(HTTP + b"\r\n" + BODY, **digests)).body == BODY


@pytest.mark.parametrize("field", ["WARC_Truncated", "WARC_Segment_Number"])
def test_a_part_of_a_record_is_cut_and_its_digest_may_be_of_the_whole(one, field):
    found = one(
        archived(HTTP + b"\r\n" + BODY, WARC_Block_Digest=sha1(b"all"), **{field: "length"})
    )
    assert (found.body, found.is_cut) == (BODY, True)
    assert not one(archived(HTTP + b"\r\n" + BODY)).is_cut


def test_a_byte_that_is_missing_is_no_length_that_is_wrong(one):
    http = HTTP + b"Content-Length: %d\r\n\r\n" % len(BODY)
    whole = archived(http + BODY, WARC_Payload_Digest=sha1(BODY))
    assert one(whole.replace(b"spring", b"sprng")) == "digest"
    assert one(archived(http + BODY).replace(b"spring", b"sprng")).is_cut


def test_types_of_records(one):
    text = one(archived(b"A text.", "conversion", "text/plain; charset=latin-1"))
    assert (text.is_text, text.body, text.charset) == (True, b"A text.", "latin-1")
    page = one(archived(BODY, "resource", "text/html; charset=utf-8"))
    assert (page.is_text, page.body, page.status) == (False, BODY, None)
    assert (page.media_type, page.charset, page.url) == ("text/html", "utf-8", "http://a.example/")
    assert one(archived(HTTP + b"\r\n" + BODY, "RESPONSE", "")).body == BODY
    assert (
        one(archived(b"a.example. 60 A 10.0.0.1", "response", "text/dns")).media_type == "text/dns"
    )
    assert one(archived(b"no HTTP", "response", "application/http")) == "http"
    for kind in ("request", "metadata", "warcinfo", "revisit", "something"):
        assert one(archived(HTTP + b"\r\n" + BODY, kind)) is None


def test_a_record_that_is_passed_over_may_be_large(one):
    assert one(archived(bytes(2 << 20), "metadata")) is None
    assert one(archived(bytes(2 << 20))) == "too_large"
