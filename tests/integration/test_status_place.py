# SPDX-License-Identifier: Apache-2.0
"""What guards the status page and what it tells: the names it answers to, its place against what directories say, and
query strings that shall not be told."""
import contextlib

import pytest

from clients import Client, request
from h2client import H2
from httpd import module_path
from procs import holds_for, wait_until
from statusview import MPMS, get, own_server, worker_with

pytestmark = pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")

# ---- names ---------------------------------------------------------------------------------------------------

HOSTS = """
<VirtualHost 127.0.0.1:${PORT}>
  ServerName www.example.com
  ServerAlias alias.example.com *.example.org
</VirtualHost>
"""


@pytest.fixture(scope="module")
def named(module_httpd):
    return module_httpd(conf=HOSTS + "MPMStatsAllowHost proxy.example.net *.ops.example.net\n")


@pytest.mark.parametrize("host", [
    "127.0.0.1", "192.0.2.7:8080", "[::1]", "[2001:db8::1]:443", "localhost", "LocalHost:81", "localhost.", "test.localhost",
    "www.example.com", "www.example.com.:80", "alias.example.com", "any.example.org", "proxy.example.net", "a.ops.example.net"])
def test_the_page_is_there_by_addresses_and_by_names_of_the_configuration(named, host):
    for query in ("", "?json", "?auto", "?openmetrics"):
        assert get(named, "/mpm-status" + query, host=host).status == 200, query


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:80", "www.example.com.rebound.example", "example.org",
                                  "localhost.rebound.example", "127.0.0.1.rebound.example", "ops.example.net"])
def test_the_page_is_refused_by_a_name_that_anybody_could_have_pointed_here(named, host):
    for query in ("", "?json", "?auto", "?openmetrics"):
        response = get(named, "/mpm-status" + query, host=host)
        assert response.status == 403 and b"MPMStatsAllowHost" in response.body, query
        assert response.headers["cache-control"] == "no-store" and response.headers["content-type"].startswith("text/plain")
    assert get(named, "/hello.txt", host=host).status == 200, "everything else is served as ever"


def test_a_name_in_the_request_line_is_the_one_that_counts(named):
    assert get(named, "http://rebound.example/mpm-status", host="localhost").status == 403
    assert get(named, "http://localhost/mpm-status", host="rebound.example").status == 200
    with Client(named.port) as client:
        assert client.send(request("/mpm-status", version="HTTP/1.0", host=None)).response().status == 200


@pytest.mark.parametrize("name", ["http://x/", "a:80"])
def test_a_wrong_name_to_allow_is_found_by_configtest(httpd, name):
    code, output = httpd(start=False).configtest(f"MPMStatsAllowHost {name}")
    assert code != 0 and "must be names of hosts" in output


# ---- what directories say --------------------------------------------------------------------------------------

WORDPRESS = """
RewriteEngine On
RewriteBase /
RewriteRule ^index\\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
"""
DIRECTORY = {
    "wordpress": WORDPRESS,
    "rewrite-to-all": "RewriteEngine On\nRewriteRule .* /index.php [L]\n",
    "rewrite-elsewhere": "RewriteEngine On\nRewriteRule ^mpm-status https://elsewhere.example/ [R=301,L]\n",
    "fallback": "FallbackResource /index.php\n",
    "redirect": "RedirectMatch ^/mpm-status /index.php\n",
    "gone": "Redirect gone /mpm-status\n",
    "sethandler": "SetHandler test-handlers\n",
    "if-sethandler": "<If \"true\">\nSetHandler test-handlers\n</If>\n",
    "files-sethandler": "<FilesMatch .>\nSetHandler test-handlers\n</FilesMatch>\n",
    "errordocument": "ErrorDocument 404 /index.php\nErrorDocument 403 /index.php\nErrorDocument 400 /index.php\n",
}


@pytest.fixture(scope="module")
def wordpress(module_httpd):
    server = module_httpd(modules=["rewrite", "test_handlers"],
                          conf='<Directory "${ROOT}/htdocs">\nAllowOverride All\nOptions FollowSymLinks\n</Directory>\n'
                               "<Location /guarded>\nSetHandler mpm-status\n</Location>\n")
    server.file("index.php", b"the blog")
    return server


@pytest.mark.parametrize("place, kind", [*((".htaccess", kind) for kind in DIRECTORY), ("section", "wordpress")])
def test_what_a_directory_says_does_not_take_the_pages_place(httpd, wordpress, kind, place):
    if place == ".htaccess":
        server = wordpress
        (server.root / "htdocs/.htaccess").write_text(DIRECTORY[kind])
    else:
        server = httpd(modules=["rewrite"], conf=f'<Directory "${{ROOT}}/htdocs">\n{WORDPRESS}</Directory>\n')
        server.file("index.php", b"the blog")
    json = get(server, "/mpm-status?json")
    assert json.status == 200 and json.headers["content-type"].startswith("application/json")
    page = get(server, "/mpm-status")
    assert page.status == 200 and b"<title>" in page.body and b"the blog" not in page.body
    wrong = get(server, "/mpm-status?nonsense")
    assert wrong.status == 400 and b"the blog" not in wrong.body
    below = get(server, "/mpm-status/below")
    assert below.status == 404 and b"the blog" not in below.body
    if kind in ("wordpress", "fallback"):
        assert get(server, "/some/post").body == b"the blog", "the directory's own requests are as ever"


def test_who_may_read_is_still_decided_with_what_directories_say(wordpress):
    htaccess = wordpress.root / "htdocs/.htaccess"
    htaccess.write_text(WORDPRESS)
    assert get(wordpress, "/guarded").status == 200
    htaccess.write_text(WORDPRESS + "Require all denied\n")
    assert get(wordpress, "/guarded").status == 403


@pytest.mark.parametrize("document", ["/guarded", "/guarded?json", "/guarded?auto"])
def test_the_page_is_not_the_error_document_of_its_own_refusal(wordpress, document):
    (wordpress.root / "htdocs/.htaccess").write_text(f"ErrorDocument 403 {document}\nRequire all denied\n")
    for path in ("/guarded", "/guarded?json", "/guarded/below", "/hello.txt"):
        response = get(wordpress, path)
        assert response.status == 403 and b"mpm-status" not in response.body and b"workers" not in response.body.lower(), path


def test_a_status_page_that_a_directory_itself_asks_for_is_as_ever(wordpress):
    (wordpress.root / "htdocs/.htaccess").write_text("<Files hello.txt>\nSetHandler mpm-status\n</Files>\n")
    assert b"<title>" in get(wordpress, "/hello.txt").body


# ---- query strings ---------------------------------------------------------------------------------------------

SECRET = b"5ecret-token"


def tells(server):
    """Where the secret is found: pages, the segment with the scoreboard, messages."""
    places = {query: server.get("/mpm-status" + query) for query in ("", "?json", "?auto", "?openmetrics")}
    places["segment"] = (server.root / "run/mpmstats.segment").read_bytes()
    places["log"] = server.error_log().encode()
    return [name for name, text in places.items() if SECRET in text]


@contextlib.contextmanager
def under_way(server):
    """A request with the secret in its query; over when the block is left."""
    with Client(server.port) as client:
        client.send(request("/t/sleep?ms=500&token=" + SECRET.decode()))
        yield
        assert client.response().status == 200


@pytest.mark.parametrize("mod_status", [False, True], ids=["recorded-by-us", "recorded-by-httpd"])
@pytest.mark.parametrize("mpm", MPMS)
def test_query_strings_are_not_told_where_they_are_cut(httpd, mpm, mod_status):
    server = own_server(httpd, mpm, mod_status=mod_status, conf="MPMStatsQueryStrings Off\nMPMStatsSlowThreshold 100ms\n"
                        'CustomLog logs/access.log "%r"\n')
    with under_way(server):
        worker, _ = worker_with(server, "/t/sleep")
        assert worker["request"] == "GET /t/sleep? HTTP/1.1"
        assert not tells(server)
        if mod_status:
            page = server.get("/server-status")
            assert b"GET /t/sleep? HTTP/1.1" in page and SECRET not in page
    server.wait_log(r'slow request: .*"GET /t/sleep\? HTTP/1.1"')
    wait_until(lambda: SECRET in (server.root / "logs/access.log").read_bytes(), 5, "the access log has the whole line")
    assert not tells(server)


@pytest.mark.parametrize("mod_status", [False, True], ids=["recorded-by-us", "recorded-by-httpd"])
@pytest.mark.parametrize("mpm", MPMS)
def test_a_query_string_in_a_line_that_is_no_valid_one_is_cut(httpd, mpm, mod_status):
    server = own_server(httpd, mpm, mod_status=mod_status, conf="MPMStatsQueryStrings Off\n")
    for line in (f"GET /x?a {SECRET.decode()}", f"GET /x?a {SECRET.decode()} HTTP/1.1", f"GET /x?{SECRET.decode()} b HTTP/1.1"):
        with Client(server.port) as client:
            client.send(f"{line}\r\nHost: a\r\n\r\n".encode())
            assert client.response().status == 400
            assert not tells(server), line


def test_the_query_string_of_a_referer_is_not_in_our_log_lines(httpd):
    server = httpd(modules=["test_handlers"], conf="MPMStatsQueryStrings Off\nMPMStatsSlowThreshold 10ms\n"
                   'CustomLog logs/access.log "%{Referer}i"\n')
    referer = [f"Referer: http://before.example/?{SECRET.decode()}"]
    with Client(server.port) as client:
        assert client.send(request("/test/sleep?ms=50", headers=referer)).response().status == 200
        assert client.send(request("/mpm-status", host="rebound.example", headers=referer)).response().status == 403
    server.wait_log(r"slow request: .*, referer: http://before\.example/\?\n")
    server.wait_log(r"MPMStatsAllowHost\), referer: http://before\.example/\?\n")
    assert not tells(server)
    wait_until(lambda: (server.root / "logs/access.log").read_bytes().count(SECRET) == 2, 5, "the access log has it as ever")


@pytest.mark.parametrize("mod_status", [False, True], ids=["recorded-by-us", "recorded-by-httpd"])
def test_query_strings_of_http2_are_cut_too(httpd, mod_status):
    """mod_http2 writes what a stream asks for into the scoreboard itself, where ExtendedStatus is On: the page cuts that."""
    server = own_server(httpd, "event", modules=["http2"], mod_status=mod_status,
                        conf="Protocols h2c http/1.1\nMPMStatsQueryStrings Off\n")
    with H2(server.port) as h2:
        stream = h2.request("/t/sleep?ms=300&token=" + SECRET.decode())
        h2.ping()
        wait_until(lambda: not tells(server), 2, "no query while the stream runs")
        assert h2.finish(stream).body == b"slept"
        wait_until(lambda: not tells(server), 2, "no query when it is over")
        holds_for(lambda: not tells(server), 0.2, "no query")


@pytest.mark.parametrize("mpm", ["event", "hybrid"])
def test_the_query_of_a_stream_that_waits_for_a_worker_is_cut(httpd, mpm):
    """What mod_http2 has written would stand for as long as it waits; it goes when the connection reads or writes the next time."""
    server = own_server(httpd, mpm, modules=["http2"],
                        conf="Protocols h2c http/1.1\nMPMStatsQueryStrings Off\nH2MinWorkers 1\nH2MaxWorkers 1\n")
    with H2(server.port) as h2:
        before = h2.request("/t/sleep?ms=1500")
        h2.ping()
        waiting = h2.request("/t/sleep?ms=1&token=" + SECRET.decode())
        h2.ping()
        wait_until(lambda: not tells(server), 1, "no query while the stream waits")
        assert not h2.streams[before].ended
        assert h2.finish(waiting).body == b"slept"


def test_a_virtual_host_may_keep_its_query_strings(httpd):
    server = own_server(httpd, "event", conf="MPMStatsQueryStrings Off\n<VirtualHost 127.0.0.1:${PORT}>\n"
                        "ServerName test.localhost\nMPMStatsQueryStrings On\n</VirtualHost>\n")
    with under_way(server):
        assert SECRET.decode() in worker_with(server, "/t/sleep")[0]["request"]
