#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every directive of the modules is documented, and the integration tests use it.

The directives are read from the command tables of mod_mpmstats/{mpm,stats}/*.c after preprocessing, so that
those which come by a macro (LISTEN_COMMANDS, one of the module's own) count as well. An entry in
docs/directives.md is a heading that names the directive, and a word of the index at its beginning; a test mentions it
as a word in a Python file below tests/integration.
"""
import re
import subprocess
import sys
from os import environ
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
# What AP_INIT_*("Name", …) becomes: { "Name", { .take1=function }, …
COMMAND = re.compile(r'\{\s*"([^"]+)"\s*,\s*\{\s*\.(?:\w*args|take\w+|iterate2?|flag|no_args|raw_args)\s*=')


def query(name):
    return subprocess.run([environ.get("APXS", "apxs"), "-q", name], check=True, capture_output=True, text=True).stdout.strip()


def preprocessor():
    """The command that preprocesses a file of the modules as the build does."""
    apr = subprocess.run([query("APR_CONFIG"), "--includes", "--cppflags"], check=True, capture_output=True, text=True)
    return [query("CC"), "-E", "-P", f"-I{REPO / 'mod_mpmstats'}", f"-I{query('INCLUDEDIR')}", *apr.stdout.split()]


def directives():
    """Each directive of the modules and the file that declares it."""
    preprocess = preprocessor()
    found = {}
    for area in ("mpm", "stats"):
        for path in sorted((REPO / "mod_mpmstats" / area).rglob("*.c")):
            if "command_rec" not in path.read_text():
                continue
            source = subprocess.run([*preprocess, str(path)], check=True, capture_output=True, text=True).stdout
            for name in COMMAND.findall(source):
                found[name] = path.relative_to(REPO)
    return found


def main():
    found = directives()
    document = (REPO / "docs/directives.md").read_text()
    headings = "\n".join(re.findall(r"^#{2,}\s+(.*)$", document, re.M))
    index = document.split("\n## ")[0]
    tests = "\n".join(p.read_text() for p in sorted((REPO / "tests/integration").rglob("*.py")))
    complaints = []
    if not found:
        complaints.append("no directive found in mod_mpmstats/{mpm,stats}/*.c: is this check still reading the right tables?")
    for name, path in sorted(found.items()):
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        if not word.search(headings):
            complaints.append(f"{path}: {name} has no entry in docs/directives.md")
        if not word.search(index):
            complaints.append(f"{path}: {name} is not in the index of docs/directives.md")
        if not word.search(tests):
            complaints.append(f"{path}: {name} is in no test below tests/integration")
    print("\n".join(complaints) or f"{len(found)} directives, each documented and tested")
    return 1 if complaints else 0


sys.exit(main())
