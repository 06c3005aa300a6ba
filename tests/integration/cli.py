# SPDX-License-Identifier: Apache-2.0
"""Runs build/mpmstats: with pipes, or in a pseudo-terminal of a given size.

MPMSTATS names another binary, a sanitizer build say.
"""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unicodedata

from httpd import BUILD

PROGRAM = os.environ.get("MPMSTATS", str(BUILD / "mpmstats"))
_KEEP = ("PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")
_SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")


def environment(**more):
    """A clean environment: UTF-8, a terminal with colours, no proxy, no server of this machine; None takes a variable out."""
    env = {name: os.environ[name] for name in _KEEP if name in os.environ}
    env.update(LC_ALL="C.UTF-8", TERM="xterm", TZ="UTC", APACHE_RUN_DIR="/nonexistent")
    env.update(more)
    return {k: v for k, v in env.items() if v is not None}


def run(*args, env=None, stdin="", timeout=60, **options):
    """Runs mpmstats with pipes; returns the CompletedProcess with text output."""
    return subprocess.run([PROGRAM, *map(str, args)], input=stdin, env=env or environment(), timeout=timeout,
                          capture_output=True, text=True, encoding="utf-8", **options)


def fails(code, *args, **options):
    """Runs it, asserts the exit code and that there is exactly one harmless line on stderr and nothing on stdout;
    returns that line."""
    done = run(*args, **options)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("mpmstats: "), done.stderr
    assert not [c for c in lines[0] if unicodedata.category(c).startswith("C")], done.stderr
    return lines[0]


def in_terminal(*args, columns=80, rows=24, env=None, keys=b"", timeout=30):
    """Runs it on a pseudo-terminal; returns (exit code, what the terminal received with \\r\\n as \\n)."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen([PROGRAM, *map(str, args)], stdin=terminal, stdout=terminal, stderr=terminal,
                               env=env or environment(), start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(terminal)
    received = b""
    try:
        while True:
            try:
                data = os.read(controller, 65536)
            except OSError:     # EIO: the last holder of the terminal has gone
                break
            if not data:
                break
            received += data
            if keys and b": " in received:      # a prompt is there
                os.write(controller, keys)
                keys = b""
        code = process.wait(timeout)
    finally:
        process.kill()
        process.wait()
        os.close(controller)
    return code, received.decode("utf-8").replace("\r\n", "\n")


def without_colours(text):
    return _SEQUENCE.sub("", text)


def columns_of(line):
    """Columns a terminal needs for a line without colours."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def control_characters(text):
    """What must not be in output, line ends excepted."""
    return {c for c in text if (unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")) and c != "\n"}
