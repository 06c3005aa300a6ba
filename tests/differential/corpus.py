# SPDX-License-Identifier: Apache-2.0
"""What clients send: sequences of requests, each the bytes of one connection.

A `Talk` names the places at which cutting it is of interest (`seams`), and the text after which the rest is sent where
a client waits for an answer in the middle (`waits`: offset -> text of the answer).
"""
from dataclasses import dataclass, field

SCRIPT, FILE = "/script/said", "/hello.txt"
BUFFER = 65536          # default of MPMBodyBuffer


@dataclass(frozen=True)
class Talk:
    name: str
    data: bytes
    waits: dict = field(default_factory=dict, hash=False)

    @property
    def seams(self):
        """Offsets around each line's end of the heads, and around the beginning and end of what follows them."""
        found, at = set(), 0
        while (at := self.data.find(b"\n", at)) >= 0 and len(found) < 200:
            found |= {at - 1, at, at + 1, at + 2}
            at += 1
        return sorted(o for o in found if 0 < o < len(self.data))


def head(line, *fields, host=True):
    return ("\r\n".join([line, *(["Host: test.localhost"] if host else []), *fields]) + "\r\n\r\n").encode()


def get(path=FILE, *fields, version="1.1", method="GET"):
    return head(f"{method} {path} HTTP/{version}", *fields)


def body(size):
    """Bytes in which each lost, doubled or swapped piece shows."""
    return b"".join(b"%08d" % i for i in range(0, size + 8, 8))[:size]


def post(size, *fields, path=SCRIPT, method="POST"):
    return head(f"{method} {path} HTTP/1.1", f"Content-Length: {size}", *fields) + body(size)


def chunked(size, piece, *fields, path=SCRIPT, trailers=b"", extension=b""):
    data = body(size)
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part)
                      for part in (data[i:i + piece] for i in range(0, size, piece)))
    return (head(f"POST {path} HTTP/1.1", "Transfer-Encoding: chunked", *fields)
            + chunks + b"0\r\n" + trailers + b"\r\n")


def _plain():
    yield "get", get()
    yield "get-close", get(FILE, "Connection: close")
    yield "get-three", get() * 3
    yield "get-twenty", get() * 20
    yield "get-then-close", get() + get("/1k.bin", "Connection: close") + get()
    yield "get-large", get("/300k.bin") + get()
    yield "get-none", get("/nothing-here") + get()
    yield "head", get(method="HEAD") + get()
    yield "head-none", get("/nothing-here", method="HEAD") + get()
    yield "range", get("/1k.bin", "Range: bytes=10-19") + get()
    yield "options", get(method="OPTIONS") + get()
    yield "options-star", head("OPTIONS * HTTP/1.1") + get()
    yield "trace", get(FILE, "X-Trace: yes", method="TRACE") + get()
    yield "absolute", head(f"GET http://test.localhost{FILE} HTTP/1.1") + get()
    yield "unknown-method", get(method="BREW") + get()
    yield "connect", head("CONNECT test.localhost:80 HTTP/1.1") + get()
    yield "http-1.0", get(version="1.0")
    yield "http-1.0-keep-alive", get(FILE, "Connection: keep-alive", version="1.0") * 2
    yield "http-0.9", f"GET {FILE}\r\n".encode()
    yield "script", get(SCRIPT + "?a=b") + get()


def _heads():
    yield "empty-lines", b"\r\n\r\n" + get() + b"\r\n" + get()
    yield "one-empty-line", b"\r\n" + get()
    yield "many-empty-lines", b"\r\n" * 30 + get()
    yield "only-empty-lines", b"\r\n\r\n"
    yield "lf-only", get().replace(b"\r\n", b"\n") * 2
    yield "folded", head(f"GET {FILE} HTTP/1.1", "X-Folded: one", "  two", "\tthree") + get()
    yield "folded-length", head(f"POST {SCRIPT} HTTP/1.1", "Content-Length:", " 4") + b"abcd" + get()
    yield "no-host", head(f"GET {FILE} HTTP/1.1", host=False) + get()
    yield "two-hosts", head(f"GET {FILE} HTTP/1.1", "Host: other.localhost") + get()
    yield "no-colon", head(f"GET {FILE} HTTP/1.1", "this is no field") + get()
    yield "space-before-colon", head(f"GET {FILE} HTTP/1.1", "X-Space : a") + get()
    yield "bad-version", head(f"GET {FILE} HTTP/9.9") + get()
    yield "bad-line", b"\x16\x03\x01 nonsense\r\n\r\n" + get()
    yield "zero-byte", head(f"GET {FILE} HTTP/1.1", "X-Zero: a\0b") + get()
    yield "bare-cr", f"GET {FILE} HTTP/1.1\r\nHost: test.localhost\rX: y\r\n\r\n".encode() + get()
    yield "large-head", head(f"GET {FILE} HTTP/1.1", *(f"X-{i}: {'v' * 700}" for i in range(20))) + get()
    yield "long-field", head(f"GET {FILE} HTTP/1.1", "X-Long: " + "v" * 9000) + get()
    yield "many-fields", head(f"GET {FILE} HTTP/1.1", *(f"X-{i}: v" for i in range(120))) + get()
    yield "long-line", head(f"GET /{'a' * 9000} HTTP/1.1") + get()
    yield "upgrade-unknown", get(FILE, "Connection: Upgrade", "Upgrade: nothing/1") + get()


def _bodies():
    for size in (0, 1, 10, 4000, 8192, 30000, BUFFER - 1, BUFFER, BUFFER + 1, 100000, 300000):
        yield f"post-{size}", post(size) + get()
    yield "post-three", post(10) + post(20) + post(30) + get()
    yield "post-large-three", post(100000) + post(10) + post(80000) + get()
    yield "post-close", post(1000, "Connection: close")
    yield "post-large-close", post(100000, "Connection: close")
    yield "post-to-a-file", post(1000, path=FILE) + get()
    yield "post-large-to-a-file", post(100000, path=FILE) + get()
    yield "post-to-none", post(5000, path="/nothing-here") + get()
    yield "post-without-length", head(f"POST {SCRIPT} HTTP/1.1") + get()
    yield "get-with-body", post(50, method="GET", path=FILE) + get()
    for size, piece in ((10, 3), (4000, 4000), (4000, 1), (80000, 8192), (100000, 100000)):
        yield f"chunked-{size}-{piece}", chunked(size, piece) + get()
    yield "chunked-none", chunked(0, 1) + get()
    yield "chunked-trailers", chunked(50, 7, trailers=b"X-Trailer: a\r\nX-Other: b\r\n") + get()
    yield "chunked-extension", chunked(50, 7, extension=b";name=value") + get()
    yield "chunked-to-a-file", chunked(5000, 900, path=FILE) + get()
    yield "chunked-two", chunked(100, 10) * 2 + get()


def _bad_bodies():
    yield "length-negative", head(f"POST {SCRIPT} HTTP/1.1", "Content-Length: -1") + get()
    yield "length-text", head(f"POST {SCRIPT} HTTP/1.1", "Content-Length: ten") + get()
    yield "length-twice", head(f"POST {SCRIPT} HTTP/1.1", "Content-Length: 4", "Content-Length: 5") + b"abcde" + get()
    yield "length-and-chunked", chunked(20, 5, "Content-Length: 3") + get()
    yield "coding-unknown", head(f"POST {SCRIPT} HTTP/1.1", "Transfer-Encoding: rot13") + b"abcd" + get()
    yield "chunk-bad-size", head(f"POST {SCRIPT} HTTP/1.1", "Transfer-Encoding: chunked") + b"xyz\r\nabc\r\n0\r\n\r\n" + get()
    yield "chunk-too-long", head(f"POST {SCRIPT} HTTP/1.1", "Transfer-Encoding: chunked") + b"f" * 40 + b"\r\n" + get()
    yield "body-too-short", head(f"POST {SCRIPT} HTTP/1.1", "Content-Length: 500") + body(300)
    yield "large-body-too-short", head(f"POST {SCRIPT} HTTP/1.1", "Content-Length: 100000") + body(80000)
    yield "chunked-unfinished", chunked(4000, 500)[:-7]
    yield "head-unfinished", get()[:-2]
    yield "line-unfinished", b"GET /hel"


def _expecting():
    """(name, bytes, where to wait for `100 Continue`). Without a place to wait, the body comes along uncalled."""
    field = "Expect: 100-continue"
    for size in (10, 4000, 100000):
        data = post(size, field)
        yield f"expect-{size}", data + get(), None
        yield f"expect-{size}-waits", data + get(), len(data) - size
    data = chunked(3000, 1000, field)
    yield "expect-chunked-waits", data + get(), data.index(b"\r\n\r\n") + 4
    yield "expect-unknown", post(10, "Expect: nothing") + get(), None


def talks():
    """All of them; a name is used once."""
    for group in (_plain, _heads, _bodies, _bad_bodies):
        for name, data in group():
            yield Talk(name, data)
    for name, data, wait in _expecting():
        yield Talk(name, data, {wait: b"100 Continue"} if wait else {})
