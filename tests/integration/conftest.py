# SPDX-License-Identifier: Apache-2.0
"""Fixtures and rules of the integration tests; README.md explains them.

Environment: MPM picks the MPM of the whole run (hybrid; event, worker, prefork; hybrid-sync, hybrid-worker,
hybrid-prefork: hybrid with MPMAsyncHead Off, MPMModel worker, MPMModel prefork), SLOW=1 runs the long variants,
SANITIZE=1 every server with modules built with AddressSanitizer and UBSan, MPM_BUILD another build directory,
KEEP=1 keeps every ServerRoot.
"""
import fcntl
import itertools
import os
import pwd
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import httpd as httpd_module  # noqa: E402
import procs  # noqa: E402
import testmodules  # noqa: E402
import tls  # noqa: E402

_live = []      # servers that exist now, for the report of a failure
_root_numbers = itertools.count()
_failures = 0   # failed test phases of this process so far


def _reachable_by_child_user(path):
    """Whether the children's user can walk to `path` (root only; a clone may lie under a private home)."""
    user = pwd.getpwnam(httpd_module.CHILD_USER)
    for part in [path, *path.parents]:
        mode = part.stat()
        if not (mode.st_mode & 0o001 or (mode.st_mode & 0o010 and mode.st_gid == user.pw_gid)
                or (mode.st_mode & 0o100 and mode.st_uid == user.pw_uid)):
            return False
    return True


@pytest.fixture(scope="session")
def base_dir():
    """Directory of all ServerRoots: build/check/integration, or a directory in /tmp where that cannot be used
    because the children's user cannot get there or a socket path in it would be too long."""
    path = httpd_module.BUILD / "check" / "integration"
    path.mkdir(parents=True, exist_ok=True)
    # A socket's path holds 107 bytes: this, a ServerRoot's name (_short_name and two numbers), run/cgisock.PID.
    if len(str(path)) > 48 or (os.geteuid() == 0 and not _reachable_by_child_user(path)):
        path = Path(tempfile.gettempdir()) / f"mpm-hybrid-check-{os.geteuid()}"
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def tls_dir(base_dir):
    """Certificates of this run (see tls.py); made by whichever test process comes first, kept for a day."""
    path = base_dir / "tls"
    with open(base_dir / ".tls.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = path / "done"
        if not done.exists() or done.stat().st_mtime < time.time() - 86400:
            path.mkdir(exist_ok=True)
            tls.make(path)
            done.touch()
    return path


@pytest.fixture(scope="session", autouse=True)
def _session(base_dir):
    procs.become_subreaper()
    mpm = httpd_module.module_path("mpm_" + httpd_module.MPM)
    assert mpm.exists(), f"{mpm} is missing: build it first, or choose another MPM with MPM=event"
    testmodules.build()
    _forget_old_roots(base_dir)


def _forget_old_roots(base_dir):
    """ServerRoots kept by failures of earlier days."""
    for root in base_dir.glob("*-*-*"):
        if root.stat().st_mtime < time.time() - 86400:
            shutil.rmtree(root, ignore_errors=True)


def _short_name(request):
    node = request.node.name if request.scope == "function" else Path(str(request.node.fspath)).stem
    return re.sub(r"[^A-Za-z0-9]+", "_", node).strip("_")[:24]


def _servers(request, base_dir, tls_dir):
    """A factory of servers; at the end each is stopped, examined, and removed if all went well."""
    made = []
    failures_before = _failures

    def make(*, start=True, **options):
        if os.environ.get("SANITIZE"):
            options = {**testmodules.sanitized(), **options}
        root = base_dir / f"{_short_name(request)}-{os.getpid()}-{next(_root_numbers)}"
        server = httpd_module.Httpd(root, tls_dir, **options)
        made.append(server)
        _live.append(server)
        return server.start() if start else server

    yield make
    found = []
    for server in reversed(made):
        problems = server.problems()
        found += [f"{server.root}: {p}" for p in problems]
        _live.remove(server)
        if not problems and _failures == failures_before and not os.environ.get("KEEP"):
            server.remove()
    if found:
        raise httpd_module.Problem("left behind by the server:\n  " + "\n  ".join(found))


@pytest.fixture
def httpd(request, base_dir, tls_dir):
    """httpd(**options) makes and starts a server for this test; options are those of httpd.Httpd, and start=False."""
    yield from _servers(request, base_dir, tls_dir)


@pytest.fixture(scope="module")
def module_httpd(request, base_dir, tls_dir):
    """As `httpd`, for servers that the tests of one file share."""
    yield from _servers(request, base_dir, tls_dir)


# ---- rules ------------------------------------------------------------------------------------------------

def model_of(flavour):
    """The model of a run on hybrid with MPMModel worker or prefork, else None."""
    model = flavour.removeprefix("hybrid-")
    return model if flavour.startswith("hybrid-") and model in ("worker", "prefork") else None


def left_out(item, model):
    """Why the test has no meaning for this model of hybrid; None if it has one."""
    for mark in item.iter_markers("left_out"):
        if model in mark.args:
            return mark.kwargs["reason"]
    return None


def pytest_collection_modifyitems(config, items):
    flavour = httpd_module.FLAVOUR
    model = model_of(flavour)
    slow = bool(os.environ.get("SLOW"))
    foreign = [item for item in items if model and left_out(item, model)]
    config.hook.pytest_deselected(items=foreign)
    items[:] = [item for item in items if item not in foreign]
    for item in items:
        for mark in item.iter_markers("mpm_gap"):
            if flavour in mark.args:
                item.add_marker(pytest.mark.xfail(reason=f"{flavour}: {mark.kwargs['reason']}",
                                                  strict=mark.kwargs.get("strict", False)))
        for mark in item.iter_markers("mpm_only"):
            if httpd_module.MPM not in mark.args:
                item.add_marker(pytest.mark.skip(reason=f"does not apply to {flavour}"))
        if item.get_closest_marker("slow") and not slow:
            item.add_marker(pytest.mark.skip(reason="long variant, SLOW=1 runs it"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    global _failures
    report = (yield).get_result()
    if not report.failed:
        return
    _failures += 1
    for server in _live:
        tail = "\n".join((server.error_log() + server.stderr()).splitlines()[-40:])
        report.sections.append((f"apache2 in {server.root}", f"kept there; end of its error log:\n{tail}"))
