"""Servers that break off, stall, flood or speak nonsense: an error in words, in bounded time."""

import gzip
import itertools
import json
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from contextlib import contextmanager, suppress

import pytest
from tests.support.endpoints import DONE, Scripted, Toy, asked, error, found, serving, toy_answer

from bedstone.errors import BedstoneError, DataError, printable
from bedstone.sampling.endpoints import client as module
from bedstone.sampling.endpoints.client import ANSWER_BYTES, Endpoint, Refused
from bedstone.sampling.endpoints.probing import HOTTEST, probe

OK = b"HTTP/1.1 200 OK\r\n"
BODY = OK + b"\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MANY = 2**16
NOISE = "\x1b[2Jred\x07\x9b\u202e\r\n"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(module, "WAITS_SECONDS", (0.01,))


class Raw:
    """A server that sends these bytes to whoever asks, whatever they are, one after another."""

    def __init__(self, *parts, pause_seconds=0.0, after=None, context=None):
        self.parts, self.pause_seconds, self.after = parts, pause_seconds, after
        self.context, self.over = context, threading.Event()
        self.asked = self.sent_bytes = 0

    @contextmanager
    def serving(self):
        """The address."""
        threads = []
        with socket.create_server(("127.0.0.1", 0)) as server:
            threads.append(threading.Thread(target=self._accept, args=(server, threads)))
            threads[0].start()
            try:
                scheme = "https" if self.context else "http"
                yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}/v1"
            finally:
                self.over.set()
                server.shutdown(socket.SHUT_RDWR)
                for thread in threads:
                    thread.join()

    def _accept(self, server, threads):
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                self.asked += 1
                threads.append(threading.Thread(target=self._meet, args=(connection,)))
                threads[-1].start()

    def _meet(self, connection):
        with suppress(OSError):
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                self._answer(connection)

    def _answer(self, connection):
        request = b""
        while not request.endswith(b"}"):
            request += connection.recv(MANY)
        for part in itertools.chain.from_iterable(self.parts):
            connection.sendall(part)
            self.sent_bytes += len(part)
            if self.over.wait(self.pause_seconds):
                return
        if self.after:
            self.after(self, connection)


def hang(raw, _):
    raw.over.wait(3)


def reset(_, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def failure(raw, **options):
    """What is raised: of Bedstone's, naming the address, and nothing that a terminal obeys."""
    with raw.serving() as url, pytest.raises(BedstoneError) as raised:
        Endpoint(url, "toy", chat=False, **options).ask("a", {"max_tokens": 1})
    told = str(raised.value)
    assert told.startswith(f"{url}/completions: ")
    assert len(told) < 3_000
    assert printable(told) == told
    assert printable(raised.value.hint or "") == (raised.value.hint or "")
    return raised.value


@pytest.mark.parametrize(
    "flood",
    {
        "length": ([OK + b"Content-Length: 10000000000\r\n\r\n{"],),
        "body": ([BODY], itertools.repeat(b" " * MANY)),
        "chunks": ([CHUNKED], itertools.repeat(b"10000\r\n" + b" " * MANY + b"\r\n")),
        "a chunk without size": ([CHUNKED + b"-1\r\n"], itertools.repeat(b" " * MANY)),
        "a large chunk": ([CHUNKED + b"fffffffffff\r\n"], itertools.repeat(b" " * MANY)),
        "trailers": ([CHUNKED + b"0\r\n"], itertools.repeat(b"A: b\r\n" * 9999)),
        "promises": (itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 999),),
    }.items(),
    ids=lambda flood: flood[0],
)
def test_a_flood_is_cut_off(flood):
    raw = Raw(*flood[1], after=hang)
    trouble = failure(raw)
    assert isinstance(trouble, DataError)
    assert "the answer has more than 1,049,600 bytes" in str(trouble)
    assert raw.asked == 1
    assert raw.sent_bytes < ANSWER_BYTES + 2**25  # and what lies in buffers on the way


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((itertools.repeat(b"X: y\r\n"),), "broken: BadStatusLine"),
        (([OK], itertools.repeat(b"X: y\r\n")), "broken: HTTPException.*got more than 100 headers"),
        (([OK + b"X: "], itertools.repeat(b"y" * MANY)), "broken: LineTooLong"),
        (([NOISE.encode()],), r"broken: BadStatusLine\(.*x1b.2Jred"),
        (([CHUNKED + b"-5\r\nwhole"],), "broken: HTTPException.*read length must be"),
        (([CHUNKED + b"many\r\nwhole"],), "broken: IncompleteRead"),
        (([OK + b"Content-Length: 9\r\n\r\n{"],), r"broken: IncompleteRead\(1 bytes read, 8 more"),
        (([],), "without response|reset"),
    ],
)
def test_what_is_no_http_is_an_error(parts, message):
    trouble = failure(Raw(*parts))
    assert not isinstance(trouble, Refused | DataError)
    assert re.search(message, str(trouble))


@pytest.mark.parametrize("after", [reset, None])
def test_a_connection_that_ends_within_the_body_is_asked_again(after):
    raw = Raw([OK + b"Content-Length: 100\r\n\r\n{"], after=after)
    failure(raw)
    assert raw.asked == 2


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200", OK, BODY, CHUNKED + b"9\r\n{"])
def test_silence_ends(begun):
    raw = Raw([begun], after=hang)
    trouble = failure(raw, timeout_seconds=0.2)
    assert "timed out" in str(trouble)
    assert "begins to answer within 0.2 s, and is done within 600 s" in trouble.hint


@pytest.mark.parametrize(
    "parts",
    [
        (itertools.repeat(b"H"),),
        ([OK], itertools.repeat(b"X: y\r\n")),
        ([OK], itertools.repeat(b"X")),
        ([BODY], itertools.repeat(b" ")),
        ([CHUNKED], itertools.repeat(b"1\r\n \r\n")),
        (itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),),
        ([b"HTTP/1.1 500 Oh\r\n\r\n"], itertools.repeat(b" ")),
    ],
)
def test_an_answer_that_trickles_ends(monkeypatch, parts):
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.4)
    raw = Raw(*parts, pause_seconds=0.05)
    trouble = failure(raw, timeout_seconds=9)
    assert "timed out" in str(trouble) or "status 500: without a word" in str(trouble)
    assert raw.asked == 1


def test_silence_is_waited_for_no_longer_than_all_tries_may_take(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.3)
    for begun in (b"", BODY):
        raw = Raw([begun], after=hang)
        assert "timed out" in str(failure(raw, timeout_seconds=99))
        assert raw.asked == 1


def test_tries_end_with_the_time_for_all_of_them(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_SECONDS", 50)
    script = Scripted((429, error("later"), ("Retry-After", "60")))
    with serving(script) as url, pytest.raises(BedstoneError, match="status 429: later"):
        Endpoint(url, "toy", chat=False).ask("a", {})


@pytest.mark.parametrize("wait", ["nan", "-nan", "-5", "-inf", "soon", "", "Mon, 99 Jan", "0x1"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_means_nothing_is_ours(status, wait):
    script = Scripted((status, b"", ("Retry-After", wait)), (200, DONE))
    with serving(script) as url:
        assert Endpoint(url, "toy", chat=False).ask("a", {}).choices[0].text == " done"


@pytest.mark.parametrize("wait", ["inf", "1e9", "121", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_that_is_too_long_is_not_waited(wait):
    script = Scripted((429, error("later"), ("Retry-After", wait)))
    with serving(script) as url, pytest.raises(BedstoneError, match="status 429: later"):
        Endpoint(url, "toy", chat=False).ask("a", {})


def answered(status, content, *headers):
    length = f"Content-Length: {len(content)}\r\n".encode()
    return Raw([f"HTTP/1.1 {status} So\r\n".encode(), *headers, length, b"\r\n", content])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no JSON: Expecting value"),
        (b"<html>Welcome</html>", "it is no JSON: Expecting value"),
        (b"data: {}\n\n", "it is no JSON"),
        (b'{"choices": "\xff"}', "it is no JSON: 'utf-8' codec can't decode byte 0xff"),
        (b'{"choices": "\xed\xa0\x80"}', "it is no JSON: 'utf-8' codec"),
        (gzip.compress(b" " * 10**7, mtime=0), "it is no JSON: 'utf-8' codec"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a":' * 100_000, "it is nested too deeply"),
        (b'{"a": %s}' % (b"9" * 5_000), "it is no JSON: Exceeds the limit"),
        (b'{"error": "busy"}', "'choices' is missing"),
        (b"[]", "no object holds 'choices': what should is a list"),
        (b"null", "no object holds 'choices': what should is missing"),
        (f'{{"choices": "{NOISE}"}}'.encode(), "it is no JSON: Invalid control character"),
    ],
)
def test_what_is_no_completion_is_an_error(content, message):
    raw = answered(200, content, b"Content-Encoding: gzip\r\n")
    trouble = failure(raw)
    assert isinstance(trouble, DataError)
    assert f"the answer is no completion: {message}" in str(trouble)
    assert "it begins: " in trouble.hint
    assert raw.asked == 1


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (400, b"[" * 60_000, "status 400: [["),
        (400, b'{"error": {"message": ["a"]}}', 'status 400: {"error": {"message": ["a"]}}'),
        (400, json.dumps(error(NOISE)).encode(), r"status 400: \x1b[2Jred\x07\x9b\u202e"),
        (500, b"\x1b]0;title\x07", r"status 500: \x1b]0;title\x07"),
        (400, b'{"error": {"message": "\\ud83d"}}', r"status 400: \ud83d"),
        (307, b"", r"status 307: it points to http://\x1bthere, which is not followed"),
        (204, b"", "the answer is no completion: it is no JSON"),
        (999, b"", "status 999: without a word"),
    ],
)
def test_a_refusal_is_shown_and_tells_a_terminal_nothing(status, content, message):
    assert message in str(failure(answered(status, content, b"Location: http://\x1bthere\r\n")))


def test_the_command_line_says_it_and_obeys_nothing(cli, store):
    words = ("strategies", "--endpoint-model", "toy", "--store", store)
    refusal = answered(400, json.dumps(error(NOISE)).encode())
    for raw, exit_status in ((refusal, 1), (answered(200, NOISE.encode()), 4)):
        with raw.serving() as url:
            status, told, complaint = cli(*words, url)
        assert (status, told) == (exit_status, "")
        assert complaint.startswith(f"error: {url}/chat/completions: ")
        assert r"\x1b[2Jred\x07" in complaint
        assert "\x1b" not in complaint


@pytest.mark.parametrize("after", [hang, reset])
def test_a_refusal_whose_words_do_not_come_is_one(after):
    raw = Raw([b"HTTP/1.1 404 No\r\nContent-Length: 99\r\n\r\n{"], after=after)
    assert "status 404: without a word" in str(failure(raw, timeout_seconds=0.2))
    raw = Raw([b"HTTP/1.1 404 No\r\n\r\n"], itertools.repeat(b"no " * MANY))
    assert "status 404: no no no" in str(failure(raw))


def test_the_key_is_not_shown_where_an_answer_repeats_it(monkeypatch):
    monkeypatch.setenv("TOY_KEY", "sk-toy-4711")
    for raw in (Raw([b"no sk-toy-4711"]), answered(200, b"no sk-toy-4711")):
        trouble = failure(raw, key_variable="TOY_KEY")
        assert "(the key)" in f"{trouble} {trouble.hint}"
        assert "4711" not in f"{trouble} {trouble.hint}"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://",
            "http:///v1",
            "http://:80/v1",
            "http://a b/v1",
            "http://a/v 1",
            "http://a/\x1b",
        ),
        *("http://[::1/v1", "http://a:port/v1", "http://a:99999/v1", "http://a..b/v1"),
        *("ftp://a/v1", "http://a/v1é", "http://a/v1?é"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_at_once(url):
    with pytest.raises(BedstoneError, match="is no address of an endpoint") as raised:
        Endpoint(url, "toy", chat=False)
    assert printable(str(raised.value)) == str(raised.value)


def test_completions_that_cannot_be_are_refused():
    long = DONE | {"choices": [DONE["choices"][0] | {"text": "a" * (8 * 1024 + 1)}]}
    with (
        serving(Scripted((200, long))) as url,
        pytest.raises(DataError, match="a text of 8,193 characters came where 8 tokens were asked"),
    ):
        Endpoint(url, "toy", chat=False).complete(["a"], asked(("temperature", 1.0)), found())
    how = asked(("temperature", 1.0), logprobs=True)
    with (
        serving(toy_answer(Toy(["positive"]))) as url,
        pytest.raises(DataError, match=r"a log-probability is .*, above 0"),
    ):
        Endpoint(url, "toy", chat=False).complete(["a"], how, found())


def test_log_probabilities_that_turn_wild_end_no_probe():
    class Turning(Toy):
        def choice(self, body, *given):
            told = super().choice(body, *given)
            if body.get("temperature") == HOTTEST:
                for each in told["logprobs"]["content"]:
                    for one in (each, *each["top_logprobs"]):
                        one["logprob"] *= -1e30
            return told

    with serving(toy_answer(Turning())) as url:
        assert probe(Endpoint(url, "toy", chat=True)).honours("logprobs")


def test_an_encrypted_answer_is_read_within_the_same_limits(monkeypatch, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    made, key = tmp_path / "made.pem", tmp_path / "key.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=a"
    words += f" -addext subjectAltName=IP:127.0.0.1 -out {made} -keyout {key}"
    subprocess.run(words.split(), check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    content = json.dumps(DONE).encode()
    with Raw([BODY + content], context=context).serving() as url:
        assert Endpoint(url, "toy", chat=False).ask("a", {}).choices[0].text == " done"
    raw = Raw([BODY], itertools.repeat(b" " * MANY), context=context)
    assert "has more than" in str(failure(raw))
    raw = Raw([BODY], after=hang, context=context)
    assert "timed out" in str(failure(raw, timeout_seconds=0.3))
