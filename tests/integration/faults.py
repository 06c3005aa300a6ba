# SPDX-License-Identifier: Apache-2.0
"""Faults that begin and end while a server runs: what modules/preload_faults.c makes fail, and how low the soft limits of its processes are.

    faults = Faults(tmp_path)
    server = httpd(**faults.options)
    with faults.active("accept", errno.EMFILE):
        ...
    assert faults.hits("accept")
"""
import contextlib
import errno
import mmap
import os
import struct

from httpd import BUILD

KINDS = ["accept", "fork", "thread", "memory", "disk", "clock", "watch", "listen", "socketpair", "nofile", "nproc", "send", "passing",
         "writev", "map"]
_FAULT = struct.Struct("<iiqQ")
_DISK, _SIGNALS = len(KINDS) * _FAULT.size, 4096
_SENT = struct.Struct("<iiii")
_SIZE = _DISK + 256 + 4 + _SIGNALS * _SENT.size
LIBRARY = BUILD / "test" / "preload_faults.so"


class Faults:
    def __init__(self, directory):
        """`directory` must be one that lives as long as the server."""
        self.path = directory / "faults"
        self.path.write_bytes(bytes(_SIZE))
        self.path.chmod(0o600)      # children have it mapped before they give up their privileges
        with open(self.path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        preload = str(LIBRARY)
        if os.environ.get("SANITIZE"):
            import testmodules
            self.options = testmodules.sanitized()
            preload = f"{self.options['env']['LD_PRELOAD']} {preload}"
            env = self.options["env"]
        else:
            self.options, env = {}, {}
        self.options = {**self.options, "env": {**env, "LD_PRELOAD": preload, "MPM_TEST_FAULTS": str(self.path)}}

    def begin(self, kind, error=errno.EIO, amount=0, pid=0, disk=None):
        at = KINDS.index(kind) * _FAULT.size
        if disk is not None:
            self._map[_DISK:_DISK + 256] = os.fsencode(str(disk)).ljust(256, b"\0")
        struct.pack_into("<q", self._map, at + 8, amount)
        struct.pack_into("<i", self._map, at + 4, pid)
        struct.pack_into("<i", self._map, at, error)

    def end(self, kind):
        struct.pack_into("<i", self._map, KINDS.index(kind) * _FAULT.size, 0)

    @contextlib.contextmanager
    def active(self, kind, error=errno.EIO, **options):
        self.begin(kind, error, **options)
        try:
            yield
        finally:
            self.end(kind)

    def hits(self, kind):
        """How often the fault has taken effect."""
        return _FAULT.unpack_from(self._map, KINDS.index(kind) * _FAULT.size)[3]

    def signals(self):
        """(sender, receiver, signal) of each kill(2) any process of the server has made."""
        base = _DISK + 256
        count = min(struct.unpack_from("<I", self._map, base)[0], _SIGNALS)
        return [_SENT.unpack_from(self._map, base + 4 + i * _SENT.size)[:3] for i in range(count)]
