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
import ssl
import time

from h2client import H2
from loader import Loader

_REFUSED_STREAM = 7


class _Connection:
    def __init__(self):
        self.h2 = None
        self.stream = None
        self.served = 0
        self.sent_at = self.due = 0.0

    @property
    def waiting(self):
        return self.stream is not None


class H2Load(Loader):
    """`tls`: client context with ALPN h2; without it prior knowledge."""

    connection = _Connection
    failures = ("wrong", "lost", "refused", "late")     # unprocessed requests may simply be sent again

    def __init__(self, port, path="/1k.bin", connections=20, pause=0.0, tls=None, per_connection=None, deadline=15.0):
        super().__init__(port, connections, pause, tls, per_connection, deadline)
        self.path = path

    def _drop(self, conn):
        if conn.h2:
            self._by_fd.pop(conn.h2.sock.fileno(), None)
            conn.h2.close()
        conn.h2, conn.stream, conn.served = None, None, 0

    def _late(self, conn):
        self._end(conn, "late", "no answer")

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
                self._watch(conn, conn.h2.sock)
            conn.sent_at = now
            conn.stream = conn.h2.request(self.path)
        except OSError as error:
            if conn.h2 is None:
                self._refuse(conn)
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
