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
import select
import socket
import ssl
import threading
import time
from collections import Counter

from clients import request


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


class Load:
    """Context manager: runs from entry to exit (or stop()). Results in `counts`, a Counter; `lost` and `retryable`
    requests are described in `details`. `pause` seconds between a response and the next request."""

    def __init__(self, port, path="/1k.bin", connections=20, pause=0.0, status=200, length=None, tls=None,
                 per_connection=None, deadline=15.0):
        self.port, self.connections, self.pause = port, connections, pause
        self.request = request(path)
        self.status, self.length, self.tls = status, length, tls
        self.per_connection, self.deadline = per_connection, deadline
        self.counts = Counter()
        self.details = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        """No new requests; those under way are waited for. Returns the counts."""
        self._stop.set()
        self._thread.join(self.deadline + 10)
        assert not self._thread.is_alive(), "the load client hangs"
        if self._error:
            raise self._error
        return self.counts

    @property
    def answered(self):
        return self.counts["answered"]

    @property
    def failed(self):
        """Requests that did not get their answer, the retryable ones among them."""
        return {k: self.counts[k] for k in ("wrong", "retryable", "lost", "refused", "late") if self.counts[k]}

    # ---- the loop, all in one thread ---------------------------------------------------------------------

    def _run(self):
        try:
            self._poller = select.epoll()
            self._by_fd = {}
            conns = [_Connection() for _ in range(self.connections)]
            while True:
                stopping = self._stop.is_set()
                now = time.monotonic()
                for conn in conns:
                    if not conn.waiting and not stopping and conn.due <= now:
                        self._send(conn, now)
                    elif conn.waiting and now - conn.sent_at > self.deadline:
                        self._end(conn, "late")
                if stopping and not any(c.waiting for c in conns):
                    break
                for fd, _ in self._poller.poll(0.005):
                    conn = self._by_fd.get(fd)
                    if conn:
                        self._readable(conn)
            for conn in conns:
                self._drop(conn)
            self._poller.close()
        except Exception as error:      # handed to the test by stop()
            self._error = error

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
            return self._refuse(conn)
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
        self._by_fd[sock.fileno()] = conn
        self._poller.register(sock.fileno(), select.EPOLLIN)
        return True

    def _refuse(self, conn):
        self.counts["refused"] += 1
        conn.due = time.monotonic() + 0.02
        return False

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
