# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 connections have more descriptors than the socket: their process does not run out of them."""
import contextlib

import pytest

from clients import Client, request
from faults import Faults
from h2client import H2

CONF = """
Protocols h2c http/1.1
KeepAliveTimeout 300
Timeout 300
"""
LIMITED = ["prlimit", "--nofile=200:200"]

pytestmark = pytest.mark.left_out("worker", "prefork", reason="a connection keeps its worker between its requests")


def limited(httpd, processes, **options):
    return httpd(modules=["http2", "test_handlers"], conf=CONF, wrapper=LIMITED, mpm_conf={
        "StartServers": 1, "ServerLimit": processes, "ThreadsPerChild": 10, "MaxRequestWorkers": 10 * processes,
        "MinSpareThreads": 1, "MaxSpareThreads": 10}, **options)


def connected(server, kind):
    if kind == "tls":
        return H2(server.tls_port, tls=server.tls_client(alpn=["h2"]))
    return H2(server.port)


def idle(server, number, kind="plain"):
    """So many HTTP/2 connections that have had one answer."""
    clients = []
    for _ in range(number):
        client = connected(server, kind)
        clients.append(client)
        assert client.get("/hello.txt").body == b"hello\n", len(clients)
    return clients


def is_open(client):
    client.sock.settimeout(0.02)
    with contextlib.suppress(TimeoutError):
        while client.read_once():
            pass
    return client.goaway is None and not client.closed


def page(server):
    return Client(server.port, timeout=5).get("/server-status?auto")


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_a_process_without_descriptors_for_http2_has_another_started(httpd, kind):
    server = limited(httpd, 4, tls=True, tls_conf="Protocols h2 http/1.1")
    clients = idle(server, 80, kind)
    assert page(server).status == 200
    assert len(server.children()) > 1
    assert all(is_open(client) for client in clients)
    assert "Too many open files" not in server.error_log()


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_idle_http2_connections_make_room_when_no_process_can_be_started(httpd, kind):
    server = limited(httpd, 1, tls=True, tls_conf="Protocols h2 http/1.1")
    clients = idle(server, 80, kind)
    assert page(server).status == 200
    still = [is_open(client) for client in clients]
    assert 15 < sum(still) < 80 and still == sorted(still), "the longest idle ones are closed first"
    assert "Too many open files" not in server.error_log()


def test_http2_connections_that_never_open_a_stream_make_room(httpd):
    server = limited(httpd, 1)
    clients = [H2(server.port) for _ in range(80)]
    assert page(server).status == 200
    assert not is_open(clients[0]) and is_open(clients[-1])
    assert "Too many open files" not in server.error_log()


def test_idle_http2_connections_make_room_where_descriptors_are_fewer_than_counted(httpd, tmp_path):
    faults = Faults(tmp_path)
    server = limited(httpd, 1, **faults.options)
    clients = idle(server, 20)
    with faults.active("nofile", 1, pid=-server.pid, amount=70):
        assert page(server).status == 200
    assert faults.hits("nofile") and not is_open(clients[0])


def test_a_connection_with_an_open_stream_is_not_ended_for_others(httpd):
    server = limited(httpd, 1)
    busy = H2(server.port)
    stream = busy.request("/test/sleep?ms=3000")
    idle(server, 80)
    assert bytes(busy.finish(stream).body) == b"slept"


class Begun(H2):
    """Sends a part of the preface, the rest with the first request."""
    def flush(self):
        self.held = getattr(self, "held", b"") + self.conn.data_to_send()
        self.sock.sendall(self.held[:10] if not self.streams else self.held)
        self.held = self.held[10:] if not self.streams else b""


def test_descriptors_are_kept_for_connections_that_may_become_http2(httpd):
    server = limited(httpd, 4)
    clients = [Begun(server.port) for _ in range(80)]
    streams = [client.request() for client in clients]
    for client, stream in zip(clients, streams):
        assert bytes(client.finish(stream).body) == b"hello\n"


def test_connections_of_http1_need_one_descriptor_each(httpd):
    server = limited(httpd, 1)
    clients = [Client(server.port, timeout=10) for _ in range(90)]
    for client in clients:
        assert client.get("/hello.txt").body == b"hello\n"
    for client in clients:
        assert client.get("/hello.txt").body == b"hello\n", "none was closed for another"


def test_a_process_at_MPMMaxConnections_has_another_started(httpd):
    server = httpd(conf="KeepAliveTimeout 300\nMPMMaxConnections 10\n", mpm_conf={
        "StartServers": 1, "ServerLimit": 3, "ThreadsPerChild": 4, "MaxRequestWorkers": 12, "MinSpareThreads": 1, "MaxSpareThreads": 4})
    clients = [Client(server.port, timeout=5) for _ in range(25)]
    for client in clients:
        client.send(request())
    for client in clients:
        assert client.response().body == b"hello\n"
    assert len(server.children()) == 3
