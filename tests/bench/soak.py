# SPDX-License-Identifier: Apache-2.0
"""Everything at once for minutes; then the server must be what it was before.

First the troubled part: load over http, https and HTTP/2, short connections, handlers that sleep, slow clients of every
kind, and meanwhile graceful restarts and kill -9 of children. Then the steady part: the same without restarts and
kills, in pieces of equal length. Before and after all that the idle server is described: processes, threads, what files
each has open, shared memory, files left in its run-time directory, memory of the parent. All of it must be equal.

The children's memory is looked at after each piece of the steady part. It grows for minutes, by less and less, nearly all
of it in malloc()'s arenas. A leak would go on: with the last piece it
must not grow by more than MEMORY_FACTOR and MEMORY_SLACK. Requests may be lost only where a child was killed.
"""
import collections
import random
import re
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import loads
import measure
import procs
import servers
import settings
from servers import THREADED, Variant

TITLE = f"{settings.SOAK_SECONDS:.0f} s of everything with restarts and kills: the same fds, threads, memory, shm afterwards"
MEMORY_FACTOR, MEMORY_SLACK = 1.1, 8 * 2**20
_PIECES = 3                     # of the steady part
_TROUBLED = 0.6                 # share of the time with restarts and kills
_WARM_SECONDS = 20
_CONNECTIONS = 250              # of the load, http and https together
_RESTART_EVERY, _KILL_EVERY = 7, 11
_SLOW_EACH, _SLOW_WAVE = 150, 15
_SLOW_KINDS = [("silence", "/"), ("head", "/"), ("hello", "/"), ("tls-head", "/"), ("body", "/test/body"),
               ("tls-body", "/test/body"), ("read", "/10m.bin"), ("tls-read", "/10m.bin")]
_SETTLE_SECONDS, _STABLE_SECONDS = 120, 12
# Always two processes, so that their number says something, and always all of their threads once they are idle.
_LAYOUT = {**THREADED, "ServerLimit": 2, "ThreadLimit": 75, "ThreadsPerChild": 75, "MinSpareThreads": 150,
           "MaxSpareThreads": 150}
_CONF = """Protocols h2 http/1.1
Timeout 20
KeepAliveTimeout 5
RequestReadTimeout handshake=20 header=20-40,MinRate=500 body=20,MinRate=500
H2MinWorkers 25
H2MaxWorkers 25
"""


class Traffic:
    """Every kind of load, each in a thread of its own, from entry to exit. `counts` of all requests."""

    def __init__(self, server):
        self.server, self.counts, self.errors = server, collections.Counter(), []
        self.details = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        http, https = f"http:{server.port}", f"https:{server.tls_port}"
        mix = ["/1k.bin*6", "/100k.bin*1", "/test/sleep?ms=50*1"]
        plain, tls, rare = _CONNECTIONS // 5, _CONNECTIONS // 10, _CONNECTIONS * 7 // 10
        work = [lambda: self._load(plain, [http + p for p in mix]), lambda: self._load(tls, [https + p for p in mix]),
                lambda: self._load(rare, [f"{http}/1k.bin", f"{https}/1k.bin"], rate=60), self._h2, self._slow]
        self._threads = [threading.Thread(target=self._forever, args=(w,), daemon=True) for w in work]

    def _forever(self, work):
        while not self._stop.is_set():
            try:
                work()
            except (RuntimeError, OSError) as error:
                self.errors.append(str(error))
                self._stop.wait(1)

    def _load(self, *args, **kwargs):
        report = loads.load(*args, seconds=5, **kwargs)
        with self._lock:
            for key in ("answered", "wrong", "lost", "retryable", "refused", "late"):
                self.counts[key] += report[key]
            self.details += report["details"]

    def _h2(self):
        try:
            report = loads.h2load(f"https://127.0.0.1:{self.server.tls_port}/1k.bin", 8, 10, self.server.root, seconds=5)
        except loads.Hung:
            report = {"requests": 0, "errors": 0}
            self.counts["h2load hung"] += 1     # it does where every connection was cut; never without a kill
        with self._lock:
            self.counts["h2 answered"] += report["requests"]
            self.counts["h2 failed"] += report["errors"]

    def _slow(self):
        with ExitStack() as stack:
            for kind, path in _SLOW_KINDS:
                port = self.server.tls_port if kind.startswith("tls") or kind == "hello" else self.server.port
                stack.enter_context(loads.SlowClients(kind, port, _SLOW_EACH, path, rate=500, patience=1))
            with self._lock:
                self.counts["slow clients"] += len(_SLOW_KINDS) * _SLOW_EACH
            self._stop.wait(_SLOW_WAVE)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def _fds(pid):
    """Open files of a process by what they are: paths as they stand, sockets and pipes by kind."""
    return collections.Counter(re.sub(r":\[\d+\]", "", target) for target in procs.fds(pid).values())


def _shared_mappings(pid):
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(line.split()[1].endswith("s") for line in lines)


def _describe(server):
    """What must be equal, and memory, of the server as it is now."""
    children = server.children()
    return {
        "processes": len(children),
        "threads": measure.thread_count([server.pid, *children]),
        "files of the parent": dict(sorted(_fds(server.pid).items())),
        "files of the children": sum(sum(_fds(c).values()) for c in children),
        "SysV objects": len(procs.sysv_of(server.seen_pids | set(server.processes()))),
        "shared mappings of the parent": _shared_mappings(server.pid),
        "/dev/shm": len(list(Path("/dev/shm").iterdir())),
        "run-time files": sorted(p.name for p in (server.root / "run").iterdir()),
        "zombies": len(server.zombies()),
    }


def _settled(server, until_equal=None):
    """The description of the idle server once it does not change any more (or equals another one), and its parent's memory."""
    limit = time.monotonic() + _SETTLE_SECONDS
    now, since = _describe(server), time.monotonic()
    while time.monotonic() < limit and time.monotonic() - since < _STABLE_SECONDS and now != until_equal:
        time.sleep(0.5)
        again = _describe(server)
        if again != now:
            now, since = again, time.monotonic()
        if until_equal and now != until_equal:
            since = time.monotonic()        # go on to the limit: idle workers may still be leaving
    return now, measure.memory_bytes([server.pid])


def _trouble(server, seconds, say):
    """Restarts and kills; returns how many of each."""
    end, done = time.monotonic() + seconds, collections.Counter()
    next_restart, next_kill = (time.monotonic() + t for t in (_RESTART_EVERY, _KILL_EVERY))
    while time.monotonic() < end:
        time.sleep(0.2)
        if time.monotonic() >= next_restart:
            server.signal(signal.SIGUSR1)
            done["restarts"] += 1
            next_restart += _RESTART_EVERY
        if time.monotonic() >= next_kill and server.children():
            procs.kill(random.choice(server.children()))
            done["kills"] += 1
            next_kill += _KILL_EVERY
        say(f"soak: {done['restarts']} restarts, {done['kills']} kills, {end - time.monotonic():.0f} s to go")
    return done


def _differences(before, after):
    found = []
    for key in before:
        if before[key] != after[key]:
            found.append(f"{key}: {before[key]} before, {after[key]} afterwards")
    return found


def _grown(who, before, after):
    if after <= before * MEMORY_FACTOR + MEMORY_SLACK:
        return []
    return [f"memory of the {who}: {before / 2**20:.1f} MB before, {after / 2**20:.1f} MB afterwards"]


def _steady(server, seconds):
    """The counts of the load, and the idle children's memory after each piece of the time."""
    counts, memory, errors, details = collections.Counter(), [], [], []
    for _ in range(_PIECES):
        with Traffic(server) as traffic:
            time.sleep(seconds / _PIECES)
        time.sleep(8)                       # keep-alive and lingering connections end
        memory.append(measure.memory_bytes(server.children()))
        counts.update(traffic.counts)
        errors += traffic.errors
        details += traffic.details
    return counts, memory, errors, details


def _lost(counts):
    return {k: counts[k] for k in ("wrong", "lost", "retryable", "refused", "late", "h2 failed", "h2load hung") if counts[k]}


def _counted(title, counts):
    print(f"  {title}: " + ", ".join(f"{v:,} {k}" for k, v in counts.items() if v))


def _soak(server, say):
    say("soak: warming up")
    with Traffic(server):
        time.sleep(_WARM_SECONDS)
    say("soak: describing the idle server")
    before, memory_before = _settled(server)
    with Traffic(server) as troubled:
        done = _trouble(server, settings.SOAK_SECONDS * _TROUBLED, say)
    say("soak: the steady part")
    time.sleep(5)
    counts, memory, errors, details = _steady(server, settings.SOAK_SECONDS * (1 - _TROUBLED))
    say("soak: waiting for the server to become what it was")
    after, memory_after = _settled(server, until_equal=before)
    _counted(f"with {done['restarts']} restarts and {done['kills']} kills", troubled.counts)
    _counted("without", counts)
    for key, value in before.items():
        print(f"  {key}: {value} before, {after[key]} afterwards")
    print(f"  memory of the parent: {memory_before / 2**20:.1f} MB before, {memory_after / 2**20:.1f} MB afterwards")
    print("  memory of the children, after each piece without: " + ", ".join(f"{m / 2**20:.1f}" for m in memory) + " MB")
    problems = _differences(before, after) + _grown("parent", memory_before, memory_after)
    problems += _grown("children over the last piece", memory[-2], memory[-1])
    if _lost(counts):
        problems.append(f"requests lost without a restart or kill: {_lost(counts)}; {details[:5]}")
    # What a killed process had taken on is lost with it: at most every connection of the load, each time.
    bad = _lost(troubled.counts)
    if sum(v for k, v in bad.items() if not k.startswith("h2")) > _CONNECTIONS * done["kills"]:
        problems.append(f"more requests lost than {done['kills']} kills explain: {bad}; {troubled.details[:5]}")
    return problems + troubled.errors[:5] * (not done["kills"]) + errors[:5]


def run(say):
    """Runs it and returns what was wrong, one line each."""
    mpm = settings.MPMS[0] if settings.MPMS else "hybrid"
    variant = Variant(f"soak-{mpm}", mpm, mpm_conf=_LAYOUT, conf=_CONF, modules=("test_handlers", "http2", "reqtimeout"))
    print(f"\nsoak: {TITLE}, on {mpm}", flush=True)
    server = variant.make(servers.root_for(variant))
    server.expect_log(r"exit signal Killed")
    problems = []
    try:
        problems += _soak(server.start(), say)
    finally:
        problems += server.close()
        say("")
    print("  " + ("\n  ".join(f"PROBLEM: {p}" for p in problems) if problems else "as before"))
    return [f"soak: {p}" for p in problems]
