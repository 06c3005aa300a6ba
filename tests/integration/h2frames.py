# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client that sends exactly the frames it is told to, right or wrong, and says which came back.

`Frames(port)` speaks with prior knowledge, `Frames(port, tls=context)` after ALPN. It answers nothing by itself: no
SETTINGS, no PING, no WINDOW_UPDATE."""
import socket
import ssl
import struct
import time
from dataclasses import dataclass

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
NAMES = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
         "CONTINUATION"]
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, _, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, \
    COMPRESSION_ERROR = range(10)
ENHANCE_YOUR_CALM = 11


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """`length`: what the frame says of its payload, if not the truth."""
    size = len(payload) if length is None else length
    return struct.pack("!I", size)[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def block(fields):
    """A header block of literals that are in no table; so it depends on no other."""
    out = b""
    for name, value in fields:
        name, value = (t.encode("latin-1") if isinstance(t, str) else t for t in (name, value))
        out += b"\x00" + _length(len(name)) + name + _length(len(value)) + value
    return out


def _length(n):
    """An integer with a prefix of seven bits."""
    if n < 127:
        return bytes([n])
    out, n = b"\x7f", n - 127
    while n >= 128:
        out, n = out + bytes([n % 128 + 128]), n // 128
    return out + bytes([n])


def fields(path="/hello.txt", method="GET", scheme="http", authority="test.localhost", *more):
    """The fields of a request; a pseudo-header that is None is left out."""
    pseudo = [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)]
    return [(k, v) for k, v in pseudo if v is not None] + list(more)


def headers(stream, *more, flags=END_HEADERS | END_STREAM, **pseudo):
    given = {"path": "/hello.txt", "method": "GET", "scheme": "http", "authority": "test.localhost", **pseudo}
    return frame(HEADERS, flags, stream, block(fields(**given) + list(more)))


def settings(*pairs, flags=0):
    return frame(SETTINGS, flags, 0, b"".join(struct.pack("!HI", k, v) for k, v in pairs))


def window_update(stream, more):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", more))


def rst(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack("!I", code))


@dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self):
        """Of a RST_STREAM or GOAWAY."""
        at = {RST_STREAM: 0, GOAWAY: 4}[self.kind]
        return struct.unpack_from("!I", self.payload, at)[0]

    @property
    def last_stream(self):
        return struct.unpack_from("!I", self.payload)[0] & 0x7fffffff

    @property
    def ends(self):
        return self.kind == RST_STREAM or self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM)


class Frames:
    def __init__(self, port, tls=None, timeout=10, begin=True, rcvbuf=None):
        """With `begin` the preface and empty SETTINGS are sent."""
        sock = socket.socket()
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.settimeout(timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(("127.0.0.1", port))
        self.sock = tls.wrap_socket(sock, server_hostname="localhost") if tls else sock
        if tls:
            assert self.sock.selected_alpn_protocol() == "h2", "the server did not choose h2"
        self.scheme = "https" if tls else "http"
        self.data = b""
        self.got = []           # every frame so far
        self.end = None         # "closed", "reset" or "cut" (TLS without close_notify), once it has ended
        if begin:
            self.send(PREFACE + settings())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, data):
        """A connection that has ended is what comes back, not an error here."""
        try:
            self.sock.sendall(data)
        except OSError:
            pass
        return self

    def _parse(self):
        while len(self.data) >= 9:
            size = int.from_bytes(self.data[:3], "big")
            if len(self.data) < 9 + size:
                return
            kind, flags, stream = self.data[3], self.data[4], int.from_bytes(self.data[5:9], "big")
            self.got.append(Frame(kind, flags, stream, self.data[9:9 + size]))
            self.data = self.data[9 + size:]

    def read_once(self):
        """What one recv() gives; False at the end of the connection."""
        try:
            more = self.sock.recv(65536)
            self.end = None if more else "closed"
        except ssl.SSLError as e:
            if "timed out" in str(e):
                raise TimeoutError from e
            more, self.end = b"", "cut"
        except ConnectionError:
            more, self.end = b"", "reset"
        self.data += more
        self._parse()
        return bool(more)

    def until(self, condition, timeout=5):
        """Read until condition(frame) holds for a frame; it, or None at the end of the connection or the time."""
        seen, deadline = 0, time.monotonic() + timeout
        while True:
            for f in self.got[seen:]:
                if condition(f):
                    return f
            seen = len(self.got)
            left = deadline - time.monotonic()
            if left <= 0 or self.end:
                return None
            self.sock.settimeout(left)
            try:
                self.read_once()
            except TimeoutError:
                return None

    def until_end(self, timeout=5):
        """Read to the end of the connection; how it ended, None when it did not."""
        self.until(lambda f: False, timeout)
        return self.end

    def ping(self, data=b"are you?", timeout=5):
        """Whether a PING is answered: everything before it has been read."""
        self.send(frame(PING, 0, 0, data))
        return self.until(lambda f: f.kind == PING and f.flags & ACK and f.payload == data, timeout) is not None

    def answer(self, stream, timeout=10):
        """Until the stream has ended: (status, body), or (status, code) of a reset; None when it has not ended."""
        if not self.until(lambda f: f.stream == stream and f.ends, timeout):
            return None
        return self.answers().get(stream)

    def answers(self):
        """{stream: (status, body or code of a reset)} of all that has come. To be asked once: it decodes the headers."""
        decoder, out = hpack.Decoder(), {}
        for f in self.got:
            status, body = out.get(f.stream, (None, b""))
            if f.kind == HEADERS:
                found = dict(decoder.decode(_unpadded(f)))
                status = int(found.get(":status", status or 0))
            elif f.kind == DATA:
                body += _unpadded(f)
            elif f.kind == RST_STREAM:
                body = f.code
            if f.kind in (HEADERS, DATA, RST_STREAM):
                out[f.stream] = status, body
        return out


def _unpadded(f):
    payload = f.payload
    if f.flags & PADDED:
        payload = payload[1:len(payload) - payload[0]]
    return payload[5:] if f.kind == HEADERS and f.flags & PRIORITIZED else payload
