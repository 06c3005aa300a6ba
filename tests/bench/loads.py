# SPDX-License-Identifier: Apache-2.0
"""The load generators, each on the cores of the load: wrk, h2load, and our own (load.c, slowclients.c, origin.c)."""
import json
import re
import signal
import statistics
import subprocess
import threading
import time
from pathlib import Path

import settings

_WRK_REPORT = """
done = function(s, l, r)
    local e = s.errors
    io.write(string.format('REPORT {"requests": %d, "us": %d, "bytes": %d, "errors": %d, "p50_ms": %.3f, ' ..
        '"p99_ms": %.3f, "p999_ms": %.3f, "max_ms": %.3f}\\n', s.requests, s.duration, s.bytes,
        e.connect + e.read + e.write + e.status + e.timeout, l:percentile(50) / 1000, l:percentile(99) / 1000,
        l:percentile(99.9) / 1000, l.max / 1000))
end
"""


class Hung(RuntimeError):
    """A generator did not end by itself."""


def pinned(command, nice=0):
    """The command on the cores of the load; it ends when the bench does."""
    cores = ",".join(map(str, settings.LOAD_CORES))
    nice += settings.NICE
    return ["setpriv", "--pdeathsig", "KILL", *(["nice", "-n", str(nice)] if nice else []), "taskset", "-c", cores,
            *map(str, command)]


def _run(command, timeout):
    try:
        done = subprocess.run(pinned(command), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Hung(f"{' '.join(map(str, command))}: no end after {timeout:.0f} s") from None
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _wrk_command(url, connections, seconds, headers=()):
    script = settings.OUT / "report.lua"
    if not script.exists() or script.read_text() != _WRK_REPORT:
        script.write_text(_WRK_REPORT)
    more = [word for header in headers for word in ("-H", header)]
    return ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", script, *more, url]


def _wrk_report(out):
    report = json.loads(re.search(r"REPORT (\{.*\})", out).group(1))
    report["rps"] = report["requests"] / report["us"] * 1e6
    return report


def wrk(url, connections, seconds, headers=()):
    """Closed loop, keep-alive. Requests, rps, errors, latencies in ms."""
    return _wrk_report(_run(_wrk_command(url, connections, seconds, headers), seconds + 30))


def h2load(url, connections, streams, tmp, requests=None, seconds=None):
    """HTTP/2, so many requests in all or for some seconds: those answered with 2xx, rps, seconds, errors (all others), latencies
    in ms out of its log of every stream."""
    log = Path(tmp) / "h2load.log"
    log.unlink(missing_ok=True)
    much = f"-n{requests}" if requests else f"-D{max(1, round(seconds))}"
    out = _run(["h2load", "-t1", f"-c{connections}", f"-m{streams}", much, f"--log-file={log}", url], (seconds or 30) + 10)
    if "Application protocol: h2" not in out:
        raise RuntimeError(f"h2load did not speak HTTP/2:\n{out}")
    counts = re.search(r"^requests: (.*)", out, re.M).group(1)
    count = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", counts)}
    took, unit = re.search(r"finished in ([\d.]+)(us|ms|s)", out).groups()
    rows = (line.split("\t") for line in log.read_text().splitlines())
    times = sorted(int(us) for _, status, us in rows if status.startswith("2"))
    log.unlink()

    def at(share):
        return times[min(len(times) - 1, int(share * len(times)))] / 1000 if times else 0.0

    return {"requests": len(times), "rps": float(re.search(r"([\d.]+) req/s", out).group(1)),
            "errors": count["total"] - count["succeeded"] if requests else count["failed"] + count["errored"] + count["timeout"],
            "seconds": float(took) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit],
            "p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999), "max_ms": at(1)}


def turns(servers, connections, requests, seconds, path="/1k.bin"):
    """turns.c: CPU µs a request of each server, the median of its turns, and how many there were."""
    out = _run([settings.BIN / "turns", "-c", connections, "-n", requests, "-d", seconds, "-p", path,
                *(f"{s.port}:{','.join(map(str, s.processes_now()))}" for s in servers)], 2 * seconds + 30)
    rows = [[float(word) for word in line.split()] for line in out.splitlines()]
    return [statistics.median(column) for column in zip(*rows)], len(rows)


def load(connections, targets, seconds=None, requests=None, once=False, rate=None, deadline=15):
    """load.c: see there. Returns its JSON, with `failed`: all that was not answered, over all targets."""
    command = [settings.BIN / "load", "-c", connections, "-t", deadline]
    command += ["-d", seconds] if seconds else ["-n", requests]
    command += ["-1"] if once else []
    command += ["-r", rate] if rate else []
    report = json.loads(_run([*command, *targets], (seconds or 0) + 2 * deadline + 60))
    for target in report["targets"]:
        target["failed"] = sum(target[k] for k in ("wrong", "refused", "retryable", "lost", "late", "unsent"))
    for key in ("answered", "failed", "lost", "retryable", "refused", "wrong", "late"):
        report[key] = sum(t[key] for t in report["targets"])
    return report


def in_turns(servers, connections, path, seconds, tls=False, once=False, turn=0.05):
    """A generator for each of the servers, one of them stopped while the other runs, in turns of `turn` seconds: what
    the machine is like falls on all alike. [(answered, failed)], in the order of the servers."""
    def command(server):
        if once:
            target = f"https:{server.tls_port}{path}" if tls else f"http:{server.port}{path}"
            return [settings.BIN / "load", "-c", connections, "-t", 15, "-d", seconds, "-1", target]
        url = f"https://127.0.0.1:{server.tls_port}" if tls else f"http://127.0.0.1:{server.port}"
        return _wrk_command(url + path, connections, seconds)

    def read(out):
        if once:
            target = json.loads(out)["targets"][0]
            return target["answered"], sum(target[k] for k in ("wrong", "refused", "retryable", "lost", "late", "unsent"))
        report = _wrk_report(out)
        return report["requests"], report["errors"]
    running = [subprocess.Popen(pinned(command(s)), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
               for s in servers]
    try:
        end = time.monotonic() + seconds - 4 * turn
        while time.monotonic() < end and all(p.poll() is None for p in running):
            for one in running:
                for p in running:
                    p.send_signal(signal.SIGCONT if p is one else signal.SIGSTOP)
                time.sleep(turn)
        for p in running:
            p.send_signal(signal.SIGCONT)
        return [read(p.communicate(timeout=seconds + 30)[0]) for p in running]
    finally:
        for p in running:
            if p.poll() is None:
                p.kill()
                p.wait()


class Background:
    """A load() in a thread, for what happens meanwhile. `result` after the with block."""

    def __init__(self, *args, **kwargs):
        self._error = self.result = None

        def run():
            try:
                self.result = load(*args, **kwargs)
            except Exception as error:      # raised in __exit__
                self._error = error
        self._thread = threading.Thread(target=run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *exc):
        self._thread.join()
        if self._error and not kind:
            raise self._error


class SlowClients:
    """slowclients.c as a context: entered when all connections have been started and have got there, or for `patience`
    seconds none of them did.

    More connections than one process may have files are shared out over several."""

    def __init__(self, kind, port, count, path="/1k.bin", rate=2000, patience=3):
        self._parts, self._lines, self._patience = [], {}, patience
        most = settings.raise_file_limit() - 50
        number = -(-count // most)
        self.count = count
        for i in range(number):
            share = count // number + (i < count % number)
            self._parts.append([settings.BIN / "slowclients", kind, "-p", port, "-n", share, "-f", path, "-r",
                                max(1, rate // number)])
        self._rate = rate

    def __enter__(self):
        self._procs = [subprocess.Popen(pinned(c, nice=5), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                       for c in self._parts]
        self._threads = [threading.Thread(target=self._read, args=(p,), daemon=True) for p in self._procs]
        for thread in self._threads:
            thread.start()
        limit = time.monotonic() + self.count / self._rate + 30
        while self.now("started") < self.count and time.monotonic() < limit and self._alive():
            time.sleep(0.1)
        self._while_it_gets_on()
        if not self._alive():
            self.__exit__()
            raise RuntimeError("slowclients ended by itself")
        return self

    def _while_it_gets_on(self):
        """Until all have got there, or for `patience` seconds nothing has moved."""
        left, since = self._under_way(), time.monotonic()
        while left and time.monotonic() - since < self._patience and self._alive():
            time.sleep(0.1)
            now = self._under_way()
            if now < left:
                left, since = now, time.monotonic()

    def _alive(self):
        return all(p.poll() is None for p in self._procs)

    def _under_way(self):
        return self.count - self.now("ready") - self.now("ended") - self.now("failed")

    def _read(self, process):
        for line in process.stdout:
            self._lines[process.pid] = json.loads(line)

    def now(self, state):
        """Connections in a state of slowclients.c, as of the last second."""
        return sum(line.get(state, 0) for line in self._lines.values())

    def settled(self):
        """Waits for a report of all that is younger than this call; returns self."""
        self._lines.clear()
        limit = time.monotonic() + 5
        while len(self._lines) < len(self._procs) and time.monotonic() < limit:
            time.sleep(0.05)
        return self

    def __exit__(self, *exc):
        for process in self._procs:
            process.stdin.close()
        for process in self._procs:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thread in self._threads:
            thread.join()


class Origin:
    """origin.c as a context; `port` is where it listens."""

    def __init__(self, body_bytes):
        self._body = body_bytes

    def __enter__(self):
        self._process = subprocess.Popen(pinned([settings.BIN / "origin", self._body]), stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *exc):
        self._process.stdin.close()
        self._process.wait(10)
