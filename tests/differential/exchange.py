# SPDX-License-Identifier: Apache-2.0
"""Carries out plans: many connections side by side in one thread with one epoll.

`run(jobs)` takes (key, port, tls context or None, Plan) and gives {key: Seen}. Each connection comes from an address of its
own, by which servers' logs tell it from the others: address(key), for a key below 1 << 22. No answer steers what is sent, except
where a plan awaits one. A step that came later than planned, because this machine was busy, is told in Seen.late_s.
"""
import heapq
import itertools
import select
import socket
import ssl
import struct
import time
from dataclasses import dataclass

from plans import PAUSE

SIDE_BY_SIDE = 14       # connections to one listener, of three; a server has more workers than that
AWAIT_S = 0.4           # for an awaited answer, before the rest is sent without it
OPEN_S = 6.0            # after the last step: a connection that is still there is `open`


@dataclass
class Seen:
    """What a client saw."""
    data: bytes
    end: str            # fin, reset, open; gone: it was the client who reset
    late_s: float


def address(key):
    """Of the loopback network, none twice."""
    return f"127.{64 + (key >> 16)}.{key >> 8 & 255}.{key & 255}"


class _Connection:
    def __init__(self, key, port, tls, plan):
        self.key, self.port, self.plan = key, port, plan
        self.steps = list(plan.steps)
        self.received, self.end = b"", None
        self.out = []           # (not before, bytes) still to be written
        self.fin_at_end = False
        self.late_s = 0.0
        self.sock = socket.socket()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.bind((address(key), 0))
        self.sock.connect(("127.0.0.1", port))
        self.sock.setblocking(False)
        self.due = self.give_up = time.monotonic()
        self.waiting_until = None
        self.tls = None
        if tls:
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = tls.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.shaken = not tls
        self.planned = False
        self.timer = None       # the one entry of the heap that counts

    # ---- sending -------------------------------------------------------------------------------------------

    def begin(self, now):
        if self.tls:
            self._handshake()
            hello, self.out = self.out[0][1], []
            at = int(len(hello) * self.plan.hello)
            self.out = [(now, hello[:at])]
            if at < len(hello):
                self.out.append((now + PAUSE, hello[at:]))
        self.give_up = now + OPEN_S

    def _handshake(self):
        try:
            self.tls.do_handshake()
            self.shaken = True
        except ssl.SSLWantReadError:
            pass
        self._take_cipher(0)

    def _take_cipher(self, when, split=False):
        data = self.outgoing.read()
        if data and split and len(data) > 1:
            self.out += [(when, data[:len(data) // 2]), (when + PAUSE, data[len(data) // 2:])]
        elif data:
            self.out.append((when, data))

    def _plan_next(self, now):
        """Sets when the next step is due: never before the handshake is done and what came before is written."""
        self.planned = True
        self.due = now + self.steps[0][0] if self.steps else now + OPEN_S
        self.give_up = now + OPEN_S

    def act(self, now):
        """Whatever is due. True while the connection lives."""
        while self.end is None:
            if not self._flush(now) or not self.shaken:
                if now >= self.give_up:
                    self.end = "open"
                break
            if not self.planned:
                self._plan_next(now)
            if now < self.due:
                break
            if not self.steps:
                self.end = "open"
                break
            pause, kind, data = self.steps[0]
            if kind == "await" and not self._has_come(data, now):
                break
            if kind != "await" and pause:
                self.late_s = max(self.late_s, now - self.due)
            self.steps.pop(0)
            self._do(kind, data, now)
            self._plan_next(now)
        return self.end is None

    def _has_come(self, text, now):
        if self.waiting_until is None:
            self.waiting_until = now + AWAIT_S
        if text not in self.received and now < self.waiting_until:
            return False
        self.waiting_until = None
        return True

    def _do(self, kind, data, now):
        if kind in ("send", "split"):
            if self.tls:
                self.tls.write(data)
                self._take_cipher(now, kind == "split")
            elif kind == "split" and len(data) > 1:
                self.out += [(now, data[:len(data) // 2]), (now + PAUSE, data[len(data) // 2:])]
            else:
                self.out.append((now, data))
        elif kind == "half":
            self._shutdown()
        elif kind == "notify":
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass
            self._take_cipher(now)
            self.fin_at_end = True
        elif kind == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.end = "gone"

    def _shutdown(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _flush(self, now):
        """Writes what may be written. True when nothing is left."""
        while self.out:
            when, data = self.out[0]
            if when > now:
                return False
            if when:
                self.late_s = max(self.late_s, now - when) if len(self.out) > 1 else self.late_s
            try:
                n = self.sock.send(data)
            except BlockingIOError:
                return False
            except OSError:
                self.out = []       # the server has closed; reading tells how
                break
            if n < len(data):
                self.out[0] = (0, data[n:])
                return False
            self.out.pop(0)
        if self.fin_at_end:
            self.fin_at_end = False
            self._shutdown()
        return True

    def wakes_at(self, now):
        if self.out:
            return self.out[0][0] if self.out[0][0] > now else now + 0.01
        if self.waiting_until is not None:
            return self.waiting_until
        return self.due if self.shaken else self.give_up

    # ---- receiving -----------------------------------------------------------------------------------------

    def read(self):
        while self.end is None:
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                self.end = "reset"
                return
            if not data:
                self.end = "fin"
                return
            if not self.tls:
                self.received += data
                continue
            self.incoming.write(data)
            self._decrypt()

    def _decrypt(self):
        try:
            if not self.shaken:
                self._handshake()
            while self.shaken and (data := self.tls.read(65536)):
                self.received += data
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        except ssl.SSLError as error:
            if not self.shaken:
                self.received += f"<{error.reason}>".encode()
                self.end = "fin"
        self._take_cipher(0)

    def seen(self):
        return Seen(self.received, self.end, self.late_s)


def run(jobs):
    """As in the head of this file. Of each port's jobs at most SIDE_BY_SIDE run at once."""
    queues = {}
    for job in jobs:
        queues.setdefault(job[1], []).append(job)
    poller, live, timers, counter, out = select.epoll(), {}, [], itertools.count(), {}
    running = dict.fromkeys(queues, 0)

    def push(conn, now):
        conn.timer = next(counter)
        heapq.heappush(timers, (max(conn.wakes_at(now), now + 0.001), conn.timer, conn))

    def settle(conn, now):
        if conn.act(now):
            push(conn, now)
            return
        fd = conn.sock.fileno()
        poller.unregister(fd)
        del live[fd]
        conn.sock.close()
        out[conn.key] = conn.seen()
        running[conn.port] -= 1

    while live or any(queues.values()):
        for port, queue in queues.items():
            while queue and running[port] < SIDE_BY_SIDE:
                conn = _Connection(*queue.pop(0))
                running[port] += 1
                live[conn.sock.fileno()] = conn
                poller.register(conn.sock, select.EPOLLIN | select.EPOLLRDHUP)
                now = time.monotonic()
                conn.begin(now)
                settle(conn, now)
        now = time.monotonic()
        timeout = max(0.0, min(0.5, timers[0][0] - now)) if timers else 0.05
        events = poller.poll(timeout)
        now = time.monotonic()
        for fd, _ in events:
            conn = live.get(fd)
            if conn:
                conn.read()
                settle(conn, now)
        while timers and timers[0][0] <= now:
            _, number, conn = heapq.heappop(timers)
            if conn.end is None and conn.timer == number:
                settle(conn, now)
    poller.close()
    return out
