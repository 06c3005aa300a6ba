# SPDX-License-Identifier: Apache-2.0
"""Reads a segment file as docs/segment.md describes it, with nothing but the file: `Segment(path)`.

`server` is a dict, `vhosts`, `handlers` and `processes` are dicts by name (or pid), `listeners` and `events` are
lists. A number that is not known is None; a histogram is a `Histogram` or None. `workers()` are the
scoreboard's entries, from the image in the segment.
"""
import struct
import time
from pathlib import Path

UNKNOWN = 2 ** 64 - 1
HEAD = struct.Struct("<8s IIIIIIII QQQ QQQ")
SECTION = struct.Struct("<24s QQQ II")
FIELD = struct.Struct("<32s IIII Q")
EVENTS = {1: "start", 2: "graceful", 3: "restart", 4: "stop", 5: "crash", 6: "saturated", 7: "relieved", 8: "overflow"}


class Broken(AssertionError):
    """The file contradicts docs/segment.md."""


class Histogram:
    """Counts by value, in the accuracy of the buckets."""

    def __init__(self, words, sub_bits):
        self.stored_sum, self.buckets, self.sub_bits = words[0], words[2:], sub_bits
        self.count = sum(self.buckets)
        exact = self.buckets[:2 << sub_bits]    # a bucket for each value
        self.sum = self.stored_sum + sum(value * n for value, n in enumerate(exact))
        self.max = max(words[1], *(value for value, n in enumerate(exact) if n), 0)

    def __sub__(self, earlier):
        return Histogram([self.stored_sum - earlier.stored_sum, self.max,
                          *(a - b for a, b in zip(self.buckets, earlier.buckets))], self.sub_bits)

    def middle(self, index):
        """The value a bucket stands for."""
        sub = 1 << self.sub_bits
        shift = max(0, (index >> self.sub_bits) - 1)
        low = (index - (shift << self.sub_bits)) << shift if index >= sub else index
        return low + ((1 << shift) - 1) / 2

    def quantile(self, q):
        seen, wanted = 0, q * self.count
        for index, count in enumerate(self.buckets):
            seen += count
            if count and seen >= wanted:
                return self.middle(index)
        return 0

    @property
    def mean(self):
        return self.sum / self.count if self.count else 0


def text_of(raw):
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


class Segment:
    def __init__(self, path):
        for _ in range(50):
            self.raw = Path(path).read_bytes()
            turn = struct.unpack_from("<Q", self.raw, 80)[0]
            if turn % 2 == 0:
                break
            time.sleep(0.01)
        (magic, endian, version, head_size, section_size, sections, field_size, fields, self.sub_bits, total, at_sections,
         at_fields, self.created, _, _) = HEAD.unpack_from(self.raw)
        if (magic, endian, version, head_size, section_size, field_size) != (b"MPMSTATS", 0x01020304, 2, 128, 56, 56):
            raise Broken(f"{path}: not a segment of version 2")
        if total != len(self.raw):
            raise Broken(f"{path}: says it has {total} bytes and has {len(self.raw)}")
        described = [FIELD.unpack_from(self.raw, at_fields + i * field_size) for i in range(fields)]
        self.sections = {}
        for i in range(sections):
            name, offset, size, count, first, number = SECTION.unpack_from(self.raw, at_sections + i * section_size)
            if offset + size * count > total:
                raise Broken(f"{path}: section {text_of(name)} lies outside")
            self.sections[text_of(name)] = (offset, size, count, described[first:first + number])

    def record(self, section, index):
        offset, size, count, fields = self.sections[section]
        base = offset + index * size
        out = {}
        for name, store, _, _, length, at in fields:
            if store == 1:
                value = struct.unpack_from("<Q", self.raw, base + at)[0]
                out[text_of(name)] = None if value == UNKNOWN else value
            elif store == 2:
                out[text_of(name)] = text_of(self.raw[base + at:base + at + length])
            else:
                words = struct.unpack_from(f"<{length + 2}Q", self.raw, base + at)
                out[text_of(name)] = None if words[0] == UNKNOWN else Histogram(words, self.sub_bits)
        return out

    def records(self, section):
        return [self.record(section, i) for i in range(self.sections[section][2])]

    @property
    def server(self):
        return self.record("server", 0)

    @property
    def vhosts(self):
        return {v["name"]: v for v in self.records("vhost") if v["name"]}

    @property
    def handlers(self):
        return {h["name"]: h for h in self.records("handler") if h["state"] == 2}

    @property
    def processes(self):
        return {p["pid"]: p for p in self.records("process") if p["pid"]}

    @property
    def listeners(self):
        return [x for x in self.records("listener") if x["address"]]

    @property
    def events(self):
        found = [e for e in self.records("event") if e["turn"] and e["turn"] == e["turn_again"] and e["turn"] % 2 == 0]
        return [{**e, "kind": EVENTS.get(e["kind"], e["kind"])} for e in sorted(found, key=lambda e: e["turn"])]

    @property
    def requests(self):
        """Requests answered, over all virtual hosts."""
        return sum(v[k] for v in self.records("vhost") for k in v if k.startswith("responses_"))

    def workers(self):
        """The scoreboard's worker entries in use, as dicts with `slot` and `thread`."""
        board = self.record("board", 0)
        if not board["length"]:
            return None
        image = Path(board["path"]).read_bytes()[board["offset"]:] if board["path"] \
            else self.raw[self.sections["board_image"][0]:]
        fields = [f for f in self.records("board_field") if f["record"] == "worker"]
        found = []
        for slot in range(board["server_limit"]):
            for thread in range(board["thread_limit"]):
                base = board["worker_offset"] + (slot * board["thread_limit"] + thread) * board["worker_step"]
                worker = {"slot": slot, "thread": thread}
                for field in fields:
                    data = image[base + field["offset"]:base + field["offset"] + field["length"]]
                    worker[field["name"]] = text_of(data) if field["type"] == 3 \
                        else int.from_bytes(data, "little", signed=field["type"] == 2)
                if worker["status"]:
                    found.append(worker)
        return found
