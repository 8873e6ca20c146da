"""Where a connection may lead: names into private networks, and heads without end."""

import socket
import time

import pytest
from tests.support.common_crawl import SEGMENT, CommonCrawl

from bedstone.corpus.fetching.server import Server
from bedstone.errors import BedstoneError
from bedstone.store.exchange import Limits, PrivateAddressError, TooLargeError, opened

KEY = f"{SEGMENT}/warc/CC-MAIN-2026-00000.warc.gz"


def limits(count=2**20):
    return Limits(20, time.monotonic() + 20, count)


@pytest.fixture
def names(monkeypatch):
    """What names mean, by name; and the addresses that are connected to."""
    known, connected = {}, []

    def found(host, port, *_, **__):
        family = socket.AF_INET6 if ":" in known.get(host, host) else socket.AF_INET
        places = known.get(host, host).split()
        return [(family, socket.SOCK_STREAM, 6, "", (place, port)) for place in places]

    def connect(address, *_):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setenv("no_proxy", "*")
    return known, connected


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "240.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "93.184.216.34 10.0.0.1",
    ],
)
def test_a_name_may_not_lead_into_a_private_network(names, address):
    known, connected = names
    known["a.example"] = address
    with pytest.raises(PrivateAddressError, match="in no public network"):
        opened("http://a.example/x", {}, limits()).__enter__()
    with (
        pytest.raises(BedstoneError, match=r"is not asked: a\.example leads to"),
        Server("http://a.example", "me").coming("x", 0, 1),
    ):
        pass
    assert not connected


@pytest.mark.parametrize("url", ["http://a.example:81/", "http://10.0.0.1:81/", "http://[::1]:81/"])
def test_the_address_that_was_judged_is_connected_to(names, url):
    known, connected = names
    known["a.example"] = "93.184.216.34"
    with pytest.raises(OSError, match="urlopen"):
        opened(url, {}, limits()).__enter__()
    assert connected == [(known.get("a.example") if "a.ex" in url else url[7:-4].strip("[]"), 81)]


def test_an_address_spelt_otherwise_is_a_name(names):
    known, _ = names
    known["2130706433"] = known["127.1"] = "127.0.0.1"
    for host in ("2130706433", "127.1"):
        with pytest.raises(PrivateAddressError):
            opened(f"http://{host}/", {}, limits()).__enter__()


def test_a_head_without_end(monkeypatch):
    crawl = CommonCrawl(files=1)
    monkeypatch.setattr(
        crawl,
        "head",
        lambda handler, *_: handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 9999),
    )
    with (
        crawl.serving() as at,
        pytest.raises(TooLargeError),
        opened(f"{at}{KEY}", {}, limits(2**40)),
    ):
        pass
