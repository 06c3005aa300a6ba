# SPDX-License-Identifier: Apache-2.0
"""Writes segments as docs/segment.md describes them, and from nothing else: the second opinion on how they are read.

The tables of fields are taken from that page. A dict gives the values of a record; numbers that are not given are not
known, texts are empty. Histograms are given as a list of values, or a dict of how often each came.
"""
import fcntl
import os
import re
import struct
import time
from collections import Counter
from pathlib import Path

from httpd import REPO

UNKNOWN = 2**64 - 1
_KINDS = {w: n for n, w in enumerate(("text", "id", "flag", "gauge", "peak", "ceiling", "counter", "time", "spread"), 1)}
_UNITS = {"–": 1, "bytes": 2, "microseconds": 3}
_SUB_BITS, _BUCKETS = 5, 28 * 32
EVENTS = {"start": 1, "graceful": 2, "restart": 3, "stop": 4, "crash": 5, "saturated": 6, "relieved": 7, "overflow": 8}


def _fields_of(section):
    text = (REPO / "docs/segment.md").read_text()
    table = re.search(rf"<!-- fields of {section} -->\n(.*?)<!-- end -->", text, re.S)[1]
    fields, offset = [], 0
    for name, stored, kind, unit in re.findall(r"^\| `(\w+)` \| ([\w\[\]]+) \| (\w+) \| ([\w–]+) \|", table, re.M):
        store, size, count = {"n": (1, 8, 1), "h": (3, 16 + 8 * _BUCKETS, _BUCKETS)}.get(stored[0], (2, 0, 0))
        if store == 2:
            size = count = int(stored[5:-1])
        fields.append((name, store, _KINDS[kind], _UNITS[unit], count, offset, size))
        offset += size
    return fields, (offset + 63) // 64 * 64


SECTIONS = {name: _fields_of(name) for name in
            ("server", "listener", "process", "vhost", "handler", "event", "board", "board_field", "worker", "stream")}


def bucket(value):
    value = min(value, 2**32 - 1)
    shift = max(0, value.bit_length() - 1 - _SUB_BITS)
    return (shift << _SUB_BITS) + (value >> shift)


def _histogram(values):
    if values is None:
        return struct.pack("=Q", UNKNOWN) + bytes(8 + 8 * _BUCKETS)
    counts = values if isinstance(values, dict) else Counter(values)
    buckets = [0] * _BUCKETS
    for value, count in counts.items():
        buckets[bucket(value)] += count
    large = {v: n for v, n in counts.items() if v >= 2 << _SUB_BITS}     # the others have a bucket each
    return struct.pack(f"={2 + _BUCKETS}Q", sum(v * n for v, n in large.items()), max(large, default=0), *buckets)


def _record(section, values):
    fields, size = SECTIONS[section]
    extra = set(values) - {f[0] for f in fields}
    assert not extra, f"{section} has no {extra}"
    data = b""
    for name, store, *_, length in fields:
        value = values.get(name)
        if store == 1:
            data += struct.pack("=Q", UNKNOWN if value is None else int(value))
        elif store == 2:
            raw = value if isinstance(value, bytes) else (value or "").encode()
            data += raw[:length - 1].ljust(length, b"\0")
        else:
            data += _histogram(value)
    return data.ljust(size, b"\0")


def _check(*parts):
    number = 14695981039346656037
    for part in parts:
        for byte in part:
            number = (number ^ byte) * 1099511628211 % 2**64
    return number


class Board:
    """A scoreboard with a layout of its own: `processes` are (fields, [fields of workers])."""

    PROCESS = ("pid", "generation", "quiescing", "not_accepting", "connections", "write_completion", "lingering_close",
               "keep_alive", "suspended", "wait_io")
    WORKER = ("pid", "generation", "status", "access_count", "bytes_served", "my_access_count", "my_bytes_served",
              "start_time", "stop_time", "last_used")
    TEXTS = {"client64": 64, "request": 64, "vhost": 64, "protocol": 32}
    STATUS = dict(zip(".S_RWKLDCGI", range(11)))

    def __init__(self, processes, threads, extended=True, slots=None):
        self.processes, self.threads, self.extended = processes, threads, extended
        self.slots = slots or len(processes)
        self.process_step, self.worker_step = 8 * len(self.PROCESS), 8 * len(self.WORKER) + sum(self.TEXTS.values())

    def fields(self):
        lines = [dict(record="process", name=n, offset=8 * i, length=8, type=2) for i, n in enumerate(self.PROCESS)]
        lines += [dict(record="worker", name=n, offset=8 * i, length=8, type=2) for i, n in enumerate(self.WORKER)]
        at = 8 * len(self.WORKER)
        for name, length in self.TEXTS.items():
            lines.append(dict(record="worker", name=name, offset=at, length=length, type=3))
            at += length
        return lines

    def _worker(self, values):
        data = b"".join(struct.pack("=q", self.STATUS[values["status"]] if n == "status" and values else values.get(n, 0))
                        for n in self.WORKER)
        for name, length in self.TEXTS.items():
            text = values.get(name, b"")
            data += (text if isinstance(text, bytes) else text.encode())[:length].ljust(length, b"\0")
        return data

    def image(self):
        processes = b"".join(struct.pack("=q", p.get(n, 0)) for p, _ in self.processes for n in self.PROCESS)
        data = bytes(64) + processes.ljust(self.slots * self.process_step, b"\0")
        for _, workers in self.processes:
            rows = b"".join(self._worker(w) for w in workers)
            data += rows.ljust(self.threads * self.worker_step, b"\0")
        return data + bytes((self.slots - len(self.processes)) * self.threads * self.worker_step)

    def record(self):
        return dict(offset=0, length=len(self.image()), server_limit=self.slots, thread_limit=self.threads, global_offset=0,
                    process_offset=64, process_step=self.process_step, worker_offset=64 + self.slots * self.process_step,
                    worker_step=self.worker_step, extended=self.extended)


def segment_bytes(board=None, created=None, **sections):
    """The whole file. `server` is a dict, the other sections are lists of dicts; `other` virtual host included by you."""
    records = {name: [sections.pop(name, {})] if name == "server" else sections.pop(name, []) for name in
               ("server", "listener", "process", "vhost", "handler", "event", "worker", "stream")}
    assert not sections, sections
    records["board"] = [board.record()] if board else [dict(length=0)]
    records["board_field"] = board.fields() if board else []
    data = {name: (SECTIONS[name][1], len(rows), b"".join(_record(name, r) for r in rows)) for name, rows in records.items()}
    if board:
        image = board.image()
        image = image.ljust((len(image) + 7) // 8 * 8, b"\0")
        data["board_image"] = (len(image), 1, image)

    field_list, section_list, first = b"", [], 0
    offset = 128 + 56 * len(data) + 56 * sum(len(SECTIONS[n][0]) for n in data if n in SECTIONS)
    body = b""
    for name, (size, count, rows) in data.items():
        fields = SECTIONS.get(name, ([], 0))[0]
        gap = -(offset + len(body)) % 64
        body += bytes(gap)
        section_list.append(struct.pack("=24sQQQII", name.encode(), offset + len(body), size, count, first, len(fields)))
        body += rows
        first += len(fields)
        for field, store, kind, unit, buckets, at, _ in fields:
            field_list += struct.pack("=32sIIIIQ", field.encode(), store, kind, unit, buckets, at)
    total = offset + len(body)
    head = struct.pack("=8sIIIIIIIIQQQQ", b"MPMSTATS", 0x01020304, 2, 128, 56, len(data), 56, first, _SUB_BITS, total,
                       128, 128 + 56 * len(data), created or now())
    description = b"".join(section_list) + field_list
    head += struct.pack("=Q", _check(head, description))
    return head.ljust(128, b"\0") + description + body


def event(number, kind, time, **values):
    return dict(turn=2 * number, turn_again=2 * number, kind=EVENTS.get(kind, 99), time=time, **{"pid": 0, "a": 0, "b": 0, **values})


def now():
    return time.time_ns() // 1000


class SegmentFile:
    """A segment at `path`. `live`: this process holds the lock, as a server's parent does."""

    def __init__(self, path, live=True, **content):
        self.path, self.lock = Path(path), None
        self.write(**content)
        if live:
            self.lock = open(self.path, "r+b")
            fcntl.lockf(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, **content):
        data = segment_bytes(**content)
        if self.lock:
            os.pwrite(self.lock.fileno(), data, 0)     # another descriptor, when closed, would lose the lock
            os.ftruncate(self.lock.fileno(), len(data))
        else:
            self.path.write_bytes(data)

    def die(self):
        self.lock.close()
        self.lock = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.lock:
            self.die()
