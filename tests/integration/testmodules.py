# SPDX-License-Identifier: Apache-2.0
"""Builds that the tests ask the build file for: the test-only modules (modules/mod_test_*.c), and everything once more
under a sanitizer."""
import fcntl
import functools
import os
import subprocess

import httpd


SANITIZED = "-O1 -g -fno-omit-frame-pointer -U_FORTIFY_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined"


def _make(build, *arguments):
    """Run make for a build directory; several test processes may come at once."""
    build.mkdir(parents=True, exist_ok=True)
    with open(build / ".test-modules.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", "-j2", "-f", "Makefile.apxs", f"BUILD={build}", f"APXS={httpd.APXS}",
                               *arguments], cwd=httpd.REPO, capture_output=True, text=True)
        assert done.returncode == 0 and "warning" not in done.stderr, f"{done.stdout}{done.stderr}"
    return build


def is_debug(build):
    """Whether a build directory is one of `make DEBUG=1`."""
    flags = build / "flags"
    return flags.exists() and "-DMPM_DEBUG" in flags.read_text()


def build():
    """The test-only modules, brought up to date in build/test/."""
    return _make(httpd.BUILD, "test-modules", *(["DEBUG=1"] if is_debug(httpd.BUILD) else []))


def preload(name, **settings):
    """The environment of a server with modules/preload_NAME.c in it."""
    library = str(httpd.BUILD / "test" / f"preload_{name}.so")
    if os.environ.get("SANITIZE"):
        env = sanitized()["env"]
        return {**env, "LD_PRELOAD": f"{env['LD_PRELOAD']} {library}", **settings}
    return {"LD_PRELOAD": library, **settings}


def build_sanitized():
    """All modules with AddressSanitizer and UndefinedBehaviorSanitizer; returns their build directory."""
    directory = httpd.BUILD / "asan"
    return _make(directory, f"CFLAGS={SANITIZED}", "LDFLAGS=-fsanitize=address,undefined", "test-modules",
                 f"{directory}/mod_mpm_hybrid.so", f"{directory}/mod_mpmstats.so")


@functools.lru_cache
def build_debug():
    """Modules that abort where a rule they state does not hold (base/must_hold.h); returns their build directory."""
    if is_debug(httpd.BUILD):
        return httpd.BUILD
    directory = httpd.BUILD / "debug"
    return _make(directory, "DEBUG=1", "test-modules", f"{directory}/mod_mpm_hybrid.so", f"{directory}/mod_mpmstats.so")


@functools.lru_cache
def sanitized():
    """Options of httpd.Httpd for a server whose modules are built with the sanitizers.

    Leaks are not looked for: httpd ends its children without giving back every pool. A SIGSEGV stays one: tests send it."""
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True,
                             text=True).stdout.strip()
    return {"build": build_sanitized(),
            "env": {"LD_PRELOAD": library, "UBSAN_OPTIONS": "print_stacktrace=1",
                    "ASAN_OPTIONS": "detect_leaks=0:handle_segv=0:exitcode=99:detect_stack_use_after_return=1"}}
