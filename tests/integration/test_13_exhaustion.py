# SPDX-License-Identifier: Apache-2.0
"""Shortages of everything, each under load: what is answered, what has to wait, what is told, and that it passes.

faults.py makes the system calls fail while the server runs. In every test one load keeps its connections and another
makes a new one for each request; both account for every request. A new connection that cannot be accepted waits in the
kernel's queue, so even that is not lost.
"""
import collections
import contextlib
import errno
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import procs
from clients import Client, request
from faults import Faults
from httpd import ASYNC, MODEL, THREADED, module_path
from load import Load
from procs import holds_for, wait_until
from statusview import checked

pytestmark = [pytest.mark.mpm_only("hybrid"),
              pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")]

POOL = {"StartServers": 2, "ServerLimit": 3, "ThreadLimit": 25, "ThreadsPerChild": 10, "MinSpareThreads": 15,
        "MaxSpareThreads": 30, "MaxRequestWorkers": 30}
if MODEL == "worker":    # as many as there may be: connections hold workers, so that more would be started
    POOL["StartServers"] = 3
if not THREADED:        # so many that none need be started or go
    POOL = {"StartServers": 30, "MinSpareServers": 1, "MaxSpareServers": 30, "MaxRequestWorkers": 30}
CONF = "KeepAliveTimeout 20\nTimeout 20\nMaxKeepAliveRequests 0\n<Directory />\nAllowOverride None\n</Directory>\n"
PATH = "/test/info"         # needs no file
OFTEN = None if ASYNC else 3        # a connection that keeps its worker has to let others have it
sanitized = pytest.mark.skipif(bool(os.environ.get("SANITIZE")), reason="the sanitizer's malloc comes first")


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path)


def make(httpd, faults=None, conf="", mpm_conf=None, **options):
    server = httpd(modules=["test_handlers", "test_scoreboard"], conf=CONF + conf, mpm_conf={**POOL, **(mpm_conf or {})},
                   **(faults.options if faults else {}), **options)
    children = 2 if THREADED else 30
    wait_until(lambda: len(server.children()) >= children, 5, f"{children} children")
    return server


@contextlib.contextmanager
def live(server, keep=10, fresh=5, **options):
    """Both loads, which must have got going before the block begins; yields them."""
    options.setdefault("path", PATH)
    options.setdefault("pause", 0.005)
    with Load(server.port, connections=keep, **options) as kept, \
            Load(server.port, connections=fresh, per_connection=1, **options) as new:
        wait_until(lambda: kept.answered > 50 and new.answered > 20, 10, "load")
        yield kept, new
        wait_until(lambda goal=(kept.answered + 50, new.answered + 20): kept.answered > goal[0] and new.answered > goal[1],
                   2, "service as before within two seconds")


def assert_nothing_lost(*loads):
    for load in loads:
        assert not load.failed, (load.failed, load.details[:10])


EVENTS = ("clock_jumps", "crashes", "saturations")


def own_keys(server):
    """What ?auto says of events, under the names of the JSON; these keys come after all of mod_status's."""
    lines = server.get("/mpm-status?auto").decode().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("MPMStats"))
    assert all(line.startswith("MPMStats") for line in lines[first:])
    keys = (line.removeprefix("MPMStats").split(": ", 1) for line in lines[first:])
    return {re.sub("(?<!^)([A-Z])", r"_\1", key).lower(): value for key, value in keys}


def totals(server):
    """Totals of the status. Its events as JSON and in ?auto must be the same (they change while one looks)."""
    def both():
        before, auto = checked(server.get("/mpm-status?json"))["totals"], own_keys(server)
        after = checked(server.get("/mpm-status?json"))["totals"]
        events = {k: v for k, v in after.items() if k.startswith("shortages_") or k in EVENTS}
        assert len(events) == 9
        return after if all(before[k] == v for k, v in events.items()) and \
            all(auto[k] == str(v) for k, v in events.items()) else None
    return wait_until(both, 3, "the same in the JSON and in ?auto")


def assert_told_once(server, pattern, key):
    lines = re.findall(f".*{pattern}.*", server.error_log())
    assert len(lines) == 1, lines
    assert totals(server)[key] == 1
    others = {k: v for k, v in totals(server).items() if k.startswith("shortages_") and k != key}
    assert not any(others.values()), others


# ---- descriptors --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("error,told,key", [
    (errno.EMFILE, r"out of file descriptors: .*LimitNOFILE=.*ulimit -n\), now \d+", "shortages_files"),
    (errno.ENFILE, r"out of file descriptors: .*sysctl fs.file-max", "shortages_files"),
    (errno.ENOMEM, r"out of memory: .*MemoryMax=", "shortages_memory"),
    (errno.ENOBUFS, r"out of memory: .*net.ipv4.tcp_mem", "shortages_memory"),
], ids=["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"])
def test_connections_wait_while_they_cannot_be_accepted(httpd, faults, error, told, key):
    server = make(httpd, faults)
    children = server.children()
    with live(server) as (kept, new):
        with faults.active("accept", error):
            before = kept.answered
            holds_for(lambda: True, 0.3)
            stuck = new.answered
            wait_until(lambda: kept.answered > before + 100, 10, "service on the connections there are")
            assert new.answered == stuck, "new connections, which cannot be"
    assert faults.hits("accept") > 0
    assert_nothing_lost(kept, new)
    assert_told_once(server, told, key)
    assert set(children) <= set(server.children())
    if error == errno.EMFILE:
        server.wait_log(r"there are file descriptors again, after \d+ ms", 5)


def test_children_at_their_limit_of_open_files_serve_what_they_have(httpd, faults):
    """The real limit, lowered to what is open."""
    server = make(httpd, faults)
    with live(server, fresh=3) as (kept, new):
        children = server.children()
        # so few that the next one is beyond it, whichever is free
        with faults.active("nofile", 1, pid=-server.pid, amount=10 if THREADED else 4):
            wait_until(lambda: faults.hits("nofile") >= len(children), 5, "the limit in all children")
            before = kept.answered
            holds_for(lambda: True, 0.5)
            wait_until(lambda: kept.answered > before + 100, 10, "service on the connections there are")
    assert_nothing_lost(kept, new)
    assert_told_once(server, r"out of file descriptors: .*ulimit -n\), now \d+", "shortages_files")
    assert set(children) <= set(server.children())


def test_a_connection_that_one_process_cannot_accept_is_accepted_by_another(httpd, faults):
    """The kernel tells one process of it; when that one cannot take it, nobody else is told."""
    server = make(httpd, faults, mpm_conf={"MaxSpareThreads": 30})

    def who():
        """The processes that answer so many connections at once that each is asked to take some."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(server.port, timeout=2)) for _ in range(24 if ASYNC else 12)]
            return [int(re.search(rb"pid=(\d+)", client.get(PATH).body)[1]) for client in clients]
    poor = collections.Counter(who()).most_common()[0][0]
    waited = []
    with faults.active("accept", errno.EMFILE, pid=poor):
        for tries in range(100):
            began = time.monotonic()
            assert poor not in who()
            waited.append(time.monotonic() - began)
            if tries >= 10 and faults.hits("accept"):
                break
            holds_for(lambda: True, 0.11)       # until it tries again
        assert faults.hits("accept") > 0
    if THREADED:
        assert sorted(waited)[len(waited) // 2] < 0.8, "the others come to look once a second only"
    assert totals(server)["shortages_files"] == 1


@pytest.mark.parametrize("error", [errno.ENOMEM, errno.ENOSPC], ids=["ENOMEM", "ENOSPC"])
def test_connections_that_cannot_be_watched_are_looked_at_all_the_same(httpd, faults, error):
    """epoll_ctl(2) fails for what is not in the set yet."""
    server = make(httpd, faults)
    with live(server) as (kept, new):
        with faults.active("watch", error):
            with Client(server.port) as slow:
                slow.send("GET /test/info HTTP/1.1\r\n")
                before = new.answered
                wait_until(lambda: faults.hits("watch"), 5, "a connection that cannot be watched")
                holds_for(lambda: True, 0.3)
                slow.send("Host: test.localhost\r\n\r\n")
                assert slow.response().status == 200
                wait_until(lambda: new.answered > before + 20, 10, "service on new connections")
    assert_nothing_lost(kept, new)
    assert totals(server)["shortages_memory"] >= 1      # more on a machine so slow that two seconds pass in between


@pytest.mark.left_out("prefork", reason="what the lobby cannot watch is passed on at once")
def test_a_connection_that_cannot_be_watched_has_its_timeout_all_the_same(httpd, faults):
    """It is looked at again and again, and no look gives it new time."""
    server = make(httpd, faults, conf="Timeout 2\n")
    with faults.active("watch", errno.ENOMEM), Client(server.port) as slow:
        slow.send("GET /test/info HTTP/1.1\r\n")
        wait_until(lambda: faults.hits("watch"), 5, "a connection that cannot be watched")
        slow.sock.settimeout(6)
        assert b" 408 " in slow.read_to_end()


@pytest.mark.parametrize("error", [errno.ENOMEM, errno.ENOSPC], ids=["ENOMEM", "ENOSPC"])
def test_listening_sockets_that_cannot_be_watched_are_watched_again_afterwards(httpd, faults, error):
    """The processes take them out of epoll now and then, to let others go first, and cannot put them in again. Those of
    the prefork model do so when they hold a TLS connection that is on its way."""
    server = make(httpd, faults, tls=True, tls_conf="Protocols http/1.1")
    with live(server) as (kept, new), Load(server.tls_port, connections=3, per_connection=1, path=PATH,
                                           tls=server.tls_client()) as over_tls:
        with faults.active("listen", error):
            wait_until(lambda: faults.hits("listen") > 4, 5, "listening sockets that cannot be watched")
            before = kept.answered
            wait_until(lambda: kept.answered > before + 100, 10, "service on the connections there are")
    assert_nothing_lost(kept, new, over_tls)
    assert_told_once(server, "out of memory: .*cannot watch", "shortages_memory")


# ---- processes and threads ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind,error,told,key", [
    ("fork", errno.EAGAIN, r"out of processes: .*TasksMax=.*ulimit -u", "shortages_processes"),
    ("fork", errno.ENOMEM, r"out of memory: .*cannot start children", "shortages_memory"),
    ("socketpair", errno.EMFILE, r"out of file descriptors: .*cannot start children", "shortages_files"),
], ids=["fork-EAGAIN", "fork-ENOMEM", "socketpair-EMFILE"])
def test_a_restart_that_cannot_fork_leaves_the_old_children_at_work(httpd, faults, kind, error, told, key):
    server = make(httpd, faults)
    old = server.children()
    with live(server) as (kept, new):
        with faults.active(kind, error):
            server.signal(signal.SIGUSR1)
            server.wait_log("resuming normal operations", count=2)
            wait_until(lambda: faults.hits(kind) > 2, 5, "tries")
            before = kept.answered, new.answered
            wait_until(lambda: kept.answered > before[0] + 50 and new.answered > before[1] + 20, 5, "service")
            assert server.children() == old
        wait_until(lambda: len(set(server.children()) - set(old)) >= len(old), 2, "the new generation")
    assert_nothing_lost(kept, new)
    assert_told_once(server, told, key)


def test_a_killed_child_is_replaced_as_soon_as_it_can_be(httpd, faults):
    server = make(httpd, faults, mpm_conf={} if THREADED else {"MinSpareServers": 29})
    server.expect_log("exit signal Killed")
    with live(server) as (kept, new):
        with faults.active("fork", errno.EAGAIN):
            victim, *others = server.children()
            procs.kill(victim)
            wait_until(lambda: faults.hits("fork") > 2, 5, "tries to replace it")
            before = new.answered
            wait_until(lambda: new.answered > before + 50, 5, "the other to serve on")
            assert server.children() == others
        wait_until(lambda: len(server.children()) > len(others), 2, "another child")
    for load in (kept, new):
        assert not load.counts["wrong"] and not load.counts["refused"] and not load.counts["late"], load.details
    assert kept.counts["lost"] + kept.counts["retryable"] + new.counts["lost"] <= 15, kept.details + new.details
    assert_told_once(server, "out of processes", "shortages_processes")
    assert totals(server)["crashes"] == 1


@pytest.mark.left_out("prefork", reason="there are no threads")
def test_children_go_on_with_the_threads_they_have(httpd, faults):
    """More workers are needed than can be created: who has none waits for one, and is served."""
    server = make(httpd, faults, mpm_conf={"StartServers": 2, "ServerLimit": 2, "MaxRequestWorkers": 20,
                                           "MinSpareThreads": 2, "MaxSpareThreads": 20})
    with live(server, keep=4 if ASYNC else 1, fresh=2) as (kept, new):
        with faults.active("thread", errno.EAGAIN):
            with Load(server.port, path="/test/sleep?ms=100", connections=16, per_connection=OFTEN) as many:
                wait_until(lambda: faults.hits("thread") and many.answered > 30, 10, "service by too few threads")
    assert_nothing_lost(kept, new, many)
    assert_told_once(server, r"out of threads: .*TasksMax=.*ThreadsPerChild", "shortages_threads")


@pytest.mark.left_out("prefork", reason="there are no threads")
@pytest.mark.skipif(os.geteuid() != 0, reason="counts the processes of the children's user, who is somebody else only for root")
def test_children_at_the_limit_of_processes_go_on_with_the_threads_they_have(httpd, faults):
    """The real limit: RLIMIT_NPROC."""
    server = make(httpd, faults, mpm_conf={"StartServers": 2, "ServerLimit": 2, "MaxRequestWorkers": 20, "MinSpareThreads": 2,
                                   "MaxSpareThreads": 20})
    with live(server, keep=4 if ASYNC else 1, fresh=2) as (kept, new):
        with faults.active("nproc", 1, pid=-server.pid, amount=1):
            wait_until(lambda: faults.hits("nproc") == 2, 5, "the limit in both children")
            with Load(server.port, path="/test/sleep?ms=100", connections=16, per_connection=OFTEN) as many:
                server.wait_log("out of threads: .*TasksMax=", 5)
                wait_until(lambda: many.answered > 30, 10, "service by too few threads")
    assert_nothing_lost(kept, new, many)
    assert_told_once(server, "out of threads", "shortages_threads")


# ---- memory -------------------------------------------------------------------------------------------------------

@sanitized
def test_no_connection_is_accepted_for_which_there_is_no_memory(httpd, faults):
    server = make(httpd, faults)
    children = server.children()
    with live(server) as (kept, new):
        with faults.active("memory", errno.ENOMEM, amount=65536):
            wait_until(lambda: faults.hits("memory"), 5, "a refusal")
            before = kept.answered
            wait_until(lambda: kept.answered > before + 100, 10, "service on the connections there are")
    assert_nothing_lost(kept, new)
    assert_told_once(server, "out of memory: .*MemoryMax=", "shortages_memory")
    assert set(children) <= set(server.children())


@sanitized
def test_processes_that_die_of_a_lack_of_memory_are_back_when_it_is_over(httpd, faults):
    """Not even a request on an open connection gets memory: httpd's pools end the process."""
    server = make(httpd, faults, conf="MaxMemFree 0\n")
    server.expect_log("exit signal|crit|alert|emerg|assert|AH00049|AH00050")
    with live(server) as (kept, new):
        with faults.active("memory", errno.ENOMEM, amount=4096):
            wait_until(lambda: faults.hits("memory"), 5, "a refusal")
            holds_for(lambda: server.pid, 1.2, "the parent")
        wait_until(lambda: new.answered > 0 and server.answers(), 2, "service")
        wait_until(lambda: len(server.children()) >= 2, 2, "children")
    assert not kept.counts["wrong"] and not new.counts["wrong"], kept.details + new.details
    crashes = totals(server)["crashes"]
    lost = sum(load.counts[k] for load in (kept, new) for k in ("lost", "retryable"))
    assert lost <= 15 * (crashes + 1), (lost, crashes)


def cgroup_v1_memory():
    return os.access("/sys/fs/cgroup/memory/memory.limit_in_bytes", os.W_OK)


@sanitized
@pytest.mark.skipif(not cgroup_v1_memory(), reason="no memory cgroup can be made here")
def test_a_child_that_grows_beyond_the_memory_cgroup_is_killed_alone(httpd):
    server = make(httpd)
    server.expect_log("exit signal Killed")
    group = f"/sys/fs/cgroup/memory/mpm-hybrid-{os.getpid()}"
    os.mkdir(group)
    try:
        # The parent stays outside: until the memory of the first victim is free the kernel goes on choosing.
        used = sum(int(procs.status_field(p, "VmRSS")[0]) for p in server.children()) * 1024
        with open(f"{group}/memory.limit_in_bytes", "w") as limit:
            limit.write(str(used + (48 << 20)))
        with live(server) as (kept, new):
            for pid in server.children():
                with open(f"{group}/cgroup.procs", "w") as members:
                    members.write(str(pid))
            victims = set(server.children())
            with Client(server.port, timeout=20) as client:
                client.send(request(f"/test/leak?kb={256 << 10}"))
                assert wait_until(lambda: client.closed_within(1), 15, "its end")
            wait_until(lambda: victims - set(server.children()), 5, "the kernel's choice dead")
        crashes = totals(server)["crashes"]
        assert crashes >= 1
        for load in (kept, new):
            assert not load.counts["wrong"] and not load.counts["refused"] and not load.counts["late"], load.details
        assert sum(load.counts[k] for load in (kept, new) for k in ("lost", "retryable")) <= 15 * crashes
    finally:
        for pid in open(f"{group}/cgroup.procs").read().split():
            with contextlib.suppress(ProcessLookupError, OSError), open("/sys/fs/cgroup/memory/cgroup.procs", "w") as top:
                top.write(pid)
        wait_until(lambda: not open(f"{group}/cgroup.procs").read(), 5, "an empty cgroup")
        os.rmdir(group)


# ---- the disk under the logs --------------------------------------------------------------------------------------

def test_a_full_disk_under_the_logs_loses_log_lines_and_no_request(httpd, faults):
    server = make(httpd, faults)
    with live(server) as (kept, new):
        with faults.active("disk", errno.ENOSPC, disk=server.root / "logs"):
            wait_until(lambda: totals(server)["shortages_log_space"] == 1, 5, "the full disk in the status")
            size = (server.root / "logs" / "access.log").stat().st_size
            before = kept.answered, new.answered
            wait_until(lambda: kept.answered > before[0] + 50 and new.answered > before[1] + 20, 5, "service")
            assert (server.root / "logs" / "access.log").stat().st_size == size
    assert_nothing_lost(kept, new)
    server.wait_log(r"the disk under the error log has room again, after \d+ ms; .*is lost: free space", 6)
    assert totals(server)["shortages_log_space"] == 1
    assert (server.root / "logs" / "access.log").stat().st_size > size


def test_a_small_file_system_that_is_full_of_logs(httpd):
    """The same with a real file system, where one may be mounted."""
    server = httpd(modules=["test_handlers", "test_scoreboard"], conf=CONF, mpm_conf=POOL, start=False)
    disk = server.root / "logs"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        server.start()
        with live(server) as (kept, new):
            (disk / "filler").write_bytes(b"")
            with contextlib.suppress(OSError), open(disk / "filler", "ab", buffering=0) as filler:
                while True:
                    filler.write(bytes(4096))
            wait_until(lambda: totals(server)["shortages_log_space"] == 1, 5, "the full disk in the status")
            (disk / "filler").unlink()
        assert_nothing_lost(kept, new)
        server.wait_log("the disk under the error log has room again", 6)
        server.stop()
        bad = server.bad_log_lines()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert not bad


# ---- the accept queue ---------------------------------------------------------------------------------------------

def test_a_full_accept_queue_is_told_and_loses_nothing_that_is_in_it(httpd):
    server = make(httpd, conf="ListenBackLog 8\n")
    children = server.children()
    waiting = []
    with procs.stopped(children):
        for _ in range(30):
            sock = socket.socket()
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(("127.0.0.1", server.port))
            waiting.append(sock)
        server.wait_log(r"(\d+) connections wait to be accepted, and no more can: .*ListenBackLog.*somaxconn", 5)
    begun = time.monotonic()
    for sock in waiting:        # whose SYN was dropped is connected when it is sent again, after 1 s or 3 s
        sock.settimeout(10)
        wait_until(lambda sock=sock: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0, 1, "no error")
    wait_until(lambda: server.answers(), 2, "an answer to somebody new")
    assert time.monotonic() - begun < 2
    for sock in waiting:
        deadline = time.monotonic() + 10
        while True:
            try:
                sock.sendall(request(PATH))
                break
            except (BrokenPipeError, OSError) as error:
                assert error.errno == errno.ENOTCONN and time.monotonic() < deadline, error
                time.sleep(0.05)
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        sock.close()
    assert totals(server)["shortages_accept_queue"] == 1
    assert len(re.findall("wait to be accepted, and no more can", server.error_log())) == 1
    assert set(children) <= set(server.children())


# ---- the clock ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seconds,told", [(86400, "forward by 8[0-9]{4}"), (-86400, "back by 8[0-9]{4}")], ids=["forward", "back"])
def test_a_clock_that_jumps_cuts_nothing_short_and_makes_nothing_long(httpd, faults, seconds, told):
    server = make(httpd, faults, conf="KeepAliveTimeout 4\n")
    with live(server) as (kept, new):
        children = server.children()
        with Client(server.port, timeout=20) as busy, Client(server.port) as idle, Client(server.port) as half:
            assert idle.get(PATH).keeps_alive
            half.send("GET /test/info HTTP/1.1\r\n")
            busy.send(request("/test/sleep?ms=1500"))
            wait_until(lambda: server.scoreboard().busy >= 1, 5, "the request")
            with faults.active("clock", 1, amount=seconds * 1_000_000):
                server.wait_log(f"the system's clock has been set {told}", 4)
                checked(server.get("/mpm-status?json"))
                assert busy.response().body == b"slept"
                half.send("Host: test.localhost\r\n\r\n")
                assert half.response().status == 200
                after = idle.closed_after(8)
                assert after is not None and after < 6, "the keep-alive time is as long as ever"
    assert_nothing_lost(kept, new)
    assert set(children) <= set(server.children())
    wait_until(lambda: totals(server)["clock_jumps"] == 2, 3, "there and back")
    checked(server.get("/mpm-status?json"))
