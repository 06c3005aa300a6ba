# SPDX-License-Identifier: Apache-2.0
"""Who polls, who accepts and who makes room: the tokens, the limits of one process beside another, and timed callbacks."""
import pytest

from load import Load
from pathlib import Path
from procs import threads, wait_until
from testmodules import build_debug, preload

pytestmark = [pytest.mark.mpm_only("hybrid"),
              pytest.mark.left_out("prefork", reason="a process is one connection")]

TICKER_DELAY_US = 3000


def pollers(pid):
    """Threads that wait in epoll_wait: each holds a token."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += (task / "wchan").read_text() in ("ep_poll", "do_epoll_wait")
        except OSError:
            continue
    return found


def test_a_token_is_taken_only_from_its_holder_even_when_the_ticker_is_late(httpd):
    # Requests that are known to block give their token away by themselves; of the other kind some do, and lose it to the ticker.
    server = httpd(modules=["test_handlers"], build=build_debug(), env=preload("ticker", MPM_TEST_TICKER_DELAY=str(TICKER_DELAY_US)),
                   mpm_conf={"ServerLimit": 1, "ThreadsPerChild": 20, "MaxRequestWorkers": 20, "MinSpareThreads": 20},
                   conf="MPMConcurrency 2\n"
                        "<Location /test/mixed/>\nSetHandler test-handlers-of-both-kinds\n</Location>\n")
    child, = server.children()
    with Load(server.port, path="/test/sleep?ms=1", connections=20, length=5, deadline=2.0) as blocking, \
            Load(server.port, path="/test/mixed/sleep?ms=3", connections=2, length=5, deadline=2.0) as sleeping, \
            Load(server.port, path="/test/mixed/body", connections=8, deadline=2.0) as short:
        wait_until(lambda: blocking.answered > 10000 and sleeping.answered > 1000 and short.answered > 10000, 30, "load")
    for load in blocking, sleeping, short:
        assert not any(load.counts[kind] for kind in load.failures), (load.counts, load.details)
    wait_until(lambda: pollers(child) == 2, 3, "two threads that poll")
    assert server.children() == [child]
    assert "must hold" not in server.error_log()
