#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Side-by-side measurements of mpm_hybrid, the stock MPMs and nginx. README.md says how it is used and how it measures.

    make -f Makefile.apxs bench [BENCH=name,…] [BENCH_LIST=1] …
"""
import os
import signal
import sys
import time

import settings     # first: it sets the path the others are found by

import burst  # noqa: E402
import compile as programs  # noqa: E402
import memory  # noqa: E402
import models  # noqa: E402
import procs  # noqa: E402
import report  # noqa: E402
import restart  # noqa: E402
import servers  # noqa: E402
import slow  # noqa: E402
import soak  # noqa: E402
import testmodules  # noqa: E402
import throughput  # noqa: E402
from scenario import Run  # noqa: E402

SCENARIOS = [*throughput.SCENARIOS, *models.SCENARIOS, *burst.SCENARIOS, *slow.SCENARIOS, *restart.SCENARIOS, *memory.SCENARIOS]
ORDER = [s.name for s in SCENARIOS]


def listing():
    print("Scenarios (BENCH=name, several with commas, a whole family by its first word); * are not in a default run:")
    for scenario in SCENARIOS:
        print(f"  {scenario.name:18}{' ' if scenario.default else '*'} {scenario.title}")
    print(f"  {'soak':18}* {soak.TITLE}")


def chosen():
    """The scenarios that BENCH names, in our order; `slow` means every slow-…"""
    if not settings.CHOSEN:
        return [s for s in SCENARIOS if s.default]
    known = set()
    for name in settings.CHOSEN:
        found = {s.name for s in SCENARIOS if s.name == name or s.name.startswith(name + "-")}
        if name == "all":
            found = set(ORDER)
        if not found and name != "soak":
            listing()
            sys.exit(f"bench: no scenario '{name}'")
        known |= found
    return [s for s in SCENARIOS if s.name in known]


def say(text):
    """What is being done right now, on a line of its own that the next one replaces; only on a terminal."""
    if sys.stdout.isatty() and not settings.QUIET:
        print(f"\r\x1b[K{text}", end="", flush=True)


def run(scenario):
    done = Run(scenario, lambda text: say(f"{scenario.name}, {text}")).go()
    result = done.result()
    say("")
    if any(result["values"].values()):
        report.save(scenario.name, result)
        print(report.terminal(scenario.name, result), flush=True)
    return done.faults


def main():
    if settings.LIST:
        return listing()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    procs.become_subreaper()
    limit = settings.raise_file_limit()
    programs.generators()
    servers.forget_old_roots()
    testmodules.build()
    todo = chosen()
    print(f"bench: {settings.SET} set of modules, servers on core {settings.SERVER_CORES[0]}, generators on core {settings.LOAD_CORES[0]}, "
          f"{settings.ROUNDS} rounds of {settings.SECONDS:g} s, {limit} open files, load {os.getloadavg()[0]:.1f}",
          flush=True)
    began, failed = time.monotonic(), []
    for scenario in todo:
        try:
            failed += run(scenario)
        except (AssertionError, RuntimeError, OSError) as error:
            failed.append(f"{scenario.name}: {error}")
            print(f"\n{scenario.name}: could not be measured: {error}", flush=True)
    if "soak" in settings.CHOSEN:
        failed += soak.run(say)
    print(report.targets_reached([s.name for s in todo]))
    if settings.DOC:
        report.document(ORDER)
    print(f"\nbench: {(time.monotonic() - began) / 60:.1f} min; results in {report.RESULTS}")
    if failed:
        print("bench: complaints:\n  " + "\n  ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
