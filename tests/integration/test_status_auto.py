# SPDX-License-Identifier: Apache-2.0
"""mpm-status?auto against the real mod_status in the same server, key by key, under every MPM there is."""
import contextlib
import re
import time

import pytest

from clients import Client, request
from httpd import MODEL, module_path
from procs import wait_until
from statusview import MPMS, Busy, own_server, worker_with

pytestmark = pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")

# What mod_status of 2.4.71 reports, in its order; checked against the real one below.
SERVER = ["ServerVersion", "ServerMPM", "Server Built", "CurrentTime", "RestartTime", "ParentServerConfigGeneration",
          "ParentServerMPMGeneration", "ServerUptimeSeconds", "ServerUptime", "Load1", "Load5", "Load15"]
EXTENDED = ["Total Accesses", "Total kBytes", "Total Duration", "CPUUser", "CPUSystem", "CPUChildrenUser",
            "CPUChildrenSystem", "CPULoad", "Uptime", "ReqPerSec", "BytesPerSec", "BytesPerReq", "DurationPerReq"]
WORKERS = ["BusyWorkers", "GracefulWorkers", "IdleWorkers"]
ASYNC = ["Processes", "Stopping", "ConnsTotal", "ConnsAsyncWaitIO", "ConnsAsyncWriting", "ConnsAsyncKeepAlive",
         "ConnsAsyncClosing"]
SAME = {"ServerVersion", "ServerMPM", "Server Built", "RestartTime", "ParentServerConfigGeneration",
        "ParentServerMPMGeneration", *WORKERS, *ASYNC}
MORE = "MPMStats"


def model_of(mpm):
    """The process model of one of MPMS: hybrid's is what the run is about."""
    return MODEL if mpm == "hybrid" else mpm


class Report:
    """A report, line by line: the server's name, pairs of key and value, and lines without a key."""

    def __init__(self, body):
        self.text = body.decode("latin-1")
        assert self.text.endswith("\n")
        self.name, *self.lines = self.text[:-1].split("\n")
        self.pairs = [tuple(re.split(": ?", line, maxsplit=1)) for line in self.lines if ":" in line]
        self.keys = [pair[0] for pair in self.pairs]
        self.values = dict(self.pairs)

    @property
    def letters(self):
        return self.values["Scoreboard"]


def both(client):
    """mod_status's report and ours, one right after the other on one connection."""
    reports = []
    for path in ("/server-status?auto", "/mpm-status?auto"):
        response = client.send(request(path)).response()
        assert response.status == 200 and response.headers["content-type"].split(";")[0] == "text/plain"
        reports.append(Report(response.body))
    return reports


def differences(theirs, ours):
    """Keys whose values have to be the same and are not; the workers' letters may have changed places."""
    different = {key for key in SAME if theirs.values.get(key) != ours.values.get(key)}
    if sorted(theirs.letters) != sorted(ours.letters):
        different.add("Scoreboard")
    if ("CPULoad" in theirs.keys) != ("CPULoad" in ours.keys):     # comes with the first clock tick that is used
        different.add("CPULoad")
    return different


def agreeing(server):
    """A pair of reports that agree. Things move: two looks may see two states, but not for long."""
    with Client(server.port) as client:
        def look():
            pair = both(client)
            return pair if not differences(*pair) else None
        return wait_until(look, 10, "two reports that agree")


def report_of(server):
    return Report(server.get("/mpm-status?auto"))


def own_keys(report):
    return [key for key in report.keys if key.startswith(MORE)]


def is_of_form(key, value):
    """Whether a value is written as mod_status writes it."""
    if key in ("CurrentTime", "RestartTime"):
        return time.strptime(value.rsplit(" ", 1)[0], "%A, %d-%b-%Y %H:%M:%S")
    if key == "ServerUptime":
        return re.fullmatch(r"((\d+ (day|hour|minute|second)s?)( |$))*", value)
    if key.startswith("Load"):
        return re.fullmatch(r"\d+\.\d\d", value)
    if key == "Scoreboard":
        return re.fullmatch(r"[_SRWKDCLGI.]+", value)
    if key in ("ServerVersion", "ServerMPM", "Server Built", MORE + "MPM", MORE + "Model"):
        return value
    whole = key in SAME or key.startswith(("Total", "Uptime", "ServerUptimeSeconds", MORE))
    return re.fullmatch(r"\d+" if whole else r"\d*(\.\d+)?(e[+-]\d+)?", value)


@pytest.fixture(scope="module", params=MPMS)
def server(request, module_httpd):
    conf = {"StartServers": 8, "ServerLimit": 12, "MaxRequestWorkers": 12} if model_of(request.param) == "prefork" else {}
    return own_server(module_httpd, request.param, mpm_conf=conf)


def test_the_keys_are_those_of_mod_status_then_ours(server):
    for _ in range(3):
        server.get("/1k.bin")
    wait_until(lambda: "BytesPerSec" in Report(server.get("/server-status?auto")).keys, 5, "a second of uptime")
    theirs, ours = agreeing(server)
    asynchronous = model_of(server.mpm) == "event"
    known = SERVER + EXTENDED + WORKERS + (ASYNC if asynchronous else []) + ["Scoreboard"]
    if "CPULoad" not in theirs.keys:
        known.remove("CPULoad")
    assert theirs.keys == known, "mod_status itself"
    assert ours.keys[:len(known)] == known
    assert ours.keys[len(known):] == own_keys(ours) and len(own_keys(ours)) > 10
    assert len(set(ours.keys)) == len(ours.keys)
    assert ours.name == theirs.name == "test.localhost"
    assert ours.lines[:7] == theirs.lines[:3] + ours.lines[3:4] + theirs.lines[4:7]


def test_the_values_are_those_of_mod_status(server):
    with contextlib.ExitStack() as stack:
        for n in range(3):
            stack.enter_context(Busy(server, b"/t/auto%d/sleep" % n, ms=2500))
        parked = stack.enter_context(Client(server.port))
        assert parked.get().status == 200
        worker_with(server, "/t/auto2/")
        theirs, ours = agreeing(server)
        assert int(ours.values["BusyWorkers"]) == 4 + (model_of(server.mpm) != "event")
        assert ours.letters.count("W") == 4
    for key in SERVER + EXTENDED + WORKERS:
        if key not in SAME:
            near(key, theirs.values.get(key), ours.values.get(key))


def near(key, theirs, ours):
    """A report later: a count may have grown by the request for the first one, a time by a second."""
    if key in ("CurrentTime", "ServerUptime") or theirs is None:
        return
    slack = 2 if key in ("ServerUptimeSeconds", "Uptime", "Total Accesses", "Total kBytes") else 0.25 * float(theirs) + 5
    assert abs(float(ours) - float(theirs)) <= slack, key


def test_every_value_is_written_as_mod_status_writes_it(server):
    server.get("/hello.txt")
    for report in agreeing(server):
        for key, value in report.pairs:
            assert is_of_form(key, value), (key, value)
            if value[:1].isdigit() and key != "Server Built":
                assert ":" not in value
        assert {"BusyServers", "IdleServers"}.isdisjoint(report.keys)


def test_our_keys_are_the_figures_of_the_json(server):
    ours = report_of(server)
    status = server.mpm_status()

    def word(name):
        return "".join(part.capitalize() for part in name.split("_"))

    by_state = status["totals"].pop("connections_by_state", {})
    wanted = ["MPM", *(["Model"] if server.mpm == "hybrid" else [])]
    for prefix, record in (("Limit", status["limits"]), ("", status["totals"]), ("Conns", by_state)):
        wanted += [prefix + word(name) for name in record]
    assert own_keys(ours) == [MORE + key for key in wanted]
    for name, value in status["limits"].items():
        assert ours.values[f"{MORE}Limit{word(name)}"] == str(value)
    assert ours.values[MORE + "MPM"] == server.mpm


def test_letters_and_counts_are_those_of_the_json(server):
    with Busy(server, b"/t/letters/sleep", ms=1500):
        _, status = worker_with(server, "/t/letters/")

        def look():
            ours = report_of(server)
            json = server.mpm_status()
            letters = "".join(p["scoreboard"] for p in json["processes"])
            totals = json["totals"]
            return (sorted(ours.letters.replace(".", "")) == sorted(letters.replace(".", ""))
                    and ours.values["BusyWorkers"] == str(totals["workers_busy"])
                    and ours.values["IdleWorkers"] == str(totals["workers_idle"]))
        wait_until(look, 5, "the same letters in both")
    assert status["totals"]["workers_busy"] >= 2


@pytest.mark.parametrize("mpm", MPMS)
def test_agrees_with_mod_status_while_an_old_generation_finishes(httpd, mpm):
    server = own_server(httpd, mpm, mpm_conf={"StartServers": 3, "ServerLimit": 6} if model_of(mpm) == "prefork" else {})
    with Busy(server, b"/t/old/sleep", ms=5000):
        worker_with(server, "/t/old/")
        server.graceful()
        theirs, ours = agreeing(server)
        assert ours.values["ParentServerMPMGeneration"] == "1"
        if model_of(mpm) == "event":
            assert int(ours.values["Stopping"]) == 1
    agreeing(server)


@pytest.mark.parametrize("mpm", MPMS)
def test_what_other_modules_add_to_the_report_is_there_too(httpd, mpm):
    server = own_server(httpd, mpm, modules=["ssl", "proxy_http", "proxy_balancer", "lbmethod_byrequests"], conf="""
        SSLSessionCache shmcb:${ROOT}/run/sessions(512000)
        ProxyStatus On
        <Proxy balancer://pool>
          BalancerMember http://127.0.0.1:9
        </Proxy>
        """)
    server.get("/hello.txt")
    theirs, ours = agreeing(server)
    added = theirs.lines[theirs.lines.index("Scoreboard: " + theirs.letters) + 1:]
    assert "TLSSessionCacheStatus" in added and any(line.startswith("ProxyBalancer") for line in added)
    start = ours.lines.index("Scoreboard: " + ours.letters) + 1
    assert ours.lines[start:start + len(added)] == added
    assert all(line.startswith(MORE) for line in ours.lines[start + len(added):])
    server.forgive_files.append("sessions")


def test_without_extended_status_the_keys_of_requests_are_absent_as_in_mod_status(httpd):
    server = own_server(httpd, "event", start=False)
    server.conf_file.write_text(server.conf_text().replace("ExtendedStatus On", "ExtendedStatus Off"))
    server.start()
    theirs, ours = agreeing(server)
    assert theirs.keys == SERVER + WORKERS + ASYNC + ["Scoreboard"]
    assert ours.keys[:len(theirs.keys)] == theirs.keys
    assert MORE + "Requests" in ours.keys, "what is recorded elsewhere is there"


@pytest.mark.mpm_only("hybrid")
def test_the_mpm_can_be_reported_under_another_name(httpd):
    server = own_server(httpd, "hybrid", conf="""
        MPMStatsAutoMPM event
        <Location /plain>
          SetHandler mpm-status
          MPMStatsAutoMPM Real
        </Location>
        <Location /worker>
          SetHandler mpm-status
          MPMStatsAutoMPM worker
        </Location>
        """)
    for path, name in (("/mpm-status", "event"), ("/plain", "hybrid"), ("/worker", "worker")):
        report = Report(server.get(path + "?auto"))
        assert report.values["ServerMPM"] == name, path
        assert report.values[MORE + "MPM"] == "hybrid"
    assert server.mpm_status()["server"]["mpm"] == "hybrid"


@pytest.mark.parametrize("line, complaint", [
    ("MPMStatsAutoMPM", "takes one argument"),
    ("MPMStatsAutoMPM event worker", "takes one argument"),
    ("MPMStatsAutoMPM itk", "must be real, event, worker or prefork, not 'itk'"),
])
def test_a_wrong_name_is_refused(httpd, line, complaint):
    server = own_server(httpd, "event", start=False)
    code, output = server.configtest(line)
    assert code != 0 and "MPMStatsAutoMPM" in output and complaint in output


def test_a_host_header_cannot_begin_a_line(server):
    for host in (b"a\x01b", b"a\x0bTotal Accesses: 7", b"\xff\xfe", b"a: b", b"x" * 300):
        with Client(server.port) as client:
            response = client.send(b"GET /mpm-status?auto HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").response()
        assert response.status in (200, 400)
        if response.status == 200:
            report = Report(response.body)
            assert report.keys[0] == "ServerVersion" and not re.search("[\x00-\x09\x0b-\x1f\x7f]", report.text)
