# SPDX-License-Identifier: Apache-2.0
"""What the parent says to its children, and what it makes of their ends."""
import ctypes
import errno
import os
import signal
import socket
import stat

import pytest

import procs
from clients import Client, SlowReader, request
from faults import Faults
from httpd import THREADED
from procs import wait_until
from segment import Segment

pytestmark = pytest.mark.mpm_only("hybrid")
_PIDFD_GETFD = 438          # Linux, every architecture
ONE_PROCESS = {"StartServers": 1, "ServerLimit": 1, "MaxRequestWorkers": 10 if THREADED else 1}


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path)


def gone(server, old):
    wait_until(lambda: not old & set(server.children()), 5, "the end of the old generation")


@pytest.mark.parametrize("what", ["graceful", "graceful-stop", "restart"])
def test_what_a_child_could_not_be_told_is_told_again(httpd, faults, what):
    server = httpd(**faults.options)
    server.expect_log("does not read the parent's messages|still did not exit")
    old = set(server.children())
    with faults.active("send", errno.EAGAIN, pid=server.pid):
        server.signal({"graceful": signal.SIGUSR1, "graceful-stop": signal.SIGWINCH, "restart": signal.SIGHUP}[what])
        wait_until(lambda: faults.hits("send") >= len(old), 10, "a try")
    if what == "graceful-stop":
        server.wait_stopped(5)
    else:
        gone(server, old)
        wait_until(server.answers, 5, "an answer")


def finishing(server, readers, known):
    """Make the one child of this generation stay, because of a slow reader, when the next has begun."""
    pid, = set(server.children()) - known
    reader = SlowReader(server.port, "/big")
    reader.start()
    readers.append(reader)
    server.graceful()
    assert pid in server.children()
    return pid


def shown(server):
    status = server.mpm_status()
    return [p["pid"] for p in status["processes"] + status["finishing"]]


@pytest.mark.left_out("prefork", reason="a process for each connection; what is tested is the parent's table, of which there is one")
def test_two_children_that_give_their_slots_up_late_do_not_share_a_record(httpd):
    server = httpd(mpm_conf={"StartServers": 1, "ServerLimit": 2, "MaxRequestWorkers": 20, "MinSpareThreads": 1,
                             "MaxSpareThreads": 11}, conf="Timeout 60\n")
    server.sparse_file("big", 64 << 20)
    readers = []
    late = finishing(server, readers, set())
    prompt = finishing(server, readers, {late})
    third = finishing(server, readers, {late, prompt})
    # Four slots: these three, and the newest child's. The next one takes that of who answers.
    with procs.stopped([late]):
        server.graceful()
    # It hears it now, and goes where it was asked to; so does the third, for the generation after this one.
    server.graceful()
    wait_until(lambda: {late, prompt, third} <= set(shown(server)), 5, "all of them in the status")
    assert len(shown(server)) == len(set(shown(server))), shown(server)
    for reader in readers:
        reader.close()


@pytest.mark.left_out("prefork", reason="a process for each connection; what is tested is the parent's table, of which there is one")
def test_a_child_that_ends_before_its_late_answer_is_read_leaves_no_record(httpd):
    """It has been asked to give its slot up, does so when a hard restart ends it, and nobody reads its answer any more."""
    server = httpd(mpm_conf={"StartServers": 1, "ServerLimit": 2, "MaxRequestWorkers": 20, "MinSpareThreads": 1,
                             "MaxSpareThreads": 11}, conf="Timeout 60\n")
    server.sparse_file("big", 64 << 20)
    readers = []
    late = finishing(server, readers, set())
    prompt = finishing(server, readers, {late})
    finishing(server, readers, {late, prompt})
    with procs.stopped([late]):
        server.graceful()
        old = set(server.children())
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.children() == [late], 5, "the end of all others")
    gone(server, old)
    wait_until(server.answers, 10, "an answer")
    server.mpm_status()         # a look at all records
    assert Segment(server.segment_file).server["processes_finishing"] == 0
    for reader in readers:
        reader.close()


def of_process(server, pid):
    status = server.mpm_status()
    return next(p for p in status["processes"] + status["finishing"] if p["pid"] == pid)


def test_what_a_child_has_counted_goes_with_it_when_it_gives_its_slot_up(httpd):
    server = httpd(tls=True, modules=["test_handlers"], mpm_conf=ONE_PROCESS,
                   conf="MPMHeadMemory 200K\n", log_level="debug")
    pid, = server.children()
    heads = [Client(server.tls_port, tls=server.tls_client(), timeout=20) for _ in range(3)]
    for head in heads:
        head.send(b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 8100) for i in range(20)))
    wait_until(lambda: of_process(server, pid)["shed"] >= 1, 5, "those beyond the budget dropped")
    for head in heads:
        head.close()
    assert server.get("/test/sleep?ms=50")
    wait_until(lambda: of_process(server, pid)["head_bytes"] == 0, 5, "nothing held")
    before = of_process(server, pid)
    readers = [Client(server.port, timeout=20) for _ in range(2)]
    for reader in readers:
        reader.send(request("/test/id?ms=3000", headers=["Connection: close"]))
        reader.head()
        server.graceful()
    assert "has given slot" in server.error_log()
    after = of_process(server, pid)
    lost = {name: (before[name], after[name]) for name in ("accepted", "dispatched", "promotions", "shed")
            if after[name] < before[name]}
    assert not lost
    for reader in readers:
        reader.close()


# ---- ends of children -----------------------------------------------------------------------------------------------

def test_a_child_that_served_and_exits_fatally_is_replaced(httpd):
    """APEXIT_CHILDFATAL (15) stops the server only if no child of the generation could serve."""
    server = httpd(modules=["test_handlers"])
    parent = server.pid
    for _ in range(3):
        with Client(server.port) as client:
            client.send(request("/test/exit?code=15"))
            wait_until(lambda client=client: client.closed_within(0.1), 5, "the end of the connection")
        wait_until(server.answers, 5, "an answer from another child")
    assert server.pid == parent
    assert server.error_log().count("its generation has served") >= 3 and "Apache is exiting" not in server.error_log()


def test_a_generation_of_which_no_child_can_start_stops_the_server(httpd):
    server = httpd(modules=["test_daemon"])
    server.expect_log("returned a Fatal error")
    server.write_conf(conf="TestDaemonExit 15\n")
    server.graceful(wait=False)
    server.wait_log("returned a Fatal error", timeout=10)
    server.wait_stopped(15)
    server.pid_file.unlink(missing_ok=True)


# ---- listening sockets ----------------------------------------------------------------------------------------------

def taken_from(server):
    """The server's listening socket, as somebody has it who passed it to the server. What httpd was built for does not matter."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(server.pid)
    try:
        for fd in procs.fds(server.pid):
            copy = libc.syscall(_PIDFD_GETFD, pidfd, int(fd), 0)
            if copy < 0:
                continue
            if stat.S_ISSOCK(os.fstat(copy).st_mode):
                sock = socket.socket(fileno=copy)
                if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and sock.getsockname()[1] == server.port:
                    return sock
                sock.close()
            else:
                os.close(copy)
    finally:
        os.close(pidfd)
    pytest.skip("no permission to take a descriptor of another process")


@pytest.mark.parametrize("owner", ["systemd", "nobody"])
def test_a_graceful_stop_leaves_no_filter_on_a_socket_that_outlives_the_server(httpd, owner):
    server = httpd(env={"LISTEN_FDS": "1"} if owner == "systemd" else {})
    with taken_from(server) as sock:
        server.graceful_stop()
        client = socket.socket()
        client.settimeout(1.5)
        if owner == "systemd":
            client.connect(sock.getsockname())      # and waits in its queue
        else:
            with pytest.raises(TimeoutError):       # the filter, which goes with the socket
                client.connect(sock.getsockname())
        client.close()
