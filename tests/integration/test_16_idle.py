# SPDX-License-Identifier: Apache-2.0
"""Idle keep-alive connections with Debian's modules: what they cost, and that they wake."""
import contextlib
import os
import random
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import procs
from clients import Client, request
from h2client import H2
from procs import holds_for, wait_until

DEBIAN = ["access_compat", "auth_basic", "authn_core", "authn_file", "authz_user", "autoindex", "deflate", "env", "filter",
          "negotiation", "reqtimeout", "setenvif", "http2", "test_handlers"]
CONF = """
KeepAliveTimeout 300
Timeout 300
MaxKeepAliveRequests 0
RequestReadTimeout header=20-40,minrate=500 body=10,minrate=500
<Location /test/>
SetHandler test-handlers
</Location>
"""
ONE_PROCESS = {"StartServers": 1, "ServerLimit": 1, "ThreadsPerChild": 10, "MaxRequestWorkers": 10, "MaxSpareThreads": 10}
SETTLED = 300           # connections after which a process has what it needs once
MORE = 300              # connections that are measured

pytestmark = pytest.mark.left_out("worker", "prefork", reason="a connection keeps its worker between its requests")
measures = pytest.mark.skipif(bool(os.environ.get("SANITIZE")), reason="the sanitizer's memory is not the server's")


def debian_server(httpd, **options):
    return httpd(modules=DEBIAN, tls=True, tls_conf="Protocols h2 http/1.1", conf=CONF, mpm_conf=ONE_PROCESS, **options)


def pss_kb(pid):
    return int(re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def opened(server, kind):
    """A connection that has had one answer."""
    if kind == "plain":
        client = Client(server.port)
    elif kind == "tls":
        client = Client(server.tls_port, tls=server.tls_client())
    else:
        client = H2(server.tls_port, tls=server.tls_client(alpn=["h2"]))
    answer = client.get("/hello.txt")
    assert answer.status == 200 and answer.body == b"hello\n"
    return client


@measures
@pytest.mark.mpm_gap("event", reason="keeps a pool of 8 KB, mod_ssl's buffer and free memory with each connection")
@pytest.mark.parametrize("kind,most_kb", [("plain", 10), ("tls", 40), ("h2", 160)])
def test_an_idle_connection_costs_little_memory_and_no_thread(httpd, kind, most_kb):
    """Without http2 the second page of a connection's pool, mod_ssl's buffer or a pool in the core's filter would show; the
    memory of HTTP/2 is mod_http2's and nghttp2's for the session."""
    server = debian_server(httpd)
    (child,) = server.children()
    with contextlib.ExitStack() as idle:
        for _ in range(SETTLED):
            idle.enter_context(opened(server, kind))
        kb, threads = pss_kb(child), len(procs.threads(child))
        for _ in range(MORE):
            idle.enter_context(opened(server, kind))
        assert (pss_kb(child) - kb) / MORE <= most_kb
        # mod_http2 may start a thread for a stream, not for a connection
        assert len(procs.threads(child)) - threads <= (MORE // 10 if kind == "h2" else 0)
        before = procs.cpu_seconds(child)
        holds_for(lambda: procs.cpu_seconds(child) - before <= 0.1, 1, "a server that only waits uses no processor time")


RETURNED = "freed memory was returned to the system"


@measures
@pytest.mark.mpm_only("hybrid")
def test_memory_that_many_handshakes_freed_is_returned_when_they_are_over(httpd):
    server = debian_server(httpd, log_level="info mpm_hybrid:debug")
    (child,) = server.children()
    with contextlib.ExitStack() as idle, ThreadPoolExecutor(16) as together:
        for _ in range(2):
            returned = server.error_log().count(RETURNED)
            kb = pss_kb(child)
            for client in together.map(lambda _: opened(server, "tls"), range(MORE)):
                idle.enter_context(client)
            wait_until(lambda: server.error_log().count(RETURNED) > returned, 15, "the memory to be returned")
        assert (pss_kb(child) - kb) / MORE <= 40
        with Client(server.tls_port, tls=server.tls_client()) as client:
            assert client.get().status == 200


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_connections_answer_pipelined_requests_after_they_were_idle(httpd, kind):
    server = debian_server(httpd)
    with contextlib.ExitStack() as idle:
        clients = [idle.enter_context(opened(server, kind)) for _ in range(30)]
        for _ in range(3):
            for client in clients:
                client.send(request("/hello.txt") + request("/missing") + request("/test/body", "POST", body=b"abc"))
            for client in clients:
                assert client.response().body == b"hello\n"
                assert client.response().status == 404
                assert client.response().body.startswith(b"3 ")


def test_http2_connections_answer_after_they_were_idle(httpd):
    server = debian_server(httpd)
    with contextlib.ExitStack() as idle:
        clients = [idle.enter_context(opened(server, "h2")) for _ in range(10)]
        for _ in range(3):
            streams = [[client.request("/hello.txt") for _ in range(4)] for client in clients]
            for client, ids in zip(clients, streams):
                client.finish(*ids)
                assert [client.streams[i].body for i in ids] == [b"hello\n"] * 4


SIZES = [1, 100, 4000, 4096, 7800, *range(7900, 8300, 37), 8191, 8192, 8193, 16000, 16384, 40000, 131072, 400000]


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("conf", ["", "EnableMMAP Off", "EnableSendfile On"])
def test_responses_of_all_sizes_arrive_as_they_are(httpd, tls, conf):
    server = httpd(modules=DEBIAN, tls=True, conf=CONF + conf, mpm_conf=ONE_PROCESS)
    contents = {f"{size}.bin": random.Random(size).randbytes(size) for size in SIZES}
    for name, content in contents.items():
        server.file(name, content)
    with Client(server.tls_port if tls else server.port, tls=server.tls_client() if tls else None) as client:
        for name, content in contents.items():
            assert client.get("/" + name).body == content, name
        for name, content in contents.items():
            client.send(request("/" + name) + request("/hello.txt"))
            assert client.response().body == content, name
            assert client.response().body == b"hello\n"


def test_a_piece_that_is_flushed_arrives_before_the_next(httpd):
    server = debian_server(httpd)
    with Client(server.tls_port, tls=server.tls_client()) as client:
        client.send(request("/test/stream?chunks=3&bytes=10&ms=1500"))
        client.sock.settimeout(1)
        assert client.head()[0] == 200
        client.read(10)


APPLICATION_DATA = 23


class Records:
    """A TLS 1.2 client that tells which records it gets."""

    def __init__(self, server):
        context = server.tls_client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.sock = socket.create_connection(("127.0.0.1", server.tls_port), 10)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self._run(self.tls.do_handshake)

    def _run(self, step):
        """(what arrived meanwhile, what the step returned)."""
        raw = b""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                data = self.sock.recv(65536)
                assert data, "the server closed"
                raw += data
                self.incoming.write(data)
            else:
                self.sock.sendall(self.outgoing.read())
                return raw, result

    def get(self, path):
        """(types of the records that arrived, plain bytes of the first) of an answer."""
        self.tls.write(request(path))
        raw, plain = self._run(lambda: self.tls.read(65536))
        types = []
        while raw:
            types.append(raw[0])
            raw = raw[5 + int.from_bytes(raw[3:5], "big"):]
        return types, plain

    def close(self):
        self.sock.close()


@pytest.mark.parametrize("size", [0, 6, 1000, 3000])
def test_header_and_short_body_share_one_tls_record(httpd, size):
    """As mod_ssl makes it: the length of the header alone is not seen from outside."""
    server = httpd(modules=DEBIAN, tls=True, conf=CONF, mpm_conf=ONE_PROCESS)
    server.file("short.txt", b"x" * size)
    with contextlib.closing(Records(server)) as client:
        for _ in range(3):
            types, plain = client.get("/short.txt")
            assert types == [APPLICATION_DATA] and plain.endswith(b"\r\n\r\n" + b"x" * size)
