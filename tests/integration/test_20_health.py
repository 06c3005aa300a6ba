# SPDX-License-Identifier: Apache-2.0
"""What the MPM says and does about processes that grow and requests that do not end."""
import os
import re
import threading
import time
from pathlib import Path

import pytest

import cli
import procs
from backends import Backend, WebSocketEcho
from clients import Client, request
from h2client import H2
from httpd import MODEL
from procs import holds_for, wait_until
from testmodules import preload

pytestmark = pytest.mark.mpm_only("hybrid")

ONE_PROCESS = {"StartServers": 1, "ServerLimit": 2, "ThreadsPerChild": 10, "MinSpareThreads": 1, "MaxSpareThreads": 20,
               "MaxRequestWorkers": 20}


def test_a_child_above_max_memory_per_child_is_replaced_and_loses_nothing(httpd):
    server = httpd(modules=["test_handlers"], mpm_conf=ONE_PROCESS, conf="MaxMemoryPerChild 60M\nLogLevel info\n")
    first = server.children()[0]
    with Client(server.port, timeout=20) as slow:
        slow.send(request("/test/sleep?ms=4000"))
        for _ in range(10):
            server.get("/test/leak?kb=8192")
        wait_until(lambda: "MaxMemoryPerChild" in server.error_log(), 6, "the message")
        wait_until(lambda: [c for c in server.children() if c != first], 3, "a new child")
        assert server.get("/hello.txt") == b"hello\n"
        assert slow.response().body == b"slept"
    wait_until(lambda: first not in server.children(), 15, "the end of the large child")


def test_a_small_child_stays(httpd):
    server = httpd(mpm_conf=ONE_PROCESS, conf="MaxMemoryPerChild 2G\n")
    first = server.children()
    for _ in range(20):
        server.get("/hello.txt")
    threading.Event().wait(2.5)         # longer than the interval of the looks
    assert server.children() == first


def private_memory(pid):
    return sum(int(kb) for kb in re.findall(r"Private_\w+: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text()))


@pytest.mark.left_out("worker", "prefork", reason="a process has no more connections than workers, and those have their memory")
def test_what_a_rush_has_left_goes_back_to_the_system(httpd):
    server = httpd(tls=True, mpm_conf=ONE_PROCESS | {"ServerLimit": 1, "MaxRequestWorkers": 10}, conf="KeepAliveTimeout 60\n")
    child, = server.children()

    def visit():
        client = Client(server.tls_port, tls=server.tls_client())
        assert client.get().status == 200
        return client

    for _ in range(20):
        visit().close()
    before = private_memory(child)
    clients = [visit() for _ in range(300)]
    most = private_memory(child)
    for client in clients:
        client.close()
    assert most > before + 5000
    # What free() alone gives back is about a quarter.
    wait_until(lambda: private_memory(child) < before + (most - before) / 2, 15, "the memory to be returned")
    assert server.children() == [child] and server.get("/hello.txt") == b"hello\n"


def test_a_request_that_does_not_end_is_reported_once_with_what_it_is(httpd):
    """In the log, the status and the CLI; with its handler and phase."""
    server = httpd(modules=["test_handlers"], mpm_conf=ONE_PROCESS, conf="MPMHungRequestTime 1\n")
    with Client(server.port, timeout=20) as client:
        client.send(request("/test/sleep?ms=3000"))
        wait_until(lambda: "has been busy for" in server.error_log(), 3, "the report")
        status = server.mpm_status()
        shown = cli.run("status", "--url", server.url + "/mpm-status").stdout
        listed = cli.run("workers", "--url", server.url + "/mpm-status", "--min-age", "1s", "--json").stdout
        assert client.response().body == b"slept"
    lines = [line for line in server.error_log().splitlines() if "has been busy for" in line]
    assert len(lines) == 1 and "/test/sleep?ms=3000" in lines[0]
    assert 'busy for 1 seconds: sending or in its handler, vhost "' in lines[0] and 'handler "test-handlers"' in lines[0]
    assert status["totals"]["workers_hung"] == 1
    assert [w["handler"] for w in status["workers"] if "/test/sleep" in w.get("request", "")] == ["test-handlers"]
    assert re.search(r"^HUNG +1 in one request", shown, re.M)
    assert "/test/sleep?ms=3000" in listed


UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


@pytest.mark.left_out("prefork", reason="MPMHungRequestTime has no effect there")
@pytest.mark.parametrize("kind", ["websocket", "connect"])
def test_a_tunnel_is_no_request_that_hangs(httpd, kind):
    """Neither in the log, nor in the status, nor among the slow ones; what hangs beside it is."""
    with Backend(WebSocketEcho) as backend:
        server = httpd(modules=["test_handlers", "proxy", "proxy_http", "proxy_wstunnel", "proxy_connect"], mpm_conf=ONE_PROCESS,
                       conf=f'MPMHungRequestTime 1\nProxyPass "/ws" "ws://127.0.0.1:{backend.port}/"\n'
                            f"ProxyRequests On\nAllowCONNECT {backend.port}\n")
        with Client(server.port, timeout=20) as tunnel, Client(server.port, timeout=20) as client:
            if kind == "connect":
                tunnel.send(f"CONNECT 127.0.0.1:{backend.port} HTTP/1.1\r\nHost: 127.0.0.1:{backend.port}\r\n\r\n")
                assert b" 200 " in tunnel.sock.recv(1000)
            else:
                tunnel.send(request("/ws", headers=UPGRADE))
                assert b" 101 " in tunnel.sock.recv(1000)
            # One whose wish to upgrade is not granted is a request like others.
            client.send(request("/test/sleep?ms=4000", headers=UPGRADE))
            server.wait_log("has been busy for .*sleep", 5)
            status = server.mpm_status()
            assert status["totals"]["workers_hung"] == 1
            told = {w["request"].split(" ")[0] + w["request"].split(" ")[1][:3]: w["tunnel"] for w in status["workers"]
                    if w["state"] in "RW" and "mpm-status" not in w["request"]}
            assert told == {"CONNECT127" if kind == "connect" else "GET/ws": True, "GET/te": False}
            oldest = cli.run("get", "oldest", "-n", "--segment", server.segment_file).stdout
            assert client.response().body == b"slept"
            wait_until(lambda: server.mpm_status()["totals"]["workers_hung"] == 0, 5, "none that hangs")
            assert int(cli.run("get", "oldest", "--segment", server.segment_file).stdout) == 0, oldest
        assert server.error_log().count("has been busy for") == 1


@pytest.mark.left_out("prefork", reason="MPMHungRequestTime has no effect there")
def test_a_connection_with_many_requests_is_no_request_that_hangs(httpd):
    """In the worker model it keeps its worker from the first to the last."""
    server = httpd(modules=["test_handlers"], mpm_conf=ONE_PROCESS, conf="MPMHungRequestTime 1\nMaxKeepAliveRequests 0\n")
    with Client(server.port) as client:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert client.get("/test/sleep?ms=100").body == b"slept"
    assert "has been busy for" not in server.error_log()


@pytest.mark.left_out("prefork", reason="MPMHungRequestTime has no effect there")
def test_an_http2_connection_is_no_request_that_hangs(httpd):
    server = httpd(modules=["test_handlers", "http2"], mpm_conf=ONE_PROCESS, conf="MPMHungRequestTime 1\nProtocols h2c http/1.1\n")
    with H2(server.port) as client:
        for _ in range(30):
            client.finish(client.request("/test/sleep?ms=100"))
    assert "has been busy for" not in server.error_log()


def test_a_request_that_reads_its_body_for_long_is_reported_too(httpd):
    server = httpd(modules=["test_handlers"], mpm_conf=ONE_PROCESS, conf="MPMHungRequestTime 1\nMPMBodyBuffer 0\n")
    with Client(server.port, timeout=20) as client:
        client.send("POST /test/body HTTP/1.1\r\nHost: test.localhost\r\nContent-Length: 4\r\n\r\nab")
        line = server.wait_log(r"has been busy for 1 seconds: .*/test/body.*", 4)[0]
        assert 'handler "test-handlers"' in line
        client.send("cd")
        assert client.response().status == 200


VHOSTS = """
<VirtualHost *:${PORT}>
  ServerName first.localhost
</VirtualHost>
<VirtualHost *:${PORT}>
  ServerName second.localhost
</VirtualHost>
"""


def test_saturation_is_told_when_it_begins_and_when_it_ends(httpd):
    """With who holds the workers; what comes and goes within five seconds is one saturation."""
    server = httpd(modules=["test_handlers"], conf=VHOSTS, mpm_conf={**ONE_PROCESS, "ServerLimit": 1, "MaxRequestWorkers": 10})
    began = rf"MaxRequestWorkers setting: all 10 workers are busy, (\d+) connections wait to be accepted; " \
            rf"most for first.localhost:{server.port} \((\d)\), second.localhost:{server.port} \((\d)\), in handler test-handlers \((\d+)\)"

    def rush():
        clients = [Client(server.port, timeout=15) for _ in range(18)]
        for n, client in enumerate(clients):
            host = "second" if n in (1, 4, 7) else "first"
            client.send(f"GET /test/sleep?ms=1300 HTTP/1.1\r\nHost: {host}.localhost\r\n\r\n")
        for client in clients:
            assert client.response().body == b"slept"
            client.close()
    rush()
    rush()
    found = server.wait_log(began, 3)
    assert 1 <= int(found[2]) <= 7 and 1 <= int(found[3]) <= 3 and 2 <= int(found[4]) <= 10
    assert server.mpm_status()["totals"]["saturations"] == 1
    ended = server.wait_log(r"is below MaxRequestWorkers \(10\) again, after (\d+) ms; at most (\d+) connections waited", 9)
    assert 2000 < int(ended[1]) < 7000
    assert server.error_log().count("reached MaxRequestWorkers setting") == 1


def test_a_crash_names_each_worker_with_its_handler(httpd):
    server = httpd(modules=["test_handlers"], mpm_conf=ONE_PROCESS)
    server.expect_log("exit signal Segmentation")
    with Client(server.port) as other, Client(server.port) as bad:
        other.send(request("/test/sleep?ms=3000"))
        wait_until(lambda: server.mpm_status()["totals"]["workers_busy"] >= 2, 3, "the request")
        bad.send(request("/test/crash"))
        wait_until(lambda: bad.closed_within(1), 5, "the crash")
    state = r"sending or in its handler, vhost \"test.localhost:\d+\", request \"GET /test/%s.* handler \"test-handlers\", client 127.0.0.1, for \d+ ms"
    server.wait_log(r"worker \d+ \(received the signal\): " + state % "crash", 3)
    server.wait_log(r"worker \d+: " + state % "sleep", 3)
    assert wait_until(server.answers, 3, "an answer")
    assert server.mpm_status()["totals"]["crashes"] == 1


@pytest.mark.parametrize("line", ["MPMHungRequestTime soon", "MPMHungRequestTime -1", "MaxMemoryPerChild much",
                                  "MaxMemoryPerChild 5X", "MaxMemoryPerChild -5", "MaxMemoryPerChild 99999999999999G"])
def test_a_wrong_value_is_refused_and_named(httpd, line):
    code, output = httpd(start=False).configtest(line)
    assert code != 0 and line.split()[0] in output


def test_mpm_body_buffer_of_a_named_virtual_host_holds(httpd):
    """With it off a worker reads the slow body; with it on (the default) none does."""
    server = httpd(modules=["test_scoreboard", "test_handlers"], mpm_conf=ONE_PROCESS, conf="""
<VirtualHost 127.0.0.1:${PORT}>
  ServerName collects.localhost
</VirtualHost>
<VirtualHost 127.0.0.1:${PORT}>
  ServerName first.localhost
  ServerAlias *.direct.localhost
  MPMBodyBuffer 0
</VirtualHost>
""")
    for host, busy in (("collects.localhost", 0), ("any.direct.localhost", 1), ("first.localhost:8080", 1)):
        with Client(server.port, timeout=20) as client:
            client.send(f"POST /test/body HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nabcde")
            wait_until(lambda busy=busy: server.scoreboard().busy == busy, 3, f"{busy} busy workers for {host}")
            client.send("fghij")
            assert client.response().body.decode() == f"10 {sum(b'abcdefghij')}"
        wait_until(lambda: server.scoreboard().busy == 0, 3, "no busy worker")


TWO_PROCESSES = {"StartServers": 2, "ServerLimit": 2, "ThreadsPerChild": 10, "MinSpareThreads": 20, "MaxSpareThreads": 20,
                 "MaxRequestWorkers": 20}


def hanging(httpd, name="MPM_TEST_HANG", **options):
    """A server in which children hang that start while the file exists; and that file."""
    server = httpd(start=False, modules=["test_handlers"], **options)
    flag = server.root / "htdocs" / "hang"
    server.env[name] = str(flag)
    server.start()
    server.expect_log("exit signal Killed")
    return server, flag


def figure(server, name):
    return int(cli.run("--segment", str(server.segment_file), "get", name).stdout)


@pytest.mark.left_out("prefork", reason="a child's main thread is its worker")
def test_children_that_hang_are_named_and_replaced(httpd):
    """One before it serves, one because its main thread does not move any more: its workers go on until then."""
    server, flag = hanging(httpd, mpm_conf=TWO_PROCESSES)
    wait_until(lambda: len(server.children()) == 2, 5, "two children")
    with Client(server.port) as client:
        quiet = int(re.search(rb"pid=(\d+)", client.get("/test/info").body).group(1))
        assert client.get("/test/hangmain").body == b"hung"
    flag.touch()
    other, = (pid for pid in server.children() if pid != quiet)
    procs.kill(other)
    unborn, = wait_until(lambda: set(server.children()) - {quiet, other}, 5, "one in its place")
    wait_until(lambda: figure(server, "processes_suspected") == 2, 9, "both suspected")
    assert max(p.get("quiet_us", 0) for p in server.mpm_status()["processes"]) > 2e6
    flag.unlink()
    server.wait_log(rf"child {quiet} hangs: its main thread has not moved for \d+ seconds; it is killed", 15)
    server.wait_log(rf"child {unborn} hangs: it has not begun to serve", 15)
    wait_until(lambda: not {quiet, unborn} & set(server.children()) and len(server.children()) == 2, 10, "two others")
    assert server.answers()
    wait_until(lambda: figure(server, "children_stuck") == 2 and figure(server, "processes_suspected") == 0, 5, "the figures")


def test_a_server_whose_children_hang_before_they_serve_serves_as_soon_as_they_do_not(httpd):
    server, flag = hanging(httpd)
    flag.touch()
    before = set(server.children())
    for pid in before:
        procs.kill(pid)
    wait_until(lambda: set(server.children()) - before, 5, "others in their place")
    wait_until(lambda: cli.run("check", "--segment", str(server.segment_file)).returncode == 2, 9, "CRITICAL for check")
    flag.unlink()
    server.wait_log("hangs: it has not begun to serve", 16)
    wait_until(server.answers, 5, "an answer")
    wait_until(lambda: cli.run("check", "--segment", str(server.segment_file)).returncode == 0, 5, "OK for check")


@pytest.mark.left_out("prefork", reason="a child's main thread is its worker")
def test_a_child_whose_main_thread_waits_for_a_disk_is_not_killed(httpd):
    """It writes to a log, say. Requests that run in it would be lost."""
    server = httpd(modules=["test_handlers"], mpm_conf=TWO_PROCESSES | {"StartServers": 1, "MinSpareThreads": 5})
    resting, = server.children()
    with Client(server.port, timeout=15) as client:
        client.send(request("/test/sleep?ms=10500"))
        assert server.get("/test/diskmain?ms=9500") == b"waits"
        assert client.response().body == b"slept"
    assert resting in server.children() and figure(server, "children_stuck") == 0
    wait_until(lambda: figure(server, "processes_suspected") == 0, 5, "nobody suspected")


@pytest.mark.skipif(not os.environ.get("SLOW"), reason="SLOW=1: takes longer than a child may to start")
def test_children_that_take_long_to_start_come_to_serve(httpd):
    """After one that was not waited for long enough, also where others have served; and from then on such a time is known."""
    server, flag = hanging(httpd, name="MPM_TEST_LATE", mpm_conf=TWO_PROCESSES | (
        {"StartServers": 2, "MinSpareServers": 2, "MaxSpareServers": 2, "MaxRequestWorkers": 2} if MODEL == "prefork" else {}))
    wait_until(lambda: len(server.children()) == 2, 5, "two children")

    def next_one(before):
        return wait_until(lambda: [p for p in set(server.children()) - before if not procs.is_zombie(p)], 5, "another one")[0]

    for n in range(2):
        before = set(server.children())
        flag.touch()
        procs.kill(min(before))
        slow = next_one(before)
        if n == 0:
            server.wait_log("hangs: it has not begun to serve", 16)
            slow = next_one(before | {slow})
        holds_for(lambda slow=slow: procs.alive(slow), 12, "its life")
        flag.unlink()
        wait_until(lambda: figure(server, "processes_suspected") == 0, 5, "its service")
        assert slow in server.children()
    assert server.error_log().count("has not begun to serve") == 1


@pytest.mark.left_out("prefork", reason="a child's main thread is its worker")
def test_a_child_that_somebody_has_stopped_is_left_alone_and_another_takes_its_place(httpd):
    # So few spare threads that the one request of the start does not ask for another child.
    server = httpd(mpm_conf=TWO_PROCESSES | {"StartServers": 1, "MinSpareThreads": 5})
    resting, = server.children()
    with procs.stopped([resting]):
        server.wait_log(rf"child {resting} hangs: it has been stopped for \d+ seconds; another takes its place", 12)
        wait_until(lambda: len(server.children()) == 2, 5, "another")
        assert server.answers()
    wait_until(lambda: figure(server, "processes_suspected") == 0, 5, "nobody suspected")
    assert resting in server.children() and figure(server, "children_stuck") == 0


def test_a_lobby_that_hangs_is_replaced(httpd):
    server = httpd(start=False, conf="MPMModel prefork\n", mpm_conf={"ServerLimit": 10})
    flag = server.root / "htdocs" / "hang"
    server.env.update(preload("hang", MPM_TEST_HANG_LOBBY=str(flag)))
    server.start()
    server.expect_log("exit signal Killed")
    lobby, = wait_until(server.lobbies, 5, "a lobby")
    flag.touch()
    server.wait_log(rf"child {lobby}, the lobby, hangs: its main thread has not moved for \d+ seconds; it is killed", 15)
    flag.unlink()
    wait_until(server.answers, 5, "an answer")
    assert lobby not in server.lobbies()


def test_a_lobby_that_dies_at_once_is_not_started_as_fast_as_it_dies(httpd):
    server = httpd(start=False, conf="MPMModel prefork\n", mpm_conf={"ServerLimit": 10}, log_level="info mpm_hybrid:debug")
    flag = server.root / "htdocs" / "dies"
    server.env.update(preload("hang", MPM_TEST_DIES_LOBBY=str(flag)))
    server.start()
    wait_until(server.lobbies, 5, "a lobby")
    flag.touch()
    wait_until(lambda: server.error_log().count("has left slot -1") >= 3, 5, "lobbies that die")
    before = server.error_log().count("has left slot -1")
    holds_for(lambda: server.error_log().count("has left slot -1") < before + 12, 1.5, "few of them")
    flag.unlink()
    wait_until(server.lobbies, 3, "a lobby")
    with Client(server.port) as client:
        client.send(b"GET /hello.txt HTTP/1.1\r\n")
        wait_until(lambda: server.lobbies() and procs.accepted(server.port, client.sock), 5, "it waits")
        assert client.send(b"Host: a\r\n\r\n").response().body == b"hello\n"


@pytest.mark.skipif(not os.environ.get("SLOW"), reason="SLOW=1: the parent's patience is 10 s")
def test_old_children_serve_until_a_new_one_does_however_long_that_takes(httpd):
    server, flag = hanging(httpd, name="MPM_TEST_LATE", mpm_conf=TWO_PROCESSES)
    old = set(server.children())
    flag.touch()
    server.graceful(wait=False)
    server.wait_log("resuming normal operations", count=2)
    holds_for(lambda: server.get("/hello.txt", timeout=2) == b"hello\n" and old <= set(server.children()), 13, "service", every=0.2)
    flag.unlink()
    wait_until(lambda: not old & set(server.children()), 20, "the end of the old ones")
    assert server.get("/hello.txt") == b"hello\n"
