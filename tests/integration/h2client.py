# SPDX-License-Identifier: Apache-2.0
"""A small synchronous HTTP/2 client on python3-h2: several streams on one connection, read event by event.

`H2(port)` speaks with prior knowledge (h2c), `H2(port, tls=context)` after ALPN. Flow-control windows are opened as
data is taken, unless the client is told to stop taking (`window` False)."""
import socket
import time

import h2.config
import h2.connection
import h2.events

from clients import request


class _Connection(h2.connection.H2Connection):
    """python3-h2 takes a GOAWAY for the end of the connection; in HTTP/2 the streams already open go on after it."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [event]


class Stream:
    def __init__(self):
        self.status = None
        self.headers = {}
        self.body = bytearray()
        self.ended = False
        self.reset = None       # error code of a RST_STREAM


class H2:
    def __init__(self, port, tls=None, timeout=10):
        sock = socket.create_connection(("127.0.0.1", port), timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)      # what a test has sent is sent
        if tls:
            sock = tls.wrap_socket(sock, server_hostname="localhost")
            assert sock.selected_alpn_protocol() == "h2", "the server did not choose h2"
        self._begin(sock, "https" if tls else "http")
        self.conn.initiate_connection()
        self.flush()

    def _begin(self, sock, scheme):
        self.sock = sock
        self.scheme = scheme
        self.conn = _Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.streams = {}
        self.goaway = None
        self.closed = False
        self.window = True

    @classmethod
    def upgrade(cls, port, path="/hello.txt", timeout=10):
        """Start in HTTP/1.1 with `Upgrade: h2c`; the response to `path` is stream 1."""
        self = cls.__new__(cls)
        self._begin(socket.create_connection(("127.0.0.1", port), timeout), "http")
        settings = self.conn.initiate_upgrade_connection()
        self.streams[1] = Stream()
        self.sock.sendall(request(path, headers=["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                                                 "HTTP2-Settings: " + settings.decode()]))
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(4096)
            assert more, "closed during the upgrade"
            data += more
        head, rest = data.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101"), head
        self.flush()
        self._take(rest)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def flush(self):
        """Send what the protocol machine has ready."""
        data = self.conn.data_to_send()
        if data:
            self.sock.sendall(data)

    def request(self, path="/hello.txt", method="GET", body=None, headers=()):
        """Open a stream; returns its id."""
        stream = self.conn.get_next_available_stream_id()
        self.streams[stream] = Stream()
        self.conn.send_headers(stream, [(":method", method), (":path", path), (":scheme", self.scheme),
                                        (":authority", "test.localhost"), *headers], end_stream=body is None)
        self.flush()
        if body is not None:
            self._send_body(stream, body)
        return stream

    def _send_body(self, stream, body):
        while body:
            room = min(self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size, len(body))
            if room == 0:
                self.read_once()
                continue
            self.conn.send_data(stream, body[:room], end_stream=room == len(body))
            body = body[room:]
            self.flush()

    def ping(self):
        """Until the server has answered a PING: whatever was sent before it has been read."""
        self.pong = False
        self.conn.ping(b"are you?")
        self.flush()
        while not self.pong:
            assert self.read_once(), "connection closed before the PING was answered"

    def read_once(self):
        """Take what one recv() gives; False at the end of the connection."""
        data = self.sock.recv(65536)
        if not data:
            self.closed = True
            return False
        self._take(data)
        return True

    def _take(self, data):
        if not data:
            return
        for event in self.conn.receive_data(data):
            self._event(event)
        self.flush()

    def _event(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event
        elif isinstance(event, h2.events.PingAckReceived):
            self.pong = True
        elif stream is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers)
            stream.status = int(stream.headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if self.window:
                self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = event.error_code
            stream.ended = True

    def finish(self, *ids, timeout=10):
        """Read until these streams (default: all) have ended; returns the first of them.
        An AssertionError when the connection ends first."""
        wanted = ids or tuple(self.streams)
        deadline = time.monotonic() + timeout
        while not all(self.streams[i].ended for i in wanted):
            assert time.monotonic() < deadline, f"streams {wanted} not complete after {timeout} s"
            assert self.read_once(), f"connection closed before streams {wanted} were complete"
        return self.streams[wanted[0]]

    def get(self, path="/hello.txt", **options):
        """One request, read to its end."""
        return self.finish(self.request(path, **options))
