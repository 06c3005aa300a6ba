# SPDX-License-Identifier: Apache-2.0
"""mpmstats on a server of this machine: through its segment, without asking it."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import cli
import procs
from cli import environment, fails, run
from clients import Client
from fakeserver import Answer, FakeServer
from load import Load
from procs import wait_until
from tmux import Terminal
from segmentfile import Board, SegmentFile, event, now, segment_bytes

STALE = 11


# ---- what is in a file --------------------------------------------------------------------------------------------

def worker(status, age=0.0, **more):
    return dict(status=status, last_used=now() - int(age * 1e6), **more)


def content(**changes):
    """A small busy server."""
    t = now()
    board = Board([
        (dict(pid=4711, generation=1), [
            worker("W", 2.5, client64="192.0.2.1", vhost="www.example.org:80", request="GET /slow HTTP/1.1", protocol="http/1.1",
                   access_count=10, bytes_served=1000, start_time=t - 9_000_000, stop_time=t - 8_000_000),
            worker("_", access_count=5, bytes_served=24), worker("K", 1)]),
        (dict(pid=4712, generation=0), [worker("W", 7), worker("G")]),
    ], threads=4)
    out = dict(
        board=board,
        server=dict(version="Apache/2.4.71 (Debian)", mpm="hybrid", model="event", pid=4710, generation=1, config_generation=2,
                    started=t - 3600_000_000, heartbeat=t, max_request_workers=6, threads_per_child=3, server_limit=2,
                    connections_per_process=20, connections_accepted=77, keepalive_gap=[1000] * 9, **{"async": 1}),
        process=[dict(pid=4711, slot=0, generation=1, started=t - 60_000_000, connections=9, conn_keepalive=6, conn_running=3,
                      connections_accepted=70, requests=15, left=0)],
        vhost=[dict(name="www.example.org:80", retired=0, in_flight=1, responses_2xx=98, responses_5xx=2, sent=4096,
                    queue=[100] * 90 + [5000] * 10, total=[2000] * 100),
               dict(name="other.example.org:443", retired=0, responses_2xx=7, total=[50] * 7), dict(name="other", in_flight=0)],
        handler=[dict(name="default-handler", state=2, requests=105, busy=1, time=3_000_000, longest=900_000)],
        listener=[dict(address="*:80", protocol="http", queue=3, queue_limit=511)],
        event=[event(1, "start", t - 3600_000_000), event(2, "crash", t - 5_000_000, pid=99, a=11, b=60_000_000),
               event(3, "saturated", t - 1_000_000, a=6, b=6)])
    for name, value in changes.items():
        section, _, field = name.partition("__")
        if field:
            out[section][field] = value
        else:
            out[section] = value
    return out


@pytest.fixture
def segment(tmp_path):
    with SegmentFile(tmp_path / "mpmstats.segment", **content()) as segment:
        yield segment


def at(segment, *args, **options):
    return run("--segment", segment.path, *args, **options)


def told(done, code=0):
    assert done.returncode == code, (done.returncode, done.stderr)
    return json.loads(done.stdout)


def test_all_of_a_segment_is_shown_as_the_server_would_say_it(segment):
    answer = told(at(segment, "--json"))
    assert answer["source"] == {"segment": str(segment.path), "live": True, "age_us": 0}
    assert answer["server"]["mpm"] == "hybrid" and answer["server"]["pid"] == 4710 and 3600 <= answer["server"]["uptime_s"] <= 3610
    assert answer["limits"]["max_request_workers"] == 6 and "timeout_us" not in answer["limits"]    # not known is not 0
    totals = answer["totals"]
    assert (totals["processes"], totals["processes_quiescing"], totals["workers_busy"], totals["workers_idle"],
            totals["workers_finishing"]) == (2, 1, 3, 1, 1)
    assert (totals["requests"], totals["bytes"], totals["connections"], totals["connections_accepted"]) == (107, 4096, 9, 77)
    by_state = totals["connections_by_state"]
    assert (by_state["running"], by_state["keepalive"]) == (3, 6) and "head" not in by_state and totals["saturated"] is False
    first, second = answer["processes"]
    assert first["scoreboard"] == "W_K" and first["state"] == "ready" and first["accepted"] == 70
    assert second["scoreboard"] == "WG." and second["state"] == "quiescing"
    busy = answer["workers"][0]
    assert busy["request"] == "GET /slow HTTP/1.1" and busy["client"] == "192.0.2.1" and busy["last_duration_us"] == 1_000_000
    assert 2_500_000 <= busy["since_us"] <= 12_500_000
    assert [v["name"] for v in answer["vhosts"]] == ["www.example.org:80", "other.example.org:443"]
    assert answer["vhosts"][0]["requests"] == 100 and 4900 <= answer["vhosts"][0]["latency"]["queue"]["p99_us"] <= 5100
    assert [e["kind"] for e in answer["events"]] == ["saturated", "crash", "start"]


def test_workers_are_chosen_by_what_they_run(tmp_path):
    handler = [dict(name=name, state=2, requests=1, busy=0) for name in ("default-handler", "proxy:fcgi://php", "proxy:http://b")]
    # threads of slot 0 are records 0 to 3, those of slot 1 4 to 7; 9 is no handler, nor is what is all ones
    ran = [dict(handler=n) for n in (2, 1, 0, 0, 3, 9)] + [dict()] * 2
    with SegmentFile(tmp_path / "x", **content(handler=handler, worker=ran)) as segment:
        assert [w.get("handler") for w in told(at(segment, "workers", "--json"))] == ["proxy:fcgi://php", "default-handler", None, "proxy:http://b", None]
        assert [w["pid"] for w in told(at(segment, "workers", "--handler", "proxy:*", "--json"))] == [4711, 4712]
        assert at(segment, "workers", "--handler", "PROXY:FCGI*", "--state", "busy", "--count").stdout == "1\n"
        assert at(segment, "workers", "--handler", "php").stdout == "No worker matches.\n"
        first = at(segment, "workers", "--sort", "handler").stdout.splitlines()[1]
        assert first.endswith("default-handler")


def test_times_stand_in_the_status(segment):
    assert re.search(r"^Times       queue 1\d\d us, 99 % within (4.9\d|5.00?) ms · total ", at(segment).stdout, re.M)


@pytest.mark.parametrize("ago,says", [(30.4, r"sampled 3\d(\.\d+)? s"), (-60, None), (None, None)])
def test_what_is_sampled_says_how_old_it_is_when_it_is_old(tmp_path, ago, says):
    with SegmentFile(tmp_path / "x", **content(**({} if ago is None else {"server__sampled": now() - int(ago * 1e6)}))) as segment:
        text, server = at(segment).stdout, told(at(segment, "--json"))["server"]
        assert re.search(says, text) if says else "sampled " not in text
        assert (ago is not None) == ("sampled_age_us" in server)
        assert ago is None or max(ago, 0) * 1e6 <= server["sampled_age_us"] < max(ago, 0) * 1e6 + 9e6


def test_tables_of_virtual_hosts_handlers_and_events(segment):
    text = at(segment, "vhosts").stdout
    assert text.splitlines()[1].split()[:2] == ["www.example.org:80", "100"]
    assert at(segment, "vhosts", "--sort", "total.p99").stdout.splitlines()[1].startswith("www.example.org:80")
    assert at(segment, "vhosts", "--sort", "total.p99", "--reverse").stdout.splitlines()[1].startswith("other.example.org:443")
    assert [v["name"] for v in told(at(segment, "vhosts", "--vhost", "OTHER*", "--json"))] == ["other.example.org:443"]
    assert at(segment, "vhosts", "--vhost", "nobody").stdout == "No virtual host matches.\n"
    assert at(segment, "vhosts", "--handlers").stdout.splitlines()[1].split()[:3] == ["default-handler", "105", "1"]
    lines = at(segment, "events").stdout.splitlines()
    assert len(lines) == 4 and "saturated" in lines[1] and "Process 99" in lines[2] and "SIGSEGV (11)" in lines[2]
    assert [e["number"] for e in told(at(segment, "events", "--kind", "crash,start", "--json"))] == [2, 1]
    assert [e["number"] for e in told(at(segment, "events", "--since", "1m", "--first", "1", "--json"))] == [3]
    assert "requests" in fails(1, "--segment", segment.path, "vhosts", "--sort", "reqests")


def test_keys_of_phases_and_virtual_hosts(segment):
    done = at(segment, "get", "queue.p99", "vhost[www.example.org].errors%", "vhost[other.example.org:443].requests", "-n")
    names = dict(line.split("=") for line in done.stdout.splitlines())
    assert 4900 <= int(names["queue.p99"]) <= 5100
    assert names["vhost[www.example.org].errors%"] == "2.0" and names["vhost[other.example.org:443].requests"] == "7"
    assert "no virtual host" in fails(9, "--segment", segment.path, "get", "vhost[nobody].requests")
    assert "'requests'" in fails(1, "--segment", segment.path, "get", "vhost[www.example.org].reqests")
    assert "vhost[www.example.org]" in fails(1, "--segment", segment.path, "get", "vhost[].requests")
    done = at(segment, "check", "--for", "0", "--warn", "queue.p99>1ms", "--crit", "vhost[www.example.org].errors>1%")
    assert done.returncode == 2 and "vhost[www.example.org].errors 2 of 100 (2%) meets" in done.stdout
    assert "'vhost[www.example.org].errors'=2c;;1;0;100" in done.stdout and re.search(r"'queue.p99'=0.00(49\d*|5\d*)s;0.001;;0;", done.stdout)
    assert at(segment, "check", "--for", "0", "--crit", "vhost[www.example.org].errors>3%").returncode == 0
    done = at(segment, "check", "--for", "0", "--crit", "vhost[nobody].errors>3%")
    assert done.returncode == 3 and "nobody" in done.stdout
    listed = {entry["name"]: entry for entry in told(run("get", "--list", "--vhost", "--json"))}
    assert listed["queue.p99"]["unit"] == "us" and listed["errors"]["limit"] == "requests"


def test_metrics_are_those_of_the_server(segment, tmp_path):
    text = at(segment, "metrics").stdout
    assert 'httpd_workers_busy 3\n' in text and "\n# EOF\n" in text
    assert "# TYPE httpd_connections_accepted_total counter" in text
    assert "# TYPE httpd_connections_accepted counter" in at(segment, "metrics", "--openmetrics").stdout
    file = tmp_path / "httpd.prom"
    assert at(segment, "metrics", "--write", file).returncode == 0 and "httpd_workers_busy 3\n" in file.read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["httpd.prom", "mpmstats.segment"]
    segment.die()
    file.write_text("old")
    assert "left as it was" in fails(STALE, "--segment", segment.path, "metrics", "--write", file) and file.read_text() == "old"
    assert "saved" in fails(1, "--from", "/dev/null", "metrics") and "JSON" in fails(1, "--segment", segment.path, "metrics", "--json")


def test_a_dead_server_is_shown_as_it_was_last_and_its_age_is_said(segment):
    segment.write(**content(server__heartbeat=now() - 90_000_000, created=now() - 3600_000_000))
    segment.die()
    for command, word in (("status", "1 idle"), ("workers", "GET /slow"), ("processes", "4711"), ("vhosts", "www.example.org:80"),
                          ("events", "SIGSEGV (11)"), ("get busy", "3"), ("metrics", "httpd_workers_busy 3")):
        done = at(segment, *command.split())
        assert done.returncode == STALE and word in done.stdout, (command, done.stdout)
        assert done.stderr.count("\n") == 1 and "is dead" in done.stderr and "1m30s ago" in done.stderr
    assert "from " + str(segment.path) in at(segment).stdout.splitlines()[0]
    assert told(at(segment, "--json"), STALE)["source"]["live"] is False
    done = at(segment, "check")
    assert done.returncode == 2 and "is dead" in done.stdout and "'busy'=3" in done.stdout
    assert "is dead" in fails(3, "--segment", segment.path, "watch", "-c", "1")
    assert "is dead" in fails(3, "--segment", segment.path, "tune", "--for", "5s").splitlines()[-1]


def test_a_parent_that_does_nothing_is_noted(segment):
    segment.write(**content(server__heartbeat=now() - 120_000_000))
    done = at(segment, "get", "busy")
    assert done.returncode == 0 and done.stdout == "3\n" and "parent process (pid 4710)" in done.stderr and "stopped?" in done.stderr
    assert at(segment, "check").returncode == 1
    # mpm_hybrid's parent looks once a second, a stock one every ten
    segment.write(**content(server__heartbeat=now() - 12_000_000))
    assert at(segment, "check").returncode == 1
    segment.write(**content(server__heartbeat=now() - 12_000_000, server__mpm="event"))
    assert at(segment, "check").returncode == 0


@pytest.mark.parametrize("quiet, code, word", [
    ((20_000, 900_000), 0, "OK"), ((6_000_000, 20_000), 1, "1 of the server's 2 processes is stalled (pid 4711)"),
    ((6_000_000, 9_000_000), 2, "all 2 processes of the server are stalled")])
def test_processes_that_do_not_move_are_noted(segment, quiet, code, word):
    segment.write(**content(process=[dict(pid=pid, slot=slot, started=now() - 60_000_000, left=0, quiet=at)
                                     for slot, (pid, at) in enumerate(zip((4711, 4712), quiet))]))
    done = at(segment, "check")
    assert done.returncode == code and word in done.stdout, done.stdout
    assert ("processes" in at(segment, "get", "busy").stderr) == (code > 0)


def test_top_follows_a_segment_and_says_when_its_server_is_dead(segment):
    with Terminal(cli.PROGRAM, "top", "--segment", segment.path, "-n", "200ms") as terminal:
        terminal.wait_for("GET /slow HTTP/1.1")
        assert "3 of 6 busy" in "\n".join(terminal.screen())
        segment.write(**content(board=Board([(dict(pid=4711, generation=1), [worker("W", 1, request="GET /other HTTP/1.1")])], threads=4)))
        terminal.wait_for("GET /other HTTP/1.1")
        segment.die()
        terminal.wait_for("is dead")
        assert "GET /other" in "\n".join(terminal.screen())


# ---- what happened lately -----------------------------------------------------------------------------------------------

BEGAN = now() - 7200_000_000


def grown(requests=0, errors=0, queue=()):
    """content() with so many more requests of www.example.org, some of them errors, that waited for these times."""
    more = content(server__started=BEGAN)
    host = more["vhost"][0]
    host.update(responses_2xx=98 + requests - errors, responses_5xx=2 + errors, queue=host["queue"] + list(queue))
    more["server"].update(connections_accepted=77 + requests)
    return more


def test_a_check_may_judge_what_happened_since_the_last_one(segment, tmp_path):
    file = tmp_path / "state"
    options = ["check", "--since", file, "--warn", "vhost[www.example.org].errors>10%", "--crit", "queue.p99>1s"]
    segment.write(**grown())
    done = at(segment, *options)        # the first goes by everything since the start
    assert done.returncode == 0 and " over " not in done.stdout and ".errors'=2c;" in done.stdout, done.stdout
    segment.write(**grown(10, 5, [2_000_000] * 10))
    done = at(segment, *options)        # 7 of 110 in all would be no more than 10 %
    assert done.returncode == 2 and re.search(r"queue.p99 2\.0\d s meets queue.p99>1s", done.stdout), done.stdout
    assert "vhost[www.example.org].errors 5 of 10 (50%) meets" in done.stdout and re.search(r" over \d", done.stdout) and ".errors'=5;1;;0;10" in done.stdout
    done = at(segment, *options, "--json")      # nothing happened: nothing was slow
    assert done.returncode == 0 and json.loads(done.stdout)["seconds"] > 0, done.stdout
    segment.write(**grown(20, 5, [2_000_000] * 10 + [10] * 10))
    done = at(segment, *options)
    assert done.returncode == 0 and ".errors'=0;1;;0;10" in done.stdout
    # one that was started anew is judged by what it did since
    again = content(server__started=now() - 1_000_000, server__pid=5000)
    segment.write(**again)
    done = at(segment, *options)
    assert done.returncode == 0 and " over " not in done.stdout and ".errors'=2c;" in done.stdout
    segment.die()
    before = file.read_bytes()
    assert at(segment, *options).returncode == 2 and file.read_bytes() == before


def test_what_a_check_keeps_of_requests_is_its_owners_alone(segment, tmp_path):
    file = tmp_path / "state"
    assert at(segment, "check", "--since", file).returncode == 0
    assert "/slow" in file.read_text() and file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)       # an older version's
    assert at(segment, "check", "--since", file).returncode == 0 and file.stat().st_mode & 0o777 == 0o600


def test_a_check_may_wait_and_look_twice(segment):
    segment.write(**grown())
    process = subprocess.Popen([cli.PROGRAM, "--segment", segment.path, "check", "--for", "2s", "--crit", "vhost[www.example.org].errors>30%"],
                               env=environment(), stdout=subprocess.PIPE, text=True)
    for step in range(1, 1000):     # half of what comes between the two looks, whenever they are, are errors
        segment.write(**grown(10 * step, 5 * step))
        if process.poll() is not None:
            break
        time.sleep(0.1)
    out = process.communicate(timeout=20)[0]
    assert process.returncode == 2 and re.search(r"errors \d+ of \d+ \(50%\) meets", out) and re.search(r"over [2-9][\d.]* s", out), out


def test_a_bad_hour_is_no_alarm_for_weeks(segment):
    """Shares and times are of now where nobody names an interval; counters are what they are."""
    segment.write(**grown(1000, 900, [3_000_000] * 900))
    options = ["check", "--warn", "queue.p99>1s,errors>5%,vhost[www.example.org].errors>5%", "--crit", "responses_5xx>5000"]
    done = at(segment, *options)
    assert done.returncode == 0 and re.search(r" over [2-9]", done.stdout), done.stdout
    assert "'responses_5xx'=902c" in done.stdout and "'requests'=1107c" in done.stdout, done.stdout
    assert at(segment, *options, "--for", "0").returncode == 1
    assert at(segment, "check", "--crit", "responses_5xx>900").returncode == 2
    # what goes on is an alarm
    process = subprocess.Popen([cli.PROGRAM, "--segment", segment.path, *map(str, options)], env=environment(), stdout=subprocess.PIPE, text=True)
    for step in range(1, 1000):
        segment.write(**grown(1000 + 10 * step, 900 + 5 * step, [3_000_000] * (900 + step)))
        if process.poll() is not None:
            break
        time.sleep(0.1)
    out = process.communicate(timeout=20)[0]
    assert process.returncode == 1 and "(50%)" in out and "queue.p99" in out, out


def test_a_check_without_conditions_warns_of_what_the_page_shows_as_an_alarm(segment):
    assert at(segment, "check").returncode == 0     # what is not told is no alarm
    segment.write(**content(server__workers_hung=2))
    done = at(segment, "check")
    assert done.returncode == 1 and "workers_hung 2" in done.stdout, done.stdout
    assert at(segment, "check", "--warn", "busy>1000").returncode == 0
    segment.write(**content(server__max_request_workers=2))
    done = at(segment, "check")
    assert done.returncode == 1 and "saturated" in done.stdout, done.stdout


def test_times_of_single_virtual_hosts_are_of_the_interval(segment, tmp_path):
    segment.write(**grown(0, 0, [3_000_000] * 900))
    options = ["check", "--since", tmp_path / "state", "--warn", "vhost[www.example.org].queue.p99>1s"]
    assert at(segment, *options).returncode == 1        # the first goes by everything since the start
    segment.write(**grown(10, 5, [3_000_000] * 900 + [20] * 10))
    done = at(segment, *options)
    assert done.returncode == 0 and re.search(r"queue.p99'=2(\.\d*)?e-05s", done.stdout), done.stdout
    assert at(segment, *options).returncode == 0        # nothing happened
    segment.write(**grown(20, 5, [3_000_000] * 910 + [20] * 10))
    assert at(segment, *options).returncode == 1
    # and where no interval is named
    done = at(segment, "check", "--warn", "vhost[www.example.org].queue.p99>1s")
    assert done.returncode == 0 and " over " in done.stdout, done.stdout


def test_times_of_virtual_hosts_of_a_server_elsewhere_are_since_its_start(tmp_path):
    """It tells no distributions of them: an interval that was named is unknown, the usual one is not insisted on."""
    with SegmentFile(tmp_path / "x", **grown()) as segment:
        before = told(at(segment, "--json"))
    after = json.loads(json.dumps(before))
    after["server"]["now_us"] += 1_000_000
    after["vhosts"][0]["latency"]["queue"]["count"] += 5
    condition = ["--warn", "vhost[www.example.org].queue.p99>1us"]
    looks = [after, after, before]
    with FakeServer({"/mpm-status": lambda _: Answer(looks.pop() if len(looks) > 1 else after)}) as fake:
        done = run("check", "--url", fake.url(), *condition)
    assert done.returncode == 1 and "queue.p99" in done.stdout, done.stdout
    state = tmp_path / "state"
    with FakeServer({"/mpm-status": Answer(before)}) as fake:
        run("check", "--url", fake.url(), "--since", state, *condition)
    with FakeServer({"/mpm-status": Answer(after)}) as fake:
        done = run("check", "--url", fake.url(), "--since", state, *condition)
    assert done.returncode == 3 and "does not report vhost[www.example.org].queue.p99 of that time" in done.stdout, done.stdout


@pytest.mark.parametrize("options, word", [
    (["--for", "1s", "--since", "x"], "leave out one"), (["--for", "2h"], "--since FILE"), (["--since", "/no/such/dir/x"], "/no/such/dir"),
    (["--since", "/dev/null"], "/dev/null")])
def test_an_interval_that_makes_no_sense_is_explained(segment, options, word):
    done = at(segment, "check", *options)
    assert done.returncode == 3 and word in done.stdout and done.stderr == "", done


# ---- what must not be believed --------------------------------------------------------------------------------------

def damaged():
    good = segment_bytes(**content())
    yield "empty", b"", 8, "empty"
    yield "short", good[:100], 8, "not a segment"
    yield "header only", good[:128], 8, "cut off"
    yield "half", good[:len(good) // 2], 8, "cut off"
    yield "longer", good + b"x", 8, "damaged"
    yield "random", os.urandom(50_000), 8, "not a segment"
    yield "zeros", bytes(50_000), 8, "not a segment"
    yield "magic alone", b"MPMSTATS" + bytes(5000), 8, "damaged"
    yield "version", good[:12] + b"\x09\0\0\0" + good[16:], 8, "version 9"
    yield "byte order", good[:8] + good[8:12][::-1] + good[12:], 8, "byte order"
    yield "a flipped bit", good[:300] + bytes([good[300] ^ 4]) + good[301:], 8, "damaged"


@pytest.mark.parametrize("data, code, word", [pytest.param(*d[1:], id=d[0]) for d in damaged()])
def test_a_file_that_is_none_gets_one_clear_line(tmp_path, data, code, word):
    file = tmp_path / "x"
    file.write_bytes(data)
    assert word in fails(code, "--segment", file, "status")
    assert word in fails(code, "--segment", file, "metrics")
    done = run("--segment", file, "check")
    assert done.returncode == 3 and word in done.stdout and done.stderr == ""


def test_figures_that_cannot_be_are_survived(tmp_path):
    most = 2**63 - 1
    with SegmentFile(tmp_path / "x", **content(
            server__generation=most, server__max_request_workers=2**64 - 2, server__threads_per_child=most, server__started=most,
            server__heartbeat=most, process=[dict(pid=4711, connections=most, conn_keepalive=most, left=0)] * 3,
            vhost=[dict(name="a", responses_2xx=most, responses_3xx=most, total=[2**32 - 1]), dict(name="a", responses_2xx=most)],
            board=Board([(dict(pid=4711), [worker("W", access_count=most, bytes_served=most, start_time=-5, stop_time=most)] * 3),
                         (dict(pid=-1), []), (dict(pid=2**40), [worker("W", access_count=most)])], threads=3))) as segment:
        for command in ("status", "status --json", "workers", "processes", "vhosts", "events", "metrics", "get busy requests"):
            done = at(segment, *command.split())
            assert done.returncode == 0, (command, done.stderr)
        assert all(v >= 0 for v in told(at(segment, "--json"))["totals"].values() if isinstance(v, int))


def test_what_clients_sent_does_not_reach_the_terminal(tmp_path):
    evil = b"\x1b]0;owned\x07\xff\xfe<script>\n"
    with SegmentFile(tmp_path / "x", **content(
            board=Board([(dict(pid=4711, generation=1), [worker("W", 1, client64=evil, request=evil * 4, vhost=evil)])], threads=2),
            vhost=[dict(name=evil, responses_2xx=1), dict(name="other")], event=[event(1, "crash", now(), text=evil)])) as segment:
        for command in ("status", "workers", "vhosts", "events", "metrics", "workers --json", "events --json"):
            done = subprocess.run([cli.PROGRAM, "--segment", segment.path, *command.split()], capture_output=True, env=environment())
            assert done.returncode == 0 and done.stdout.decode() and not set(done.stdout) & (set(range(32)) - {10}), command


@pytest.mark.parametrize("args, code, word", [
    (["--segment", "/no/such/file"], 2, "does not exist"), (["--segment", "/etc"], 2, "regular file"),
    (["--segment", "/dev/null"], 2, "regular file"), (["--segment", "x", "--url", "http://localhost"], 1, "leave one of them out"),
    (["--segment", "x", "--from", "y"], 1, "leave one of them out"), (["--segment", "x", "--instance", "y"], 1, "leave one of them out"),
    (["--instance", "a/b"], 1, "instance"), (["--instance", "none-such"], 2, "/run/apache2-none-such"),
    (["--segment", "x", "--insecure"], 1, "--insecure"),
])
def test_wrong_places_are_explained(args, code, word):
    assert word in fails(code, *args)


@pytest.fixture
def open_directory():
    """One that everybody may enter."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be somebody else")
def test_a_segment_we_may_not_read(open_directory):
    with SegmentFile(open_directory / "mpmstats.segment", **content()) as segment:
        segment.path.chmod(0o640)
        program = open_directory / "mpmstats"
        program.write_bytes(open(cli.PROGRAM, "rb").read())
        program.chmod(0o755)
        done = subprocess.run([program, "--segment", segment.path], user="nobody", group="nogroup", extra_groups=[], env=environment(),
                              capture_output=True, text=True)
        assert done.returncode == 2 and "permission denied" in done.stderr and "group" in done.stderr
        # one that nobody named: the server can still be asked
        done = subprocess.run([program, "get", "busy"], user="nobody", group="nogroup", extra_groups=[],
                              env=environment(APACHE_RUN_DIR=str(open_directory)), capture_output=True, text=True)
        assert done.returncode != 0 and "http://127.0.0.1/mpm-status" in done.stderr
        assert done.returncode != 3 or f"{segment.path} is not readable" in done.stderr


# ---- finding it -------------------------------------------------------------------------------------------------------

def test_it_is_found_in_the_runtime_directory(segment):
    env = environment(APACHE_RUN_DIR=str(segment.path.parent))
    done = run(env=env)
    assert done.returncode == 0 and done.stdout.startswith(f"from {segment.path} ")
    assert run("get", "busy", env=env).stdout == "3\n"
    empty = segment.path.parent / "empty"
    empty.mkdir()
    # an address comes before a file nobody named, and the usual address where there is no file
    assert run("get", "busy", env=environment(APACHE_RUN_DIR=str(segment.path.parent), MPMSTATS_URL="http://127.0.0.1:1/")).returncode == 3
    assert "http://127.0.0.1/mpm-status" in run("get", "busy", env=environment(APACHE_RUN_DIR=str(empty))).stderr


def namespace(script):
    """A shell with an empty /run, and without the servers of this machine in its /proc."""
    return subprocess.run(["unshare", "-m", "-p", "--fork", "--mount-proc", "sh", "-ec", f"mount -t tmpfs none /run\n{script}"],
                          env=environment(APACHE_RUN_DIR=None), capture_output=True, text=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to have another /run")
def test_of_several_one_is_asked_for_and_dead_ones_do_not_count(segment):
    if namespace("true").returncode != 0:
        pytest.skip("no mount namespaces here")
    give = f"mkdir -p /run/apache2 /run/apache2-b; ln {segment.path} /run/apache2/ 2>/dev/null || cp {segment.path} /run/apache2/mpmstats.segment"
    # copies: nobody holds a lock on them
    done = namespace(f"{give}; cp {segment.path} /run/apache2-b/mpmstats.segment; {cli.PROGRAM} get busy")
    assert done.returncode == 1 and "/run/apache2/mpmstats.segment, /run/apache2-b/mpmstats.segment" in done.stderr
    assert "--instance" in done.stderr and done.stderr.count("\n") == 1
    done = namespace(f"{give}; cp {segment.path} /run/apache2-b/mpmstats.segment; {cli.PROGRAM} --instance b get busy")
    assert done.returncode == STALE and done.stdout == "3\n" and "/run/apache2-b/" in done.stderr
    done = namespace(f"{give}; cp {segment.path} /run/apache2-b/mpmstats.segment; "
                     "exec 9<>/run/apache2-b/mpmstats.segment; "
                     "python3 -c 'import fcntl, subprocess; fcntl.lockf(9, fcntl.LOCK_EX); "
                     f"exit(subprocess.run([\"{cli.PROGRAM}\", \"get\", \"busy\"]).returncode)'")
    assert done.returncode == 0 and done.stdout == "3\n", done.stderr
    done = namespace(f"{give}; rm -r /run/apache2-b; {cli.PROGRAM} get busy")
    assert done.returncode == STALE and done.stdout == "3\n"


# ---- a large one ------------------------------------------------------------------------------------------------------

def spread(seed):
    """A histogram with many values in it."""
    return {int(50 * 1.05 ** i): 1 + (i * seed) % 97 for i in range(200)}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """2,000 workers, three quarters of them busy, 64 virtual hosts with full histograms."""
    t, threads = now(), 50
    workers = [dict(status="_" if i % 4 == 0 else "W", last_used=t - i * 10_000, client64=f"2001:db8::{i:x}", vhost=f"www{i % 64}.example.org:443",
                    request=f"GET /some/path/{i}?query=yes&more=<{i}> HTTP/1.1", protocol="http/1.1", access_count=1000 + i, my_access_count=i,
                    start_time=t - 9_000_000, stop_time=t - 8_000_000) for i in range(2000)]
    process = [dict(pid=10_000 + p, slot=p, generation=0, started=t - 60_000_000, connections=20, conn_running=20, left=0) for p in range(40)]
    server = dict(version="Apache/2.4.71 (Debian)", mpm="hybrid", model="event", pid=9999, generation=0, started=t - 3600_000_000, heartbeat=t,
                  max_request_workers=2000, threads_per_child=threads, server_limit=40, thread_limit=64, keepalive_gap=spread(3),
                  workers_busy_time=spread(5), **{"async": 1})
    vhosts = [dict(name=f"www{v}.example.org:443", retired=0, in_flight=1, responses_2xx=98_000, responses_5xx=2,
                   **{phase: spread(v + 1) for phase in ("head", "queue", "handler", "write", "total")}) for v in range(64)]
    board = Board([(dict(pid=p["pid"], generation=0), workers[threads * i:threads * (i + 1)]) for i, p in enumerate(process)], threads=64, slots=80)
    with SegmentFile(tmp_path_factory.mktemp("large") / "mpmstats.segment", board=board, server=server, process=process, vhost=vhosts,
                     event=[event(i, "crash", t - i * 1_000_000, pid=99, a=11, b=1) for i in range(1, 257)]) as segment:
        yield segment


EVERYTHING = ("status", "status --json", "workers", "workers --json", "workers --state busy --sort age --first 10", "processes", "processes --json",
              "vhosts", "vhosts --json", "events", "get busy idle queue.p99", "check", "metrics", "save -", "watch -c 1 busy")


@pytest.mark.parametrize("command", EVERYTHING)
def test_a_large_server_takes_no_command_long(large, command):
    """The least of some runs: what others on the machine take is not ours to say."""
    taken = []
    while len(taken) < 8 and min(taken, default=1) >= 0.05:
        process = subprocess.Popen([cli.PROGRAM, "--segment", large.path, *command.split()], env=environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        usage = os.wait4(process.pid, 0)[2]
        process.returncode = 0
        taken.append(usage.ru_utime + usage.ru_stime)
    assert min(taken) < 0.05, taken


def test_the_status_of_a_full_server_fits_a_screen(large):
    text = run("--segment", large.path).stdout
    assert "1,500 of 2,000 busy" in text and text.splitlines()[-1] == "1480 more are busy: mpmstats workers --state busy --sort age"
    assert text.count(" writing ") == 20 and "GET /some/path/1999?" in text
    assert run("--segment", large.path, "workers", "--state", "busy", "--count").stdout == "1500\n"


def test_json_is_the_same_in_every_layout(large):
    compact, pretty = (run("--segment", large.path, f"--json={style}").stdout for style in ("compact", "pretty"))
    document = json.loads(pretty)
    alike = re.compile(r'"load\d+": ?[\d.]+')      # a number that may be written in several ways
    assert alike.sub("", pretty) == alike.sub("", json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    document = json.loads(compact)
    assert alike.sub("", compact) == alike.sub("", json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n")
    assert document["workers"][7]["request"] == "GET /some/path/7?query=yes&more=<7> HTTP/1.1" and "more=<7>" in compact
    assert [w["thread"] for w in json.loads(run("--segment", large.path, "workers", "--json", "--sort", "age", "--first", "2").stdout)] == [49, 48]
    assert json.loads(run("--segment", large.path, "workers", "--json", "--vhost", "nobody").stdout) == []


# An apache2 as far as one looks from outside: a process of that name with a segment mapped shared, which it has locked.
POSING = """
import ctypes, fcntl, mmap, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
mapped = mmap.mmap(file.fileno(), 0)
ctypes.CDLL(None).prctl(15, sys.argv[2].encode())
print("up", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to have another /run")
@pytest.mark.parametrize("name, user, found", [("apache2", 0, True), ("httpd", 0, True), ("nginx", 0, False), ("apache2", 65534, False)])
def test_a_segment_in_no_usual_place_is_found_by_who_has_it_mapped(open_directory, name, user, found):
    if namespace("true").returncode != 0:
        pytest.skip("no mount namespaces here")
    file = open_directory / "elsewhere"
    file.write_bytes(segment_bytes(**content()))
    os.chown(file, user, -1)
    pose = f"setpriv --reuid {user} --clear-groups /usr/bin/python3 -c '{POSING}' {file} {name}"
    for prepare in ("true", "mkdir /run/apache2-x; echo $pid >/run/apache2-x/apache2.pid"):
        done = namespace(f"mkfifo /run/in /run/out; {pose} </run/in >/run/out & pid=$!\nexec 8>/run/in; read up </run/out; {prepare}\n"
                         f"{cli.PROGRAM} get busy || echo code $?; [ ! -d /run/apache2-x ] || {cli.PROGRAM} --instance x get busy || echo code $?")
        wanted = "3\n" if found else "code [23]\n"
        assert re.fullmatch(wanted * (2 if "mkdir" in prepare else 1), done.stdout), (done.stdout, done.stderr)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_finds_no_fault_with_the_metrics(segment, large):
    """Of a small server and a large one, live and dead."""
    def faults(path, code=0):
        done = run("--segment", path, "metrics")
        assert done.returncode == code and "httpd_workers_busy" in done.stdout
        checked = subprocess.run(["promtool", "check", "metrics"], input=done.stdout, capture_output=True, text=True, timeout=30)
        return checked.returncode, checked.stdout, checked.stderr
    assert faults(segment.path) == faults(large.path) == (0, "", "")
    segment.die()
    assert faults(segment.path, STALE) == (0, "", "")


def test_the_reference_parser_takes_the_metrics(segment, large):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser",
                                 reason="the reference parser is not installed (Debian: python3-prometheus-client)")
    for path, busy in ((segment.path, 3), (large.path, 1500)):
        text = run("--segment", path, "metrics", "--openmetrics").stdout
        found = {family.name: family for family in parser.text_string_to_metric_families(text)}
        assert found["httpd_workers_busy"].samples[0].value == busy


# ---- real servers -------------------------------------------------------------------------------------------------------

COMMANDS = ("status", "workers", "processes", "vhosts", "events", "get busy idle", "check", "metrics", "save -")


def segment_of(server):
    return server.root / "run" / "mpmstats.segment"


def cost(server, command, code=0):
    """What a command takes: (seconds until it has ended, ms of processor time)."""
    began = time.monotonic()
    process = subprocess.Popen([cli.PROGRAM, "--segment", segment_of(server), *command.split()], env=environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output = process.stdout.read()
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (code if isinstance(code, tuple) else (code,)) and output, (command, process.returncode, error)
    process.stdout.close()
    process.stderr.close()
    return time.monotonic() - began, (usage.ru_utime + usage.ru_stime) * 1000


def costs(server, when, code=0, check=None):
    """`check`: the exit code of the command of that name, where it is another; or those it may have."""
    return {f"{when}: {command}": cost(server, command, check if command == "check" and check is not None else code)
            for command in COMMANDS}


def assert_at_once(measured):
    """Nothing is waited for, and the work fits into 50 ms; how long that takes on a busy machine is not ours to say."""
    print({what: f"{wall * 1000:.0f} ms ({cpu:.0f} of work)" for what, (wall, cpu) in measured.items()})
    assert {what: cpu for what, (_, cpu) in measured.items() if cpu >= 50} == {}
    assert {what: wall for what, (wall, _) in measured.items() if wall > 2} == {}


def test_every_command_answers_at_once_whatever_the_server_does(httpd):
    server = httpd(modules=["test_handlers"], mpm_conf={"MaxRequestWorkers": 4, "ThreadsPerChild": 4, "StartServers": 1, "ServerLimit": 4,
                                                         "MinSpareThreads": 1, "MaxSpareThreads": 4})
    server.expect_log("reached MaxRequestWorkers|within MinSpareThreads|scoreboard is full|every worker|saturated")
    server.get("/hello.txt")
    measured = costs(server, "quiet")
    with Load(server.port, "/test/sleep?ms=300", connections=30, deadline=10):
        wait_until(lambda: int(run("--segment", segment_of(server), "get", "busy").stdout) >= 4, 10, "all workers busy")
        measured |= costs(server, "saturated", check=(0, 1))     # a worker may be free for a moment
        assert run("--segment", segment_of(server), "get", "saturated").stdout == "1\n"
        with procs.stopped(server.children()):
            measured |= costs(server, "stopped", check=2)
            assert int(run("--segment", segment_of(server), "get", "busy").stdout) >= 4
    assert_at_once(measured)


def test_a_server_whose_figures_do_not_move_is_not_ok(httpd):
    """Under every MPM; without waiting for anything."""
    server = httpd()
    server.get("/hello.txt")
    check = ["--segment", segment_of(server), "check"]
    assert run(*check).returncode == 0
    with procs.stopped(server.children()):
        done = run(*check)
        assert done.returncode == 2 and "are stalled" in done.stdout and "no request is served" in done.stdout, done.stdout
    with procs.stopped([server.pid]):
        done = run(*check)
        assert done.returncode == 1 and f"parent process (pid {server.pid})" in done.stdout, done.stdout
    wait_until(lambda: run(*check).returncode == 0, 10, "all at work again")


def test_a_killed_server_is_shown_as_it_was(httpd):
    server = httpd(start=False)
    server.start()
    server.get("/hello.txt")
    before = json.loads(run("--segment", segment_of(server), "--json").stdout)
    assert before["source"]["live"] and before["server"]["pid"] == server.pid
    pids = [server.pid, *server.children()]
    server.expect_log("child|parent|exit signal|killed")
    server.forgive_files = ["httpd.pid", "mpmstats.segment"]
    for pid in pids:
        procs.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(procs.alive(p) for p in pids), 10)
    assert_at_once(costs(server, "dead", STALE, check=2))
    done = run("--segment", segment_of(server), "--json")
    after = json.loads(done.stdout)
    assert after["source"]["live"] is False and after["server"]["pid"] == before["server"]["pid"] and "is dead" in done.stderr
    assert run("--segment", segment_of(server), "check").returncode == 2


@pytest.mark.parametrize("command", ["workers", "processes", "vhosts", "vhosts --handlers", "events"])
def test_rows_as_json_are_an_array_under_every_mpm(httpd, command):
    """mpm_hybrid tells of processes that finish, behind those that serve."""
    server = httpd()
    server.get("/hello.txt")
    for options in (["--segment", segment_of(server)], ["--url", server.url + "/mpm-status"]):
        for style in ("compact", "pretty"):
            rows = json.loads(run(*options, *command.split(), f"--json={style}").stdout)
            assert isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
            assert rows


def test_what_each_worker_runs_is_known_without_asking_it(httpd):
    """Under every MPM, and in the same words as over HTTP."""
    server = httpd(modules=["test_handlers"])
    with Client(server.port) as client:
        client.send(b"GET /test/sleep?ms=5000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        busy = ["--segment", segment_of(server), "workers", "--state", "W", "--json"]
        wait_until(lambda: json.loads(run(*busy).stdout), 10, "a worker in its handler")
        [worker] = json.loads(run(*busy, "--handler", "test-*").stdout)
        assert "/test/sleep" in worker["request"]
        asked = json.loads(run("--url", server.url + "/mpm-status", "--json", "workers", "--handler", worker["handler"]).stdout)
        assert [(w["slot"], w["thread"]) for w in asked if w["state"] == "W"] == [(worker["slot"], worker["thread"])]
        server.get("/hello.txt")
        assert run("--segment", segment_of(server), "workers", "--handler", "default-handler", "--count").stdout != "0\n"


def flat(value, at=""):
    """path → values of a document; the elements of a list are one path."""
    found = {}
    if isinstance(value, (dict, list)):
        found[at] = []
        for key, each in value.items() if isinstance(value, dict) else (("[]", v) for v in value):
            for path, more in flat(each, f"{at}.{key}").items():
                found.setdefault(path, []).extend(more)
        return found
    return {at: [value]}


# of the moment of each look
MOMENT = re.compile(r"\.(now_us|uptime_s|sampled_age_us|load\d+|quiet_us|since_us|last_duration_us)$")
# what a look at the page changes by being a request itself: the gap before it, by one, or another letter of a worker
ITS_GAP = re.compile(r"\.latency\.keepalive_gap\.")
ITS_OWN = re.compile(r"\.((requests_|workers_)?(in_flight|busy|idle)|running|keepalive|dispatched|connections_reused)$")
ITS_WORKER = re.compile(r"\.(processes\.\[\]\.scoreboard|workers\.\[\]\.(state|state_name))$")
# of a worker that has not served anything yet, or serves the page
OF_A_REQUEST = re.compile(r"\.workers\.\[\]\.(request|vhost|client|protocol|last_duration_us|handler|since_us|tunnel)$")
MODELS = ["hybrid", "hybrid-worker", "hybrid-prefork", "event", "worker", "prefork"]


def agree(key, asked, read):
    if MOMENT.search(key) or ITS_GAP.match(key):
        return True
    if ITS_WORKER.search(key):
        return len(asked) == len(read)
    if ITS_OWN.search(key):
        return len(asked) == len(read) and all(abs(a - b) <= 1 for a, b in zip(asked, read))
    return asked == read


@pytest.mark.parametrize("mpm", MODELS)
def test_the_segment_and_the_server_say_the_same(httpd, mpm):
    """Of a server at rest every figure: what the request for the page counts, it counts when it is over."""
    model = f"MPMModel {mpm.partition('-')[2]}\n" if "-" in mpm else ""
    server = httpd(modules=["test_handlers"], mpm=mpm.partition("-")[0], conf=model + "MaxKeepAliveRequests 0\n"
                   "<IfModule mpm_hybrid_module>\nMaxMemoryPerChild 300M\n</IfModule>")
    for _ in range(20):
        server.get("/hello.txt")
    with Client(server.port) as late:       # something that is no 2xx
        late.send(b"nonsense\r\n\r\n")
        late.read_to_end()

    with Client(server.port, timeout=20) as client:     # stays, so that no connection comes or goes between two looks
        def differences():
            read = json.loads(run("--segment", segment_of(server), "--json").stdout)
            client.send(f"GET /mpm-status?json HTTP/1.1\r\nHost: {read['server']['name']}\r\n\r\n".encode())
            asked = json.loads(client.response().body)
            assert set(read) == {*asked, "source"}
            here, there = flat({k: v for k, v in read.items() if k != "source"}), flat(asked)
            keys = {key for key in set(here) ^ set(there) if not OF_A_REQUEST.match(key)}
            return keys, {key: (there[key], here[key]) for key in set(here) & set(there) if not agree(key, there[key], here[key])}

        found = []

        def none():
            found[:] = differences()
            return found == [set(), {}]

        try:
            wait_until(none, 10, "the same figures")
        except procs.Timeout:
            assert found == [set(), {}]
    read = json.loads(run("--segment", segment_of(server), "--json").stdout)
    assert read["totals"]["requests"] >= 20
    assert {"built", "name", "extended_status"} <= set(read["server"])
    assert {"started_us", "accepted", "connections", "requests"} <= set(read["processes"][0])
    if server.mpm == "hybrid":
        assert run("--segment", segment_of(server), "get", "max_memory_per_child_bytes").stdout == f"{300 * 2**20}\n"
        assert {"workers_hung", "shortages_files", "shortages_accept_queue", "clock_jumps", "processes_finishing"} <= set(read["totals"])
        assert read["finishing"] == []
    families = [set(re.findall("^# TYPE (.*)$", run(*source, "metrics").stdout, re.M))
                for source in (["--url", server.url + "/mpm-status"], ["--segment", segment_of(server)])]
    assert families[0] == families[1] and len(families[0]) > 50


def test_processes_that_have_left_the_scoreboard_are_shown(tmp_path):
    t = now()
    process = [dict(pid=4711, slot=0, started=t, left=0, quiescing=0), dict(pid=4712, slot=1, started=t, left=0, quiescing=1),
               dict(pid=4800, slot=9, generation=0, started=t - 1_000_000, left=0, quiescing=1, connections=3, conn_write=3, workers=5, workers_busy=2),
               dict(pid=4801, slot=10, started=t, left=t, quiescing=1), dict(pid=4802, slot=11, started=t, left=0, quiescing=0)]
    with SegmentFile(tmp_path / "x", **content(process=process)) as segment:
        answer = told(at(segment, "--json"))
        assert [p["pid"] for p in answer["processes"]] == [4711, 4712]
        [old] = answer["finishing"]
        assert (old["pid"], old["state"], old["connections"], old["workers"]["busy"], old["workers"]["idle"]) == (4800, "quiescing", 3, 2, 3)
        assert "slot" not in old and "scoreboard" not in old
        assert answer["totals"]["processes_finishing"] == 1 and answer["totals"]["processes"] == 2
        assert answer["totals"]["connections_by_state"]["write"] == 3
        assert run("--segment", segment.path, "get", "processes_finishing").stdout == "1\n"


SCRIPT = """#!/bin/sh
# what an admin's script does: a decision on one value, an alarm by exit code
set -eu
busy=$(%(mpmstats)s get busy)
limit=$(%(mpmstats)s get max_request_workers)
[ "$busy" -lt "$limit" ] || { echo "full"; exit 0; }
eval "$(%(mpmstats)s get --names requests processes | tr . _)"
[ "$requests" -gt 0 ] && [ "$processes" -gt 0 ]
if %(mpmstats)s check --warn 'busy>=1' --crit 'processes<1' >/dev/null; then echo "fine"; else echo "alarm $?"; fi
unknown=$(%(mpmstats)s get saturations --default none)
echo "done $unknown"
%(mpmstats)s get no_such_key 2>/dev/null || echo "code $?"
"""


def test_get_and_check_serve_a_shell_script(tmp_path):
    with SegmentFile(tmp_path / "mpmstats.segment", **content()):
        script = tmp_path / "script"
        script.write_text(SCRIPT % {"mpmstats": cli.PROGRAM})
        script.chmod(0o755)
        done = subprocess.run([script], env=environment(APACHE_RUN_DIR=str(tmp_path)), capture_output=True, text=True)
        assert (done.returncode, done.stdout.splitlines()) == (0, ["alarm 1", "done none", "code 1"]), done.stderr
