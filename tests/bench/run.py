#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Side-by-side measurements of mpm_hybrid and the stock MPMs, in one run on this machine.

    make -f Makefile.apxs bench [BENCH_ROUNDS=5] [BENCH_SECONDS=5] [BENCH_MPMS="hybrid event worker"]

The MPMs take turns, round after round, so that whatever else the machine does falls on all of them; the figure of a
scenario is the median of its rounds, and what counts is its ratio to event. The server has one core to itself and the
load generator (wrk) another, where there are two. CPU time is that of all the server's processes, user and system, per
completed request. Results are also written to BUILD/bench/result.json. Load goes to 127.0.0.1 only.
"""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/integration"))
sys.dont_write_bytecode = True

import procs  # noqa: E402

BUILD = (REPO / os.environ.get("BUILD", "build")).resolve()
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
MPMS = os.environ.get("BENCH_MPMS", "hybrid event worker").split()
CONNECTIONS = 64
TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = (CORES[0], CORES[-1])

# Name, what it is, arguments of wrk. Enough workers for every connection, or worker would starve some.
SCENARIOS = [
    ("keepalive", "1 KiB static file, 64 keep-alive connections", []),
    ("close", "1 KiB static file, a connection for each request", ["-H", "Connection: close"]),
]

CONF = """
ServerRoot "{root}"
ServerName localhost
DefaultRuntimeDir "{root}"
PidFile "{root}/pid"
Listen 127.0.0.1:{port}
{user}
{modules}
ErrorLog "{root}/error.log"
LogLevel warn
DocumentRoot "{root}/htdocs"
<Directory "{root}/htdocs">
    Require all granted
</Directory>
KeepAlive On
MaxKeepAliveRequests 0
StartServers 2
ServerLimit 4
ThreadLimit 64
ThreadsPerChild 50
MinSpareThreads 25
MaxSpareThreads 200
MaxRequestWorkers 200
MaxConnectionsPerChild 0
"""


def query(name):
    apxs = os.environ.get("APXS", "apxs")
    return subprocess.run([apxs, "-q", name], check=True, capture_output=True, text=True).stdout.strip()


class Server:
    """One apache2 on one MPM, pinned to its core; a context manager."""

    def __init__(self, mpm):
        self.mpm = mpm
        self.port = procs.free_port()
        self.root = Path(tempfile.mkdtemp(prefix=f"mpm-hybrid-bench-{mpm}-"))
        self.root.chmod(0o755)
        (self.root / "htdocs").mkdir()
        (self.root / "htdocs/1k.txt").write_bytes(b"x" * 1023 + b"\n")
        libexecdir = Path(query("LIBEXECDIR"))
        mpm_file = BUILD / "mod_mpm_hybrid.so" if mpm == "hybrid" else libexecdir / f"mod_mpm_{mpm}.so"
        modules = [f'LoadModule mpm_{mpm}_module "{mpm_file}"']
        modules += [f'LoadModule {m}_module "{libexecdir}/mod_{m}.so"' for m in ("authz_core", "mime", "dir")]
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        conf = self.root / "httpd.conf"
        conf.write_text(CONF.format(root=self.root, port=self.port, user=user, modules="\n".join(modules))
                        + 'TypesConfig /etc/mime.types\n')
        self.command = [f"{query('SBINDIR')}/{query('progname')}", "-d", str(self.root), "-f", str(conf), "-DFOREGROUND"]

    def __enter__(self):
        self.process = subprocess.Popen(["taskset", "-c", str(SERVER_CORE), *self.command], start_new_session=True,
                                        stdin=subprocess.DEVNULL)
        procs.wait_until(lambda: procs.listening(self.port), 10, f"{self.mpm} to listen")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.root)

    def cpu_seconds(self):
        """Of the parent, its living children, and those it has reaped."""
        fields = procs.stat(self.process.pid)
        reaped = (int(fields[13]) + int(fields[14])) / TICK
        living = [self.process.pid, *procs.children_of(self.process.pid)]
        return reaped + sum(procs.cpu_seconds(pid) for pid in living)


def wrk(server, seconds, arguments):
    """Requests, errors and the 99th percentile in milliseconds."""
    script = server.root / "report.lua"
    script.write_text('done = function(s, latency) io.write(string.format("REPORT %d %d %.3f\\n", s.requests, '
                      's.errors.connect + s.errors.read + s.errors.write + s.errors.status + s.errors.timeout, '
                      'latency:percentile(99) / 1000)) end\n')
    done = subprocess.run(["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s",
                           str(script), *arguments, f"http://127.0.0.1:{server.port}/1k.txt"],
                          check=True, capture_output=True, text=True)
    requests, errors, p99 = re.search(r"REPORT (\d+) (\d+) ([\d.]+)", done.stdout).groups()
    return int(requests), int(errors), float(p99)


def measure(mpm, arguments):
    with Server(mpm) as server:
        wrk(server, 1, arguments)                       # warm, and the spare processes are there
        before, start = server.cpu_seconds(), time.monotonic()
        requests, errors, p99 = wrk(server, SECONDS, arguments)
        used, took = server.cpu_seconds() - before, time.monotonic() - start
        return {"cpu_us": used / requests * 1e6, "rps": requests / took, "p99_ms": p99, "errors": errors}


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def report(name, title, results):
    print(f"\n{name}: {title}")
    print(f"{'':10} {'CPU us/request':>15} {'requests/s':>12} {'p99 ms':>9} {'errors':>8}   CPU against event")
    for mpm in MPMS:
        rounds = results[mpm]
        ratio = ""
        if "event" in results:
            ratios = sorted(r["cpu_us"] / e["cpu_us"] for r, e in zip(rounds, results["event"]))
            ratio = f"{statistics.median(ratios):.3f}  ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        print(f"{mpm:10} {median(rounds, 'cpu_us'):15.1f} {median(rounds, 'rps'):12,.0f} {median(rounds, 'p99_ms'):9.2f} "
              f"{sum(r['errors'] for r in rounds):8}   {ratio}", flush=True)


def main():
    print(f"{ROUNDS} rounds of {SECONDS} s; server on core {SERVER_CORE}, wrk on core {LOAD_CORE}; "
          f"{len(CORES)} cores, load {os.getloadavg()[0]:.1f}")
    everything = {}
    for name, title, arguments in SCENARIOS:
        results = {mpm: [] for mpm in MPMS}
        for _ in range(ROUNDS):
            for mpm in MPMS:
                results[mpm].append(measure(mpm, arguments))
        report(name, title, results)
        everything[name] = results
    (BUILD / "bench").mkdir(parents=True, exist_ok=True)
    (BUILD / "bench/result.json").write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
