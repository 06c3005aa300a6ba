# SPDX-License-Identifier: Apache-2.0
"""What the kernel says about the processes of a server: CPU time, memory, threads, files; and about the cores.

Everything is read from outside, from /proc and the processes' CPU clocks, and means the same for every server.
"""
import os
import threading
import time
from pathlib import Path

import procs

_TICK = os.sysconf("SC_CLK_TCK")
_CPU_CLOCK = 2          # kernel's name of the scheduler's clock of a process, in the low bits of a clock id


def tree(parent):
    """A process and all below it."""
    below = {}
    for pid in procs.all_pids():
        below.setdefault(procs.ppid(pid), []).append(pid)
    found, todo = [], [parent]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += below.get(pid, [])
    return found


def _clock(pid):
    """CPU seconds of a process with all its threads, ended ones too, exact to the nanosecond."""
    try:
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK)
    except OSError:
        return 0.0


def cpu_seconds(parent):
    """Of the parent, of all processes below it, and of those it has reaped."""
    fields = procs.stat(parent)
    reaped = (int(fields[13]) + int(fields[14])) / _TICK if fields else 0.0
    return reaped + sum(_clock(pid) for pid in tree(parent))


def memory_bytes(pids):
    """Memory that is there because of these processes: PSS, pages shared with others counted in part."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def thread_count(pids):
    return sum(len(procs.threads(pid)) for pid in pids)


def socket_count(pids):
    return sum(target.startswith("socket:") for pid in pids for target in procs.fds(pid).values())


def _core_times(core):
    """(busy, all) seconds of a core since boot."""
    for line in Path("/proc/stat").read_text().splitlines():
        words = line.split()
        if words[0] == f"cpu{core}":
            values = [int(w) / _TICK for w in words[1:9]]
            return sum(values) - values[3] - values[4], sum(values)
    raise RuntimeError(f"no core {core} in /proc/stat")


class Strangers:
    """The share of the given cores that was taken by others than the given processes, between start and end."""

    def __init__(self, cores, own_seconds):
        """`own_seconds` is a function: CPU seconds of what is being measured."""
        self.cores, self.own_seconds = cores, own_seconds
        self.own, self.before = own_seconds(), [_core_times(c) for c in cores]

    def percent(self):
        after = [_core_times(c) for c in self.cores]
        busy = sum(a[0] - b[0] for a, b in zip(after, self.before))
        wall = sum(a[1] - b[1] for a, b in zip(after, self.before))
        return max(0.0, busy - (self.own_seconds() - self.own)) / wall * 100 if wall else 0.0


class Peak:
    """Samples a function every `every` seconds from a thread of its own; `value` is the highest it gave."""

    def __init__(self, sample, every=0.25):
        self.value = sample()
        self._sample, self._every = sample, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.wait(self._every):
            self.value = max(self.value, self._sample())

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()
