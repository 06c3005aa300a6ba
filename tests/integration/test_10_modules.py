# SPDX-License-Identifier: Apache-2.0
"""The distribution's modules on this MPM: each does its work, alone and with all the others loaded."""
import gzip
import hashlib
import os
import re
import subprocess
import time

import pytest

import procs
from backends import Backend, FastCgi, HttpOrigin, WebSocketEcho, frame, read_frame, websocket_accept
from clients import Client, SlowReader, request
from faults import Faults
from h2client import H2
from httpd import MPM
from procs import wait_until

MODULES = ["ssl", "http2", "proxy_http", "proxy_http2", "proxy_wstunnel", "proxy_fcgi", "proxy_balancer",
           "lbmethod_byrequests", "cgid", "lua", "dav_fs", "dav_lock", "deflate", "reqtimeout", "remoteip", "ratelimit", "md",
           "headers", "rewrite", "env", "setenvif", "auth_basic", "authn_core", "authn_file", "authz_user", "autoindex",
           "negotiation", "cache", "cache_disk", "include", "substitute", "unique_id", "info", "macro", "expires", "buffer",
           "socache_shmcb", "cache_socache", "log_forensic", "dumpio", "session", "session_cookie", "request", "allowmethods",
           "test_handlers", "test_scoreboard"]
CONF = """
Protocols h2c http/1.1
ProxyPass        /origin/  http://127.0.0.1:${ORIGIN}/
ProxyPass        /h2origin/ h2c://127.0.0.1:${PORT}/
ProxyPass        /ws/      ws://127.0.0.1:${WS}/
ProxyPass        /upgrade/ http://127.0.0.1:${WS}/ upgrade=websocket
ProxyPassMatch   ^/fcgi/(.*)$ fcgi://127.0.0.1:${FCGI}/$1
<Proxy balancer://two>
  BalancerMember http://127.0.0.1:${ORIGIN}
  BalancerMember http://127.0.0.1:${ORIGIN2}
</Proxy>
ProxyPass        /balanced/ balancer://two/
<Directory "${ROOT}/htdocs">
  Options +Includes +Indexes
  AllowOverride All
  Require all granted
</Directory>
<Location /lua>
  SetHandler lua-script
</Location>
Alias /lua "${ROOT}/lua"
DavLockDB ${ROOT}/davlock/db
Alias /dav "${ROOT}/davdata"
<Location /dav>
  Dav On
</Location>
<Location /gz>
  SetOutputFilter DEFLATE
</Location>
Alias /gz "${ROOT}/htdocs"
<Location /limited>
  SetOutputFilter RATE_LIMIT
  SetEnv rate-limit 400
</Location>
Alias /limited "${ROOT}/htdocs"
<Location /private>
  AuthType Basic
  AuthName private
  AuthUserFile "${ROOT}/conf/users"
  Require user alice
</Location>
Alias /private "${ROOT}/htdocs"
RewriteEngine on
RewriteRule ^/old/(.*)$ /$1 [PT]
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
<Location /info>
  SetHandler server-info
</Location>
CacheRoot ${ROOT}/cache
CacheEnable disk /cached
Alias /cached "${ROOT}/htdocs"
MDMessageCmd /bin/true
MDStoreDir ${ROOT}/md
"""

pytestmark = pytest.mark.mpm_only("hybrid", "event", "worker")
speaks_http2 = pytest.mark.left_out("prefork", reason="HTTP/2 is refused; so says test_21")


@pytest.fixture(scope="module")
def server(module_httpd):
    with Backend(HttpOrigin) as origin, Backend(HttpOrigin) as origin2, Backend(WebSocketEcho) as ws, \
            Backend(FastCgi) as fcgi:
        server = module_httpd(start=False, tls=True, modules=MODULES, conf=CONF, tls_conf="Protocols h2 http/1.1")
        server.ports.update(ORIGIN=origin.port, ORIGIN2=origin2.port, WS=ws.port, FCGI=fcgi.port)
        for name in ("davlock", "davdata", "cache", "md"):
            server.writable_dir(name)
        (server.root / "lua").mkdir()
        (server.root / "lua" / "hello.lua").write_text(
            "function handle(r)\n  r.content_type = 'text/plain'\n  r:puts('lua ' .. r.method)\n  return apache2.OK\nend\n")
        (server.root / "conf" / "users").write_text("alice:{SHA}" + _sha("secret") + "\n")
        server.file("text.txt", "compress me " * 5000)
        server.file("page.shtml", 'before <!--#include virtual="/hello.txt" --> after')
        server.sparse_file("400k", 400 << 10)
        server.cgi("env", "#!/bin/sh\necho Content-Type: text/plain\necho\necho method=$REQUEST_METHOD\ncat\n")
        server.cgi("many", "#!/bin/sh\necho Content-Type: text/plain\necho\nhead -c 3000000 /dev/zero\n")
        server.cgi("stderr", "#!/bin/sh\necho to the log >&2\necho Content-Type: text/plain\necho\necho ok\n")
        server.cgi("nph-raw", "#!/bin/sh\nprintf 'HTTP/1.1 203 Raw\\r\\nContent-Length: 3\\r\\n\\r\\nraw'\n")
        server.write_conf()
        server.start()
        yield server
        server.stop()


def _sha(password):
    import base64
    return base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


def get(server, path, **options):
    with Client(server.port) as client:
        return client.get(path, **options)


def test_every_module_is_loaded(server):
    loaded = server.run("-M").stdout
    for module in MODULES:
        assert f" {module}_module" in loaded
    assert f" mpm_{MPM}_module" in loaded and " watchdog_module" in loaded


# ---- proxies ------------------------------------------------------------------------------------------------------

def test_proxy_http(server):
    assert get(server, "/origin/x").body == b"origin /x"


def test_proxy_http_many_at_once(server):
    clients = [Client(server.port) for _ in range(20)]
    for n, client in enumerate(clients):
        client.send(request(f"/origin/{n}?ms=200"))
    for n, client in enumerate(clients):
        assert client.response().body == f"origin /{n}".encode()
        client.close()


def test_proxy_http_passes_a_1_mib_upload(server):
    body = os.urandom(1 << 20)
    with Client(server.port) as client:
        client.send(request("/origin/up", "POST", body=body))
        assert client.response().body.decode() == f"{len(body)} {hashlib.sha256(body).hexdigest()}"


def test_proxy_http_passes_a_body_that_comes_in_pieces(server):
    body = os.urandom(50000)
    with Client(server.port) as client:
        wire = request("/origin/up", "POST", body=body)
        for at in range(0, len(wire), 5000):
            client.send(wire[at:at + 5000])
        assert client.response().body.decode() == f"{len(body)} {hashlib.sha256(body).hexdigest()}"


def test_proxy_of_a_dead_origin_is_503(server, httpd):
    other = httpd(start=False, modules=["proxy_http"], conf="ProxyPass / http://127.0.0.1:${DEAD}/")
    other.extra_port("DEAD")
    other.start()
    assert get(other, "/x").status == 503


@speaks_http2
def test_proxy_http2(server):
    response = get(server, "/h2origin/hello.txt")
    assert (response.status, response.body) == (200, b"hello\n")


def test_proxy_balancer(server):
    assert {get(server, "/balanced/x").body for _ in range(4)} == {b"origin /x"}


def test_proxy_fcgi(server):
    with Client(server.port) as client:
        assert client.get("/fcgi/some").body == b"fcgi GET /fcgi/some 0"
        client.send(request("/fcgi/some", "POST", body=b"x" * 70000))
        assert client.response().body == b"fcgi POST /fcgi/some 70000"


# ---- WebSocket ----------------------------------------------------------------------------------------------------

def open_websocket(server, path, tls=False):
    client = Client(server.tls_port, tls=server.tls_client()) if tls else Client(server.port)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    client.send(request(path, headers=["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
                                       "Sec-WebSocket-Version: 13"]))
    status, _, headers = client.head()
    assert status == 101
    assert headers["sec-websocket-accept"].encode() == websocket_accept(key)
    return client


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("path", ["/ws/echo", "/upgrade/echo"])
def test_websocket_through_the_proxy(server, path, tls):
    with open_websocket(server, path, tls) as client:
        for n in range(50):
            client.send(frame(1, b"message %d" % n))
            assert read_frame(client.read) == (1, b"message %d" % n)
        big = os.urandom(60000)
        client.send(frame(2, big))
        assert read_frame(client.read) == (2, big)
        client.send(frame(8, b""))
        assert read_frame(client.read)[0] == 8


def test_an_idle_websocket_stays_open(server):
    with open_websocket(server, "/ws/echo") as client:
        assert client.closed_after(1.5) is None
        client.send(frame(1, b"still there"))
        assert read_frame(client.read) == (1, b"still there")


def test_websockets_of_many_clients_do_not_mix(server):
    clients = [open_websocket(server, "/ws/echo") for _ in range(15)]
    for turn in range(5):
        for n, client in enumerate(clients):
            client.send(frame(1, b"%d of %d" % (turn, n)))
        for n, client in enumerate(clients):
            assert read_frame(client.read) == (1, b"%d of %d" % (turn, n))
    for client in clients:
        client.close()


# ---- HTTP/2 -------------------------------------------------------------------------------------------------------

@speaks_http2
def test_h2_by_alpn(server):
    with H2(server.tls_port, tls=server.tls_client(alpn=["h2", "http/1.1"])) as client:
        assert client.get().body == b"hello\n"


def test_http_1_by_alpn(server):
    with Client(server.tls_port, tls=server.tls_client(alpn=["http/1.1"])) as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        assert client.get().body == b"hello\n"


@speaks_http2
def test_h2c_with_prior_knowledge(server):
    with H2(server.port) as client:
        assert client.get().body == b"hello\n"


@speaks_http2
def test_upgrade_to_h2c(server):
    """mod_http2 ends an upgraded connection when it is idle; while a stream runs, others may be opened."""
    with H2.upgrade(server.port, "/hello.txt") as client:
        assert client.finish(1).body == b"hello\n"
    with H2.upgrade(server.port, "/test/sleep?ms=500") as client:
        assert client.get("/1k.bin").body == b"k" * 1024
        assert not client.streams[1].ended
        assert client.finish(1).body == b"slept"


@speaks_http2
@pytest.mark.parametrize("tls", [False, True], ids=["h2c", "h2"])
def test_h2_streams_run_side_by_side(server, tls):
    client = H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) if tls else H2(server.port)
    with client:
        slow = client.request("/test/sleep?ms=800")
        for _ in range(30):
            assert client.get().body == b"hello\n"
            assert not client.streams[slow].ended
        assert client.finish(slow).body == b"slept"


@speaks_http2
@pytest.mark.parametrize("tls", [False, True], ids=["h2c", "h2"])
def test_h2_hundred_streams_at_once(server, tls):
    client = H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) if tls else H2(server.port)
    with client:
        streams = [client.request("/1k.bin") for _ in range(100)]
        client.finish(*streams)
        assert {bytes(client.streams[s].body) for s in streams} == {b"k" * 1024}


@speaks_http2
def test_h2_upload(server):
    body = os.urandom(300000)
    with H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) as client:
        stream = client.request("/test/body", "POST", body=body)
        assert client.finish(stream).body.decode() == f"{len(body)} {sum(body)}"


@speaks_http2
def test_h2_connection_is_kept_and_used_again(server):
    with H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) as client:
        client.get()
        client.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            while client.read_once():
                pass
        client.sock.settimeout(5)
        assert client.get().body == b"hello\n"


@speaks_http2
@pytest.mark.mpm_gap("event", "worker", "hybrid-sync", "hybrid-worker",
                     reason="mod_http2 looks for its preface in what the first read brings")
def test_h2_preface_byte_by_byte(server):
    with Client(server.port) as client:
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]):
            client.send(bytes([byte]))
        head = client.read(9)
        assert head[3] == 4      # the server's SETTINGS


def test_h2load_agrees(server):
    """A client that nobody here wrote, with a thousand requests."""
    done = subprocess.run(["h2load", "-n", "1000", "-c", "10", "-m", "10", "-t", "1", f"{server.tls_url}/1k.bin"],
                          capture_output=True, text=True, timeout=60)
    assert "1000 total, 1000 started, 1000 done, 1000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout, done.stdout


@speaks_http2
def test_nghttp_upgrade_agrees(server):
    done = subprocess.run(["nghttp", "-u", f"{server.url}/hello.txt"], capture_output=True, text=True, timeout=30)
    assert done.stdout == "hello\n", done.stderr


# ---- scripts and files ---------------------------------------------------------------------------------------------

def test_cgid(server):
    with Client(server.port) as client:
        assert client.get("/cgi/env").body == b"method=GET\n"
        client.send(request("/cgi/env", "POST", body=b"b" * 100000))
        assert client.response().body == b"method=POST\n" + b"b" * 100000


def test_cgid_large_output(server):
    assert len(get(server, "/cgi/many").body) == 3000000


def test_cgid_stderr_goes_to_the_log(server):
    assert get(server, "/cgi/stderr").body == b"ok\n"
    wait_until(lambda: "to the log" in server.error_log(), 3, "the script's stderr")


def test_cgid_nph(server):
    response = get(server, "/cgi/nph-raw")
    assert (response.status, response.body) == (203, b"raw")


def test_lua(server):
    assert get(server, "/lua/hello.lua").body == b"lua GET"


def test_dav(server):
    content = os.urandom(200000)
    with Client(server.port) as client:
        assert client.send(request("/dav/file", "PUT", body=content)).response().status == 201
        assert client.get("/dav/file").body == content
        listing = client.send(request("/dav/", "PROPFIND", headers=["Depth: 1"])).response()
        assert listing.status == 207 and b"/dav/file" in listing.body
        lock = client.send(request("/dav/file", "LOCK", headers=["Content-Type: text/xml"], body=(
            b'<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
            b"<D:locktype><D:write/></D:locktype></D:lockinfo>"))).response()
        assert lock.status == 200
        assert client.send(request("/dav/file", "DELETE")).response().status == 423
        token = lock.headers["lock-token"]
        assert client.send(request("/dav/file", "UNLOCK", headers=[f"Lock-Token: {token}"])).response().status == 204
        assert client.send(request("/dav/file", "DELETE")).response().status == 204


def test_deflate(server):
    response = get(server, "/gz/text.txt", headers=["Accept-Encoding: gzip"])
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(response.body) == b"compress me " * 5000


@speaks_http2
def test_deflate_over_tls_and_h2(server):
    with H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) as client:
        stream = client.finish(client.request("/gz/text.txt", headers=[("accept-encoding", "gzip")]))
        assert gzip.decompress(bytes(stream.body)) == b"compress me " * 5000


def test_include(server):
    assert get(server, "/page.shtml").body == b"before hello\n after"


def test_rewrite(server):
    assert get(server, "/old/hello.txt").body == b"hello\n"


def test_auth_basic(server):
    assert get(server, "/private/hello.txt").status == 401
    assert get(server, "/private/hello.txt", headers=["Authorization: Basic YWxpY2U6c2VjcmV0"]).body == b"hello\n"


def test_autoindex(server):
    server.file("dir/inside.txt", "x")
    assert b"inside.txt" in get(server, "/dir/").body


def test_cache_disk(server):
    for _ in range(3):
        assert get(server, "/cached/text.txt").body == b"compress me " * 5000
    wait_until(lambda: any(f.is_file() for f in (server.root / "cache").rglob("*")), 3, "a file in the cache")


def test_mod_info_knows_the_mpm(server):
    page = get(server, "/info?server").body.decode()
    assert re.search(rf"MPM Name:.*{MPM}", page, re.I)


def test_range_requests(server):
    response = get(server, "/1k.bin", headers=["Range: bytes=10-19"])
    assert (response.status, response.body) == (206, b"k" * 10)


def test_not_modified(server):
    tag = get(server, "/1k.bin").headers["etag"]
    with Client(server.port) as client:
        for _ in range(3):
            assert client.get("/1k.bin", headers=[f"If-None-Match: {tag}"]).status == 304


def test_ratelimit(server):
    """400 KiB at 400 KiB/s: most of a second, and not much more."""
    started = time.monotonic()
    assert len(get(server, "/limited/400k").body) == 400 << 10
    assert 0.5 <= time.monotonic() - started <= 6


def test_a_response_of_a_script_to_a_slow_reader_does_not_hold_up_others(server):
    with Client(server.port, rcvbuf=4096) as slow:
        slow.send(request("/cgi/many"))
        slow.head()
        for _ in range(5):
            assert get(server, "/hello.txt").body == b"hello\n"


def test_md_is_loaded_and_watchdog_runs(server):
    """mod_md's own thread lives in one child, started through mod_watchdog."""
    assert "AH10056" not in server.error_log()
    assert get(server, "/hello.txt").status == 200


@speaks_http2
@pytest.mark.parametrize("action", ["graceful", "restart"])
def test_all_modules_survive_a_restart(httpd, action):
    with Backend(HttpOrigin) as origin, Backend(HttpOrigin) as origin2, Backend(WebSocketEcho) as ws, \
            Backend(FastCgi) as fcgi:
        server = httpd(start=False, tls=True, modules=MODULES, conf=CONF, tls_conf="Protocols h2 http/1.1")
        server.ports.update(ORIGIN=origin.port, ORIGIN2=origin2.port, WS=ws.port, FCGI=fcgi.port)
        for name in ("davlock", "davdata", "cache", "md"):
            server.writable_dir(name)
        server.write_conf()
        server.start()
        for _ in range(3):
            getattr(server, action)()
            assert get(server, "/origin/x").body == b"origin /x"
            with H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) as client:
                assert client.get().body == b"hello\n"
        server.stop()


def test_a_watchdog_callback_runs_while_the_server_is_idle(httpd):
    """mod_proxy_hcheck asks its backend from a watchdog thread; nobody else asks for anything."""
    with Backend(HttpOrigin) as origin:
        server = httpd(start=False, modules=["proxy_http", "proxy_balancer", "lbmethod_byrequests", "proxy_hcheck"], conf="""
            <Proxy balancer://b>
              BalancerMember http://127.0.0.1:${ORIGIN} hcmethod=GET hcuri=/check hcinterval=1
            </Proxy>
            ProxyPass /b/ balancer://b/
            LogLevel proxy_hcheck:debug""")
        server.ports["ORIGIN"] = origin.port
        server.write_conf()
        server.start()
        server.wait_log("hcheck.*Health check", 10)
        assert procs.alive(server.pid)


@speaks_http2
def test_a_slow_proxied_download_to_a_slow_reader_arrives_whole(server):
    server.sparse_file("10m", 10 << 20)
    with SlowReader(server.port, "/h2origin/10m") as reader:
        reader.start()
        for _ in range(20):
            reader.sip(2000)
        assert reader.finish() == 10 << 20


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("worker", "prefork", reason="httpd's own filters write all responses")
@pytest.mark.parametrize("size", [1000, 16000])
def test_a_short_file_is_sent_at_once_and_not_mapped(httpd, tmp_path, size):
    faults, content = Faults(tmp_path), b"short" * (size // 5)
    server = httpd(modules=["reqtimeout"], **faults.options)
    (server.root / "htdocs" / "short.bin").write_bytes(content)
    with faults.active("writev"), faults.active("map"), Client(server.port) as client:
        for _ in range(3):
            answer = client.get("/short.bin")
            assert (answer.status, answer.body) == (200, content)
    assert (faults.hits("writev"), faults.hits("map")) == (0, 0)
