# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 as clients really send it: odd line ends, old versions, pipelines, bodies, TLS in its varieties."""
import hashlib
import os
import socket
import ssl
import subprocess

import pytest

import procs
from backends import proxy_header_v1, proxy_header_v2
from clients import Client, Closed, request
from httpd import ASYNC
from procs import wait_until

CONF = """
MaxKeepAliveRequests 0
LimitRequestLine 2000
LimitRequestFieldSize 3000
LimitRequestFields 30
HttpProtocolOptions Unsafe Allow0.9
Listen 127.0.0.1:${STRICT}
<VirtualHost 127.0.0.1:${STRICT}>
  HttpProtocolOptions Strict Require1.0
</VirtualHost>
Listen 127.0.0.1:${NO_FILTER}
Listen 127.0.0.1:${PROXIED}
<VirtualHost 127.0.0.1:${PROXIED}>
  RemoteIPProxyProtocol On
</VirtualHost>
Listen 127.0.0.1:${MUTUAL} https
<VirtualHost 127.0.0.1:${MUTUAL}>
  ServerName test.localhost
  SSLEngine on
  SSLCertificateFile ${TLS}/server.crt
  SSLCertificateKeyFile ${TLS}/server.key
  SSLCACertificateFile ${TLS}/ca.crt
  SSLVerifyClient require
  SSLOptions +StdEnvVars
  Header set X-Client-Name "expr=%{SSL_CLIENT_S_DN_CN}"
</VirtualHost>
Listen 127.0.0.1:${RENEGOTIATED} https
<VirtualHost 127.0.0.1:${RENEGOTIATED}>
  ServerName test.localhost
  SSLEngine on
  SSLCertificateFile ${TLS}/server.crt
  SSLCertificateKeyFile ${TLS}/server.key
  SSLCACertificateFile ${TLS}/ca.crt
  <Location /1k.bin>
    SSLVerifyClient require
  </Location>
</VirtualHost>
"""
NAMES = ("STRICT", "NO_FILTER", "PROXIED", "MUTUAL", "RENEGOTIATED")


@pytest.fixture(scope="module")
def server(module_httpd):
    server = module_httpd(start=False, tls=True, conf=CONF, modules=["test_handlers", "remoteip", "ssl", "headers"],
                          tls_conf="Protocols http/1.1")
    for name in NAMES:
        server.extra_port(name)
    return server.start()


@pytest.fixture(params=["plain", "tls"])
def connect(request, server):
    """A function that opens a connection, for tests that hold with and without TLS."""
    if request.param == "plain":
        return lambda **options: Client(server.port, **options)
    return lambda **options: Client(server.tls_port, tls=server.tls_client(), **options)


# ---- heads --------------------------------------------------------------------------------------------------

def test_a_get_is_answered_and_the_connection_kept(connect):
    with connect() as client:
        for _ in range(3):
            response = client.get()
            assert (response.status, response.body) == (200, b"hello\n") and response.keeps_alive


def test_pipelined_requests_are_answered_in_order(connect):
    paths = ["/hello.txt", "/1k.bin", "/nothing-here", "/test/info", "/hello.txt"] * 4
    with connect() as client:
        client.send(b"".join(request(path) for path in paths))
        for path in paths:
            response = client.response()
            assert response.status == (404 if path == "/nothing-here" else 200)
            if path == "/1k.bin":
                assert response.body == b"k" * 1024


def test_a_pipelined_request_behind_a_slow_one_waits_its_turn(connect):
    with connect() as client:
        client.send(request("/test/sleep?ms=300") + request("/hello.txt"))
        assert client.response().body == b"slept"
        assert client.response().body == b"hello\n"


@pytest.mark.parametrize("kind", ["large", "chunked", "continued", "small"])
def test_a_request_behind_a_body_is_answered(connect, kind):
    """The reader of the body takes no more than the body; what came with it stays in some filter."""
    behind = request("/hello.txt")
    with connect() as client:
        if kind == "large":
            client.send(request("/test/body", "POST", body=b"x" * 100000) + behind)
        elif kind == "chunked":
            chunks = b"".join(b"2000\r\n" + b"x" * 8192 + b"\r\n" for _ in range(10)) + b"0\r\n\r\n"
            client.send(request("/test/body", "POST", headers=["Transfer-Encoding: chunked"]) + chunks + behind)
        elif kind == "continued":
            client.send(request("/test/body", "POST", headers=["Content-Length: 10", "Expect: 100-continue"]))
            assert client.head()[0] == 100
            client.send(b"x" * 10 + behind)
        else:
            client.send(request("/test/body", "POST", body=b"x" * 10) + behind)
        assert client.response().status == 200
        assert client.response().body == b"hello\n"
        assert client.get().body == b"hello\n"


@pytest.mark.mpm_only("hybrid")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_request_behind_a_body_no_buffer_has_collected_is_answered(httpd, tls):
    server = httpd(modules=["test_handlers"], tls=True, conf="MPMBodyBuffer 0\n")
    client = Client(server.tls_port, tls=server.tls_client()) if tls else Client(server.port)
    with client:
        client.send(request("/test/body", "POST", body=b"x" * 20000) + request("/hello.txt"))
        assert client.response().status == 200
        assert client.response().body == b"hello\n"


def test_a_request_split_anywhere_is_understood(connect):
    wire = request("/hello.txt", headers=["X-Long: " + "x" * 100])
    with connect() as client:
        for cut in range(1, len(wire)):
            client.send(wire[:cut])
            client.send(wire[cut:])
            assert client.response().body == b"hello\n"


def test_a_request_byte_by_byte_is_understood(connect):
    with connect() as client:
        for byte in request("/hello.txt"):
            client.send(bytes([byte]))
        assert client.response().body == b"hello\n"


@pytest.fixture
def a_loop_that_reads_ahead(request):
    if not ASYNC and "tls" in request.node.name:
        request.applymarker(pytest.mark.xfail(strict=True, reason=(
            "httpd's synchronous loop waits for the rest of a head whose beginning came in a TLS record with another")))


@pytest.mark.usefixtures("a_loop_that_reads_ahead")
def test_two_requests_with_the_cut_inside_the_second_head(connect):
    wire = request("/hello.txt") + request("/1k.bin")
    with connect() as client:
        for cut in (len(wire) - 1, len(wire) - 2, len(wire) - 4, len(wire) - 20):
            client.send(wire[:cut])
            assert client.response().body == b"hello\n"
            client.send(wire[cut:])
            assert len(client.response().body) == 1024


def test_http_1_0_closes(connect):
    with connect() as client:
        response = client.get(version="HTTP/1.0")
        assert response.body == b"hello\n"
        assert client.closed_within(3)


def test_http_1_0_with_keep_alive_is_kept(connect):
    with connect() as client:
        for _ in range(2):
            response = client.get(version="HTTP/1.0", headers=["Connection: keep-alive"])
            assert response.body == b"hello\n" and response.keeps_alive


def test_http_0_9_gets_the_bare_file(connect):
    with connect(server_name="127.0.0.1") as client:    # mod_ssl refuses a request without Host where SNI named one
        assert client.send("GET /hello.txt\r\n").read_to_end() == b"hello\n"


def test_http_0_9_is_refused_where_the_server_says_so(server):
    with Client(server.ports["STRICT"]) as client:
        client.send("GET /hello.txt\r\n")
        assert b"400 Bad Request" in client.read_to_end()


def test_bare_line_feeds_are_line_ends_in_unsafe_mode(connect):
    with connect() as client:
        client.send("GET /hello.txt HTTP/1.1\nHost: test.localhost\n\n")
        assert client.response().body == b"hello\n"
        client.send("GET /hello.txt HTTP/1.1\r\nHost: test.localhost\n\r\n")
        assert client.response().body == b"hello\n"


def test_bare_line_feeds_are_refused_in_strict_mode(server):
    with Client(server.ports["STRICT"]) as client:
        client.send("GET /hello.txt HTTP/1.1\nHost: test.localhost\n\n")
        assert client.response().status == 400


def test_empty_lines_before_a_request_are_skipped(connect):
    with connect() as client:
        client.send(b"\r\n\r\n" + request("/hello.txt"))
        assert client.response().body == b"hello\n"
        client.send(b"\r\n" + request("/hello.txt"))
        assert client.response().body == b"hello\n"


def test_a_request_without_host_is_refused(connect):
    with connect() as client:
        assert client.get(host=None).status == 400


def test_too_long_a_request_line_is_414(connect):
    with connect() as client:
        assert client.get("/" + "a" * 3000).status == 414
        assert client.closed_within(3)


def test_too_long_a_field_is_400(connect):
    with connect() as client:
        assert client.get(headers=["X-Big: " + "b" * 4000]).status == 400


def test_too_many_fields_are_400(connect):
    with connect() as client:
        assert client.get(headers=[f"X-{n}: 1" for n in range(40)]).status == 400


def test_a_head_without_end_is_cut_off(connect):
    with connect() as client:
        try:
            client.send("GET / HTTP/1.1\r\nHost: test.localhost\r\n")
            for n in range(2000):
                client.send(f"X-{n}: {'c' * 1000}\r\n")
        except (ConnectionError, ssl.SSLError):
            return      # it has gone already: as good
        data = client.read_to_end()
        assert b" 400 " in data.split(b"\r\n")[0] if data else True


def test_garbage_is_400(connect):
    with connect() as client:
        client.send(b"\x00\x01\x02\x03 nonsense\r\n\r\n")
        assert b" 400 " in client.read_to_end()


def test_a_fresh_connection_closed_by_the_client_does_no_harm(server):
    for _ in range(30):
        Client(server.port).close()
        Client(server.port).reset()
    assert server.answers()


def test_a_half_closed_client_still_gets_its_answer(server):
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=100"))
        client.half_close()
        assert client.response().body == b"slept"
        assert client.closed_within(3)


def test_head_has_no_body(connect):
    with connect() as client:
        response = client.send(request("/1k.bin", "HEAD")).response("HEAD")
        assert response.headers["content-length"] == "1024"
        assert client.get().body == b"hello\n"


def test_max_keep_alive_requests_is_respected(httpd):
    """It counts the requests after the first."""
    server = httpd(conf="MaxKeepAliveRequests 3")
    with Client(server.port) as client:
        assert [client.get().keeps_alive for _ in range(4)] == [True, True, True, False]
        assert client.closed_within(3)


def test_keep_alive_off_closes_after_each(httpd):
    server = httpd(conf="KeepAlive Off")
    with Client(server.port) as client:
        assert not client.get().keeps_alive
        assert client.closed_within(3)


# ---- bodies -------------------------------------------------------------------------------------------------

def test_a_1_mib_upload_arrives_whole(connect):
    body = os.urandom(1 << 20)
    with connect() as client:
        for _ in range(3):
            client.send(request("/test/body", "POST", body=body))
            assert client.response().body.decode() == f"{len(body)} {sum(body)}"


@pytest.mark.parametrize("size", [1, 100, 8000, 65535, 65536, 65537, 200000])
def test_uploads_of_any_size_in_pieces_arrive_whole(connect, size):
    body = os.urandom(size)
    with connect() as client:
        wire = request("/test/body", "POST", body=body)
        step = max(1, len(wire) // 7)
        for at in range(0, len(wire), step):
            client.send(wire[at:at + step])
        assert client.response().body.decode() == f"{size} {sum(body)}"
        assert client.get().body == b"hello\n"


def test_a_chunked_upload_arrives_whole(connect):
    pieces = [os.urandom(n) for n in (1, 10, 1000, 30000)]
    wire = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    with connect() as client:
        client.send(request("/test/body", "POST", headers=["Transfer-Encoding: chunked"]))
        for at in range(0, len(wire), 997):
            client.send(wire[at:at + 997])
        total = b"".join(pieces)
        assert client.response().body.decode() == f"{len(total)} {sum(total)}"
        assert client.get().body == b"hello\n"


def test_expect_100_continue_is_answered_before_the_body(connect):
    with connect() as client:
        client.send(request("/test/body", "POST", headers=["Expect: 100-continue", "Content-Length: 5"]))
        assert client.head()[0] == 100
        client.send("abcde")
        assert client.response().body.decode() == f"5 {sum(b'abcde')}"


def test_a_body_with_the_next_request_behind_it(connect):
    with connect() as client:
        client.send(request("/test/body", "POST", body=b"12345") + request("/hello.txt"))
        assert client.response().body.decode() == f"5 {sum(b'12345')}"
        assert client.response().body == b"hello\n"


def test_a_body_that_nobody_reads_is_skipped(connect):
    with connect() as client:
        client.send(request("/hello.txt", "POST", body=b"x" * 20000) + request("/1k.bin"))
        first = client.response()
        assert first.status in (200, 405)
        if first.keeps_alive:
            assert len(client.response().body) == 1024


def test_a_body_cut_short_by_the_client_does_no_harm(server):
    with Client(server.port) as client:
        client.send(request("/test/body", "POST", headers=["Content-Length: 1000"]) + b"x" * 10)
    assert server.answers()


def test_an_upload_over_limit_request_body_is_413(httpd):
    server = httpd(modules=["test_handlers"], conf="<Location /test/body>\nLimitRequestBody 1000\n</Location>")
    with Client(server.port) as client:
        assert client.send(request("/test/body", "POST", body=b"x" * 2000)).response().status == 413


# ---- TLS ------------------------------------------------------------------------------------------------------

def test_http_on_the_https_port_is_told_so(server):
    with Client(server.tls_port) as client:
        response = client.get()
        assert response.status == 400
        assert b"You're speaking plain HTTP to an SSL-enabled server port" in response.body


def test_garbage_on_the_https_port_does_no_harm(server):
    with Client(server.tls_port) as client:
        client.send(b"\x16\x03\x01\xff\xff" + os.urandom(2000))
        client.read_to_end()
    assert server.answers()


def test_a_client_hello_byte_by_byte_is_understood(server):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server.tls_client().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with Client(server.tls_port) as client:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    client.send(bytes([byte]))
                incoming.write(client.sock.recv(65536))
        for byte in outgoing.read():
            client.send(bytes([byte]))
        tls.write(request("/hello.txt"))
        client.send(outgoing.read())
        data = b""
        while b"hello\n" not in data:
            incoming.write(client.sock.recv(65536))
            try:
                data += tls.read(65536)
            except ssl.SSLWantReadError:
                pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(server, version):
    context = server.tls_client()
    context.minimum_version = context.maximum_version = version
    with Client(server.tls_port, tls=context) as client:
        client.get()
        session = client.sock.session
    assert session is not None
    raw = socket.create_connection(("127.0.0.1", server.tls_port), 5)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as sock:
        sock.sendall(request("/hello.txt"))
        assert b"200 OK" in sock.recv(4096)
        assert sock.session_reused


def test_a_client_certificate_is_demanded_and_seen(server):
    with Client(server.ports["MUTUAL"], tls=server.tls_client(with_certificate=True)) as client:
        assert client.get().headers["x-client-name"] == "test client"
    with pytest.raises((ssl.SSLError, ConnectionError, Closed)):
        with Client(server.ports["MUTUAL"], tls=server.tls_client()) as client:
            client.get()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_can_be_demanded_for_one_location(server, version):
    """Renegotiation (TLS 1.2) or post-handshake authentication (1.3) in the middle of a request."""
    context = server.tls_client(with_certificate=True)
    context.minimum_version = context.maximum_version = version
    context.post_handshake_auth = True
    with Client(server.ports["RENEGOTIATED"], tls=context) as client:
        assert client.get("/hello.txt").status == 200
        assert client.get("/1k.bin").status == 200


def test_a_location_that_demands_a_certificate_refuses_without(server):
    context = server.tls_client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Client(server.ports["RENEGOTIATED"], tls=context) as client:
        assert client.get("/hello.txt").status == 200
        with pytest.raises((ssl.SSLError, ConnectionError, Closed, AssertionError)):
            assert client.get("/1k.bin").status == 200


def test_the_server_name_chooses_the_virtual_host(httpd):
    server = httpd(tls=True, conf="""
        Listen 127.0.0.1:${NAMED} https
        <VirtualHost 127.0.0.1:${NAMED}>
          ServerName one.localhost
          SSLEngine on
          SSLCertificateFile ${TLS}/server.crt
          SSLCertificateKeyFile ${TLS}/server.key
          Redirect /who https://one/
        </VirtualHost>
        <VirtualHost 127.0.0.1:${NAMED}>
          ServerName two.localhost
          SSLEngine on
          SSLCertificateFile ${TLS}/server.crt
          SSLCertificateKeyFile ${TLS}/server.key
          Redirect /who https://two/
        </VirtualHost>""", start=False)
    server.extra_port("NAMED")
    server.start()
    for name in ("one", "two"):
        with Client(server.ports["NAMED"], tls=server.tls_client(), server_name=f"{name}.localhost") as client:
            response = client.get("/who", host=f"{name}.localhost")
            assert response.headers["location"] == f"https://{name}/"


def test_the_close_of_a_tls_connection_is_announced(server):
    """close_notify, so that a client can tell the end of a body from a cut."""
    context = server.tls_client()
    raw = socket.create_connection(("127.0.0.1", server.tls_port), 5)
    with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as sock:
        sock.sendall(request("/hello.txt", headers=["Connection: close"]))
        data = b""
        while more := sock.recv(4096):      # raises SSLEOFError when close_notify is missing
            data += more
        assert data.endswith(b"hello\n")


def test_a_large_file_over_tls_arrives_whole(server):
    content = os.urandom(5 << 20)
    server.file("random.bin", content)
    with Client(server.tls_port, tls=server.tls_client()) as client:
        got = client.get("/random.bin").body
    assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()


def test_curl_agrees(server):
    """A client that nobody here wrote."""
    done = subprocess.run(["curl", "-sS", "--cacert", str(server.tls_dir / "ca.crt"), "--resolve",
                           f"test.localhost:{server.tls_port}:127.0.0.1",
                           f"https://test.localhost:{server.tls_port}/hello.txt",
                           f"https://test.localhost:{server.tls_port}/hello.txt"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "hello\nhello\n"), done.stderr


# ---- PROXY protocol ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("header", [proxy_header_v1, proxy_header_v2])
def test_the_proxy_protocol_tells_the_client_address(server, header):
    with Client(server.ports["PROXIED"], preamble=header("192.0.2.77")) as client:
        for _ in range(2):
            assert b"useragent=192.0.2.77 " in client.get("/test/info").body


@pytest.mark.parametrize("header", [proxy_header_v1, proxy_header_v2])
def test_a_proxy_header_in_pieces_is_understood(server, header):
    with Client(server.ports["PROXIED"]) as client:
        for byte in header("192.0.2.78") + request("/test/info"):
            client.send(bytes([byte]))
        assert b"useragent=192.0.2.78 " in client.response().body


def test_a_missing_proxy_header_closes_the_connection(server):
    with Client(server.ports["PROXIED"]) as client:
        with pytest.raises((Closed, ConnectionError)):
            client.get()
    wait_until(lambda: "proxy_protocol" in server.error_log().lower() or "RemoteIPProxyProtocol" in server.error_log(),
               3, "a word about it in the error log")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_urgent_data_does_not_hide_what_follows_it(httpd, tls):
    """A read of the socket ends in front of urgent data, whatever lies behind it. The urgent byte itself is left out."""
    server = httpd(tls=tls)
    client = Client(server.tls_port if tls else server.port, tls=server.tls_client() if tls else None)
    with socket.socket(fileno=os.dup(client.sock.fileno())) as raw:
        for _ in range(3):
            with procs.stopped(server.children()):      # all of it has come before anything is read
                client.send(b"GET /hello.txt HTTP/1.1\r\nHo")
                raw.send(b"!", socket.MSG_OOB)
                client.send(b"st: test.localhost\r\n\r\n")
            assert client.response().body == b"hello\n"
