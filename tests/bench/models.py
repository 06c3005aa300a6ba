# SPDX-License-Identifier: Apache-2.0
"""hybrid's worker and prefork models beside the MPMs they are named after.

The two of a pair do nearly the same work, so what is looked for is a few per cent: both are under load in the same second,
in turns of 50 ms.
"""
import loads
import measure
import settings
from scenario import Scenario
from servers import Variant, shipped_layout

PAIRS = [("worker model", "worker"), ("prefork model", "prefork")]
_METHOD = "MPMModel worker and prefork beside the stock MPMs, each pair with the same directives: Debian's, with " \
    "MaxRequestWorkers {workers}, and as many prefork processes from the start as there is need for. Both servers of a pair share " \
    "the first core, the generators the second; each generator is stopped while the other runs, in turns of 50 ms, " \
    "so that what else the machine does falls on both. Each round starts the servers anew. CPU is that of all processes of a server, " \
    "user and system."


def _contestants(connections):
    workers = _workers(connections)
    processes = connections + connections // 4
    prefork = {**shipped_layout("prefork", workers), "StartServers": processes, "MaxSpareServers": processes}
    worker = shipped_layout("worker", workers)
    return [Variant("worker model", "hybrid", conf="MPMModel worker", mpm_conf=worker),
            Variant("worker", "worker", mpm_conf=worker),
            Variant("prefork model", "hybrid", conf="MPMModel prefork", mpm_conf=prefork),
            Variant("prefork", "prefork", mpm_conf=prefork)]


def _workers(connections):
    return max(150, (connections * 5 // 4 + 24) // 25 * 25)


def _scenario(name, title, connections, path="/1k.bin", default=True, **load):
    generator = "load.c" if load.get("once") else "wrk"

    def together(both):
        loads.in_turns(both, connections, path, 1, **load)
        before = [measure.cpu_seconds(s.pid) for s in both]
        counts = loads.in_turns(both, connections, path, max(2, 2 * settings.SECONDS), **load)
        used = [measure.cpu_seconds(s.pid) - b for s, b in zip(both, before)]
        return {s.name: {"cpu_us": cpu / max(1, answered) * 1e6, "answered": answered, "failed": failed}
                for s, cpu, (answered, failed) in zip(both, used, counts)}
    return Scenario(name, f"The other models: {title}", f"{generator}, {connections} connections. "
                    + _METHOD.format(workers=_workers(connections)),
                    lambda: _contestants(connections), None, ["cpu_us", "answered", "failed"], pairs=PAIRS, default=default,
                    rounds=lambda: max(5, settings.ROUNDS), together=together, pairwise=True)


SCENARIOS = [
    _scenario("models-64", "1 KB static file, 64 keep-alive connections", 64),
    _scenario("models-16", "1 KB static file, 16 keep-alive connections", 16, default=False),
    _scenario("models-256", "1 KB static file, 256 keep-alive connections", 256, default=False),
    _scenario("models-tls-64", "1 KB static file over TLS 1.3, 64 keep-alive connections", 64, tls=True),
    _scenario("models-tls-16", "1 KB static file over TLS 1.3, 16 keep-alive connections", 16, tls=True, default=False),
    _scenario("models-100k", "100 KB static file, 64 keep-alive connections", 64, path="/100k.bin", default=False),
    _scenario("models-short", "1 KB static file, a new connection for each request", 16, once=True, default=False),
    _scenario("models-handshakes", "a full TLS 1.3 handshake for each request", 16, tls=True, once=True, default=False),
]
