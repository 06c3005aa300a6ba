# SPDX-License-Identifier: Apache-2.0
"""Programs made for mod_status or for any metrics, as Debian has them, on mpm-status: SLOW=1 installs and runs them."""
import contextlib
import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from httpd import REPO, module_path
from omtext import labels_of
from procs import free_port, wait_until
from statusview import MPMS, Busy, own_server, worker_with

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180),
              pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")]

MUNIN = Path("/usr/share/munin/plugins")
COLLECTD = Path("/usr/lib/collectd/apache.so")


def needs(there, package):
    """To be called first: skips the test when the package is not installed."""
    if not there:
        pytest.skip(f"not installed (Debian: {package})")


@pytest.fixture(scope="module", params=MPMS)
def server(request, module_httpd):
    # prefork needs a process for each connection that the readers keep
    mpm_conf = {"StartServers": 12, "ServerLimit": 30, "MaxRequestWorkers": 30} if request.param == "prefork" else {}
    return own_server(module_httpd, request.param, mpm_conf=mpm_conf)


@pytest.fixture(scope="module")
def shared(module_httpd):
    return own_server(module_httpd, MPMS[-1])


# ---- Prometheus ------------------------------------------------------------------------------------------------

class Prometheus:
    """A real one that scrapes a server each second, with its data in `directory`."""

    def __init__(self, directory, jobs):
        self.port = free_port()
        (directory / "prometheus.yml").write_text(json.dumps(       # JSON is YAML
            {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}))
        self.log = open(directory / "log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()

    def api(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def query(self, expression):
        """The values of an expression by job."""
        data = self.api("query", query=expression)
        return {r["metric"].get("job"): float(r["value"][1]) for r in data["result"]} if data else {}


def test_a_real_prometheus_scrapes_it(shared, tmp_path):
    needs(shutil.which("prometheus"), "prometheus")
    target = {"metrics_path": "/mpm-status", "static_configs": [{"targets": [f"127.0.0.1:{shared.port}"]}]}
    jobs = [target | {"job_name": "accept"},
            target | {"job_name": "params", "params": {"openmetrics": [""], "view": ["totals,limits"]}}]
    with Prometheus(tmp_path, jobs) as prometheus:
        wait_until(lambda: prometheus.query("up") == {"accept": 1, "params": 1}, 30, "two scrapes")
        status = shared.mpm_status()
        limit = status["limits"]["max_request_workers"]
        assert prometheus.query("httpd_limit_max_request_workers") == {"accept": limit, "params": limit}
        for _ in range(20):
            shared.get("/hello.txt")
        wait_until(lambda: prometheus.query("increase(httpd_requests_total[1m])").get("accept", 0) >= 20, 30, "the requests")
        assert set(prometheus.query("httpd_process_pid")) == {"accept"}, "the other asked for other parts"
        assert prometheus.query("httpd_workers_busy / httpd_limit_max_request_workers").keys() == {"accept", "params"}
        about = prometheus.api("metadata")
        assert about["httpd_requests"][0]["type"] == "counter"
        assert about["httpd_bytes"][0]["unit"] == "bytes"
        assert about["httpd_server"][0]["type"] == "info"
        assert about["httpd_vhost_request_duration_seconds"][0]["type"] == "histogram"
        p99 = "histogram_quantile(0.99, sum by (job, le) (httpd_vhost_request_duration_seconds_bucket)) > 0"
        assert prometheus.query(p99).keys() == {"accept"}
        assert prometheus.query("count by (job) (httpd_request_phase_seconds_count)")["accept"] >= 2
        assert prometheus.query("scrape_samples_scraped")["accept"] < 1000
        examples = re.search(r"```\n(sum by.*?)```", (REPO / "docs/status.md").read_text(), re.S)[1].splitlines()
        for example in examples:
            answer = prometheus.api("query", query=example)
            assert answer is not None and answer["resultType"] == "vector", example
        assert about["httpd_workers_busy"][0]["help"] == "Workers that serve a connection now"


# ---- mod_status's readers --------------------------------------------------------------------------------------

@contextlib.contextmanager
def exporter(url):
    """prometheus-apache-exporter on that URL; yields a function that scrapes it: {(name, values of labels): value}."""
    port = free_port()
    process = subprocess.Popen(["prometheus-apache-exporter", f"--scrape_uri={url}", f"--telemetry.address=127.0.0.1:{port}"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def scrape():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        found = {}
        for line in lines:
            match = re.fullmatch(r'(apache_\w+)(?:\{(.*)\})? (\S+)', line)
            if match:
                found[(match[1], *labels_of(match[2]).values())] = float(match[3])
        return found
    try:
        wait_until(scrape, 15, "the exporter")
        yield scrape
    finally:
        process.terminate()
        process.wait(10)


CHANGING = ("apache_accesses_total", "apache_sent_kilobytes_total", "apache_uptime_seconds_total", "apache_duration_ms_total", "apache_cpu",
            "apache_load", "apache_cpuload", "apache_workers", "apache_scoreboard", "apache_connections", "apache_exporter", "apache_info")


def test_apache_exporter_reads_it_like_mod_status(server):
    needs(shutil.which("prometheus-apache-exporter"), "prometheus-apache-exporter")
    with exporter(f"{server.url}/mpm-status?auto") as ours, exporter(f"{server.url}/server-status?auto") as theirs:
        with Busy(server, b"/t/exporter/sleep", ms=2500), Busy(server, b"/t/exporter/sleep", ms=2500):
            worker_with(server, "/t/exporter/")
            a, b = ours(), theirs()
        assert a[("apache_up",)] == b[("apache_up",)] == 1
        assert a.keys() == b.keys()
        assert a[("apache_workers", "busy")] == b[("apache_workers", "busy")] >= 3
        assert a[("apache_scoreboard", "reply")] == b[("apache_scoreboard", "reply")] >= 2
        for key in a:
            assert a[key] == b[key] or key[0].startswith(CHANGING), key
        before = a[("apache_accesses_total",)]
        for _ in range(25):
            server.get("/hello.txt")
        wait_until(lambda: ours()[("apache_accesses_total",)] >= before + 25, 5, "25 accesses more")


@pytest.mark.parametrize("plugin", ["apache_accesses", "apache_processes", "apache_volume"])
def test_munin_plugin_reads_it_like_mod_status(server, plugin):
    needs((MUNIN / plugin).exists() and not subprocess.run(["perl", "-MLWP::UserAgent", "-e", "1"], capture_output=True).returncode,
          "munin-plugins-core libwww-perl")

    def run(path, *words):
        environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MUNIN_LIBDIR": "/usr/share/munin", "ports": str(server.port),
                   "url": f"http://127.0.0.1:%d/{path}?auto", "MUNIN_CAP_DIRTYCONFIG": "0"}
        done = subprocess.run(["perl", MUNIN / plugin, *words], env=environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def values(text):
        return {name: float(value) for name, value in re.findall(r"^(\w+)\.value (\S+)$", text, re.M)}
    assert run("mpm-status", "autoconf") == run("server-status", "autoconf") == "yes\n"
    assert run("mpm-status", "config") == run("server-status", "config")
    for _ in range(30):
        server.get("/1k.bin")
    ours, theirs = values(run("mpm-status")), values(run("server-status"))
    assert ours and ours.keys() == theirs.keys()
    if plugin == "apache_processes":
        assert ours == theirs and ours[f"busy{server.port}"] >= 1
    else:
        assert 0 < ours[next(iter(ours))] <= theirs[next(iter(theirs))], "the second asked a moment later"


def test_collectd_plugin_reads_it_like_mod_status(server, tmp_path):
    needs(COLLECTD.exists() and shutil.which("collectd"), "collectd-core")
    (tmp_path / "collectd.conf").write_text(f"""
Hostname "test"
FQDNLookup false
Interval 1
BaseDir "{tmp_path}"
PIDFile "{tmp_path}/collectd.pid"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin logfile
LoadPlugin apache
LoadPlugin csv
<Plugin logfile>
  LogLevel info
  File "{tmp_path}/log"
</Plugin>
<Plugin csv>
  DataDir "{tmp_path}/csv"
  StoreRates false
</Plugin>
<Plugin apache>
  <Instance "ours">
    URL "{server.url}/mpm-status?auto"
  </Instance>
  <Instance "theirs">
    URL "{server.url}/server-status?auto"
  </Instance>
</Plugin>
""")
    process = subprocess.Popen(["collectd", "-f", "-C", tmp_path / "collectd.conf"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def series(instance):
        """{name of the series: [values]} as collectd has stored them."""
        found = {}
        for path in (tmp_path / "csv").glob(f"test/apache-{instance}/*"):
            rows = path.read_text().splitlines()[1:]
            found[re.sub(r"-\d{4}-\d\d-\d\d$", "", path.name)] = [float(row.split(",")[1]) for row in rows]
        return found
    try:
        with Busy(server, b"/t/collectd/sleep", ms=6000), Busy(server, b"/t/collectd/sleep", ms=6000):
            wait_until(lambda: min(map(len, series("ours").values()), default=0) >= 3
                       and series("ours").keys() == series("theirs").keys(), 60, "three looks of collectd")
            for _ in range(30):
                server.get("/1k.bin")
    finally:
        process.terminate()
        process.wait(20)
    ours, theirs = series("ours"), series("theirs")
    assert {"apache_requests", "apache_bytes", "apache_connections", "apache_idle_workers", "apache_scoreboard-sending"} <= ours.keys()
    assert ours.keys() == theirs.keys(), (tmp_path / "log").read_text()
    assert max(ours["apache_scoreboard-sending"]) >= 2
    assert ours["apache_requests"] == sorted(ours["apache_requests"]) and 0 < ours["apache_requests"][-1]
    assert all(abs(max(ours[name]) - max(theirs[name])) <= 3 for name in ours if "scoreboard" in name or "workers" in name)
