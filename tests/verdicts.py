#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What pytest's JUnit files say about the tests that did not pass.

    tests/verdicts.py FIRST.xml [REPEATED.xml]

A line for each test that did not pass in FIRST: `failed: TEST: MESSAGE`, or `flaky: TEST: MESSAGE` for one that passed
in REPEATED. A flaky test has not passed: once it was wrong, and nobody knows yet who was, the test or the server.
A test that REPEATED does not name was not repeated, and has failed. What failed again is named with both messages if
they differ.
"""
import sys
import xml.etree.ElementTree as ET


def outcomes(path):
    """{test: message of its first failure or error, None where it passed or was skipped}."""
    found = {}
    for case in ET.parse(path).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        bad = next((part for part in case if part.tag in ("failure", "error")), None)
        message = None if bad is None else " ".join((bad.get("message") or bad.text or "").split())[:300]
        found[name] = found.get(name) or message
    return found


def verdicts(first, repeated):
    """Lines as in the head of this file."""
    for test, message in sorted(first.items()):
        if message is None:
            continue
        again = repeated.get(test, message)
        if again is None:
            yield f"flaky: {test}: {message}; repeated alone it passed"
        elif again == message:
            yield f"failed: {test}: {message}"
        else:
            yield f"failed: {test}: {message}; repeated alone: {again}"


def read(path):
    """No test is known from a file that a run which broke off did not leave."""
    try:
        return outcomes(path)
    except (OSError, ET.ParseError):
        return {}


if __name__ == "__main__":
    for line in verdicts(read(sys.argv[1]), read(sys.argv[2]) if len(sys.argv) > 2 else {}):
        print(line)
