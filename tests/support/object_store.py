"""An object store on loopback: moto's server of S3's protocol, and before it a proxy with faults.

    with served() as server: ...          # s3://bucket/ at server.address
    python -m tests.support.object_store  # the same, by hand: prints what to export

moto refuses a conditional put as S3 does (``If-None-Match: *`` and ``If-Match``: 412), so the proxy
adds nothing to the protocol. It counts what is asked and spoils answers as it is told.
"""

import random
import re
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

BUCKET = "bucket"
CANARY = "canary-7f3d-never-shown"
"""The secret key: it must not be in anything that is written or said."""
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"}
SLOW_SECONDS = 0.2
FAULTS = ("500", "503", "reset before", "reset after", "truncated", "slow")
KEPT = ("Content-Type", "ETag", "Last-Modified", "Content-Range", "x-amz-version-id")


@dataclass
class Server:
    """What is asked of the proxy, and what it is to spoil."""

    backend: tuple[str, int]
    port: int = 0
    faults: list[str] = field(default_factory=list)
    share: float = 0.0
    """Of the requests that get one of the faults."""
    dice: random.Random = field(default_factory=random.Random)
    most_faults: int = 10**9
    asked: Counter = field(default_factory=Counter)
    """Method and key -> requests."""
    agents: set[str] = field(default_factory=set)
    """How clients have named themselves."""
    spoilt: Counter = field(default_factory=Counter)
    altered: dict[str, bytes] = field(default_factory=dict)
    """Key -> the bytes that are told in its place."""
    refused: str = ""
    """Of a status and code that all are answered with."""
    before: dict[str, object] = field(default_factory=dict)
    """The end of a method and key -> what is called before the first such request; its answer may
    be ``reset``."""

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self):
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": CANARY,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def spare(self):
        """Let it be as at first, but for what it holds."""
        self.faults, self.refused = [], ""
        for each in (self.asked, self.agents, self.spoilt, self.altered, self.before):
            each.clear()

    def objects(self):
        """Every object's key, asked of moto itself."""
        status, _, body = self.pass_on("GET", f"/{BUCKET}?list-type=2", SIGNED, b"")
        assert status == 200, body
        return sorted(re.findall("<Key>(.*?)</Key>", body.decode()))

    def get(self, key):
        return self.pass_on("GET", f"/{BUCKET}/{key}", SIGNED, b"")[2]

    def put(self, key, body):
        assert self.pass_on("PUT", f"/{BUCKET}/{key}", SIGNED, body)[0] == 200

    def delete(self, key):
        assert self.pass_on("DELETE", f"/{BUCKET}/{key}", SIGNED, b"")[0] == 204

    def pass_on(self, method, target, headers, body):
        connection = HTTPConnection(*self.backend, timeout=60)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def fault(self):
        if not self.faults or sum(self.spoilt.values()) >= self.most_faults:
            return ""
        found = self.dice.choice(self.faults) if self.dice.random() < self.share else ""
        self.spoilt[found] += found != ""
        return found


def handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words): ...

        def spoilt(self):
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            key = self.path.partition("?")[0].removeprefix(f"/{BUCKET}/")
            server.asked[self.command, key] += 1
            server.agents.add(self.headers["User-Agent"])
            for place in [it for it in server.before if f"{self.command} {key}".endswith(it)]:
                if server.before.pop(place)() == "reset":
                    return self.reset()
            if server.refused:
                status, code = server.refused.split()
                return self.tell(int(status), {}, f"<Error><Code>{code}</Code></Error>".encode())
            fault = server.fault()
            if fault in ("500", "503"):
                code = "InternalError" if fault == "500" else "SlowDown"
                return self.tell(int(fault), {}, f"<Error><Code>{code}</Code></Error>".encode())
            if fault == "reset before":
                return self.reset()
            status, headers, text = server.pass_on(
                self.command, self.path, dict(self.headers), body
            )
            if fault == "reset after":
                return self.reset()
            if fault == "slow":
                Event().wait(SLOW_SECONDS)
            if self.command == "GET" and status < 300:
                text = altered(server.altered.get(key), text, headers)
            return self.tell(status, headers, text, cut=fault == "truncated")

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = spoilt

        def tell(self, status, headers, text, *, cut=False):
            self.send_response(status)
            for name in KEPT:
                if headers.get(name):
                    self.send_header(name, headers[name])
            size = headers.get("Content-Length") if self.command == "HEAD" else len(text)
            self.send_header("Content-Length", str(size or 0))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(ConnectionError):  # a client that waits no longer
                    self.wfile.write(text[: len(text) // 2] if cut else text)
            if cut:
                self.reset()

        def reset(self):
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(2)

    return Handler


def altered(other, text, headers):
    """The other bytes, as far as a range of them is asked."""
    if other is None:
        return text
    if told := headers.get("Content-Range"):
        start, stop = map(int, told.partition(" ")[2].partition("/")[0].split("-"))
        return other[start : stop + 1]
    return other


@contextmanager
def served():
    """A server with an empty bucket, and the environment of one who uses it."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    said = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        port = next(int(line.split(":")[-1]) for line in said.stderr if "Running on http" in line)
        Thread(target=said.stderr.read, daemon=True).start()  # a full pipe would stop it
        server = Server(("127.0.0.1", port))
        server.pass_on("PUT", f"/{BUCKET}", {}, b"")
        proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
        proxy.daemon_threads = True
        server.port = proxy.server_port
        Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            proxy.shutdown()
            proxy.server_close()
    finally:
        said.kill()
        said.wait()
        said.stderr.close()


if __name__ == "__main__":
    with served() as running:
        lines = (f"export {name}={text}\n" for name, text in running.environment.items())
        sys.stdout.writelines(lines)
        sys.stdout.flush()
        Event().wait()
