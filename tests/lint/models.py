#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The list in tests/integration/README.md of what is left out of runs on a model is that of the tests' marks.

Between <!-- left out --> and <!-- end --> stands a table made from every `left_out` mark in tests/integration/test_0*
and test_1*. With --write it is put there.
"""
import contextlib
import io
import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1] / "integration"
README = TESTS / "README.md"
MODELS = ("worker", "prefork")

for name in ("MPM", "SLOW"):        # the list is of all tests
    os.environ.pop(name, None)
sys.path.insert(0, str(TESTS))
import pytest  # noqa: E402


class Collector:
    """Rows {(models, reason): {file: [test, …]}} in the order of the tests."""

    def __init__(self):
        self.rows, self.total = {}, 0

    def pytest_collection_modifyitems(self, items):
        self.total = len(items)
        for item in items:
            reasons = {}
            for model in MODELS:
                mark = next((m for m in item.iter_markers("left_out") if model in m.args), None)
                if mark:
                    reasons.setdefault(mark.kwargs["reason"], []).append(model)
            for reason, models in reasons.items():
                tests = self.rows.setdefault((", ".join(models), reason), {}).setdefault(item.path.stem[:7], [])
                tests.append((item.originalname or item.name, item.name.partition("[")[2].rstrip("]")))


def tests_of(names):
    """A test's name once; its parameters where not all of them are left out is for the reader of the file."""
    seen = {}
    for name, parameters in names:
        seen.setdefault(name.removeprefix("test_"), []).append(parameters)
    return ", ".join(f"{name} ({len(p)})" if len(p) > 1 else name for name, p in seen.items())


def table():
    collector = Collector()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "-c", str(TESTS / "pytest.ini"),
                            *map(str, sorted(TESTS.glob("test_[01]*.py")))], plugins=[collector])
    if code or not collector.total:
        raise SystemExit(f"the tests cannot be collected:\n{said.getvalue()}")
    lines = ["| not on | tests (in how many variants) | because |", "|---|---|---|"]
    for (models, reason), files in collector.rows.items():
        shown = "; ".join(f"{file}: {tests_of(names)}" for file, names in files.items())
        lines.append(f"| {models} | {shown.replace('_', ' ').replace('test ', 'test_')} | {reason} |")
    left = {m: sum(len(names) for (models, _), files in collector.rows.items() if m in models.split(", ")
                   for names in files.values()) for m in MODELS}
    lines += ["", "Of {} tests {} run on MPMModel worker and {} on prefork.".format(
        collector.total, *(collector.total - left[m] for m in MODELS))]
    return "\n".join(lines)


def main():
    text = README.read_text()
    wanted = re.sub(r"(<!-- left out -->\n).*?(\n<!-- end -->)", lambda m: m[1] + table() + m[2], text, flags=re.S)
    if wanted == text:
        return 0 if "<!-- left out -->" in text else 1
    if "--write" in sys.argv[1:]:
        README.write_text(wanted)
        return 0
    print(f"{README}: the list of tests left out of runs on a model is not up to date; "
          "tests/lint/models.py --write renews it")
    return 1


if __name__ == "__main__":
    sys.exit(main())
