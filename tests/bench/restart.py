# SPDX-License-Identifier: Apache-2.0
"""Graceful restarts under load: what becomes of the requests."""
import signal
import time

import loads
import settings
from scenario import Scenario, everyone

RESTARTS = 10
CONNECTIONS = 40


def _measure(server):
    pause = max(0.5, settings.SECONDS / 4)
    load = loads.Background(CONNECTIONS, [f"http:{server.port}/1k.bin", f"https:{server.tls_port}/1k.bin"],
                            seconds=(RESTARTS + 2) * pause)
    with load:
        time.sleep(pause)
        for _ in range(RESTARTS):
            server.signal(signal.SIGUSR1)
            time.sleep(pause)
    r = load.result
    return {k: r[k] for k in ("answered", "lost", "retryable", "refused", "failed")}


SCENARIOS = [
    Scenario("restart", f"{RESTARTS} graceful restarts under {CONNECTIONS} busy keep-alive connections, half of them TLS",
             "load.c accounts for every request. `lost`: cut within its response, or without an answer on a fresh "
             "connection; `retryable`: sent on a connection that had served before and closed without an answer, which a "
             "browser may repeat and a program often does not; `failed`: all that was not answered.",
             lambda: everyone("nginx"), _measure, ["answered", "lost", "retryable", "refused", "failed"], fresh=True,
             pairs=[], rounds=lambda: max(1, settings.ROUNDS // 3)),
]
