# SPDX-License-Identifier: Apache-2.0
"""What waits and what works, in memory: idle keep-alive connections and busy workers."""
import time

import loads
import measure
import servers
import settings
from scenario import Scenario, everyone
from servers import THREADED, Variant

_IDLE = {"idle": 5000, "tls-idle": 5000, "h2-idle": 10000}     # kind of slowclients.c: connections
_LEVELS = (100, 5000, 50000)
_BUSY = 100
_KEEP = "KeepAliveTimeout 600\nTimeout 600"
_IDLE_LAYOUT = {**THREADED, "StartServers": 4, "ServerLimit": 4, "MaxRequestWorkers": 100, "MaxSpareThreads": 100}


def _holders(hybrid=None, event=THREADED, more=()):
    """Those that can hold many idle connections; event needs a factor for it that is far above its default of 2."""
    event = {**event, "AsyncRequestWorkerFactor": 800}
    found = [Variant("hybrid", "hybrid", mpm_conf=hybrid, conf=_KEEP, modules=more),
             Variant("event", "event", mpm_conf=event, conf=_KEEP, modules=more)]
    return found + [Variant("nginx", "nginx", processes=4)] * servers.available("nginx")


def _idle(kind):
    def measured(server):
        port = server.port if kind == "idle" else server.tls_port
        loads.load(50, [f"http:{server.port}/1k.bin", f"https:{server.tls_port}/1k.bin"], requests=40)
        time.sleep(1)
        pids = server.processes_now()
        memory, threads, sockets = (f(pids) for f in (measure.memory_bytes, measure.thread_count, measure.socket_count))
        # Slowly: event cuts idle connections whenever its workers are all busy.
        with loads.SlowClients(kind, port, _IDLE[kind], "/1k.bin", rate=250):
            time.sleep(1)
            pids = server.processes_now()
            held = max(1, measure.socket_count(pids) - sockets)
            grown, more = measure.memory_bytes(pids) - memory, measure.thread_count(pids) - threads
        return {"held": held, "kb_conn": grown / held / 1024, "threads_more": more}
    return measured


def _idle_scale(server):
    """CPU for each request of 8 active connections beside more and more idle ones."""
    loads.wrk(f"http://127.0.0.1:{server.port}/1k.bin", 8, 1)
    result, holding = {}, []
    pids = server.processes_now()
    memory, sockets = measure.memory_bytes(pids), measure.socket_count(pids)
    try:
        for level in _LEVELS:
            more = level - sum(s.count for s in holding)
            holding.append(loads.SlowClients("idle", server.port, more, rate=5000).__enter__())
            time.sleep(1)
            before = measure.cpu_seconds(server.pid)
            r = loads.wrk(f"http://127.0.0.1:{server.port}/1k.bin", 8, settings.SECONDS)
            result[f"cpu_{level}"] = (measure.cpu_seconds(server.pid) - before) / max(1, r["requests"]) * 1e6
            result["p99_ms"] = r["p99_ms"]
            result["failed"] = result.get("failed", 0) + r["errors"]
        pids = server.processes_now()
        result["held"] = max(1, measure.socket_count(pids) - sockets)
        result["kb_conn"] = (measure.memory_bytes(pids) - memory) / result["held"] / 1024
        result["flat"] = result["cpu_50000"] / result["cpu_100"]
    finally:
        for slow in holding:
            slow.__exit__()
    return result


def _busy(server):
    time.sleep(1)
    memory = measure.memory_bytes(server.processes_now())
    with loads.Background(_BUSY, [f"http:{server.port}/test/sleep?ms=6000"], requests=1, deadline=60):
        time.sleep(5)           # prefork and worker start processes only once a second
        grown = measure.memory_bytes(server.processes_now())
    return {"mb_100": (grown - memory) / 2**20, "mb_all": grown / 2**20}


_PSS = "PSS of all processes of the server from /proc, its growth for each connection it holds; the kernel's own memory " \
       "for sockets is not in it."

SCENARIOS = [
    *[Scenario(name, f"{_IDLE[kind]:,} idle {what}",
               f"Each has served one request. {_PSS} {layout}, KeepAliveTimeout 600. event only holds them with "
               "AsyncRequestWorkerFactor raised to 800; worker and prefork would need a thread or a process for each.",
               holders, _idle(kind), ["held", "kb_conn", "threads_more"], fresh=True, rounds=lambda: max(1, settings.ROUNDS // 3))
      for name, kind, what, layout, holders in (
          ("idle", "idle", "keep-alive connections", "Each as shipped", _holders),
          ("idle-tls", "tls-idle", "keep-alive connections, TLS", "Each as shipped", _holders),
          ("idle-h2", "h2-idle", "HTTP/2 connections, TLS", "Four processes each: an HTTP/2 connection has four or five files open",
           lambda: _holders(_IDLE_LAYOUT, _IDLE_LAYOUT, ("http2",))))],
    Scenario("idle-scale", "8 active connections beside 100, 5,000 and 50,000 idle ones",
             f"wrk with 8 connections; CPU of the server for each of its requests. {_PSS} p99 and KB with the most. "
             "AsyncRequestWorkerFactor 800 for event.",
             lambda: _holders(_IDLE_LAYOUT, _IDLE_LAYOUT), _idle_scale,
             ["cpu_100", "cpu_5000", "cpu_50000", "flat", "p99_ms", "failed", "held", "kb_conn", "strangers"],
             fresh=True, rounds=lambda: max(1, settings.ROUNDS // 3)),
    Scenario("busy-memory", f"Memory of {_BUSY} busy workers",
             f"{_BUSY} requests at once in a handler that sleeps, after a cold start as shipped. Growth "
             "of PSS against the idle server, and all of it.",
             lambda: everyone("nginx", modules=("test_handlers",)), _busy, ["mb_100", "mb_all"], fresh=True,
             rounds=lambda: max(1, settings.ROUNDS // 3)),
]
