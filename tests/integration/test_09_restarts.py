# SPDX-License-Identifier: Apache-2.0
"""Restarts under load: nothing lost, nothing left, however often and whatever old children still wait for."""
import http.client
import os
import re
import time

import pytest

import procs
from clients import Client, SlowReader, refused, request
from h2client import H2
from h2load import H2Load
from httpd import FLAVOUR, THREADED
from load import Load
from procs import holds_for, wait_until

MODULES = ["test_handlers", "test_scoreboard", "http2"]
POOL = {"StartServers": 2, "ServerLimit": 4, "ThreadLimit": 25, "ThreadsPerChild": 25, "MinSpareThreads": 10,
        "MaxSpareThreads": 75, "MaxRequestWorkers": 100, "MinSpareServers": 20, "MaxSpareServers": 60}
CONF = "Protocols h2c http/1.1\nTimeout 20\nKeepAliveTimeout 5\nMaxKeepAliveRequests 0\n"
SLOW = bool(os.environ.get("SLOW"))
NO_H2_IN_PREFORK = [pytest.mark.mpm_only("hybrid", "event", "worker"),
                    pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")]
cuts = pytest.mark.mpm_gap("event", "worker", "prefork",
                           reason="cuts idle keep-alive connections under their client's next request")


def make(httpd, conf="", **options):
    return httpd(modules=MODULES, conf=CONF + conf, mpm_conf=POOL, tls=True, tls_conf="Protocols h2 http/1.1", **options)


def restart_again_and_again(server, load, times):
    for n in range(times):
        before = load.answered
        server.graceful()
        wait_until(lambda: load.answered > before + 50, 10, f"service after restart {n + 1}")


def restart_and_wait_for_the_old(server):
    """A graceful restart; returns when every child of the old generation knows of it."""
    server.graceful()

    def told():
        board = server.scoreboard()
        return all(p["quiescing"] for p in board.processes if p["generation"] != board.raw["generation"])
    wait_until(told, 5, "old children that know of the restart")


def assert_like_new(server):
    """One generation of children, every slot of the scoreboard theirs, nothing busy, no zombie."""
    def only_new():
        board = server.scoreboard()
        return ({p["pid"] for p in board.processes} == set(server.children())
                and {p["generation"] for p in board.processes} == {board.raw["generation"]})
    wait_until(only_new, 15, "only the new generation in scoreboard and /proc")
    wait_until(lambda: server.scoreboard().busy == 0, 5, "no busy worker")
    wait_until(lambda: not server.zombies(), 5, "no child that is dead and not reaped")
    wait_until(lambda: len(server.lobbies()) == (FLAVOUR == "hybrid-prefork"), 5, "one lobby at most")
    assert len(server.processes()) == 1 + len(server.children()) + len(server.lobbies())


def load_of(server, protocol, **options):
    """A load over "http", "https" or "h2"; both kinds tell their requests in the same way."""
    if protocol == "h2":
        return H2Load(server.tls_port, tls=server.tls_client(alpn=["h2"]), **options)
    if protocol == "https":
        return Load(server.tls_port, tls=server.tls_client(), **options)
    return Load(server.port, **options)


protocols = pytest.mark.parametrize("protocol", ["http", "https", pytest.param("h2", marks=NO_H2_IN_PREFORK)])


@cuts
@protocols
def test_graceful_restarts_under_load_lose_nothing(httpd, protocol):
    """15 restarts (200 with SLOW=1) beside 40 busy keep-alive clients."""
    server = make(httpd)
    with load_of(server, protocol, connections=40, pause=0.002) as load:
        restart_again_and_again(server, load, 200 if SLOW else 15)
    assert not load.failed, load.details
    assert load.answered > 500
    assert_like_new(server)


@pytest.mark.mpm_only("hybrid")
def test_connections_have_different_ids_also_when_a_finishing_process_has_given_its_slot_up(httpd):
    server = httpd(modules=["test_handlers"], mpm_conf={"ServerLimit": 1, "MaxRequestWorkers": 10}, log_level="debug")
    ids, clients = [], []
    for generation in range(4):
        for _ in range(3):
            clients.append(Client(server.port, timeout=20))
            clients[-1].send(request("/test/id?ms=15000", headers=["Connection: close"]))
            clients[-1].head()
            ids.append(int(re.search(rb"id=(\d+)", clients[-1]._until(b";")).group(1)))
        if generation < 3:
            server.graceful()
    assert len(set(ids)) == len(ids), ids
    assert not THREADED or "has given slot" in server.error_log()
    for client in clients:
        client.close()


@cuts
def test_graceful_restarts_lose_no_slow_request(httpd):
    server = make(httpd)
    with Load(server.port, path="/test/sleep?ms=150", connections=30) as load:
        restart_again_and_again(server, load, 8)
    assert not load.failed, load.details
    assert_like_new(server)


def test_graceful_restarts_reset_no_fresh_connection(httpd):
    """A connection in the kernel's accept queue belongs to the next generation."""
    server = make(httpd)
    with Load(server.port, connections=20, per_connection=1, pause=0.002) as load:
        restart_again_and_again(server, load, 15)
    assert not load.failed, load.details


def test_hard_restarts_under_load_come_back(httpd):
    """SIGHUP cuts what runs, by its definition; what matters is that service returns and nothing is left."""
    server = make(httpd)
    with Load(server.port, connections=20) as load:
        for _ in range(5):
            before = load.answered
            server.restart()
            wait_until(lambda: load.answered > before + 50, 10, "service after the restart")
    assert not load.counts["wrong"], load.details
    assert_like_new(server)


def test_restarts_of_both_kinds_and_kills_mixed_under_load_leave_nothing(httpd):
    server = make(httpd)
    server.expect_log("exit signal")
    with Load(server.port, connections=20) as load:
        for n in range(9):
            before = load.answered
            if n % 3 == 0:
                server.graceful(wait=False)
            elif n % 3 == 1:
                procs.kill(max(wait_until(server.children, 5, "a child to kill")))
            else:
                server.restart(wait=False)
            wait_until(lambda: load.answered > before + 100, 15, "service to go on")
    assert not load.counts["wrong"], load.details
    wait_until(lambda: len(server.children()) >= 1, 10, "children")

    def agree():
        try:
            return {p["pid"] for p in server.scoreboard().processes} == set(server.children())
        except (OSError, http.client.HTTPException):        # cut by the last hard restart
            return False
    wait_until(agree, 15, "scoreboard and /proc agree")


@pytest.mark.mpm_gap("event", "worker", "prefork", reason="scoreboard is full")
def test_twenty_restarts_while_downloads_run_never_fill_the_scoreboard(httpd):
    """Old children that wait for slow readers must not keep new ones from starting."""
    server = make(httpd, conf="Timeout 300")
    server.sparse_file("big", 64 << 20)
    readers = []
    for n in range(40 if SLOW else 20):
        reader = SlowReader(server.port, "/big")
        reader.start()
        readers.append(reader)
        server.graceful()
        assert server.get("/hello.txt", timeout=3) == b"hello\n", f"after restart {n + 1}"
    for reader in readers:
        assert reader.finish() == 64 << 20
        reader.close()
    assert_like_new(server)


@cuts
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_an_idle_connection_is_answered_once_more_with_close_after_a_restart(httpd, tls):
    server = make(httpd, conf="KeepAliveTimeout 30\n")
    where = {"port": server.tls_port, "tls": server.tls_client()} if tls else {"port": server.port}
    clients = []
    for _ in range(30):     # one by one: a prefork child that has two handshakes done keeps neither after its answer
        clients.append(Client(**where))
        assert clients[-1].get().keeps_alive
    restart_and_wait_for_the_old(server)
    for client in clients:
        response = client.get()
        assert response.body == b"hello\n" and not response.keeps_alive
        client.close()
    assert_like_new(server)


@cuts
def test_an_idle_connection_is_kept_after_a_restart_for_its_keep_alive_time_and_no_longer(httpd):
    server = make(httpd)
    with Client(server.port) as client:
        begun = time.monotonic()
        client.get()
        old = set(server.children())
        server.graceful()
        assert client.closed_after(7) is not None
        assert time.monotonic() - begun > 4.9, "KeepAliveTimeout is 5"
    wait_until(lambda: not old & set(server.children()), 3, "the end of the old generation")


def test_a_restart_serves_at_once_while_an_old_child_waits(httpd):
    server = make(httpd)
    with Client(server.port, timeout=20) as client:
        client.send(request("/test/sleep?ms=3000"))
        wait_until(lambda: server.scoreboard().busy == 1, 3, "the request")
        server.graceful(wait=False)
        server.wait_log("resuming normal operations", count=2, timeout=2)
        wait_until(server.answers, 1, "an answer from the new generation")
        assert client.response().body == b"slept"


@pytest.mark.mpm_only("hybrid", "event", "worker")
@pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")
def test_h2_streams_survive_a_restart_and_are_told_to_go(httpd):
    server = make(httpd)
    with H2(server.port) as plain, H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) as tls:
        streams = [(c, c.request("/test/stream?chunks=2&bytes=10&ms=1000")) for c in (plain, tls) for _ in range(5)]
        for client, stream in streams:
            while not client.streams[stream].body:
                assert client.read_once()
        old = set(server.children())
        server.graceful()
        for client, stream in streams:
            assert client.finish(stream).body == b"s" * 20
        for client in (plain, tls):
            while not client.goaway and not client.closed:
                client.read_once()
            assert client.goaway is not None, "closed without GOAWAY"
    wait_until(lambda: not old & set(server.children()), 10, "the end of the old generation")


@pytest.mark.mpm_only("hybrid", "event", "worker")
@pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")
@cuts
def test_an_idle_h2_connection_is_told_to_go_and_no_request_is_lost(httpd):
    server = make(httpd)
    with H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) as client:
        assert client.get().status == 200
        restart_and_wait_for_the_old(server)
        # Either it has been told already, or a request is still answered.
        client.sock.settimeout(1)
        try:
            while not client.goaway and client.read_once():
                pass
        except TimeoutError:
            pass
        if not client.goaway:
            client.sock.settimeout(5)
            assert client.get().status == 200
        else:
            assert client.goaway.error_code == 0


@pytest.mark.mpm_gap("event", "worker", "prefork", reason="resets what is in the kernel's accept queue")
def test_graceful_stop_under_load_loses_nothing_that_was_begun(httpd):
    server = make(httpd)
    with Load(server.port, path="/test/sleep?ms=50", connections=30, per_connection=1) as load:
        wait_until(lambda: load.answered > 50, 10, "load")
        server.graceful_stop(wait=False)
        wait_until(lambda: refused(server.port), 5, "a closed port")
        load.stop()
    counts = load.counts
    assert not counts["wrong"] and not counts["lost"] and not counts["late"], load.details
    server.wait_stopped()


@pytest.mark.mpm_gap("event", "worker", "prefork", reason="cuts idle keep-alive connections")
@protocols
def test_graceful_stop_under_keep_alive_load_loses_nothing(httpd, protocol):
    """Who comes too late is refused; whatever was sent is answered."""
    server = make(httpd)
    with load_of(server, protocol, connections=30, pause=0.002) as load:
        wait_until(lambda: load.answered > 100, 10, "load")
        server.graceful_stop(wait=False)
        wait_until(lambda: load.counts["refused"] > 30, 10, "a closed port")
        load.stop()
    left = {k: v for k, v in load.failed.items() if k != "refused"}
    assert not left, load.details
    server.wait_stopped()


@pytest.mark.mpm_gap("event", "worker", "prefork", reason="cuts idle keep-alive connections")
def test_graceful_stop_answers_idle_connections_once_more(httpd):
    server = make(httpd)
    with Client(server.port) as client:
        client.get()
        server.graceful_stop(wait=False)
        wait_until(lambda: refused(server.port), 5, "a closed port")
        response = client.get()
        assert response.body == b"hello\n" and not response.keeps_alive
    server.wait_stopped(8)


def test_restarts_leak_no_descriptor_in_the_parent(httpd):
    server = make(httpd)
    for _ in range(3):
        server.graceful()

    def one_generation():
        return len(server.children()) == 2 if THREADED else len(server.lobbies()) == 1
    wait_until(one_generation, 10, "one generation")
    before = len(procs.fds(server.pid))
    for _ in range(10):
        server.graceful()
    wait_until(one_generation, 10, "one generation")
    assert len(procs.fds(server.pid)) <= before


def test_the_error_log_is_reopened_by_a_restart(httpd):
    server = make(httpd)
    log = server.root / "logs" / "error.log"
    log.rename(log.with_suffix(".old"))
    server.k("graceful")
    wait_until(lambda: "resuming normal operations" in server.error_log(), 10, "a new error log")
    holds_for(server.answers, 0.2)
