# SPDX-License-Identifier: Apache-2.0
"""A run with a little of everything (workload.py) is clean under AddressSanitizer and UndefinedBehaviorSanitizer, and,
in the long variant, under valgrind's memcheck."""
import re
import shutil

import pytest

import testmodules
import workload
from clients import Client, request
from httpd import REPO

pytestmark = pytest.mark.mpm_only("hybrid")

POOL = {"StartServers": 2, "ServerLimit": 3, "ThreadsPerChild": 15, "ThreadLimit": 25, "MaxRequestWorkers": 45,
        "MinSpareThreads": 5, "MaxSpareThreads": 45}


@pytest.mark.timeout(300)
def test_a_run_under_address_sanitizer_is_clean(httpd):
    server = httpd(start=False, tls=True, modules=workload.MODULES, conf=workload.CONF, mpm_conf=POOL,
                   tls_conf="Protocols h2 http/1.1", **testmodules.sanitized())
    workload.prepare(server)
    server.start()
    workload.run(server)
    server.stop()
    assert "Sanitizer" not in server.error_log()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_under_valgrind_is_clean(httpd):
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    modules = [m for m in workload.MODULES if m != "cgid"]      # valgrind does not let a script be executed
    server = httpd(start=False, tls=True, modules=modules, conf=workload.CONF.replace("Timeout 5", "Timeout 60"),
                   mpm_conf=POOL, tls_conf="Protocols h2 http/1.1",
                   wrapper=["valgrind", "--child-silent-after-fork=no", "--error-limit=no",
                            "--log-file={root}/logs/valgrind.%p"])
    server.wrapper = [word.format(root=server.root) for word in server.wrapper]
    workload.prepare(server)
    server.start_foreground()
    workload.run(server)
    server.stop()
    logs = list((server.root / "logs").glob("valgrind.*"))
    assert logs
    for log in logs:
        text = log.read_text()
        assert " ERROR SUMMARY: 0 errors" in text, text


# What the status renders, what is recorded, and what a restart leaves behind.
STATUS_CONF = """
MPMStatsReportInterval 1
MPMStatsSlowThreshold 1ms
MPMStatsBusyThreshold 1
MPMStatsVHosts 3
LogFormat "%{head}^MP %{queue}^MP %{handler}^MP %{write}^MP %{total}^MP" phases
CustomLog logs/phases.log phases
""" + "".join(f"<VirtualHost *:${{PORT}}>\nServerName h{i}.localhost\n</VirtualHost>\n" for i in range(5))
FORMS = ["", "?json", "?auto", "?openmetrics", "?json&view=vhosts,latency", "?view=totals", "?nonsense"]

LOST = re.compile(r"([\d,]+) blocks are (?:definitely|indirectly) lost in loss record.*\n((?:==\d+==    .*\n)+)")
OURS = {path.name for path in (REPO / "mod_mpmstats").rglob("*.c")}


def lost_again_and_again(text):
    """What our functions allocated and nobody has any more, with its stack. One block each is what a server has for all its life (httpd's
    retained data goes before the process does); what leaks with a request or a restart is several."""
    return [stack for blocks, stack in LOST.findall(text)
            if int(blocks.replace(",", "")) > 1 and OURS & set(re.findall(r"\((\w+\.c):\d+\)", stack))]


def test_a_leak_would_be_seen():
    text = "==7== 120 bytes in 3 blocks are definitely lost in loss record 1 of 2\n==7==    at 0x1: malloc (x.so)\n" \
           "==7==    by 0x2: {} (segment.c:176)\n==7== \n"
    assert lost_again_and_again(text) and not lost_again_and_again(text.replace("3 blocks", "1 blocks"))
    assert not lost_again_and_again(text.replace("segment.c", "strdup.c"))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mpm", ["hybrid", "event", "prefork"])
def test_the_status_under_valgrind_has_no_fault_and_no_leak(httpd, mpm):
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    server = httpd(mpm=mpm, start=False, modules=["test_handlers"], conf=STATUS_CONF,
                   mpm_conf={**POOL, "StartServers": 1, "MaxConnectionsPerChild": 150},
                   wrapper=["valgrind", "--child-silent-after-fork=no", "--error-limit=no", "--keep-debuginfo=yes", "--leak-check=full",
                            "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=none", "--log-file={root}/logs/valgrind.%p"])
    server.wrapper = [word.format(root=server.root) for word in server.wrapper]
    server.start_foreground()
    for _ in range(3):
        for n in range(60):
            for path in ("/hello.txt", "/missing", "/test/sleep?ms=2", "/mpm-status" + FORMS[n % len(FORMS)]):
                with Client(server.port) as client:     # one each: a process that is worn out or goes closes after its answer
                    client.send(request(path, host=f"h{n % 6}.localhost"))
                    client.response()
        for junk in (b"nonsense\r\n\r\n", b"GET /\xff<b>\x01 HTTP/1.1\r\nHost: \xfe\r\n\r\n", b"GET / HT"):
            with Client(server.port) as client:
                client.send(junk)
                client.half_close()
                client.read_to_end()
        server.graceful()
    server.stop()
    logs = list((server.root / "logs").glob("valgrind.*"))
    assert len(logs) >= 4
    for log in logs:
        text = log.read_text()
        assert " ERROR SUMMARY: 0 errors" in text, text
        assert not lost_again_and_again(text), text
