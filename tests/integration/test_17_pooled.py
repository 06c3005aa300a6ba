# SPDX-License-Identifier: Apache-2.0
"""Modules that start threads for the workers a process may have."""
import pytest

import procs
from h2client import H2
from procs import wait_until

pytestmark = [pytest.mark.mpm_only("hybrid"),
              pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")]
WIDE = {"StartServers": 1, "ServerLimit": 2, "ThreadLimit": 200, "ThreadsPerChild": 200, "MinSpareThreads": 5,
        "MaxSpareThreads": 250, "MaxRequestWorkers": 400}


def http2_workers(server):
    """What mod_http2 says of the threads it made: (at the start, at most)."""
    line = server.wait_log(r"h2_workers: created with min=\d+ max=\d+")[0]
    return tuple(int(line.split(f"{name}=")[1].split()[0]) for name in ("min", "max"))


def make(httpd, conf=""):
    return httpd(modules=["http2", "test_handlers"], mpm_conf=WIDE, conf="Protocols h2c http/1.1\n" + conf)


@pytest.mark.parametrize("conf,wanted", [
    ("", (25, 300)),
    ("H2MinWorkers 7", (7, 10)),
    ("H2MaxWorkers 90", (25, 90)),
    ("H2MaxWorkers 12", (12, 12)),
    ("H2MinWorkers 60\nH2MaxWorkers 80", (60, 80)),
    ("<IfModule mod_http2.c>\nH2MinWorkers 9\n</IfModule>", (9, 13)),
])
def test_http2_starts_as_many_threads_as_on_event_and_may_have_as_many_as_there_are_workers(httpd, conf, wanted):
    """What the administrator sets holds."""
    server = make(httpd, conf)
    assert http2_workers(server) == wanted
    if not conf:
        assert max(len(procs.threads(pid)) for pid in server.children()) < 60
    server.graceful()
    assert http2_workers(server) == wanted


def test_more_streams_than_http2_has_threads_at_the_start_run_side_by_side(httpd):
    server = make(httpd)
    with H2(server.port) as client:
        streams = [client.request("/test/sleep?ms=400") for _ in range(60)]
        most = 0
        for stream in streams:
            assert client.finish(stream).body == b"slept"
            most = max(most, *(len(procs.threads(pid)) for pid in server.children()))
    assert most > 25 + 5


def test_a_server_with_a_hundred_thousand_workers_answers(httpd):
    """Their threads are made when they are needed, and that the system does not allow so many is told."""
    server = httpd(modules=["http2"], mpm_conf={
        "StartServers": None, "ServerLimit": None, "ThreadLimit": None, "ThreadsPerChild": None, "MinSpareThreads": None,
        "MaxSpareThreads": None, "MaxRequestWorkers": 100000}, conf="Protocols h2c http/1.1")
    wait_until(lambda: server.children(), 5, "children")
    assert sum(len(procs.threads(pid)) for pid in server.children()) < 60 * len(server.children()) + 60
    assert server.get("/hello.txt") == b"hello\n"
    assert "MaxRequestWorkers of 100000 cannot be reached" in server.error_log()
