# SPDX-License-Identifier: Apache-2.0
"""Small servers for the proxy modules to talk to: HTTP, WebSocket echo, FastCGI. A thread per connection, for tests only."""
import base64
import hashlib
import socket
import socketserver
import struct
import threading
import time
from urllib.parse import parse_qs, urlsplit

import procs


class Backend:
    """Context manager around a threading TCP server on a free port of 127.0.0.1."""

    def __init__(self, handler):
        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        self.port = procs.free_port()
        self.server = Server(("127.0.0.1", self.port), handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()


def _read_head(rfile):
    """(request line, {header: value}), or (None, {}) at the end of the connection."""
    line = rfile.readline().decode("latin-1").strip()
    headers = {}
    while True:
        header = rfile.readline().decode("latin-1").strip()
        if not header:
            break
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return line or None, headers


class HttpOrigin(socketserver.StreamRequestHandler):
    """GET /…?ms=N answers `origin PATH` after N milliseconds; a body sent is answered with its length and SHA-256."""

    def handle(self):
        try:
            while self._one():
                pass
        except ConnectionError:
            pass        # the proxy gave the connection up: nothing to answer

    def _one(self):
        line, headers = _read_head(self.rfile)
        if not line:
            return False
        url = urlsplit(line.split(" ")[1])
        if "content-length" in headers:
            body = self.rfile.read(int(headers["content-length"]))
            answer = f"{len(body)} {hashlib.sha256(body).hexdigest()}"
        else:
            time.sleep(int(parse_qs(url.query).get("ms", ["0"])[0]) / 1000)
            answer = f"origin {url.path}"
        data = answer.encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))
        return headers.get("connection", "").lower() != "close"


class WebSocketEcho(socketserver.StreamRequestHandler):
    """RFC 6455: answers each text or binary message of up to 64 KiB with the same one, a close with a close."""

    def handle(self):
        _, headers = _read_head(self.rfile)
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + websocket_accept(headers["sec-websocket-key"]) + b"\r\n\r\n")
        try:
            while True:
                opcode, payload = read_frame(self.rfile.read)
                self.wfile.write(frame(opcode, payload, mask=False))
                if opcode == 8:
                    return
        except (ConnectionError, struct.error):
            pass        # cut: the test looks at the client's side


def websocket_accept(key):
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest)


def frame(opcode, payload, mask=True):
    """One final WebSocket frame; a client must mask."""
    size = struct.pack("!B", len(payload) | (0x80 if mask else 0)) if len(payload) < 126 else \
        struct.pack("!BH", 126 | (0x80 if mask else 0), len(payload))
    key = b"\x11\x22\x33\x44"
    if mask:
        payload = key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))
    return struct.pack("!B", 0x80 | opcode) + size + payload


def read_frame(read):
    """(opcode, payload) of the next frame; `read(n)` returns exactly n bytes, or fewer at the end."""
    first, second = struct.unpack("!BB", read(2))
    length = second & 0x7f
    if length == 126:
        length, = struct.unpack("!H", read(2))
    key = read(4) if second & 0x80 else bytes(4)
    return first & 0x0f, bytes(b ^ key[i % 4] for i, b in enumerate(read(length)))


class FastCgi(socketserver.StreamRequestHandler):
    """A FastCGI responder: answers `fcgi METHOD URI BODYLENGTH`."""

    BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6

    def handle(self):
        params, body = b"", b""
        while True:
            head = self.rfile.read(8)
            if len(head) < 8:
                return
            _, kind, request_id, length, padding = struct.unpack("!BBHHBx", head)
            data = self.rfile.read(length + padding)[:length]
            if kind == self.PARAMS:
                params += data
            elif kind == self.STDIN and data:
                body += data
            elif kind == self.STDIN:
                self._answer(request_id, self._names(params), body)
                return

    @staticmethod
    def _names(data):
        out = {}

        def size():
            nonlocal data
            if data[0] < 128:
                value, data = data[0], data[1:]
                return value
            value = struct.unpack("!I", data[:4])[0] & 0x7fffffff
            data = data[4:]
            return value

        while data:
            name_length, value_length = size(), size()
            out[data[:name_length].decode()] = data[name_length:name_length + value_length].decode("latin-1")
            data = data[name_length + value_length:]
        return out

    def _answer(self, request_id, params, body):
        text = f"fcgi {params['REQUEST_METHOD']} {params['REQUEST_URI']} {len(body)}"
        self._record(request_id, self.STDOUT, b"Content-Type: text/plain\r\n\r\n" + text.encode())
        self._record(request_id, self.STDOUT, b"")
        self._record(request_id, self.END, bytes(8))

    def _record(self, request_id, kind, data):
        self.wfile.write(struct.pack("!BBHHBx", 1, kind, request_id, len(data), 0) + data)


def proxy_header_v1(source="192.0.2.1", port=1234, to_port=80):
    """The line of PROXY protocol version 1."""
    return f"PROXY TCP4 {source} 127.0.0.1 {port} {to_port}\r\n".encode()


def proxy_header_v2(source="192.0.2.1", port=1234, to_port=80):
    """The header of PROXY protocol version 2, command PROXY, TCP over IPv4."""
    addresses = socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + struct.pack("!HH", port, to_port)
    return b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(addresses)) + addresses
