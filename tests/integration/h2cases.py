# SPDX-License-Identifier: Apache-2.0
"""What HTTP/2 forbids, and what it only seems to forbid: cases as a client sends them, and what came back in a form that can be
compared between two servers. Each is sent after the preface, empty SETTINGS and, where the case says so, a request that is over."""
import struct
from dataclasses import dataclass

from h2frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NAMES, PADDED, PING, PREFACE, PRIORITIZED,
                      PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, Frames, block, fields, frame, headers, rst, settings,
                      window_update)

_OPEN = END_HEADERS                    # a request whose body is to come
_BIG = 16384
_POST = {"method": "POST", "path": "/test/body"}


@dataclass(frozen=True)
class Case:
    sent: bytes
    after: bool = False                # a request on stream 1 has been answered before
    begin: bytes = PREFACE + settings()
    waits_for: int = 0                 # this stream's answer is waited for


def _headers_cut(stream, at, flags=END_STREAM, **more):
    whole = block(fields(**more))
    return whole[:at], whole[at:], frame(HEADERS, flags, stream, whole[:at])


def _continued(stream, size, pieces):
    """A header block of `pieces` CONTINUATION frames with one field of `size` bytes each."""
    out = frame(HEADERS, END_STREAM, stream, block(fields()))
    for n in range(pieces):
        out += frame(CONTINUATION, END_HEADERS if n == pieces - 1 else 0, stream, block([(f"x-{n}", "v" * size)]))
    return out


def _with_fields(*given):
    return Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(given)), waits_for=1)


def _body(length, *pieces, stream=1):
    out = headers(stream, ("content-length", str(length)), flags=_OPEN, **_POST)
    for n, piece in enumerate(pieces):
        out += frame(DATA, END_STREAM if n == len(pieces) - 1 else 0, stream, piece)
    return Case(out, waits_for=stream)


_M, _S, _P, _A = (":method", "GET"), (":scheme", "http"), (":path", "/hello.txt"), (":authority", "test.localhost")

CASES = {
    # which stream a frame may be on
    "DATA on stream 0": Case(frame(DATA, 0, 0, b"x")),
    "HEADERS on stream 0": Case(headers(0)),
    "PRIORITY on stream 0": Case(frame(PRIORITY, 0, 0, bytes(5))),
    "RST_STREAM on stream 0": Case(rst(0)),
    "CONTINUATION on stream 0": Case(frame(CONTINUATION, END_HEADERS, 0, b"")),
    "SETTINGS on a stream": Case(frame(SETTINGS, 0, 1, b"")),
    "PING on a stream": Case(frame(PING, 0, 1, bytes(8))),
    "GOAWAY on a stream": Case(frame(GOAWAY, 0, 1, bytes(8))),
    "PUSH_PROMISE of a client": Case(frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack("!I", 2) + block(fields()))),
    "an even stream": Case(headers(2)),
    "a stream below the last": Case(headers(5) + headers(3), waits_for=5),
    "DATA on an idle stream": Case(frame(DATA, 0, 1, b"x")),
    "RST_STREAM on an idle stream": Case(rst(1)),
    "WINDOW_UPDATE on an idle stream": Case(window_update(1, 10)),
    "CONTINUATION on an idle stream": Case(frame(CONTINUATION, END_HEADERS, 1, block(fields()))),
    "PRIORITY on an idle stream": Case(frame(PRIORITY, 0, 7, struct.pack("!IB", 0, 10)) + headers(9), waits_for=9),
    "DATA on a closed stream": Case(frame(DATA, 0, 1, b"x"), after=True),
    "HEADERS on a closed stream": Case(headers(1), after=True),
    "CONTINUATION on a closed stream": Case(frame(CONTINUATION, END_HEADERS, 1, b""), after=True),
    "WINDOW_UPDATE on a closed stream": Case(window_update(1, 10), after=True),
    "RST_STREAM on a closed stream": Case(rst(1), after=True),
    "PRIORITY on a closed stream": Case(frame(PRIORITY, 0, 1, bytes(4) + b"\x05"), after=True),
    "DATA after RST_STREAM": Case(headers(1, flags=_OPEN, **_POST) + rst(1) + frame(DATA, END_STREAM, 1, b"x")),
    "HEADERS after RST_STREAM": Case(headers(1, flags=_OPEN, **_POST) + rst(1) + headers(1)),
    "HEADERS on a half-closed stream": Case(headers(1, path="/test/sleep?ms=200") + headers(1), waits_for=1),
    "DATA on a half-closed stream": Case(headers(1, path="/test/sleep?ms=200") + frame(DATA, 0, 1, b"x"), waits_for=1),
    # sizes
    "SETTINGS of 5 bytes": Case(frame(SETTINGS, 0, 0, bytes(5))),
    "SETTINGS ACK with a payload": Case(frame(SETTINGS, ACK, 0, bytes(6))),
    "PING of 7 bytes": Case(frame(PING, 0, 0, bytes(7))),
    "RST_STREAM of 3 bytes": Case(headers(1, flags=_OPEN, **_POST) + frame(RST_STREAM, 0, 1, bytes(3))),
    "PRIORITY of 4 bytes": Case(headers(1, flags=_OPEN, **_POST) + frame(PRIORITY, 0, 1, bytes(4))),
    "WINDOW_UPDATE of 3 bytes": Case(frame(WINDOW_UPDATE, 0, 0, bytes(3))),
    "GOAWAY of 7 bytes": Case(frame(GOAWAY, 0, 0, bytes(7))),
    "DATA above the largest frame": Case(headers(1, flags=_OPEN, **_POST) + frame(DATA, 0, 1, bytes(_BIG + 1))),
    "HEADERS above the largest frame": Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields()) + bytes(_BIG))),
    "SETTINGS above the largest frame": Case(frame(SETTINGS, 0, 0, bytes(6 * 2731))),
    "an unknown frame above the largest": Case(frame(0xbb, 0, 0, bytes(_BIG + 1))),
    "DATA of the largest frame": Case(headers(1, flags=_OPEN, **_POST) + frame(DATA, END_STREAM, 1, bytes(_BIG)), waits_for=1),
    "empty DATA frames": Case(headers(1, flags=_OPEN, **_POST) + frame(DATA, 0, 1) * 5 + frame(DATA, END_STREAM, 1), waits_for=1),
    # padding
    "DATA padded": Case(headers(1, flags=_OPEN, **_POST) + frame(DATA, END_STREAM | PADDED, 1, b"\x04" + b"abc" + bytes(4)), waits_for=1),
    "DATA of padding alone": Case(headers(1, flags=_OPEN, **_POST) + frame(DATA, END_STREAM | PADDED, 1, b"\x04" + bytes(4)), waits_for=1),
    "DATA with padding above its size": Case(headers(1, flags=_OPEN, **_POST) + frame(DATA, PADDED, 1, b"\x05" + bytes(4))),
    "DATA padded without a length": Case(headers(1, flags=_OPEN, **_POST) + frame(DATA, PADDED, 1, b"")),
    "HEADERS padded": Case(frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b"\x08" + block(fields()) + bytes(8)), waits_for=1),
    "HEADERS with padding above its size": Case(frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b"\xff" + block(fields()))),
    "HEADERS with a priority cut short": Case(frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, bytes(4))),
    "HEADERS with a priority": Case(frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, struct.pack("!IB", 0, 200) + block(fields())),
                                    waits_for=1),
    "a stream that depends on itself": Case(frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1,
                                                  struct.pack("!IB", 1, 200) + block(fields())), waits_for=1),
    "PRIORITY on itself": Case(headers(1, flags=_OPEN, **_POST) + frame(PRIORITY, 0, 1, struct.pack("!IB", 1, 9))),
    # header blocks
    "a block in many pieces": Case(_continued(1, 10, 4), waits_for=1),
    "a block in more pieces than allowed": Case(_continued(1, 10, 40)),
    "an empty CONTINUATION": Case(frame(HEADERS, END_STREAM, 1, block(fields())) + frame(CONTINUATION, END_HEADERS, 1), waits_for=1),
    "DATA in a header block": Case(frame(HEADERS, 0, 1, block(fields())) + frame(DATA, END_STREAM, 1, b"x")),
    "PING in a header block": Case(frame(HEADERS, 0, 1, block(fields())) + frame(PING, 0, 0, bytes(8))),
    "an unknown frame in a header block": Case(frame(HEADERS, 0, 1, block(fields())) + frame(0xbb, 0, 1, b"x")),
    "another stream in a header block": Case(frame(HEADERS, 0, 1, block(fields())) + headers(3)),
    "CONTINUATION of another stream": Case(frame(HEADERS, 0, 1, block(fields())) + frame(CONTINUATION, END_HEADERS, 3)),
    "CONTINUATION after the end": Case(headers(1, path="/test/sleep?ms=100") + frame(CONTINUATION, END_HEADERS, 1)),
    "an index of no table": Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\x7f")),
    "index 0": Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80")),
    "a block cut short": Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields())[:-4])),
    "a table larger than allowed": Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe2\x7f" + block(fields()))),
    "a table's size behind a field": Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields()) + b"\x20")),
    "Huffman code with EOS": Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields()) + b"\x00\x84\xff\xff\xff\xff\x01a")),
    "a number without end": Case(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" + b"\xff" * 20)),
    # fields
    "no :method": _with_fields(_S, _P, _A),
    "no :scheme": _with_fields(_M, _P, _A),
    "no :path": _with_fields(_M, _S, _A),
    "an empty :path": _with_fields(_M, _S, (":path", ""), _A),
    "a :path without slash": _with_fields(_M, _S, (":path", "hello.txt"), _A),
    "two :path": _with_fields(_M, _S, _P, _P, _A),
    "two :method": _with_fields(_M, _M, _S, _P, _A),
    ":status in a request": _with_fields(_M, _S, _P, _A, (":status", "200")),
    "an unknown pseudo-header": _with_fields(_M, _S, _P, _A, (":what", "x")),
    "a pseudo-header behind a field": _with_fields(_M, _S, ("x-a", "b"), _P, _A),
    "host without :authority": _with_fields(_M, _S, _P, ("host", "test.localhost")),
    "no host at all": _with_fields(_M, _S, _P),
    "another host than :authority": _with_fields(_M, _S, _P, _A, ("host", "other.localhost")),
    "an upper-case name": _with_fields(_M, _S, _P, _A, ("X-Upper", "b")),
    "an empty name": _with_fields(_M, _S, _P, _A, ("", "b")),
    "a space in a name": _with_fields(_M, _S, _P, _A, ("x a", "b")),
    "LF in a value": _with_fields(_M, _S, _P, _A, ("x-a", "b\nc: d")),
    "NUL in a value": _with_fields(_M, _S, _P, _A, ("x-a", "b\0c")),
    "a value with spaces around": _with_fields(_M, _S, _P, _A, ("x-a", " b ")),
    "connection": _with_fields(_M, _S, _P, _A, ("connection", "close")),
    "keep-alive": _with_fields(_M, _S, _P, _A, ("keep-alive", "1")),
    "upgrade": _with_fields(_M, _S, _P, _A, ("upgrade", "h2c")),
    "transfer-encoding": _with_fields(_M, _S, _P, _A, ("transfer-encoding", "chunked")),
    "te: gzip": _with_fields(_M, _S, _P, _A, ("te", "gzip")),
    "te: trailers": _with_fields(_M, _S, _P, _A, ("te", "trailers")),
    "an unknown method": _with_fields((":method", "BREW"), _S, _P, _A),
    "a method with a space": _with_fields((":method", "GET /"), _S, _P, _A),
    "a space in :path": _with_fields(_M, _S, (":path", "/hello.txt x"), _A),
    "CONNECT": _with_fields((":method", "CONNECT"), (":authority", "test.localhost:80")),
    "CONNECT with :path": _with_fields((":method", "CONNECT"), _S, _P, _A),
    "OPTIONS *": _with_fields((":method", "OPTIONS"), _S, (":path", "*"), _A),
    "TRACE": _with_fields((":method", "TRACE"), _S, _P, _A),
    "101 fields": _with_fields(_M, _S, _P, _A, *((f"x-{n}", "v") for n in range(101))),
    "300 fields": _with_fields(_M, _S, _P, _A, *((f"x-{n}", "v") for n in range(300))),
    "a field of 9000 bytes": _with_fields(_M, _S, _P, _A, ("x-long", "v" * 9000)),
    "a path of 9000 bytes": _with_fields(_M, _S, (":path", "/" + "p" * 9000), _A),
    "fields of 100 KB": Case(_continued(1, 16000, 6), waits_for=1),
    # bodies
    "a body below its content-length": _body(10, b"12345"),
    "a body above its content-length": _body(5, b"1234567890"),
    "content-length without a body": Case(headers(1, ("content-length", "5"), **_POST), waits_for=1),
    "content-length that is no number": Case(headers(1, ("content-length", "5x"), **_POST), waits_for=1),
    "two content-lengths": Case(headers(1, ("content-length", "5"), ("content-length", "6"), **_POST), waits_for=1),
    "a body with its content-length": _body(10, b"12345", b"67890"),
    "trailers": Case(headers(1, flags=_OPEN, **_POST) + frame(DATA, 0, 1, b"x")
                     + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([("x-sum", "1")])), waits_for=1),
    "trailers without the end": Case(headers(1, flags=_OPEN, **_POST) + frame(HEADERS, END_HEADERS, 1, block([("x-sum", "1")])), waits_for=1),
    "a pseudo-header in trailers": Case(headers(1, flags=_OPEN, **_POST)
                                        + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([(":path", "/")])), waits_for=1),
    # SETTINGS and windows
    "ENABLE_PUSH of 2": Case(settings((2, 2))),
    "a window of 2^31": Case(settings((4, 1 << 31))),
    "the largest window": Case(settings((4, (1 << 31) - 1)) + headers(1), waits_for=1),
    "frames of 16383 bytes": Case(settings((5, 16383))),
    "frames of 2^24 bytes": Case(settings((5, 1 << 24))),
    "no table": Case(settings((1, 0)) + headers(1), waits_for=1),
    "no streams of the server": Case(settings((3, 0)) + headers(1), waits_for=1),
    "an unknown setting": Case(settings((0x77, 9)) + headers(1), waits_for=1),
    "a header list of 10 bytes": Case(settings((6, 10)) + headers(1), waits_for=1),
    "SETTINGS that nobody waits for acknowledged": Case(settings(flags=ACK) * 3),
    "33 settings in a frame": Case(settings(*[(0x77, 9)] * 33)),
    "WINDOW_UPDATE of 0": Case(window_update(0, 0)),
    "WINDOW_UPDATE of 0 on a stream": Case(headers(1, flags=_OPEN, **_POST) + window_update(1, 0)),
    "a window that overflows": Case(window_update(0, (1 << 31) - 1)),
    "a stream's window that overflows": Case(headers(1, flags=_OPEN, **_POST) + window_update(1, (1 << 31) - 1)),
    "a window that overflows by SETTINGS": Case(headers(1, flags=_OPEN, **_POST) + window_update(1, 0x7fff0000 - 65535)
                                                + settings((4, 0x7fffffff))),
    "more DATA than the window": Case(headers(1, flags=_OPEN, method="POST", path="/test/sleep?ms=300")
                                      + frame(DATA, 0, 1, bytes(_BIG)) * 5),
    # the rest
    "unknown frames": Case(frame(0xbb, 0xff, 0, b"what") + frame(0xbb, 0, 1, b"is it") + headers(1), waits_for=1),
    "unknown flags": Case(frame(PING, 0xfe, 0, b"unknown?") + headers(1), waits_for=1),
    "the reserved bit": Case(headers(1 | 1 << 31), waits_for=1),
    "PING ACK unasked": Case(frame(PING, ACK, 0, bytes(8)) + headers(1), waits_for=1),
    "GOAWAY of the client, then a stream": Case(headers(1, path="/test/sleep?ms=100") + frame(GOAWAY, 0, 0, bytes(8)) + headers(3),
                                                waits_for=1),
    "GOAWAY of the client with an error": Case(frame(GOAWAY, 0, 0, struct.pack("!II", 0, 1))),
    "no SETTINGS first": Case(b"", begin=PREFACE + headers(1)),
    "SETTINGS ACK first": Case(b"", begin=PREFACE + settings(flags=ACK)),
    "PING first": Case(b"", begin=PREFACE + frame(PING, 0, 0, bytes(8))),
    "a wrong preface": Case(b"", begin=b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings()),
    "HTTP/1.1": Case(b"", begin=b"GET /hello.txt HTTP/1.1\r\nHost: test.localhost\r\nConnection: close\r\n\r\n"),
}


def outcome(port, case, tls=None):
    """What the client sees, in a form that depends on no timing: frames but for acknowledgements and windows, the end."""
    with Frames(port, tls=tls, begin=False) as client:
        client.send(case.begin)
        if case.after:
            assert client.send(headers(1, scheme=client.scheme)).answer(1), "the first request"
        client.send(case.sent)
        if case.waits_for:
            client.answer(case.waits_for, timeout=5)
        alive = client.ping(timeout=1)
        if not alive:
            client.until_end(timeout=2)
        said = [] if client.got else [client.data[:15]]
        return _told(client, alive) + said


def _told(client, alive):
    out = []
    for stream, (status, body) in sorted(client.answers().items()):
        reset = [NAMES[RST_STREAM], body] if isinstance(body, int) else None
        out.append((stream, status, reset if reset else len(body) if status is None or status >= 400 else body,
                    any(f.stream == stream and f.ends for f in client.got)))
    goaways = [(f.code, f.last_stream, f.payload[8:]) for f in client.got if f.kind == GOAWAY]
    return [*out, *goaways, "open" if alive else client.end or "silent"]
