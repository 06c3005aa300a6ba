# SPDX-License-Identifier: Apache-2.0
"""What becomes of a connection when the server gets a signal: every situation × TERM, HUP, USR1, WINCH.

httpd's documentation: TERM and HUP end what is under way ("any requests in progress are terminated"); USR1 and
WINCH let it finish ("children exit after their current request"). For a connection on which no request is under
way the project's own rule is stricter than httpd's: its next request is answered, with `Connection: close`.
"""
import signal
import ssl

import pytest

import procs
from backends import Backend, HttpOrigin
from clients import Client, Closed, SlowReader, refused, request
from h2client import H2
from httpd import MPM, STOCK_MPMS
from procs import wait_until

CONF = """
Protocols h2c http/1.1
AcceptFilter http none
ProxyPass "/origin/" "http://127.0.0.1:${ORIGIN}/"
RequestReadTimeout header=0 body=0
<IfModule mpm_hybrid_module>
# mod_cgid has a daemon. test_19 is about restarts with one.
MPMRestartHold off
</IfModule>
"""
MODULES = ["test_handlers", "test_scoreboard", "http2", "cgid", "proxy_http", "reqtimeout"]
LONG_MS = 4000          # longer than TERM and HUP need, so that "cut" cannot be "was quick enough"
SHORT_MS = 1000
DOWNLOAD = 16 << 20     # more than socket buffers hold
H2_DOWNLOAD = 2 << 20   # more than the 64 KiB window


class Situation:
    """One connection in one state. `whole()` takes it to its end and is False when the server cut it."""

    def __init__(self, server, ms):
        self.begin(server, ms)

    def whole(self):
        try:
            return self.finish()
        except (Closed, ConnectionError, ssl.SSLError, EOFError):
            return False

    def close(self):
        self.client.close()


class Silent(Situation):
    """Connected; not a byte sent."""
    busy = False

    def begin(self, server, ms):
        self.client = Client(server.port)

    def finish(self):
        response = self.client.get()
        return response.body == b"hello\n" and not response.keeps_alive


class HalfHead(Situation):
    """Half of a request head sent."""
    busy = False

    def begin(self, server, ms):
        self.client = Client(server.port)
        self.client.send("GET /hello.txt HTTP/1.1\r\nHo")

    def finish(self):
        response = self.client.send("st: test.localhost\r\n\r\n").response()
        return response.body == b"hello\n" and not response.keeps_alive


class HalfHeadTls(HalfHead):
    """Half of a request head sent, inside TLS."""

    def begin(self, server, ms):
        self.client = Client(server.tls_port, tls=server.tls_client())
        self.client.send("GET /hello.txt HTTP/1.1\r\nHo")


class KeepAlive(Situation):
    """One request answered; the connection is kept for another."""
    busy = False

    def begin(self, server, ms):
        self.client = Client(server.port)
        assert self.client.get().keeps_alive

    def finish(self):
        response = self.client.get()
        return response.body == b"hello\n" and not response.keeps_alive


class KeepAliveTls(KeepAlive):
    """As KeepAlive, over TLS."""

    def begin(self, server, ms):
        self.client = Client(server.tls_port, tls=server.tls_client())
        assert self.client.get().keeps_alive


class Download(Situation):
    """A long file on its way to a slow reader."""
    busy = False

    def begin(self, server, ms):
        server.sparse_file("download", DOWNLOAD)
        self.client = SlowReader(server.port, "/download")
        self.client.start()

    def finish(self):
        return self.client.finish() == DOWNLOAD


class Handler(Situation):
    """A handler at work."""
    busy = True

    def begin(self, server, ms):
        self.client = Client(server.port, timeout=20)
        self.client.send(request(f"/test/sleep?ms={ms}"))

    def finish(self):
        response = self.client.response()
        return response.body == b"slept"


class Upload(Situation):
    """A request body half sent, to a handler that reads it."""
    busy = True

    def begin(self, server, ms):
        self.client = Client(server.port)
        self.client.send(request("/test/body", "POST", headers=["Content-Length: 200000"]) + bytes(100000))

    def finish(self):
        return self.client.send(bytes(100000)).response().body == b"200000 0"


class Cgi(Handler):
    """A CGI script at work."""

    def begin(self, server, ms):
        server.cgi("slow", f"#!/bin/sh\nsleep {ms / 1000}\necho Content-Type: text/plain\necho\nprintf slept\n")
        self.client = Client(server.port, timeout=20)
        self.client.send(request("/cgi/slow"))


class Proxy(Handler):
    """A proxied request that the origin is working on."""

    def begin(self, server, ms):
        self.client = Client(server.port, timeout=20)
        self.client.send(request(f"/origin/x?ms={ms}"))

    def finish(self):
        return self.client.response().body == b"origin /x"


class H2Stream(Situation):
    """An HTTP/2 stream whose handler is at work."""
    busy = True
    read_first = True

    def begin(self, server, ms):
        self.client = H2(server.port, timeout=20)
        self.client.get()
        self.stream = self.client.request(f"/test/sleep?ms={ms}")
        if self.read_first:
            self.client.ping()      # what came before it has been read

    def finish(self):
        try:
            return self.client.finish(self.stream, timeout=20).body == b"slept"
        except AssertionError:
            return False


class H2Unread(H2Stream):
    """An HTTP/2 stream that has been asked for, and perhaps not yet read."""
    read_first = False


class H2Download(Situation):
    """An HTTP/2 stream stopped by flow control in the middle of a long file."""
    busy = False

    def begin(self, server, ms):
        server.sparse_file("h2-download", H2_DOWNLOAD)
        self.client = H2(server.port, timeout=20)
        self.client.window = False
        self.stream = self.client.request("/h2-download")
        while len(self.client.streams[self.stream].body) < 65535:
            assert self.client.read_once()

    def finish(self):
        self.client.window = True
        body = len(self.client.streams[self.stream].body)
        try:
            self.client.conn.acknowledge_received_data(body, self.stream)
            self.client.flush()
            return len(self.client.finish(self.stream, timeout=20).body) == H2_DOWNLOAD
        except AssertionError:
            return False


SITUATIONS = [Silent, HalfHead, HalfHeadTls, KeepAlive, KeepAliveTls, Download, Handler, Upload, Cgi, Proxy,
              H2Stream, H2Unread, H2Download]
MARKS = dict.fromkeys([H2Stream, H2Unread, H2Download],
                      [pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")])
MARKS[H2Unread] = [*MARKS[H2Unread], pytest.mark.mpm_only("hybrid")]
every_situation = pytest.mark.parametrize("situation", [pytest.param(s, marks=MARKS.get(s, ())) for s in SITUATIONS],
                                          ids=lambda s: s.__name__)


@pytest.fixture
def server(httpd):
    with Backend(HttpOrigin) as origin:
        server = httpd(start=False, modules=MODULES, tls=True, conf=CONF)
        server.ports["ORIGIN"] = origin.port
        server.write_conf()
        server.start()
        if MPM in STOCK_MPMS:
            server.expect_log("AH00046")         # they wait for busy threads before they use SIGKILL
        yield server
        if server.pid:
            server.stop()


def in_situation(server, situation, ms):
    state = situation(server, ms)
    if situation.busy:
        wait_until(lambda: server.scoreboard().busy >= 1, 5, "a worker at work")
    else:
        port = state.client.sock.getpeername()[1]
        wait_until(lambda: procs.accepted(port, state.client.sock), 5, "the connection accepted")
    return state


def known_gap(situation, sig):
    """The cells in which a stock MPM, or a model for want of async, falls short, so that the table stays honest."""
    if MPM in ("event",) and situation in (KeepAlive, KeepAliveTls):
        return "event closes idle keep-alive connections under the client's next request"
    if MPM in ("worker", "prefork") and situation in (KeepAlive, KeepAliveTls):
        return "the kept connection may be closed first"
    return None


@every_situation
def test_term_ends_it_and_the_server(server, situation):
    state = in_situation(server, situation, LONG_MS)
    server.signal(signal.SIGTERM)
    server.wait_stopped(15)
    assert not state.whole()
    assert refused(server.port)
    state.close()


@every_situation
def test_hup_ends_it_and_a_new_generation_serves(server, situation):
    state = in_situation(server, situation, LONG_MS)
    server.restart()
    assert not state.whole()
    assert server.get("/hello.txt") == b"hello\n"
    state.close()


@every_situation
def test_usr1_lets_it_finish_while_a_new_generation_serves(server, situation, request):
    state = in_situation(server, situation, SHORT_MS)
    old = set(server.children())
    server.graceful()
    if gap := known_gap(situation, signal.SIGUSR1):
        request.applymarker(pytest.mark.xfail(reason=gap, strict=False))
    assert server.get("/hello.txt") == b"hello\n"
    assert state.whole()
    state.close()
    wait_until(lambda: not old & set(server.children()), 15, "the end of the old generation")


@every_situation
def test_winch_lets_it_finish_and_ends_the_server(server, situation, request):
    state = in_situation(server, situation, SHORT_MS)
    server.graceful_stop(wait=False)
    wait_until(lambda: refused(server.port), 5, "a closed port")
    if gap := known_gap(situation, signal.SIGWINCH):
        request.applymarker(pytest.mark.xfail(reason=gap, strict=False))
    assert state.whole()
    state.close()
    server.wait_stopped(15)


@pytest.mark.mpm_gap("prefork", reason="a child ends at SIGTERM, whoever sends it")
@pytest.mark.left_out("prefork", reason="a child ends at SIGTERM, whoever sends it, as under mpm_prefork")
def test_a_term_that_is_not_the_parents_ends_no_request(httpd):
    server = httpd(modules=["test_handlers"])
    with Client(server.port) as client:
        client.send(request(f"/test/sleep?ms={SHORT_MS}"))
        wait_until(lambda: procs.accepted(server.port, client.sock), 5, "the request")
        for child in server.children():
            procs.kill(child, signal.SIGTERM)
        assert client.response().body == b"slept"


@pytest.mark.mpm_gap(*STOCK_MPMS, reason="httpd forgets a stop that comes while a restart waits for the old children")
def test_a_stop_that_comes_while_a_hard_restart_waits_for_old_children_is_not_forgotten(httpd):
    server = httpd(modules=["test_handlers"])
    with Client(server.port, timeout=10) as client:
        client.send(request("/test/spin?ms=2500"))
        wait_until(lambda: sum(map(procs.cpu_seconds, server.children())) > 0.2, 5, "the request")
        server.signal(signal.SIGHUP)
        server.wait_log("SIGHUP received", 5)
        server.signal(signal.SIGTERM)
        server.wait_stopped(15)
