# SPDX-License-Identifier: Apache-2.0
"""Threads that are late where it matters: what modules/preload_schedule.c delays.

    schedule = Schedule(tmp_path)
    server = httpd(**schedule.options)
    with schedule.late(unlock=(10, 3000), wait=(50, 5000)):     # per mille of the calls, longest delay in µs
        ...
    assert schedule.hits("unlock")
"""
import contextlib
import mmap
import os
import struct

import testmodules

SEED = int(os.environ.get("SCHEDULE_SEED", 13))
SITES = ["lock", "unlock", "wait", "poll", "accept", "send"]    # wait: epoll_wait has returned; poll: ppoll has
_SITE = struct.Struct("<IIQ")
_AFTER = len(SITES) * _SITE.size
_SIZE = _AFTER + 16


class Schedule:
    def __init__(self, directory, small_sockets=False):
        """`directory` must be one that lives as long as the server. With `small_sockets` Unix socket pairs are full soon."""
        self.path = directory / "schedule"
        self.path.write_bytes(bytes(_SIZE))
        self.path.chmod(0o600)      # children have it mapped before they give up their privileges
        with open(self.path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        struct.pack_into("<Qii", self._map, _AFTER, SEED, 0, small_sockets)
        self.env = testmodules.preload("schedule", MPM_TEST_SCHEDULE=str(self.path))

    @property
    def options(self):
        return {**(testmodules.sanitized() if os.environ.get("SANITIZE") else {}), "env": self.env}

    def only_in(self, pid):
        """Nobody else is late."""
        struct.pack_into("<i", self._map, _AFTER + 8, pid)

    @contextlib.contextmanager
    def late(self, **sites):
        """site=(per mille, longest delay in µs)."""
        try:
            for site, (permille, longest_us) in sites.items():
                struct.pack_into("<II", self._map, SITES.index(site) * _SITE.size, permille, longest_us)
            yield
        finally:
            for site in sites:
                struct.pack_into("<I", self._map, SITES.index(site) * _SITE.size, 0)

    def hits(self, site):
        """How many calls have been delayed."""
        return _SITE.unpack_from(self._map, SITES.index(site) * _SITE.size)[2]
