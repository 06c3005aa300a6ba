# SPDX-License-Identifier: Apache-2.0
"""A thousand requests at once on a server that has just been started."""
import time

import loads
from scenario import Scenario
from servers import THREADED, Variant

REQUESTS = 1000
HANDLER_MS = 200
_STREAMS = 100          # of a connection at once, as many as mod_http2 allows by default
_SETTLE = 2.0           # a cold server: started, its first children there, nothing served
_LARGE = {**THREADED, "ServerLimit": 60, "MaxRequestWorkers": 1500}


def _contestants():
    handlers = ("test_handlers",)
    return [
        Variant("hybrid", "hybrid", mpm_conf={"MaxRequestWorkers": 1500}, modules=handlers),
        Variant("hybrid, event's", "hybrid", mpm_conf=_LARGE, modules=handlers),
        Variant("event", "event", mpm_conf=_LARGE, modules=handlers),
        Variant("worker", "worker", mpm_conf=_LARGE, modules=handlers),
        Variant("prefork", "prefork", modules=handlers,
                mpm_conf={"StartServers": 5, "MinSpareServers": 5, "MaxSpareServers": 10, "ServerLimit": 1500,
                          "MaxRequestWorkers": 1500}),
    ]


def _measure(server):
    time.sleep(_SETTLE)
    r = loads.load(REQUESTS, [f"http:{server.port}/test/sleep?ms={HANDLER_MS}"], requests=1, deadline=30)
    target = r["targets"][0]
    return {"seconds": r["seconds"], "p50_ms": target["p50_ms"], "max_ms": target["max_ms"], "failed": r["failed"]}


def _h2_contestants():
    return [Variant(mpm, mpm, modules=("test_handlers", "http2")) for mpm in ("hybrid", "event", "worker")]


def _measure_streams(server):
    time.sleep(_SETTLE)
    r = loads.h2load(f"https://127.0.0.1:{server.tls_port}/test/sleep?ms={HANDLER_MS}", REQUESTS // _STREAMS, _STREAMS, server.root,
                     requests=REQUESTS)
    return {"seconds": r["seconds"], "p50_ms": r["p50_ms"], "max_ms": r["max_ms"], "failed": r["errors"]}


SCENARIOS = [
    Scenario("burst", f"{REQUESTS} simultaneous requests of {HANDLER_MS} ms on a cold server",
             f"load.c opens {REQUESTS} connections at once, each sends one request to a handler that sleeps; the time until "
             "the last answer. Every server freshly started, two seconds before. hybrid: MaxRequestWorkers 1500 alone; "
             "`hybrid, event's`, event and worker: Debian's configuration with MaxRequestWorkers 1500, ServerLimit 60 "
             "(ThreadsPerChild 25); prefork: ServerLimit 1500. ListenBacklog as it comes (511): where a queue overflows "
             "the client's kernel tries again after a second.",
             _contestants, _measure, ["seconds", "p50_ms", "max_ms", "failed"], fresh=True,
             pairs=[("hybrid", "event"), ("hybrid, event's", "event"), ("hybrid", "worker"), ("hybrid", "prefork")]),
    Scenario("burst-h2", f"{REQUESTS} HTTP/2 streams of {HANDLER_MS} ms at once on a cold server",
             f"h2load opens {REQUESTS // _STREAMS} connections with {_STREAMS} streams each, one request a stream to a handler that "
             "sleeps; the time until the last answer. Every server freshly started, two seconds before, each as shipped: how many "
             "streams run at once is mod_http2's decision (H2MinWorkers, H2MaxWorkers are not set).",
             _h2_contestants, _measure_streams, ["seconds", "p50_ms", "max_ms", "failed"], fresh=True),
]
