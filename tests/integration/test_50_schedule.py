# SPDX-License-Identifier: Apache-2.0
"""What must hold whoever is late: delays at locks, after waits and before what is sent (schedule.py), under load, in each model.

SCHEDULE_SEED draws other delays."""
import contextlib
import errno
import os
import signal
import time

import pytest

import procs
from clients import Client, request
from faults import Faults
from h2load import H2Load
from httpd import BUILD
from load import Load
from procs import wait_until
from schedule import Schedule
from testmodules import build_debug

pytestmark = pytest.mark.mpm_only("hybrid")

SECONDS = 300 if os.environ.get("SLOW") else 4
LATE = {"lock": (4, 2000), "unlock": (30, 6000), "wait": (30, 5000), "poll": (100, 5000), "accept": (30, 3000), "send": (10, 2000)}
MODELS = ("event", "worker", "prefork")
THREADED = {"StartServers": 2, "ServerLimit": 2, "ThreadsPerChild": 16, "MaxRequestWorkers": 32, "MinSpareThreads": 32,
            "MaxSpareThreads": 32}
PREFORK = {"StartServers": 24, "ServerLimit": 48, "MaxRequestWorkers": 48, "MinSpareServers": 12, "MaxSpareServers": 48}
CONF = """
MPMModel {model}
MPMConcurrency 2
<Location /test/mixed/>
  SetHandler test-handlers-of-both-kinds
</Location>
"""
# Where MPM_BUILD names a build, that one; else one in which the rules that are stated are checked.
DEBUG = BUILD if os.environ.get("MPM_BUILD") else None


@pytest.fixture
def make(httpd, tmp_path):
    """(server, schedule) of a model."""
    def make(model, conf="", small_sockets=False, **options):
        schedule = Schedule(tmp_path, small_sockets)
        mpm_conf = {**(PREFORK if model == "prefork" else THREADED), **options.pop("mpm_conf", {})}
        server = httpd(modules=["test_handlers", *([] if model == "prefork" else ["http2"])], tls=True, mpm_conf=mpm_conf,
                       build=DEBUG or build_debug(), conf=CONF.format(model=model) + conf,
                       tls_conf="" if model == "prefork" else "Protocols h2 http/1.1", **{**schedule.options, **options})
        return server, schedule
    return make


def loads(server, model):
    """Requests of all kinds: over TLS and not, on new and on kept connections, short, sleeping, and sometimes sleeping."""
    tls = server.tls_client()
    found = [Load(server.port, path="/test/sleep?ms=1", connections=6, length=5, deadline=4.0),
             Load(server.port, path="/test/mixed/sleep?ms=3", connections=2, length=5, deadline=4.0),
             Load(server.port, path="/test/mixed/body", connections=4, deadline=4.0),
             Load(server.port, connections=4, per_connection=3, deadline=4.0),
             Load(server.tls_port, connections=2, tls=tls, per_connection=10, deadline=4.0)]
    if model != "prefork":
        found.append(H2Load(server.tls_port, connections=2, tls=server.tls_client(alpn=["h2"]), deadline=4.0))
    return found


@pytest.mark.timeout(SECONDS * 3 + 120)
@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_lost_or_late_and_no_rule_broken_whoever_is_late(make, model):
    server, schedule = make(model)
    pid = server.pid
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(load) for load in loads(server, model)]
        with schedule.late(**LATE):
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                before = [load.answered for load in running]
                wait_until(lambda: all(load.answered > n + 20 for load, n in zip(running, before)), 20, "answers to each load")
        for site in LATE:
            assert schedule.hits(site) > 0 or (model == "prefork" and site in ("poll", "lock", "unlock")), site
    for load in running:
        assert not load.failed, (load.counts, load.details[:5])
    assert server.pid == pid
    assert "exit signal" not in server.error_log()


@pytest.mark.timeout(SECONDS * 3 + 120)
@pytest.mark.parametrize("model", MODELS)
def test_restarts_lose_nothing_whoever_is_late(make, model):
    server, schedule = make(model)
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(load) for load in loads(server, model)]
        with schedule.late(**LATE):
            for _ in range(3 if SECONDS < 100 else 60):
                old = set(server.children())
                server.graceful()
                wait_until(lambda: not old & set(server.children()), 20, "the end of the old generation")
    for load in running:
        assert not load.failed, (load.counts, load.details[:5])


@pytest.mark.parametrize("site", ["wait", "accept"])
def test_a_child_that_is_late_with_a_request_has_left_the_port_after_a_graceful_stop(make, site):
    # What the parent says comes between the wait or the accept and the beginning of the request.
    server, schedule = make("prefork", mpm_conf={"StartServers": 8, "MinSpareServers": 8})
    with schedule.late(**{site: (1000, 400000)}), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port)) for _ in range(6)]
        for client in clients:
            client.send(request("/test/sleep?ms=5000", headers=["Connection: close"]))
        wait_until(lambda: schedule.hits(site) >= 6, 5, "children that are late")
        server.graceful_stop(wait=False)
        wait_until(lambda: not procs.listening(server.port), 4, "no listening socket, while requests run")
        for client in clients:
            assert client.response().body == b"slept"
    server.wait_stopped()


def test_a_child_that_is_late_to_listen_hears_of_a_restart(make, tmp_path):
    # The others cannot accept and have the parent say so, again and again, to the one whose ticker is late.
    faults = Faults(tmp_path)
    preload = f"{Schedule(tmp_path).env['LD_PRELOAD']} {faults.options['env']['LD_PRELOAD']}"
    schedule_env = {"MPM_TEST_SCHEDULE": str(tmp_path / "schedule")}
    server, schedule = make("event", small_sockets=True, mpm_conf={"StartServers": 4, "ServerLimit": 4, "MaxRequestWorkers": 64,
                                                                   "MinSpareThreads": 64, "MaxSpareThreads": 64},
                            env={**faults.options["env"], "LD_PRELOAD": preload, **schedule_env})
    server.expect_log("shortage|Too many open files")
    old = wait_until(lambda: len(found := server.children()) == 4 and found, 5, "four children")
    schedule.only_in(old[0])
    with faults.active("accept", errno.EMFILE, pid=-old[0]), Load(server.port, connections=10, per_connection=1):
        with schedule.late(poll=(1000, 6000000)):
            wait_until(lambda: schedule.hits("poll"), 10, "a ticker that is late")
            refusals = faults.hits("accept")
            wait_until(lambda: faults.hits("accept") > refusals + 30, 10, "messages to the one who is late")
            server.signal(signal.SIGUSR1)
            wait_until(lambda: set(server.children()) - set(old), 10, "a new generation")
    wait_until(lambda: not set(old) & set(server.children()), 15, "the end of every old child")
    assert not any(procs.alive(pid) for pid in old)
