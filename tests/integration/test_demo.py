# SPDX-License-Identifier: Apache-2.0
"""The demo: it serves, it stops when told or when nobody is there any more, and nothing of it is left."""
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

import procs
from httpd import APXS, BUILD, REPO
from procs import wait_until

pytestmark = [pytest.mark.mpm_only("hybrid"), pytest.mark.timeout(120)]

READY = "Ctrl-C"        # in the line that ends the demo's introduction


def clean_env(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "WERROR", "DEMO", "DESTDIR"))}
    return {**env, "APXS": APXS, **{k: str(v) for k, v in more.items()}}


class Demo:
    """A demo that was started; `said` is its output so far."""

    def __init__(self, command, cwd=REPO, **env):
        self.said = ""
        self.process = subprocess.Popen(command, cwd=cwd, env=clean_env(**env), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def _read(self):
        if select.select([self.process.stdout], [], [], 0.2)[0]:
            self.said += os.read(self.process.stdout.fileno(), 65536).decode()

    def wait_ready(self):
        deadline = time.monotonic() + 60
        while READY not in self.said:
            assert time.monotonic() < deadline and self.process.poll() is None, f"the demo did not start:\n{self.said}"
            self._read()
        return self

    def finish(self, timeout=30):
        """The exit code."""
        output, _ = self.process.communicate(timeout=timeout)
        self.said += output.decode()
        return self.process.returncode

    def _found(self, pattern):
        match = re.search(pattern, self.said)
        assert match, f"{pattern} is not in:\n{self.said}"
        return match.group(1)

    @property
    def server(self):
        return int(self._found(r"\(process (\d+)"))

    @property
    def url(self):
        return self._found(r"a page +(http://127\.0\.0\.1:\d+)/")

    @property
    def tls_url(self):
        return self._found(r"(https://127\.0\.0\.1:\d+)/")

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def family(self):
        """What runs in the sessions the demo made: its own, the server's and its clients'."""
        sessions = {self.process.pid, *(p for p in procs.all_pids() if procs.ppid(p) == self.process.pid), self.server}
        found = []
        for pid in procs.all_pids():
            try:
                if os.getsid(pid) in sessions and not procs.is_zombie(pid):
                    found.append(pid)
            except (ProcessLookupError, PermissionError):
                pass
        return found


@pytest.fixture
def start():
    demos = []

    def make(command, **options):
        demos.append(Demo(command, **options))
        return demos[-1]
    yield make
    for demo in demos:
        if demo.process.poll() is None:
            os.killpg(demo.process.pid, signal.SIGTERM)
            demo.finish()


def via_make(**variables):
    return ["make", "-f", "Makefile.apxs", f"BUILD={BUILD}", "demo"]


SCRIPT = ["tools/demo/demo.sh"]


def get(url):
    context = ssl._create_unverified_context() if url.startswith("https") else None
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:
        return answer.read()


def remembered(demo):
    """Everything of the demo that runs now, with what makes a process id unique."""
    return {pid: procs.start_ticks(pid) for pid in demo.family()}


def assert_all_gone(before, zombies_count=True):
    """A zombie counts as left: where no init reaps orphans it would stay for good."""
    def left():
        return [pid for pid, ticks in before.items() if procs.start_ticks(pid) == ticks
                and (zombies_count or not procs.is_zombie(pid))]
    wait_until(lambda: not left(), 10, "the end of every process of the demo")


def test_make_demo_serves_http_https_and_h2_and_ends_after_demo_seconds(start):
    demo = start(via_make(), DEMO_SECONDS=4, DEMO_PORT=procs.free_port()).wait_ready()
    before = remembered(demo)
    assert len(before) > 3
    assert b"It works" in get(demo.url)
    assert b"It works" in get(demo.tls_url)
    assert b'"mpm":"hybrid"' in get(demo.url + "/mpm-status?json").replace(b" ", b"")
    assert b"<html" in get(demo.url + "/mpm-status").lower()
    h2 = subprocess.run(["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version}", demo.tls_url + "/"],
                        capture_output=True, text=True, check=True)
    assert h2.stdout == "2"
    assert demo.finish() == 0, demo.said
    assert "MPM hybrid" in demo.said, "the view of mpmstats"
    assert_all_gone(before)
    assert not procs.listening(demo.port)


def test_ctrl_c_stops_the_demo_and_leaves_nothing(start):
    demo = start(via_make(), DEMO_PORT=procs.free_port()).wait_ready()
    before = remembered(demo)
    os.killpg(demo.process.pid, signal.SIGINT)
    demo.finish()
    assert "nothing left running" in demo.said
    assert_all_gone(before)


def test_a_taken_port_makes_the_demo_take_the_next_free_one(start):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        demo = start(SCRIPT, BUILD=BUILD, DEMO_SECONDS=1, DEMO_PORT=port).wait_ready()
        assert demo.port > port
        assert demo.finish() == 0


def test_two_demos_of_one_tree_do_not_disturb_each_other(start):
    one = start(SCRIPT, BUILD=BUILD, DEMO_PORT=procs.free_port()).wait_ready()
    two = start(SCRIPT, BUILD=BUILD, DEMO_SECONDS=1, DEMO_PORT=one.port).wait_ready()
    assert two.finish() == 0
    assert b"It works" in get(one.url)


@pytest.mark.parametrize("victim", ["script", "parent of the script"])
def test_a_killed_demo_leaves_nothing(start, victim):
    command = SCRIPT if victim == "script" else ["bash", "-c", "tools/demo/demo.sh; true"]
    demo = start(command, BUILD=BUILD, DEMO_PORT=procs.free_port()).wait_ready()
    before = remembered(demo)
    os.kill(demo.process.pid, signal.SIGKILL)
    assert_all_gone(before, zombies_count=False)


def test_the_demo_says_why_the_server_does_not_start(start):
    tree = Path(tempfile.mkdtemp(prefix="mpm-hybrid-broken-demo-"))
    try:
        for name in ("tools", "conf"):
            shutil.copytree(REPO / name, tree / name)
        with open(tree / "conf/mpm_hybrid.conf", "a") as conf:
            conf.write("ThreadsPerChild many\n")
        demo = start(SCRIPT, cwd=tree, BUILD=tree / "build", DEMO_PORT=procs.free_port())
        (tree / "build").mkdir(exist_ok=True)
        assert demo.finish() != 0
        assert "mod_mpm_hybrid.so does not exist" in demo.said
        for name in ("mod_mpm_hybrid.so", "mod_mpmstats.so", "mpmstats"):
            shutil.copy(BUILD / name, tree / "build")
        demo = start(SCRIPT, cwd=tree, BUILD=tree / "build", DEMO_PORT=procs.free_port())
        assert demo.finish() != 0
        assert "ThreadsPerChild must be a whole number" in demo.said
    finally:
        shutil.rmtree(tree)


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests here run as an ordinary user already")
def test_an_ordinary_user_can_run_the_demo(start):
    tree = Path(tempfile.mkdtemp(prefix="mpm-hybrid-demo-"))
    try:
        for name in ("tools", "conf"):
            shutil.copytree(REPO / name, tree / name)
        (tree / "build").mkdir()
        for name in ("mod_mpm_hybrid.so", "mod_mpmstats.so", "mpmstats"):
            shutil.copy(BUILD / name, tree / "build")
        subprocess.run(["chown", "-R", "nobody", str(tree)], check=True)
        user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        demo = start([*user, *SCRIPT], cwd=tree, BUILD=tree / "build", DEMO_SECONDS=2, DEMO_PORT=procs.free_port())
        demo.wait_ready()
        before = remembered(demo)
        assert b"It works" in get(demo.url)
        assert demo.finish() == 0, demo.said
        assert_all_gone(before)
    finally:
        shutil.rmtree(tree)
