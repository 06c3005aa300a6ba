# SPDX-License-Identifier: Apache-2.0
"""load.py for HTTP/2: N connections with one stream after the other on each, and what became of every request.

  answered      a whole response with status 200
  wrong         a whole response, but not that
  unprocessed   the server has said that it did not process it: a GOAWAY with a lower stream number, or a reset
                with REFUSED_STREAM; a client sends it again elsewhere
  refused       no connection; no request was sent
  late          no answer within the deadline
  lost          none of these

The request on a connection that ends before it was told so is lost."""
import select
import ssl
import threading
import time
from collections import Counter

from h2client import H2

_REFUSED_STREAM = 7


class _Connection:
    def __init__(self):
        self.h2 = None
        self.stream = None
        self.served = 0
        self.sent_at = self.due = 0.0


class H2Load:
    """Context manager: runs from entry to exit. `tls`: client context with ALPN h2; without it prior knowledge."""

    def __init__(self, port, path="/1k.bin", connections=20, pause=0.0, tls=None, per_connection=None, deadline=15.0):
        self.port, self.path, self.tls = port, path, tls
        self.connections, self.pause = connections, pause
        self.per_connection, self.deadline = per_connection, deadline
        self.counts, self.details = Counter(), []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
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
        """Requests that did not get their answer and may not simply be sent again."""
        return {k: self.counts[k] for k in ("wrong", "lost", "refused", "late") if self.counts[k]}

    def _run(self):
        try:
            self._poller, self._by_fd = select.epoll(), {}
            conns = [_Connection() for _ in range(self.connections)]
            while True:
                stopping, now = self._stop.is_set(), time.monotonic()
                for conn in conns:
                    if conn.stream is None and not stopping and conn.due <= now:
                        self._send(conn, now)
                    elif conn.stream is not None and now - conn.sent_at > self.deadline:
                        self._end(conn, "late", "no answer")
                if stopping and not any(conn.stream for conn in conns):
                    break
                for fd, _ in self._poller.poll(0.005):
                    if fd in self._by_fd:
                        self._readable(self._by_fd[fd])
            for conn in conns:
                self._drop(conn)
            self._poller.close()
        except Exception as error:      # handed to the test by stop()
            self._error = error

    def _drop(self, conn):
        if conn.h2:
            self._by_fd.pop(conn.h2.sock.fileno(), None)
            conn.h2.close()
        conn.h2, conn.stream, conn.served = None, None, 0

    def _end(self, conn, kind, why=""):
        self.counts[kind] += 1
        if kind not in ("answered", "unprocessed"):
            self.details.append(f"{kind} at {time.time():.3f}: {why}; request {conn.served + 1} of its connection, "
                                f"GOAWAY {conn.h2 and conn.h2.goaway}")
        conn.due = time.monotonic() + self.pause
        conn.stream = None
        if kind != "answered":
            self._drop(conn)

    def _send(self, conn, now):
        try:
            if conn.h2 is None:
                conn.h2 = H2(self.port, tls=self.tls)
                conn.h2.sock.setblocking(False)
                self._by_fd[conn.h2.sock.fileno()] = conn
                self._poller.register(conn.h2.sock.fileno(), select.EPOLLIN)
            conn.sent_at = now
            conn.stream = conn.h2.request(self.path)
        except OSError as error:
            if conn.h2 is None:
                self.counts["refused"] += 1
                conn.due = now + 0.02
            else:
                self._gone(conn, f"send: {error!r}")

    def _gone(self, conn, why):
        """The connection has ended."""
        if conn.stream is None:
            return self._drop(conn)
        stream = conn.h2.streams[conn.stream]
        if not stream.ended and conn.h2.goaway and conn.h2.goaway.last_stream_id < conn.stream:
            return self._end(conn, "unprocessed")
        self._end(conn, "lost", why)

    def _readable(self, conn):
        while True:
            try:
                if not conn.h2.read_once():
                    return self._gone(conn, "end of connection")
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                return self._gone(conn, repr(error))
        self._look(conn)

    def _look(self, conn):
        h2, goaway = conn.h2, conn.h2.goaway
        if conn.stream is None:
            return self._drop(conn) if goaway else None
        stream = h2.streams[conn.stream]
        if stream.reset == _REFUSED_STREAM or (goaway and not stream.ended and goaway.last_stream_id < conn.stream):
            return self._end(conn, "unprocessed")
        if not stream.ended:
            return None
        if stream.reset is not None:
            return self._end(conn, "lost", f"reset {stream.reset}")
        h2.streams.pop(conn.stream)
        conn.served += 1
        self._end(conn, "answered" if stream.status == 200 else "wrong", str(stream.status))
        if conn.h2 and (goaway or conn.served == self.per_connection):
            self._drop(conn)
        return None
