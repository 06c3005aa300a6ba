# SPDX-License-Identifier: Apache-2.0
"""The test-only httpd modules (modules/mod_test_*.c), brought up to date in build/test/ by the build file."""
import fcntl
import subprocess

import httpd


def build():
    """Compile whatever is older than its source. Safe to call from several processes at once."""
    httpd.BUILD.mkdir(parents=True, exist_ok=True)
    with open(httpd.BUILD / ".test-modules.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", "-f", "Makefile.apxs", f"BUILD={httpd.BUILD}", f"APXS={httpd.APXS}",
                               "test-modules"], cwd=httpd.REPO, capture_output=True, text=True)
        assert done.returncode == 0 and "warning" not in done.stderr, f"{done.stdout}{done.stderr}"
