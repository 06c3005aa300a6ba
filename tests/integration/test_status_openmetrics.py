# SPDX-License-Identifier: Apache-2.0
"""mpm-status?openmetrics: both formats by their grammar, by the reference parsers and by a real Prometheus."""
import ctypes
import shutil
import subprocess
import time

import pytest

from clients import Client, request
from httpd import REPO, module_path
from omtext import SAMPLE, families, labels_of
from statusview import MPMS, Busy, get, own_server, worker_with

pytestmark = pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
# What Prometheus 2.42 sends.
SCRAPE = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")


def fetch(server, query="?openmetrics", accept=None):
    response = get(server, "/mpm-status" + query, headers=[f"Accept: {accept}"] if accept else [])
    assert response.status == 200
    return response.headers["content-type"], response.body.decode("utf-8", errors="strict")


def samples(text):
    """{sample: value} of those without a label, {(sample, values of the labels): value} of the others."""
    out = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            out[(name, *labels_of(labels).values()) if labels else name] = float(value)
    return out


@pytest.fixture(scope="module", params=MPMS)
def server(request, module_httpd):
    return own_server(module_httpd, request.param)


# ---- the two formats ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("accept, kind", [(None, PROMETHEUS), (SCRAPE, OPENMETRICS)], ids=["prometheus", "openmetrics"])
def test_each_format_follows_its_grammar(server, accept, kind):
    with Busy(server, ms=800):
        content_type, text = fetch(server, accept=accept)
    assert content_type == kind
    found = families(text, kind == OPENMETRICS)
    assert len(found) > 20


def test_both_formats_have_the_same_samples_and_helps(server):
    old, new = fetch(server)[1], fetch(server, accept=SCRAPE)[1]
    assert samples(old).keys() == samples(new).keys()
    assert [f["help"] for f in families(old, False).values()] == [f["help"] for f in families(new, True).values()]


ACCEPTS = [
    ("?openmetrics", None, PROMETHEUS),
    ("?openmetrics", "*/*", PROMETHEUS),
    ("?openmetrics", "text/plain;version=0.0.4;q=1,*/*;q=0.1", PROMETHEUS),
    ("?openmetrics", "application/openmetrics-text;q=0", PROMETHEUS),
    ("?openmetrics", "application/openmetrics-text; version=2.0.0", PROMETHEUS),
    ("?openmetrics", "application/openmetrics-text;version=2.0.0;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,"
     "text/plain;q=0.4", OPENMETRICS),
    ("?openmetrics", "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8", OPENMETRICS),
    ("?openmetrics", "text/html, Application/OpenMetrics-Text ; Q=0.001", OPENMETRICS),
    ("?openmetrics", "application/openmetrics-textual", PROMETHEUS),
    ("?openmetrics", ",,;;q=,application/openmetrics-text;q=", OPENMETRICS),
    ("?openmetrics=", SCRAPE, OPENMETRICS),
    ("", SCRAPE, OPENMETRICS),
    ("?", "application/openmetrics-text", OPENMETRICS),
    ("", "text/html,application/openmetrics-text;q=0.9", "text/html; charset=utf-8"),
    ("", "text/html;q=0.5,application/openmetrics-text;q=0.9", OPENMETRICS),
    ("", "text/plain;version=0.0.4", "text/html; charset=utf-8"),
    ("", "application/openmetrics-text;q=0.000", "text/html; charset=utf-8"),
    ("", "*/*", "text/html; charset=utf-8"),
    ("?json", SCRAPE, "application/json; charset=utf-8"),
    ("?auto", SCRAPE, "text/plain; charset=ISO-8859-1"),
]


@pytest.mark.parametrize("query, accept, kind", ACCEPTS)
def test_the_client_says_which_format_it_reads(shared, query, accept, kind):
    response = get(shared, "/mpm-status" + query, headers=[f"Accept: {accept}"] if accept else [])
    assert response.headers["content-type"] == kind
    assert "accept" in response.headers["vary"].lower()


@pytest.fixture(scope="module")
def shared(module_httpd):
    return own_server(module_httpd, MPMS[-1])


def test_head_has_the_type_and_no_body(shared):
    with Client(shared.port) as client:
        head = client.send(request("/mpm-status?openmetrics", "HEAD")).response("HEAD")
        assert head.status == 200 and head.headers["content-type"] == PROMETHEUS
        assert client.get().status == 200


# ---- what they say -----------------------------------------------------------------------------------------

UNLIMITED = ("max_connections_per_child", "max_keepalive_requests", "max_memory_per_child_bytes")     # where they are 0


def test_the_values_are_those_of_the_json(server):
    with Busy(server, b"/t/om/sleep", ms=1500):
        worker_with(server, "/t/om/")
        text = fetch(server)[1]
        status = server.mpm_status()
    values = samples(text)
    limits, totals = status["limits"], status["totals"]
    for name, value in limits.items():
        expected = float("inf") if name in UNLIMITED and value == 0 else value
        if name.endswith("_us"):
            name, expected = name.removesuffix("_us") + "_seconds", value / 1e6
        assert values[f"httpd_limit_{name}"] == expected
    assert values["httpd_workers_busy"] >= 2
    assert values["httpd_processes"] == totals["processes"]
    assert 0 < values["httpd_requests_total"] <= totals["requests"]
    assert 0 < values["httpd_bytes_total"] <= totals["bytes"]
    assert values["httpd_saturated"] in (0, 1)
    server_ = status["server"]
    for name in ("started", "restarted", "counters_since"):
        assert values[f"httpd_server_{name}_timestamp_seconds"] == pytest.approx(server_[name + "_us"] / 1e6, abs=1e-3)
    assert values["httpd_server_uptime_seconds"] == pytest.approx(server_["uptime_s"], abs=3)
    assert abs(values["httpd_server_now_timestamp_seconds"] - time.time()) < 60
    slots = {str(p["slot"]): p for p in status["processes"]}
    for slot, process in slots.items():
        assert values["httpd_process_pid", slot] == process["pid"]
    by_state = {key[1]: value for key, value in values.items() if key[0] == "httpd_workers_by_state"}
    assert set(by_state) == {"idle", "starting", "reading", "writing", "keepalive", "dns", "closing", "logging",
                             "finishing", "cleanup", "open"}
    assert by_state["writing"] >= 2
    assert sum(by_state.values()) == sum(len(p["scoreboard"]) for p in status["processes"])
    assert {key[1] for key in values if key[0] == "httpd_connections_by_state"} == set(totals.get("connections_by_state", ()))
    assert f'mpm="{server.mpm}"' in text


def test_what_the_mpm_does_not_know_is_absent(server):
    values = samples(fetch(server)[1])
    assert "httpd_connections" in values
    for name in ("httpd_workers_hung", "httpd_connections_limit", "httpd_limit_concurrency"):
        assert (name in values) == (server.mpm == "hybrid")
    assert any(key[0] == "httpd_process_accepted_total" for key in values)


def test_nothing_a_client_sends_adds_a_sample_or_shows(server):
    before = samples(fetch(server)[1]).keys()
    for n in range(40):
        with Client(server.port) as client:
            client.send(b"GET /t/fast%d?evil HTTP/1.1\r\nHost: evil%d.example\r\nUser-Agent: evil\r\n\r\n" % (n, n)).response()
    with Busy(server, b"/t/evil/sleep", ms=800):
        worker_with(server, "/t/evil/")
        with Client(server.port) as client:
            text = client.send(b"GET /mpm-status?openmetrics HTTP/1.1\r\nHost: evil.example\r\n\r\n").response().body.decode()
    assert "evil" not in text
    new = samples(text).keys() - before
    assert {key for key in new if isinstance(key, str)} <= {"httpd_saturated_since_timestamp_seconds"}
    assert {key[0].startswith(("httpd_process_", "httpd_handler_")) for key in new} <= {True}, "at most another process, and a handler"
    assert {key[1] for key in new if key[0].startswith("httpd_handler_")} <= {"test-handlers", "mpm-status"}


@pytest.mark.parametrize("view, scopes", [
    ("limits", {"server", "limit"}), ("totals", {"server", "totals"}), ("workers", {"server", "by_state"}),
    ("processes", {"server", "process"}), ("limits,totals", {"server", "limit", "totals"}),
    ("latency", {"server", "times"}), ("vhosts", {"server", "vhost"}), ("handlers", {"server", "handler"}),
    ("listeners", {"server", "listener"}), ("events", {"server"})])
def test_a_view_has_the_families_of_its_parts(shared, view, scopes):
    def scope(name):
        for word in ("server", "limit", "process", "vhost", "handler", "listener"):
            if name.startswith(f"httpd_{word}_"):
                return word
        if name in ("httpd_request_duration_seconds", "httpd_request_phase_seconds", "httpd_tls_handshake_seconds", "httpd_keepalive_gap_seconds"):
            return "times"
        return "by_state" if name == "httpd_workers_by_state" else "totals"
    text = fetch(shared, "?openmetrics&view=" + view)[1]
    assert {scope(name) for name in families(text, False)} == scopes


LABELS = [
    (b"plain", "plain"), (b'say "hi"', 'say \\"hi\\"'), (b"back\\slash", "back\\\\slash"), (b"two\nlines", "two\u240alines"),
    (b"\x01\x1b\x7f", "\u2401\u241b\u2421"), (b"\xff\xc0\xaf", "\ufffd\ufffd\ufffd"), ("é€😀".encode(), "é€😀"),
    ("a\u202eb".encode(), "a\ufffdb"), (b"", ""), (b"\xe2\x82", "\ufffd"), (b'\\"', '\\\\\\"'),
]


@pytest.fixture(scope="module")
def out_c(tmp_path_factory):
    """render/out.c and base/escape.c, as a library."""
    library = tmp_path_factory.mktemp("out") / "out.so"
    flags = subprocess.run(["apr-1-config", "--includes", "--cppflags", "--link-ld"], check=True, capture_output=True,
                           text=True).stdout.split()
    sources = [REPO / "mod_mpmstats" / name for name in ("render/out.c", "base/escape.c")]
    subprocess.run(["cc", "-shared", "-fPIC", "-std=gnu11", "-I", REPO / "mod_mpmstats", "-o", library, *sources, *flags],
                   check=True)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("raw, escaped", LABELS, ids=[repr(raw) for raw, _ in LABELS])
def test_any_bytes_are_a_valid_label(out_c, raw, escaped):
    got = []
    receive = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)(
        lambda _, data, size: got.append(ctypes.string_at(data, size)) or 0)
    out = ctypes.create_string_buffer(16384)
    out_c.out_init(out, receive, None)
    out_c.out_label(out, ctypes.c_char_p(raw))
    out_c.out_finish(out)
    assert b"".join(got).decode("utf-8", errors="strict") == escaped
    assert SAMPLE.fullmatch(f'x{{a="{escaped}"}} 1')


# ---- the real readers --------------------------------------------------------------------------------------

def test_promtool_finds_no_fault(server):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    with Busy(server, ms=600):
        body = server.get("/mpm-status?openmetrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_reference_parser_of_openmetrics_takes_it(server):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser",
                                 reason="the reference parser is not installed (Debian: python3-prometheus-client)")
    text = fetch(server, accept=SCRAPE)[1]
    found = {family.name: family for family in parser.text_string_to_metric_families(text)}
    assert found["httpd_requests"].type == "counter" and found["httpd_requests"].samples[0].name == "httpd_requests_total"
    assert found["httpd_bytes"].unit == "bytes"
    assert found["httpd_server"].type == "info" and found["httpd_server"].samples[0].labels["mpm"] == server.mpm
    assert found.keys() == families(text, True).keys()
