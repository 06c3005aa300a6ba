#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The folders' rule: a file includes what its folder may depend on, and no circle of units is larger than CIRCLE.

A unit is a .c file and the header of its name; it depends on the units whose headers either of them includes.
`tests/lint/includes.py --circles` prints the circles there are.
"""
import re
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
ROOTS = [REPO / "mod_mpmstats", REPO / "tools/mpmstats"]
PURE = {"base", "http", "segment", "figures", "render"}
# What all of mpm stands on, beside what is below it.
GROUND = {"mpm/compat.h", "mpm/lane.c", "mpm/lane.h", "mpm/module.h"}
PROCESS = {"base", "http", "mpm/policy", "mpm/ground", "mpm/process"}
MODEL = PROCESS | {"mpm/conn"}
CLI = ["common", "term", "fields", "source", "view", "tune", "doctor", "top", "", "commands"]

# What each folder may include, itself aside. stats sees of mpm what other modules see: mpm_hybrid.h.
MAY = {
    "base": set(),
    "http": {"base"},
    "segment": {"base"},
    "figures": {"base", "segment"},
    "render": {"base", "http", "segment", "figures"},
    "mpm/policy": {"base"},
    "mpm/ground": {"base", "mpm/policy"},
    "mpm/process": PROCESS,
    "mpm/parent": PROCESS,
    "mpm/conn": MODEL,
    "mpm/threads": MODEL,
    "mpm/prefork": MODEL,
    "mpm": MODEL | {"mpm/threads", "mpm/prefork", "mpm/parent"},
    "stats/page": PURE,
    "stats": PURE | {"stats/page", "stats/record"},
    "stats/record": PURE | {"stats"},
}
PUBLIC = "mpm/mpm_hybrid.h"
# Lines without code, from which each folder makes its own part: the segment's records as well as the names of what is shown.
TABLE = "figures/figures.def"
# The largest circle of units there may be.
CIRCLE = 3


def may_include(folder, of_cli, target, target_of_cli):
    """Whether a file in `folder` may include one in `target`."""
    if of_cli:
        if target_of_cli:
            return CLI.index(target) <= CLI.index(folder)
        return target in PURE | {"mpm/policy"}
    return not target_of_cli and (target == folder or target in MAY[folder])


def place(path):
    """Root, folder and name of a file."""
    for root in ROOTS:
        if path.is_relative_to(root):
            relative = path.relative_to(root)
            folder = "mpm/ground" if str(relative) in GROUND else str(relative.parent).replace(".", "")
            return root, folder, str(relative)
    raise ValueError(path)


def includes(path):
    """The files of ours that `path` includes."""
    for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(), re.M):
        for root in ROOTS:
            if (root / name).is_file():
                yield root / name


def circles(edges):
    """The strongly connected components of more than one unit (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(unit):
        index[unit] = low[unit] = len(index)
        stack.append(unit)
        for other in edges[unit]:
            if other not in index:
                visit(other)
                low[unit] = min(low[unit], low[other])
            elif other in stack:
                low[unit] = min(low[unit], index[other])
        if low[unit] == index[unit]:
            component = stack[stack.index(unit):]
            del stack[stack.index(unit):]
            if len(component) > 1:
                found.append(sorted(component))

    for unit in edges:
        if unit not in index:
            visit(unit)
    return found


def main():
    sys.setrecursionlimit(10000)
    complaints, edges = [], {}
    for root in ROOTS:
        for path in sorted(root.rglob("*.[ch]")):
            _, folder, name = place(path)
            unit = edges.setdefault(str(path.with_suffix("").relative_to(REPO)), set())
            for target in includes(path):
                target_root, target_folder, target_name = place(target)
                if target_name not in (PUBLIC, TABLE) and not may_include(folder, root == ROOTS[1], target_folder, target_root == ROOTS[1]):
                    complaints.append(f"{path.relative_to(REPO)} includes {target_name}: "
                                      f"{folder or 'the CLI'} may not depend on {target_folder or 'the CLI'}")
                other = str(target.with_suffix("").relative_to(REPO))
                if target.suffix == ".h" and other != str(path.with_suffix("").relative_to(REPO)):
                    unit.add(other)
    edges = {unit: sorted(others & edges.keys()) for unit, others in edges.items()}
    found = sorted(circles(edges), key=len, reverse=True)
    if "--circles" in sys.argv:
        for circle in found:
            print(len(circle), " ".join(circle))
        return 0
    complaints += [f"a circle of {len(c)} units, more than {CIRCLE}: {' '.join(c)}" for c in found if len(c) > CIRCLE]
    print("\n".join(complaints) or f"{len(edges)} units, the largest circle has {max(map(len, found), default=1)}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
