# SPDX-License-Identifier: Apache-2.0
"""What became of one plan on one server, in a form that can be compared."""
import os
import re
from dataclasses import astuple, dataclass, fields

_HEAD = re.compile(rb"(HTTP/1\.[01] \d{3}[^\r\n]*\r\n)((?:[^\r\n]+\r\n)*[^\r\n]+)\r\n\r\n")
_ALLOW = re.compile(rb"^Allow: (.*)")
_BROKEN = re.compile(r'/said[^"]*" [45]\d\d ')


@dataclass(frozen=True)
class Outcome:
    """`answers`: every byte, as canonical() has it. `end`: how the server ended the connection. `script`: what CGI programs read. `log`: the
    lines of the access log."""
    answers: bytes
    end: str
    script: tuple
    log: tuple

    def differs(self, other):
        """Names of the parts in which two outcomes differ."""
        return {f.name for f, a, b in zip(fields(self), astuple(self), astuple(other)) if a != b}


def canonical(data):
    """Answers without what is chance: the date, the order of fields and of methods, and whether a script's answer has a
    Content-Length, chunks or the connection's end, which is decided by how soon the script's end is seen."""
    out, at = b"", 0
    while found := _HEAD.search(data, at):
        fields = sorted(_ALLOW.sub(_in_order, line) for line in found[2].split(b"\r\n") if not line.startswith(b"Date: "))
        body, end = b"", found.end()
        if b"X-Said: yes" in fields:
            if b"Transfer-Encoding: chunked" in fields:
                body, end = _chunks(data, end)
            fields = [f for f in fields if not f.startswith((b"Content-Length:", b"Transfer-Encoding:"))]
        out += data[at:found.start()] + found[1] + b"\r\n".join(fields) + b"\r\n\r\n" + body
        at = end
    return out + data[at:]


def _in_order(allow):
    return b"Allow: " + b",".join(sorted(allow[1].split(b",")))


def _chunks(data, at):
    """(what chunks hold from there on, where they end)."""
    out = b""
    while found := re.compile(rb"([0-9a-f]+)\r\n").match(data, at):
        size = int(found[1], 16)
        if size == 0:
            return out, found.end() + 2
        out += data[found.end():found.end() + size]
        at = found.end() + size + 2
    return out, at


def of(plan, seen, log, script):
    """Chance is also, after a reset of the client's, how much it had been told, how much was begun, and in which request the reset
    came (400); whether the end of a
    client that leaves is seen before the log line is written (%X); and, where a body breaks off, whether the script is
    stopped before it says what it has read."""
    if plan.leaves:
        log = [re.sub(r"^[X+-] ", "", line) for line in log]
    if any(_BROKEN.search(line) for line in log) or plan.resets:
        script = [line for line in script if not _unfinished(line)]
    if plan.resets:
        return Outcome(b"", "", tuple(script), tuple(line for line in log if '" 400 ' not in line))
    return Outcome(canonical(seen.data), seen.end, tuple(script), tuple(log))


def _unfinished(line):
    length, coding, read = re.search(r"length=(\S+) coding=(\S+) read=(\d+)", line).groups()
    return coding != "-" or length != read


def same(plan, ours, stock):
    """Whether ours is what stock did. Where the client has reset, one may have done less of it."""
    if not plan.resets:
        return ours == stock
    return all(a[:len(b)] == b[:len(a)] for a, b in ((ours.log, stock.log), (ours.script, stock.script)))


def text(outcome, than=None):
    """For a report: responses in short, then the rest; with `than`, the bytes around the place where the answers part."""
    lines = [f"answers: {len(outcome.answers)} bytes"]
    for found in re.finditer(rb"HTTP/1\.[01] \d{3}[^\r\n]*", outcome.answers):
        lines.append(f"  at {found.start()}: {found.group()[:100]!r}")
    if than and than.answers != outcome.answers:
        at = len(os.path.commonprefix([outcome.answers, than.answers]))
        lines.append(f"  from {max(0, at - 30)}: {outcome.answers[max(0, at - 30):at + 50]!r}")
    lines.append(f"end: {outcome.end}")
    lines += [f"script: {line}" for line in outcome.script] + [f"log: {line}" for line in outcome.log]
    return "\n".join("      " + line for line in lines[:40])
