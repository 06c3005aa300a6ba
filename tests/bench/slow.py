# SPDX-License-Identifier: Apache-2.0
"""Ten thousand slow clients of each kind, and how those fare who come beside them."""
import time

import loads
import measure
import settings
from scenario import Scenario
from servers import THREADED, Variant

_RATE = 200             # legitimate requests a second, half of them https
_DEADLINE = 5
_COLUMNS = ["held", "free_http_p99", "http_p99", "free_https_p99", "https_p99", "answered", "failed", "threads_more",
            "kb_conn", "kept", "strangers"]
_PATIENT = {"conf": "Timeout 300", "without": ("reqtimeout",)}
_KINDS = [
    # name, kind of slowclients.c, over TLS, path, what each does
    ("silence", "silence", False, "/", "connects and says nothing"),
    ("head", "head", False, "/", "sends half a request head, then a byte a second"),
    ("hello", "hello", True, "/", "sends half a TLS ClientHello, then a byte a second"),
    ("tls-head", "tls-head", True, "/", "sends half a request head inside TLS, then a byte a second"),
    ("body", "body", False, "/test/body", "posts half of a 1 KB body, then a byte a second"),
    ("tls-body", "tls-body", True, "/test/body", "posts half of a 1 KB body inside TLS, then a byte a second"),
    ("read", "read", False, "/10m.bin", "takes a byte a second of a 10 MB file"),
    ("tls-read", "tls-read", True, "/10m.bin", "takes a byte a second of a 10 MB file inside TLS"),
]


def _legitimate(server, seconds):
    """({scheme: p99 ms} of those that were answered at all, answered, failed) of requests that come at fixed times, each
    on a new connection."""
    r = loads.load(_RATE * _DEADLINE + 200, [f"http:{server.port}/1k.bin", f"https:{server.tls_port}/1k.bin"],
                   seconds=seconds, rate=_RATE, deadline=_DEADLINE)
    p99 = {scheme: t["p99_ms"] for scheme, t in zip(("http", "https"), r["targets"]) if t["answered"]}
    return p99, r["answered"], r["failed"]


def _measure(kind, tls, path):
    def measured(server):
        time.sleep(1)
        free, _, _ = _legitimate(server, max(3, settings.SLOW_SECONDS / 3))
        pids = server.processes_now()
        memory, threads, sockets = (f(pids) for f in (measure.memory_bytes, measure.thread_count, measure.socket_count))
        port = server.tls_port if tls else server.port
        with loads.SlowClients(kind, port, settings.SLOW_CLIENTS, path) as slow:
            slow.settled()
            with measure.Peak(lambda: measure.thread_count(server.processes_now()), 0.5) as peak:
                beside, answered, failed = _legitimate(server, settings.SLOW_SECONDS)
            pids = server.processes_now()
            held = max(0, measure.socket_count(pids) - sockets)
            grown = measure.memory_bytes(pids) - memory
        time.sleep(2)
        left = measure.memory_bytes(server.processes_now()) - memory
        return {"held": held, **{f"free_{scheme}_p99": p99 for scheme, p99 in free.items()},
                **{f"{scheme}_p99": p99 for scheme, p99 in beside.items()}, "answered": answered,
                "failed": failed, "threads_more": peak.value - threads,
                **({"kb_conn": grown / held / 1024, "kept": left / held / 1024} if held > settings.SLOW_CLIENTS / 20 else {})}
    return measured


def _contestants():
    body = ("test_handlers",)
    return [Variant("hybrid", "hybrid", mpm_conf=THREADED, modules=body, **_PATIENT),
            Variant("event", "event", modules=body, **_PATIENT)]


SCENARIOS = [
    Scenario(f"slow-{name}", f"{settings.SLOW_CLIENTS:,} clients, each of which {what}",
             f"slowclients.c opens 2000 a second. Meanwhile load.c sends {_RATE} requests a second (1 KB), half http, half "
             f"https, each on a new connection at its fixed time; {_DEADLINE} s without an answer is a failure. p99 in ms "
             "before the slow clients come and beside them. `held`: sockets the server has for them; KB: growth of its "
             "PSS for each of those, and what is left 2 s after they have gone (the kernel's own memory for sockets is "
             "not in it). `threads more`: the most at any time beside them. Debian's configuration of event "
             "for both (MaxRequestWorkers 150), Timeout 300, no mod_reqtimeout.",
             _contestants, _measure(kind, tls, path), _COLUMNS, fresh=True, pairs=[],
             rounds=lambda: 1, seconds=lambda: settings.SLOW_SECONDS)
    for name, kind, tls, path, what in _KINDS
]
