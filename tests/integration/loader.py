# SPDX-License-Identifier: Apache-2.0
"""What load clients have in common: a thread with one epoll that keeps N connections busy, from entry to exit."""
import select
import threading
import time
from collections import Counter


class Loader:
    """Context manager: runs from entry to exit (or stop()). Results in `counts`, a Counter; what went wrong is described in
    `details`. `pause` seconds between a response and the next request.

    A subclass has a `connection` with `due` (when the next request may be sent), `sent_at` and `waiting`, and the methods
    `_send(conn, now)`, `_late(conn)`, `_readable(conn)` and `_drop(conn)`. All of them run in the one thread."""

    connection = None
    failures = ()       # the kinds of `counts` that `failed` reports

    def __init__(self, port, connections, pause, tls, per_connection, deadline):
        self.port, self.connections, self.pause = port, connections, pause
        self.tls, self.per_connection, self.deadline = tls, per_connection, deadline
        self.counts, self.details = Counter(), []
        self._by_fd = {}
        self._poller = None
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
        """Requests that did not get their answer, by kind."""
        return {kind: self.counts[kind] for kind in self.failures if self.counts[kind]}

    def _run(self):
        try:
            self._poller = select.epoll()
            conns = [self.connection() for _ in range(self.connections)]
            while self._turn(conns):
                for fd, _ in self._poller.poll(0.005):
                    if fd in self._by_fd:
                        self._readable(self._by_fd[fd])
            for conn in conns:
                self._drop(conn)
            self._poller.close()
        except Exception as error:      # handed to the test by stop()
            self._error = error

    def _turn(self, conns):
        """Sends what is due; False when there is no more to wait for."""
        stopping, now = self._stop.is_set(), time.monotonic()
        for conn in conns:
            if conn.waiting:
                if now - conn.sent_at > self.deadline:
                    self._late(conn)
            elif stopping:
                self._drop(conn)        # it may hold the worker that another one waits for
            elif conn.due <= now:
                self._send(conn, now)
        return not stopping or any(conn.waiting for conn in conns)

    def _watch(self, conn, sock):
        self._by_fd[sock.fileno()] = conn
        self._poller.register(sock.fileno(), select.EPOLLIN)

    def _refuse(self, conn):
        self.counts["refused"] += 1
        conn.due = time.monotonic() + 0.02
