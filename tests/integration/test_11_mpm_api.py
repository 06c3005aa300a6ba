# SPDX-License-Identifier: Apache-2.0
"""What the MPM offers to modules: queries, timed callbacks, suspended requests, waiting for I/O, life-cycle hooks."""
import json
import re
import time

import pytest

import procs
from clients import Client, request
from httpd import ASYNC, MPM, THREADED
from procs import wait_until

pytestmark = pytest.mark.mpm_only("hybrid", "event")

MODULES = ["test_mpm", "test_suspend", "test_scoreboard", "test_handlers"]
CONF = "Timeout 3\nKeepAliveTimeout 10\n"
not_async = pytest.mark.left_out(
    "worker", "prefork", reason="the model is not async: no request is suspended, and no module waits for I/O in the MPM")
WAITIO = CONF + """
Listen 127.0.0.1:${WAITIO} waitio
AcceptFilter waitio none
<VirtualHost 127.0.0.1:${WAITIO}>
  TestWaitIO on
</VirtualHost>
"""
resumes_nothing = pytest.mark.mpm_gap(
    "event", reason="event does not take a connection up again after the timed callback that ended its request")


@pytest.fixture(scope="module")
def server(module_httpd):
    return module_httpd(modules=MODULES, conf=CONF, mpm_conf={"MaxConnectionsPerChild": 123456})


@pytest.fixture
def suspender(httpd):
    """A server of its own for each test, because event keeps the connections of a suspended request for ever."""
    server = httpd(modules=MODULES, conf=CONF)
    if MPM == "event":
        server.expect_log("AH00046")
    return server


@pytest.fixture(scope="module")
def waitio(module_httpd):
    server = module_httpd(start=False, modules=["test_waitio", "test_scoreboard"], conf=WAITIO)
    server.extra_port("WAITIO")
    return server.start()


# ---- queries -------------------------------------------------------------------------------------------------------

def from_child(server):
    return json.loads(server.get("/test-mpm"))


def test_the_name_is_the_mpms(server):
    assert from_child(server)["name"] == MPM


def test_queries_in_a_child(server):
    answers = from_child(server)["queries"]
    assert answers["IS_THREADED"] in ((1, 2) if THREADED else (0,))         # static or dynamic, or "not supported"
    assert answers["IS_FORKED"] == 2                # processes come and go
    assert (answers["IS_ASYNC"], answers["CAN_WAITIO"]) == ((1, 1) if ASYNC else (0, 0))
    assert answers["HAS_SERF"] in (None, 0)
    assert answers["UNKNOWN"] is None
    assert answers["MAX_THREADS"] == (10 if THREADED else 1)
    assert answers["HARD_LIMIT_THREADS"] == (25 if THREADED else 1)
    assert answers["MAX_DAEMONS"] == (4 if THREADED else 40)
    assert answers["HARD_LIMIT_DAEMONS"] >= answers["MAX_DAEMONS"]          # slots of the scoreboard
    threads, daemons = ("MIN_SPARE_THREADS", "MAX_SPARE_THREADS"), ("MIN_SPARE_DAEMONS", "MAX_SPARE_DAEMONS")
    assert [answers[k] for k in threads] == ([5, 20] if THREADED else [0, 0])
    assert [answers[k] for k in daemons] == ([0, 0] if THREADED else [1, 10])
    assert answers["MAX_REQUESTS_DAEMON"] == 123456
    assert answers["GENERATION"] == 0
    assert 1 <= answers["MAX_DAEMON_USED"] <= answers["HARD_LIMIT_DAEMONS"]


def test_max_daemon_used_bounds_the_slots_in_use(server):
    used = from_child(server)["queries"]["MAX_DAEMON_USED"]
    assert all(p["slot"] < used for p in server.scoreboard().processes)


def test_queries_in_pre_config_are_sound(httpd):
    """Before the directives are read an MPM answers with its defaults, never with a mark for "not set"."""
    output = httpd(start=False, modules=["test_mpm"]).run("-t").stdout
    answers = json.loads(re.search(r"queries in pre_config: (\{.*\})", output).group(1))
    assert bool(answers["IS_ASYNC"]) == ASYNC and bool(answers["IS_THREADED"]) == THREADED
    for name in ("HARD_LIMIT_DAEMONS", "HARD_LIMIT_THREADS", "MAX_THREADS"):
        assert answers[name] is None or answers[name] >= 1, f"{name} is {answers[name]}"
    assert all(value is None or value >= 0 for value in answers.values()), answers


def test_queries_in_post_config_are_those_of_the_configuration(httpd):
    server = httpd(modules=["test_mpm"], mpm_conf={"ThreadsPerChild": 7, "MaxRequestWorkers": 21})
    answers = json.loads(re.findall(r"queries in post_config: (\{.*\})", server.error_log())[-1]) \
        if "post_config" in server.error_log() else \
        json.loads(re.search(r"queries in post_config: (\{.*\})", server.run("-t").stdout).group(1))
    assert (answers["MAX_THREADS"], answers["MAX_DAEMONS"]) == ((7, 3) if THREADED else (1, 21))


def test_the_generation_counts_restarts(httpd):
    server = httpd(modules=["test_mpm"])
    for n in range(1, 4):
        server.graceful()
        # A connection that an old process had accepted already is still answered by it.
        wait_until(lambda: from_child(server)["queries"]["GENERATION"] == n, 5, "a child of the new generation")


# ---- hooks ---------------------------------------------------------------------------------------------------------

def test_child_status_tells_of_every_child_that_comes_and_goes(httpd):
    server = httpd(modules=["test_mpm"], mpm_conf={"StartServers": 2})
    wait_until(lambda: len(server.children()) >= 2, 5, "two children")
    victim = server.children()[0]
    server.expect_log("exit signal")
    procs.kill(victim)
    server.wait_log(rf"child_status pid={victim} gen=0 slot=\d+ exited")
    server.graceful()
    server.stop()
    log = server.error_log()
    started = re.findall(r"child_status pid=(\d+) gen=(\d+) slot=(\d+) started", log)
    ended = re.findall(r"child_status pid=(\d+) gen=(\d+) slot=(\d+) (?:exited|lost_slot)", log)
    assert len(started) == len(set(started)) >= 4
    assert sorted(started) == sorted(set(ended))
    assert {gen for _, gen, _ in started} == {"0", "1"}


def test_end_generation_is_told_once_for_each_generation(httpd):
    server = httpd(modules=["test_mpm"])
    for n in range(3):
        server.graceful()
        server.wait_log(rf"test-mpm: end_generation gen={n}\b", 10)
    server.stop()
    assert re.findall(r"test-mpm: end_generation gen=(\d+)", server.error_log())[:3] == ["0", "1", "2"]


def test_end_generation_waits_for_the_last_child(httpd):
    server = httpd(modules=["test_mpm", "test_handlers", "test_scoreboard"])
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=1500"))
        wait_until(lambda: server.scoreboard().busy == 1, 3, "the request")
        server.graceful()
        assert "end_generation gen=0" not in server.error_log()
        assert client.response().body == b"slept"
    server.wait_log("end_generation gen=0", 10)


@pytest.mark.parametrize("how,graceful", [("graceful", 1), ("restart", 0), ("stop", 0), ("graceful_stop", 1)])
def test_child_stopping_is_told_in_each_child(httpd, how, graceful):
    server = httpd(modules=["test_mpm"], mpm_conf={"StartServers": 2})
    wait_until(lambda: len(server.children()) >= 2, 5, "two children")
    old = server.children()
    getattr(server, how)()
    for pid in old:
        server.wait_log(rf"child_stopping pid={pid} graceful={graceful}", 5)


# ---- timed callbacks and suspended requests ------------------------------------------------------------------------

@not_async
@resumes_nothing
def test_a_suspended_request_is_finished_by_its_callback(suspender):
    with Client(suspender.port) as client:
        for ms in (0, 1, 50, 400):
            started = time.monotonic()
            assert client.get(f"/test-suspend?ms={ms}").body == b"pulse\n"
            took = (time.monotonic() - started) * 1000
            assert ms - 5 <= took <= ms + 1000
        assert client.get().body == b"hello\n"


@not_async
@resumes_nothing
def test_a_request_may_be_suspended_again_and_again(suspender):
    with Client(suspender.port) as client:
        assert client.get("/test-suspend?ms=30&steps=20").body == b"pulse\n" * 20


@not_async
@resumes_nothing
def test_suspended_requests_hold_no_worker(suspender):
    clients = [Client(suspender.port) for _ in range(60)]
    for client in clients:
        client.send(request("/test-suspend?ms=1500"))
    # Each passed a worker on its way; from then on none is held.
    wait_until(lambda: suspender.scoreboard().busy == 0, 1.2, "no busy worker")
    for client in clients:
        assert client.response().body == b"pulse\n"
        client.close()


@not_async
@pytest.mark.mpm_only("hybrid")
def test_a_slow_callback_delays_no_other_connection(suspender):
    with Client(suspender.port) as slow, Client(suspender.port, timeout=2) as other:
        slow.send(request("/test-suspend?slow=3000"))
        wait_until(lambda: suspender.scoreboard().busy >= 1, 2, "the slow callback at work")
        for _ in range(3):
            assert other.get("/test-suspend?ms=20").body == b"pulse\n"
        assert slow.response().body == b"pulse\n"


@not_async
@pytest.mark.mpm_only("hybrid")
def test_a_slow_callback_of_no_connection_delays_none(suspender):
    with Client(suspender.port, timeout=2) as client:
        assert client.get("/test-suspend?outside=3000").body == b"outside\n"
        wait_until(lambda: suspender.scoreboard().busy >= 1, 2, "the slow callback at work")
        for _ in range(3):
            assert client.get("/test-suspend?ms=20").body == b"pulse\n"
        assert suspender.scoreboard().busy >= 1


@not_async
@pytest.mark.mpm_only("hybrid")
def test_a_callback_that_is_due_again_at_once_leaves_others_their_turn(httpd):
    server = httpd(modules=MODULES, conf=CONF + "MPMConcurrency 1\n")
    with Client(server.port) as looping, Client(server.port, timeout=2) as other:
        assert looping.get("/test-suspend?loop=3000").body == b"loops\n"
        for _ in range(20):
            assert other.get("/hello.txt").body == b"hello\n"


@not_async
@resumes_nothing
def test_callbacks_fire_in_the_order_of_their_times(suspender):
    clients = [(ms, Client(suspender.port)) for ms in (500, 100, 300, 200, 400)]
    for ms, client in clients:
        client.send(request(f"/test-suspend?ms={ms}"))
    ends = {}
    started = time.monotonic()
    for ms, client in sorted(clients, key=lambda c: c[0]):
        assert client.response().body == b"pulse\n"
        ends[ms] = (time.monotonic() - started) * 1000
        client.close()
    assert all(ms - 20 <= at <= ms + 300 for ms, at in ends.items()), ends


@not_async
@resumes_nothing
def test_many_callbacks_at_once_all_fire(suspender):
    clients = [Client(suspender.port) for _ in range(200)]
    for n, client in enumerate(clients):
        client.send(request(f"/test-suspend?ms={200 + n % 50}&steps=3"))
    for client in clients:
        assert client.response().body == b"pulse\n" * 3
        client.close()
    wait_until(lambda: suspender.scoreboard().total("suspended") == 0 or MPM == "event", 3, "no suspended connection")


@not_async
@pytest.mark.mpm_gap("event", reason="closes an aborted connection under the callback of its suspended request")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_client_that_leaves_a_suspended_request_does_no_harm(httpd, tls):
    """The connection stays the module's until its callback has ended, whether the client is there or not."""
    server = httpd(modules=MODULES, tls=True, tls_conf="Protocols http/1.1")
    if MPM == "event":
        server.expect_log("AH00046")
    where = {"port": server.tls_port, "tls": server.tls_client()} if tls else {"port": server.port}
    for leave in (Client.close, Client.reset):
        for n in range(45):
            client = Client(**where)
            client.send(request("/test-suspend?ms=30"))
            # Without reading: what lies unread in the client's socket makes a close a reset.
            procs.holds_for(lambda: True, (0, 0.01, 0.028)[n % 3], every=0.002)
            leave(client)
    procs.holds_for(server.answers, 0.5)


@not_async
def test_suspend_and_resume_are_announced_in_pairs(httpd):
    server = httpd(modules=["test_suspend"], conf="LogLevel info test_suspend:debug\nKeepAliveTimeout 1")
    with Client(server.port) as client:
        for _ in range(3):
            client.get()
            client.closed_after(0.2)        # the connection is parked, that is, suspended
    server.stop()
    log = server.error_log()
    assert log.count("test-suspend: suspended") >= 3
    assert log.count("test-suspend: resumed") >= 2


@not_async
@resumes_nothing
def test_suspended_requests_survive_a_graceful_restart(httpd):
    server = httpd(modules=["test_suspend"])
    if MPM == "event":
        server.expect_log("AH00046")
    with Client(server.port) as client:
        client.send(request("/test-suspend?ms=1500"))
        wait_until(lambda: procs.accepted(server.port, client.sock), 3, "the connection accepted")
        server.graceful()
        assert client.response().body == b"pulse\n"


# ---- CONN_STATE_ASYNC_WAITIO ----------------------------------------------------------------------------------------

@not_async
def test_a_module_waits_for_reading_in_the_mpm(waitio):
    with Client(waitio.ports["WAITIO"]) as client:
        for word in ("one", "two", "three"):
            client.send(word + "\n")
            assert client.read(len(f"you said {word}\n")) == f"you said {word}\n".encode()
        client.send("quit\n")
        assert client.read_to_end() == b"bye\n"


@not_async
def test_a_module_waits_for_writing_in_the_mpm(waitio):
    with Client(waitio.ports["WAITIO"]) as client:
        for _ in range(3):
            client.send("write\n")
            assert client.read(9) == b"writable\n"


@not_async
def test_connections_that_wait_for_io_hold_no_worker(waitio):
    clients = [Client(waitio.ports["WAITIO"]) for _ in range(60)]
    for client in clients:
        client.send("hi\n")
        assert client.read(12) == b"you said hi\n"
    assert waitio.get("/hello.txt") == b"hello\n"
    wait_until(lambda: waitio.scoreboard().busy == 0, 2, "no busy worker")
    for client in clients:
        client.send("ho\n")
        assert client.read(12) == b"you said ho\n"
        client.close()


@not_async
def test_a_wait_for_io_ends_with_timeout(waitio):
    with Client(waitio.ports["WAITIO"]) as client:
        client.send("hi\n")
        assert client.read(12) == b"you said hi\n"
        after = client.closed_after(7)
        assert after is not None and 2.9 <= after <= 4.5, after


@not_async
def test_a_client_that_leaves_while_it_is_waited_for_is_forgotten(waitio):
    clients = [Client(waitio.ports["WAITIO"]) for _ in range(20)]
    for client in clients:
        client.send("hi\n")
        client.read(12)
        client.reset()
    if MPM == "hybrid":
        wait_until(lambda: waitio.scoreboard().total("wait_io") == 0, 3, "no connection that waits")
    assert waitio.answers()


# ---- other protocols on a Listen ---------------------------------------------------------------------------------------

def test_a_module_with_its_own_protocol_gets_its_connections(httpd):
    """mod_echo: bytes that are no HTTP, on a plain Listen."""
    server = httpd(start=False, modules=["echo"], conf="""
        Listen 127.0.0.1:${ECHO}
        <VirtualHost 127.0.0.1:${ECHO}>
          ProtocolEcho On
        </VirtualHost>""")
    port = server.extra_port("ECHO")
    server.start()
    with Client(port) as client:
        for text in (b"no http at all\r\n", b"GET\n", b"\n", b"PRI * no\n", b"x" * 5000 + b"\n"):
            client.send(text)
            assert client.read(len(text)) == text
