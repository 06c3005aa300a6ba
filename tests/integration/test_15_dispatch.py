# SPDX-License-Identifier: Apache-2.0
"""Who polls, who accepts and who makes room: the tokens, the limits of one process beside another, and timed callbacks."""
import time
from pathlib import Path

import pytest

from clients import Client, request
from load import Load
from procs import accepted, holds_for, stopped, wait_until
from testmodules import build_debug, preload

pytestmark = [pytest.mark.mpm_only("hybrid"),
              pytest.mark.left_out("prefork", reason="a process is one connection")]

TICKER_DELAY_US = 3000


def pollers(pid):
    """Threads that wait in epoll_wait: each holds a token."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += (task / "wchan").read_text() in ("ep_poll", "do_epoll_wait")
        except OSError:
            continue
    return found


def test_a_token_is_taken_only_from_its_holder_even_when_the_ticker_is_late(httpd):
    # Requests that are known to block give their token away by themselves; of the other kind some do, and lose it to the ticker.
    server = httpd(modules=["test_handlers"], build=build_debug(), env=preload("ticker", MPM_TEST_TICKER_DELAY=str(TICKER_DELAY_US)),
                   mpm_conf={"ServerLimit": 1, "ThreadsPerChild": 20, "MaxRequestWorkers": 20, "MinSpareThreads": 20},
                   conf="MPMConcurrency 2\n"
                        "<Location /test/mixed/>\nSetHandler test-handlers-of-both-kinds\n</Location>\n")
    child, = server.children()
    with Load(server.port, path="/test/sleep?ms=1", connections=20, length=5, deadline=2.0) as blocking, \
            Load(server.port, path="/test/mixed/sleep?ms=3", connections=2, length=5, deadline=2.0) as sleeping, \
            Load(server.port, path="/test/mixed/body", connections=8, deadline=2.0) as short:
        wait_until(lambda: blocking.answered > 10000 and sleeping.answered > 1000 and short.answered > 10000, 30, "load")
    for load in blocking, sleeping, short:
        assert not any(load.counts[kind] for kind in load.failures), (load.counts, load.details)
    wait_until(lambda: pollers(child) == 2, 3, "two threads that poll")
    assert server.children() == [child]
    assert "must hold" not in server.error_log()


# ---- limits of one process beside another ------------------------------------------------------------------------

HALF_HEAD = b"GET /hello.txt HTTP/1.1\r\nHost: test.localhost\r\n"
TWO_PROCESSES = {"StartServers": 2, "ServerLimit": 2, "ThreadLimit": 8, "ThreadsPerChild": 8, "MaxRequestWorkers": 16,
                 "MinSpareThreads": 16, "MaxSpareThreads": 16}


def process_figures(server, name):
    return [p[name] for p in server.mpm_status()["processes"] if p["state"] == "ready"]


def in_state(server, *kinds):
    return sum(p["connections_by_state"][kind] for p in server.mpm_status()["processes"] for kind in kinds)


def half_head(server):
    client = Client(server.port, timeout=10)
    client.send(HALF_HEAD)
    return client


def finish(client):
    client.send(b"\r\n")
    assert client.response().body == b"hello\n"
    client.close()


@pytest.mark.left_out("worker", reason="AsyncRequestWorkerFactor has no effect there")
def test_async_request_worker_factor_stops_accepting_and_drops_nobody(httpd):
    server = httpd(modules=["test_handlers"], mpm_conf={"ServerLimit": 1, "MaxRequestWorkers": 10, "AsyncRequestWorkerFactor": 2})
    heads = [half_head(server) for _ in range(15)]
    wait_until(lambda: in_state(server, "head") == 15, 5, "15 clients in mid-head")
    slow = [Client(server.port, timeout=10) for _ in range(9)]
    for client in slow:
        client.send(request("/test/sleep?ms=700"))
    for client in slow:
        assert client.response().body == b"slept"
        client.close()
    for client in heads:
        finish(client)
    assert process_figures(server, "shed") == [0]


@pytest.mark.left_out("worker", reason="a process accepts no more connections than it has workers")
def test_no_head_is_dropped_while_another_process_has_room(httpd):
    server = httpd(mpm_conf=TWO_PROCESSES, conf="MPMMaxConnections 10\n")
    wait_until(lambda: len(process_figures(server, "shed")) == 2, 5, "two children that serve")
    resting = server.children()[1]
    with stopped([resting]):            # for less than the 3 s after which it is not counted on
        heads = [half_head(server) for _ in range(10)]
        wait_until(lambda: accepted(server.port, *(client.sock for client in heads)), 5, "one process at its limit")
        one_more = half_head(server)
        holds_for(lambda: not accepted(server.port, one_more.sock), 0.3, "the connection waits for the other process")
    heads += [one_more, *(half_head(server) for _ in range(7))]
    for client in heads:
        finish(client)
    assert process_figures(server, "shed") == [0, 0]


def test_a_process_at_its_limit_lets_the_others_know_at_once(httpd):
    """The one that is not told looks once a second by itself: without, this takes four seconds."""
    server = httpd(mpm_conf=TWO_PROCESSES, conf="MPMMaxConnections 8\nKeepAliveTimeout 30\n")
    wait_until(lambda: len(process_figures(server, "shed")) == 2, 5, "two children that serve")
    waited = 0
    for _ in range(6):
        clients = []
        for _ in range(16):
            begun = time.monotonic()
            clients.append(Client(server.port, timeout=10))
            assert clients[-1].get().body == b"hello\n"
            waited += time.monotonic() - begun
        for client in clients:
            client.close()
    assert waited < 2.5


@pytest.mark.left_out("event", reason="a connection keeps no worker")
def test_heads_on_their_way_take_no_worker_from_those_that_could_have_it(httpd):
    server = httpd(mpm_conf=TWO_PROCESSES, conf="KeepAliveTimeout 30\n")
    wait_until(lambda: len(process_figures(server, "shed")) == 2, 5, "two children that serve")
    heads = [half_head(server) for _ in range(6)]
    wait_until(lambda: in_state(server, "head") == 6, 5, "six heads")
    begun = time.monotonic()
    clients = [Client(server.port, timeout=10) for _ in range(15)]      # and the one that asks for the status
    for client in clients:
        client.send(request())
    for client in clients:
        assert client.response().body == b"hello\n"
    assert time.monotonic() - begun < 3
    for client in clients:
        client.close()
    for client in heads:
        finish(client)


# ---- the memory of requests that are not whole --------------------------------------------------------------------

def huge_head(port, fields, tls=None):
    """A head without an end, of fields of 8 KB."""
    client = Client(port, tls=tls, timeout=10)
    client.send(HALF_HEAD + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 8100) for i in range(fields)))
    return client


def head_bytes(server):
    return sum(p["head_bytes"] for p in server.mpm_status()["processes"])


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_unfinished_heads_are_held_within_mpmheadmemory_and_the_largest_go_first(httpd, tls):
    server = httpd(tls=tls, mpm_conf={"ServerLimit": 1, "MaxRequestWorkers": 10}, conf="MPMHeadMemory 4M\n")
    port, context = (server.tls_port, server.tls_client()) if tls else (server.port, None)
    small = [huge_head(port, 2, context) for _ in range(5)]
    wait_until(lambda: head_bytes(server) > 5 * 16000, 5, "the small ones")
    large = [huge_head(port, 80, context) for _ in range(12)]
    wait_until(lambda: process_figures(server, "shed")[0] >= 6 and 3 << 20 < head_bytes(server) <= 4 << 20, 5, "the budget kept")
    wait_until(lambda: sum(client.closed_within(0.05) for client in large) == process_figures(server, "shed")[0] <= 8, 10,
               "those that were counted closed, and no other")
    server.wait_log("MPMHeadMemory")
    for client in small:
        finish(client)
    for client in large:
        client.close()
    wait_until(lambda: head_bytes(server) == 0, 5, "nothing held")


def test_a_collected_body_counts_for_mpmheadmemory(httpd):
    server = httpd(mpm_conf={"ServerLimit": 1, "MaxRequestWorkers": 10}, conf="MPMHeadMemory 200K\n")
    clients = []
    for _ in range(5):
        clients.append(Client(server.port, timeout=10))
        clients[-1].send(request("/hello.txt", method="POST", headers=["Content-Length: 60000"]) + b"b" * 50000)
    wait_until(lambda: process_figures(server, "shed") == [1], 5, "one dropped")
    assert head_bytes(server) <= 200 << 10
    for client in clients:
        client.close()


def test_no_limit_on_the_memory_of_heads(httpd):
    server = httpd(mpm_conf={"ServerLimit": 1, "MaxRequestWorkers": 10}, conf="MPMHeadMemory 0\n")
    clients = [huge_head(server.port, 80) for _ in range(8)]
    wait_until(lambda: head_bytes(server) > 8 * 80 * 8000, 5, "all held")
    assert process_figures(server, "shed") == [0]
    assert server.mpm_status()["limits"]["head_memory_bytes"] == 0
    for client in clients:
        client.close()
