# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 clients on bare sockets: they send exactly the bytes they are told to and say exactly what came back.

Limits: one response at a time per client; chunked and Content-Length bodies, and bodies that end with the connection.
"""
import socket
import struct
import time
from dataclasses import dataclass, field


class Closed(ConnectionError):
    """The server closed the connection where a response (or the rest of one) was due. `got` is what had come."""

    def __init__(self, got=b""):
        super().__init__(f"connection closed after {len(got)} bytes: {got[:80]!r}")
        self.got = got


@dataclass
class Response:
    status: int
    version: str
    headers: dict
    body: bytes
    interim: list = field(default_factory=list)     # status codes of 1xx responses before it

    @property
    def keeps_alive(self):
        connection = self.headers.get("connection", "").lower()
        if self.version == "HTTP/1.0":
            return "keep-alive" in connection
        return "close" not in connection


def request(path="/hello.txt", method="GET", host="test.localhost", version="HTTP/1.1", headers=(), body=b"",
            length=True):
    """Bytes of a request; `headers` are ready lines. Content-Length is added for a body unless length=False."""
    lines = [f"{method} {path} {version}"]
    if host:
        lines.append(f"Host: {host}")
    lines += headers
    if body and length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Client:
    """One connection. With `tls` (an ssl.SSLContext) the handshake is done at once unless handshake=False."""

    def __init__(self, port, tls=None, rcvbuf=None, timeout=10, server_name="localhost", handshake=True,
                 preamble=b""):
        self.sock = socket.socket()
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect(("127.0.0.1", port))
        self.buffer = b""
        if preamble:
            self.sock.sendall(preamble)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname=server_name, do_handshake_on_connect=handshake)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def get(self, path="/hello.txt", **options):
        """Send a GET and read its response."""
        return self.send(request(path, **options)).response()

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(self.buffer)
        self.buffer += data

    def _until(self, marker):
        while marker not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(marker, 1)
        return head

    def read(self, count):
        """Exactly `count` bytes."""
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_to_end(self):
        """Everything up to the end of the connection."""
        try:
            while True:
                self._more()
        except Closed:
            data, self.buffer = self.buffer, b""
            return data

    def head(self):
        """(status, version, headers) of the next response head, names in lower case."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ", 2)[:2]
        pairs = (line.split(":", 1) for line in lines[1:])
        return int(status), version, {name.strip().lower(): value.strip() for name, value in pairs}

    def _chunks(self):
        out = b""
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                self._until(b"\r\n")
                return out
            out += self.read(size)
            assert self.read(2) == b"\r\n"

    def response(self, method="GET"):
        """The next final response, with its body."""
        interim = []
        status, version, headers = self.head()
        while 100 <= status < 200 and status != 101:
            interim.append(status)
            status, version, headers = self.head()
        if method == "HEAD" or status in (101, 204, 304):
            body = b""
        elif "chunked" in headers.get("transfer-encoding", ""):
            body = self._chunks()
        elif "content-length" in headers:
            body = self.read(int(headers["content-length"]))
        else:
            body = self.read_to_end()
        return Response(status, version, headers, body, interim)

    def closed_within(self, seconds):
        """True when the server ends the connection within `seconds` without sending another byte."""
        return self.closed_after(seconds) is not None

    def closed_after(self, limit):
        """Seconds until the server ended the connection, or None if it did not within `limit`.
        An AssertionError if it sent anything instead."""
        started = time.monotonic()
        before = self.sock.gettimeout()
        self.sock.settimeout(limit)
        try:
            data = self.sock.recv(1)
        except (TimeoutError, socket.timeout):
            return None
        except ConnectionResetError:
            data = b""
        finally:
            self.sock.settimeout(before)
        assert not data, f"the server sent {data!r} where nothing was due"
        return time.monotonic() - started

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


class SlowReader(Client):
    """Asks for `path` and takes what it is given in small sips through a small receive buffer."""

    def __init__(self, port, path, tls=None, rcvbuf=4096, headers=(), **options):
        super().__init__(port, tls=tls, rcvbuf=rcvbuf, **options)
        self.received = 0
        self.send(request(path, headers=headers))

    def start(self):
        """Read the response head; returns the announced length."""
        status, _, headers = self.head()
        assert status == 200, status
        self.length = int(headers["content-length"])
        self.received, self.buffer = len(self.buffer), b""
        return self.length

    def sip(self, count=1024):
        """Read at most `count` more bytes; returns how many came."""
        data = self.sock.recv(count)
        if not data:
            raise Closed()
        self.received += len(data)
        return len(data)

    def finish(self):
        """Read the rest at full speed; returns the bytes received in all."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)     # 4 KB at a time take a minute for 1 GB
        while self.received < self.length:
            self.sip(1 << 20)
        return self.received


def refused(port):
    """True when nothing listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
        return False
    except OSError:
        return True
