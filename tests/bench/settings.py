# SPDX-License-Identifier: Apache-2.0
"""What a run of the bench is given by its environment and its machine. README.md lists the variables."""
import os
import resource
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
os.environ["MPM_BUILD"] = str((REPO / (os.environ.get("BUILD") or "build")).resolve())
sys.dont_write_bytecode = True
sys.path.insert(0, str(REPO / "tests" / "integration"))

BUILD = Path(os.environ["MPM_BUILD"])
OUT = BUILD / "bench"
BIN = OUT / "bin"

_FULL = bool(os.environ.get("BENCH_FULL"))


def _words(name):
    return os.environ.get(name, "").replace(",", " ").split()


def _number(name, default, kind=float):
    text = os.environ.get(name) or default
    try:
        return kind(text)
    except ValueError:
        sys.exit(f"bench: {name} must be a number, not '{text}'")


CHOSEN = _words("BENCH")                        # scenarios; empty: those of a default run
SET = os.environ.get("BENCH_SET") or "installed"        # of modules: installed or smallest (sets.py)
MPMS = _words("BENCH_MPMS")                     # servers; empty: all
ROUNDS = _number("BENCH_ROUNDS", 5 if _FULL else 3, int)
SECONDS = _number("BENCH_SECONDS", 10 if _FULL else 3)
SLOW_SECONDS = max(SECONDS, 30 if _FULL else 8)     # of legitimate load beside slow clients
SLOW_CLIENTS = _number("BENCH_CLIENTS", 10000, int)
SOAK_SECONDS = _number("BENCH_SOAK", 300)
RETRIES = _number("BENCH_RETRIES", 0, int)       # of a measurement while others took too much of the core
NICE = _number("BENCH_NICE", 0, int)
LIST = bool(os.environ.get("BENCH_LIST"))
DOC = bool(os.environ.get("BENCH_DOC"))
QUIET = bool(os.environ.get("BENCH_QUIET"))

if SET not in ("installed", "smallest"):
    sys.exit(f"bench: BENCH_SET is installed or smallest, not '{SET}'")

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = CORES[:1]
LOAD_CORES = CORES[1:2] or CORES[:1]


def raise_file_limit():
    """Servers and generators inherit it. Returns the limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
