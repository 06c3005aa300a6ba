# SPDX-License-Identifier: Apache-2.0
"""Every wait has an end, and the right one: Timeout, KeepAliveTimeout per virtual host, mod_reqtimeout.

A limit of N seconds must end the wait after N to N + 1.5 seconds: the MPM promises 1 s, half a second is the test
machine's. What the client is told then (nothing, or a 408) is what mpm_event lets httpd say.
"""
import socket
import ssl

import pytest

import procs
import tls
from clients import Client, SlowReader, request
from httpd import module_path
from procs import holds_for, wait_until

SLACK = 1.5
VHOSTS = """
Timeout 2
KeepAliveTimeout 1
AcceptFilter http none
AcceptFilter https none
Listen 127.0.0.1:${LONG}
<VirtualHost 127.0.0.1:${LONG}>
  KeepAliveTimeout 3
</VirtualHost>
Listen 127.0.0.1:${SHORT}
<VirtualHost 127.0.0.1:${SHORT}>
  KeepAliveTimeout 300ms
</VirtualHost>
Listen 127.0.0.1:${NAMED}
<VirtualHost 127.0.0.1:${NAMED}>
  ServerName one.localhost
  KeepAliveTimeout 1
</VirtualHost>
<VirtualHost 127.0.0.1:${NAMED}>
  ServerName two.localhost
  KeepAliveTimeout 3
</VirtualHost>
Listen 127.0.0.1:${PATIENT}
<VirtualHost 127.0.0.1:${PATIENT}>
  Timeout 4
</VirtualHost>
"""


@pytest.fixture(scope="module")
def server(module_httpd):
    server = module_httpd(start=False, tls=True, conf=VHOSTS, modules=["test_handlers", "test_scoreboard"],
                          tls_conf="Protocols http/1.1")
    for name in ("LONG", "SHORT", "NAMED", "PATIENT"):
        server.extra_port(name)
    server.sparse_file("100m", 100 << 20)
    return server.start()


def assert_closed_after(client, seconds):
    after = client.closed_after(seconds + SLACK + 3)
    assert after is not None and seconds - 0.1 <= after <= seconds + SLACK, f"closed after {after} s, not {seconds}"


# ---- KeepAliveTimeout -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("port,seconds", [("PORT", 1), ("LONG", 3), ("SHORT", 0.3)])
def test_keep_alive_timeout_is_each_virtual_hosts_own(server, port, seconds):
    with Client(server.ports[port]) as client:
        assert client.get().keeps_alive
        assert_closed_after(client, seconds)


@pytest.mark.parametrize("name,seconds", [("one", 1), ("two", 3)])
def test_keep_alive_timeout_follows_the_host_of_the_last_request(server, name, seconds):
    other = {"one": "two", "two": "one"}[name]
    with Client(server.ports["NAMED"]) as client:
        client.get(host=f"{other}.localhost")
        client.get(host=f"{name}.localhost")
        assert_closed_after(client, seconds)


def test_keep_alive_timeout_over_tls(server):
    with Client(server.tls_port, tls=server.tls_client()) as client:
        assert client.get().keeps_alive
        assert_closed_after(client, 1)


def test_each_request_begins_the_keep_alive_time_anew(server):
    with Client(server.port) as client:
        for _ in range(3):
            client.get()
            assert client.closed_after(0.7) is None
        client.get()
        assert_closed_after(client, 1)


def test_connections_of_different_keep_alive_times_do_not_disturb_each_other(server):
    clients = [(Client(server.ports[port]), seconds) for port, seconds in
               [("LONG", 3), ("SHORT", 0.3), ("PORT", 1)] * 5]
    for client, _ in clients:
        client.get()
    for client, seconds in sorted(clients, key=lambda c: c[1]):
        if seconds == 0.3:
            assert client.closed_after(0.3 + SLACK) is not None
    late = [client for client, seconds in clients if seconds == 3]
    for client in late:
        assert client.get().status == 200       # 3 s are not over for these
    for client, _ in clients:
        client.close()


# ---- Timeout ----------------------------------------------------------------------------------------------------

def test_timeout_ends_a_silent_connection(server):
    with Client(server.port) as client:
        assert_closed_after(client, 2)


def test_timeout_ends_a_silent_tls_connection(server):
    with Client(server.tls_port) as client:
        assert_closed_after(client, 2)


def test_timeout_ends_a_half_handshake(server):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server.tls_client().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    with Client(server.tls_port) as client:
        client.send(outgoing.read()[:60])
        assert_closed_after(client, 2)


def test_timeout_ends_a_handshake_without_a_request(server):
    with Client(server.tls_port, tls=server.tls_client()) as client:
        assert_closed_after(client, 2)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_timeout_of_a_half_head_is_408(server, tls):
    client = Client(server.tls_port, tls=server.tls_client()) if tls else Client(server.port)
    with client:
        client.send("GET /hello.txt HTTP/1.1\r\nHost:")
        client.sock.settimeout(2 + SLACK)
        assert client.response().status == 408


def test_a_virtual_hosts_own_timeout_is_used(server):
    with Client(server.ports["PATIENT"]) as client:
        client.send("GET /hello.txt HTTP/1.1\r\nHost:")
        client.sock.settimeout(2 + SLACK)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        client.sock.settimeout(2 + SLACK)
        assert client.response().status == 408


def test_timeout_of_a_half_body_is_told(server):
    with Client(server.port) as client:
        client.send(request("/test/body", "POST", headers=["Content-Length: 100"]) + b"x" * 50)
        client.sock.settimeout(2 + SLACK)
        assert client.response().status in (400, 408)


def test_timeout_counts_from_the_last_byte(server):
    with Client(server.port) as client:
        for piece in ("GET /hello.txt ", "HTTP/1.1\r\n", "Host: test.localhost\r\n"):
            client.send(piece)
            client.sock.settimeout(1.2)
            with pytest.raises(TimeoutError):
                client.sock.recv(1)
        client.sock.settimeout(5)
        assert client.send("\r\n").response().body == b"hello\n"


def test_timeout_ends_a_download_nobody_takes(server):
    reader = SlowReader(server.port, "/100m")
    reader.start()
    wait_until(lambda: not _still_connected(server, reader), 2 + SLACK + 5, "the end of the connection")
    with pytest.raises(ConnectionError):
        reader.finish()
    reader.close()


def _still_connected(server, client):
    mine = client.sock.getsockname()[1]
    return any(local == server.port and remote == mine and state in ("01", "04") and inode != "0"
               for local, remote, state, inode in procs.tcp_table())


def test_a_handler_may_take_longer_than_timeout(server):
    with Client(server.port) as client:
        assert client.get("/test/sleep?ms=2700").body == b"slept"


def test_a_slow_stream_may_take_longer_than_timeout(server):
    with Client(server.port) as client:
        assert len(client.get("/test/stream?chunks=4&bytes=10&ms=900").body) == 40


# ---- mod_reqtimeout -----------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def budget(module_httpd):
    """header 1 s, body 1 s, handshake 1 s; Timeout itself is long."""
    return module_httpd(tls=True, modules=["reqtimeout", "test_handlers"], tls_conf="Protocols http/1.1",
                        conf="Timeout 60\nKeepAliveTimeout 5\nRequestReadTimeout handshake=1 header=1 body=1\n"
                             "AcceptFilter http none\nAcceptFilter https none\nLogLevel info reqtimeout:info\n")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_head_over_budget_is_408_and_logged(budget, tls):
    client = Client(budget.tls_port, tls=budget.tls_client()) if tls else Client(budget.port)
    before = budget.error_log().count("AH01382")
    with client:
        client.send("GET /hello.txt HTTP/1.1\r\nHost: test.lo")
        client.sock.settimeout(1 + SLACK)
        assert client.response().status == 408
    wait_until(lambda: budget.error_log().count("AH01382") == before + 1, 2, "one line about it")
    assert "Request header read timeout" in budget.error_log()


def test_dripping_bytes_do_not_stretch_the_head_budget(budget):
    with Client(budget.port) as client:
        client.sock.settimeout(0.2)
        client.send("GET /hello.txt HTTP/1.1\r\nX: ")
        answer = None
        for _ in range(15):
            client.send("x")
            try:
                answer = client.response()
                break
            except TimeoutError:
                continue
        assert answer and answer.status == 408


def test_the_head_budget_of_a_second_request_begins_with_its_first_byte(budget):
    with Client(budget.port) as client:
        client.get()
        assert client.closed_after(1.6) is None
        client.send("GET /hello.txt HTTP/1.1\r\nHost: test.lo")
        client.sock.settimeout(1 + SLACK)
        assert client.response().status == 408


def test_a_body_over_budget_is_told_and_logged(budget):
    before = budget.error_log().count("AH01382")
    with Client(budget.port) as client:
        client.send(request("/test/body", "POST", headers=["Content-Length: 100"]) + b"x" * 50)
        client.sock.settimeout(1 + SLACK)
        assert client.response().status in (400, 408)
    wait_until(lambda: budget.error_log().count("AH01382") > before, 2, "a line about it")
    assert "Request body read timeout" in budget.error_log()


def test_a_handshake_over_budget_is_cut(budget):
    with Client(budget.tls_port) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01")
        assert_closed_after(client, 1)


def test_a_silent_connection_over_budget_is_cut(budget):
    with Client(budget.port) as client:
        assert_closed_after(client, 1)


def test_a_request_within_its_budget_is_served(budget):
    for port, context in ((budget.port, None), (budget.tls_port, budget.tls_client())):
        with Client(port, tls=context) as client:
            client.send("GET /hello.txt HTTP/1.1\r\n")
            client.send("Host: test.localhost\r\n\r\n")
            assert client.response().body == b"hello\n"


@pytest.fixture(scope="module")
def head_budget(module_httpd):
    """No budget for the handshake, as Debian's reqtimeout.conf has it; Timeout itself is long."""
    return module_httpd(tls=True, modules=["reqtimeout"], tls_conf="Protocols http/1.1",
                        conf="Timeout 60\nKeepAliveTimeout 30\nRequestReadTimeout header=1\nLogLevel info\n")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
def test_the_head_budget_holds_where_the_handshake_has_none(head_budget, tls, second):
    with Client(*((head_budget.tls_port, head_budget.tls_client()) if tls else (head_budget.port,))) as client:
        if second:
            client.get()
            assert client.closed_after(1.4) is None
        client.send("GET /hello.txt HTTP/1.1\r\nHost: test.lo")
        client.sock.settimeout(1 + SLACK)
        assert client.response().status == 408
    wait_until(lambda: "Request header read timeout" in head_budget.error_log(), 2, "a line about it")


def test_a_head_with_min_rate_may_take_longer_but_not_for_ever(httpd):
    server = httpd(modules=["reqtimeout"], conf="Timeout 60\nRequestReadTimeout header=1-3,MinRate=100\n")
    with Client(server.port) as client:
        client.send("GET /hello.txt HTTP/1.1\r\nHost: test.localhost\r\nX: ")
        client.sock.settimeout(0.2)
        waited, response = 0, None
        while waited < 30 and response is None:
            client.send(b"x" * 60)      # 300 bytes a second: each 100 are worth one more
            waited += 1
            try:
                response = client.response()
            except TimeoutError:
                continue
        assert response, "the limit of 3 s does not hold"
        assert response.status == 408
        assert 2.5 / 0.2 <= waited <= (3 + SLACK) / 0.2


@pytest.mark.parametrize("budget", ["", "RequestReadTimeout header=1"])
@pytest.mark.parametrize("end, said", [("late", "AH10184"), ("closed", "AH10634")])
def test_mod_remoteip_says_that_a_proxy_header_has_not_come(httpd, budget, end, said):
    if said.encode() not in module_path("remoteip").read_bytes():
        pytest.skip("this mod_remoteip says nothing about it")
    server = httpd(start=False, modules=["remoteip", "reqtimeout"],
                   conf=f"Timeout 1\nRemoteIPProxyProtocol On\n{budget or 'RequestReadTimeout header=0'}\n")
    server.start(probe=False)
    with Client(server.port) as client:
        client.send("PROXY TCP4 192")
        if end == "closed":
            client.sock.shutdown(socket.SHUT_WR)
        assert client.closed_after(1 + SLACK) is not None
    server.wait_log(said)


@pytest.mark.parametrize("over", ["plain", "tls"])
@pytest.mark.parametrize("request_number", [1, 2])
def test_the_first_bytes_of_a_head_extend_its_budget_as_later_ones_do(httpd, tls_dir, over, request_number):
    server = httpd(modules=["reqtimeout"], tls=True, conf="Timeout 60\nRequestReadTimeout header=1,MinRate=20\n")
    port, context = (server.tls_port, tls.client_context(tls_dir)) if over == "tls" else (server.port, None)
    with Client(port, tls=context) as client:
        for _ in range(request_number - 1):
            client.get()
        client.send("GET /hello.txt HTTP/1.1\r\nX: y\r\n")   # 31 bytes: 1 s and 1.5 s
        client.sock.settimeout(1.9)
        with pytest.raises(TimeoutError):
            client.response()
        client.sock.settimeout(4 + SLACK)
        assert client.response().status == 408


def test_min_rate_extends_the_budget_up_to_its_limit(httpd):
    server = httpd(modules=["reqtimeout", "test_handlers"],
                   conf="Timeout 60\nRequestReadTimeout header=5 body=1-3,MinRate=100\n")
    with Client(server.port) as client:
        client.send(request("/test/body", "POST", headers=["Content-Length: 10000"]))
        client.sock.settimeout(0.2)
        waited, response = 0, None
        while waited < 30:
            client.send(b"x" * 60)      # 300 bytes a second: each 100 are worth one more
            waited += 1
            try:
                response = client.response()
                break
            except TimeoutError:
                continue
        assert response, "the body's limit of 3 s does not hold"
        assert response.status in (400, 408)
        assert 2.5 / 0.2 <= waited <= (3 + SLACK) / 0.2


def test_after_keep_alive_timeout_the_close_lingers(httpd):
    """What a client sends meanwhile is taken, not answered by a reset."""
    server = httpd(conf="KeepAliveTimeout 1\n")
    with Client(server.port, timeout=5) as client:
        assert client.get().keeps_alive
        assert client.read_to_end() == b""
        client.send(request())
        holds_for(lambda: client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0, 0.5, "no reset")
