# SPDX-License-Identifier: Apache-2.0
"""mpmstats: workers, processes, get, check, watch, save and diff."""
import csv
import io
import json
import os
import re
import signal
import stat
import subprocess
import time

import pytest

import cli
import procs
from cli import columns_of, control_characters, environment, fails, in_terminal, run, without_colours
from fakeserver import Answer, FakeServer, RawServer, document, stock_document
from httpd import REPO
from procs import wait_until

WIDE = environment(COLUMNS="300")


@pytest.fixture
def saved(tmp_path):
    """saved(document) writes it to a file and returns the options that make mpmstats read it."""
    def write(content, name="saved.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return ["--from", str(path)]
    return write


@pytest.fixture(scope="module")
def server(module_httpd):
    return module_httpd(modules=["test_handlers"], conf="<Location /t>\nSetHandler test-handlers\n</Location>")


def address(server):
    return ["--url", f"http://127.0.0.1:{server.port}/mpm-status"]


# ---- workers and processes ----------------------------------------------------------------------------------

def chosen(*arguments):
    done = run("workers", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of(told, wanted):
    return [w for w in told["workers"] if wanted(w)]


@pytest.mark.parametrize("options, wanted", [
    ([], lambda w: True),
    (["--state", "W"], lambda w: w["state"] == "W"),
    (["-s", "writing,R"], lambda w: w["state"] in "WR"),
    (["-s", "READING", "-s", "_"], lambda w: w["state"] in "R_"),
    (["--state=busy"], lambda w: w["state"] in "RWKDCL"),
    (["--state", "."], lambda w: False),
    (["--min-age", "2s"], lambda w: w["since_us"] >= 2_000_000),
    (["--min-age", "2001ms", "--max-age", "2.004"], lambda w: 2_001_000 <= w["since_us"] <= 2_004_000),
    (["--max-age", "0"], lambda w: False),
    (["--vhost", "v1.example.org"], lambda w: w["slot"] == 1),
    (["--vhost", "V?.EXAMPLE.*", "--pid", "4002"], lambda w: w["slot"] == 2),
    (["--vhost", "example.org"], lambda w: False),
    (["--client", "192.0.2.[12]"], lambda w: w["thread"] in (1, 2)),
    (["--request", "GET /1/* HTTP/1.1"], lambda w: w["slot"] == 1),
])
def test_workers_are_those_that_meet_all_conditions(saved, options, wanted):
    told = document()
    expected = of(told, wanted)
    assert chosen(*saved(told), *options) == expected
    assert run("workers", *saved(told), *options, "--count").stdout == f"{len(expected)}\n"
    shown = run("workers", *saved(told), *options, env=WIDE).stdout
    assert [line.split(" GET ")[1] for line in shown.splitlines() if " GET " in line] == \
        [w["request"].split(" ", 1)[1] for w in expected]


def test_a_virtual_host_is_found_with_and_without_its_port(saved):
    told = document()
    for worker in told["workers"]:
        worker["vhost"] = "[2001:db8::1]:443" if worker["slot"] else "www.example.org:8080"
    for pattern, slots in (("www.example.org", {0}), ("www.example.org:8080", {0}), ("www.example.org:80", set()),
                           ("*:443", {1, 2}), ("*2001:db8::1*", {1, 2})):
        assert {w["slot"] for w in chosen(*saved(told), "--vhost", pattern)} == slots, pattern


def test_a_condition_on_what_the_server_does_not_tell_is_not_met(saved):
    told = stock_document()
    for options in (["--min-age", "1s"], ["--vhost", "*"], ["--client", "*"], ["--request", "*"]):
        assert chosen(*saved(told), *options) == []
    assert len(chosen(*saved(told))) == len(told["workers"])


@pytest.mark.parametrize("column, key, down", [
    ("age", "since_us", True), ("since_us", "since_us", True), ("requests", "requests", True), ("client", "client", False),
    ("state", "state", False), ("last", "last_duration_us", True),
])
def test_workers_are_sorted_by_a_column(saved, column, key, down):
    told = document()
    for i, worker in enumerate(told["workers"]):
        worker.update(requests=(i * 7) % 5, last_duration_us=(i * 3) % 4)
    expected = sorted(told["workers"], key=lambda w: w[key], reverse=down)
    if down:    # a stable sort, equals in the server's order
        expected = sorted(told["workers"], key=lambda w: -w[key])
    assert chosen(*saved(told), "--sort", column) == expected
    backwards = sorted(told["workers"], key=lambda w: w[key])
    if not down:
        backwards = sorted(told["workers"], key=lambda w: w[key], reverse=True)
    assert [w[key] for w in chosen(*saved(told), "--sort", column, "--reverse")] == [w[key] for w in backwards]
    assert chosen(*saved(told), "--sort", column, "--first", "3") == expected[:3]


def test_what_is_not_known_is_sorted_last(saved):
    told = document()
    del told["workers"][3]["since_us"]
    for options in ([], ["-r"]):
        assert "since_us" not in chosen(*saved(told), "--sort", "age", *options)[-1]


def test_processes_are_filtered_and_sorted(saved):
    told = document()

    def pids(*options):
        return [p["pid"] for p in json.loads(run("processes", *saved(told), *options, "--json").stdout)]

    assert pids() == [4000, 4001, 4002]
    assert pids("--sort", "busy") == [4001, 4000, 4002]
    assert pids("--sort", "connections") == [4002, 4001, 4000]
    assert pids("--sort", "connections", "-r") == [4000, 4001, 4002]
    assert pids("--state", "quiescing") == [4002]
    assert run("processes", *saved(told), "--state", "starting").stdout == "No process matches.\n"


def test_the_table_of_processes_agrees_with_the_document(saved):
    told = document()
    heading, *rows = run("processes", *saved(told), env=WIDE).stdout.splitlines()
    columns = heading.split()
    for row, process in zip(rows, told["processes"]):
        shown = dict(zip(columns, row.split()))
        kinds = process["connections_by_state"]
        for column, value in {"PID": process["pid"], "BUSY": process["workers"]["busy"], "IDLE": process["workers"]["idle"],
                              "CONNS": process["connections"], "KEEPAL": kinds["keepalive"], "WRITE": kinds["write"],
                              "HEAD": kinds["head"], "LINGER": kinds["linger"], "DISPATCHED": "3,000", "SHED": 0,
                              "GEN": 2}.items():
            assert shown[column] == str(value), column
        assert shown["AGE"] == "1d00h" and shown["STATE"] == process["state"]


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 250])
@pytest.mark.parametrize("command", ["workers", "processes"])
def test_tables_fit_the_terminal(saved, command, columns):
    told = document()
    told["workers"][0].update(request="GET /" + "ü" * 300, vhost="v" * 100, client="c" * 64)
    code, shown = in_terminal(command, *saved(told), columns=columns)
    assert code == 0
    assert max(map(columns_of, without_colours(shown).splitlines())) <= columns


def test_a_slow_request_on_a_real_server_is_found_by_its_age(server):
    slow = subprocess.Popen(["curl", "-s", f"http://127.0.0.1:{server.port}/t/sleep?ms=3000"], stdout=subprocess.DEVNULL)
    options = [*address(server), "--state", "busy", "--request", "GET /t/sleep*"]
    try:
        found = wait_until(lambda: chosen(*options, "--min-age", "500ms"), 10, "the slow request is listed")
        assert len(found) == 1 and found[0]["since_us"] >= 500_000 and found[0]["state"] == "W"
        assert chosen(*options, "--min-age", "1m") == []
        assert found[0]["pid"] in {p["pid"] for p in json.loads(run("processes", *address(server), "--json").stdout)}
        assert float(run("get", "oldest", *address(server)).stdout) >= 500_000
        assert check(*address(server), "--warn", "oldest>500ms")[0] == "WARNING"
    finally:
        slow.kill()
        slow.wait()


# ---- get ----------------------------------------------------------------------------------------------------

def listed():
    return json.loads(run("get", "--list", "--json").stdout)


def test_every_listed_key_can_be_asked_for_and_agrees_with_the_document(saved):
    told = document(limits__min_spare_servers=5, limits__max_spare_servers=10, limits__slots=9)
    keys = listed()
    assert len(keys) > 50
    for key in keys:
        value = told
        for level in key.get("path", "").split("."):
            value = value.get(level) if level and value is not None else None
        done = run("get", key["name"], *saved(told))
        if key.get("path") and value is None:
            assert done.returncode == 9, key
            continue
        assert done.returncode == 0 and done.stdout.endswith("\n"), key
        if value is True or value is False:
            value = int(value)
        if isinstance(value, float):
            assert float(done.stdout) == pytest.approx(value, abs=0.005)
        elif value is not None:
            assert done.stdout.strip() == str(value), key
        if "short" in key:
            assert run("get", key["short"], *saved(told)).stdout == done.stdout


def test_every_figure_of_the_server_has_a_key():
    figures = (REPO / "mod_mpmstats" / "figures" / "figures.def").read_text()
    declared = {("connections." if scope == "CONNECTIONS" else "") + name for scope, name in
                re.findall(r"^(SERVER|LIMITS|TOTALS|SERVED|CONNECTIONS)_FIGURE\((\w+),", figures, re.M)}
    assert len(declared) > 100
    assert declared <= {key["name"] for key in listed()}
    spreads = set(re.findall(r"^SPREAD\((\w+),", figures, re.M))
    assert spreads and {spread + ".p99" for spread in spreads} <= {key["name"] for key in listed()}


def test_the_list_for_people_names_every_key_and_fits_the_line():
    for columns in (60, 80, 160):
        shown = run("get", "--list", env=environment(COLUMNS=str(columns))).stdout
        assert max(map(len, shown.splitlines())) <= columns
        words = shown.split()
        assert all(key["name"] in words for key in listed())


def test_computed_values_are_what_their_help_says(saved):
    told = document()
    values = json.loads(run("get", *saved(told), "--json", "workers", "workers_free", "connections_max", "oldest",
                            "workers.writing", "workers.keepalive", "workers.finishing", "busy%").stdout)
    letters = "".join(p["scoreboard"] for p in told["processes"])
    assert values == {"workers": 22, "workers_free": 29, "connections_max": 5 * 200, "oldest": 2_007_000,
                      "workers.writing": letters.count("W"), "workers.keepalive": letters.count("K"),
                      "workers.finishing": letters.count("G"), "busy%": 27.5}


def test_values_are_printed_in_the_order_asked(saved):
    options = saved(document(server__now_us=2**53 + 1))
    assert run("get", *options, "idle", "busy", "busy%", "async", "load1", "mpm", "now_us").stdout.split("\n") == \
        ["9", "11", "27.5", "1", "0.42", "hybrid", str(2**53 + 1), ""]
    assert run("get", "--names", *options, "idle", "busy%").stdout == "idle=9\nbusy%=27.5\n"


def test_a_key_that_does_not_exist_is_a_usage_error_that_names_the_nearest():
    assert "'connections'" in fails(1, "get", "busy", "conections")
    assert "workers_busy" in fails(1, "get", "bsy")
    assert "--list" in fails(1, "get", "something.else.entirely")
    assert "--list" in fails(1, "get")
    assert "limit" in fails(1, "get", "oldest%")
    fails(1, "get", "--list", "busy")


def test_a_value_the_server_does_not_tell_fails_before_anything_is_printed(saved):
    options = saved(stock_document())
    assert "'connections'" in fails(9, "get", *options, "busy", "connections")
    assert run("get", *options, "busy", "connections", "--default", "").stdout == "11\n\n"
    assert run("get", *options, "connections.keepalive", "-d", "none", "--json").stdout == '{"connections.keepalive":"none"}\n'


def test_texts_are_harmless_in_scripts_too(saved):
    done = run("get", "version", "name", *saved(document(server__version="a\nb\x1b[2J", server__name="\u202ex")))
    assert done.stdout == "a\\nb\\x1b[2J\n\\u{202e}x\n"


def test_get_and_check_serve_a_shell_script(server, tmp_path):
    script = tmp_path / "watchdog.sh"
    script.write_text("""#!/bin/sh
set -eu
mpmstats=$1 url=$2
limit=$("$mpmstats" get max_request_workers --url "$url")
read -r busy idle <<EOF
$("$mpmstats" get busy idle --url "$url" | paste -s -d' ' -)
EOF
test "$busy" -ge 1 && test "$busy" -le "$limit" && test "$idle" -ge 0
test "$("$mpmstats" get saturated --url "$url")" = 0
"$mpmstats" check --url "$url" --warn 'busy>=1' >/dev/null && exit 20
test $? = 1 || exit 21
"$mpmstats" check --url "$url" --crit 'busy>99%' --warn 'processes<1' >/dev/null || exit 22
"$mpmstats" get nonsense --url "$url" 2>/dev/null && exit 23
test $? = 1 || exit 24
echo fine
""")
    done = subprocess.run(["sh", str(script), cli.PROGRAM, address(server)[1]], capture_output=True, text=True,
                          env=environment(), timeout=60)
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


# ---- check --------------------------------------------------------------------------------------------------

LEVELS = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]
PERFDATA = re.compile(r"'([^'=]+)'=(-?[0-9.]+)(s|c|B|%)?;([^;]*);([^;]*);([^;]*);([^; ]*)")


def check(*arguments, **options):
    """Runs check, asserts the form every plugin has, and returns (level, message, {label: (value, unit, warn, crit, max)})."""
    done = run("check", *arguments, **options)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1 and not control_characters(done.stdout)
    level, rest = re.fullmatch(r"MPMSTATS ([A-Z]+) - (.*)\n", done.stdout).groups()
    assert LEVELS[done.returncode] == level
    message, _, data = rest.partition(" | ")
    assert "|" not in message + data
    assert re.fullmatch(rf"({PERFDATA.pattern}( |$))*", data), data
    return level, message, {m[0]: (float(m[1]), m[2], m[3], m[4], m[6]) for m in PERFDATA.findall(data)}


@pytest.mark.parametrize("warn, crit, level", [
    ([], [], "OK"),
    (["busy>27%"], [], "WARNING"), (["busy>27.5%"], [], "OK"), (["busy>=27.5%"], [], "WARNING"),
    (["busy>10"], ["busy>11"], "WARNING"), (["busy>10"], ["busy>=11"], "CRITICAL"), (["busy%>20"], [], "WARNING"),
    (["busy<12"], [], "WARNING"), (["busy<11"], [], "OK"), (["busy<=11"], [], "WARNING"), (["busy=11"], [], "WARNING"),
    (["busy==12"], [], "OK"), (["busy!=12"], [], "WARNING"), (["busy!=11"], [], "OK"),
    (["busy>90%,idle<10"], [], "WARNING"), (["busy>90%", "idle<10"], [], "WARNING"), (["busy>90%, idle < 1"], [], "OK"),
    (["oldest>2s"], ["oldest>3s"], "WARNING"), (["oldest>2100ms"], [], "OK"), (["oldest>2"], [], "WARNING"),
    ([], ["oldest>1m"], "OK"), (["uptime>24h"], [], "WARNING"), (["uptime<2d"], [], "WARNING"), (["uptime>26h"], [], "OK"),
    (["bytes>9G"], [], "WARNING"), (["bytes>=10g"], [], "WARNING"), (["bytes>10G"], [], "OK"), (["requests>1.2M"], [], "WARNING"),
    (["load1>0.41"], [], "WARNING"), ([], ["saturated=1"], "OK"), (["connections.keepalive>1%"], [], "WARNING"),
    (["busy>1"], ["busy>1"], "CRITICAL"),
])
def test_a_check_alarms_exactly_when_a_condition_holds(saved, warn, crit, level):
    options = [o for c in warn for o in ("--warn", c)] + [o for c in crit for o in ("-c", c)]
    found, message, _ = check(*saved(document()), *options)
    assert found == level
    assert "busy 11 of 40 (27%)" in message or level != "OK"


def test_performance_data_carry_value_unit_thresholds_and_limit(saved):
    _, _, data = check(*saved(document()), "-w", "busy>50%", "-c", "busy>90%", "-w", "idle<2", "-c", "oldest>1m", "-w", "processes=0",
                       "-c", "processes!=3")
    assert data["busy"] == (11, "", "20", "36", "40")
    assert data["idle"] == (9, "", "2:", "", "40")
    assert data["oldest"] == (2.007, "s", "", "60", "")
    assert data["processes"] == (3, "", "@0:0", "3:3", "5")
    assert data["requests"] == (1234567, "c", "", "", "") and data["bytes"] == (10 * 2**30, "B", "", "", "")
    assert data["connections"] == (123, "", "", "", "1000")


def test_a_condition_that_cannot_be_judged_is_unknown_not_ok(saved):
    options = saved(stock_document())
    level, message, _ = check(*options, "--warn", "connections>5")
    assert level == "UNKNOWN" and "connections" in message
    assert check(*options, "--warn", "connections>5,busy>1")[0] == "WARNING"
    assert check(*options, "--warn", "connections.write>5%", "--crit", "busy>1")[0] == "CRITICAL"


@pytest.mark.parametrize("condition", [
    "", ",", "busy", "busy>", ">5", "busy=>5", "busy<>5", "busy>5x", "busy>x", "busy>80%%", "oldest>5%", "oldest>1y", "mpm=1", "nokey>1",
    "busy>5,", "busy>1e999", "busy>nan", "busy>5 6", "oldest>-1s", "\x1b[2J>1", "|>1",
])
def test_a_condition_that_is_none_is_unknown(saved, condition):
    assert check(*saved(document()), "--warn", condition)[0] == "UNKNOWN"
    assert check(*saved(document()), "--crit", "busy>1", "--crit", condition)[0] == "UNKNOWN"


@pytest.mark.parametrize("arguments", [["--nonsense"], ["more"], ["--timeout", "x"], ["--warn"], ["--from", "/no/such/file"]])
def test_wrong_arguments_are_unknown_to_the_monitoring(arguments):
    assert check(*arguments)[0] == "UNKNOWN"


def test_wrong_arguments_before_the_command_are_unknown_too():
    for arguments in (["--nonsense"], ["--timeout", "x"], ["--json=x"]):
        done = run(*arguments, "check")
        assert done.returncode == 3 and done.stdout.startswith("MPMSTATS UNKNOWN - ") and done.stderr == ""


def test_a_server_in_trouble_is_critical_and_a_wrong_setup_unknown(tls_dir):
    assert check("--url", f"127.0.0.1:{procs.free_port()}")[0] == "CRITICAL"
    with RawServer(lambda connection: time.sleep(10)) as silent:
        assert check("--url", silent.url(), "--timeout", "0.2")[0] == "CRITICAL"
    for status, level in ((500, "CRITICAL"), (503, "CRITICAL"), (404, "UNKNOWN"), (401, "UNKNOWN"), (403, "UNKNOWN"), (302, "UNKNOWN")):
        with FakeServer({"/mpm-status": Answer("", status)}) as fake:
            assert check("--url", fake.url())[0] == level
    with FakeServer({"/mpm-status": Answer("{}")}) as fake:
        assert check("--url", fake.url())[0] == "UNKNOWN"
    with FakeServer({}, certificate=(str(tls_dir / "server.crt"), str(tls_dir / "server.key"))) as fake:
        assert check("--url", fake.url())[0] == "CRITICAL"


def test_check_speaks_json_too(saved):
    done = run("check", *saved(document()), "--warn", "busy>1", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["code"], told["status"]) == (1, 1, "WARNING") and "'busy'=11" in told["perfdata"]


# ---- watch --------------------------------------------------------------------------------------------------

class Moving:
    """A status page on which time passes: each answer is a second later, with 50 more requests and 4096 more bytes."""

    def __init__(self, change=lambda step, told: None):
        self.step, self.change = -1, change

    def __call__(self, handler):
        self.step += 1
        told = document()
        told["server"]["now_us"] += self.step * 1_000_000
        told["totals"]["requests"] += self.step * 50
        told["totals"]["bytes"] += self.step * 4096
        told["totals"]["workers_busy"] = self.step
        return self.change(self.step, told) or Answer(told)


@pytest.fixture
def moving():
    with FakeServer({"/mpm-status": Moving()}) as fake:
        yield ["--url", fake.url()]


def test_watch_prints_counters_as_growth_per_second(moving):
    lines = run("watch", *moving, "-n", "20ms", "-c", "3", "busy", "requests", "bytes", "busy%").stdout.splitlines()
    assert lines[0].split() == ["TIME", "Busy", "Requests/s", "Traffic/s", "Busy%"]
    assert [line.split()[1:] for line in lines[1:]] == [
        ["1", "50.0", "4.00", "KiB", "2%"], ["2", "50.0", "4.00", "KiB", "5%"], ["3", "50.0", "4.00", "KiB", "7%"]]
    assert lines[1].split()[0] == "23:13:21"
    assert len({len(line) for line in lines}) == 1


def test_watch_in_csv_has_one_heading_and_utc_times(moving):
    text = run("watch", *moving, "--csv", "-n", "0.02", "-c", "30", "busy", "requests", "connections%", "mpm").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 30
    assert rows[0] == {"time": "2023-11-15T23:13:21.123Z", "workers_busy": "1", "requests_per_s": "50.000",
                       "connections_percent": "12.3", "mpm": "hybrid"}


def test_watch_in_json_is_an_object_a_line(moving):
    lines = run("watch", *moving, "--json", "-n", "20ms", "-c", "2", "busy", "requests", "saturated", "mpm").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"time": f"2023-11-15T23:13:2{i}.123Z", "workers_busy": i, "requests_per_s": 50.0, "saturated": False, "mpm": "hybrid"}
        for i in (1, 2)]


def test_watch_without_counters_begins_at_once(moving):
    began = time.monotonic()
    lines = run("watch", *moving, "-n", "1h", "-c", "1", "busy").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["Busy", "0"] and time.monotonic() - began < 20


def test_watch_shows_the_usual_values_that_the_server_tells(moving, saved):
    heading = run("watch", *moving, "-n", "20ms", "-c", "1").stdout.splitlines()[0]
    for word in ("Busy", "Idle", "Connections", "Keep-alive", "Requests/s"):
        assert word in heading
    with FakeServer({"/mpm-status": Answer(stock_document())}) as fake:
        heading = run("watch", "--url", fake.url(), "-n", "20ms", "-c", "1").stdout.splitlines()[0]
        assert "Busy" in heading and "Connections" not in heading and "Requests" not in heading


def test_watch_does_not_make_up_a_rate_across_a_restart():
    def change(step, told):
        if step >= 2:
            told["server"].update(started_us=told["server"]["now_us"], counters_since_us=told["server"]["now_us"])
            told["totals"]["requests"] = 10_000_000 + step * 70
            told["server"]["started_us"] = told["server"]["counters_since_us"] = 5

    with FakeServer({"/mpm-status": Moving(change)}) as fake:
        lines = run("watch", "--url", fake.url(), "-n", "20ms", "-c", "3", "--json", "requests").stdout.splitlines()
    assert [json.loads(line).get("requests_per_s") for line in lines] == [50.0, None, 70.0]


def test_watch_goes_on_after_a_failure_in_between():
    def change(step, told):
        return Answer("busy", 503) if step in (2, 3) else None

    with FakeServer({"/mpm-status": Moving(change)}) as fake:
        done = run("watch", "--url", fake.url(), "-n", "20ms", "-c", "4", "--csv", "requests")
        assert done.returncode == 0
        assert [row.split(",")[1] for row in done.stdout.split()] == ["requests_per_s", "50.000", "50.000"]
        assert len(done.stderr.splitlines()) == 2
    with FakeServer({"/mpm-status": Moving(lambda step, told: Answer("", 500) if step > 1 else None)}) as fake:
        assert run("watch", "--url", fake.url(), "-n", "20ms", "-c", "2", "requests").returncode == 7


def test_watch_ends_when_the_first_look_fails():
    fails(3, "watch", "--url", f"127.0.0.1:{procs.free_port()}", "busy")


def test_watch_repeats_the_heading_once_a_screen(moving):
    code, shown = in_terminal("watch", *moving, "-n", "10ms", "-c", "25", "busy", rows=11)
    lines = without_colours(shown).splitlines()
    assert code == 0 and [i for i, line in enumerate(lines) if "TIME" in line] == [0, 11, 22]


def test_watch_flushes_each_line_and_ends_silently_on_a_signal_or_closed_pipe(moving):
    for end in (lambda p: p.send_signal(signal.SIGINT), lambda p: p.send_signal(signal.SIGTERM), lambda p: p.stdout.close()):
        process = subprocess.Popen([cli.PROGRAM, "watch", *moving, "-n", "20ms", "busy"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment())
        for _ in range(3):
            assert process.stdout.readline()
        end(process)
        assert process.stderr.read() == b""
        assert process.wait(20) in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGPIPE)


def test_watch_does_not_hold_a_connection_between_two_looks(server):
    process = subprocess.Popen([cli.PROGRAM, "watch", *address(server), "-n", "2s", "busy"], stdout=subprocess.PIPE,
                               env=environment())
    try:
        assert process.stdout.readline() and process.stdout.readline()
        wait_until(lambda: not [f for f in procs.fds(process.pid).values() if f.startswith("socket:")], 1.5,
                   "no socket open while it sleeps")
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("arguments, word", [
    (["nokey"], "nokey"), (["-n", "0", "busy"], "--interval"), (["-n", "soon"], "soon"), (["-c", "0"], "--count"), (["-c", "1.5"], "--count"),
    (["--from", "x.json"], "diff"),
])
def test_watch_names_a_wrong_argument(arguments, word):
    assert word in fails(1, "watch", *arguments)


# ---- save and diff --------------------------------------------------------------------------------------------

def test_what_is_saved_can_be_looked_at_like_the_server(server, tmp_path):
    file = tmp_path / "now.json"
    assert run("save", file, *address(server)).returncode == 0
    told = json.loads(file.read_text())
    assert told["server"]["pid"] == server.pid
    assert f"pid {server.pid}" in run("--from", file).stdout
    assert run("get", "pid", "--from", file).stdout == f"{server.pid}\n"
    assert json.loads(run("--from", file, "--json").stdout) == told


def test_save_replaces_a_file_whole_and_leaves_nothing_else(saved, tmp_path):
    target = tmp_path / "out" / "kept.json"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o644)
    assert run("save", target, *saved(document())).returncode == 0
    assert json.loads(target.read_text()) == document()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600     # requests may have tokens in them
    assert os.listdir(target.parent) == ["kept.json"]
    assert json.loads(run("save", "-", *saved(document())).stdout) == document()


def test_a_failed_save_keeps_the_old_file(tmp_path, saved):
    target = tmp_path / "kept.json"
    target.write_text("old")
    fails(3, "save", target, "--url", f"127.0.0.1:{procs.free_port()}")
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["kept.json"]
    fails(2, "save", tmp_path / "no" / "where", *saved(document()))
    assert "ordinary" in fails(2, "save", "/dev/null", *saved(document()))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    fails(1, "save", *saved(document()))
    fails(1, "save", target, "more", *saved(document()))


@pytest.fixture
def two(saved):
    before = document()
    after = document(server__now_us=before["server"]["now_us"] + 10_000_000, totals__requests=1_234_567 + 1000,
                     totals__bytes=10 * 2**30 + 10240, totals__workers_busy=5, limits__max_request_workers=80, server__mpm="event")
    after["processes"][2]["pid"] = 5000
    del after["totals"]["connections"]
    return saved(before, "a.json")[1], saved(after, "b.json")[1]


def test_diff_tells_what_changed_and_how_fast(two):
    text = run("diff", *two, env=environment(COLUMNS="120")).stdout
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith(" ") or line[0].islower()}
    assert "10.0 s apart." in text
    assert rows["requests"] == ["1,234,567", "1,235,567", "+1,000", "100.0/s"]
    assert rows["bytes"][-2:] == ["1.00", "KiB/s"]
    assert rows["workers_busy"] == ["11", "5", "-6", "-"]
    assert rows["mpm"] == ["hybrid", "event", "-", "-"]
    assert rows["max_request_workers"] == ["40", "80", "+40", "-"]
    assert rows["connections"] == ["123", "-", "-", "-"]
    assert "Processes that went: 4002" in text and "Processes that came: 5000" in text
    assert "workers_idle" not in rows and "now_us" not in rows
    assert "workers_idle" in run("diff", *two, "--all").stdout


def test_diff_has_a_unit_for_the_rate_of_a_time(saved):
    before, after = document(), document()
    after["server"]["now_us"] += 10_000_000
    after["latency"]["handler"]["sum_us"] += 250_000
    text = run("diff", saved(before, "a.json")[1], saved(after, "b.json")[1], env=environment(COLUMNS="120")).stdout
    assert next(line.split() for line in text.splitlines() if line.startswith("handler.sum"))[-3:] == ["ms", "25.0", "ms/s"], text


def test_diff_in_json_has_numbers(two):
    told = json.loads(run("diff", *two, "--json").stdout)
    assert told["seconds"] == 10.0 and told["restarted"] is False
    assert told["values"]["requests"] == {"before": 1_234_567, "after": 1_235_567, "per_s": 100.0}
    assert told["values"]["connections"] == {"before": 123}
    assert told["processes_gone"] == [4002] and told["processes_new"] == [5000]


def test_diff_of_the_same_of_a_restart_and_of_swapped_files(two, saved):
    assert "No value changed." in run("diff", two[0], two[0]).stdout
    assert "swap" in run("diff", two[1], two[0]).stdout
    anew = saved(document(server__started_us=1_700_090_000_000_000, totals__requests=9_999_999), "c.json")[1]
    text = run("diff", two[0], anew).stdout
    assert "restarted" in text and "/s" not in text


def test_diff_with_one_file_compares_with_the_server(server, tmp_path):
    file = tmp_path / "before.json"
    assert run("save", file, *address(server)).returncode == 0
    for _ in range(5):
        server.get("/hello.txt")
    told = json.loads(run("diff", file, *address(server), "--json").stdout)
    requests = told["values"]["requests"]
    assert requests["after"] >= requests["before"] + 5 and not told["restarted"]


def test_diff_names_what_is_wrong_with_its_arguments(two):
    fails(1, "diff")
    fails(1, "diff", "-", "-")
    fails(1, "diff", *two, "more")
    fails(2, "diff", "/no/such/file", two[0])
    fails(3, "diff", two[0], "--url", f"127.0.0.1:{procs.free_port()}")
    assert run("diff", "-", two[0], stdin=open(two[0]).read()).returncode == 0


@pytest.mark.parametrize("command, option, word, known", [
    ("workers", "--state", "idel", "_ idle"), ("workers", "--state", "W,foo", "W writing"), ("workers", "--state", "X", "busy"),
    ("processes", "--state", "redy", "ready"), ("events", "--kind", "crash,crush", "crash"),
])
def test_a_state_or_kind_that_there_is_not_is_refused(saved, command, option, word, known):
    """None of that would look as if all were well."""
    said = fails(1, command, *saved(document()), option, word)
    assert word.split(",")[-1] in said and known in said
