# SPDX-License-Identifier: Apache-2.0
"""Children that crash, are killed, or have served their number, all under load: who loses what, and what stays behind.

The load client accounts for every request (load.py). What ran in a killed process is lost, and nothing else is.
"""
import re
import signal

import pytest

import procs
from clients import Client, request
from h2load import H2Load
from httpd import ASYNC, MPM, THREADED
from load import Load
from procs import holds_for, wait_until

MODULES = ["test_handlers", "test_scoreboard"]
NO_H2_IN_PREFORK = [pytest.mark.mpm_only("hybrid", "event", "worker"),
                    pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")]
TWO_PROCESSES = {"StartServers": 2, "ServerLimit": 4, "ThreadsPerChild": 10, "MinSpareThreads": 15,
                 "MaxSpareThreads": 40, "MaxRequestWorkers": 40, "MinSpareServers": 10, "MaxSpareServers": 20}


# ---- kill -9 and SIGSEGV ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE])
def test_a_child_killed_by_a_signal_is_replaced_and_named(httpd, sig):
    server = httpd(modules=MODULES)
    victim = server.children()[0]
    named = rf"child pid {victim} exit signal [A-Z][a-z ]+\({int(sig)}\)"
    server.expect_log(named)
    procs.kill(victim, sig)
    wait_until(lambda: server.children() and victim not in server.children(), 5, "another child")
    wait_until(server.answers, 5, "an answer")
    if sig != signal.SIGKILL:       # httpd's own report leaves out the signals that an administrator sends
        server.wait_log(named)
    wait_until(lambda: not server.zombies(), 5, "no child that is dead and not reaped")


@pytest.mark.mpm_gap("event", "worker", "prefork", reason="say nothing of what a child's workers were doing")
def test_an_idle_child_that_is_killed_leaves_no_empty_list_of_what_it_did(httpd):
    server = httpd(modules=MODULES)
    victim = server.children()[0]
    procs.kill(victim)
    server.wait_log(f"child pid {victim} died of signal 9; none of its workers was busy")
    assert "were doing:" not in server.error_log()


@pytest.mark.mpm_gap("event", reason="cuts keep-alive connections of the children that are left busy")
def test_kill_9_of_a_child_under_load_loses_only_what_it_ran(httpd):
    server = httpd(modules=MODULES, mpm_conf=TWO_PROCESSES)
    server.expect_log("exit signal Killed")
    with Load(server.port, connections=20) as load:
        for _ in range(5):
            wait_until(lambda: load.answered > 200, 10, "load")
            before = load.answered
            victim = max(server.children())
            procs.kill(victim)
            wait_until(lambda: victim not in server.children(), 5, "the end of the child")
            wait_until(lambda: load.answered > before + 500, 10, "service to go on")
            wait_until(lambda: len(server.children()) >= 2, 5, "two children again")
    counts = load.counts
    assert not counts["wrong"] and not counts["refused"] and not counts["late"], load.details
    # Five kills; each can take the requests of at most the 20 connections with it.
    assert counts["lost"] + counts["retryable"] <= 5 * 20, load.details
    wait_until(lambda: not server.zombies(), 5, "no child that is dead and not reaped")


def test_connections_of_other_children_do_not_notice_a_crash(httpd):
    server = httpd(modules=MODULES, mpm_conf=TWO_PROCESSES)
    wait_until(lambda: len(server.children()) >= 2, 5, "two children")
    clients = [Client(server.port) for _ in range(30)]
    where = [int(re.search(rb"pid=(\d+)", c.get("/test/info").body).group(1)) for c in clients]
    victim = where[0]
    server.expect_log(rf"child pid {victim} exit signal")
    procs.kill(victim, signal.SIGSEGV)
    wait_until(lambda: victim not in server.children(), 5, "the end of the child")
    for client, pid in zip(clients, where):
        if pid != victim:
            assert client.get().body == b"hello\n"
        client.close()


@pytest.mark.mpm_gap("event", reason="cuts keep-alive connections of the children that are left busy")
@pytest.mark.parametrize("path,said", [("/test/crash", "Segmentation fault"), ("/test/kill", None)])
def test_a_handler_that_crashes_under_load_takes_only_its_process_along(httpd, path, said):
    server = httpd(modules=MODULES, mpm_conf=TWO_PROCESSES)
    server.expect_log("exit signal")
    crashes = 4
    with Load(server.port, connections=20) as load:
        for _ in range(crashes):
            before = load.answered
            with Client(server.port) as client:
                client.send(request(path))
                assert wait_until(lambda: client.closed_within(1), 5, "the crash")
            wait_until(lambda: load.answered > before + 300, 10, "service to go on")
    assert not load.counts["wrong"] and not load.counts["refused"] and not load.counts["late"], load.details
    assert load.counts["lost"] + load.counts["retryable"] <= crashes * 20, load.details
    if said:
        wait_until(lambda: len(re.findall(f"exit signal {said}", server.error_log())) == crashes, 5, "the last of the log")
    wait_until(lambda: server.scoreboard().busy == 0, 5, "no worker left busy in the scoreboard")


def test_a_crash_leaves_no_slot_taken(httpd):
    """As many crashes as there are slots in the scoreboard, and then some."""
    server = httpd(modules=MODULES, mpm_conf={"ServerLimit": 2, "MaxRequestWorkers": 20})
    server.expect_log("exit signal Segmentation fault")
    for n in range(6):
        with Client(server.port) as client:
            client.send(request("/test/crash"))
            wait_until(lambda: client.closed_within(1), 5, "the crash")
        wait_until(server.answers, 6, f"an answer after crash {n + 1}")
    wait_until(lambda: {p["pid"] for p in server.scoreboard().processes} == set(server.children()), 5,
               "scoreboard and /proc agree")


def test_a_stopped_child_does_not_keep_the_others_from_serving(httpd):
    """SIGSTOP: a child that hangs as a whole, with its listening sockets."""
    server = httpd(modules=MODULES, mpm_conf=TWO_PROCESSES)
    wait_until(lambda: len(server.children()) >= 2, 5, "two children")
    victim = server.children()[0]
    with procs.stopped([victim]):
        for _ in range(20):
            with Client(server.port, timeout=3) as client:
                assert client.get().body == b"hello\n"
    assert server.answers()


# ---- MaxConnectionsPerChild ------------------------------------------------------------------------------------

@pytest.mark.mpm_gap("event", "worker", "prefork", reason="cuts keep-alive connections when a child goes")
@pytest.mark.parametrize("protocol", [
    "http", "https", pytest.param("h2", marks=NO_H2_IN_PREFORK)])
def test_children_are_replaced_after_their_number_of_connections_under_load(httpd, protocol):
    server = httpd(modules=[*MODULES, "http2"], tls=True, tls_conf="Protocols h2 http/1.1",
                   mpm_conf={**TWO_PROCESSES, "MaxConnectionsPerChild": 100})
    seen = set(server.children())
    options = {"connections": 20, "per_connection": 5}
    with {"http": lambda: Load(server.port, **options),
          "https": lambda: Load(server.tls_port, tls=server.tls_client(), **options),
          "h2": lambda: H2Load(server.tls_port, tls=server.tls_client(alpn=["h2"]), **options)}[protocol]() as load:
        def turned_over():
            seen.update(server.children())
            return load.answered > 1500 and len(seen) >= 5
        wait_until(turned_over, 30, "1500 requests and several generations of children")
    assert not load.failed, load.details
    wait_until(lambda: not server.zombies(), 5, "no child that is dead and not reaped")
    limit = 4 if THREADED else TWO_PROCESSES["MaxRequestWorkers"]
    wait_until(lambda: len(server.children()) <= limit, 10, "no more children than the limit")


def test_a_long_request_survives_the_end_of_its_childs_number(httpd):
    server = httpd(modules=MODULES, mpm_conf={"StartServers": 1, "ServerLimit": 3, "MaxConnectionsPerChild": 10})
    with Client(server.port) as slow:
        slow.send(request("/test/sleep?ms=1500"))
        for _ in range(30):
            assert server.get("/hello.txt") == b"hello\n"
        assert slow.response().body == b"slept"


# ---- all workers taken --------------------------------------------------------------------------------------------

def test_requests_wait_when_every_worker_is_taken_and_are_served_after(httpd):
    server = httpd(modules=MODULES, mpm_conf={"ServerLimit": 1, "ThreadsPerChild": 5, "MaxRequestWorkers": 5,
                                              "MinSpareThreads": 1})
    busy = [Client(server.port) for _ in range(5)]
    for client in busy:
        client.send(request("/test/sleep?ms=1000", headers=["Connection: close"]))
    wait_until(lambda: sum(procs.accepted(server.port, c.sock) for c in busy) == 5, 3, "five requests under way")
    waiting = [Client(server.port) for _ in range(20)]
    for client in waiting:
        client.send(request("/hello.txt", headers=["Connection: close"]))
    for client in waiting:
        assert client.response().body == b"hello\n"
        client.close()
    for client in busy:
        assert client.response().body == b"slept"
        client.close()


def test_reaching_max_request_workers_is_logged(httpd):
    server = httpd(modules=MODULES, mpm_conf={"ServerLimit": 2, "ThreadsPerChild": 5, "MaxRequestWorkers": 10,
                                              "MinSpareThreads": 1})
    clients = [Client(server.port, timeout=15) for _ in range(14)]
    for client in clients:
        client.send(request("/test/sleep?ms=2500"))
    server.wait_log("MaxRequestWorkers", 8)
    for client in clients:
        assert client.response().body == b"slept"
        client.close()


def test_more_processes_are_started_under_load_and_leave_when_idle(httpd):
    server = httpd(modules=MODULES, mpm_conf={"StartServers": 1, "ServerLimit": 4, "ThreadsPerChild": 10,
                                              "MinSpareThreads": 5, "MaxSpareThreads": 15, "MinSpareServers": 1,
                                              "MaxSpareServers": 15, "MaxRequestWorkers": 40})
    clients = [Client(server.port, timeout=30) for _ in range(35)]
    for client in clients:      # a stock prefork doubles its processes once a second
        client.send(request(f"/test/sleep?ms={7000 if MPM == 'prefork' else 3000}"))
    enough = 4 if THREADED else 35
    wait_until(lambda: len(server.children()) >= enough, 10, f"{enough} processes")
    for client in clients:
        assert client.response().body == b"slept"
        client.close()
    wait_until(lambda: len(server.children()) < enough, 30, "a spare process to leave")
    assert server.get("/hello.txt") == b"hello\n"


MANY_SPARE = {"StartServers": 4, "ServerLimit": 4, "ThreadsPerChild": 10, "MinSpareThreads": 5, "MaxSpareThreads": 15,
              "MaxRequestWorkers": 40} if THREADED else \
             {"StartServers": 30, "MinSpareServers": 5, "MaxSpareServers": 10, "MaxRequestWorkers": 40}


@pytest.mark.slow
def test_spare_processes_leave_until_the_limit_is_kept(httpd):
    server = httpd(modules=MODULES, mpm_conf=MANY_SPARE)
    least, most = (1, 2) if THREADED else (5, 11)
    wait_until(lambda: len(server.children()) <= most, 60, "the spare processes to leave")
    holds_for(lambda: least <= len(server.children()) <= most and server.answers(), 15, "a quiet number of processes")


@pytest.mark.mpm_only("hybrid")
def test_processes_are_started_at_once_when_every_worker_is_taken(httpd):
    """Not one a second: the parent is woken, and starts as many as the demand needs."""
    server = httpd(modules=MODULES, mpm_conf={"StartServers": 1, "ServerLimit": 8, "ThreadsPerChild": 5,
                                              "MinSpareThreads": 1, "MaxSpareThreads": 40, "MinSpareServers": 1,
                                              "MaxSpareServers": 40, "MaxRequestWorkers": 40})
    clients = [Client(server.port, timeout=20) for _ in range(38)]
    for client in clients:
        client.send(request("/test/sleep?ms=1200"))
    late = Client(server.port, timeout=20)
    late.send(request("/hello.txt"))
    assert late.response().body == b"hello\n"
    enough = 8 if THREADED else 39
    wait_until(lambda: len(server.children()) >= enough, 1.5, f"{enough} processes")
    for client in [*clients, late]:
        client.close()


def test_shrinking_after_a_load_loses_no_request(httpd):
    server = httpd(modules=MODULES, mpm_conf=MANY_SPARE)
    with Load(server.port, connections=8, pause=0.01, per_connection=50) as load:
        wait_until(lambda: len(server.children()) < MANY_SPARE["StartServers"], 30, "a spare process to leave")
        left = load.answered
        wait_until(lambda: load.answered > left + 500, 20, "the others to serve on")
    assert not (load.counts["lost"] or load.counts["wrong"] or load.counts["late"]), load.details
    if MPM == "hybrid":
        assert not load.failed, load.details


# ---- nothing is used up ------------------------------------------------------------------------------------------

def test_no_descriptor_is_left_after_many_connections(httpd):
    steady = {} if THREADED else {"StartServers": 5, "MinSpareServers": 5, "MaxSpareServers": 6, "MaxRequestWorkers": 5}
    server = httpd(modules=[*MODULES, "cgid", "http2"], tls=True, tls_conf="Protocols h2 http/1.1", mpm_conf=steady)
    server.cgi("hello", "#!/bin/sh\necho Content-Type: text/plain\necho\necho hello\n")

    def work():
        for n in range(150):
            with Client(server.port) as client:
                client.get()
            with Client(server.port) as client:
                client.send("GET /hel")
            Client(server.port).reset()
            if n % 10 == 0:
                with Client(server.tls_port, tls=server.tls_client()) as client:
                    client.get()
                with Client(server.tls_port) as client:
                    client.send(b"\x16\x03\x01")
                assert server.get("/cgi/hello") == b"hello\n"

    work()      # lets every thread and cache come into being
    wait_until(lambda: server.scoreboard().busy == 0, 10, "quiet")
    before = {pid: len(procs.fds(pid)) for pid in [server.pid, *server.children()]}
    work()
    for pid, count in before.items():
        wait_until(lambda: len(procs.fds(pid)) <= count + 1, 10, f"as many descriptors in {pid} as before")
    assert set(before) == {server.pid, *server.children()}


def test_an_idle_server_uses_no_cpu(httpd):
    server = httpd(modules=MODULES, tls=True, conf="KeepAliveTimeout 30\nAcceptFilter http none", mpm_conf=TWO_PROCESSES)
    clients = [Client(server.port) for _ in range(20)]
    for client in clients[:10]:
        if ASYNC:
            client.get()
    wait_until(lambda: server.children(), 5, "children")
    everyone = [server.pid, *server.children()]
    before = sum(procs.cpu_seconds(p) for p in everyone)
    holds_for(lambda: True, 2)
    used = sum(procs.cpu_seconds(p) for p in everyone) - before
    assert used <= 0.05, f"{used} s of CPU in 2 s of idleness"
    for client in clients:
        client.close()


def test_a_server_with_a_busy_handler_uses_no_cpu_beside_it(httpd):
    """The watch over a handler that blocks must not be a busy loop."""
    server = httpd(modules=MODULES)
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=2500"))
        wait_until(lambda: server.scoreboard().busy == 1, 3, "the request")
        everyone = [server.pid, *server.children()]
        before = sum(procs.cpu_seconds(p) for p in everyone)
        holds_for(lambda: True, 2)
        used = sum(procs.cpu_seconds(p) for p in everyone) - before
        assert used <= 0.1, f"{used} s of CPU in 2 s in which one handler slept"
        client.response()


def test_a_handler_that_spins_does_not_delay_other_requests(httpd):
    server = httpd(modules=MODULES, mpm_conf={"ServerLimit": 1, "MaxRequestWorkers": 10})
    with Client(server.port) as spinning, Client(server.port) as other:
        spinning.send(request("/test/spin?ms=1500"))
        for _ in range(20):
            assert other.get().body == b"hello\n"
            with Client(server.port, timeout=2) as fresh:
                assert fresh.get().body == b"hello\n"
        assert spinning.response().body == b"spun"


def test_the_numbers_of_processes_and_threads_stay_within_the_limits(httpd):
    server = httpd(modules=MODULES, mpm_conf={"ServerLimit": 2, "ThreadsPerChild": 10, "MaxRequestWorkers": 20})
    # workers, the main thread, and event's listener
    processes, threads = (2, 10 + 2) if THREADED else (20, 1)
    with Load(server.port, path="/test/sleep?ms=50", connections=60) as load:
        wait_until(lambda: load.answered > 300, 20, "a load")
        assert all(len(procs.threads(p)) <= threads for p in server.children())
        assert len(server.children()) <= processes
    assert not (load.counts["lost"] or load.counts["wrong"]), load.details
