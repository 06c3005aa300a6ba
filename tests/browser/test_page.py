# SPDX-License-Identifier: Apache-2.0
"""The status page in a real Chromium: that it loads alone, updates in place, obeys the keyboard, fits a phone, and
is complete without JavaScript. UPDATE_SCREENSHOT=1 writes docs/status-page.png,
docs/status-page-phone.png and the screen of `mpmstats top` in docs/README.md anew."""
import base64
import contextlib
import http.server
import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import urllib.request

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import cli
from clients import Client, Closed
from httpd import BUILD, MPM, REPO, STOCK_MPMS, module_path
from procs import wait_until
from tmux import Terminal

MPMS = [mpm for mpm in (*STOCK_MPMS, "hybrid") if module_path("mpm_" + mpm).exists()]
CONF = """
HttpProtocolOptions Unsafe
KeepAliveTimeout 30
<Location /t>
  SetHandler test-handlers
</Location>
<Location /fixed>
  SetHandler mpm-status
</Location>
"""

pytestmark = pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")


@pytest.fixture(scope="module")
def server(module_httpd):
    # prefork needs a process for each request a test leaves behind
    mpm_conf = {"StartServers": 10, "ServerLimit": 30, "MaxRequestWorkers": 30} if MPM == "prefork" else {}
    return module_httpd(modules=["test_handlers"], conf=CONF, mpm_conf=mpm_conf)


@pytest.fixture(scope="module")
def url(server):
    return server.url + "/mpm-status"


class Busy:
    """A request to the sleeping handler, under way until the block is left."""

    def __init__(self, server, path=b"/t/sleep", ms=8000):
        self.client = Client(server.port)
        self.client.send(b"GET " + path + b"?ms=%d HTTP/1.1\r\nHost: test.localhost\r\n\r\n" % ms)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.client.close()


def updated(browser, times=1):
    """Wait until the page has taken `times` new snapshots."""
    for _ in range(times):
        before = browser.text('footer [data-m="server.now_us"]')
        wait_until(lambda: browser.text('footer [data-m="server.now_us"]') != before, 10, "an update of the page")


def widths(browser):
    return browser.run("[document.documentElement.scrollWidth, innerWidth]")


def column(browser, table, name):
    """The cells of a column from top to bottom, as text; rows that are filtered out are not there."""
    return browser.run("""((table, name) => {
        const index = [...table.tHead.rows[0].cells].findIndex(th => th.dataset.m === name);
        return [...table.tBodies[0].rows].filter(tr => !tr.hidden).map(tr => tr.cells[index].textContent);
    })(document.getElementById(arguments[0]), arguments[1])""", table, name)


def header(browser, table, name):
    return browser.driver.find_element(By.CSS_SELECTOR, f'#{table} th[data-m="{name}"]')


# ---- loading -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mpm", MPMS)
def test_loads_and_updates_without_a_message_or_a_request_to_elsewhere(httpd, browser, mpm):
    server = httpd(mpm=mpm, modules=["test_handlers"], conf=CONF)
    browser.open(server.url + "/mpm-status")
    updated(browser, 2)
    assert browser.text('[data-m="server.mpm"]') == mpm
    assert browser.console() == []
    asked = browser.requests()
    page = f"{server.url}/mpm-status"
    assert page in asked and page + "?live-busy" in asked
    assert {request for request in asked if not request.startswith("data:")} == {page, page + "?live-busy"}


@pytest.mark.parametrize("view", ["totals", "limits", "processes", "workers", "processes,limits", "totals,workers"])
def test_a_part_of_the_page_lives_like_the_whole(browser, url, view):
    for width in (360, 1280):
        browser.open(f"{url}?view={view}", width=width)
        updated(browser, 2)
        assert browser.console() == []
        assert widths(browser) == [width, width]
        assert browser.text('[data-m="server.mpm"]') == MPM
        for part, selector in (("totals", ".cards"), ("processes", "#board"), ("processes", "#processes"),
                               ("limits", "#h-limits"), ("workers", "#workers"), ("workers", "#filter")):
            assert browser.run(f"!!document.querySelector('{selector}')") == (part in view), selector
        assert browser.run("[...document.querySelectorAll('.cards .big > span')].every(e => e.textContent)")
    browser.driver.find_element(By.LINK_TEXT, "here is the whole").click()
    updated(browser)
    assert browser.run("!!document.querySelector('#workers') && !!document.querySelector('.cards')")


def test_policy_stops_script_from_elsewhere(browser, url):
    browser.open(url)
    browser.run("""document.body.append(Object.assign(document.createElement('img'), {src: 'http://192.0.2.1/x'}))""")
    wait_until(lambda: any("Content Security Policy" in message for message in browser.console()), 5, "a refusal")
    with pytest.raises(Exception, match="(?i)trusted|security"):
        browser.driver.execute_script("document.body.innerHTML = '<b>x</b>'")


def test_the_page_and_its_updates_have_the_same_text(browser, url):
    stable = ("[...document.querySelectorAll('span[data-m]')].filter(e => /^(limits|server)\\./.test(e.dataset.m)"
              " && !/now|uptime|load/.test(e.dataset.m)).map(e => [e.dataset.m, e.textContent])")
    cells = ("[...document.querySelectorAll('#processes th')].map(th => [th.textContent, th.title])"
             ".concat([...document.querySelectorAll('#board .pid')].map(e => e.textContent))")
    browser.open(url)
    after = [updated(browser), browser.run(stable), browser.run(cells)][1:]
    source = urllib.request.urlopen(url).read().decode()
    browser.open("about:blank")
    # The page as it came, its script left out.
    before = browser.run("""((source) => {
        const page = new DOMParser().parseFromString(source, 'text/html');
        return [((document) => %s)(page), ((document) => %s)(page)];
    })(arguments[0])""" % (stable, cells), source)
    assert len(before[0]) > 10
    assert after == before


FORMATS = {     # figure of the JSON: value, text
    "totals.requests": [(0, "0"), (999, "999"), (1000, "1\u202f000"), (1234567, "1\u202f234\u202f567")],
    "totals.bytes": [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"),
                     (3 << 50, "3.0 PiB"), ((1 << 53) - 1, "8.0 PiB")],
    "server.uptime_s": [(0, "0 µs"), (1, "1.0 s"), (59, "59.0 s"), (61, "1m 01s"), (3600, "1h 00m"),
                        (86399, "23h 59m"), (90000, "1d 01h"), (86400 * 400, "400d 00h")],
    "limits.max_connections_per_child": [(0, "no limit"), (10000, "10\u202f000")],
    "server.pid": [(4194304, "4194304")],
    "server.load1": [(0.5, "0.50"), (12, "12.00")],
    "server.counters_since_us": [(1700000000000000, "2023-11-14 22:13:20 UTC")],
    "server.version": [("<b>&amp;\"'", "<b>&amp;\"'")],
}


class Feeder(http.server.ThreadingHTTPServer):
    """Between browser and server: the page is the server's, what its script fetches is what a test feeds."""

    def __init__(self, url):
        super().__init__(("127.0.0.1", 0), FeederHandler)
        self.page, self.url, self.live = url, f"http://127.0.0.1:{self.server_port}/mpm-status", b""
        self.once = []      # answers before that


class FeederHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        headers, body = {"Content-Type": "text/html; charset=utf-8"}, self.server.live
        if "live" in self.path and self.server.once:
            body = self.server.once.pop()
        if "live" not in self.path:
            with urllib.request.urlopen(self.server.page) as answer:
                headers, body = {name: answer.headers[name] for name in ("Content-Type", "Content-Security-Policy")}, answer.read()
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def live_of(tmp_path_factory):
    """A function that makes of the JSON of a server what the page's script is given."""
    program = tmp_path_factory.mktemp("live") / "live"
    flags = subprocess.run(["apr-1-config", "--includes", "--cppflags", "--link-ld", "--libs"], check=True, capture_output=True,
                           text=True).stdout.split()
    page = [BUILD / "obj/mod_mpmstats/stats/page" / f"{source.stem}.o" for source in (REPO / "mod_mpmstats/stats/page").glob("*.c")]
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I", REPO / "mod_mpmstats", "-o", program, REPO / "tests/browser/live.c",
                    *page, BUILD / "pure.a", *flags, "-ljansson", "-lm"], check=True)
    return lambda status: subprocess.run([program], input=json.dumps(status).encode(), check=True, capture_output=True).stdout


@pytest.fixture
def fed(browser, url, live_of):
    """A function that makes the page show this JSON as its next update; fed.url is the page."""
    status = json.loads(urllib.request.urlopen(url + "?json").read())
    feeder = Feeder(url)
    threading.Thread(target=feeder.serve_forever, daemon=True).start()
    feeder.live = live_of(status)
    browser.open(feeder.url)

    def feed(data):
        status["server"]["now_us"] += 1000000
        status.update(data)
        feeder.live = live_of(status)
        return status

    feed.url, feed.feeder = feeder.url, feeder
    yield feed
    browser.driver.get("about:blank")
    feeder.shutdown()
    feeder.server_close()


@pytest.mark.parametrize("figure", FORMATS)
def test_figure_is_written_with_its_unit(browser, fed, figure):
    scope, name = figure.split(".")
    for value, text in FORMATS[figure]:
        status = fed({})
        status[scope][name] = value
        fed({})
        wait_until(lambda: browser.text(f'span[data-m="{figure}"]') == text, 5, f"{value} written as {text!r}")
    assert browser.console() == []


def test_script_writes_what_it_computes_as_the_server_writes_figures(browser, fed):
    """Rates and the times of the last seconds, which no server knows."""
    status = fed({})
    buckets = []
    values = zip(FORMATS["totals.bytes"], [("0.0", 0), ("99.0", 99), ("999", 999), ("1\u202f000", 1000), ("1\u202f234\u202f567", 1234567),
                                           ("5.0", 5), ("6.0", 6)], [7, 1503, 2490367, 59768831, 91226111, 7381975039, 180388626431])
    show(browser, fed)
    for step, ((growth, text), (rate, requests), highest) in enumerate(values):
        middle = highest - ((1 if highest < 64 else 2 ** (highest.bit_length() - 6)) - 1) // 2
        buckets.append([highest, 1000 ** step])
        status["latency"]["total"] = {"count": 1, "sum_us": 1, "p99_us": middle, "buckets": buckets}
        status["totals"]["bytes"] += min(growth, 5 << 40)
        status["totals"]["requests"] += requests
        show(browser, fed)
        assert browser.text('[data-m="rate totals.bytes"]') == ("5.0 TiB" if growth > 5 << 40 else text)
        assert browser.text('[data-m="rate totals.requests"]') == rate
        assert browser.text('[data-m="now.total.p99_us"]') == browser.text('[data-m="latency.total.p99_us"]') != ""
    assert browser.console() == []


def test_trouble_has_a_colour_and_what_is_0_steps_back(browser, fed):
    def colour(selector):
        return browser.run("getComputedStyle(document.querySelector(arguments[0])).color", selector)

    card = '[data-alarm="rate totals.responses_5xx"] .big'
    calm = colour(card)
    status = fed({})
    name = status["vhosts"][0]["name"]
    show(browser, fed)
    cell = f'#vhosts tr[data-k="{name}"] td.bad'
    assert browser.text(cell) == "0" and "zero" in browser.run("document.querySelector(arguments[0]).className", cell)
    faint = colour(cell)
    assert browser.run("document.querySelector('.gauge .bar').dataset.level") == "calm"
    status["totals"]["responses_5xx"] += 12
    status["vhosts"][0]["responses_5xx"] += 12
    status["totals"]["workers_busy"] = status["limits"]["max_request_workers"]
    status["totals"]["crashes"] = 1
    crash = {"number": 99, "time_us": status["server"]["now_us"], "kind": "crash", "pid": 7, "words": "Process 7 crashed"}
    fed({"events": [crash] + status["events"]})
    wait_until(lambda: browser.text(cell) == "12", 5, "the errors")
    assert colour(card) != calm and colour(cell) == colour(card) == colour('#events td[data-kind="crash"]') != faint
    assert re.fullmatch(r"(12|6|4)\.0 5xx/s now", browser.text(card)), "over one update, or several"
    assert browser.run("document.querySelector('.gauge .bar').dataset.level") == "full"
    assert browser.run("document.querySelector('[data-m=\"show totals.crashes\"]').hidden") is False
    fed({})
    wait_until(lambda: colour(card) == calm, 5, "calm again: no more of them")
    assert browser.console() == []


def test_processes_and_workers_come_and_go(browser, fed):
    status = fed({})
    process = dict(status["processes"][0], slot=99, pid=4000001, state="starting", scoreboard="S.W")
    worker = dict(status["workers"][0], slot=99, thread=2, pid=4000001, state="W", state_name="writing",
                  request="GET /<b>new</b> HTTP/1.1", client="::1", since_us=1500)
    fed({"processes": status["processes"] + [process], "workers": status["workers"] + [worker]})
    wait_until(lambda: browser.texts('#workers tr[data-k="99.2"] td.request') == ["GET /<b>new</b> HTTP/1.1"], 5, "the worker")
    assert browser.texts('#processes tr[data-k="4000001"] td.state') == ["starting"]
    assert browser.texts('#board .proc[data-k="99"] i') == ["S", ".", "W"]
    assert browser.run("""document.querySelector('#workers tr[data-k="99.2"] i').dataset.s""") == "W"
    assert browser.run("""document.querySelector('#board .proc[data-k="99"] i:last-child').title""") \
        == "writing for 1.5 ms, ::1, GET /<b>new</b> HTTP/1.1"
    fed({"processes": status["processes"][:-1], "workers": status["workers"][:-1]})
    wait_until(lambda: not browser.texts('[data-k="99"], [data-k="4000001"], [data-k="99.2"]'), 5, "the end of both")
    assert browser.console() == []


def test_saturation_appears_and_goes_and_moves_nothing(browser, fed):
    place = "document.querySelector('.cards').getBoundingClientRect().y"
    before = browser.run(place)
    alert = "document.querySelector('.alert').getBoundingClientRect().height > 0"
    assert browser.run(alert) is False
    status = fed({})
    status["totals"]["saturated"] = True
    fed({})
    wait_until(lambda: browser.run(alert), 5, "the alert")
    assert browser.run(place) == before
    status["totals"]["saturated"] = False
    fed({})
    wait_until(lambda: not browser.run(alert), 5, "its end")


@pytest.mark.mpm_only("hybrid")
def test_hung_workers_are_told_beside_the_saturation(browser, fed):
    alerts = "[...document.querySelectorAll('.alert')].map(e => e.getBoundingClientRect()).filter(r => r.height)"
    assert browser.run(alerts + ".length") == 0
    status = fed({})
    status["totals"].update(workers_hung=2, saturated=True)
    fed({})
    wait_until(lambda: browser.run(alerts + ".length") == 2, 5, "both alerts")
    assert browser.run(f"(([a, b]) => a.bottom <= b.top)({alerts})"), "one does not cover the other"
    assert "2 in one request" in browser.text('[data-m="show totals.workers_hung"]')


@pytest.mark.mpm_only("hybrid")
def test_processes_without_a_slot_are_rows_of_their_own(browser, fed):
    status = fed({})
    here = len(column(browser, "processes", "pid"))
    old = {key: value for key, value in status["processes"][0].items() if key not in ("slot", "scoreboard")}
    finishing = [old | {"pid": pid, "state": "quiescing", "generation": 0} for pid in (40001, 40002)]
    fed({"finishing": finishing})
    wait_until(lambda: len(column(browser, "processes", "pid")) == here + 2, 5, "two more rows")
    assert column(browser, "processes", "pid")[here:] == ["40001", "40002"]
    assert column(browser, "processes", "slot")[here:] == ["", ""]
    fed({"finishing": finishing[1:]})
    wait_until(lambda: column(browser, "processes", "pid")[here:] == ["40002"], 5, "one of them to go")
    fed({"finishing": []})
    wait_until(lambda: len(column(browser, "processes", "pid")) == here, 5, "the other to go")


@pytest.mark.mpm_only("hybrid", "event")
def test_the_highest_number_of_connections_stays_beside_the_present_one(browser, fed):
    status = fed({})
    for now, peak in ((7, "7"), (3, "7"), (12, "12"), (0, "12")):
        status["totals"]["connections_by_state"]["keepalive"] = now
        status["totals"]["connections"] = now
        fed({})
        updated(browser)
        assert browser.text('[data-peak="totals.connections_by_state.keepalive"]') == peak
        assert browser.text('[data-peak="totals.connections"]') == peak
        assert browser.text('[data-m="totals.connections_by_state.keepalive"]') == str(now)


# ---- what is recorded --------------------------------------------------------------------------------------

def show(browser, fed):
    """One more update, on the page."""
    before = browser.text('footer [data-m="server.now_us"]')
    fed({})
    wait_until(lambda: browser.text('footer [data-m="server.now_us"]') != before, 5, "the update")


def test_pictures_are_drawn_by_time_and_not_by_updates(browser, fed):
    """An update that comes a minute late is a minute to the right of the one before."""
    status = fed({})
    for later in (0, 1_000_000, 60_000_000):
        status["server"]["now_us"] += later
        show(browser, fed)
    line = browser.run("document.querySelector('.spark .line').getAttribute('d')")
    points = [float(point.split()[0]) for point in line.lstrip("M").split("L")]
    assert abs(points[-1] - 119) < 0.1 and 58 < points[-1] - points[-2] < 61


def test_times_of_the_last_seconds_come_from_the_growth_of_the_histograms(browser, fed):
    status = fed({})
    quick, slow = [1023, 1000], [1048575, 400]          # microseconds, how many
    for name in ("total", "handler"):
        status["latency"][name] = {"count": 1000, "sum_us": 1, "buckets": [quick]}
    for _ in range(7):                                  # until nothing earlier is compared with
        show(browser, fed)
    assert browser.text('[data-m="now.total.p50_us"]') == "", "nothing came in between"
    for name in ("total", "handler"):
        status["latency"][name] = {"count": 1400, "sum_us": 1, "p50_us": 1000, "buckets": [quick, slow]}
    fed({})
    wait_until(lambda: browser.text('[data-m="now.total.p50_us"]') == "1.0 s", 5, "the median of the new ones")
    assert browser.text('[data-m="latency.total.p50_us"]') == "1.0 ms", "that of all"
    lines = "[...document.querySelectorAll('#chart path.time')].map(e => e.classList[1]).sort()"
    assert browser.run(lines) == ["handler", "total"]
    scale = "[...document.querySelectorAll('#chart text')].map(e => e.textContent)"
    assert {"1\u202fs", "10\u202fs", "now"} & set(browser.run(scale))
    assert "total 1.0 s" in browser.run("document.getElementById('chart').getAttribute('aria-label')")
    assert browser.console() == []


def test_percentile_is_chosen_by_keyboard(browser, url):
    browser.open(url)
    updated(browser, 3)
    browser.driver.find_element(By.CSS_SELECTOR, '[name="quantile"]:checked').send_keys(Keys.ARROW_LEFT)
    assert "p90 of each phase" in browser.run("document.getElementById('chart').getAttribute('aria-label')")


def test_virtual_hosts_have_rates_and_are_sorted_and_filtered(browser, fed):
    status = fed({})
    one = status["vhosts"][0]
    status["vhosts"] = [one | {"name": name, "requests": 0} for name in ("b.example:80", "a.example:80", "<i>c</i>:80")]
    show(browser, fed)
    for _ in range(6):
        for host, growth in zip(status["vhosts"], (10, 300, 0)):
            host["requests"] += growth
        status["handlers"][0]["requests"] += 20
        show(browser, fed)
    rates = dict(zip(column(browser, "vhosts", "name"), column(browser, "vhosts", "requests")))
    assert rates == {"a.example:80": "300", "b.example:80": "10.0", "<i>c</i>:80": "0.0"}
    assert column(browser, "handlers", "requests")[0] == "20.0"
    button = header(browser, "vhosts", "requests").find_element(By.TAG_NAME, "button")
    button.send_keys(Keys.ENTER)
    assert column(browser, "vhosts", "name") == ["a.example:80", "b.example:80", "<i>c</i>:80"]
    browser.driver.find_element(By.CSS_SELECTOR, '[data-filter="vhosts"]').send_keys("EXAMPLE")
    assert column(browser, "vhosts", "name") == ["a.example:80", "b.example:80"]
    assert browser.text('[data-shown="vhosts"]') == "2 of 3"
    assert browser.console() == []


def test_a_long_name_leaves_the_figures_in_sight(browser, fed):
    browser.open(fed.url, width=1920)
    status = fed({})
    name = ".".join(letter * 62 for letter in "abcd") + ":443"
    status["vhosts"] = [status["vhosts"][0] | {"name": name}]
    show(browser, fed)
    assert column(browser, "vhosts", "name") == [name]
    table, room = browser.run("(t => [t.scrollWidth, t.parentElement.clientWidth])(document.querySelector('#vhosts'))")
    assert table <= room


def test_slow_requests_and_events_come_and_go(browser, fed):
    status = fed({})
    assert browser.run("getComputedStyle(document.querySelector('.none')).display") != "none"
    worker = dict(status["workers"][0], state="W", state_name="writing", request="GET /<slow> HTTP/1.1")
    rows = [worker | {"thread": n, "since_us": n * 700000} for n in range(4)] + [worker | {"thread": 9, "since_us": 9000000, "state": "_"}]
    crash = {"number": 99, "time_us": status["server"]["now_us"], "kind": "crash", "pid": 7, "words": "Process 7 <crashed>"}
    fed({"workers": rows, "events": [crash] + status["events"]})
    wait_until(lambda: column(browser, "slow", "since_us") == ["2.1 s", "1.4 s"], 5, "those over a second, the slowest first")
    assert column(browser, "slow", "request") == ["GET /<slow> HTTP/1.1"] * 2
    assert column(browser, "events", "words")[:2] == ["Process 7 <crashed>", status["events"][1]["words"]]
    assert browser.run("getComputedStyle(document.querySelector('.none')).display") == "none"
    fed({"workers": rows[:1], "events": status["events"][1:]})
    wait_until(lambda: column(browser, "slow", "pid") == [] and len(column(browser, "events", "words")) == len(status["events"]), 5, "their end")
    assert browser.console() == []


# ---- living ------------------------------------------------------------------------------------------------

def test_updates_in_place_and_shows_a_request_while_it_runs(browser, server, url):
    browser.open(url)
    updated(browser)
    browser.run("(window.mark = document.querySelector('#processes tbody tr'), window.mark.kept = true)")
    with Busy(server, b"/t/seen<i>/sleep"):
        wait_until(lambda: "GET /t/seen<i>/sleep?ms=8000 HTTP/1.1" in column(browser, "workers", "request"), 5, "the request")
        row = column(browser, "workers", "request").index("GET /t/seen<i>/sleep?ms=8000 HTTP/1.1")
        assert column(browser, "workers", "state")[row] == "W"
        assert column(browser, "workers", "client")[row] == "127.0.0.1"
        assert "W" in browser.texts("#board i")
        assert int(browser.text('[data-m="letter W"]')) >= 2
        age = column(browser, "workers", "since_us")[row]
        wait_until(lambda: column(browser, "workers", "since_us")[row] != age, 5, "a higher age")
    assert browser.run("window.mark.isConnected && window.mark.kept"), "the rows are the same elements"
    assert browser.text("[data-rate-of]") == "now"
    assert browser.run("[...document.querySelectorAll('.spark .line')].every(e => e.getAttribute('d')?.length > 5)")
    assert browser.console() == []


def test_pause_stops_asking_and_resume_goes_on(browser, url):
    browser.open(url)
    updated(browser)
    button = browser.driver.find_element(By.ID, "pause")
    button.send_keys(Keys.ENTER)
    assert (browser.text("#pause"), browser.text("#state")) == ("Resume", "paused")
    shown = browser.text('footer [data-m="server.now_us"]')
    browser.requests()
    time.sleep(2.5)                     # twice and a half the interval: nothing must happen
    assert browser.requests() == []
    assert browser.text('footer [data-m="server.now_us"]') == shown
    button.click()
    assert browser.text("#pause") == "Pause"
    updated(browser)
    assert browser.text("#state") == "live"


def test_nothing_moves_when_figures_change(browser, server, url):
    places = ("[...document.querySelectorAll('h2, .cards article, #workers th, #processes th')].map(e => {"
              " const r = e.getBoundingClientRect(); return [Math.round(r.x), Math.round(r.y), !!e.closest('#processes')]; })")
    stop = threading.Event()

    def load():
        while not stop.is_set():
            urllib.request.urlopen(server.url + "/1k.bin").read()

    thread = threading.Thread(target=load)
    for width in (360, 1280, 1920):
        browser.open(url, width=width)
        updated(browser, 2)
        before = browser.run(places)
        # Figures that are there now and then, all at once.
        assert browser.run("(() => { document.querySelectorAll('.cards [data-m^=\"show \"]:not(.bad)').forEach(e => { e.hidden = false; });"
                           f" return {places}; }})()") == before, width
        if not thread.is_alive():
            thread = threading.Thread(target=load)
            thread.start()
        try:
            updated(browser, 3)
            # A counter that gets one more digit may widen its column of the processes a little.
            moved = [(a, b) for a, b in zip(before, browser.run(places))
                     if abs(a[0] - b[0]) > (24 if a[2] else 1) or abs(a[1] - b[1]) > 1]
            assert not moved, width
        finally:
            stop.set()
            thread.join()
            stop.clear()


def test_a_server_that_is_away_is_told_and_found_again(httpd, browser):
    server = httpd(modules=["test_handlers"], conf=CONF)
    browser.open(server.url + "/mpm-status")
    updated(browser)
    server.stop()
    wait_until(lambda: browser.text("#state").startswith("no answer"), 15, "the page to notice")
    assert " since " in browser.text("#state")
    stale = "[document.body.classList.contains('is-stale'), document.title.startsWith('no answer')]"
    assert browser.run(stale) == [True, True]
    server.start()
    wait_until(lambda: browser.text("#state") == "live", 20, "the page to come back")
    assert browser.run(stale) == [False, False]
    updated(browser)
    assert browser.text('[data-m="server.pid"]') == str(server.pid)


def test_a_page_whose_server_comes_back_with_another_configuration_shows_that(httpd, browser):
    server = httpd(modules=["test_handlers"], conf=CONF)
    browser.open(server.url + "/mpm-status")
    updated(browser)
    assert browser.text("#slow") and "is Off" not in (browser.text("main > .note") or "")
    server.write_conf(conf=CONF + "ExtendedStatus Off\n")
    server.graceful()
    wait_until(lambda: "is Off" in (browser.text("main > .note") or ""), 15, "the page without requests of workers")
    updated(browser)
    assert browser.text("#state") == "live" and browser.text("#slow") is None
    server.write_conf(conf=CONF)
    server.graceful()
    wait_until(lambda: browser.text("#slow"), 15, "the page with requests of workers")
    updated(browser)
    assert browser.text("#state") == "live"


def test_an_answer_amid_a_restart_that_lacks_a_column_is_left_out(browser, fed, live_of):
    show(browser, fed)
    status = fed({})
    bare = [{name: value for name, value in process.items() if name != "connections"} for process in status["processes"]]
    fed.feeder.once.append(live_of(status | {"processes": bare}))
    browser.run("window.mark = 1")
    wait_until(lambda: not fed.feeder.once, 5, "that answer")
    show(browser, fed)
    assert browser.run("window.mark") == 1 and browser.text("#state") == "live"
    fed({"processes": bare})
    wait_until(lambda: browser.run("window.mark") is None, 10, "the page anew")


# ---- tables ------------------------------------------------------------------------------------------------

def test_sorts_by_keyboard_and_stays_sorted(browser, server, url):
    browser.open(url)
    updated(browser)
    browser.driver.find_element(By.ID, "busy-only").click()     # it is checked at first
    head = header(browser, "workers", "thread")
    button = head.find_element(By.TAG_NAME, "button")
    button.send_keys(Keys.ENTER)
    assert head.get_attribute("aria-sort") == "ascending"
    numbers = list(map(int, column(browser, "workers", "thread")))
    assert numbers == sorted(numbers)
    button.send_keys(Keys.SPACE)
    assert head.get_attribute("aria-sort") == "descending"
    with Busy(server):
        updated(browser, 2)
        numbers = list(map(int, column(browser, "workers", "thread")))
        assert numbers == sorted(numbers, reverse=True) and len(numbers) > 1
    button.click()
    assert head.get_attribute("aria-sort") is None
    keys = browser.run("[...document.querySelectorAll('#workers tbody tr')].map(tr => tr.dataset.k.split('.').map(Number))")
    assert keys == sorted(keys) and len(keys) > 1, "the server's order, by slot and thread"


def test_sorting_by_a_number_begins_with_the_largest_and_ends_with_the_unknown(browser, fed):
    status = fed({})
    for n, worker in enumerate(status["workers"]):
        worker["last_duration_us"] = n * 1000
    del status["workers"][-1]["last_duration_us"]
    fed({})
    updated(browser)
    browser.driver.find_element(By.ID, "busy-only").click()     # it is checked at first
    header(browser, "workers", "last_duration_us").find_element(By.TAG_NAME, "button").click()
    shown = column(browser, "workers", "last_duration_us")
    assert shown[-1] == "" and shown[0] == f"{len(shown) - 2}.0 ms"
    header(browser, "workers", "last_duration_us").find_element(By.TAG_NAME, "button").click()
    shown = column(browser, "workers", "last_duration_us")
    assert shown[0] == "0 µs" and shown[-1] == ""


def test_filter_and_busy_only_leave_what_was_asked_for(browser, server, url):
    browser.open(url)
    updated(browser)
    busy_only = browser.driver.find_element(By.ID, "busy-only")
    assert busy_only.is_selected() and set(column(browser, "workers", "state")) <= set("RWKDCL")
    assert " of " in browser.text("#shown")
    busy_only.send_keys(Keys.SPACE)
    wait_until(lambda: "_" in column(browser, "workers", "state"), 5, "the idle ones")
    everyone = len(column(browser, "workers", "state"))
    with Busy(server, b"/t/needle/sleep"):
        wait_until(lambda: any("needle" in r for r in column(browser, "workers", "request")), 5, "the request")
        browser.driver.find_element(By.ID, "filter").send_keys("NEEDLE")
        assert column(browser, "workers", "state") == ["W"]
        assert browser.text("#shown").startswith("1 of ")
        updated(browser)
        assert ["needle" in r for r in column(browser, "workers", "request")] == [True]
        browser.driver.find_element(By.ID, "filter").send_keys(Keys.BACKSPACE * 6)
        assert len(column(browser, "workers", "state")) >= everyone
        busy_only.send_keys(Keys.SPACE)
        assert set(column(browser, "workers", "state")) <= set("RWKDCL")


# ---- sizes, colours, people --------------------------------------------------------------------------------

@pytest.mark.parametrize("width", [320, 360, 768, 1280, 1920])
@pytest.mark.parametrize("script", [True, False], ids=["script", "static"])
def test_page_never_scrolls_sideways(browser, server, url, width, script):
    with Busy(server, b"/t/" + b"w" * 50 + b"/sleep"):
        browser.open(url, width=width, script=script)
        if script:
            updated(browser, 2)
        else:
            browser.cdp("Emulation.setScriptExecutionDisabled", value=False)    # of the page: it has been parsed
        scroll, inner = widths(browser)
        assert inner == width and scroll <= width
        cut = browser.run("""[...document.querySelectorAll('h1, h2, .big, .big small, .sub, .list div, .legend li, .facts div')]
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.textContent)""")
        assert cut == []


def test_phone_shows_what_matters_of_each_worker(browser, server, url):
    with Busy(server, b"/t/phone/sleep"):
        browser.open(url, width=360)
        wait_until(lambda: any("phone" in r for r in column(browser, "workers", "request")), 5, "the request")
        visible = browser.run("""[...[...document.querySelectorAll('#workers tbody tr')]
            .find(tr => tr.textContent.includes('/t/phone')).cells]
            .filter(td => td.getBoundingClientRect().width > 0).map(td => td.className)""")
    assert set(visible) == {"state", "since_us", "client", "vhost", "request"}


def test_dark_and_light_differ_and_text_is_readable_in_both(browser, url):
    contrast = """(() => {
        const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const luminance = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(channel);
                                 return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                            if (!/, 0\\)$|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
        return [...document.querySelectorAll('h1, h2, p, dt, dd, th button, td, small, .legend li, .pid, .legend i, a, button')]
            .filter(e => e.textContent.trim() && e.getBoundingClientRect().width)
            .map(e => { const a = luminance(getComputedStyle(e).color), b = luminance(back(e));
                        return [e.tagName + '.' + e.className + ' ' + (e.dataset.s || ''),
                                (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; });
    })()"""
    backgrounds = set()
    for scheme in ("light", "dark"):
        browser.open(url, scheme=scheme)
        updated(browser)
        backgrounds.add(browser.run("getComputedStyle(document.body).backgroundColor"))
        weak = sorted({(name, round(ratio, 1)) for name, ratio in browser.run(contrast) if ratio < 4.5})
        assert not weak, scheme
    assert len(backgrounds) == 2


def test_everything_to_press_has_a_name_and_every_table_its_headers(browser, url):
    browser.open(url)
    updated(browser)
    assert browser.run("document.documentElement.lang") == "en"
    assert browser.run("[...document.querySelectorAll('button, input, a')].every(e =>"
                       " (e.textContent || e.labels?.[0]?.textContent || '').trim())")
    assert browser.run("[...document.querySelectorAll('th')].every(e => ['col', 'colgroup', 'row'].includes(e.scope) && e.title)")
    assert browser.run("[...document.querySelectorAll('table')].every(e => e.caption?.textContent)")
    assert browser.run("[...document.querySelectorAll('section, [role=region], [role=img], [role=meter]')].every(e =>"
                       " e.getAttribute('aria-label') || document.getElementById(e.getAttribute('aria-labelledby')))")
    assert "busy" in browser.run("document.getElementById('board').getAttribute('aria-label')")
    assert browser.run("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size"
                       " === document.querySelectorAll('[id]').length")


def test_without_javascript_it_is_a_complete_static_view(browser, server, url):
    with Busy(server, b"/t/static/sleep"):
        wait_until(lambda: b"/t/static/sleep" in urllib.request.urlopen(url).read(), 5, "the request")
        browser.open(url, script=False)
        assert [r for r in browser.requests() if not r.startswith("data:")] == [url]
        browser.cdp("Emulation.setScriptExecutionDisabled", value=False)        # of the page: it has been parsed
        text = browser.run("document.body.innerText")
    for needle in ("Taken at", "GET /t/static/sleep?ms=8000", "MaxRequestWorkers", str(server.pid), "average", "writing"):
        assert needle in text, needle
    assert "Pause" not in text and "Filter" not in text and "now" not in browser.texts("[data-rate-of]")
    assert browser.run("document.querySelectorAll('#board i[title]').length") > 0


# ---- a picture of it ---------------------------------------------------------------------------------------

SHOP = """
<VirtualHost *:${PORT}>
  ServerName www.example.org
</VirtualHost>
<VirtualHost *:${PORT}>
  ServerName shop.example.org
</VirtualHost>
<VirtualHost *:${PORT}>
  ServerName api.example.org
</VirtualHost>
KeepAliveTimeout 150
"""


@pytest.mark.mpm_only("hybrid", "event", "worker")
@pytest.mark.timeout(300)
def test_screenshot(httpd, browser):
    """Kept in docs/ when UPDATE_SCREENSHOT=1, in the build directory otherwise."""
    server = httpd(modules=["test_handlers"], conf=CONF + SHOP, mpm_conf={
        "ServerLimit": 8, "StartServers": 4, "ThreadLimit": 25, "ThreadsPerChild": 25, "MaxRequestWorkers": 200,
        "MinSpareThreads": 50, "MaxSpareThreads": 200})
    server.expect_log(r"exit signal Killed|crashed|was killed")
    stop = threading.Event()

    def use(client, dice, host, pause, work):
        while not stop.wait(dice.random() * pause):
            ms = int(dice.paretovariate(1.6) * work) if work else 0
            path = f"/t/orders/sleep?ms={min(ms, 900)}" if ms else dice.choice(["/1k.bin"] * 9 + ["/hello.txt"] * 9 + ["/gone.html"])
            client.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").response()

    def load(*args):
        dice = random.Random(args[0])
        while not stop.is_set():
            with contextlib.suppress(Closed), Client(server.port) as client:    # after MaxKeepAliveRequests
                use(client, dice, *args)

    loads = [("www.example.org", 0.02, 0)] * 4 + [("shop.example.org", 0.1, 12)] * 6 + [("api.example.org", 0.06, 4)] * 5
    threads = [threading.Thread(target=load, args=args) for args in loads]
    old = set(server.children())
    server.graceful()
    wait_until(lambda: len(old - set(server.children())) == len(old) and len(server.children()) >= 3, 10, "the new generation")
    os.kill(server.children()[-1], signal.SIGKILL)
    slow = [Client(server.port) for _ in range(9)]
    parked = [Client(server.port) for _ in range(40)]
    for client in parked:
        client.get()
    for n, client in enumerate(slow):
        path = ("/t/report/sleep", "/t/search/sleep", "/t/api/v2/orders/sleep")[n % 3]
        client.send(f"GET {path}?ms=170000&customer={n} HTTP/1.1\r\nHost: shop.example.org\r\n\r\n")
    for thread in threads:
        thread.start()
    for_docs = bool(os.environ.get("UPDATE_SCREENSHOT"))
    directory = REPO / "docs" if for_docs else BUILD / "check"
    try:
        browser.open(server.url + "/mpm-status", width=1920, height=1500)
        updated(browser, 100 if for_docs else 2)
        browser.run("scrollTo(0, 0)")
        shots = {"status-page.png": browser.cdp("Page.captureScreenshot", format="png")["data"]}
        browser.open(server.url + "/mpm-status", width=360, height=1500, scheme="dark")
        updated(browser, 20 if for_docs else 2)
        shots["status-page-phone.png"] = browser.cdp("Page.captureScreenshot", format="png")["data"]
        with Terminal(cli.PROGRAM, "--url", server.url + "/mpm-status", "top", columns=118, rows=30) as terminal:
            screen = terminal.wait_for("/t/report/sleep")
            if for_docs:
                time.sleep(3)       # until the rates are those of a few looks
                screen = terminal.screen()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for client in slow + parked:
            client.close()
    for name, data in shots.items():
        data = base64.b64decode(data)
        (directory / name).write_bytes(data)
        assert data.startswith(b"\x89PNG") and len(data) > 20000
    server.kill_all()                   # the sleepers would hold up the stop
    server.pid_file.unlink(missing_ok=True)
    server.segment_file.unlink(missing_ok=True)
    if for_docs:
        entry = directory / "README.md"
        text = "\n".join(screen).rstrip()
        entry.write_text(re.sub(r"(<!-- top: .*\n```\n)[^`]*(?=```\n<!-- end -->)", lambda m: f"{m[1]}{text}\n", entry.read_text()))
