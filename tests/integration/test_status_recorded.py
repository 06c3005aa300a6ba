# SPDX-License-Identifier: Apache-2.0
"""What is recorded, as mpm-status shows it of a real server, under every MPM."""
import contextlib
import json
import os
import random
import re
import socket

import pytest

from clients import Client
from httpd import MPM, module_path
from omtext import families, labels_of
from procs import wait_until
from statusview import MPMS, checked, get, own_server, status_of

pytestmark = pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")

VHOSTS = """
<VirtualHost *:${PORT}>
  ServerName one.example
</VirtualHost>
<VirtualHost *:${PORT}>
  ServerName two.example
</VirtualHost>
"""


@pytest.fixture(scope="module", params=MPMS)
def server(request, module_httpd):
    return own_server(module_httpd, request.param, conf=VHOSTS)


def ask(server, host, path="/hello.txt", times=1, method="GET"):
    for _ in range(times):
        with Client(server.port) as client:
            client.send(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()).response(method)


def vhost_of(server, name):
    found = [v for v in json.loads(server.get("/mpm-status?json&view=vhosts"))["vhosts"] if v["name"].startswith(name)]
    return found[0] if found else {}


def test_a_virtual_host_has_its_own_figures(server):
    before = vhost_of(server, "two.example").get("requests", 0)
    ask(server, "two.example", times=7)
    ask(server, "two.example", "/nowhere", times=3)
    ask(server, "two.example", times=2, method="HEAD")
    wait_until(lambda: vhost_of(server, "two.example").get("requests") == before + 12, 5, "12 requests")
    two = vhost_of(server, "two.example")
    assert two["name"] == f"two.example:{server.port}"
    assert two["responses_4xx"] >= 3 and two["method_head"] >= 2 and two["sent_bytes"] > two["received_bytes"] > 0
    assert two["latency"]["total"]["count"] == two["requests"]
    status = status_of(server)
    assert status["totals"]["responses_4xx"] == sum(v["responses_4xx"] for v in status["vhosts"])
    phases = {"handler", "write", "total"} | ({"head", "queue"} if server.mpm == "hybrid" else set())
    assert set(two["latency"]) == phases, "what the MPM does not know is absent"


def test_a_slow_handler_shows_in_the_times_of_its_phase(server):
    ask(server, "one.example", "/t/sleep?ms=300", times=3)
    wait_until(lambda: vhost_of(server, "one.example")["latency"]["handler"]["max_us"] >= 300000, 5, "the slow requests")
    status = status_of(server)
    assert status["latency"]["handler"]["max_us"] >= 300000
    assert status["latency"]["write"].get("p50_us", 0) < 300000
    buckets = status["latency"]["total"]["buckets"]
    assert sum(n for _, n in buckets) == status["latency"]["total"]["count"]
    assert sum(n for highest, n in buckets if highest >= 300000) >= 3
    handler = {h["name"]: h for h in status["handlers"]}["test-handlers"]
    assert handler["requests"] >= 3 and handler["longest_us"] >= 300000 and handler["time_us"] >= 900000


def test_metrics_have_the_same_figures(server):
    ask(server, "one.example", times=3)
    response = get(server, "/mpm-status?openmetrics", headers=["Accept: application/openmetrics-text"])
    found = families(response.body.decode(), True)
    status = status_of(server)
    hosts = {labels_of(labels)["vhost"]: value for (name, labels), value in found["httpd_vhost_requests"]["samples"].items()}
    assert hosts.keys() == {v["name"] for v in status["vhosts"]}
    assert all(v["requests"] >= hosts[v["name"]] for v in status["vhosts"])
    phases = {labels_of(labels)["phase"] for _, labels in found["httpd_request_phase_seconds"]["samples"]}
    assert phases == set(status["latency"]) & {"head", "queue", "handler", "write"}
    ports = {labels_of(labels)["address"] for _, labels in found["httpd_listener_queue_limit"]["samples"]}
    assert any(port.endswith(f":{server.port}") for port in ports)


def test_listeners_and_events_are_listed(server):
    status = status_of(server)
    assert any(x["address"].endswith(f":{server.port}") and x["queue_limit"] > 0 for x in status["listeners"])
    assert status["events"][-1]["kind"] == "start" and status["events"][-1]["words"] == "Server started"
    page = server.get("/mpm-status").decode()
    for words in ("Server started", "one.example:", "two.example:", "Response times by phase", f":{server.port}<"):
        assert words in page, words


def test_processes_have_memory_and_cpu(server):
    def looked_at():
        return [p for p in status_of(server)["processes"] if "pss_bytes" in p]
    wait_until(looked_at, 15, "a look at a process")    # how often the parent comes by depends on the MPM
    for process in looked_at():
        assert 1 << 20 < process["rss_bytes"] < 1 << 32 and process["pss_bytes"] <= process["rss_bytes"]
        assert process["threads"] >= 1 and process["cpu_user_us"] >= 0


@pytest.mark.parametrize("mpm", MPMS)
def test_a_graceful_restart_keeps_what_is_recorded_and_is_an_event(httpd, mpm):
    server = own_server(httpd, mpm, conf=VHOSTS)
    ask(server, "one.example", times=5)
    wait_until(lambda: vhost_of(server, "one.example").get("requests", 0) >= 5, 5, "5 requests")
    before = vhost_of(server, "one.example")["requests"]
    server.graceful()
    wait_until(lambda: status_of(server)["events"][0]["kind"] == "graceful", 10, "the event")
    status = status_of(server)
    assert status["totals"]["restarts_graceful"] == 1
    assert vhost_of(server, "one.example")["requests"] >= before
    assert status["server"]["recorded_since_us"] <= status["server"]["restarted_us"]


def test_without_a_file_everything_is_shown_all_the_same(httpd):
    server = own_server(httpd, MPM, conf="MPMStatsSegment Off\n")
    status = checked(server.get("/mpm-status?json"))
    assert {"latency", "vhosts", "handlers", "listeners", "events"} <= status.keys()
    page = server.get("/mpm-status").decode()
    assert "Virtual hosts" in page and not re.findall(r"\{\{.*?\}\}", page)


HOSTILE = [b"<script>alert(1)</script>", b'"><img src=x onerror=alert(1)>', b"\x01\x1b[31m\x7f\x9b", b"\xff\xfe\xc0\xaf", b'\\"} 1', b"${jndi:x}", b"{{css}}",
           b"\xe2\x80\xae", b"&lt;", b"%00%0a%3cb%3e", b"x" * 7000, b"y" * 65536]


def test_hostile_heads_leave_every_form_valid(server):
    """10,000 of them with SLOW=1."""
    dice = random.Random(server.mpm)
    for n in range(10000 if os.environ.get("SLOW") else 300):
        noise = bytes(byte for byte in dice.randbytes(dice.randrange(1, 60)) if byte not in b"\r\n\0 ")
        evil = dice.choice(HOSTILE) + noise
        head = dice.choice([b"GET /" + evil + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: " + evil + b"\r\n\r\n", evil + b"\r\n\r\n",
                            b"GET / HTTP/1.1\r\nHost: one.example\r\nUser-Agent: " + evil + b"\r\n\r\n", evil + b" / HTTP/1.1\r\nHost: x\r\n\r\n"])
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", server.port), 10) as client:
                client.sendall(head)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
        if n % 50 == 49:
            checked(server.get("/mpm-status?json"))
            page = server.get("/mpm-status").decode("utf-8", errors="strict")
            assert page.count("<script") == 1 and "<img" not in page
            text = get(server, "/mpm-status?openmetrics", headers=["Accept: application/openmetrics-text"]).body.decode("utf-8", errors="strict")
            families(text, True)
            assert "script" not in text and "jndi" not in text
