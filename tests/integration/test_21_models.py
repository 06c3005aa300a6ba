# SPDX-License-Identifier: Apache-2.0
"""One MPM, three process models: what differs, and what must hold in each."""
import json
import os
import re

import cli
import procs
import pytest

from clients import Client, request
from httpd import DEFAULT_MPM_CONF
from load import Load
from procs import wait_until

pytestmark = pytest.mark.mpm_only("hybrid")

MODELS = ["event", "worker", "prefork"]
PREFORK = {"StartServers": 3, "MinSpareServers": 2, "MaxSpareServers": 4, "MaxRequestWorkers": 10,
           "ServerLimit": None, "ThreadLimit": None, "ThreadsPerChild": None, "MinSpareThreads": None,
           "MaxSpareThreads": None}


@pytest.fixture
def make(httpd):
    def make(model, conf="", **options):
        if model == "prefork":
            options.setdefault("mpm_conf", PREFORK)
        return httpd(conf=f"MPMModel {model}\n{conf}", **options)
    return make


each_model = pytest.mark.parametrize("model", MODELS)


@each_model
def test_requests_are_answered_over_http_and_tls(make, model):
    server = make(model, tls=True)
    assert server.get("/hello.txt") == b"hello\n"
    with Client(server.port) as client:
        for _ in range(3):
            assert client.get().body == b"hello\n"
    with Client(server.tls_port, tls=server.tls_client()) as client:
        for _ in range(3):
            assert client.get().body == b"hello\n"


@each_model
def test_a_handler_that_suspends_its_request(make, model):
    """Without async nobody can resume it: the connection ends with KeepAliveTimeout, as under mpm_worker and mpm_prefork."""
    server = make(model, modules=["dialup"], conf="KeepAliveTimeout 1\n<Location /10k.bin>\nModemStandard V.92\n</Location>\n")
    server.file("10k.bin", b"m" * 10000)
    with Client(server.port, timeout=6) as client:
        client.send(request("/10k.bin"))
        if model == "event":
            assert client.response().body == b"m" * 10000
            assert client.closed_within(4)
        else:
            assert client.read_to_end().endswith(b"\r\n\r\n" + b"m" * 7000)
    wait_until(lambda: sum(p["connections"] for p in server.mpm_status()["processes"]) <= 1, 5, "nothing but who asks")


@each_model
def test_apachectl_says_whether_there_are_threads(make, model):
    server = make(model)
    threaded = re.search(r"threaded:\s+(\w+)", server.run("-V").stdout).group(1)
    assert threaded == ("no" if model == "prefork" else "yes")


@pytest.mark.parametrize("modules", [[], ["http2", "proxy_http2", "proxy_balancer", "cgid", "ssl", "reqtimeout"]],
                         ids=["alone", "with-modules"])
def test_a_prefork_child_has_one_thread(make, modules):
    server = make("prefork", modules=modules)
    for _ in range(3):
        assert server.get("/hello.txt") == b"hello\n"
    server.graceful()
    server.get("/hello.txt")
    for pid in server.children():
        status = open(f"/proc/{pid}/status").read()
        assert re.search(r"^Threads:\s+1$", status, re.M), pid


def waiting(server, what):
    return server.mpm_status()["totals"]["connections_by_state"][what]


def test_a_client_that_does_not_close_holds_no_prefork_process(make):
    """Lingering close: 60 of them beside 10 processes, and the answers of others go on."""
    server = make("prefork", modules=["test_handlers"])
    clients = [Client(server.port, timeout=20) for _ in range(60)]
    try:
        for client in clients:
            client.send(request("/hello.txt", headers=["Connection: close"]))
        for client in clients:
            assert client.response().body == b"hello\n"
        wait_until(lambda: waiting(server, "linger") >= 60, 5, "60 that linger")
        wait_until(lambda: sum(p["workers"]["busy"] for p in server.mpm_status()["processes"]) <= 1, 3, "free processes")
        for _ in range(20):
            assert server.get("/hello.txt") == b"hello\n"
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: waiting(server, "linger") == 0, 5, "none that lingers")


def test_a_rest_that_a_client_still_sends_does_not_break_its_answer(make):
    """Closed without lingering, what comes in would make the kernel reset the connection under the answer."""
    server = make("prefork", conf="LimitRequestBody 1000")
    with Client(server.port, timeout=20) as client:
        client.send(request("/hello.txt", "POST", headers=["Connection: close", "Content-Length: 300000"]))
        for _ in range(30):
            client.send(b"x" * 10000)
            procs.time.sleep(0.01)
        assert client.response().status == 413


def test_prefork_processes_are_replaced_after_their_number_of_connections(make):
    server = make("prefork", conf="MaxConnectionsPerChild 20")
    seen = set()
    for _ in range(300):
        assert server.get("/hello.txt") == b"hello\n"
        seen.update(server.children())
    assert len(seen) >= 300 / 20 - 4


def test_prefork_keeps_the_spare_processes_it_is_told_to_keep(make):
    server = make("prefork", modules=["test_handlers"])
    wait_until(lambda: 2 <= len(server.children()) <= 4, 5, "two to four processes")
    clients = [Client(server.port, timeout=20) for _ in range(6)]
    for client in clients:
        client.send(request("/test/sleep?ms=3000", headers=["Connection: close"]))
    wait_until(lambda: len(server.children()) >= 8, 2, "two more than are busy")
    for client in clients:
        client.response()
        client.close()


def test_prefork_heads_over_tls_are_held_within_mpmheadmemory(httpd):
    server = httpd(tls=True, conf="MPMModel prefork\nMPMHeadMemory 1M\n",
                   mpm_conf={**PREFORK, "StartServers": 1, "MinSpareServers": 1, "MaxSpareServers": 2, "MaxRequestWorkers": 2})
    clients = []
    for _ in range(6):
        clients.append(Client(server.tls_port, tls=server.tls_client(), timeout=10))
        clients[-1].send(b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 8100) for i in range(80)))

    def figure(name):
        return sum(p[name] for p in server.mpm_status()["processes"])
    wait_until(lambda: figure("shed") >= 4, 5, "those beyond the budget dropped")
    assert figure("head_bytes") <= 2 << 20
    server.wait_log("MPMHeadMemory")
    for client in clients:
        client.close()


def test_tls_connections_that_one_prefork_process_holds_have_different_ids(httpd):
    server = httpd(tls=True, modules=["test_handlers"], conf="MPMModel prefork\n",
                   mpm_conf={**PREFORK, "StartServers": 1, "MinSpareServers": 1, "MaxSpareServers": 2, "MaxRequestWorkers": 1})
    clients = [Client(server.tls_port, tls=server.tls_client(), timeout=10) for _ in range(3)]
    for client in clients:
        client.send(b"GET /test/id HTTP/1.1\r\nHost: test.localhost\r\n")
    wait_until(lambda: sum(p["connections_by_state"]["head"] for p in server.mpm_status()["processes"]) == 3, 5, "three held")
    ids = []
    for client in clients:
        client.send(b"Connection: close\r\n\r\n")
        ids.append(client.response().body)
        client.close()
    assert len(set(ids)) == 3, ids


def test_a_killed_lobby_is_replaced(make):
    server = make("prefork")
    victim, = wait_until(server.lobbies, 5, "a lobby")
    server.expect_log(rf"child pid {victim} exit")
    procs.kill(victim)
    wait_until(lambda: server.lobbies() and victim not in server.lobbies(), 5, "a new lobby")
    server.wait_log(f"the lobby, process {victim}, died of signal 9: the connections that waited in it are lost")
    with Client(server.port) as client:
        client.send("GET /hello.txt HTTP/1.1\r\nHost: local")
        wait_until(lambda: waiting(server, "head") == 1, 5, "half a head in the lobby")
        client.send("host\r\n\r\n")
        assert client.response().body == b"hello\n"


@each_model
def test_who_waits_for_a_worker_is_seen_without_asking_the_server(make, model):
    """Half a head, in prefork in the lobby, which is no process that serves."""
    server = make(model)
    segment = ["--segment", server.root / "run" / "mpmstats.segment"]

    def seen():
        return json.loads(cli.run(*segment, "--json").stdout)

    with Client(server.port) as client:
        client.send("GET /hello.txt HTTP/1.1\r\nHost: local")
        # Until the first look at the processes nothing is known of their connections.
        wait_until(lambda: seen()["totals"].get("connections_by_state", {}).get("head") == 1, 5, "half a head in the segment")
        told = seen()
        assert told["totals"]["connections"] == 1
        assert len(told["processes"]) == told["totals"]["processes"] and told["finishing"] == []
        assert not {p["pid"] for p in told["processes"]} & set(server.lobbies())
        client.send("host\r\n\r\n")
        assert client.response().body == b"hello\n"
    wait_until(lambda: seen()["totals"]["connections"] == 0, 5, "no connection in the segment")
    old = server.lobbies()
    assert len(old) == (model == "prefork")
    server.graceful()
    wait_until(lambda: not set(old) & set(server.lobbies()), 5, "the end of the old lobby")

    def living():
        totals = seen()["totals"]
        return totals["children_started"] - totals["children_ended"] - totals["processes"]
    wait_until(lambda: living() == len(old), 5, "a count of the processes that ended")
    assert seen()["totals"]["crashes"] == 0 and cli.run(*segment, "events", "--kind", "crash").stdout == "No event matches.\n"


@each_model
def test_slow_heads_do_not_stop_anybody(make, model):
    server = make(model)
    slow = [Client(server.port) for _ in range(200)]
    try:
        for client in slow:
            client.send("GET /hello.txt HTTP/1.1\r\nHost: local")
        for _ in range(10):
            assert server.get("/hello.txt") == b"hello\n"
        slow[0].send("host\r\n\r\n")
        assert slow[0].response().body == b"hello\n"
    finally:
        for client in slow:
            client.close()


def half_head_over_tls(server):
    return Client(server.tls_port, tls=server.tls_client(), timeout=20).send("GET /hello.txt HTTP/1.1\r\nHost: local")


def half_hello(server):
    return Client(server.tls_port, timeout=20).send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")


@each_model
@pytest.mark.parametrize("half", [half_head_over_tls, half_hello])
def test_200_halves_over_tls_do_not_stop_anybody(make, model, half):
    """In the prefork model beside 10 processes."""
    server = make(model, tls=True)
    slow = [half(server) for _ in range(200)]
    try:
        for _ in range(10):
            assert server.get("/hello.txt") == b"hello\n"
            with Client(server.tls_port, tls=server.tls_client(), timeout=20) as client:
                assert client.get().body == b"hello\n"
        if half is half_head_over_tls:
            for client in (slow[0], slow[-1]):
                client.send("host\r\n\r\n")
                assert client.response().body == b"hello\n"
    finally:
        for client in slow:
            client.close()


def large_requests():
    fields = [f"X-Filler-{i}: {'x' * 7000}" for i in range(4)]
    return {"head": (request(headers=fields), 200),
            "body": (request(method="POST", body=b"x" * 30000), 200),
            "chunks": (request(method="POST", headers=["Transfer-Encoding: chunked"])
                       + b"2710\r\n" + b"x" * 10000 + b"\r\n" + b"2710\r\n" + b"x" * 10000 + b"\r\n0\r\n\r\n", 200)}


@each_model
@pytest.mark.parametrize("size", [2048, 8192])
def test_a_request_larger_than_the_receive_window_is_answered(make, model, size):
    """Who only peeks never sees the whole of it: the client may not send the rest before something is read."""
    server = make(model, f"ReceiveBufferSize {size}\nRequestReadTimeout header=8 body=8", modules=["reqtimeout"], tls=True)
    for tls in (None, server.tls_client()):
        for name, (data, status) in large_requests().items():
            with Client(server.tls_port if tls else server.port, tls=tls, timeout=4) as client:
                assert client.send(data).response().status == status, (name, tls)


@each_model
def test_a_client_hello_larger_than_the_receive_window_is_answered(make, model):
    server = make(model, "ReceiveBufferSize 2048", tls=True)
    context = server.tls_client()
    context.set_alpn_protocols([f"{i:03}" * 40 for i in range(100)] + ["http/1.1"])
    with Client(server.tls_port, tls=context, timeout=4) as client:
        assert client.get("/hello.txt").body == b"hello\n"


@each_model
def test_uploads_and_pipelined_requests_arrive_whole(make, model):
    server = make(model, modules=["test_handlers"])
    body = b"x" * 200000
    with Client(server.port) as client:
        client.send(request("/test/body", "POST", headers=[f"Content-Length: {len(body)}"]))
        client.send(body)
        assert client.response().body.decode() == f"{len(body)} {sum(body)}"
        client.send(request() + request() + request())
        for _ in range(3):
            assert client.response().body == b"hello\n"


@each_model
def test_graceful_restarts_under_load_lose_nothing(make, model):
    server = make(model)
    with Load(server.port, connections=8) as load:
        for _ in range(4):
            wait_until(lambda before=load.counts["answered"]: load.counts["answered"] > before + 50, 10, "answers")
            server.graceful()
    counts = load.counts
    assert counts["lost"] == 0 and counts["wrong"] == 0, load.details


@each_model
def test_a_killed_child_is_replaced(make, model):
    server = make(model)
    victim = sorted(server.children())[-1]
    server.expect_log(rf"child pid {victim} (exit|died)")
    procs.kill(victim)
    wait_until(lambda: victim not in server.children() and server.answers(), 5, "a new child")
    assert server.get("/hello.txt") == b"hello\n"


def test_prefork_starts_the_processes_that_waiting_requests_need(make):
    server = make("prefork", modules=["test_handlers"])
    clients = [Client(server.port, timeout=20) for _ in range(8)]
    try:
        for client in clients:
            client.send(request("/test/sleep?ms=1500"))
        begun = procs.time.monotonic()
        for client in clients:
            assert client.response().body == b"slept"
        assert procs.time.monotonic() - begun < 2.9         # not one after the other on three processes
    finally:
        for client in clients:
            client.close()


def starts(server):
    """When each child was started, in seconds of the day."""
    times = re.findall(r" (\d\d):(\d\d):([\d.]+) \d{4}\].*child \d+ started in slot", server.error_log())
    return [int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in times]


def test_prefork_starts_expensive_children_in_batches_and_in_the_end_all_that_are_needed(make):
    """By the time an interpreter for each is there those that were there may have done all the work."""
    server = make("prefork", modules=["test_handlers", "test_slow_start"], env={"MPM_TEST_START_MS": "120"},
                  wrapper=["taskset", "-c", str(min(os.sched_getaffinity(0)))], log_level="info mpm_hybrid:debug",
                  mpm_conf={**PREFORK, "StartServers": 3, "MinSpareServers": 3, "MaxSpareServers": 30, "MaxRequestWorkers": 40})
    wait_until(lambda: len(server.mpm_status()["processes"]) >= 3, 5, "those it starts with")
    clients = [Client(server.port, timeout=30) for _ in range(15)]
    for client in clients:
        client.send(request("/test/sleep?ms=20000", headers=["Connection: close"]))
    times = wait_until(lambda: len(found := starts(server)) >= 15 and found, 20, "a child for each request")
    # One core: beside the first three one at a time, or a few where the first batches took a second.
    assert sum(at - times[3] < 0.1 for at in times[3:]) <= 4
    for client in clients:
        client.close()


def switch(server, old, new):
    server.conf_file.write_text(server.conf_file.read_text().replace(f"MPMModel {old}", f"MPMModel {new}"))


def model(server):
    return server.mpm_status()["server"]["model"]


@pytest.mark.parametrize("old,new", [("event", "worker"), ("worker", "event")])
def test_a_graceful_restart_changes_between_event_and_worker_and_loses_nothing(make, old, new):
    server = make(old)
    with Load(server.port, connections=8) as load:
        switch(server, old, new)
        server.graceful()
        wait_until(lambda before=load.answered: load.answered > before + 100, 10, "answers")
    assert not load.failed, load.details
    assert model(server) == new


@pytest.mark.parametrize("old,new", [("event", "prefork"), ("prefork", "worker")])
def test_a_graceful_restart_to_or_from_prefork_keeps_the_model_and_says_so(make, old, new):
    server = make(old)
    switch(server, old, new)
    server.graceful()
    server.wait_log(f"MPMModel cannot be changed from {old} to {new} by a graceful restart, it stays {old}")
    assert server.get("/hello.txt") == b"hello\n"
    assert model(server) == old
    assert [len(procs.threads(pid)) for pid in server.children()] == [1] * len(server.children()) or old != "prefork"


def test_a_restart_changes_to_every_model_with_all_its_processes(make):
    server = make("event", modules=["test_handlers"])
    server.write_conf(mpm_conf={"ServerLimit": None})
    before = "event"
    for new in ("prefork", "worker", "prefork", "event"):
        switch(server, before, new)
        server.restart()
        before = new
        wait_until(lambda: model(server) == new, 5, new)
        assert server.mpm_status()["limits"]["server_limit"] == (256 if new == "prefork" else 16)
        assert len(server.lobbies()) == (new == "prefork")
        clients = [Client(server.port, timeout=20) for _ in range(30)]      # more than event's 4 processes
        for client in clients:
            client.send(request("/test/sleep?ms=200", headers=["Connection: close"]))
        for client in clients:
            assert client.response().body == b"slept"
            client.close()


def test_events_are_counted_on_over_a_restart_to_another_model(make):
    server = make("event")
    for n, (before, new) in enumerate([("event", "prefork"), ("prefork", "worker")], 1):
        victim = sorted(server.children())[-1]
        server.expect_log(rf"child pid {victim} (exit|died)")
        procs.kill(victim)
        wait_until(lambda: server.mpm_status()["totals"]["crashes"] == n, 5, "the crash counted")
        switch(server, before, new)
        server.restart()
        assert model(server) == new and server.mpm_status()["totals"]["crashes"] == n


def test_a_changed_server_limit_is_kept_over_a_restart_in_prefork_too(make):
    server = make("prefork", conf="ServerLimit 20")
    server.conf_file.write_text(server.conf_file.read_text().replace("ServerLimit 20", "ServerLimit 30"))
    server.graceful()
    server.wait_log("changing ServerLimit to 30 from original value of 20 not allowed during restart")
    assert server.mpm_status()["limits"]["server_limit"] == 20


def test_an_unknown_model_is_refused(httpd):
    code, output = httpd(start=False).configtest("MPMModel threads")
    assert code != 0 and "MPMModel must be event, worker or prefork" in output


@pytest.mark.parametrize("line", ["MPMModel worker", "MPMLoadModule env_module /usr/lib/apache2/modules/mod_env.so"])
@pytest.mark.parametrize("section", ["VirtualHost *:1", "Directory /", "Location /"])
def test_what_is_done_while_the_configuration_is_read_is_refused_in_a_section(httpd, line, section):
    code, output = httpd(start=False).configtest(f"<IfModule mpm_hybrid_module>\n<{section}>\n<IfModule mpm_hybrid_module>\n"
                                                 f"{line}\n</IfModule>\n</{section.split()[0]}>\n</IfModule>")
    assert code != 0 and f"{line.split()[0]} cannot occur within <{section.split()[0]}> section" in output
    code, output = httpd(start=False).configtest(f"<{section}>\n</{section.split()[0]}>\n<IfModule mpm_hybrid_module>\n{line}\n</IfModule>")
    assert code == 0, output


@pytest.mark.parametrize("model,lines,said", [
    ("event", "MinSpareServers 3\nMaxSpareServers 6", "MinSpareServers, MaxSpareServers have"),
    ("event", "MinSpareServers 3", "MinSpareServers has"),
    ("worker", "AsyncRequestWorkerFactor 2", "AsyncRequestWorkerFactor has"),
    ("prefork", "ThreadsPerChild 10\nMaxSpareThreads 20\nThreadLimit 64\nMinSpareThreads 5",
     "ThreadsPerChild, ThreadLimit, MinSpareThreads, MaxSpareThreads have"),
    ("prefork", "AsyncRequestWorkerFactor 2\nMPMConcurrency 1\nMPMHungRequestTime 9",
     "AsyncRequestWorkerFactor, MPMConcurrency, MPMHungRequestTime have")])
def test_directives_of_another_model_are_accepted_with_one_warning(httpd, model, lines, said):
    options = {"mpm_conf": PREFORK} if model == "prefork" else {}
    code, output = httpd(start=False, conf=f"MPMModel {model}\n", **options).configtest(lines)
    assert code == 0
    assert [line for line in output.splitlines() if "no effect" in line][0].endswith(
        f"WARNING: {said} no effect with MPMModel {model}.")
    assert output.count("no effect") == 1


def test_prefork_has_the_documented_defaults(httpd):
    none = dict.fromkeys(DEFAULT_MPM_CONF)
    server = httpd(conf="MPMModel prefork", mpm_conf=none, modules=["test_scoreboard"])
    limits = server.mpm_status()["limits"]
    assert {k: limits[k] for k in ("start_servers", "min_spare_servers", "max_spare_servers", "max_request_workers",
                                   "server_limit")} == {
        "start_servers": 5, "min_spare_servers": 5, "max_spare_servers": 10, "max_request_workers": 256,
        "server_limit": 256}
    wait_until(lambda: 5 <= len(server.children()) <= 10, 5, "five processes")


@pytest.mark.parametrize("lines,said", [
    ("MinSpareServers 0", "MinSpareServers of 0 not allowed, increasing to 1"),
    ("MaxRequestWorkers 300", "MaxRequestWorkers of 300 would require 300 servers and would exceed ServerLimit of 256"),
    ("StartServers 0", "StartServers of 0 not allowed, increasing to 1"),
    ("ServerLimit 30000", "ServerLimit of 30000 exceeds compile-time limit of 20000, decreasing to 20000")])
def test_preforks_limits_are_corrected_with_a_message(httpd, lines, said):
    code, output = httpd(start=False, conf="MPMModel prefork", mpm_conf=dict.fromkeys(DEFAULT_MPM_CONF)).configtest(lines)
    assert code == 0 and said in output


def test_max_spare_servers_is_more_than_min_spare_servers(make):
    server = make("prefork", conf="MinSpareServers 4\nMaxSpareServers 2")
    limits = server.mpm_status()["limits"]
    assert (limits["min_spare_servers"], limits["max_spare_servers"]) == (4, 5)


def test_limits_of_another_model_are_not_shown(make):
    event, prefork = make("event"), make("prefork")
    foreign = {"min_spare_servers", "max_spare_servers"}
    assert not foreign & set(event.mpm_status()["limits"])
    assert foreign <= set(prefork.mpm_status()["limits"])
    assert not {"min_spare_threads", "max_spare_threads"} & set(prefork.mpm_status()["limits"])


# ---- what other modules make of it ---------------------------------------------------------------------------------

def test_http2_is_refused_in_prefork_and_http_1_is_spoken(make):
    server = make("prefork", modules=["http2"], tls=True, tls_conf="Protocols h2 http/1.1",
                  conf="Protocols h2c http/1.1\nH2Direct On")
    assert server.error_log().count("HTTP/2 is disabled with MPMModel prefork") == 1
    with Client(server.tls_port, tls=server.tls_client(alpn=["h2", "http/1.1"])) as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        assert client.get().body == b"hello\n"
    with Client(server.port) as client:
        upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
        answer = client.get(headers=upgrade)
        assert answer.status == 200 and answer.body == b"hello\n" and not answer.interim
    with Client(server.port) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert client.response().status == 400


@pytest.mark.parametrize("model", ["event", "worker"])
def test_http2_is_spoken_in_the_threaded_models(make, model):
    server = make(model, modules=["http2"], tls=True, tls_conf="Protocols h2 http/1.1")
    with Client(server.tls_port, tls=server.tls_client(alpn=["h2", "http/1.1"])) as client:
        assert client.sock.selected_alpn_protocol() == "h2"
    assert "HTTP/2 is disabled" not in server.error_log()


@each_model
def test_both_cgi_modules_run_scripts(make, model):
    """a2enmod cgi chooses by what apachectl -V says of threads; each of them works in every model."""
    for module in ("cgi", "cgid"):
        server = make(model, modules=[module], conf='ScriptAlias "/scripts/" "${ROOT}/cgi-bin/"')
        server.cgi("hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nfrom a script\\n'\n")
        for _ in range(3):
            assert server.get("/scripts/hello") == b"from a script\n"


@each_model
def test_the_model_is_named_by_page_report_document_and_command(make, model):
    server = make(model, modules=["status"])
    page = re.sub(r"<[^>]*>", "", server.get("/mpm-status").decode())
    assert f"hybrid, {model} model" in page
    assert f"MPMStatsModel: {model}" in server.get("/mpm-status?auto").decode()
    assert server.mpm_status()["server"]["model"] == model
    assert "ServerMPM: hybrid" in server.get("/server-status?auto").decode()
    shown = cli.run("--url", f"{server.url}/mpm-status", "status")
    assert shown.returncode == 0 and f"model {model}" in " ".join(shown.stdout.split())
    assert "Server MPM:     hybrid" in server.run("-V").stdout


# ---- what the MPM answers to modules -------------------------------------------------------------------------------

def answers(server):
    return json.loads(server.get("/test-mpm"))["queries"]


@pytest.mark.parametrize("model", ["worker", "prefork"])
def test_a_model_that_is_not_async_has_no_timed_callbacks(make, model):
    """Modules then do without: httpd's own loop would not wait for a request that is suspended."""
    server = make(model, modules=["test_suspend"])
    for _ in range(3):
        with Client(server.port) as client:
            assert client.get("/test-suspend?ms=20").status == 501
    assert server.get("/hello.txt") == b"hello\n"


def test_prefork_answers_as_prefork_does(make):
    told = answers(make("prefork", modules=["test_mpm"], conf="MaxConnectionsPerChild 123456"))
    assert {k: told[k] for k in ("IS_THREADED", "IS_FORKED", "MAX_THREADS", "HARD_LIMIT_THREADS", "MIN_SPARE_DAEMONS",
                                 "MAX_SPARE_DAEMONS", "MIN_SPARE_THREADS", "MAX_SPARE_THREADS", "MAX_DAEMONS",
                                 "MAX_REQUESTS_DAEMON")} == {
        "IS_THREADED": 0, "IS_FORKED": 2, "MAX_THREADS": 1, "HARD_LIMIT_THREADS": 1, "MIN_SPARE_DAEMONS": 2,
        "MAX_SPARE_DAEMONS": 4, "MIN_SPARE_THREADS": 0, "MAX_SPARE_THREADS": 0, "MAX_DAEMONS": 10,
        "MAX_REQUESTS_DAEMON": 123456}
    assert not told["IS_ASYNC"] and not told["CAN_WAITIO"]


def test_worker_answers_as_worker_does(make):
    told = answers(make("worker", modules=["test_mpm"]))
    assert told["IS_THREADED"] in (1, 2) and told["IS_FORKED"] == 2 and told["MAX_THREADS"] == 10
    assert not told["IS_ASYNC"] and not told["CAN_WAITIO"]


@pytest.mark.parametrize("model,threaded", [("event", True), ("worker", True), ("prefork", False)])
def test_whether_there_are_threads_is_known_before_the_configuration_is_read(httpd, model, threaded):
    """PHP asks in pre_config."""
    output = httpd(start=False, modules=["test_mpm"], conf=f"MPMModel {model}").run("-t").stdout
    told = json.loads(re.search(r"queries in pre_config: (\{.*\})", output).group(1))
    assert bool(told["IS_THREADED"]) == threaded and bool(told["IS_ASYNC"]) == (model == "event")
