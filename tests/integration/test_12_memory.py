# SPDX-License-Identifier: Apache-2.0
"""A run with a little of everything (workload.py) is clean under AddressSanitizer and UndefinedBehaviorSanitizer, and,
in the long variant, under valgrind's memcheck."""
import shutil

import pytest

import testmodules
import workload

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
