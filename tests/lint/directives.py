#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every directive of the modules is documented, and the integration tests use it.

The directives are read from the command tables: AP_INIT_*("Name", … in mod_mpmstats/{mpm,stats}/*.c,
and what httpd's LISTEN_COMMANDS stands for, from its header. An entry in docs/directives.md is a heading
that names the directive; a test mentions it as a word in a Python file below tests/integration.
"""
import re
import subprocess
import sys
from os import environ
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
INIT = re.compile(r'\bAP_INIT_[A-Z0-9_]+\s*\(\s*"([^"]+)"')
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def listen_commands():
    """The directives behind LISTEN_COMMANDS."""
    apxs = environ.get("APXS", "apxs")
    include = subprocess.run([apxs, "-q", "INCLUDEDIR"], check=True, capture_output=True, text=True).stdout.strip()
    header = (Path(include) / "ap_listen.h").read_text()
    macro = re.search(r"#define LISTEN_COMMANDS((?:.*\\\n)*.*\n)", header)
    return INIT.findall(macro.group(1))


def directives():
    """Each directive of the modules and the file that declares it."""
    found = {}
    for area in ("mpm", "stats"):
        for path in sorted((REPO / "mod_mpmstats" / area).glob("*.c")):
            source = COMMENT.sub("", path.read_text())
            names = INIT.findall(source)
            if re.search(r"^\s*LISTEN_COMMANDS\b", source, re.M):
                names += listen_commands()
            for name in names:
                found[name] = path.relative_to(REPO)
    return found


def main():
    found = directives()
    headings = "\n".join(re.findall(r"^#{2,}\s+(.*)$", (REPO / "docs/directives.md").read_text(), re.M))
    tests = "\n".join(p.read_text() for p in sorted((REPO / "tests/integration").rglob("*.py")))
    complaints = []
    if not found:
        complaints.append("no directive found in mod_mpmstats/{mpm,stats}/*.c: is this check still reading the right tables?")
    for name, path in sorted(found.items()):
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        if not word.search(headings):
            complaints.append(f"{path}: {name} has no entry in docs/directives.md")
        if not word.search(tests):
            complaints.append(f"{path}: {name} is in no test below tests/integration")
    print("\n".join(complaints) or f"{len(found)} directives, each documented and tested")
    return 1 if complaints else 0


sys.exit(main())
