"""What every test is watched for: that it reaches for no other machine."""

import socket

import pytest


def test_another_machine_is_refused_and_told(connects_nowhere_else):
    with pytest.raises(ConnectionRefusedError, match="test may not reach"):
        socket.create_connection(("192.0.2.1", 80))
    with pytest.raises(ConnectionRefusedError, match="test may not reach"):
        socket.getaddrinfo("example.org", 80)
    assert set(connects_nowhere_else) == {
        "socket.getaddrinfo 192.0.2.1",
        "socket.getaddrinfo example.org",
    }
    connects_nowhere_else.clear()


def test_the_loopback_is_not(connects_nowhere_else):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    assert connects_nowhere_else == []
