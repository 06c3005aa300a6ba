# SPDX-License-Identifier: Apache-2.0
"""The scoreboard tells the truth: letters of the workers, counts of the connections, flags of the processes,
and what mod_status makes of them."""
import json
import re

import pytest

import procs
from clients import Client, SlowReader, request
from httpd import ASYNC, MODEL, MPM, Scoreboard
from load import Load
from procs import wait_until

MODULES = ["test_scoreboard", "test_handlers", "test_suspend", "test_waitio", "cgid"]
CONF = """
Timeout 20
KeepAliveTimeout 20
AcceptFilter http none
Listen 127.0.0.1:${WAITIO} waitio
<VirtualHost 127.0.0.1:${WAITIO}>
  TestWaitIO on
</VirtualHost>
"""
not_in_prefork = pytest.mark.left_out(
    "prefork", reason="httpd's scoreboard has no counts of connections under prefork; test_21 looks at mpm-status's")
lazy = pytest.mark.mpm_gap("event", reason="event refreshes its scoreboard's counts only when a timeout is due")
pytestmark = pytest.mark.mpm_only("hybrid", "event")
keeps_its_worker = pytest.mark.left_out(
    "worker", "prefork", reason="a connection keeps its worker from its first request to its last answer")
not_async = pytest.mark.left_out(
    "worker", "prefork", reason="the model is not async: no request is suspended, and no module waits for I/O in the MPM")


@pytest.fixture(scope="module")
def server(module_httpd):
    server = module_httpd(start=False, modules=MODULES, conf=CONF)
    server.extra_port("WAITIO")
    server.sparse_file("100m", 100 << 20)
    return server.start()


@pytest.fixture(autouse=True)
def quiet(server):
    """Every test begins with no connection but the one that looks."""
    wait_until(lambda: server.scoreboard().busy == 0, 10, "no busy worker")
    if MPM == "hybrid":
        wait_until(lambda: server.scoreboard().total("connections") <= 1, 10, "no connection")


def total_becomes(server, field, count):
    wait_until(lambda: server.scoreboard().total(field) == count, 3, f"{field} == {count}")


def holding_no_worker(server, field, count):
    """The worker that answered the look before may still have to log it."""
    def held():
        board = server.scoreboard()
        return board.total(field) == count and board.busy == 0
    wait_until(held, 3, f"{field} == {count}, and no busy worker")


# ---- workers --------------------------------------------------------------------------------------------------

def test_an_idle_server_has_only_idle_workers(server):
    board = server.scoreboard()
    assert set(board.letters) <= set("_")
    if MPM in ("event", "worker"):
        assert len(board.letters) + 1 == 10 * len(board.processes)


@pytest.mark.parametrize("count", [1, 3, 7])
def test_each_request_under_way_is_a_w(server, count):
    clients = [Client(server.port) for _ in range(count)]
    for client in clients:
        client.send(request("/test/sleep?ms=700", headers=["Connection: close"]))
    wait_until(lambda: server.scoreboard().count("W") == count, 3, f"{count} workers that write")
    for client in clients:
        assert client.response().body == b"slept"
        client.close()
    wait_until(lambda: server.scoreboard().busy == 0, 3, "no busy worker")


def test_a_worker_that_waits_for_a_cgi_script_is_a_w(server):
    server.cgi("slow", "#!/bin/sh\nsleep 0.5\necho Content-Type: text/plain\necho\necho done\n")
    with Client(server.port) as client:
        client.send(request("/cgi/slow"))
        wait_until(lambda: server.scoreboard().count("W") == 1, 3, "a worker that writes")
        assert client.response().body == b"done\n"


def test_live_workers_carry_their_process_and_generation(server):
    board = server.scoreboard()
    for process in board.processes:
        assert process["workers"]
        for _, pid, generation, _ in process["workers"]:
            assert (pid, generation) == (process["pid"], process["generation"])


def test_the_processes_are_the_children(server):
    assert {p["pid"] for p in server.scoreboard().processes} == set(server.children())


def test_every_worker_letter_of_a_live_process_is_known(server):
    with Load(server.port, connections=20):
        for _ in range(50):
            for process in server.scoreboard().processes:
                assert set(process["letters"]) <= set("._SRWKDCLGI"), process


def test_accesses_are_counted_exactly(httpd):
    server = httpd(modules=["test_scoreboard"])
    with Client(server.port) as client:     # on one connection each look is counted before the next; the others once they end
        wait_until(lambda: Scoreboard(json.loads(client.get("/test-scoreboard").body)).busy == 0, 5, "no busy worker")
        before = int(re.search(rb"Total Accesses: (\d+)", client.get("/server-status?auto").body)[1])
    with Load(server.port, connections=5) as load:
        wait_until(lambda: load.answered >= 2000, 20, "2000 requests")
    assert not load.failed
    looks = 0

    # A request is counted after its response has gone: each look counts the looks before it.
    def all_counted():
        nonlocal looks
        looks += 1
        return int(server.auto()["Total Accesses"]) - before == load.answered + looks
    wait_until(all_counted, 5, "every request counted, and none twice")


def test_a_request_is_named_while_it_runs(server):
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=500&name=unmistakable"))
        page = wait_until(lambda: (p := server.get("/server-status").decode()) and "unmistakable" in p and p, 3,
                          "the request in mod_status")
        row = next(r for r in page.split("<tr>") if "unmistakable" in r)
        assert "<b>W</b>" in row and "127.0.0.1" in row
        client.response()


# ---- connections --------------------------------------------------------------------------------------------

@not_in_prefork
@lazy
def test_open_connections_are_counted(server):
    clients = [Client(server.port) for _ in range(17)]
    total_becomes(server, "connections", 18)
    for client in clients:
        client.close()
    total_becomes(server, "connections", 1)


@keeps_its_worker
@lazy
def test_keep_alive_connections_are_counted(server):
    clients = [Client(server.port) for _ in range(9)]
    for client in clients:
        client.get()
    total_becomes(server, "keep_alive", 9)
    clients[0].close()
    total_becomes(server, "keep_alive", 8)
    clients[1].send(request("/test/sleep?ms=500"))
    total_becomes(server, "keep_alive", 7)
    clients[1].response()
    total_becomes(server, "keep_alive", 8)
    for client in clients:
        client.close()
    total_becomes(server, "keep_alive", 0)


@keeps_its_worker
@lazy
def test_connections_that_write_are_counted(server):
    readers = [SlowReader(server.port, "/100m") for _ in range(4)]
    for reader in readers:
        reader.start()
    total_becomes(server, "write_completion", 4)
    for reader in readers:
        reader.close()
    total_becomes(server, "write_completion", 0)


@not_in_prefork
@lazy
def test_lingering_connections_are_counted(server):
    clients = [Client(server.port) for _ in range(5)]
    for client in clients:
        client.get(headers=["Connection: close"])
    total_becomes(server, "lingering_close", 5)
    for client in clients:
        client.close()
    total_becomes(server, "lingering_close", 0)


@not_async
@lazy
def test_suspended_connections_are_counted(server):
    clients = [Client(server.port) for _ in range(3)]
    for client in clients:
        client.send(request("/test-suspend?ms=800"))
    holding_no_worker(server, "suspended", 3)
    for client in clients:
        assert client.response().body == b"pulse\n"
        client.close()
    total_becomes(server, "suspended", 0)


@not_async
@lazy
def test_connections_that_wait_for_io_are_counted(server):
    clients = [Client(server.ports["WAITIO"]) for _ in range(3)]
    for client in clients:
        client.send("hi\n")
        assert client.read(12) == b"you said hi\n"
    holding_no_worker(server, "wait_io", 3)
    for client in clients:
        client.close()
    total_becomes(server, "wait_io", 0)


@not_in_prefork
@lazy
def test_the_counts_are_right_again_after_a_load(httpd):
    server = httpd(modules=["test_scoreboard", "test_handlers"], tls=True, conf="KeepAliveTimeout 1")
    with Load(server.port, connections=30, per_connection=7), \
            Load(server.tls_port, connections=10, per_connection=5, tls=server.tls_client()) as load:
        wait_until(lambda: load.answered > 300, 20, "a load")
    for field in ("keep_alive", "write_completion", "lingering_close", "suspended", "wait_io"):
        total_becomes(server, field, 0)
    total_becomes(server, "connections", 1)


# ---- processes ------------------------------------------------------------------------------------------------

def test_a_process_that_finishes_its_requests_is_marked(httpd):
    server = httpd(modules=["test_scoreboard", "test_handlers"])
    with Client(server.port) as client:
        old = int(re.search(rb"pid=(\d+)", client.get("/test/info").body)[1])
        client.send(request("/test/sleep?ms=1500"))
        wait_until(lambda: server.scoreboard().busy == 1, 3, "the request")
        server.graceful()

        def marked():                   # the old process is told when a new one is seen to serve
            board = server.scoreboard()
            return board if board.by_pid(old)["quiescing"] == 1 else None

        board = wait_until(marked, 1, "the mark")
        mine = board.by_pid(old)
        assert mine["generation"] == board.raw["generation"] - 1
        assert "W" in mine["letters"] or "G" in mine["letters"]
        assert client.response().body == b"slept"
    wait_until(lambda: server.scoreboard().by_pid(old) is None, 5, "the end of the old process in the scoreboard")


@pytest.mark.mpm_only("hybrid")
@keeps_its_worker
def test_a_process_at_its_connection_limit_says_that_it_does_not_accept(httpd):
    server = httpd(modules=["test_scoreboard"], conf="MPMMaxConnections 20",
                   mpm_conf={"ServerLimit": 1, "MaxRequestWorkers": 10})
    with Client(server.port) as looking:
        def flag():
            return json.loads(looking.get("/test-scoreboard").body)["processes"][0]["not_accepting"]
        assert flag() == 0
        clients = [Client(server.port) for _ in range(25)]
        for client in clients:
            client.send(request())
        wait_until(lambda: flag() == 1, 3, "not_accepting")
        for client in clients[:19]:
            assert client.response().body == b"hello\n"
            client.close()
        for client in clients[19:]:
            assert client.response().body == b"hello\n"
            client.close()
        wait_until(lambda: flag() == 0, 3, "accepting again")


def test_the_slots_of_a_killed_process_are_empty_or_taken_again(httpd):
    server = httpd(modules=["test_scoreboard"], mpm_conf={"StartServers": 2})
    victim = server.children()[0]
    server.expect_log(rf"child pid {victim} exit signal Killed")
    procs.kill(victim)
    wait_until(lambda: server.scoreboard().by_pid(victim) is None, 5, "the slot")
    wait_until(lambda: {p["pid"] for p in server.scoreboard().processes} == set(server.children()), 5,
               "scoreboard and /proc agree")
    for process in server.scoreboard().processes:
        assert all(pid == process["pid"] for _, pid, _, _ in process["workers"])


def test_letters_of_unused_slots_are_dots(server):
    for process in server.scoreboard().raw["processes"]:
        if not process["pid"]:
            assert set(process["letters"]) <= {"."}, process


# ---- mod_status -------------------------------------------------------------------------------------------------

def test_mod_status_knows_the_server(server):
    # beside the one that answers none, once those of the tests before have ended
    auto = wait_until(lambda: (found := server.auto())["BusyWorkers"] == "1" and found["Scoreboard"].count("W") == 1 and found, 5,
                      "one busy worker")
    assert auto["ServerMPM"] == MPM
    assert int(auto["IdleWorkers"]) >= 1
    assert re.fullmatch(r"[._SRWKDCLGI]+", auto["Scoreboard"])
    if ASYNC:       # mod_status has these lines for an async MPM only
        assert int(auto["Processes"]) == len(server.children())
        assert int(auto["Stopping"]) == 0


@pytest.mark.mpm_only("hybrid")
def test_mod_status_has_every_key_it_has_on_the_mpm_the_model_is_named_after(server, httpd):
    def keys(of):
        # Some lines are there only once the server is a second old.
        wait_until(lambda: int(of.auto().get("ServerUptimeSeconds", 0)) >= 1, 5, "a second of uptime")
        return [key for key in of.auto() if key != "CPULoad"]      # there once 10 ms have been used
    assert keys(server) == keys(httpd(mpm=MODEL))


@not_async
def test_mod_status_page_shows_the_asynchronous_connections(server):
    page = server.get("/server-status").decode()
    assert "Async connections" in page
    row = re.search(rf"<td>{server.children()[0]}</td>.*", page).group(0)
    assert "yes" in row         # accepting
