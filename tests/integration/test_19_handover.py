# SPDX-License-Identifier: Apache-2.0
"""A graceful restart where modules have daemons: what lives in the configuration pool dies when the restart begins.

Old children begin nothing then; what has come waits until the new generation is there, and goes to it.
"""
import contextlib
import errno
import os
import re
import signal
import threading
import time

import pytest

import procs
from backends import Backend, HttpOrigin, WebSocketEcho, frame
from clients import Client, SlowReader, request
from faults import Faults
from h2client import H2
from h2load import H2Load
from httpd import ASYNC, MPM, THREADED
from load import Load
from procs import holds_for, wait_until

MODULES = ["test_daemon", "test_handlers", "test_scoreboard"]
POOL = {"StartServers": 2, "ServerLimit": 4, "ThreadLimit": 25, "ThreadsPerChild": 25, "MinSpareThreads": 10,
        "MaxSpareThreads": 75, "MaxRequestWorkers": 100, "MinSpareServers": 10, "MaxSpareServers": 60}
CONF = """
MaxKeepAliveRequests 0
TestDaemon sockets 100
<Location /test-daemon>
SetHandler test-daemon
</Location>
"""
RESTARTS = 40 if os.environ.get("SLOW") else 6
stock_fails = pytest.mark.mpm_gap("event", "worker", "prefork", reason="cuts idle connections, and kills what runs")


def make(httpd, conf="", modules=(), **options):
    server = httpd(start=False, modules=[*MODULES, *modules], conf=CONF + conf, mpm_conf=POOL,
                   log_level="info mpm_hybrid:debug" if MPM == "hybrid" else "info", **options)
    server.writable_dir("sockets")
    return server.start()


def restart_again_and_again(server, load, times=RESTARTS):
    for n in range(times):
        before = load.answered
        server.graceful()
        wait_until(lambda: load.answered > before + 20, 10, f"service after restart {n + 1}")


@stock_fails
@pytest.mark.parametrize("path", ["/test-daemon", "/test-daemon?ms=50"])
def test_restarts_fail_no_request_to_a_daemon(httpd, path):
    server = make(httpd)
    with Load(server.port, path=path, connections=8, pause=0.001, deadline=30) as load:
        restart_again_and_again(server, load)
    assert not load.failed, load.details
    assert load.answered > 100


@stock_fails
def test_a_request_that_runs_is_waited_for(httpd):
    """Its daemon lives until it has answered."""
    server = make(httpd)
    with Client(server.port) as client:
        client.send(request("/test-daemon?ms=700"))
        wait_until(lambda: server.scoreboard().busy >= 1, 3, "the request")
        server.graceful()
        assert client.response().status == 200


def lines_of(server):
    return sum(path.read_bytes().count(b"piped ") for path in server.root.glob("logs/piped*"))


@stock_fails
def test_restarts_lose_no_line_of_a_piped_log(httpd):
    server = make(httpd, conf='CustomLog "|/usr/bin/rotatelogs logs/piped 86400" "piped %r"\n')
    with Load(server.port, connections=8) as load:
        restart_again_and_again(server, load)
    assert not load.failed, load.details
    # /hello.txt: the harness asks whether the server answers
    wanted = (server.root / "logs/access.log").read_bytes().count(b"\n")
    wait_until(lambda: lines_of(server) >= wanted, 5, "the last lines")
    assert lines_of(server) == wanted >= load.answered


def old_children_go(server, old):
    wait_until(lambda: not old & set(server.children()), 4, "the end of the old generation")


SENT_BEFORE = {
    "silent": b"",
    "half a head": b"GET /test-daemon HTTP/1.1\r\nHo",
    "half a body": b"POST /test-daemon HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
}


@stock_fails
@pytest.mark.parametrize("begun", SENT_BEFORE)
def test_a_request_that_has_not_begun_goes_to_the_new_generation(httpd, begun):
    """With the bytes that were read; its old process need not wait for it."""
    server = make(httpd)
    whole = SENT_BEFORE["half a body"] + b"67890" if begun == "half a body" else request("/test-daemon")
    if begun == "half a head":
        whole = SENT_BEFORE[begun] + b"st: a\r\n\r\n"
    clients = [Client(server.port) for _ in range(5)]
    for client in clients:
        client.send(SENT_BEFORE[begun])
        if SENT_BEFORE[begun]:
            wait_until(lambda sock=client.sock: procs.accepted(server.port, sock), 5, "the connection accepted")
    old = set(server.children())
    server.graceful()
    old_children_go(server, old)
    for client in clients:
        response = client.send(whole[len(SENT_BEFORE[begun]):]).response()
        assert response.status == 200 and response.body == b"from the daemon\n" and response.keeps_alive
        assert client.get().keeps_alive
        client.close()


@stock_fails
def test_an_idle_connection_goes_to_the_new_generation(httpd):
    """It is kept for the rest of its keep-alive time, and %k goes on."""
    server = make(httpd, conf="KeepAliveTimeout 4\n")
    with Client(server.port) as client:
        for _ in range(3):
            assert client.get().keeps_alive
        old = set(server.children())
        server.graceful()
        if ASYNC:
            old_children_go(server, old)
        response = client.get("/test-daemon?last")
        assert response.status == 200 and response.keeps_alive
        old_children_go(server, old)
        assert client.closed_after(8) is not None
    # closed where its worker waits for it
    wait_until(lambda: "/test-daemon?last" in (server.root / "logs/access.log").read_text(), 3, "the log line")
    line = next(entry for entry in (server.root / "logs/access.log").read_text().splitlines() if "?last" in entry)
    assert line.split()[-1] == "3", line


@stock_fails
def test_pipelined_requests_are_answered_across_a_restart(httpd):
    server = make(httpd)
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=400") + request("/test-daemon") + request("/hello.txt"))
        wait_until(lambda: server.scoreboard().busy >= 1, 3, "the request")
        server.graceful()
        assert client.response().body == b"slept"
        if ASYNC:
            assert client.response().body == b"from the daemon\n"
        else:
            client.response()       # httpd's own loop has read it with the first
        assert client.response().body == b"hello\n"


@pytest.mark.mpm_only("hybrid")
def test_nobody_holds_where_nothing_dies(httpd):
    server = httpd(modules=["test_handlers"], log_level="info mpm_hybrid:debug")
    server.graceful()
    assert "old children hold" not in server.error_log()
    server.write_conf(conf="MPMRestartHold on 100\n")
    server.graceful()           # the old configuration decides
    assert "old children hold" not in server.error_log()
    server.graceful()
    assert "old children hold" in server.error_log()


@pytest.mark.mpm_only("hybrid")
@pytest.mark.parametrize("value", ["MPMRestartHold", "MPMRestartHold maybe", "MPMRestartHold on x", "MPMRestartHold on -1",
                                   "MPMRestartHold auto 60001", "MPMRestartHold auto 1 2"])
def test_a_wrong_value_is_refused(httpd, value):
    server = httpd(start=False)
    code, output = server.configtest(value)
    assert code != 0 and "MPMRestartHold" in output


@pytest.mark.mpm_only("hybrid")
def test_old_children_serve_on_while_no_new_one_can_be_started(httpd, tmp_path):
    faults = Faults(tmp_path)
    server = httpd(modules=["test_handlers"], conf="MPMRestartHold on\n", log_level="info mpm_hybrid:debug", **faults.options)
    server.expect_log("out of processes|cannot start")
    with Client(server.port) as idle:
        assert idle.get().keeps_alive
        if not THREADED:
            wait_until(lambda: len(server.children()) > 1, 5, "a process for another connection")
        with faults.active("fork", errno.EAGAIN):
            old = set(server.children())
            server.graceful(wait=False)
            server.wait_log("old children hold", timeout=5)
            assert idle.get().body == b"hello\n"
            assert server.get("/hello.txt", timeout=5) == b"hello\n"
            assert set(server.children()) == old
    wait_until(lambda: set(server.children()) - old, 10, "a new generation")
    assert server.get("/hello.txt") == b"hello\n"
    old_children_go(server, old)


@pytest.mark.mpm_only("hybrid")
@pytest.mark.parametrize("n", [1, 2])
def test_an_idle_tls_connection_is_closed_when_the_restart_begins(httpd, n):
    """It cannot be passed on, and what it asks for next may need what is gone."""
    server = make(httpd, tls=True)
    with Client(server.tls_port, tls=server.tls_client()) as client:
        for _ in range(n):
            assert client.get().keeps_alive
        server.graceful()
        assert client.closed_after(2) is not None


@pytest.mark.mpm_only("hybrid")
def test_a_tls_request_that_has_begun_is_answered_with_close(httpd):
    server = make(httpd, tls=True)
    with Client(server.tls_port, tls=server.tls_client()) as client:
        client.send(request("/test-daemon?ms=500"))
        wait_until(lambda: server.scoreboard().busy >= 1, 3, "the request")
        server.graceful()
        response = client.response()
        assert response.status == 200 and not response.keeps_alive


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")
def test_http2_streams_fail_by_no_restart(httpd):
    """Those the server has not begun it says so of, and they are sent again."""
    server = make(httpd, modules=["http2"], conf="Protocols h2c http/1.1\n")
    with H2Load(server.port, path="/test-daemon", connections=6, pause=0.001) as load:
        restart_again_and_again(server, load, 4)
    assert not load.failed, load.details


def hold(httpd, running_ms, **options):
    """A server in a hold, because a request runs; that request's client, and one that is idle."""
    server = httpd(modules=["test_handlers"], mpm_conf=POOL, log_level="info mpm_hybrid:debug", **options)
    idle, running = Client(server.port), Client(server.port, timeout=20)
    assert idle.get().keeps_alive
    running.send(request(f"/test/sleep?ms={running_ms}"))
    wait_until(lambda: server.mpm_status()["totals"]["workers_busy"] >= 2, 5, "the request")
    server.graceful(wait=False)
    server.wait_log("[Dd]oing (graceful )?restart")
    return server, idle, running


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")
def test_half_a_head_is_passed_on_whose_record_was_an_http2_connections(httpd):
    server = httpd(modules=["http2"], mpm_conf={**POOL, "StartServers": 1, "ServerLimit": 1}, conf="Protocols h2c http/1.1\nMPMRestartHold on\n")
    old, = server.children()
    with H2(server.port) as h2:
        assert h2.get().status == 200
        h2.ping()
    wait_until(lambda: server.mpm_status()["totals"]["connections"] == 1, 5, "the connection that asks alone")
    clients = [Client(server.port, timeout=20) for _ in range(3)]       # more than there were at once: one has its record
    for client in clients:
        client.send("GET /hello.txt HTTP/1.1\r\n")
    server.graceful()
    wait_until(lambda: old not in server.children(), 5, "the end of the old child, which has nothing left")
    for client in clients:
        with client:
            assert client.send("Host: localhost\r\n\r\n").response().body == b"hello\n"


@pytest.mark.mpm_only("hybrid")
def test_a_download_is_not_waited_for(httpd):
    """It needs its client, and no daemon."""
    server = httpd(mpm_conf=POOL, log_level="info mpm_hybrid:debug", conf="MPMRestartHold on 3000\n")
    server.sparse_file("20m", 20 << 20)
    with SlowReader(server.port, "/20m") as reader:
        reader.start()
        server.graceful()
        assert waited_ms(server) < 1500
        assert reader.finish() == 20 << 20


@pytest.mark.mpm_only("hybrid")
@pytest.mark.parametrize("log", ["", '"|/usr/bin/rotatelogs logs/piped 86400"'], ids=["file", "pipe"])
def test_a_proxied_request_is_waited_for_where_its_log_line_would_be_lost(httpd, log):
    """No restart ends what it asks."""
    with Backend(HttpOrigin) as backend:
        server = httpd(modules=["proxy", "proxy_http"], mpm_conf=POOL, log_level="info mpm_hybrid:debug",
                       conf=f'MPMRestartHold on 3000\nProxyPass "/b" "http://127.0.0.1:{backend.port}/"\n'
                            + (f'CustomLog {log} "piped %r"\n' if log else ""))
        with Client(server.port) as client:
            client.send(request("/b/slow?ms=1500"))
            run_since(server, time.monotonic(), 1, 0)
            server.graceful()
            waited = waited_ms(server)
            assert waited > 500 if log else waited < 1000
            assert b"origin" in client.response().body
        if log:
            assert any("/b/slow" in path.read_text() for path in server.root.glob("logs/piped*"))


@pytest.mark.mpm_only("hybrid")
def test_a_file_that_includes_a_request_is_waited_for(httpd):
    """What is included may need a daemon."""
    server = httpd(modules=["test_handlers", "include"], mpm_conf=POOL, log_level="info mpm_hybrid:debug",
                   conf="MPMRestartHold on 3000\n<Directory ${ROOT}/htdocs>\nOptions +Includes\nAddOutputFilter INCLUDES .shtml\n"
                        "</Directory>\n")
    (server.root / "htdocs/page.shtml").write_text('<!--#include virtual="/test/sleep?ms=900" -->')
    with Client(server.port) as client:
        client.send(request("/page.shtml"))
        run_since(server, time.monotonic(), 1, 0)
        server.graceful()
        assert waited_ms(server) > 300
        assert client.response().body == b"slept"


def waited_ms(server):
    return int(server.wait_log(r"old children hold: waited (\d+) ms", timeout=10)[1])


def run_since(server, begun, requests, seconds):
    """Until so many requests run beside the one that asks, the first of which began so long ago."""
    wait_until(lambda: server.mpm_status()["totals"]["requests_in_flight"] > requests, 5, "the requests")
    wait_until(lambda: time.monotonic() - begun > seconds, seconds + 1, "its age")


@pytest.mark.mpm_only("hybrid")
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a short one"])
def test_a_request_that_has_run_for_as_long_as_a_restart_waits_is_not_waited_for(httpd, beside):
    """It goes on; one that takes less in all is waited for, also on a connection that is older than that."""
    server = httpd(modules=["test_handlers"], mpm_conf=POOL, log_level="info mpm_hybrid:debug", conf="MPMRestartHold on 1000\n")
    with Client(server.port, timeout=20) as long, Client(server.port) as short:
        assert short.get().keeps_alive
        begun = time.monotonic()
        long.send(request("/test/sleep?ms=2300"))
        run_since(server, begun, 1, 1.1)
        if beside:
            short.send(request("/test/sleep?ms=500"))
            run_since(server, begun, 2, 1.1)
        server.graceful()
        waited = waited_ms(server)
        assert 150 < waited < 900 if beside else waited < 150
        if beside:
            assert short.response().body == b"slept"
        assert long.response().body == b"slept"


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a short one"])
def test_an_http2_stream_has_an_age_of_its_own(httpd, beside):
    server = httpd(modules=["test_handlers", "http2"], mpm_conf=POOL, log_level="info mpm_hybrid:debug",
                   conf="Protocols h2c http/1.1\nMPMRestartHold on 1000\n")
    with H2(server.port, timeout=20) as client:
        begun = time.monotonic()
        long = client.request("/test/sleep?ms=2300")
        run_since(server, begun, 1, 1.1)
        if beside:
            short = client.request("/test/sleep?ms=500")
            run_since(server, begun, 2, 1.1)
        server.graceful()
        waited = waited_ms(server)
        assert 150 < waited < 900 if beside else waited < 150
        if beside:
            assert client.finish(short).body == b"slept"
        assert client.finish(long).body == b"slept"


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")
def test_an_http2_stream_is_as_old_as_its_request_before_an_internal_redirect(httpd):
    server = httpd(modules=["test_handlers", "http2", "cgi"], mpm_conf=POOL, log_level="info mpm_hybrid:debug",
                   conf="Protocols h2c http/1.1\nMPMRestartHold on 1000\nScriptAlias /cgi/ ${ROOT}/cgi-bin/\n"
                        "<Directory ${ROOT}/cgi-bin>\nRequire all granted\n</Directory>\n")
    server.cgi("away", "#!/bin/sh\nsleep 1.2\nprintf 'Location: /test/sleep?ms=1500\\n\\n'\n")
    with H2(server.port, timeout=20) as client:
        begun = time.monotonic()
        stream = client.request("/cgi/away")
        run_since(server, begun, 1, 1.5)
        server.graceful()
        assert waited_ms(server) < 150
        assert client.finish(stream).body == b"slept"


@pytest.mark.mpm_only("hybrid")
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGWINCH, signal.SIGHUP])
def test_a_signal_during_a_hold_is_heard(httpd, sig):
    """httpd forgets those that it finds noted when the run ends; and a hard restart leaves no child behind."""
    server, idle, running = hold(httpd, 1500, conf="MPMRestartHold on 9000\nGracefulShutdownTimeout 3\n")
    parent, old = server.pid, set(server.children())
    idle.send(request())
    before = time.monotonic()
    server.signal(sig)
    if sig == signal.SIGHUP:
        server.wait_log("SIGHUP received", timeout=2)
        wait_until(lambda: not old & set(server.children()) and server.answers(), 8, "another generation")
        assert server.pid == parent
    else:
        wait_until(lambda: not procs.alive(parent), 8, "the end of the server")
    assert time.monotonic() - before < 8
    assert server.error_log().count("still did not exit") <= 1      # prefork: the handler sleeps through signals
    if sig == signal.SIGWINCH:
        assert running.response().body == b"slept"
        assert idle.response().status == 200
    idle.close()
    running.close()


@pytest.mark.mpm_only("hybrid")
def test_an_idle_connection_is_the_first_of_its_new_process(httpd):
    """Nothing of a wait before is there, from which its time could be counted."""
    server, idle, running = hold(httpd, 500, conf="MPMRestartHold on 9000\n")
    idle.send(request())
    assert idle.response().keeps_alive
    assert running.response().body == b"slept"
    assert not idle.closed_within(1)
    assert idle.get().keeps_alive
    idle.close()
    running.close()


@pytest.mark.mpm_only("hybrid")
def test_a_graceful_stop_after_a_restart_leaves_no_connection_with_nobody(httpd):
    """Old children still run requests, and would pass their connections on to a generation that takes none any more."""
    server = httpd(modules=["test_handlers"], mpm_conf=POOL, conf="MPMRestartHold on 0\n")
    first, last = Client(server.port, timeout=3), Client(server.port)
    assert first.get().keeps_alive
    first.send(request("/test/sleep?ms=1200"))
    last.send(request("/test/sleep?ms=3000"))
    wait_until(lambda: server.mpm_status()["totals"]["workers_busy"] >= 3, 5, "both requests")
    server.graceful()
    server.graceful_stop(wait=False)
    server.wait_log("shutting down gracefully")
    response = first.response()
    assert response.body == b"slept"
    if response.keeps_alive:
        assert first.get().body == b"hello\n"
    assert last.response().body == b"slept"
    first.close()
    last.close()


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="the fault would fill the queues of its lobby as well")
def test_a_full_queue_between_the_generations_is_waited_for_once(httpd, tmp_path):
    """Not for each connection: what does not go through stays, and is answered."""
    faults = Faults(tmp_path)
    pool = {**POOL, "StartServers": 1, "ThreadsPerChild": 3, "MinSpareThreads": 1, "MaxSpareThreads": 3}
    server = httpd(mpm_conf=pool, conf="Timeout 60\nMPMRestartHold on 0\nMPMMaxConnections 100\n", **faults.options)
    clients = [Client(server.port) for _ in range(30)]
    for client in clients:
        client.send(b"GET /hello.txt HTTP/1.1\r\nHo")
        wait_until(lambda sock=client.sock: procs.accepted(server.port, sock), 5, "the connection accepted")
    with faults.active("passing", errno.EAGAIN):
        server.graceful()
        for client in clients:
            assert client.send(b"st: a\r\n\r\n").response().body == b"hello\n"
            client.close()
    assert 1 <= faults.hits("passing") <= 8


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="what waits there was not read")
def test_what_was_read_is_not_lost_where_the_new_configuration_reads_with_a_worker(httpd):
    server = httpd(conf="MPMRestartHold on 0\n")
    with Client(server.port) as client:
        client.send(b"GET /hello.txt HTTP/1.1\r\nHo")
        wait_until(lambda: procs.accepted(server.port, client.sock), 5, "the connection accepted")
        server.write_conf(conf="MPMAsyncHead Off\n")
        old = set(server.children())
        server.graceful()
        old_children_go(server, old)
        response = client.send(b"st: test.localhost\r\n\r\n").response()
        assert response.status == 200 and response.body == b"hello\n"


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="what waits there was not read")
def test_plain_bytes_are_not_taken_for_decrypted_ones_where_a_restart_makes_the_port_tls(httpd):
    server = httpd(modules=["test_handlers"], conf="MPMRestartHold on 3000\n", tls=True, log_level="info mpm_hybrid:debug")
    with Client(server.port) as busy, Client(server.port) as client:
        assert client.get().keeps_alive
        busy.send(request("/test/sleep?ms=1000"))
        wait_until(lambda: server.mpm_status()["totals"]["workers_busy"] >= 2, 5, "the request")
        server.write_conf(conf="SSLEngine on\nSSLCertificateFile ${TLS}/server.crt\nSSLCertificateKeyFile ${TLS}/server.key\n")
        old = set(server.children())
        server.graceful(wait=False)
        server.wait_log("Doing graceful restart")
        holds_for(lambda: procs.alive(server.pid), 0.2, "the parent")       # the old children have heard of it
        client.send(request())
        assert busy.response().body == b"slept"
        old_children_go(server, old)
        with pytest.raises(ConnectionError):
            client.response()
    assert "it began as a plain connection" in server.error_log()


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="a tunnel is a request like others there")
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a request"])
def test_a_tunnel_is_nothing_to_wait_for(httpd, beside):
    """It goes on, and it ends when its ends want it to; a request that runs beside it is waited for."""
    with Backend(WebSocketEcho) as backend:
        server = httpd(modules=["test_handlers", "proxy", "proxy_http", "proxy_wstunnel"], log_level="info mpm_hybrid:debug",
                       conf=f'MPMRestartHold on 3000\nProxyPass "/ws" "ws://127.0.0.1:{backend.port}/"\n')
        with Client(server.port, timeout=20) as tunnel, Client(server.port) as client:
            tunnel.send(request("/ws", headers=["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]))
            assert b" 101 " in tunnel.sock.recv(1000)
            if beside:
                client.send(request("/test/sleep?ms=700"))
                wait_until(lambda: server.mpm_status()["totals"]["workers_busy"] >= 3, 5, "the request")
            server.graceful()
            waited = int(re.search(r"old children hold: waited (\d+) ms, 0 of them", server.error_log())[1])
            assert 400 <= waited < 1500 if beside else waited < 400
            if beside:
                assert client.response().body == b"slept"
            tunnel.send(frame(1, b"still there"))
            assert b"still there" in tunnel.sock.recv(100)


@pytest.mark.mpm_only("hybrid")
def test_children_that_call_the_parent_are_no_log_to_wait_for(httpd):
    """They are often heard when all workers are busy; the pipe has two ends."""
    server = httpd(conf="MPMRestartHold on\n", log_level="info mpm_hybrid:debug")
    shared = set(procs.fds(server.children()[0]).values())
    ends = [fd for fd, target in procs.fds(server.pid).items() if target.startswith("pipe:") and target in shared]
    pipes = [os.open(f"/proc/{server.pid}/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK) for fd in ends]
    assert pipes
    over = threading.Event()

    def call():
        while not over.wait(0.0002):
            for pipe in pipes:
                with contextlib.suppress(OSError):      # full, or its reader has closed it
                    os.write(pipe, b"!")

    caller = threading.Thread(target=call)
    caller.start()
    try:
        server.graceful()
    finally:
        over.set()
        caller.join()
        for pipe in pipes:
            os.close(pipe)
    waited = int(server.wait_log(r"old children hold: waited (\d+) ms")[1])
    assert waited < 190
