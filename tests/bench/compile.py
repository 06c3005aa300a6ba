# SPDX-License-Identifier: Apache-2.0
"""Builds the load generators of this directory into BUILD/bench/bin when they are older than their sources."""
import os
import subprocess
import sys

import settings

_PROGRAMS = {"load": ["load.c", "tally.c", "net.c"], "turns": ["turns.c", "net.c"], "slowclients": ["slowclients.c", "net.c"],
             "origin": ["origin.c", "net.c"]}
_FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Werror"]


def generators():
    settings.BIN.mkdir(parents=True, exist_ok=True)
    newest_header = max(h.stat().st_mtime for h in settings.HERE.glob("*.h"))
    for name, sources in _PROGRAMS.items():
        program = settings.BIN / name
        paths = [settings.HERE / s for s in sources]
        newest = max(newest_header, *(p.stat().st_mtime for p in paths))
        if program.exists() and program.stat().st_mtime >= newest:
            continue
        command = [os.environ.get("CC") or "cc", *_FLAGS, "-o", str(program), *map(str, paths), "-lssl", "-lcrypto"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            hint = "\n(the headers are in Debian's libssl-dev)" if "openssl/" in done.stderr else ""
            sys.exit(f"bench: cannot build {name}:\n{done.stderr}{hint}")
