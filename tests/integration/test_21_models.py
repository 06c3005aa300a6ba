# SPDX-License-Identifier: Apache-2.0
"""One MPM, three process models: what differs, and what must hold in each."""
import re

import procs
import pytest

from clients import Client, request
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
            options["mpm_conf"] = PREFORK
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
def test_apachectl_says_whether_there_are_threads(make, model):
    server = make(model)
    threaded = re.search(r"threaded:\s+(\w+)", server.run("-V").stdout).group(1)
    assert threaded == ("no" if model == "prefork" else "yes")


def test_a_prefork_child_has_one_thread(make):
    server = make("prefork")
    server.get("/hello.txt")
    for pid in server.children():
        status = open(f"/proc/{pid}/status").read()
        assert re.search(r"^Threads:\s+1$", status, re.M), pid


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


def test_the_model_is_kept_over_a_graceful_restart_and_that_is_said(make):
    server = make("event")
    server.conf_file.write_text(server.conf_file.read_text().replace("MPMModel event", "MPMModel worker"))
    server.graceful()
    wait_until(lambda: "MPMModel cannot be changed from event to worker" in server.error_log(), 5, "the message")
    assert server.get("/hello.txt") == b"hello\n"


def test_an_unknown_model_is_refused(httpd):
    code, output = httpd(start=False).configtest("MPMModel threads")
    assert code != 0 and "MPMModel must be event, worker or prefork" in output


@pytest.mark.parametrize("model,line", [("event", "MinSpareServers 3"), ("prefork", "ThreadsPerChild 10")])
def test_a_directive_of_another_model_is_accepted_with_a_warning(httpd, model, line):
    options = {"mpm_conf": PREFORK} if model == "prefork" else {}
    code, output = httpd(start=False, conf=f"MPMModel {model}\n", **options).configtest(line)
    assert code == 0 and f"{line.split()[0]} has no effect with MPMModel {model}" in output
