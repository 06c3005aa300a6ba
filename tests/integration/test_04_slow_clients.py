# SPDX-License-Identifier: Apache-2.0
"""A client that is slow, idle or gone holds a connection, never a worker.

Every test looks at httpd's own scoreboard while the clients do nothing. Stock event is the reference for what the
2.4 API makes possible once the handler is done; stock worker and prefork give a thread to every connection by design.
So do those models of hybrid, but from the first whole request to the last answer, not before and not after.
"""
import os
import socket
import ssl

import pytest

import procs
from clients import Client, SlowReader, request
from h2client import H2
from procs import holds_for, wait_until

pytestmark = pytest.mark.mpm_only("hybrid", "event")

SMALL_POOL = {"StartServers": 1, "ServerLimit": 1, "ThreadLimit": 25, "ThreadsPerChild": 25, "MinSpareThreads": 1,
              "MaxSpareThreads": 25, "MaxRequestWorkers": 25, "AsyncRequestWorkerFactor": 40}
MODULES = ["test_scoreboard", "test_handlers", "http2", "deflate"]
MIB = 1 << 20


@pytest.fixture(scope="module")
def server(module_httpd):
    server = module_httpd(start=False, tls=True, modules=MODULES, mpm_conf=SMALL_POOL, tls_conf="Protocols h2 http/1.1",
                          conf="Timeout 60\nKeepAliveTimeout 60\nEnableSendfile On\n"
                               "<Location /buffered/>\nEnableSendfile Off\nEnableMMAP Off\n</Location>\n"
                               "<Location /mapped/>\nEnableSendfile Off\n</Location>\n"
                               'Alias /buffered/ "${ROOT}/htdocs/"\nAlias /mapped/ "${ROOT}/htdocs/"\n')
    server.sparse_file("100m", 100 * MIB)
    server.sparse_file("10m", 10 * MIB)
    return server.start()


@pytest.fixture
def opened():
    """opened(client) closes it after the test, whatever happens: the tests share a server with 25 workers."""
    clients = []

    def note(client):
        clients.append(client)
        return client
    yield note
    for client in clients:
        client.close()


def no_worker_busy(server):
    return server.scoreboard().busy == 0


def tls_of(server, tls):
    return {"port": server.tls_port, "tls": server.tls_client()} if tls else {"port": server.port}


only_sendfile = "the core's output filter blocks a thread while more than FlushMaxThreshold of file is in memory"
lazy_counts = "event refreshes its scoreboard's counts only when a timeout is due"
keeps_its_worker = pytest.mark.left_out(
    "worker", "prefork", reason="a connection keeps its worker from its first request to its last answer")
tls_or_not = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
event_gap = pytest.mark.mpm_gap("event", reason=only_sendfile)


@keeps_its_worker
@pytest.mark.parametrize("path,tls", [("/100m", False),
                                      pytest.param("/buffered/100m", False, marks=event_gap),
                                      pytest.param("/mapped/100m", False, marks=event_gap),
                                      pytest.param("/100m", True, marks=event_gap)],
                         ids=["sendfile", "read", "mmap", "tls"])
def test_a_slow_reader_of_100_mib_holds_no_worker(server, opened, path, tls):
    reader = opened(SlowReader(path=path, **tls_of(server, tls)))
    assert reader.start() == 100 * MIB
    wait_until(lambda: no_worker_busy(server), 3, "no busy worker")
    for _ in range(20):
        reader.sip(4096)
        wait_until(lambda: no_worker_busy(server), 1, "no busy worker while the client sips")
    assert reader.finish() == 100 * MIB
    assert reader.get().body == b"hello\n"      # and the connection is good for another request


@keeps_its_worker
@pytest.mark.mpm_gap("event", reason=lazy_counts)
def test_a_slow_reader_is_counted_until_it_goes_away(server, opened):
    reader = opened(SlowReader(server.port, "/100m"))
    reader.start()
    wait_until(lambda: server.scoreboard().total("write_completion") == 1, 5, "a connection that writes")
    reader.reset()
    wait_until(lambda: server.scoreboard().total("write_completion") == 0, 5, "no connection that writes")


@keeps_its_worker
@pytest.mark.parametrize("tls", [False, pytest.param(True, marks=event_gap)], ids=["plain", "tls"])
def test_100_slow_readers_leave_the_25_workers_free(server, opened, tls):
    readers = [opened(SlowReader(path="/10m", **tls_of(server, tls))) for _ in range(100)]
    for reader in readers:
        reader.start()
    wait_until(lambda: no_worker_busy(server), 10, "no busy worker")
    assert server.get("/hello.txt") == b"hello\n"
    for reader in readers[:10]:
        assert reader.finish() == 10 * MIB


@keeps_its_worker
@tls_or_not
@pytest.mark.mpm_gap("event", reason="closes idle keep-alive connections when its workers are busy")
def test_300_keep_alive_connections_on_25_threads_are_all_served(server, opened, tls):
    clients = []
    for _ in range(300):
        clients.append(opened(Client(timeout=20, **tls_of(server, tls))))
        assert clients[-1].get().keeps_alive
    for _ in range(3):
        for client in clients:
            client.send(request())
        for client in clients:
            assert client.response().body == b"hello\n"
    wait_until(lambda: no_worker_busy(server), 5, "no busy worker")
    assert server.get("/hello.txt") == b"hello\n"


@keeps_its_worker
@tls_or_not
@pytest.mark.mpm_gap("event", reason=lazy_counts)
def test_300_idle_connections_are_counted_and_kept(server, opened, tls):
    clients = []
    for _ in range(300):
        clients.append(opened(Client(timeout=20, **tls_of(server, tls))))
        clients[-1].get()
    wait_until(lambda: server.scoreboard().total("keep_alive") == 300, 5, "300 keep-alive connections")
    for client in clients:
        assert client.get().body == b"hello\n"
        client.close()
    wait_until(lambda: server.scoreboard().total("keep_alive") == 0, 5, "no keep-alive connection")


@pytest.mark.parametrize("tls", [False, pytest.param(True, marks=pytest.mark.mpm_gap(
    "event", "hybrid-sync", reason="with TLS each of them keeps a worker until the client closes"))], ids=["plain", "tls"])
def test_clients_that_never_close_hold_no_worker_in_lingering_close(server, opened, tls):
    clients = [opened(Client(timeout=20, **tls_of(server, tls))) for _ in range(60)]
    for client in clients:
        assert not client.get(headers=["Connection: close"]).keeps_alive
    wait_until(lambda: no_worker_busy(server), 5, "no busy worker")
    assert server.get("/hello.txt") == b"hello\n"


@pytest.mark.left_out(
    "prefork", reason="httpd's scoreboard has no counts of connections under prefork; test_21 looks at mpm-status's")
@pytest.mark.mpm_gap("event", reason=lazy_counts)
def test_lingering_close_is_counted_until_the_client_closes(server, opened):
    client = opened(Client(server.port))
    client.get(headers=["Connection: close"])
    assert client.closed_within(3)
    wait_until(lambda: server.scoreboard().total("lingering_close") >= 1, 5, "a lingering connection")
    client.close()
    wait_until(lambda: server.scoreboard().total("lingering_close") == 0, 5, "no lingering connection")


def is_cut(client, data):
    """Whether the server has cut the connection: more cannot be sent."""
    try:
        client.send(data)
    except ConnectionError:
        return True
    return False


@pytest.mark.slow
def test_a_lingering_client_that_keeps_sending_is_cut_in_the_end(httpd):
    """Bytes that arrive after the response are thrown away, but not for ever (30 s in httpd)."""
    server = httpd(modules=MODULES, mpm_conf=SMALL_POOL, conf="LimitRequestLine 1000")
    with Client(server.port, timeout=1) as client:
        client.send("GET /" + "a" * 2000 + " HTTP/1.1\r\n\r\n")
        wait_until(lambda: is_cut(client, b"more\r\n"), 35, "the end of the connection", every=0.2)


def test_a_client_that_sends_in_pieces_after_its_time_out_is_cut_soon(httpd):
    """Two seconds in httpd where a budget was exceeded."""
    server = httpd(modules=["reqtimeout"], conf="RequestReadTimeout header=1\n")
    with Client(server.port) as client:
        client.send("GET / HTTP/1.1\r\nHost: test.localhost\r\nX: ")
        assert client.response().status == 408
        wait_until(lambda: is_cut(client, b"x"), 10, "the end of the connection", every=0.02)


@keeps_its_worker
def test_slow_readers_of_http_2_leave_the_workers_free(server, opened):
    """mod_http2 has threads of its own; the MPM's must be free."""
    for _ in range(30):
        client = opened(H2(server.tls_port, tls=server.tls_client(alpn=["h2"])))
        client.window = False
        stream = client.request("/10m")
        while len(client.streams[stream].body) < 65535:
            assert client.read_once()
    wait_until(lambda: no_worker_busy(server), 10, "no busy worker")
    assert server.get("/hello.txt") == b"hello\n"


# ---- the request's side: a connection is given to a worker when there is a whole request -------------------------

def half_head(server, tls):
    client = Client(**tls_of(server, tls))
    return client.send("GET /hello.txt HTTP/1.1\r\nHost: test.lo")


def half_hello(server, _):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server.tls_client().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    client = Client(server.tls_port)
    return client.send(outgoing.read()[:50])


def half_body(server, tls):
    client = Client(**tls_of(server, tls))
    return client.send(request("/test/body", "POST", headers=["Content-Length: 1000"]) + b"x" * 500)


def silent(server, tls):
    return Client(**tls_of(server, tls))


def tls_handshake_then_silent(server, _):
    return Client(server.tls_port, tls=server.tls_client())


@pytest.mark.mpm_gap("event", "hybrid-sync", reason="each of them holds a worker while the client sends")
@pytest.mark.parametrize("kind,tls", [(half_head, False), (half_head, True), (half_hello, True), (half_body, False),
                                      (half_body, True), (silent, False), (tls_handshake_then_silent, True)],
                         ids=lambda v: v.__name__ if callable(v) else ("tls" if v else "plain"))
def test_100_clients_that_stop_half_way_leave_the_workers_free(server, opened, kind, tls):
    for _ in range(100):
        opened(kind(server, tls))
    assert server.get("/hello.txt", timeout=3) == b"hello\n"
    wait_until(lambda: no_worker_busy(server), 5, "no busy worker")
    holds_for(lambda: server.get("/hello.txt", timeout=2) == b"hello\n", 0.5, "an answer")


def test_connections_over_the_limit_wait_their_turn(httpd):
    """More connections at once than the server may hold: nobody is refused, everybody is served in the end."""
    server = httpd(modules=MODULES, mpm_conf={**SMALL_POOL, "ThreadsPerChild": 5, "MaxRequestWorkers": 5,
                                              "MaxSpareThreads": 5, "AsyncRequestWorkerFactor": 1},
                   conf="KeepAlive Off\nListenBacklog 511")
    clients = [Client(server.port, timeout=20) for _ in range(200)]
    for client in clients:
        client.send(request("/test/sleep?ms=10"))
    for client in clients:
        assert client.response().body == b"slept"
        client.close()
    assert server.answers()


def test_a_streaming_handler_held_back_by_its_client_does_not_delay_others(server, opened):
    client = opened(Client(server.port, rcvbuf=4096, timeout=20))
    client.send(request("/test/stream?chunks=200&bytes=65536"))
    client.head()
    for _ in range(5):
        assert server.get("/hello.txt", timeout=3) == b"hello\n"


# ---- clients that have closed their side, files that change --------------------------------------------------------

@keeps_its_worker
@pytest.mark.parametrize("path", ["/100m", "/buffered/100m", "tls"])
def test_a_half_closed_client_that_does_not_read_ends_with_timeout_and_costs_nothing(httpd, path):
    server = httpd(modules=MODULES, tls=True, mpm_conf=SMALL_POOL, tls_conf="Protocols http/1.1",
                   conf="Timeout 2\nEnableSendfile On\n<Location /buffered/>\nEnableSendfile Off\n</Location>\n"
                        'Alias /buffered/ "${ROOT}/htdocs/"\n')
    server.sparse_file("100m", 100 * MIB)
    tls = path == "tls"
    reader = SlowReader(path="/100m" if tls else path, **tls_of(server, tls))
    with reader:
        mine = reader.sock.getsockname()[1]
        if tls:
            socket.socket.shutdown(reader.sock, socket.SHUT_WR)     # of the connection below TLS
        else:
            reader.sock.shutdown(socket.SHUT_WR)

        def is_open():
            return any(remote == mine and local in (server.port, server.tls_port) and inode != "0"
                       for local, remote, _, inode in procs.tcp_table())

        before = sum(procs.cpu_seconds(pid) for pid in server.children())
        wait_until(lambda: not is_open(), 8, "the end of the connection")       # Timeout, and two seconds of lingering
        assert sum(procs.cpu_seconds(pid) for pid in server.children()) - before < 1


@pytest.mark.left_out("worker", "prefork", reason="a worker reads and writes the whole response, and APR maps what is read of it, as "
                      "under the MPMs of these names: a file cut short kills the process there too")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_file_cut_short_during_a_slow_download_harms_nobody(httpd, tls):
    """Larger than what APR maps: stock reads it."""
    server = httpd(modules=MODULES, tls=True, mpm_conf=SMALL_POOL, tls_conf="Protocols http/1.1",
                   conf="Timeout 5\n<Directory ${ROOT}/htdocs>\nEnableSendfile Off\nEnableMMAP On\n</Directory>\n")
    path = server.sparse_file("20m", 20 * MIB)
    children = server.children()
    with SlowReader(path="/20m", **tls_of(server, tls)) as reader:
        reader.start()
        for _ in range(8):
            reader.sip(64 << 10)
        os.truncate(path, MIB)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            reader.finish()
    assert server.get("/hello.txt") == b"hello\n"
    assert server.children() == children


@pytest.mark.mpm_only("hybrid")
@keeps_its_worker
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_download_maps_no_more_than_under_the_stock_mpms(httpd, tls):
    server = httpd(modules=MODULES, tls=True, mpm_conf=SMALL_POOL, tls_conf="Protocols http/1.1",
                   conf="<Directory ${ROOT}/htdocs>\nEnableSendfile Off\nEnableMMAP On\n</Directory>\n")
    server.sparse_file("20m", 20 * MIB)

    def maps():
        return sum("/htdocs/20m" in line for pid in server.children() for line in open(f"/proc/{pid}/maps"))

    with SlowReader(path="/20m", **tls_of(server, tls)) as reader:
        reader.start()
        for _ in range(20):
            reader.sip(64 << 10)
            assert maps() == 0
        assert reader.finish() == 20 * MIB
