# SPDX-License-Identifier: Apache-2.0
"""Debian's modules with applications on them: start, what they are for, graceful restarts under load, stop; on each model, and on
the stock MPM in the same run. SLOW=1, for some 70 MB of packages are fetched (debpackages.py)."""
import contextlib

import procs
import pytest

import debpackages
from applications import APPLICATIONS, Itk
from clients import Client, request
from httpd import FLAVOUR
from load import Load
from procs import wait_until
from segment import Segment

pytestmark = [pytest.mark.slow, pytest.mark.mpm_only("hybrid"), pytest.mark.timeout(300),
              pytest.mark.skipif(FLAVOUR != "hybrid", reason="each test chooses the model")]

RESTARTS = 3
THREADED = {"StartServers": 2, "ServerLimit": 3, "ThreadsPerChild": 16, "ThreadLimit": 16, "MaxRequestWorkers": 48,
            "MinSpareThreads": 16, "MaxSpareThreads": 48}
PREFORK = {"StartServers": 10, "ServerLimit": 40, "MaxRequestWorkers": 40, "MinSpareServers": 5, "MaxSpareServers": 15}
CASES = [pytest.param(app, kind, model, id=f"{app.name.replace(' ', '-')}-{kind}-{model}")
         for app in APPLICATIONS for model in app.models for kind in ("stock", "ours")]


@pytest.fixture(scope="session")
def packages(base_dir):
    return debpackages.unpacked(base_dir)


@pytest.fixture
def serve(httpd, packages, base_dir):
    """The application and its server, started."""
    made = []

    def serve(application, kind, model):
        app = application(packages, base_dir)
        made.append(app)
        ours = {"MPMModel": model} if kind == "ours" else {}
        server = httpd(mpm="hybrid" if ours else model, modules=app.modules, conf=app.conf(), start=False, log_level="warn",
                       mpm_conf={**(PREFORK if model == "prefork" else THREADED), **ours}, env=debpackages.environment(packages))
        if not ours:
            server.expect_log("")       # what stock says of it is its own
        app.prepare(server)
        server.start(probe=False)
        wait_until(lambda: app.status() == 200, 30, "the application's first answer")
        return app, server
    yield serve
    for app in made:
        app.close()


def restart(server):
    """Until the parent has read its configuration again; not for the old children, whose modules may hang when they leave."""
    mark = len(server.error_log())
    server.graceful(wait=False)
    wait_until(lambda: "resuming normal operations" in server.error_log()[mark:], 20, "the restart")


@pytest.mark.parametrize("application, kind, model", CASES)
def test_it_works_and_graceful_restarts_under_load_lose_nothing(serve, application, kind, model):
    app, server = serve(application, kind, model)
    app.check()
    # Stock may lose requests, or hang (embedded Python does): that is for comparison.
    with contextlib.suppress(*([procs.Timeout] if kind == "stock" else [])), \
            Load(server.port, path=app.path, connections=6, headers=app.headers) as load:
        restarts_under(load, server)
        app.check()
    assert load.answered, (load.counts, load.details[:5])
    print(f"{application.name}, {kind} {model}: {dict(load.counts)}")
    if kind == "ours":
        assert not {k: n for k, n in load.failed.items() if k not in app.forgiven}, (load.counts, load.details[:5])
    server.stop()


def restarts_under(load, server):
    for _ in range(RESTARTS):
        answered = load.answered
        wait_until(lambda: load.answered > answered + 20, 30, "answers")
        restart(server)
    answered = load.answered
    wait_until(lambda: load.answered > answered + 20, 30, "answers after the restarts")


class ItkOfTwo(Itk):
    """Two users: mpm_itk's process for a connection cannot go back, and exits in the middle of the other one's request."""

    def conf(self):
        return super().conf() + "<VirtualHost *:${PORT}>\nServerName one.localhost\n</VirtualHost>\n" \
            "<VirtualHost *:${PORT}>\nServerName two.localhost\nAssignUserID www-data www-data\n</VirtualHost>\n"


@pytest.mark.parametrize("kind", ["stock", "ours"])
def test_a_request_that_ends_in_a_process_of_mpm_itk_is_in_flight_no_more(serve, kind):
    app, server = serve(ItkOfTwo, kind, "prefork")
    server.expect_log("itk")

    def read():
        return Segment(server.segment_file)

    def settled():
        now = read()
        return now.server["requests_in_flight"] == 0 and all(v["in_flight"] == 0 for v in now.vhosts.values()) \
            and all(h["busy"] == 0 for h in now.handlers.values()) and all(p["requests_in_flight"] == 0 for p in now.processes.values())
    wait_until(settled, 5, "the end of the first one")
    before = read()
    for _ in range(5):
        with Client(server.port) as client:
            assert client.get("/hello.txt", host="one.localhost").status == 200
            client.send(request("/hello.txt", host="two.localhost"))
            assert client.read_to_end() == b"", "its process has gone"
    wait_until(settled, 5, "none in flight")
    now = read()
    assert now.server["connections_accepted"] == before.server["connections_accepted"] + 5
    assert now.requests == before.requests + 5, "the others were never answered"
    app.check()
