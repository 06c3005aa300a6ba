# SPDX-License-Identifier: Apache-2.0
"""What the MPM says and does about processes that grow and requests that do not end."""
import threading

import pytest

from clients import Client, request
from procs import wait_until

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


def test_a_request_that_does_not_end_is_reported_once_with_what_it_is(httpd):
    server = httpd(modules=["test_handlers"], mpm_conf=ONE_PROCESS, conf="MPMHungRequestTime 1\n")
    with Client(server.port, timeout=20) as client:
        client.send(request("/test/sleep?ms=3000"))
        wait_until(lambda: "has been busy for" in server.error_log(), 3, "the report")
        status = server.mpm_status()
        assert client.response().body == b"slept"
    lines = [line for line in server.error_log().splitlines() if "has been busy for" in line]
    assert len(lines) == 1 and "/test/sleep?ms=3000" in lines[0]
    assert sum(p["workers"]["busy"] for p in status["processes"]) >= 1


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
