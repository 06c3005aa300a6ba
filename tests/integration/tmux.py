# SPDX-License-Identifier: Apache-2.0
"""A terminal that tests can type into and look at: a tmux server of its own for each `Terminal`.

`Terminal(*command)` runs a program in a window of a given size. It is a context manager: at the end the tmux server
and what runs in it are gone.
"""
import os
import subprocess
import tempfile
from pathlib import Path

import cli
import procs
from procs import wait_until


# Tells how the program ended, which tmux does not do reliably. The trap is not inherited by the program.
_RUN = 'trap : INT QUIT; "$@"; echo $? >"$0.new"; mv "$0.new" "$0"; sleep 60'


class Terminal:
    def __init__(self, *command, columns=100, rows=30, env=None):
        self.directory = tempfile.TemporaryDirectory(prefix="mpmstats-tmux-")
        self.socket = os.path.join(self.directory.name, "s")
        self.code = Path(self.directory.name) / "code"
        self.env = env or cli.environment()
        self.columns, self.rows, self.command = columns, rows, [str(part) for part in command]

    def __enter__(self):
        # tmux's own environment decides about UTF-8; the window's is set with env, so that nothing of ours leaks in.
        variables = {**self.env, "TERM": "screen-256color"}
        inside = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), "sh", "-c", _RUN, str(self.code),
                  *self.command]
        size = ["-x", str(self.columns), "-y", str(self.rows)]
        subprocess.run(["tmux", "-u", "-f", "/dev/null", "-S", self.socket, "new-session", "-d", *size, *inside, ";",
                        "set", "-g", "status", "off", ";", "resize-window", *size], check=True, timeout=20,
                       env={**cli.environment(TERM="xterm-256color"), "SHELL": "/bin/sh"}, stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, timeout=20)
        self.directory.cleanup()

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *arguments], check=True, capture_output=True, text=True,
                              encoding="utf-8", timeout=20).stdout

    def type(self, *keys):
        """Keys by tmux's names (Up, F4, C-l, Escape) or text."""
        for key in keys:
            self.tmux("send-keys", key)

    def text(self, text):
        self.tmux("send-keys", "-l", text)

    def screen(self):
        """The lines in view, without what is blank at their ends."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p").split("\n")]

    def coloured(self):
        """The screen with the escape sequences of its colours."""
        return self.tmux("capture-pane", "-p", "-e")

    def wait(self, condition, timeout=10, what="the screen"):
        """Until condition(lines) is true of the screen; returns the lines."""
        lines = []

        def look():
            lines[:] = self.screen()
            return condition(lines)
        try:
            wait_until(look, timeout, what, every=0.05)
        except procs.Timeout as error:
            raise procs.Timeout(f"{error}\n" + "\n".join(lines)) from None
        return lines

    def wait_for(self, text, timeout=10):
        return self.wait(lambda lines: any(text in line for line in lines), timeout, f"{text!r} on the screen")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def ask(self, what):
        """A format of tmux: alternate_on, cursor_flag, pane_title …"""
        return self.tmux("display-message", "-p", "#{" + what + "}").strip()

    @property
    def pid(self):
        """Of the program."""
        return wait_until(lambda: procs.children_of(int(self.ask("pane_pid"))), 5, "the program")[0]

    def running(self):
        return not self.code.exists()

    def ended(self, timeout=10):
        """Until the program has ended; returns its exit code as a shell tells it."""
        wait_until(self.code.exists, timeout, "the end of the program")
        return int(self.code.read_text())
