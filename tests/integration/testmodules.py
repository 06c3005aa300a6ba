# SPDX-License-Identifier: Apache-2.0
"""The test-only httpd modules (modules/mod_test_*.c), built into build/test/ with what apxs says."""
import fcntl
import subprocess
from pathlib import Path

import httpd

SOURCES = Path(__file__).resolve().parent / "modules"
_FLAGS = ["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-shared", "-fPIC"]


def _apxs(*variables):
    words = []
    for variable in variables:
        words += subprocess.run([httpd.APXS, "-q", variable], check=True, capture_output=True,
                                text=True).stdout.split()
    return words


def _stale(source, target):
    return not target.exists() or target.stat().st_mtime < source.stat().st_mtime


def build():
    """Compile whatever is older than its source. Safe to call from several processes at once."""
    directory = httpd.BUILD / "test"
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stale = [(s, directory / (s.stem + ".so")) for s in sorted(SOURCES.glob("mod_test_*.c"))]
        stale = [(s, t) for s, t in stale if _stale(s, t)]
        if not stale:
            return
        cc = _apxs("CC")
        flags = _apxs("EXTRA_CPPFLAGS", "EXTRA_CFLAGS")
        includes = ["-I" + _apxs(v)[0] for v in ("INCLUDEDIR", "APR_INCLUDEDIR", "APU_INCLUDEDIR")]
        for source, target in stale:
            made = target.with_suffix(".new")
            done = subprocess.run([*cc, *_FLAGS, *flags, *includes, str(source), "-o", str(made)],
                                  capture_output=True, text=True)
            assert done.returncode == 0, f"{source.name} does not compile:\n{done.stderr}"
            assert not done.stderr, f"{source.name} compiles with warnings:\n{done.stderr}"
            made.rename(target)
