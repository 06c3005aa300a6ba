# SPDX-License-Identifier: Apache-2.0
"""A little of everything at once, for runs under a memory checker: every state of a connection, every way to leave it.

Nothing is measured here; every answer is checked."""
import os

from clients import Client, SlowReader, request
from h2client import H2
from httpd import ASYNC, THREADED
from load import Load
from procs import wait_until

MODULES = ["http2", "cgid", "deflate", "reqtimeout", "test_handlers", "test_suspend", "test_waitio", "test_scoreboard",
           "test_mpm", "headers"]
CONF = """
Protocols h2c http/1.1
Timeout 5
KeepAliveTimeout 2
MPMBodyBuffer 65536
<Location /gz>
  SetOutputFilter DEFLATE
</Location>
Alias /gz "${ROOT}/htdocs"
Listen 127.0.0.1:${WAITIO} waitio
AcceptFilter waitio none
<VirtualHost 127.0.0.1:${WAITIO}>
  TestWaitIO on
</VirtualHost>
"""


def prepare(server):
    """Files and ports that the workload uses; before the start."""
    server.extra_port("WAITIO")
    server.sparse_file("1m", 1 << 20)
    server.sparse_file("8m", 8 << 20)
    server.cgi("hello", "#!/bin/sh\necho Content-Type: text/plain\necho\necho hello\n")


def _http(where):
    with Client(timeout=30, **where) as client:
        client.send(request("/hello.txt") * 3 + request("/nothing-here"))
        assert [client.response().status for _ in range(4)] == [200, 200, 200, 404]
        for size in (10, 5000, 100000):
            body = os.urandom(size)
            client.send(request("/test/body", "POST", body=body)[:size // 2 + 60])
            client.send(request("/test/body", "POST", body=body)[size // 2 + 60:])
            assert client.response().body.decode() == f"{size} {sum(body)}"
        client.send(request("/test/body", "POST", headers=["Transfer-Encoding: chunked"]))
        client.send(b"3\r\nabc\r\n")
        client.send(b"0\r\n\r\n")
        assert client.response().body.decode().startswith("3 ")
        for byte in request("/gz/1m", headers=["Accept-Encoding: gzip"]):
            client.send(bytes([byte]))
        assert client.response().headers["content-encoding"] == "gzip"
        if ASYNC:
            assert client.get("/test-suspend?ms=20&steps=3").body == b"pulse\n" * 3
        assert len(client.get("/test/stream?chunks=5&bytes=3000&ms=5").body) == 15000
        assert client.get("/" + "a" * 9000).status == 414


def _cgi(server):
    with Client(server.port, timeout=30) as client:
        assert client.get("/cgi/hello").body == b"hello\n"


def _h2(server):
    for client in (H2(server.port, timeout=30), H2(server.tls_port, tls=server.tls_client(alpn=["h2"]), timeout=30)):
        streams = [client.request(path) for path in ("/1k.bin", "/1m", "/test/sleep?ms=50", "/nothing") * 5]
        client.finish(*streams, timeout=30)
        assert [client.streams[s].status for s in streams] == [200, 200, 200, 404] * 5
        client.request("/test/sleep?ms=200")
        client.close()
    with H2.upgrade(server.port, timeout=30) as client:
        assert client.finish(1, timeout=30).body == b"hello\n"


def _leavers(server, where):
    """Clients that go at every possible moment."""
    for data in (b"", b"GET /hel", request("/1m"), request("/8m"), request("/test/body", "POST", headers=[
            "Content-Length: 10"]) + b"abc", request("/test-suspend?ms=50"), request("/cgi/hello"), b"\x16\x03\x01\x00"):
        for leave in (Client.close, Client.reset):
            client = Client(**where)
            client.send(data)
            leave(client)


def _waiters(server, where):
    readers = [SlowReader(path="/8m", **where) for _ in range(5)]
    halves = [Client(**where).send("GET /hello.txt HTTP/1.1\r\nHo") for _ in range(5)]
    idle = [Client(**where) for _ in range(5)]
    waiting = [Client(server.ports["WAITIO"]).send("hi\n") for _ in range(3)] if ASYNC else []
    for client in idle:
        client.get()
    for client in waiting:
        assert client.read(12) == b"you said hi\n"
    for reader in readers:
        reader.start()
        reader.sip(3000)
    return readers, halves, idle, waiting


def run(server):
    """All of it, with a graceful restart in the middle."""
    plain, tls = {"port": server.port}, {"port": server.tls_port, "tls": server.tls_client()}
    with Load(server.port, connections=8, pause=0.02, deadline=60), \
            Load(server.tls_port, connections=4, pause=0.05, tls=server.tls_client(), deadline=60):
        for where in (plain, tls):
            _http(where)
            _leavers(server, where)
        if "cgid" in server.modules:
            _cgi(server)
        if THREADED:        # refused in prefork
            _h2(server)
        readers, halves, idle, waiting = _waiters(server, plain)
        server.get("/server-status?auto")
        server.graceful()
        for client in halves:
            assert client.send("st: test.localhost\r\n\r\n").response().body == b"hello\n"
        for reader in readers[:2]:
            assert reader.finish() == 8 << 20
        for client in (*readers, *halves, *idle, *waiting):
            client.close()
        _http(plain)
    wait_until(server.answers, 10, "an answer")
