# SPDX-License-Identifier: Apache-2.0
"""A child that has been taken over writes what it likes into the memory it shares with the root process. That one must
neither crash nor signal anybody but its own children (CVE-2019-0211 was such a hole)."""
import contextlib
import re
import signal
import struct
import subprocess
import time

import pytest

import procs
from clients import Client, request
from faults import Faults
from httpd import MODEL
from procs import holds_for, wait_until
from segment import Segment, text_of

pytestmark = pytest.mark.mpm_only("hybrid")
MODULES = ["test_scribble", "test_handlers", "http2", "rewrite", "reqtimeout"]
POOL = {"StartServers": 2, "ServerLimit": 3, "ThreadLimit": 10, "ThreadsPerChild": 10, "MinSpareThreads": 10,
        "MaxSpareThreads": 30, "MaxRequestWorkers": 30}
CONF = """
<Location /test-scribble>
  SetHandler test-scribble
</Location>
RewriteEngine On
MPMHungRequestTime 1
LogLevel mpm_hybrid:debug
SSLSessionCache "shmcb:${ROOT}/run/sessions(512000)"
"""


@pytest.fixture
def bystander():
    """A process that is none of the server's and dies of any signal."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def ask(server, path):
    """A request that may fail: its process may be the one that is scribbled over."""
    with contextlib.suppress(OSError, AssertionError), Client(server.port, timeout=3) as client:
        client.send(request(path))
        return client.response().body.decode()


@pytest.mark.parametrize("seed", [1, 2])
def test_scribbling_over_shared_memory_harms_neither_the_parent_nor_a_foreign_process(httpd, tmp_path, bystander, seed):
    faults = Faults(tmp_path)
    server = httpd(modules=MODULES, tls=True, conf=CONF, mpm_conf=POOL, **faults.options)
    server.expect_log("exit signal|sending a SIG|alert|crit|emerg|AH0005|scoreboard|resetting|process slots")
    server.forgive_files = ["sessions"]
    parent = server.pid
    children = set(server.children())
    answer = ask(server, f"/test-scribble?ms=4000&pid={bystander.pid}&seed={seed}")
    size, mappings = map(int, re.match(r"(\d+) bytes in (\d+) mappings", answer).groups())
    assert size > 50_000 and mappings >= 3, "the scoreboard, ours, and the sessions of mod_ssl"
    scribbling = time.monotonic() + 3.5
    step = 0
    while time.monotonic() < scribbling:
        children |= set(server.children())
        assert server.pid == parent and procs.alive(parent), "the parent is gone"
        step += 1
        if step % 7 == 0:
            server.signal(signal.SIGUSR1)
        elif step == 20:
            server.signal(signal.SIGHUP)
        elif step % 5 == 0 and (alive := server.children()):
            procs.kill(max(alive), signal.SIGSEGV if step % 2 else signal.SIGKILL)
        elif step % 3 == 0:
            ask(server, "/test/crash")
        else:
            ask(server, "/test/sleep?ms=50")
        time.sleep(0.05)
    assert bystander.poll() is None
    time.sleep(0.6)                     # the last bytes
    hups = server.error_log().count("SIGHUP received")
    server.signal(signal.SIGHUP)
    # Old children may still answer; and httpd forgets a SIGTERM that comes while it reads its configuration.
    wait_until(lambda: (log := server.error_log()).count("SIGHUP received") > hups
               and "resuming normal operations" in log.rpartition("SIGHUP received")[2], 20, "the restart")
    wait_until(server.answers, 20, "an answer after a restart")
    children |= set(server.children())
    assert server.get("/hello.txt") == b"hello\n"
    assert server.pid == parent
    server.stop()
    assert bystander.poll() is None, "the parent has signalled a process that is not its child"
    sent = [(to, sig) for sender, to, sig in faults.signals() if sender == parent and sig]
    started = set(map(int, re.findall(r"child (\d+) started in slot", server.error_log()))) | children
    assert sent or step, "nothing was signalled"
    assert {to for to, _ in sent} <= started, {to for to, _ in sent} - started


def others(server, answer):
    """The children that are not the one that has answered."""
    return [pid for pid in server.children() if pid != int(answer.split()[-1])]


def test_messages_with_two_descriptors_leave_none_behind(httpd):
    """They come through the queue from one generation to the next, which every child reads, and those to and from the lobby."""
    server = httpd(modules=["test_scribble"], conf=CONF.split("RewriteEngine")[0], mpm_conf=POOL | {"MinSpareServers": 2})
    wait_until(lambda: len(server.children()) >= 2, 5, "two children")
    before = {pid: len(procs.fds(pid)) for pid in [*server.children(), *server.lobbies()]}
    for _ in range(3):
        assert "sockets of" in ask(server, "/test-scribble?two=100")
    holds_for(lambda: all(len(procs.fds(pid)) < n + 60 for pid, n in before.items() if procs.alive(pid)), 0.7, "no descriptor kept")
    assert server.answers()


def test_a_queue_between_generations_that_is_shut_down_costs_nothing(httpd):
    server = httpd(modules=["test_scribble"], conf=CONF.split("RewriteEngine")[0], mpm_conf=POOL | {"MinSpareServers": 2},
                   log_level="info mpm_hybrid:debug")
    wait_until(lambda: len(server.children()) >= 2, 5, "two children")
    left = others(server, ask(server, "/test-scribble?shut=1"))
    wait_until(server.answers, 5, "an answer")
    left = [pid for pid in left if procs.alive(pid)]
    used = {pid: procs.cpu_seconds(pid) for pid in left}
    time.sleep(1)
    assert all(procs.cpu_seconds(pid) - used[pid] < 0.4 for pid in left if procs.alive(pid))
    started = server.error_log().count("started in slot")
    holds_for(lambda: server.get("/hello.txt", timeout=3) == b"hello\n", 1, "service")
    assert server.error_log().count("started in slot") < started + 10
    if MODEL == "prefork":
        assert "has shut down the sockets" in server.error_log()
    with Client(server.port) as client:         # a head on its way still finds somebody to wait for it
        client.send(b"GET /hello.txt HTTP/1.1\r\n")
        wait_until(lambda: procs.accepted(server.port, client.sock), 5, "the connection accepted")
        assert client.send(b"Host: a\r\n\r\n").response().body == b"hello\n"


@pytest.mark.parametrize("step, others", [(1, {"thread_limit": 1}), (64, {"thread_limit": 1}), (2**40, {})])
def test_the_page_reads_the_scoreboard_by_no_layout_that_a_child_has_written(httpd, step, others):
    """Of a scoreboard with a record for each byte the page would have tens of thousands of workers, or none."""
    server = httpd(mpm_conf=POOL)
    wait_until(lambda: len(server.children()) >= 2 and len(server.mpm_status()["processes"]) >= 2, 5, "two children")
    before = server.mpm_status()
    sections = Segment(server.segment_file).sections
    offset, _, _, fields = sections["board"]
    board = {text_of(name): offset + at for name, *_, at in fields}
    room = sections["board_image"][1]
    hostile = {"process_step": step, "worker_step": step, "server_limit": room // 2 // step or 2, "process_offset": 0, "worker_offset": 0, **others}
    with open(server.segment_file, "r+b") as file:
        for name, value in hostile.items():
            file.seek(board[name])
            file.write(struct.pack("=Q", value))
        offset, size, count, _ = sections["board_field"]
        file.seek(offset)
        file.write(bytes(size * count))
    after = server.mpm_status()
    assert len(after["workers"]) == len(before["workers"])
    assert [p["pid"] for p in after["processes"]] == [p["pid"] for p in before["processes"]]
