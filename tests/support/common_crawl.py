"""A server on the loopback with the layout of Common Crawl's, honest but for its faults."""

import gzip
import hashlib
import itertools
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from tests.support.stages import record

from bedstone.corpus.commoncrawl import STAGE
from bedstone.corpus.fetching import polite
from bedstone.store.build import build
from bedstone.store.engine import Local

CRAWL = "CC-MAIN-2026-30"
SEGMENT = f"crawl-data/{CRAWL}/segments/1718.5"
INDEX = f"cc-index/collections/{CRAWL}/indexes"
LANGUAGES = ("eng", "swa,eng", "eng,swa", "tel")
PASSING = ("503", "429", "500", "509", "reset", "short", "wrong range", "no range")
"""Faults that a client gets over."""


class Asked(NamedTuple):
    """A request, as it came."""

    key: str
    range: str | None
    agent: str
    time: float


class CommonCrawl:
    """A small crawl: files of pages, of their texts, and an index of their addresses."""

    def __init__(self, files=4, pages=12, block_lines=7, body=None):
        body = body or (lambda dice: dice.randbytes(300).hex().encode())
        self.content = {}
        self.asked, self.at_once, self.most_at_once = [], 0, 0
        self.faults, self.lock, self.over = {}, threading.Lock(), threading.Event()
        self.dice, self.fault_share, self.changes = random.Random(0), 0.0, Counter()
        self.now, self.hold = lambda: 0.0, None
        lines, keys = [], {"warc": [], "wet": []}
        for number in range(files):
            for kind, ending in (("warc", "warc.gz"), ("wet", "warc.wet.gz")):
                keys[kind].append(f"{SEGMENT}/{kind}/CC-MAIN-2026-{number:05}.{ending}")
            name, members = keys["warc"][-1], [gzip.compress(b"WARC/1.0\r\n\r\n", mtime=0)]
            for page in range(pages):
                host = ("www.a.example", "b.example", "shop.b.example", "b-c.example")[page % 4]
                url = f"https://{host}/{number}/{page}"
                content = body(random.Random(url))
                members.append(gzip.compress(record(url, content), mtime=0))
                offset = sum(map(len, members[:-1]))
                lines.append(self.line(url, name, offset, len(members[-1]), LANGUAGES[page % 3]))
            self.content[name] = b"".join(members)
            self.content[keys["wet"][-1]] = gzip.compress(b"WARC/1.0\r\n", mtime=0)
        for kind, each in keys.items():
            paths = gzip.compress("\n".join([*each, ""]).encode(), mtime=0)
            self.content[f"crawl-data/{CRAWL}/{kind}.paths.gz"] = paths
        self.write_index(lines, block_lines)

    @staticmethod
    def line(url, name, offset, length, languages, status="200", mime="text/html"):
        parts = urlsplit(url)
        host = ",".join(reversed(parts.hostname.removeprefix("www.").split(".")))
        values = {"url": url, "mime": mime, "status": status, "digest": "X", "length": str(length)}
        values |= {"offset": str(offset), "filename": name, "languages": languages}
        return f"{host}){parts.path} 20260701000000 {json.dumps(values)}"

    def write_index(self, lines, block_lines=7):
        """The index of these lines, in two files."""
        files, cluster = {"cdx-00000.gz": b"", "cdx-00001.gz": b""}, []
        self.lines, lines = lines, sorted(lines)
        for start in range(0, len(lines), block_lines):
            file = "cdx-00000.gz" if start < len(lines) // 2 else "cdx-00001.gz"
            block = "".join(f"{line}\n" for line in lines[start : start + block_lines])
            packed = gzip.compress(block.encode(), mtime=0)
            key = lines[start].rpartition(" {")[0]
            number = len(cluster) + 1
            cluster.append(f"{key}\t{file}\t{len(files[file])}\t{len(packed)}\t{number}\n")
            files[file] += packed
        self.content |= {f"{INDEX}/{file}": content for file, content in files.items()}
        self.content[f"{INDEX}/cluster.idx"] = "".join(cluster).encode()

    def etag(self, key):
        return f'"{hashlib.sha256(self.content[key]).hexdigest()[:16]}"'

    def counts(self):
        """Requests by key."""
        return Counter(each.key for each in self.asked)

    def fault(self, key):
        """What goes wrong with this request: by the script of the file, or else by lot."""
        if script := self.faults.get(key):
            return script.pop(0)
        if self.dice.random() < self.fault_share:
            return self.dice.choice(PASSING)
        return ""

    @contextmanager
    def serving(self):
        """The address."""
        crawl = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with crawl.lock:
                    crawl.asked.append(
                        Asked(
                            key=self.path.lstrip("/"),
                            range=self.headers["Range"],
                            agent=self.headers["User-Agent"],
                            time=crawl.now(),
                        )
                    )
                    crawl.at_once += 1
                    self.is_there = 1
                    crawl.most_at_once = max(crawl.most_at_once, crawl.at_once)
                    fault = crawl.fault(self.path.lstrip("/"))
                try:
                    if crawl.hold:
                        crawl.hold()
                    crawl.answer(self, fault)
                except ConnectionError:
                    pass
                finally:
                    self.leave()

            def leave(self):
                """Before the client can know that it has all, and asks for the next."""
                with crawl.lock:
                    crawl.at_once -= self.is_there
                    self.is_there = 0

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            self.over.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, handler, fault):
        key = handler.path.lstrip("/")
        status, _, after = fault.partition(" after ")
        if status.isdigit() or fault.startswith("to ") or key not in self.content:
            handler.leave()
        if status.isdigit():
            self.head(handler, int(status), {"Retry-After": after} if after else {})
        elif fault.startswith("to "):
            self.head(handler, 302, {"Location": fault.removeprefix("to ")})
        elif key not in self.content:
            self.head(handler, 404, {})
        else:
            if fault == "changed":
                self.content[key] = self.content[key][::-1]
            self.send(handler, key, fault)

    @staticmethod
    def head(handler, status, headers):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    def send(self, handler, key, fault):
        content, etag = self.content[key], self.etag(key)
        start, stop, wanted = 0, len(content), handler.headers["Range"]
        if_range = handler.headers["If-Range"]
        is_part = wanted and if_range in (None, etag) and fault != "no range"
        if is_part:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1 if last else stop, stop)
            if start >= len(content):
                self.head(handler, 416, {"Content-Range": f"bytes */{len(content)}"})
                return
        headers = {"Content-Length": str(stop - start), "ETag": etag}
        if fault == "endless":
            del headers["Content-Length"]
        if is_part:
            shift, total = (1, len(content) + 9) if fault == "wrong range" else (0, len(content))
            headers["Content-Range"] = f"bytes {start + shift}-{stop - 1 + shift}/{total}"
        self.head(handler, 206 if is_part else 200, headers)
        if handler.command == "HEAD":
            return
        body = content[start:stop]
        if fault == "endless":
            while not self.over.is_set():
                handler.wfile.write(b"x" * 2**16)
        if fault in ("reset", "short", "slow"):
            body = body[: len(body) // 2]
        handler.wfile.write(body[:-1])
        if not fault:
            handler.leave()
        handler.wfile.write(body[-1:])
        handler.wfile.flush()
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.connection.close()
        if fault == "slow":
            self.over.wait(20)


@pytest.fixture
def unhurried(monkeypatch):
    """No time between requests."""
    monkeypatch.setattr(polite, "WHOLE_SECONDS", 0.0)
    monkeypatch.setattr(polite, "PART_SECONDS", 0.0)


@pytest.fixture
def common_crawl(unhurried):
    return CommonCrawl()


@pytest.fixture
def at(common_crawl):
    with common_crawl.serving() as address:
        yield address


def build_until(last, config, store):
    """Build until the process has opened and renamed so often in the store, and end it there."""
    polite.WHOLE_SECONDS = polite.PART_SECONDS = 0.0
    left = itertools.count(last, -1)

    def count(event, words):
        is_ours = event in ("open", "os.rename") and str(words[0]).startswith(str(store))
        if is_ours and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    build(STAGE, config, {}, store, Local())
