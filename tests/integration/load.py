# SPDX-License-Identifier: Apache-2.0
"""A load client that accounts for every request it sends.

N keep-alive connections, each sending the same request again and again from one thread with one epoll. What
became of each request is one of:

  answered         a whole response with the expected status and body
  wrong            a whole response, but not the expected one
  refused          the connection was refused; no request was sent
  retryable        sent on a connection that had already served a request, and closed without one byte of answer: the
                   race between the client's next request and the server's keep-alive close. A browser may repeat it.
  lost             cut in the middle of its response, or closed or reset without an answer on a fresh connection

Not requests, counted for information: `closed_idle` (the server closed a connection that had nothing under way)
and `closed_announced` (it said `Connection: close` and did).
"""
import socket
import ssl
import time

from clients import request
from loader import Loader


class _Connection:
    __slots__ = ("sock", "served", "buffer", "need", "body_from", "status", "keep", "sent_at", "due", "waiting")

    def __init__(self):
        self.sock = None
        self.served = 0
        self.due = 0.0
        self.waiting = False

    def clear(self):
        self.buffer = b""
        self.need = None
        self.status = None
        self.keep = True


class Load(Loader):
    """A Loader of one path; a response with another status, or another length where one is given, is wrong."""

    connection = _Connection
    failures = ("wrong", "retryable", "lost", "refused", "late")

    def __init__(self, port, path="/1k.bin", connections=20, pause=0.0, status=200, length=None, tls=None,
                 per_connection=None, deadline=15.0, headers=None):
        super().__init__(port, connections, pause, tls, per_connection, deadline)
        fields = dict(headers or {})
        self.request = request(path, host=fields.pop("Host", "test.localhost"), headers=[f"{k}: {v}" for k, v in fields.items()])
        self.status, self.length = status, length

    def _drop(self, conn):
        if conn.sock:
            self._by_fd.pop(conn.sock.fileno(), None)
            conn.sock.close()
        conn.sock = None
        conn.served = 0
        conn.waiting = False

    def _connect(self, conn):
        try:
            sock = socket.create_connection(("127.0.0.1", self.port), 5)
        except OSError:
            self._refuse(conn)
            return False
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_hostname="localhost")
        except (OSError, ssl.SSLError) as error:
            sock.close()
            self.counts["lost"] += 1
            self.details.append(f"handshake: {error!r}")
            return False
        sock.setblocking(False)
        conn.sock = sock
        conn.served = 0
        self._watch(conn, sock)
        return True

    def _send(self, conn, now):
        if conn.sock is None and not self._connect(conn):
            return
        conn.clear()
        conn.sent_at = now
        conn.waiting = True
        try:
            conn.sock.send(self.request)
        except OSError as error:
            self._cut(conn, f"send: {error!r}")

    def _cut(self, conn, why):
        fresh = conn.served == 0
        kind = "retryable" if not conn.buffer and not fresh else "lost"
        self.details.append(f"{kind} at {time.time():.3f}: {why}, request {conn.served + 1} of its connection, "
                            f"{len(conn.buffer)} bytes had come")
        self._end(conn, kind)

    def _late(self, conn):
        self._end(conn, "late")

    def _end(self, conn, kind):
        self.counts[kind] += 1
        self._drop(conn)
        conn.due = time.monotonic() + self.pause

    def _readable(self, conn):
        while True:
            try:
                data = conn.sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                data, why = b"", repr(error)
            else:
                why = "end of connection"
            if not data:
                if conn.waiting:
                    return self._cut(conn, why)
                self.counts["closed_idle"] += 1
                return self._drop(conn)
            conn.buffer += data
            if conn.need is None:
                self._head(conn)
            if conn.need is not None and len(conn.buffer) >= conn.need:
                return self._complete(conn)

    def _head(self, conn):
        end = conn.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = conn.buffer[:end].decode("latin-1").lower()
        conn.status = int(head.split(" ", 2)[1])
        length = 0
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            if name == "content-length":
                length = int(value)
            elif name == "connection" and "close" in value:
                conn.keep = False
        conn.body_from = end + 4
        conn.need = conn.body_from + length

    def _complete(self, conn):
        good = conn.status == self.status and self.length in (None, conn.need - conn.body_from)
        self.counts["answered" if good else "wrong"] += 1
        if not good:
            self.details.append(f"wrong: {conn.buffer[:120]!r}")
        conn.served += 1
        conn.waiting = False
        conn.due = time.monotonic() + self.pause
        if not conn.keep:
            self.counts["closed_announced"] += 1
        if not conn.keep or conn.served == self.per_connection:
            self._drop(conn)
