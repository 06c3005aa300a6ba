# SPDX-License-Identifier: Apache-2.0
"""The figures in the segment are those of what clients did."""
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import threading
import time

import pytest

import procs
import tls
from backends import Backend, WebSocketEcho
from cli import run
from clients import Client, SlowReader, request
from h2client import H2
from httpd import FLAVOUR, MPM, THREADED
from procs import wait_until
from segment import Segment

only_hybrid = pytest.mark.mpm_only("hybrid")


def segment_of(server):
    return Segment(server.segment_file)


def begin(server):
    """The segment once the probe of the start is in it."""
    wait_until(lambda: segment_of(server).requests >= 1 and segment_of(server).server["requests_in_flight"] == 0, 5,
               "the probe of the start")
    return segment_of(server)


def vhost_of(server):
    """The record of the one virtual host of a server (`other` has none)."""
    return next(v for n, v in segment_of(server).vhosts.items() if n == f"test.localhost:{server.port}")


def settled(server, requests, what="the requests"):
    """The segment once that many requests are in it and none is under way. The probe of the start is one of them."""
    wait_until(lambda: segment_of(server).requests >= requests and segment_of(server).server["requests_in_flight"] == 0,
               5, what)
    now = segment_of(server)
    assert now.requests == requests
    return now


def changed(server, name, by, before, timeout=5):
    """Waits until a counter of the server has grown by `by`, and for no more than that."""
    def grown():
        return segment_of(server).server[name] - before[name]
    try:
        wait_until(lambda: grown() >= by, timeout, f"{name} to grow by {by}")
    except procs.Timeout as e:
        now = segment_of(server).server
        grew = {k: now[k] - before[k] for k in now if k.startswith("closed_") and now[k] not in (None, before[k])}
        raise AssertionError(f"{e}; what grew: {grew}") from None
    assert grown() == by


# ---- requests --------------------------------------------------------------------------------------------


def test_requests_are_counted_by_status_and_method_with_their_bytes(httpd):
    server = httpd(conf="Redirect /away http://elsewhere.localhost/\nRedirect gone /gone\n")
    base = begin(server)
    sent = 0
    asked = [("GET", "/hello.txt"), ("HEAD", "/hello.txt"), ("GET", "/away"), ("GET", "/missing"), ("OPTIONS", "/hello.txt"),
             ("POST", "/hello.txt"), ("PUT", "/hello.txt"), ("DELETE", "/hello.txt"), ("PATCH", "/hello.txt"),
             ("BREW", "/hello.txt")]
    with Client(server.port) as client:
        for method, path in asked:
            data = request(path, method=method, body=b"12345" if method in ("POST", "PUT", "PATCH") else b"")
            client.send(data)
            sent += len(data)
            client.response(method=method)
    wait_until(lambda: segment_of(server).requests == base.requests + len(asked), 5, "all of them")
    vhost, before = vhost_of(server), base.vhosts[f"test.localhost:{server.port}"]
    grown = {k: vhost[k] - before[k] for k in vhost if k.startswith(("responses_", "method_", "bytes_"))}
    assert [grown[f"method_{m}"] for m in ("head", "post", "put", "delete", "options", "patch", "other")] == [1] * 7
    assert grown["method_get"] == 3
    assert grown["responses_3xx"] == 1 and grown["responses_1xx"] == 0
    assert grown["responses_2xx"] + grown["responses_4xx"] + grown["responses_5xx"] == len(asked) - 1
    assert grown["bytes_in"] == sent
    assert vhost["sent"] - before["sent"] > 1000
    assert vhost["total"].count - before["total"].count == len(asked)
    log = (server.root / "logs" / "access.log").read_text().splitlines()
    assert len(log) == segment_of(server).requests


def test_bytes_out_are_those_on_the_wire(httpd):
    server = httpd()
    begin(server)
    before = vhost_of(server)["sent"]
    with Client(server.port) as client:
        client.send(request("/1k.bin", headers=["Connection: close"]))
        received = len(client.read_to_end())
    wait_until(lambda: vhost_of(server)["sent"] - before >= received, 5, "the response")
    assert vhost_of(server)["sent"] - before == received


@pytest.mark.parametrize("beside", [True, False], ids=["beside mod_status", "alone"])
def test_traffic_is_what_clients_received(httpd, beside):
    """Heads and bodies, GET and HEAD, whoever writes the scoreboard; the page's totals and the file's are one."""
    server = httpd(mod_status=beside)
    begin(server)
    before = vhost_of(server)["sent"]
    received = 0
    for method, times in (("GET", 20), ("HEAD", 5)):
        with Client(server.port) as client:
            for i in range(times):
                client.send(request("/1k.bin", method=method, headers=["Connection: close"] if i == times - 1 else []))
            received += len(client.read_to_end())
    wait_until(lambda: vhost_of(server)["sent"] - before >= received, 5, "the responses")
    assert vhost_of(server)["sent"] - before == received
    now = settled(server, segment_of(server).requests)
    totals = json.loads(server.get("/mpm-status?json"))["totals"]
    assert totals["bytes"] == totals["sent_bytes"] == sum(v["sent"] for v in now.vhosts.values())
    assert totals["requests"] == now.requests


@pytest.mark.parametrize("over", ["plain", "tls"])
def test_what_a_client_did_not_take_was_not_sent(httpd, tls_dir, over):
    server = httpd(tls=over == "tls")
    server.sparse_file("huge.bin", 300 * 2 ** 20)
    base = begin(server)
    before = sum(v["sent"] for v in base.vhosts.values())
    with Client(server.tls_port if over == "tls" else server.port, tls=tls.client_context(tls_dir) if over == "tls" else None,
                rcvbuf=65536) as client:
        client.send(request("/huge.bin"))
        client.sock.recv(1000)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    now = settled(server, base.requests + 1)
    assert 0 < sum(v["sent"] for v in now.vhosts.values()) - before < 30 * 2 ** 20


def test_a_hard_restart_leaves_no_ratio_askew(httpd):
    """Errors are divided by requests: both go on over a restart of any kind."""
    server = httpd(conf="Redirect 500 /oops\n")
    base = begin(server).requests
    for _ in range(5):
        with Client(server.port) as client:
            client.send(request("/oops", headers=["Connection: close"]))
            client.read_to_end()
    settled(server, base + 5)
    since = json.loads(server.get("/mpm-status?json"))["server"]["counters_since_us"]
    server.restart()
    after = json.loads(server.get("/mpm-status?json"))
    assert after["totals"]["responses_5xx"] == 5
    assert after["totals"]["requests"] >= base + 5
    assert after["server"]["counters_since_us"] == since
    assert 0 < float(run("--segment", server.segment_file, "get", "errors%").stdout) < 100


def test_what_is_no_request_is_counted_and_was_never_in_flight(httpd):
    server = httpd()
    base = begin(server)
    for line in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
        with Client(server.port) as client:
            client.send(line)
            assert b" 4" in client.read_to_end()[:16]
    now = settled(server, base.requests + 3)
    assert now.vhosts[f"test.localhost:{server.port}"]["responses_4xx"] == 3
    assert now.server["requests_in_flight_peak"] == 1


def test_virtual_hosts_beyond_the_cap_are_counted_together(httpd):
    hosts = "".join(f"<VirtualHost *:${{PORT}}>\nServerName h{i}.localhost\n</VirtualHost>\n" for i in range(5))
    server = httpd(conf="MPMStatsVHosts 3\n" + hosts)
    base = begin(server)
    with Client(server.port) as client:
        for i in range(5):
            for _ in range(i + 1):
                client.get("/hello.txt", host=f"h{i}.localhost")
    now = settled(server, base.requests + 15)
    names = list(now.vhosts)
    assert len(names) == 4 and names[3] == "other"
    assert now.server["vhosts_folded"] == 3
    assert json.loads(server.get("/mpm-status?json"))["totals"]["vhosts_folded"] == 3
    assert "MPMStatsVHosts 3: 3 virtual hosts have no figures of their own" in server.error_log()
    grown = {n: v["responses_2xx"] - base.vhosts[n]["responses_2xx"] for n, v in now.vhosts.items()}
    assert grown[f"h0.localhost:{server.port}"] == 1 and grown[f"h1.localhost:{server.port}"] == 2
    assert grown["other"] == 3 + 4 + 5
    server.write_conf(conf="MPMStatsVHosts 9\n" + hosts)
    server.graceful()
    server.wait_log("MPMStatsVHosts cannot be changed from 3 to 9 by a restart")
    assert segment_of(server).vhosts["other"]["responses_2xx"] == now.vhosts["other"]["responses_2xx"]


def test_a_busy_virtual_host_beyond_the_cap_gets_the_row_of_one_without_requests(httpd):
    """At the next restart; what it had in `other` stays there, and the totals lose nothing."""
    hosts = "MPMStatsVHosts 3\n" + "".join(f"<VirtualHost *:${{PORT}}>\nServerName h{i}.localhost\n</VirtualHost>\n" for i in range(6))
    server = httpd(conf=hosts)
    begin(server)

    def visit(*visits):
        before = segment_of(server).requests
        for number, times in visits:
            for _ in range(times):
                with Client(server.port) as client:
                    client.get("/hello.txt", host=f"h{number}.localhost")
        return settled(server, before + sum(times for _, times in visits))

    def own():
        """Hosts with a row of their own, and what it says; not how often it was looked whether the server answers, which h0 does."""
        return {n.split(".")[0]: v["responses_2xx"] if n[:2] != "h0" else None for n, v in segment_of(server).vhosts.items()
                if not v["retired"]}
    assert list(own()) == ["test", "h0", "h1", "other"]
    visit((2, 1), (3, 5), (4, 3))
    before = segment_of(server)
    assert own() == {"test": 0, "h0": None, "h1": 0, "other": 9} and before.server["vhosts_folded"] == 4
    server.graceful()
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 0, 5, "quiet")
    assert own() == {"h0": None, "h3": 0, "h4": 0, "other": 9}, "the two busiest, for those that had none"
    assert segment_of(server).server["vhosts_folded"] == 4 and segment_of(server).requests >= before.requests
    now = visit((3, 4), (4, 1), (1, 2), (5, 1))
    assert own() == {"h0": None, "h3": 4, "h4": 1, "other": 12}
    server.graceful()
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 0, 5, "quiet")
    assert own() == {"h0": None, "h3": 4, "h4": 1, "other": 12}, "each of them has had requests"
    assert segment_of(server).requests >= now.requests
    assert json.loads(server.get("/mpm-status?json"))["totals"]["requests"] >= now.requests


def test_a_record_that_another_host_gets_leaves_its_history_to_nobody(httpd):
    """Neither to the new host nor to `other`; the totals keep it."""
    def hosts(names):
        return "MPMStatsVHosts 2\n" + "".join(f"<VirtualHost *:${{PORT}}>\nServerName {n}.localhost\n</VirtualHost>\n" for n in names)
    server = httpd(conf=hosts("a"))
    base = begin(server)
    with Client(server.port) as client:
        for _ in range(9):
            client.get("/hello.txt", host="a.localhost")
    settled(server, base.requests + 9)
    for name in "bcde":
        server.write_conf(conf=hosts(name))
        server.restart()
        assert f"{name}.localhost:{server.port}" in segment_of(server).vhosts, "a record at once for the one that takes its place"
        assert segment_of(server).server["vhosts_folded"] == 0
    now = segment_of(server)
    assert now.vhosts["other"]["responses_2xx"] == base.vhosts["other"]["responses_2xx"]
    assert f"a.localhost:{server.port}" not in now.vhosts and now.requests >= base.requests + 9
    assert json.loads(server.get("/mpm-status?json"))["totals"]["requests"] >= base.requests + 9


def test_the_longest_names_there_are_stay_names_of_their_own(httpd):
    """DNS has them end at 253 bytes; two that differ in nothing but their last label are two."""
    stem = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 57])
    names = [stem + ".one", stem + ".two"]
    assert len(names[0]) == 253
    server = httpd(conf="".join(f"<VirtualHost *:${{PORT}}>\nServerName {name}\n</VirtualHost>\n" for name in names))
    for host, count in zip(names, (1, 3)):
        for _ in range(count):
            with Client(server.port) as client:
                assert client.send(request("/hello.txt", host=host)).response().status == 200
    # The probe of the start was answered by the first of them.
    now = settled(server, 5)
    assert [now.vhosts[f"{name}:{server.port}"]["responses_2xx"] for name in names] == [2, 3]


def test_a_virtual_host_keeps_its_row_over_restarts_and_leaves_what_it_counted(httpd):
    def host(name):
        return f"<VirtualHost *:${{PORT}}>\nServerName {name}.localhost\n</VirtualHost>\n"

    def count(name):
        return segment_of(server).vhosts.get(f"{name}.localhost:{server.port}", {}).get("responses_2xx")

    server = httpd(conf=host("a") + host("b"))
    with Client(server.port) as client:
        for _ in range(7):
            client.get("/hello.txt", host="b.localhost")
    wait_until(lambda: count("b") == 7, 5, "seven requests")
    server.write_conf(conf=host("c") + host("b") + host("d"))
    server.graceful()
    assert count("b") == 7 and count("d") == 0
    total = segment_of(server).requests
    server.write_conf(conf=host("c"))
    server.graceful()
    assert segment_of(server).vhosts[f"b.localhost:{server.port}"]["retired"]
    assert segment_of(server).requests >= total


def test_a_handlers_busy_requests_and_time_are_told_by_its_name(httpd):
    server = httpd(modules=["test_handlers"])
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=1500"))
        wait_until(lambda: segment_of(server).handlers.get("test-handlers", {}).get("busy") == 1, 3, "a busy handler")
        # the request that found the server started may not be logged yet
        wait_until(lambda: segment_of(server).server["requests_in_flight"] == 1, 1, "no other request")
        assert client.response().body == b"slept"
    wait_until(lambda: segment_of(server).handlers["test-handlers"]["busy"] == 0, 3, "its end")
    handlers = segment_of(server).handlers
    assert handlers["test-handlers"]["requests"] == 1
    assert 1_500_000 <= handlers["test-handlers"]["time"] == handlers["test-handlers"]["longest"] < 5_000_000
    assert handlers["default-handler"]["requests"] >= 1


def test_a_file_without_a_type_is_the_default_handlers(httpd):
    """httpd 2.4.71 gives "" as the name of its default handler where a file has no type."""
    server = httpd()
    server.file("untyped", "x\n")
    before = begin(server).handlers["default-handler"]["requests"]
    for path, status in (("/untyped", 200), ("/untyped-missing", 404)):
        with Client(server.port) as client:
            assert client.send(request(path)).response().status == status
    wait_until(lambda: segment_of(server).handlers["default-handler"]["requests"] == before + 2, 5, "both")
    assert set(segment_of(server).handlers) <= {"default-handler", "other"}


# ---- times -------------------------------------------------------------------------------------------------


def phases_of(server, work, count=1):
    """What `work` adds to the histograms of the one virtual host."""
    begin(server)
    before = vhost_of(server)
    work()
    wait_until(lambda: vhost_of(server)["total"].count >= before["total"].count + count, 10, "the end of the request")
    now = vhost_of(server)
    return {p: now[p] - before[p] for p in ("head", "queue", "handler", "write", "total") if now[p] is not None}


@only_hybrid
def test_a_slow_head_is_the_clients_time(httpd):
    server = httpd()

    def slow_head():
        with Client(server.port) as client:
            client.send(b"GET /hello.txt HTTP/1.1\r\n")
            time.sleep(0.4)
            client.send(b"Host: test.localhost\r\n\r\n")
            client.response()

    phases = phases_of(server, slow_head)
    assert 390_000 < phases["head"].sum < 2_000_000
    assert phases["queue"].sum < 300_000 and phases["handler"].sum < 300_000
    assert phases["total"].sum >= phases["head"].sum


def test_what_is_not_known_is_not_zero(httpd):
    server = httpd()
    vhost = vhost_of(server)
    assert (vhost["head"] is None) == (vhost["queue"] is None) == (MPM != "hybrid")


@only_hybrid
def test_waiting_for_a_worker_is_queue_time(httpd):
    server = httpd(modules=["test_handlers"], mpm_conf={"ServerLimit": 1, "ThreadsPerChild": 2, "MaxRequestWorkers": 2,
                                                        "MinSpareThreads": 1, "MaxSpareThreads": 2})
    server.expect_log("MaxRequestWorkers")
    busy = [Client(server.port) for _ in range(2)]
    for client in busy:
        client.send(request("/test/sleep?ms=700"))
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 2, 3, "two busy workers")
    before = vhost_of(server)["queue"]
    with Client(server.port) as third:
        third.send(request("/hello.txt"))
        for client in busy:
            client.response()
            client.close()              # in the worker model it holds its worker until then
        third.response()
    wait_until(lambda: (vhost_of(server)["queue"] - before).sum > 300_000, 5, "the third request, which waited")
    assert (vhost_of(server)["queue"] - before).sum < 3_000_000


def test_a_handlers_time_is_its_own(httpd):
    server = httpd(modules=["test_handlers"])

    def sleep():
        with Client(server.port) as client:
            client.get("/test/sleep?ms=300")

    phases = phases_of(server, sleep)
    assert 300_000 <= phases["handler"].sum < 2_000_000
    assert phases["write"].sum < 250_000


def test_a_client_that_takes_its_time_with_the_response_is_write_time(httpd):
    server = httpd()
    server.file("big.bin", b"x" * 8_000_000)

    def slow():
        reader = SlowReader(server.port, "/big.bin")
        reader.start()
        time.sleep(0.8)
        reader.finish()
        reader.close()

    phases = phases_of(server, slow)
    assert 500_000 < phases["write"].sum < 8_000_000
    assert phases["handler"].sum < 500_000


@only_hybrid
@pytest.mark.parametrize("milliseconds, count, clients", [(5, 100, 1), (40, 40, 4)])
def test_histograms_agree_with_what_a_client_measures(httpd, milliseconds, count, clients):
    """Within 3 % and 50 µs. The quicker half of the requests tells: the client's own waits for a core are not the server's time."""
    server = httpd(modules=["test_handlers"], conf="MaxKeepAliveRequests 0\n")
    measured = []

    def run():
        with Client(server.port) as client:
            data = request(f"/test/sleep?ms={milliseconds}")
            for _ in range(count):
                begun = time.monotonic()
                client.send(data)
                client.response()
                measured.append((time.monotonic() - begun) * 1e6)

    def all_of_them():
        threads = [threading.Thread(target=run) for _ in range(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    for _ in range(6):
        measured.clear()
        total = phases_of(server, all_of_them, count * clients)["total"]
        assert total.count == count * clients
        theirs, ours = statistics.quantiles(measured, n=4)[0], total.quantile(0.25)
        if abs(theirs - ours) <= 0.03 * theirs + 50:
            return
    pytest.fail(f"a client sees {theirs:.0f} µs, the segment says {ours:.0f}")


# ---- connections --------------------------------------------------------------------------------------------


def test_the_end_of_each_connection_has_its_reason(httpd):
    server = httpd(modules=["test_handlers"], conf="KeepAliveTimeout 1\nMaxKeepAliveRequests 2\nTimeout 2\n")
    wait_until(lambda: segment_of(server).server["closed_server"] >= 1, 5, "the end of the first one")
    before = segment_of(server).server

    with Client(server.port) as client:
        client.get()
    changed(server, "closed_client", 1, before)
    with Client(server.port) as client:
        client.get(headers=["Connection: close"])
        client.read_to_end()
    changed(server, "closed_server", 1, before)
    with Client(server.port) as client:
        for _ in range(3):
            client.get()
        client.read_to_end()
    changed(server, "closed_keepalive_limit", 1, before)
    with Client(server.port) as client:
        client.get()
        assert client.closed_within(5)
    changed(server, "closed_keepalive_timeout", 1, before)
    with Client(server.port) as client:
        client.send(b"GET /hello.txt HTTP/1.1\r\nHo")
        client.read_to_end()
    changed(server, "closed_head_timeout", 1, before, timeout=10)
    broken = [request("/test/stream?chunks=20&bytes=10000&ms=30")]
    if FLAVOUR != "hybrid-prefork":     # there nobody hears of a connection that ends before a whole request
        broken += [b"POST /hello.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc", b"GET /hello.txt HTTP/1.1\r\nHo"]
    for sent in broken:
        with Client(server.port) as client:
            client.send(sent)
            time.sleep(0.1)
            client.reset()
    changed(server, "closed_error", len(broken), before)
    with Client(server.port) as client:
        client.get()
        client.reset()
    changed(server, "closed_client", 2, before)
    now = segment_of(server).server
    ended = sum(now[k] - before[k] for k in now if k.startswith("closed_") and now[k] is not None)
    assert ended == 6 + len(broken) == now["connections_accepted"] - before["connections_accepted"]
    assert now["connections_reused"] == before["connections_reused"] + 2
    assert now["connection_requests"].count - before["connection_requests"].count >= 4
    assert next(iter(segment_of(server).processes.values()))["connections"] == 0


@pytest.mark.skipif(not THREADED, reason="HTTP/2 is refused")
@pytest.mark.parametrize("over", ["h2", "h2c"])
def test_the_end_of_an_http2_connection_has_its_reason(httpd, tls_dir, over):
    server = httpd(modules=["http2", "test_handlers"], tls=True, conf="Protocols h2 h2c http/1.1\nKeepAliveTimeout 1\nTimeout 3\n")
    context = tls.client_context(tls_dir, alpn=["h2"]) if over == "h2" else None
    port = server.tls_port if over == "h2" else server.port
    wait_until(lambda: segment_of(server).server["closed_server"] >= 1, 5, "the end of the first one")
    before = segment_of(server).server
    with H2(port, tls=context) as client:
        client.finish(client.request("/1k.bin"))
    changed(server, "closed_client", 1, before)
    if THREADED and not FLAVOUR.endswith("worker"):     # there mod_http2 itself ends an idle connection
        with H2(port, tls=context) as client:
            client.finish(client.request("/1k.bin"))
            changed(server, "closed_keepalive_timeout", 1, before, timeout=8)
    with H2(port, tls=context) as client:
        client.request("/test/sleep?ms=1500")
        wait_until(lambda: segment_of(server).server["requests_in_flight"] == 1, 5, "the request")
    changed(server, "closed_error", 1, before)


def test_a_body_that_does_not_come_in_time_is_no_idle_connection(httpd):
    """Nor one whose head was late. A small body is collected before a worker runs, a large one is read by it."""
    server = httpd(modules=["test_handlers"], conf="KeepAliveTimeout 5\nTimeout 1\n")
    wait_until(lambda: segment_of(server).server["closed_server"] >= 1, 5, "the end of the first one")
    before = segment_of(server).server
    for i, size in enumerate((100, 1_000_000)):
        with Client(server.port) as client:
            client.send(f"POST /test/body HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\nabc".encode())
            client.read_to_end()
        changed(server, "closed_body_timeout", i + 1, before, timeout=10)


def test_a_handshake_that_fails_is_broken_off(httpd):
    if FLAVOUR == "hybrid-prefork":
        pytest.skip("nobody hears of a connection that ends before a whole request")
    server = httpd(tls=True)
    wait_until(lambda: segment_of(server).server["closed_server"] >= 1, 5, "the end of the first one")
    before = segment_of(server).server
    with Client(server.tls_port) as client:
        client.send(b"\x16\x03\x01\x00\x05nonsense of a client")
        client.read_to_end()
    changed(server, "closed_error", 1, before)


def test_a_request_that_a_restart_cuts_off_is_the_servers_doing(httpd):
    server = httpd(modules=["test_handlers"])
    wait_until(lambda: segment_of(server).server["closed_server"] >= 1, 5, "the end of the first one")
    before = segment_of(server).server
    with Client(server.port) as client:
        client.send(request("/test/stream?chunks=40&bytes=100&ms=50"))
        wait_until(lambda: segment_of(server).server["requests_in_flight"] == 1, 5, "the request")
        server.restart()
        client.read_to_end()
    # the request by which the harness has seen the new children may not be noted as over yet
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 0, 5, "nothing in flight")
    now = segment_of(server).server
    assert now["closed_error"] == before["closed_error"]
    if MPM == "hybrid":     # a stock process may have ended before it could say
        assert now["closed_stopping"] == before["closed_stopping"] + 1


def test_tls_handshakes_are_full_resumed_or_failed(httpd, tls_dir):
    server = httpd(tls=True, modules=["socache_shmcb"], tls_conf="SSLSessionTickets on\nSSLProtocol TLSv1.2\n")
    begin(server)
    before = segment_of(server).server
    context = tls.client_context(tls_dir)
    session = None
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.tls_port)) as raw, \
                context.wrap_socket(raw, server_hostname="localhost", session=session) as sock:
            sock.sendall(request("/hello.txt", headers=["Connection: close"]))
            while sock.recv(4096):
                pass
            session = sock.session
    changed(server, "tls_full", 1, before)
    changed(server, "tls_resumed", 2, before)
    with Client(server.tls_port) as client:
        client.send(b"\x16\x03\x01\x00\x05hello")
        client.read_to_end()
    changed(server, "tls_failed", 1, before)
    now = segment_of(server).server
    if MPM == "hybrid":
        earlier = before["tls_handshake"].count if before["tls_handshake"] else 0    # absent until there has been one
        assert now["tls_handshake"].count - earlier == 3
        assert 0 < now["tls_handshake"].max < 5_000_000
    else:
        assert now["tls_handshake"] is None, "a stock MPM does not see when it is over"


def test_streams_of_http2_are_requests_of_their_virtual_host(httpd, tls_dir):
    if not THREADED:
        pytest.skip("mod_http2 refuses prefork, and mpm_hybrid's prefork model refuses mod_http2")
    server = httpd(modules=["http2", "test_handlers"], tls=True, conf="Protocols h2 h2c http/1.1\n")
    base = begin(server)
    with H2(server.tls_port, tls=tls.client_context(tls_dir, alpn=["h2"])) as client:
        ids = [client.request("/1k.bin") for _ in range(20)]
        client.finish(*ids)
    wait_until(lambda: segment_of(server).requests >= base.requests + 20, 5, "twenty streams")
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 0, 5, "the end of the last")
    vhost = segment_of(server).vhosts[f"test.localhost:{server.tls_port}"]
    assert vhost["h2_streams"] == vhost["responses_2xx"] == vhost["method_get"] == vhost["total"].count == 20
    assert vhost["sent"] >= 20 * 1024
    assert vhost["in_flight"] == 0
    totals = json.loads(server.get("/mpm-status?json"))["totals"]
    settled(server, totals["requests"] + 1, "the one that asks, which was not answered yet")


@pytest.mark.skipif(not THREADED, reason="HTTP/2 is refused")
def test_streams_that_wait_for_a_worker_of_http2_are_queue_time(httpd):
    """40 streams of 100 ms for 4 workers: the last wait for nine others, and no handler takes longer than its 100 ms."""
    server = httpd(modules=["http2", "test_handlers"], conf="Protocols h2c http/1.1\nH2MinWorkers 4\nH2MaxWorkers 4\n")
    base = begin(server)
    with H2(server.port) as client:
        client.finish(*[client.request("/test/sleep?ms=100") for _ in range(40)])
    settled(server, base.requests + 40)
    vhost = vhost_of(server)
    assert vhost["handler"].quantile(0.5) < 250_000 < vhost["queue"].quantile(0.8)
    assert vhost["total"].quantile(0.9) > 500_000


@pytest.mark.skipif(not THREADED, reason="HTTP/2 is refused")
def test_streams_that_wait_for_workers_of_http2_all_the_time_are_a_saturation(httpd):
    """Seen in the file, by check, on the page; with workers of the MPM idle all the while. A burst is none."""
    server = httpd(modules=["http2", "test_handlers"], conf="Protocols h2c http/1.1\nH2MinWorkers 4\nH2MaxWorkers 4\n")
    base = begin(server).server
    assert base["streams_queued"] == base["streams_saturated"] == 0
    check = ["--segment", server.segment_file, "check"]
    with H2(server.port) as client:
        client.finish(*[client.request("/test/sleep?ms=50") for _ in range(40)])
        until = time.monotonic() + 12
        seen = 0
        while seen < 5 and time.monotonic() < until:
            client.finish(*[client.request("/test/sleep?ms=50") for _ in range(32)])
            now = segment_of(server).server
            seen += now["streams_saturated"] == 1
        # 32 in eight rounds of four: 28, 24 ... 0 wait.
        assert seen == 5 and 4 <= now["streams_queued"] <= 20 and now["streams_queued_peak"] >= now["streams_queued"]
        assert now["workers_busy"] < now["max_request_workers"] / 2
        done = run(*check)
        assert done.returncode == 1 and "streams_saturated yes" in done.stdout, done.stdout
        assert re.search(r"'oldest'=0(\.\d+)?s", done.stdout), "a connection is no request, where a worker stays with it neither"
        assert "H2MaxWorkers" in run("--segment", server.segment_file).stdout
    totals = server.mpm_status()["totals"]
    # the page looks anew: the second that is told of may be another one
    assert totals["streams_saturated"] and 4 <= totals["streams_queued"] <= 20
    wait_until(lambda: server.get("/hello.txt") and segment_of(server).server["streams_saturated"] == 0, 25, "its end", every=0.2)
    assert segment_of(server).server["streams_queued"] == 0 and run(*check).returncode == 0


def test_where_there_is_no_http2_nothing_is_told_of_its_streams(httpd):
    server = httpd()
    assert begin(server).server["streams_queued"] is None
    assert not [k for k in server.mpm_status()["totals"] if k.startswith("streams_")]


def test_a_tunnel_is_a_connection_and_no_response_time(httpd):
    with Backend(WebSocketEcho) as backend:
        server = httpd(modules=["proxy", "proxy_http", "proxy_wstunnel"],
                       conf=f'ProxyPass "/ws" "ws://127.0.0.1:{backend.port}/"\n')
        base = begin(server)
        with Client(server.port) as client:
            client.send(request("/ws", headers=["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]))
            assert b" 101 " in client.sock.recv(1000)
        now = settled(server, base.requests + 1)
        vhost = next(v for n, v in now.vhosts.items() if n == f"test.localhost:{server.port}")
        assert vhost["responses_1xx"] == 1
        before = next(v for n, v in base.vhosts.items() if n == f"test.localhost:{server.port}")
        assert vhost["total"].count == before["total"].count and vhost["handler"].count == before["handler"].count


# ---- processes --------------------------------------------------------------------------------------------------


def test_each_process_tells_its_age_memory_and_work(httpd):
    server = httpd(modules=["test_scoreboard"], mpm_conf={"StartServers": 2, "MinSpareServers": 1})
    for _ in range(5):
        server.get("/hello.txt")
    if MPM == "hybrid":
        wait_until(lambda: all(p["pss"] for p in segment_of(server).processes.values()), 10, "a look at the memory")
    # In the prefork model there may be a third one meanwhile: a process that is not ready yet is no spare one.
    slots = {p["pid"]: p["slot"] for p in server.scoreboard().processes}
    wait_until(lambda: sum(p["requests"] for p in segment_of(server).processes.values()) == segment_of(server).requests, 5,
               "the last request's end")
    found = segment_of(server).processes
    for lobby in server.lobbies():          # connections wait in it, nothing else
        found.pop(lobby, None)
    assert set(found) == set(server.children()) and len(found) >= 2
    now = time.time() * 1e6
    for process in found.values():
        assert now - 60e6 < process["started"] <= now
        assert process["generation"] == 0 and process["config_generation"] == 1 and process["left"] == 0
        if MPM == "hybrid":
            assert 1 << 20 < process["rss_first"] <= process["rss_peak"]
            assert 0 < process["pss"] <= process["rss"] * 1.1
            assert process["threads"] >= (2 if THREADED else 1) and process["cpu_user"] is not None
            assert process["slot"] == slots[process["pid"]] and process["workers"] >= 1


def crash(server, path):
    try:
        with Client(server.port) as client:
            client.send(request(path))
            client.read_to_end()
    except OSError:
        pass


@pytest.mark.parametrize("path, sig", [("/test/crash?ms=50", signal.SIGSEGV), ("/test/kill?ms=50", signal.SIGKILL)])
def test_a_crash_takes_its_own_requests_and_nothing_else(httpd, path, sig):
    server = httpd(modules=["test_handlers"])
    server.expect_log("exit signal|crash|AH0005|Segmentation|lost|was hit|worker")
    victim = server.children()[0]
    before = segment_of(server)
    with Client(server.port) as waiting:
        if THREADED:
            waiting.send(request("/test/sleep?ms=5000"))
            wait_until(lambda: segment_of(server).server["requests_in_flight"] == 1, 3, "a request under way")
        crash(server, path)
        wait_until(lambda: segment_of(server).server["crashes"] == 1, 15, "the crash")
    wait_until(lambda: server.answers(), 15, "a new child")
    now = segment_of(server)
    if THREADED:
        assert now.server["last_crash_pid"] == victim
    assert now.server["last_crash_signal"] == sig
    assert now.server["closed_crash"] >= 1
    event = [e for e in now.events if e["kind"] == "crash"]
    assert len(event) == 1 and event[0]["a"] == sig and "lost" in event[0]["text"]
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 0, 5, "nothing in flight")
    assert all(v["in_flight"] == 0 for v in segment_of(server).vhosts.values())
    assert all(h["busy"] == 0 for h in segment_of(server).handlers.values())
    assert segment_of(server).requests >= before.requests


def test_every_one_of_several_children_that_are_killed_at_once_has_its_signal(httpd):
    """Several SIGCHLD at once are one."""
    server = httpd(mpm_conf={"StartServers": 4, "MinSpareServers": 4, "MinSpareThreads": 40, "MaxSpareThreads": 40})
    server.expect_log("exit signal|crash|lost|died of signal")
    wait_until(lambda: len(server.children()) >= 4 and set(segment_of(server).processes) == set(server.children()), 10, "four children")
    victims = server.children()[:4]
    for pid, sig in zip(victims, (signal.SIGKILL, signal.SIGABRT, signal.SIGKILL, signal.SIGSYS)):
        os.kill(pid, sig)
    wait_until(lambda: segment_of(server).server["crashes"] == 4, 15, "the four")
    events = {e["pid"]: e["a"] for e in segment_of(server).events if e["kind"] == "crash"}
    assert events == dict(zip(victims, (signal.SIGKILL, signal.SIGABRT, signal.SIGKILL, signal.SIGSYS)))
    wait_until(server.answers, 15, "a new child")
    server.graceful()
    victim = server.children()[-1]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: segment_of(server).server["crashes"] == 5, 15, "the fifth, after the module was loaded anew")
    assert segment_of(server).server["last_crash_signal"] == signal.SIGKILL
    page = server.get("/mpm-status").decode()
    assert f"Process {victim} was killed: SIGKILL (9)" in page
    server.restart()
    server.stop()
    assert "died of signal 15" not in server.error_log()


def test_a_child_that_exits_out_of_order_has_no_signal(httpd):
    server = httpd(modules=["test_handlers"])
    server.expect_log("exit|lost")
    crash(server, "/test/exit?code=3")
    wait_until(lambda: segment_of(server).server["crashes"] == 1, 15, "the end of it")
    assert segment_of(server).server["last_crash_signal"] == 0
    wait_until(server.answers, 15, "a new child")
    assert "exited unexpectedly" in server.get("/mpm-status").decode()


def test_a_child_that_leaves_in_order_is_no_crash(httpd):
    server = httpd(mpm_conf={"MaxConnectionsPerChild": 3, "StartServers": 2})
    for _ in range(12):
        wait_until(server.answers, 10, "an answer")
    server.graceful()
    wait_until(lambda: segment_of(server).server["children_ended"] >= 2, 10, "children that ended")
    server.stop()
    assert not server.segment_file.exists()


def test_everything_can_be_read_while_the_children_are_stopped(httpd):
    server = httpd(modules=["test_handlers"])
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=1500&who=me"))
        wait_until(lambda: segment_of(server).server["requests_in_flight"] == 1, 3, "a request under way")
        children = server.children()
        with procs.stopped(children):
            now = segment_of(server)
            assert now.server["pid"] == server.pid and set(now.processes) == set(children)
            assert now.handlers["test-handlers"]["busy"] == 1
            assert any("who=me" in w["request"] and w["client64"] == "127.0.0.1" for w in now.workers())
            if MPM == "hybrid":
                beat = now.server["heartbeat"]
                wait_until(lambda: segment_of(server).server["heartbeat"] > beat, 5, "the parent's heartbeat")
                assert segment_of(server).server["workers_busy"] == 1
        assert client.response().body == b"slept"


@pytest.mark.mpm_gap("prefork", reason="its idle processes are busy for the scoreboard in between")
def test_saturation_is_an_interval_with_a_beginning_and_an_end(httpd):
    server = httpd(modules=["test_handlers"], conf="MPMStatsBusyThreshold 50\n",
                   mpm_conf={"ServerLimit": 1, "ThreadsPerChild": 4, "MaxRequestWorkers": 4, "MinSpareThreads": 1,
                             "MaxSpareThreads": 4})
    server.expect_log("MaxRequestWorkers")
    busy = [Client(server.port) for _ in range(4)]
    for client in busy:
        client.send(request("/test/sleep?ms=1200"))
    wait_until(lambda: segment_of(server).server["saturated_since"], 5, "saturation")
    server.wait_log(r"of 4 workers \(MaxRequestWorkers\) are busy, that is 50% \(MPMStatsBusyThreshold\) or more")
    for client in busy:
        client.response()
        client.close()

    def relieved():
        server.get("/hello.txt")
        return segment_of(server).server["saturated_since"] == 0
    wait_until(relieved, 10, "its end", every=0.2)
    now = segment_of(server)
    assert now.server["saturations"] == 1 and 500_000 < now.server["saturated_time"] < 5_000_000
    assert [e["kind"] for e in now.events if e["kind"] in ("saturated", "relieved")] == ["saturated", "relieved"]
    spread = now.server["workers_busy_time"]
    assert spread.count > 1_000_000 and sum(spread.buckets[4:]) > 500_000


# ---- logs ------------------------------------------------------------------------------------------------------


def test_phases_go_into_a_log_of_the_administrators(httpd):
    server = httpd(modules=["test_handlers"], conf='LogFormat "%{head}^MP %{queue}^MP %{handler}^MP %{write}^MP %{total}^MP '
                   '%r" phases\nCustomLog logs/phases.log phases\n')
    server.get("/test/sleep?ms=200")
    path = server.root / "logs" / "phases.log"
    wait_until(lambda: path.exists() and "sleep" in path.read_text(), 5, "the line")
    head, queue, handler, write, total, *_ = next(x for x in path.read_text().splitlines() if "sleep" in x).split()
    assert 200_000 <= int(handler) <= int(total) and int(write) < 150_000
    assert (head == "-") == (queue == "-") == (MPM != "hybrid")
    if MPM == "hybrid":
        assert abs(int(total) - int(head) - int(queue) - int(handler) - int(write)) <= 2


@pytest.mark.parametrize("line", ['LogFormat "%h %{queue}^MP %{nosuch}^MP" phases', 'CustomLog logs/x "%>s %{}^MP"',
                                  '<VirtualHost *:1>\nCustomLog logs/x "%200,304{Head}^MP %h"\n</VirtualHost>'])
def test_a_phase_that_there_is_not_is_refused(httpd, line):
    code, output = httpd(start=False).configtest(line)
    assert code != 0 and "they are head, queue, handler, write and total" in output
    assert re.search(r"conf, line \d+: %\{(nosuch|Head|)\}\^MP in (LogFormat|CustomLog)", output)


def test_slow_requests_are_told_of_with_their_phases(httpd):
    server = httpd(modules=["test_handlers"], conf="MPMStatsSlowThreshold 250ms\n")
    server.get("/test/sleep?ms=300")
    server.get("/test/sleep?ms=10")
    server.wait_log(r'slow request: 3\d\d\.\d ms \(head (0|\?)[^,]*, queue (0|\?)[^,]*, handler 3\d\d\.\d, write [\d.]+\), '
                    r'status 200, "GET /test/sleep\?ms=300 HTTP/1.1", virtual host test.localhost, handler test-handlers')
    assert "ms=10 " not in server.error_log()


@only_hybrid
def test_a_summary_comes_when_something_was_done(httpd):
    server = httpd(modules=["test_handlers"], conf="MPMStatsReportInterval 1\n")
    server.wait_log("resuming normal operations")
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=2500"))
        server.wait_log(r"mpmstats: rdy \d+ bsy 1 rd 0 wr 1 ka 0 log 0 dns 0 cls 0 h2 0, \d+ requests")
        server.wait_log(r"mpmstats: busy: 1 in test-handlers")
        client.response()
    server.wait_log(r"mpmstats: p99 in ms: queue [\d.]+, handler \d+\.\d")
    time.sleep(1.3)
    said = server.error_log().count("mpmstats: rdy")
    procs.holds_for(lambda: server.error_log().count("mpmstats: rdy") <= said + 1, 2.2, "silence")


@pytest.mark.slow
@only_hybrid
def test_the_summary_names_the_requests_that_run_longest(httpd):
    server = httpd(modules=["test_handlers"], conf="MPMStatsReportInterval 2\n")
    with Client(server.port) as first, Client(server.port) as second:
        first.send(request("/test/sleep?ms=14000&who=first"))
        time.sleep(0.3)
        second.send(request("/test/sleep?ms=14000&who=second"))
        for number, who in ((1, "first"), (2, "second")):
            server.wait_log(rf'mpmstats: long-running \({number} of 2\): 1\d s "GET /test/sleep\?ms=14000&who={who} HTTP/1.1", '
                            rf'virtual host test.localhost:{server.port}, client 127.0.0.1, process ({"|".join(map(str, server.children()))})', 20)
        assert first.response().body == second.response().body == b"slept"


# ---- hostile clients, many requests --------------------------------------------------------------------------------


def hostile_requests(count, seed):
    """Whole requests that no decent client sends: lines and Host headers of markup, control bytes, broken UTF-8, great length."""
    dice = random.Random(seed)
    pieces = [b"<script>alert(1)</script>", b"\"'><img src=x>", b"\x01\x02\x1b[2J", b"\xff\xfe\xc3\x28", b"%00%0a", b"\t",
              b"\\u0000", b"${jndi:x}", b"&amp;", b"\x7f", b"\xf0\x9f\x92\xa9", b"../" * 20, b"{}[],:\"", b"# HELP x\n"]
    for i in range(count):
        junk = b"".join(dice.choice(pieces) for _ in range(dice.randrange(1, 6)))
        if i % 500 == 0:
            junk = b"A" * 65536
        kind = i % 4
        if kind == 0:
            yield b"GET /" + junk + b" HTTP/1.1\r\nHost: test.localhost\r\n\r\n"
        elif kind == 1:
            yield b"GET /hello.txt HTTP/1.1\r\nHost: " + junk + b"\r\n\r\n"
        elif kind == 2:
            yield junk + b" / HTTP/1.1\r\nHost: test.localhost\r\n\r\n"
        else:
            yield b"GET / HTTP/" + junk + b"\r\nHost: " + junk + b"\r\n\r\n"


def test_ten_thousand_hostile_requests_leave_every_figure_right(httpd):
    server = httpd()
    base = begin(server)

    def send(part):
        for data in part:
            try:
                with Client(server.port) as client:
                    client.send(data)
                    client.half_close()
                    client.read_to_end()
            except OSError:
                pass    # reset: it had sent more than the server wanted

    everything = list(hostile_requests(10_000, 42))
    threads = [threading.Thread(target=send, args=(everything[i::4],)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 0
               and sum(p["connections"] for p in segment_of(server).processes.values()) == 0, 20, "the end of all")
    now = segment_of(server)
    log = (server.root / "logs" / "access.log").read_bytes().count(b"\n")
    assert now.requests == log and now.requests > base.requests + 5000
    assert now.server["connections_accepted"] - base.server["connections_accepted"] == 10_000
    assert sum(v for k, v in now.server.items() if k.startswith("closed_") and v) == now.server["connections_accepted"]
    assert now.server["crashes"] == 0
    assert set(now.vhosts) == set(base.vhosts) and len(now.handlers) <= 4
    status = server.mpm_status()
    assert status["totals"]["requests"] >= 1
    page = server.get("/mpm-status").decode("utf-8")
    assert "<script>alert(1)" not in page and "\x1b" not in page


def test_each_connection_has_an_end_after_a_hard_restart(httpd):
    """Idle, in mid-head, in a handler: what the end of a process cuts off is no less closed."""
    server = httpd(modules=["test_handlers"])
    server.expect_log("still did not exit, sending a SIG")       # mpm_event: there it hangs in mid-head
    clients = [Client(server.port) for _ in range(6)]
    for client in clients[:2]:
        assert client.send(request("/hello.txt")).response().status == 200
    for client in clients[2:4]:
        client.send(b"GET /hel")
    for client in clients[4:]:
        client.send(request("/test/sleep?ms=2000"))
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 2, 5, "two in their handler")
    server.restart()
    for client in clients:
        client.close()
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 0
               and sum(p["connections"] for p in segment_of(server).processes.values()) == 0, 10, "the end of all")
    now = segment_of(server).server
    assert sum(v for k, v in now.items() if k.startswith("closed_") and v) == now["connections_accepted"]
    assert now["closed_stopping"] >= 2 and now["closed_crash"] == 0


@pytest.mark.skipif(not os.environ.get("SLOW"), reason="takes a minute or two; SLOW=1 runs it")
@only_hybrid
def test_a_million_requests_over_restarts_and_crashes_are_counted_exactly(httpd):
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed")
    server = httpd(modules=["test_handlers"], log_level="notice", conf="MaxKeepAliveRequests 0\n",
                   mpm_conf={"StartServers": 2, "ServerLimit": 8, "MaxRequestWorkers": 80, "MaxSpareThreads": 80})
    server.expect_log("exit signal|crash|lost|was hit|worker|resuming")
    log = server.root / "logs" / "access.log"

    def lines():
        return int(subprocess.run(["wc", "-l", str(log)], capture_output=True, check=True).stdout.split()[0])

    lost = crashes = 0
    while segment_of(server).requests < 1_000_000:
        with subprocess.Popen(["wrk", "-t1", "-c32", "-d8", f"http://127.0.0.1:{server.port}/1k.bin"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as load:
            time.sleep(2)
            server.graceful()
            time.sleep(2)
            if crashes < 5:
                before = segment_of(server).server["crashes"]
                crash(server, "/test/crash")
                wait_until(lambda: segment_of(server).server["crashes"] > before, 10, "the crash")
                crashes += 1
            load.wait()
    wait_until(lambda: segment_of(server).server["requests_in_flight"] == 0, 20, "the end")
    wait_until(lambda: sum(p["connections"] for p in segment_of(server).processes.values()) == 0, 20, "no connection")
    now = segment_of(server)
    lost = sum(int(e["text"].split()[0]) for e in now.events if e["kind"] == "crash")
    written = lines()
    # A request is counted just before its line is written; a crash may come in between, for each worker once.
    assert written <= now.requests <= written + lost + crashes * 40, (written, now.requests, lost)
    assert now.server["crashes"] == crashes
    vhost = now.vhosts[f"test.localhost:{server.port}"]
    assert vhost["method_get"] == sum(vhost[k] for k in vhost if k.startswith("responses_"))
    assert vhost["total"].count == vhost["handler"].count == vhost["write"].count == now.requests
    assert sum(v for k, v in now.server.items() if k.startswith("closed_") and v) == now.server["connections_accepted"]
    print(f"{now.requests} requests counted, {written} in the log, {lost} in flight at {crashes} crashes, "
          f"{now.server['restarts_graceful']} graceful restarts")
