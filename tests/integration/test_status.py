# SPDX-License-Identifier: Apache-2.0
"""mod_mpmstats's handler mpm-status, under every MPM there is: what it answers, to whom, and that nothing a client
sends can break it. The schema of the JSON is docs/status.schema.json."""
import contextlib
import html.parser
import json
import re
import threading
import time
import urllib.request

import jsonschema
import pytest

from clients import Client, request
from httpd import module_path
from procs import wait_until
from statusview import MPMS, SCHEMA, VALIDATOR, Busy, checked, get, own_server, status_of, worker_with

pytestmark = pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")


@pytest.fixture(scope="module", params=MPMS)
def server(request, module_httpd):
    # What the workers do is recorded by httpd, where mod_status asks for that, or by mod_mpmstats.
    return own_server(module_httpd, request.param, mod_status=request.param in ("worker", "prefork"))


# ---- the schema --------------------------------------------------------------------------------------------

def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_key_the_schema_does_not_name_is_found(server):
    status = status_of(server)
    status["workers"][0]["unheard_of"] = 1
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(status)


# ---- what it shows -----------------------------------------------------------------------------------------

def test_json_is_valid_and_agrees_with_the_server(server):
    status = status_of(server)
    assert status["server"]["mpm"] == server.mpm
    assert status["server"]["version"].startswith("Apache/2.4.")
    assert status["server"]["name"] == f"127.0.0.1:{server.port}"
    assert status["server"]["pid"] == server.pid
    assert {p["pid"] for p in status["processes"]} <= set(server.children())
    assert abs(status["server"]["now_us"] / 1e6 - time.time()) < 60
    assert status["server"]["started_us"] <= status["server"]["restarted_us"] <= status["server"]["now_us"]


def test_limits_are_those_of_the_configuration(server):
    limits = status_of(server)["limits"]
    expected = {"max_request_workers": "MaxRequestWorkers", "server_limit": "ServerLimit",
                "max_connections_per_child": "MaxConnectionsPerChild"}
    if server.mpm != "prefork":
        expected |= {"threads_per_child": "ThreadsPerChild", "thread_limit": "ThreadLimit"}
    configured = dict(server.mpm_conf)
    if server.mpm == "prefork":         # gets a process for each
        configured["ServerLimit"] = configured["MaxRequestWorkers"]
    for key, directive in expected.items():
        assert limits[key] == configured[directive], key


def test_what_the_mpm_does_not_know_is_absent(server):
    status = status_of(server)
    by_state = status["totals"].get("connections_by_state", {})
    if server.mpm == "hybrid":
        assert {"model"} <= status["server"].keys()
        assert {"concurrency", "connections_per_process", "start_servers", "slots"} <= status["limits"].keys()
        assert {"new", "handshake", "head", "body", "running", "keepalive"} <= by_state.keys()
        assert all("started_us" in p and "accepted" in p for p in status["processes"])
        assert {"processes_finishing", "workers_hung", "connections_limit"} <= status["totals"].keys()
        assert status["finishing"] == []
        return
    assert "finishing" not in status and "workers_hung" not in status["totals"]
    assert "model" not in status["server"] and "slots" not in status["limits"]
    assert all("accepted" in p for p in status["processes"]), "what is recorded is known under every MPM"
    assert "connections" in status["totals"]
    if server.mpm == "event":
        assert by_state.keys() == {"keepalive", "write", "linger", "suspended", "waitio"}
    else:
        assert not by_state
    assert ("threads_per_child" in status["limits"]) == (server.mpm != "prefork")


def test_a_running_request_is_shown_with_client_host_and_age(server):
    before = status_of(server)["totals"]["requests"]
    with Busy(server, b"/t/shown/sleep", ms=1500):
        worker, _ = worker_with(server, "/t/shown/sleep")
        assert worker["client"] == "127.0.0.1"
        assert worker["vhost"] == f"test.localhost:{server.port}"
        assert worker["protocol"] == "http/1.1"
        assert worker["request"] == "GET /t/shown/sleep?ms=1500 HTTP/1.1"
        assert 0 <= worker["since_us"] < 60e6
        later, status = wait_until(lambda: next(((w, s) for s in [status_of(server)] for w in s["workers"]
                                                 if w["slot"] == worker["slot"] and w["thread"] == worker["thread"]
                                                 and w["since_us"] > worker["since_us"]), None), 5, "a higher age")
        assert later["state"] == "W" and later["state_name"] == "writing"
        assert status["totals"]["workers_busy"] >= 2
        if server.mpm == "hybrid":
            assert status["totals"]["connections_by_state"]["running"] >= 2
    assert status_of(server)["totals"]["requests"] > before


def test_the_picture_of_processes_names_their_requests_in_every_view(server):
    with Busy(server, b"/t/pictured/sleep", ms=1500):
        worker_with(server, "/t/pictured/sleep")
        for query in ("view=processes", "live&view=processes", "live-busy&view=processes"):
            assert re.search(r'<i data-s=W title="[^"]*/t/pictured/sleep', server.get(f"/mpm-status?{query}").decode()), query


def test_the_client_shown_is_the_one_the_request_is_of(module_httpd):
    """Behind a proxy, which mod_remoteip sees through, a connection's requests have clients of their own."""
    server = own_server(module_httpd, "hybrid", modules=["remoteip"],
                        conf="RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n")
    far = "2001:db8:1111:2222:3333:4444:5555:6666"
    with Client(server.port) as client:
        for number, (ip, shown) in enumerate([(None, "127.0.0.1"), (far, far), (None, "127.0.0.1"), ("192.0.2.7", "192.0.2.7")]):
            client.send(request(f"/t/of{number}/sleep?ms=700", headers=[f"X-Forwarded-For: {ip}"] if ip else []))
            worker, _ = worker_with(server, f"/t/of{number}/sleep")
            assert worker["client"] == shown
            assert client.response().status == 200


def test_the_client_shown_is_the_one_the_proxy_tells_of(module_httpd):
    server = own_server(module_httpd, "hybrid", modules=["remoteip"], start=False, conf="""
Listen 127.0.0.1:${PROXIED}
<VirtualHost 127.0.0.1:${PROXIED}>
  RemoteIPProxyProtocol On
</VirtualHost>
""")
    port = server.extra_port("PROXIED")
    server.start()
    with Client(port) as client:
        client.send(f"PROXY TCP4 192.0.2.9 127.0.0.1 4711 {port}\r\n".encode() + request("/t/proxied/sleep?ms=700"))
        worker, _ = worker_with(server, "/t/proxied/sleep")
        assert worker["client"] == "192.0.2.9"
        assert client.response().status == 200


def test_how_long_the_last_request_took_is_shown_when_it_is_over(server):
    # Several at once: the request for the status may run on one of their workers and be its last then.
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(Busy(server, ms=300))
    took = [w.get("last_duration_us", 0) for w in status_of(server)["workers"]]
    assert any(300e3 <= t < 10e6 for t in took)


def test_page_is_complete_without_script(server):
    body = server.get("/mpm-status").decode()
    status = status_of(server)
    page = Page(body)
    assert "{{" not in body
    assert f"127.0.0.1:{server.port}" in page.text
    for process in status["processes"]:
        assert str(process["pid"]) in page.text
    for text in ("MaxRequestWorkers", "ServerLimit", "Scoreboard", "Processes", "Workers"):
        assert text in page.text
    cells = [attrs["data-s"] for tag, attrs in page.tags if tag == "i" and "data-s" in attrs]
    assert cells.count("_") >= status["totals"]["workers_idle"] - 1
    assert not [tag for tag, attrs in page.tags if "src" in attrs or tag in ("img", "iframe", "object", "form")]
    for name, since in (("Virtual hosts", "times since recording began"), ("Content handlers", "counts and times since recording began")):
        assert re.search(rf"{name}</h2>\s*<span class=\"sub\">(<span data-script hidden>[^<]*</span>)?{since}", body), "what they are of, without a script too"
    assert [attrs["href"] for tag, attrs in page.tags if tag == "a"] == ["?json"]


@pytest.mark.parametrize("mpm", MPMS)
def test_saturation_is_told_when_the_last_worker_is_busy(httpd, mpm):
    processes = 2 if mpm == "prefork" else 1
    server = own_server(httpd, mpm, mpm_conf={
        "StartServers": processes, "ServerLimit": processes, "ThreadsPerChild": 2, "MaxRequestWorkers": 2,
        "MinSpareThreads": 1, "MaxSpareThreads": 3})
    wait_until(lambda: status_of(server)["totals"]["saturated"] is False, 5, "the probe to be gone")
    with Busy(server, b"/t/last/sleep", ms=2500):
        _, status = worker_with(server, "/t/last/sleep")
        assert status["totals"]["saturated"] is True, mpm
        assert 'data-m="show totals.saturated">' in server.get("/mpm-status").decode()
    wait_until(lambda: status_of(server)["totals"]["saturated"] is False, 5, "the end of it")
    wait_until(lambda: 'data-m="show totals.saturated" hidden>' in server.get("/mpm-status").decode(), 5, "a calm page")


@pytest.mark.parametrize("mpm", MPMS)
def test_a_graceful_restart_keeps_the_counters_and_shows_the_old_process(httpd, mpm):
    server = own_server(httpd, mpm)
    for _ in range(5):
        server.get("/hello.txt")
    before = status_of(server)
    with Busy(server, b"/t/old/sleep", ms=4000):
        old, _ = worker_with(server, "/t/old/sleep")
        server.graceful()
        after = status_of(server)
        process = next((p for p in after["processes"] if p["pid"] == old["pid"]), None)
        assert process and process["state"] == "quiescing", (mpm, after["processes"])
        assert after["totals"]["processes_quiescing"] >= 1
    assert after["server"]["generation"] == before["server"]["generation"] + 1
    assert after["server"]["pid"] == before["server"]["pid"]
    assert after["server"]["started_us"] == before["server"]["started_us"]
    assert after["server"]["restarted_us"] > before["server"]["restarted_us"]
    assert after["server"]["counters_since_us"] == before["server"]["counters_since_us"]
    assert after["totals"]["requests"] > before["totals"]["requests"]


@pytest.mark.mpm_only("hybrid")
def test_a_process_that_finishes_without_a_slot_is_shown_with_what_it_waits_for(httpd):
    server = own_server(httpd, "hybrid", mpm_conf={"ServerLimit": 1, "MaxRequestWorkers": 10})
    with contextlib.ExitStack() as stack:
        for n in range(4):                      # more old generations than there are slots
            stack.enter_context(Busy(server, b"/t/old%d/sleep" % n, ms=9000))
            worker_with(server, f"/t/old{n}/")
            server.graceful()

        def look():
            status = status_of(server)
            return status if status["totals"]["processes_finishing"] >= 2 else None
        status = wait_until(look, 5, "processes without a slot")
        with_slot = {p["pid"] for p in status["processes"]}
        for process in status["finishing"]:
            assert process["pid"] in server.children() and process["pid"] not in with_slot
            assert process["generation"] < status["server"]["generation"] and process["state"] == "quiescing"
            assert process["connections_by_state"]["running"] == process["connections"] == 1
            assert process["workers"]["busy"] == 1
            assert 0 < status["server"]["now_us"] - process["started_us"] < 60e6
        assert len({p["generation"] for p in status["finishing"]}) == len(status["finishing"])
        page = Page(server.get("/mpm-status").decode())
        rows = [attrs["data-k"] for tag, attrs in page.tags if tag == "tr" and "data-k" in attrs]
        assert set(rows) >= {str(p["pid"]) for p in status["finishing"]}
    wait_until(lambda: status_of(server)["finishing"] == [], 15, "the end of the old processes")


@pytest.mark.mpm_only("hybrid")
def test_hung_workers_are_counted_and_told(httpd):
    server = own_server(httpd, "hybrid", conf="MPMHungRequestTime 1\n")
    hidden = 'data-m="show totals.workers_hung" hidden>'
    assert hidden in server.get("/mpm-status").decode()
    with Busy(server, b"/t/hung/sleep", ms=5000):
        status = wait_until(lambda: (s := status_of(server))["totals"]["workers_hung"] == 1 and s, 5, "a hung worker")
        assert sum(p["workers_hung"] for p in status["processes"]) == 1
        assert hidden not in server.get("/mpm-status").decode()
    wait_until(lambda: status_of(server)["totals"]["workers_hung"] == 0, 5, "the end of it")


@pytest.mark.mpm_only("hybrid")
def test_the_limit_of_connections_is_that_of_the_processes_that_accept(httpd):
    server = own_server(httpd, "hybrid", conf="MPMMaxConnections 123\n", mpm_conf={"StartServers": 2, "MinSpareThreads": 15})
    wait_until(lambda: sum(p["state"] == "ready" for p in status_of(server)["processes"]) == 2, 5, "two processes")
    status = status_of(server)
    assert status["limits"]["connections_per_process"] == 123
    assert status["totals"]["connections_limit"] == 246


@pytest.mark.parametrize("mpm", MPMS)
def test_requests_are_recorded_unless_extended_status_is_off(httpd, mpm):
    def ask(extended):
        server = own_server(httpd, mpm, conf=extended, mod_status=False)
        server.get("/hello.txt")
        # It is recorded once its last byte is sent, which the client may have before.
        wait_until(lambda: status_of(server)["totals"]["requests"] >= 1, 5, "the request's end")
        return server

    by_default = status_of(ask(""))
    assert by_default["server"]["extended_status"] is True
    assert any(w.get("client") == "127.0.0.1" for w in by_default["workers"]), by_default["workers"]
    assert by_default["totals"]["requests"] >= 1
    server = ask("ExtendedStatus Off")
    off = status_of(server)
    assert off["server"]["extended_status"] is False
    assert off["totals"]["requests"] >= 1 and off["totals"]["bytes"] == off["totals"]["sent_bytes"] > 0
    assert off["server"]["counters_since_us"] == off["server"]["recorded_since_us"]
    assert not any({"client", "request", "vhost"} & w.keys() for w in off["workers"])
    page = server.get("/mpm-status").decode()
    assert "ExtendedStatus is Off" in page and "<h2>Requests</h2>" in page and "<h2>Traffic</h2>" in page
    server.wait_log("ExtendedStatus is Off: mpm-status")


def test_what_is_recorded_by_default_is_what_httpd_records_with_extended_status(httpd):
    def shown(**options):
        server = own_server(httpd, "event", **options)
        with Client(server.port) as client:
            client.send(request("http://user:secret@test.localhost/t/one/sleep?ms=800&" + "x" * 80))
            worker, _ = worker_with(server, "/t/one/sleep")
            client.response()
            client.send(request("/1k.bin", method="HEAD")).response(method="HEAD")
            client.send(request("/1k.bin")).response()
        status = wait_until(lambda: next((s for s in [status_of(server)] if any(
            "1k.bin" in w.get("request", "") and w["last_duration_us"] < 500e3 for w in s["workers"])), None), 5, "the last request")
        assert status["totals"]["requests"] >= 3 and 1024 <= status["totals"]["bytes"]
        return worker["request"], worker["client"], worker["vhost"].replace(str(server.port), "PORT"), worker["protocol"]

    ours, theirs = shown(mod_status=False), shown()
    assert ours == theirs
    assert "secret" not in ours[0] and len(ours[0]) == 63


# ---- how it answers ----------------------------------------------------------------------------------------

def test_headers_forbid_caching_guessing_and_anything_from_outside(server):
    for path, kind in (("/mpm-status", "text/html; charset=utf-8"),
                       ("/mpm-status?json", "application/json; charset=utf-8"),
                       ("/mpm-status?auto", "text/plain; charset=ISO-8859-1")):
        response = get(server, path)
        assert response.status == 200
        assert response.headers["content-type"] == kind
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http:" not in policy and "*" not in policy


def test_nonce_is_in_the_page_and_new_each_time(server):
    seen = set()
    for _ in range(3):
        response = get(server, "/mpm-status")
        nonce = re.search(r"script-src 'nonce-([A-Za-z0-9+/]{22}==)'", response.headers["content-security-policy"])[1]
        page = Page(response.body.decode())
        assert [attrs["nonce"] for tag, attrs in page.tags if tag in ("script", "style")] == [nonce, nonce]
        assert not [attrs for _, attrs in page.tags if "style" in attrs or any(name.startswith("on") for name in attrs)]
        seen.add(nonce)
    assert len(seen) == 3


@pytest.mark.parametrize("path", ["/mpm-status", "/mpm-status?json", "/mpm-status?auto"])
def test_head_has_the_headers_of_get_and_no_body(server, path):
    with Client(server.port) as client:
        head = client.send(request(path, "HEAD")).response("HEAD")
        got = client.get(path)                      # the connection is still in step
    assert head.status == 200
    for name in ("content-type", "cache-control", "x-content-type-options"):
        assert head.headers[name] == got.headers[name]
    assert head.headers.get("content-length") != "0"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "FROB"])
def test_other_methods_are_405_with_allow(server, method):
    for path in ("/mpm-status", "/mpm-status?json", "/mpm-status?nonsense"):
        response = get(server, path, method, body=b"x=1" if method in ("POST", "PUT", "PATCH") else b"")
        assert response.status == 405, method
        assert {"GET", "HEAD"} <= set(re.split(r", *", response.headers["allow"]))
        assert "POST" not in response.headers["allow"]
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("query", ["autox", "jsonx", "JSON", "json=1", "json&x", "x&json", "json&auto", "json&json", "openmetrics&json",
                                   "%6ason", "&", "=", "json&",
                                   "&json", "<script>"])
def test_unknown_query_is_400_and_says_what_there_is(server, query):
    response = get(server, "/mpm-status?" + query)
    assert response.status == 400
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.body.startswith(b"mpm-status: ") and b"?json" in response.body and response.body.count(b"\n") == 1
    assert response.headers["vary"] == "Accept"
    assert b"script" not in response.body


@pytest.mark.parametrize("query, kind", [("json=", "application/json"), ("auto=", "text/plain")])
def test_a_word_may_have_an_empty_value(server, query, kind):
    """Programs that know only pairs, such as Prometheus with its `params`, send it so."""
    response = get(server, "/mpm-status?" + query)
    assert response.status == 200 and response.headers["content-type"].startswith(kind)


VIEWS = ["totals", "limits", "latency", "vhosts", "handlers", "listeners", "events", "processes", "workers"]


@pytest.mark.parametrize("view", [["totals"], ["limits"], ["processes"], ["workers"], ["limits", "workers"],
                                  *([view] for view in VIEWS[2:7]), VIEWS])
def test_a_view_has_the_parts_it_names_and_what_frames_them(server, view):
    status = json.loads(server.get("/mpm-status?json&view=" + ",".join(view)))
    VALIDATOR.validate(status)
    finishing = {"finishing"} if "processes" in view and server.mpm == "hybrid" else set()
    assert status.keys() == {"schema", "server", *view} | finishing
    page = Page(server.get("/mpm-status?view=" + ",".join(view)).decode())
    shown = {"totals": "Workers busy", "limits": "Limits in force", "processes": "Scoreboard", "workers": "Slow requests now",
             "latency": "Response times by phase", "vhosts": "Virtual hosts", "handlers": "Content handlers", "listeners": "Listeners",
             "events": "Recent events"}
    for part, words in shown.items():
        assert (words in page.words) == (part in view), part
    link = next(attrs["href"] for tag, attrs in page.tags if tag == "a")
    assert checked_view(server.get("/mpm-status" + link)) >= set(view) | {"totals", "limits"}
    live = Page(server.get("/mpm-status?live" + dict(page.tags)["body"]["data-view"]).decode())
    tables = [{attrs["id"] for tag, attrs in tags if tag == "table" and attrs["id"] != "latency"} for tags in (page.tags, live.tags)]
    assert tables[0] == tables[1]


def checked_view(body):
    status = json.loads(body)
    VALIDATOR.validate(status)
    return status.keys()


@pytest.mark.parametrize("query", [
    "json&view=totals&view=workers", "view=totals,workers&json", "json&view=totals%2Cworkers", "view=totals%2cworkers&json="])
def test_views_add_up_however_they_are_written(server, query):
    assert json.loads(server.get("/mpm-status?" + query)).keys() == {"schema", "server", "totals", "workers"}


@pytest.mark.parametrize("query", [
    "view", "view=", "view=all", "view=total", "view=totals,", "view=,totals", "view=totals;workers", "view=TOTALS",
    "json&view=server", "view=totals&view=", "view=%74otals", "view=totals%2", "openmetrics&view=<b>"])
def test_an_unknown_view_is_400_and_says_which_there_are(server, query):
    response = get(server, "/mpm-status?" + query)
    assert response.status == 400 and response.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"view" in response.body and b"<" not in response.body and response.body.count(b"\n") == 1
    assert query == "view" or all(view.encode() in response.body for view in VIEWS)


def test_the_report_of_mod_status_has_no_parts(server):
    response = get(server, "/mpm-status?auto&view=totals")
    assert response.status == 400 and b"?auto is always whole" in response.body


def test_empty_query_is_the_page(server):
    assert get(server, "/mpm-status?").headers["content-type"].startswith("text/html")


def test_what_is_below_the_page_is_404(server):
    for path in ("/mpm-status/x", "/mpm-status/x/y?json", "/mpm-status//x", "/mpm-status/x/",
                 "/deep/below/mpm-status/x", "/mpm-status/mpm-status", "/mpm-status/%3Cb%3E"):
        response = get(server, path)
        assert response.status == 404, path
        assert response.headers["cache-control"] == "no-store"


def test_page_may_lie_at_any_depth_and_end_in_a_slash(server):
    for path in ("/mpm-status", "/mpm-status/", "/deep/below/mpm-status", "/deep/below/mpm-status/"):
        assert get(server, path).status == 200, path
        checked(get(server, path + "?json").body)


def test_http_1_0_gets_the_whole_page(server):
    with Client(server.port) as client:
        response = client.get("/mpm-status", version="HTTP/1.0")
    assert response.status == 200
    assert response.body.decode().rstrip().endswith("</html>")


# ---- hostile clients ---------------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the text that is shown."""

    def __init__(self, body):
        super().__init__(convert_charrefs=True)
        self.tags, self.words, self.raw = [], [], None
        self.feed(body)
        self.text = " ".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.raw = tag if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self.raw = None

    def handle_data(self, data):
        if not self.raw:
            self.words.append(data)


HOSTILE = [
    b"<script>alert(1)</script>",
    b"\"><img/src=x/onerror=alert(1)>",
    b"'onmouseover='alert(1)",
    b"</td></table></script><b>",
    b"&lt;&quot;&amp&lt",
    b"\"},{\"a\":\"\\",
    b"\\u0000\\\"\\",
    b"\xff\xfe\xc0\xaf\xed\xa0\x80",
    b"\xe2\x80\xa8\xe2\x80\xae\xef\xbf\xbe",
    b"\xf0\x9f\x98\x80\xf4\x90\x80\x80",
    b"{{server.pid}}{{/if}}",
    b"]]><!--",
]


REPLACED = "[\ufffd\x00-\x1f\x7f-\x9f\u2028-\u202e\ufffe\uffff]"


def in_json(raw):
    """A request of the scoreboard in JSON: as it was sent, but for what is not UTF-8."""
    return raw.decode("utf-8", errors="replace")


def in_html(raw):
    """The same in the page: control bytes are shown as pictures of them."""
    text = re.sub("[\x00-\x1f]", lambda c: chr(0x2400 + ord(c[0])), in_json(raw)).replace("\x7f", "\u2421")
    return re.sub(REPLACED, "\ufffd", text)


@pytest.mark.parametrize("raw", HOSTILE, ids=lambda raw: re.sub(r"[^a-z]+", "-", repr(raw).lower()).strip("-") or "b")
def test_hostile_request_line_is_text_in_every_view(server, raw):
    assert len(raw) < 31                    # all of it is within the 63 bytes the scoreboard keeps
    mark = f"/t/h{HOSTILE.index(raw):02d}/"
    with Busy(server, mark.encode() + raw + b"/sleep", ms=800):
        worker, _ = worker_with(server, mark)
        page_bytes = server.get("/mpm-status")
    assert worker["request"].startswith("GET " + mark + in_json(raw) + "/sleep")
    body = page_bytes.decode("utf-8", errors="strict")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", body)
    page = Page(body)
    cell = [word for word in page.words if word.startswith("GET " + mark)]
    assert len(cell) == 1, "the request is one piece of text"
    assert cell[0].startswith("GET " + mark + in_html(raw) + "/sleep")
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "b\"", "iframe"})
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]


@pytest.mark.parametrize("mpm", MPMS)
def test_control_bytes_and_noise_in_a_name_are_text_in_every_view(httpd, mpm):
    # httpd refuses such bytes in a request line; a virtual host may be called anything.
    raw = b"\x01\x1b[31m\x7f\x08<b>&\xff\xe2\x80\xae\xc2\x9b"
    server = own_server(httpd, mpm, start=False)
    server.conf_file.write_bytes(server.conf_text().encode() + b'UseCanonicalName On\nServerName "%s"\n' % raw)
    server.start()
    with Busy(server, b"/t/named/sleep", ms=1500):
        worker, status = worker_with(server, "/t/named/sleep")
        body = server.get("/mpm-status").decode("utf-8", errors="strict")
    assert worker["vhost"] == f"{in_json(raw)}:{server.port}"
    assert status["server"]["name"] == in_json(raw) + ":80"             # what UseCanonicalName makes of it
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", body)
    page = Page(body)
    assert in_html(raw) + ":80" in page.words and f"{in_html(raw)}:{server.port}" in page.words
    assert "b" not in [tag for tag, attrs in page.tags if not attrs.get("data-m", "").startswith("letter ")]


def test_hostile_host_header_is_text_in_every_view(server):
    for host in (b"<script>alert(1)</script>", b"a\"><b>", b"\xff\xfe", b"a\x01b", b"x" * 300, b"[::1]", b"a&b'c"):
        for path, check in ((b"/mpm-status?json", checked), (b"/mpm-status", lambda body: Page(body.decode("utf-8")))):
            with Client(server.port) as client:
                response = client.send(b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").response()
            assert response.status in (200, 400), host
            if response.status == 200:
                assert b"<script>alert" not in response.body and b"\"><b>" not in response.body
                check(response.body)


def test_a_client_that_leaves_in_the_middle_harms_nobody(server):
    for n in range(60):
        with Client(server.port, rcvbuf=2048) as client:
            client.send(request("/mpm-status" if n % 2 else "/mpm-status?json"))
            if n % 3:
                client.read(100)
            client.reset()
    status_of(server)


@pytest.mark.parametrize("mpm", MPMS)
def test_views_stay_valid_while_the_scoreboard_changes(httpd, mpm):
    server = own_server(httpd, mpm)
    stop = threading.Event()

    def churn():
        n = 0
        while not stop.is_set():
            n += 1
            try:
                urllib.request.urlopen(f"{server.url}/hello.txt?{n}<\"&\u00e9".encode("utf-8").decode("latin-1")
                                       .replace("\u00c3\u00a9", "%C3%A9"), timeout=5).read()
            except OSError:
                pass                    # a stock MPM may cut a connection at the restart

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for n in range(60):
            if n in (20, 40):
                server.graceful(wait=False)
            try:
                status = json.loads(server.get("/mpm-status?json"))
                page = server.get("/mpm-status")
            except OSError:
                continue
            VALIDATOR.validate(status)
            assert page.decode("utf-8").rstrip().endswith("</html>")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    server.expect_log("scoreboard is full|AH0004[5-7]|AH00288|AH03490")
