# SPDX-License-Identifier: Apache-2.0
"""Modules that start threads for the workers a process may have."""
import time
from pathlib import Path

import pytest

import procs
from h2client import H2
from procs import wait_until

pytestmark = [pytest.mark.mpm_only("hybrid"),
              pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")]
WIDE = {"StartServers": 1, "ServerLimit": 2, "ThreadLimit": 200, "ThreadsPerChild": 200, "MinSpareThreads": 5,
        "MaxSpareThreads": 250, "MaxRequestWorkers": 400}


def http2_workers(server):
    """What mod_http2 says of the threads it made last: (at the start, at most, seconds a thread may be idle)."""
    match = server.wait_log(r"h2_workers: created with min=(\d+) max=(\d+) idle_ms=(\d+)")
    return int(match[1]), int(match[2]), int(match[3]) // 1000


def make(httpd, conf="", mpm_conf=None):
    return httpd(modules=["http2", "test_handlers"], mpm_conf=mpm_conf or WIDE,
                 conf="Protocols h2c http/1.1\nLogLevel http2:trace3\n" + conf)


def running(server, pid):
    """mod_http2's threads of a process, from the lines it writes when one begins and ends."""
    lines = [line for line in server.error_log().splitlines() if f"[pid {pid}:" in line]
    return sum("activate slot" in line for line in lines) - sum("terminate slot" in line for line in lines)


def only_child(server):
    wait_until(lambda: len(server.children()) == 1, 5, "one child")
    return server.children()[0]


@pytest.mark.parametrize("conf,wanted", [
    ("", (4, 300, 1728000)),
    ("H2MinWorkers 7", (7, 10, 600)),
    ("H2MaxWorkers 90", (4, 90, 1728000)),
    ("H2MaxWorkers 2", (2, 2, 1728000)),
    ("H2MinWorkers 60\nH2MaxWorkers 80", (60, 80, 600)),
    ("H2MinWorkers 400\nH2MaxWorkerIdleSeconds 3", (400, 600, 3)),
    ("H2MaxWorkers 500\nH2MaxWorkerIdleSeconds 3", (4, 500, 3)),
    ("H2MaxWorkerIdleSeconds 3", (4, 300, 3)),
    ("<IfModule mod_http2.c>\nH2MinWorkers 9\n</IfModule>", (9, 13, 600)),
    ("Listen ${OTHER}\n<VirtualHost *:${OTHER}>\nH2MinWorkers 9\nH2MaxWorkers 9\n</VirtualHost>", (4, 300, 1728000)),
])
def test_what_the_administrator_sets_of_http2s_threads_holds(httpd, conf, wanted):
    """mod_http2 takes them from the main server only."""
    server = httpd(start=False, modules=["http2"], mpm_conf=WIDE, conf="Protocols h2c http/1.1\n" + conf)
    server.extra_port("OTHER")
    server.write_conf()
    server.start()
    assert http2_workers(server) == wanted
    server.graceful()
    assert http2_workers(server) == wanted


@pytest.mark.parametrize("mpm_conf,wanted", [
    ({"StartServers": 2, "ServerLimit": 16, "ThreadLimit": 64, "ThreadsPerChild": 25, "MaxRequestWorkers": 150}, (4, 37)),
    ({"StartServers": 2, "ServerLimit": 2, "ThreadLimit": 100, "ThreadsPerChild": 100, "MaxRequestWorkers": 200}, (4, 100)),
    ({"StartServers": 1, "ServerLimit": 1, "ThreadLimit": 10, "ThreadsPerChild": 10, "MaxRequestWorkers": 10}, (4, 10)),
    ({"StartServers": 1, "ServerLimit": 1, "ThreadLimit": 1, "ThreadsPerChild": 1, "MaxRequestWorkers": 1}, (1, 4)),
], ids=["event", "two", "ten", "one"])
def test_the_processes_of_the_start_together_run_no_more_streams_than_maxrequestworkers(httpd, mpm_conf, wanted):
    """And a process no more than under the stock MPMs, but four in any case."""
    assert http2_workers(make(httpd, mpm_conf=mpm_conf))[:2] == wanted


def test_a_process_without_http2_requests_has_four_of_http2s_threads(httpd):
    server = make(httpd)
    for _ in range(20):
        server.get("/hello.txt")
    assert running(server, only_child(server)) == 4
    server.graceful()
    assert running(server, only_child(server)) == 4


def test_a_burst_of_streams_gets_its_threads_at_once_and_they_go_when_idle(httpd):
    """A connection begins with six streams at once; on four threads this would take ten seconds."""
    server = make(httpd, "H2MaxWorkerIdleSeconds 1")
    pid = only_child(server)
    clients = [H2(server.port) for _ in range(20)]
    begun = time.monotonic()
    for client in clients:
        for _ in range(10):
            client.request("/test/sleep?ms=200")
    for client in clients:
        client.finish()
        assert all(stream.body == b"slept" for stream in client.streams.values())
    assert time.monotonic() - begun < 5
    assert running(server, pid) > 50
    wait_until(lambda: running(server, pid) == 4, 10, "the threads beyond the first four to end")
    assert clients[0].get("/hello.txt").body == b"hello\n"
    for client in clients:
        client.close()


def test_a_restart_in_a_burst_of_streams_ends_none(httpd):
    """mod_http2 starts no thread in a process that drains."""
    server = make(httpd)
    with H2(server.port) as client:
        streams = [client.request("/test/sleep?ms=200") for _ in range(60)]
        client.finish(streams[0])
        server.graceful(wait=False)
        client.finish(timeout=30)
        assert all(client.streams[i].body == b"slept" for i in streams)
    server.graceful()


def test_one_worker_and_streams_do_not_wait_for_each_other(httpd):
    """Four uploads whose bodies are read while they run, with MaxRequestWorkers 1."""
    server = make(httpd, mpm_conf={"StartServers": 1, "ServerLimit": 1, "ThreadLimit": 1, "ThreadsPerChild": 1,
                                   "MaxRequestWorkers": 1})
    with H2(server.port) as client:
        uploads = [client.request("/test/body", method="POST", body=b"x" * 200000) for _ in range(4)]
        sleeper = client.request("/test/sleep?ms=100")
        client.finish()
        assert all(client.streams[i].status == 200 for i in [*uploads, sleeper])
    assert server.get("/hello.txt") == b"hello\n"


def test_a_server_with_a_hundred_thousand_workers_answers(httpd):
    """Their threads are made when they are needed, and that the system does not allow so many is told."""
    server = httpd(modules=["http2"], mpm_conf={
        "StartServers": None, "ServerLimit": None, "ThreadLimit": None, "ThreadsPerChild": None, "MinSpareThreads": None,
        "MaxSpareThreads": None, "MaxRequestWorkers": 100000}, conf="Protocols h2c http/1.1")
    wait_until(lambda: server.children(), 5, "children")
    assert sum(len(procs.threads(pid)) for pid in server.children()) < 60 * len(server.children()) + 60
    assert server.get("/hello.txt") == b"hello\n"
    assert "MaxRequestWorkers of 100000 cannot be reached" in server.error_log()
    assert "cannot be reached together" not in server.error_log()


def test_threads_of_both_pools_beyond_the_systems_limit_are_told_of(httpd):
    limit = int(Path("/proc/sys/kernel/threads-max").read_text()), int(Path("/proc/sys/kernel/pid_max").read_text())
    workers = min(limit) // 2 // 1000 * 1000
    server = httpd(modules=["http2"], mpm_conf={
        "StartServers": 1, "ServerLimit": 100, "ThreadLimit": 1000, "ThreadsPerChild": min(1000, workers),
        "MaxRequestWorkers": workers}, conf="Protocols h2c http/1.1\nH2MaxWorkers 4000\n")
    server.wait_log(rf"MaxRequestWorkers of {workers} and H2MaxWorkers of 4000 in each of \d+ processes "
                    "cannot be reached together")
