# SPDX-License-Identifier: Apache-2.0
"""Clients that do nothing, half of something, or that come late: they hold no worker, before a budget's end and past it.

Many of each kind against 8 workers, all at the same time. Somebody else asks all the while and is to be answered as if
they were not there. SLOW=1: 1,000 of each kind for a minute, and the times of the others against those they have alone.
"""
import os
import resource
import socket
import ssl
import threading
import time

import pytest

from clients import Client, request
from h2client import H2
from procs import wait_until

HEAD = "GET /hello.txt HTTP/1.1\r\nHost: test.localhost\r\n"
POST = "POST /test/body HTTP/1.1\r\nHost: test.localhost\r\nContent-Length: 10\r\n\r\nabc"
CONF = """
Timeout {timeout}
KeepAliveTimeout {timeout}
RequestReadTimeout handshake={handshake} header={budget} body={budget}
ListenBacklog 2000
Listen 127.0.0.1:${{PROXY}}
<VirtualHost 127.0.0.1:${{PROXY}}>
  RemoteIPProxyProtocol On
</VirtualHost>
"""
HYBRID_CONF = "ListenTCPDeferAccept 1\n"


def hello(server):
    """A ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server.tls_client().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def bare(port, data=b""):
    client = Client(port)
    return client.send(data) if data else client


def half_closed(port, path):
    client = bare(port, request(path))
    client.sock.shutdown(socket.SHUT_WR)
    return client


def plain_kinds(server, is_async):
    """What each kind does, by its name."""
    kinds = {
        "silent": lambda: bare(server.port),
        "a letter": lambda: bare(server.port, "G"),
        "half a line": lambda: bare(server.port, "GET /hello.t"),
        "half a head": lambda: bare(server.port, HEAD),
        "half a body": lambda: bare(server.port, POST),
        "half a PROXY header": lambda: bare(server.ports["PROXY"], "PROXY TCP4 1.2.3.4"),
        "a PROXY header alone": lambda: bare(server.ports["PROXY"], "PROXY TCP4 1.2.3.4 1.2.3.5 1 2\r\n"),
        "TLS where none is": lambda: bare(server.port, b"\x16\x03\x01\x02\x00\x01"),
    }
    if is_async:
        kinds |= {
            "idle": lambda: _answered(bare(server.port)),
            "half a second head": lambda: _answered(bare(server.port)).send(HEAD),
            "reads nothing": lambda: bare(server.port, request("/100m")),
            "half-closed, reads nothing": lambda: half_closed(server.port, "/100m"),
            "half a preface": lambda: bare(server.port, "PRI * HTTP/2.0\r\n\r\nS"),
            "a preface alone": lambda: bare(server.port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        }
    return kinds


def tls_kinds(server, is_async):
    first = hello(server)
    port, context = server.tls_port, server.tls_client()
    kinds = {
        "silent": lambda: bare(port),
        "one byte": lambda: bare(port, first[:1]),
        "half a hello": lambda: bare(port, first[:60]),
        "a hello": lambda: bare(port, first),
        "a handshake": lambda: Client(port, tls=context),
        "half a line": lambda: Client(port, tls=context).send("GET /hello.t"),
        "half a head": lambda: Client(port, tls=context).send(HEAD),
        "half a body": lambda: Client(port, tls=context).send(POST),
    }
    if is_async:
        h2 = server.tls_client(alpn=["h2"])
        kinds |= {
            "idle": lambda: _answered(Client(port, tls=context)),
            "reads nothing": lambda: Client(port, tls=context).send(request("/100m")),
            "HTTP/2 without a byte": lambda: Client(port, tls=h2),
            "half a preface": lambda: Client(port, tls=h2).send("PRI * HTTP/2.0\r\n\r\nS"),
            "a preface alone": lambda: Client(port, tls=h2).send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        }
    return kinds


def _answered(client):
    assert client.get().status == 200
    return client


class Probe(threading.Thread):
    """Asks `rate` times a second, each time on a new connection, and notes how long each answer took."""

    def __init__(self, port, rate):
        super().__init__(daemon=True)
        self.port, self.rate = port, rate
        self.times, self.failed = [], []
        self.over = threading.Event()

    def run(self):
        due = time.monotonic()
        while not self.over.is_set():
            begun = time.monotonic()
            try:
                with Client(self.port, timeout=10) as client:
                    assert client.get(headers=["Connection: close"]).status == 200
                self.times.append(time.monotonic() - begun)
            except (OSError, AssertionError) as e:
                self.failed.append(f"{e!r} after {time.monotonic() - begun:.1f} s")
            due += 1 / self.rate
            self.over.wait(max(0, due - time.monotonic()))

    def end(self):
        self.over.set()
        self.join(15)
        assert not self.failed, f"{len(self.failed)} not answered: {self.failed[:3]}"
        return sorted(self.times)


def start(httpd, timeout, budget, **options):
    model = os.environ.get("MPM", "hybrid")
    modules = ["reqtimeout", "remoteip", "test_handlers"]
    conf = CONF.format(timeout=timeout, budget=budget, handshake=budget)
    if model in ("hybrid", "event"):
        modules.append("http2")
        conf += "Protocols h2c http/1.1\nProtocolsHonorOrder Off\nH2Direct On\n"
    server = httpd(start=False, tls=True, modules=modules, conf=conf + HYBRID_CONF,
                   tls_conf="Protocols h2 http/1.1" if "http2" in modules else "", log_level="warn",
                   mpm_conf={"StartServers": 8 if "prefork" in model else 1, "ServerLimit": 8 if "prefork" in model else 1,
                             "ThreadsPerChild": 8, "MaxRequestWorkers": 8, "MinSpareThreads": 1, "MaxSpareThreads": 8,
                             **options})
    server.extra_port("PROXY")
    server.sparse_file("100m", 100 << 20)
    return server.start()


def p99(times):
    return times[int(len(times) * 0.99)]


@pytest.mark.mpm_only("hybrid")
@pytest.mark.parametrize("kinds_of", [plain_kinds, tls_kinds], ids=["plain", "tls"])
def test_late_clients_hold_no_worker(httpd, kinds_of):
    is_async = os.environ.get("MPM", "hybrid") == "hybrid"
    server = start(httpd, timeout=3, budget=2)
    clients = []
    probe = Probe(server.port, 20)
    probe.start()
    for kind, begin in kinds_of(server, is_async).items():
        clients += [begin() for _ in range(12)]
    until = time.monotonic() + 5.5                  # past the last budget, and Timeout
    wait_until(lambda: time.monotonic() > until, 10, "the end of every budget")
    times = probe.end()
    for client in clients:
        client.close()
    assert len(times) > 80, f"only {len(times)} asked"
    assert times[-1] < 1.5, f"one waited {times[-1]:.1f} s"


def _many_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.mpm_only("hybrid")
@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("kinds_of", [plain_kinds, tls_kinds], ids=["plain", "tls"])
def test_a_thousand_late_clients_cost_others_nothing(httpd, kinds_of, part):
    """Of each kind, half of the kinds at once: 200 requests a second for 60 s, in which every budget ends, against those before."""
    is_async = os.environ.get("MPM", "hybrid") == "hybrid"
    _many_files(16384)
    server = start(httpd, timeout=45, budget=45)
    kinds = dict(list(kinds_of(server, is_async).items())[part::2])
    alone = _asked_for(server, 10)
    begun = time.monotonic()
    clients = [begin() for begin in kinds.values() for _ in range(1000)]
    took = time.monotonic() - begun
    with_them = _asked_for(server, 60)
    for client in clients:
        client.close()
    told = (f"{len(clients)} clients in {took:.0f} s, p99 {p99(with_them) * 1000:.1f} ms, longest {with_them[-1] * 1000:.0f} ms; "
            f"alone {p99(alone) * 1000:.1f} ms, longest {alone[-1] * 1000:.0f} ms")
    print(told)
    assert p99(with_them) <= 2 * p99(alone) + 0.005, told


def _asked_for(server, seconds):
    probe = Probe(server.port, 200)
    probe.start()
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until, seconds + 5, "the time to be over")
    return probe.end()


# ---- what they leave in the logs ----------------------------------------------------------------------------------

LOG_CONF = """
Timeout 3
KeepAliveTimeout 2
RequestReadTimeout header=1 body=1
LogFormat "%{remote}p \\"%r\\" %>s %I %D" full
CustomLog logs/full.log full
"""


@pytest.fixture(scope="module")
def logging_server(module_httpd):
    return module_httpd(tls=True, modules=["reqtimeout", "logio", "test_handlers"], conf=LOG_CONF,
                        log_level="info", tls_conf="CustomLog logs/full.log full")


def _late(server, name, first):
    """A client of this kind, after its budget's end; and what the logs say of it: access lines, AH numbers."""
    tls = name.startswith("tls ")
    done = tls and not isinstance(first, bytes)
    client = Client(server.tls_port if tls else server.port, tls=server.tls_client() if done else None)
    port = client.sock.getsockname()[1]
    with client:
        if first:
            client.send(first)
        client.sock.settimeout(8)
        client.read_to_end()
    lines = []
    for line in (server.root / "logs/full.log").read_text().splitlines():
        if line.startswith(f"{port} "):
            asked, rest = line.split(" ", 1)[1].rsplit('" ', 1)
            status, size, took = rest.split()
            lines.append((asked.strip('"'), int(status), int(size), int(took) / 1e6))
    numbers = [line.split("] AH", 1)[1][:5] for line in server.error_log().splitlines()
               if f":{port}] AH" in line and "established" not in line]
    return lines, numbers


LATE = {
    "a letter": ("G", ("-", 408, 1), ["01382"]),
    "an empty line": ("\r\n", ("-", 408, 2), ["01382"]),
    "half a line": ("GET /half", ("-", 408, 9), ["01382"]),
    "a line": ("GET /line HTTP/1.1\r\n", ("GET /line HTTP/1.1", 408, 20), ["01382"]),
    "half a head": (HEAD, ("GET /hello.txt HTTP/1.1", 408, len(HEAD)), ["01382"]),
    "half a body": (POST, ("POST /test/body HTTP/1.1", 400, len(POST)), ["01382"]),
    "tls half a line": ("GET /half", ("-", 408, None), ["01382"]),
    "tls a handshake": ("", ("-", 408, None), ["01382"]),
    "tls one byte": (b"\x16", None, ["01998"]),
    "tls half a hello": (None, None, ["01998"]),
}


@pytest.mark.mpm_gap("prefork", reason="its processes are fewer than these clients")
def test_late_clients_are_logged_as_by_the_stock_mpms(logging_server):
    first = hello(logging_server)
    results = {}

    def play(name, sent):
        results[name] = _late(logging_server, name, first[:60] if sent is None else sent)

    threads = [threading.Thread(target=play, args=(name, sent)) for name, (sent, _, _) in LATE.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for name, (_, expected, numbers) in LATE.items():
        lines, found = results[name]
        assert found == numbers, f"{name}: {found}"
        if expected is None:
            assert lines == [], f"{name}: {lines}"
            continue
        assert len(lines) == 1, f"{name}: {lines}"
        assert lines[0][:2] == expected[:2], f"{name}: {lines}"
        assert expected[2] in (None, lines[0][2]), f"{name}: {lines}"
        # What has a line is timed from there; the rest has no beginning.
        assert (lines[0][3] > 0.9) == (expected[0] != "-"), f"{name}: {lines}"
    log = logging_server.error_log()
    assert "Request header read timeout" in log and "Request body read timeout" in log


def _logged(server, port, count):
    def lines():
        return [line.split() for line in (server.root / "logs/full.log").read_text().splitlines() if line.startswith(f"{port} ")]
    wait_until(lambda: len(lines()) == count, 5, f"{count} lines in the log")
    return [(int(line[-2]), int(line[-1]) / 1e6) for line in lines()]


def test_each_of_pipelined_requests_has_its_own_size(logging_server):
    asked = [request(f"/hello.txt?{'x' * n}") for n in (1, 40, 9)]
    with Client(logging_server.port) as client:
        port = client.sock.getsockname()[1]
        client.send(b"".join(asked))
        for _ in asked:
            assert client.response().status == 200
    # Stock counts what it has only looked at, too: one byte, and with mod_reqtimeout two.
    for (size, _), sent in zip(_logged(logging_server, port, len(asked)), asked):
        assert len(sent) <= size <= len(sent) + 2


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_time_of_a_request_counts_from_its_line(logging_server, tls):
    """%D of a small body that takes 0.4 s, of a head that does, and of the request after them."""
    client = Client(logging_server.tls_port, tls=logging_server.tls_client()) if tls else Client(logging_server.port)
    with client:
        port = client.sock.getsockname()[1]
        for first, rest in ((POST, "defghij"), (HEAD, "\r\n")):
            client.send(first)
            client.sock.settimeout(0.4)
            with pytest.raises(TimeoutError):
                client.sock.recv(1)
            client.sock.settimeout(10)
            assert client.send(rest).response().status == 200
        assert client.get().status == 200
    times = [took for _, took in _logged(logging_server, port, 3)]
    assert 0.35 < times[0] < 2 and 0.35 < times[1] < 2 and times[2] < 0.3, times


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")
def test_the_time_of_a_request_is_not_that_of_an_http2_connection_before_it(httpd):
    """A connection that a worker reads gets the record of one whose first line was the preface."""
    server = httpd(modules=["http2", "logio", "reqtimeout", "test_handlers"], start=False, mpm_conf={"StartServers": 1, "ServerLimit": 1},
                   conf=LOG_CONF + "Protocols h2c http/1.1\nListen 127.0.0.1:${BARE}\n<VirtualHost *:${BARE}>\nMPMAsyncHead Off\n"
                                   "CustomLog logs/full.log full\n</VirtualHost>\n")
    bare = server.extra_port("BARE")
    server.start()
    with H2(server.port) as h2:
        assert h2.get("/test/sleep?ms=1500").status == 200
    with Client(bare) as client:
        port = client.sock.getsockname()[1]
        assert client.get().status == 200
    (_, took), = _logged(server, port, 1)
    assert took < 1.2


@pytest.mark.mpm_only("hybrid")
def test_a_connection_without_a_byte_has_the_budget_of_a_head(httpd):
    server = httpd(modules=["reqtimeout"], conf="Timeout 20\nRequestReadTimeout header=1\nListenTCPDeferAccept 1\n")
    with Client(server.port) as client:
        after = client.closed_after(8)
    assert after is not None and 0.9 < after < 5, after     # a second of it is the kernel's


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_budget_of_a_handshake_or_body_is_not_that_of_a_head(httpd, tls):
    """Where both are shorter: a head has its own, the first one and the one after a request with a body."""
    server = httpd(modules=["reqtimeout", "test_handlers"], tls=True,
                   conf="KeepAliveTimeout 5\nRequestReadTimeout handshake=1 header=6 body=1\n")
    client = Client(server.tls_port, tls=server.tls_client()) if tls else Client(server.port)
    with client:
        for ask in ("GET /hello.txt", "POST /test/body", "GET /hello.txt"):
            client.send(f"{ask} HTTP/1.1\r\nHost: test.localhost\r\n")
            client.sock.settimeout(2.3)
            with pytest.raises(TimeoutError):
                client.sock.recv(1)
            client.sock.settimeout(10)
            client.send("Content-Length: 3\r\n\r\nabc" if ask.startswith("POST") else "\r\n")
            assert client.response().status == 200


# ---- what the log tells on request -----------------------------------------------------------------------------------

LIVES = {
    "hybrid": ["accepted", "waits in a head", "goes on", "runs it", "has run it", "waits for the next request", "its time is up",
               "our side is to be closed", "closed"],
    "worker": ["accepted", "waits in a head", "goes on", "runs it", "has run it", "our side is to be closed", "closed"],
    "prefork": ["this process runs it", "to be closed"],
}


@pytest.mark.mpm_only("hybrid")
def test_trace1_tells_the_life_of_a_connection(httpd):
    model = os.environ.get("MPM", "hybrid").removeprefix("hybrid-")
    server = httpd(conf="KeepAliveTimeout 1\n", log_level="info mpm_hybrid:trace1")
    with Client(server.port) as client:
        port = client.sock.getsockname()[1]
        client.send(HEAD)
        client.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        client.sock.settimeout(5)
        assert client.send("\r\n").response().status == 200
        assert client.closed_after(5) is not None

    def told():
        return [line for line in server.error_log().splitlines() if f":{port}]" in line and "[mpm_hybrid:trace1]" in line]

    wait_until(lambda: told() and "closed" in told()[-1], 5, "its last line")
    lines = iter(told())
    for step in LIVES[model]:
        assert any(step in line for line in lines), f"{step} is missing or too early in {told()}"
