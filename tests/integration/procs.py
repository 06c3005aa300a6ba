# SPDX-License-Identifier: Apache-2.0
"""What the kernel says about processes, SysV objects and ports.

Everything is read from /proc, so nothing here depends on what the server under
test believes of itself. Linux only. Processes are found by a marker in their
environment, which fork() inherits: that finds orphans whose parent has died,
and never somebody else's apache2.
"""
import contextlib
import ctypes
import os
import random
import signal
import socket
import time
from pathlib import Path

MARKER = "MPM_TEST_ID"
_CLK_TCK = os.sysconf("SC_CLK_TCK")
_PR_SET_CHILD_SUBREAPER = 36
_IPC_GETPID = 11
_held_ports = []


class Timeout(AssertionError):
    """A condition that had to become true did not."""


def wait_until(condition, timeout=5.0, what="the condition", every=0.01):
    """Poll `condition` until it is truthy and return its value; raise Timeout after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Timeout(f"{what}: not true after {timeout} s (last value {value!r})")
        time.sleep(every)


def holds_for(condition, seconds, what="the condition", every=0.02):
    """Assert that `condition` stays truthy for `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        assert value, f"{what}: became {value!r}"
        time.sleep(every)


@contextlib.contextmanager
def stopped(pids):
    """These processes do nothing (SIGSTOP) until the end of the block."""
    pids = list(pids)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            wait_until(lambda pid=pid: stat(pid)[0] == "T", 5, "a stopped process")
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def become_subreaper():
    """Make orphans of our children ours, so that a zombie left behind is seen and can be reaped."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stat(pid):
    """Fields of /proc/PID/stat after the command name as a list ([0] is the state), or None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2:].split()


def alive(pid):
    """True while the process exists and is not a zombie."""
    fields = stat(pid)
    return fields is not None and fields[0] not in "ZX"


def is_zombie(pid):
    fields = stat(pid)
    return fields is not None and fields[0] == "Z"


def ppid(pid):
    fields = stat(pid)
    return int(fields[1]) if fields else None


def name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


def cpu_seconds(pid):
    """User plus system time a process has used, in seconds; 0 when it is gone."""
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / _CLK_TCK if fields else 0.0


def start_ticks(pid):
    fields = stat(pid)
    return int(fields[19]) if fields else None


def all_pids():
    return [int(d) for d in os.listdir("/proc") if d.isdigit()]


def children_of(pid):
    """Direct children, zombies included."""
    return sorted(p for p in all_pids() if ppid(p) == pid)


def threads(pid):
    """Thread ids of a process (empty when it is gone)."""
    try:
        return sorted(int(t) for t in os.listdir(f"/proc/{pid}/task"))
    except (FileNotFoundError, ProcessLookupError):
        return []


def fds(pid):
    """{fd: target} of a process (empty when it is gone)."""
    out = {}
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                out[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
            except FileNotFoundError:
                pass
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return out


def shared_memory_files(pid):
    """Files of /dev/shm a process has mapped: APR keeps named shared memory there, under a hash of its name."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return set()
    return {line.split()[5] for line in maps.splitlines() if "/dev/shm/" in line}


def status_field(pid, field):
    """A line of /proc/PID/status as a list of words, or None."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return line.split(":", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def marked(marker):
    """Every live process, zombies excluded, whose environment carries MARKER=marker."""
    want = f"{MARKER}={marker}".encode()
    found = []
    for pid in all_pids():
        try:
            env = Path(f"/proc/{pid}/environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if want in env.split(b"\0"):
            found.append(pid)
    return sorted(found)


def reap(pid):
    """Collect a zombie that has become our child; harmless otherwise."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def kill(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def sysv_of(pids):
    """SysV shared memory and semaphores made or last used by one of `pids`, as readable strings.

    /proc/sysvipc/sem has no creator pid; the kernel tells who last changed each semaphore (GETPID)."""
    pids = set(pids)
    found = []
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[4]) in pids:
            found.append(f"shm id {words[1]} made by pid {words[4]}")
    libc = ctypes.CDLL(None, use_errno=True)
    for line in Path("/proc/sysvipc/sem").read_text().splitlines()[1:]:
        words = line.split()
        last = libc.semctl(int(words[1]), 0, _IPC_GETPID)
        if last in pids:
            found.append(f"sem id {words[1]} last used by pid {last}")
    return found


def tcp_table():
    """Rows of /proc/net/tcp as (local port, remote port, state in hex, inode). The inode is "0" as long as a
    connection waits in an accept queue."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return [(int(r[1].split(":")[1], 16), int(r[2].split(":")[1], 16), r[3], r[9]) for r in rows]


def listening(port):
    """Inodes of the sockets that listen on a port."""
    return [inode for local, _, state, inode in tcp_table() if local == port and state == "0A"]


def that_listen(pids):
    """Those of the processes that have a listening TCP socket (of IPv4)."""
    sockets = {f"socket:[{inode}]" for _, _, state, inode in tcp_table() if state == "0A"}
    return [pid for pid in pids if not sockets.isdisjoint(fds(pid).values())]


def accepted(port, *client_socks):
    """True when the server on `port` has accepted the connections of all these client sockets."""
    mine = {sock.getsockname()[1] for sock in client_socks}
    return mine <= {remote for local, remote, _, inode in tcp_table() if local == port and inode != "0"}


def free_port():
    """A TCP port of 127.0.0.1 that is free now and that no other test process of this machine will be given.

    Below the ephemeral range, so that an outgoing connection cannot take it; the claim is an abstract Unix
    socket, which the kernel gives back when this process ends."""
    for _ in range(2000):
        port = random.randrange(12000, 32000)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        probe = socket.socket()
        try:
            claim.bind(f"\0mpm-hybrid-test-port-{port}")
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        finally:
            probe.close()
        _held_ports.append(claim)
        return port
    raise RuntimeError("no free port on 127.0.0.1 between 12000 and 32000")
