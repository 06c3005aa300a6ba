# SPDX-License-Identifier: Apache-2.0
"""mpmstats top, driven through a real terminal (tmux)."""
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import cli
import procs
from cli import columns_of, environment, fails, in_terminal
from fakeserver import Answer, FakeServer, RawServer, document
from procs import holds_for, wait_until
from tmux import Terminal


class Live:
    """Answers with a document that changes: the clock and the requests go on by themselves, the rest as a test says."""

    def __init__(self):
        self.changes, self.workers, self.count, self.gate = {}, None, 0, threading.Event()
        self.gate.set()

    def __call__(self, _):
        self.count += 1
        self.gate.wait(30)
        told = document(server__now_us=1_700_090_000_000_000 + self.count * 1_000_000,
                        totals__requests=1_000_000 + self.count * 50, **self.changes)
        if self.workers is not None:
            told["workers"] = self.workers
        for i, vhost in enumerate(told["vhosts"]):      # the second has most requests a second, the third most errors
            vhost["requests"] += self.count * (20, 700, 5)[i]
            vhost["responses_5xx"] += self.count * i
        return Answer(told)


@pytest.fixture
def live():
    answer = Live()
    with FakeServer({"/mpm-status": answer}) as fake:
        answer.url = fake.url()
        yield answer
        answer.gate.set()


def top(live, *options, **terminal):
    return Terminal(cli.PROGRAM, "top", "--url", live.url, *options, **terminal)


def listed(lines):
    """(slot, thread) of the rows in view, from the requests of document()."""
    return [tuple(map(int, found.groups())) for line in lines if (found := re.search(r"GET /(\d+)/(\d+) ", line))]


def in_order(key, rows):
    return [(w["slot"], w["thread"]) for w in sorted(rows, key=key)]


def busy_rows():
    return [w for w in document()["workers"] if w["state"] in "RWKDCL"]


# ---- what is shown --------------------------------------------------------------------------------------------

def test_a_slow_request_of_a_real_server_is_seen_and_goes_away(httpd):
    server = httpd(modules=["test_handlers"])
    with Terminal(cli.PROGRAM, "top", "-n", "200ms", "--url", f"http://127.0.0.1:{server.port}/mpm-status", columns=130) as terminal:
        terminal.wait_for("MPM " + server.mpm)
        slow = subprocess.Popen(["curl", "-s", f"http://127.0.0.1:{server.port}/test/sleep?ms=2500"], stdout=subprocess.DEVNULL)
        try:
            lines = terminal.wait_for("GET /test/sleep?ms=2500")
            row = next(line for line in lines if "/test/sleep" in line)
            assert " W " in row and int(row.split()[0]) in {p["pid"] for p in server.mpm_status()["processes"]}
            assert any(re.search(r"longest running .*\d", line) for line in lines)
            terminal.wait(lambda lines: not any(re.search(r" W .*/test/sleep", line) for line in lines), 20, "the request is gone")
        finally:
            slow.kill()
            slow.wait()


def test_header_and_rows_agree_with_the_document(live):
    with top(live, columns=120) as terminal:
        lines = terminal.wait_for("50.0 requests/s")
        text = "\n".join(lines)
        for fact in ("www.example.org:80", "MPM hybrid", "model event", "up 1d01h", "load 0.42", "11 of 40 busy (27%), 9 idle",
                     "3 of 5 (60%), 1 quiescing", "123 of 1,000 (12%)", "longest running 2.01 s", "Keep-alive 14", "23:13:2"):
            assert fact in text, fact
        bar = re.search(r"^Workers +([█▒░]+)", text, re.M)[1]
        assert (bar.count("█"), bar.count("▒"), len(bar)) == (11, 9, 40)
        assert sorted(listed(lines)) == in_order(lambda w: (w["slot"], w["thread"]), busy_rows())


def test_it_looks_again_every_interval(live):
    with top(live, "-n", "100ms"):
        wait_until(lambda: live.count >= 10, 10, "ten looks")
    live.count = 0
    with top(live) as terminal:
        terminal.wait_for("requests/s")
        began = live.count
        time.sleep(2.5)
        assert 1 <= live.count - began <= 4


def test_saturation_stands_out(live):
    with top(live, "-n", "100ms") as terminal:
        lines = terminal.wait_for("requests/s")
        assert "SATURATED" not in "\n".join(lines)
        live.changes = {"totals__saturated": True}
        terminal.wait_for("SATURATED")


def test_the_list_of_processes_agrees_with_the_document(live):
    with top(live, columns=150) as terminal:
        terminal.wait_for("REQUEST")
        terminal.type("Tab")
        lines = terminal.wait_for("not_accepting")
        heading = next(line for line in lines if "SLOT" in line).replace("▽", "").split()
        rows = {int(line.split()[heading.index("PID")]): line.split() for line in lines
                if re.match(r" +\d+ +400\d ", line)}
        for process in document()["processes"]:
            row = rows[process["pid"]]
            assert row[heading.index("BUSY")] == str(process["workers"]["busy"])
            assert row[heading.index("CONNS")] == str(process["connections"])
            assert row[heading.index("WORKERS")] == process["scoreboard"]
        terminal.type("Tab")
        terminal.wait_for("VHOST")
        terminal.type("Tab")
        terminal.wait_for("REQUEST")


def vhosts_in(lines):
    return [found[1] for line in lines if (found := re.search(r"(v\d\.example\.org:80)$", line))]


def test_virtual_hosts_are_listed_with_what_they_do_now(live):
    with top(live, "-n", "200ms", columns=160) as terminal:
        terminal.wait_for("REQUEST")
        terminal.type("3")
        lines = terminal.wait(lambda lines: vhosts_in(lines) == [f"v{i}.example.org:80" for i in (1, 0, 2)], 10, "the busiest first")
        heading = next(line for line in lines if "REQ/S" in line).replace("▽", "")
        assert heading.split() == "REQ/S REQUESTS NOW 5XX/S OUT/S QUEUE P99 HANDLER P99 TOTAL P50 TOTAL P99 VHOST".split()
        row = next(line for line in lines if line.endswith("v1.example.org:80")).split()
        assert row[0] == "700" and row[2:5] == ["1", "1.0", "0"] and int(row[1].replace(",", "")) > 1000
        terminal.type("I")
        terminal.wait(lambda lines: vhosts_in(lines)[0] == "v2.example.org:80", 10, "the other way round")
        terminal.type("F6", "Down", "Down", "Down", "Down", "Enter")        # 5XX/S, behind 4XX/S which nobody knows here
        terminal.wait(lambda lines: vhosts_in(lines)[0] == "v2.example.org:80" and any("5XX/S▽" in line for line in lines), 10, "most errors first")
        terminal.type("F4")
        terminal.text("V0.")
        terminal.wait(lambda lines: vhosts_in(lines) == ["v0.example.org:80"], 10, "the one that passes")
        terminal.type("Enter", "Enter")
        lines = terminal.wait_for("queue.p99")
        assert any(re.match(r"name +v0\.example\.org:80$", line) for line in lines)
        terminal.type("Escape", "Escape")
        terminal.wait(lambda lines: len(vhosts_in(lines)) == 3)
        terminal.resize(60, 16)
        lines = terminal.wait(lambda lines: len(vhosts_in(lines)) == 3 and not any("REQUESTS" in line for line in lines), 10, "what fits")
        assert max(map(columns_of, lines)) <= 60 and any("TOTAL P99" in line for line in lines)
        terminal.type("1")
        terminal.wait_for("GET /")


def test_a_server_that_records_nothing_has_no_virtual_hosts(live):
    told = document()
    del told["vhosts"]
    with FakeServer({"/mpm-status": lambda _: Answer(told)}) as fake, Terminal(cli.PROGRAM, "top", "--url", fake.url()) as terminal:
        terminal.wait_for("REQUEST")
        terminal.type("3")
        terminal.wait_for("The server does not report virtual hosts.")


# ---- keys -----------------------------------------------------------------------------------------------------

def test_rows_are_sorted_by_the_column_that_is_chosen(live):
    rows = busy_rows()
    by_age = in_order(lambda w: -w["since_us"], rows)
    with top(live, columns=120) as terminal:
        terminal.wait(lambda lines: listed(lines) == by_age, 10, "the oldest first")
        terminal.type("I")
        terminal.wait(lambda lines: listed(lines) == in_order(lambda w: w["since_us"], rows), 10, "the youngest first")
        terminal.type("N")
        terminal.wait(lambda lines: listed(lines) == in_order(lambda w: (-w["pid"], w["thread"]), rows), 10, "by PID")
        terminal.type("F6")
        terminal.wait_for("Sort by")
        terminal.type("End", "Enter")       # the request
        terminal.wait(lambda lines: listed(lines) == in_order(lambda w: w["request"], rows), 10, "by request")
        terminal.type("F6", "Home", "Escape")
        time.sleep(0.3)
        assert listed(terminal.screen()) == in_order(lambda w: w["request"], rows)
        terminal.type("T")
        terminal.wait(lambda lines: listed(lines) == by_age, 10, "the oldest first again")


def test_a_filter_takes_effect_while_it_is_typed_and_can_be_taken_back(live):
    live.workers = document()["workers"]
    live.workers[1]["vhost"] = "zürich.example.org"
    with top(live, "-n", "200ms", columns=120) as terminal:
        everything = terminal.wait(lambda lines: len(listed(lines)) == 11)
        terminal.type("F4")
        terminal.text("GET /1/")
        terminal.wait(lambda lines: len(listed(lines)) == 8)
        terminal.text("3")
        terminal.wait(lambda lines: listed(lines) == [(1, 3)])
        terminal.type("BSpace")
        terminal.wait(lambda lines: len(listed(lines)) == 8)
        terminal.type("Escape")
        terminal.wait(lambda lines: listed(lines) == listed(everything))
        terminal.type("/")
        terminal.text("ZÜRICH")         # the case of ASCII letters does not matter
        terminal.wait_for("Filter: ZÜRICH")
        for _ in "ZÜRICH":
            terminal.type("BSpace")
        terminal.wait(lambda lines: any(line == "Filter:" for line in lines))
        terminal.text("zürich")
        terminal.wait(lambda lines: listed(lines) == [(0, 1)])
        terminal.type("Enter")
        lines = terminal.wait_for("filter: zürich")
        assert listed(lines) == [(0, 1)]
        terminal.type("Escape")
        terminal.wait(lambda lines: len(listed(lines)) == 11)
        terminal.type("\\")
        terminal.text("no such row")
        terminal.wait_for("No row matches the filter")


def test_letters_typed_into_the_filter_are_no_commands(live):
    with top(live) as terminal:
        terminal.wait_for("REQUEST")
        terminal.type("F4")
        terminal.text("qIZNTijk?/<>")
        terminal.wait_for("Filter: qIZNTijk?/<>")
        count = live.count
        wait_until(lambda: live.count > count + 1, 10, "looks go on")


def test_pause_asks_no_more_until_it_ends(live):
    with top(live, "-n", "100ms") as terminal:
        terminal.wait_for("requests/s")
        terminal.type("Z")
        terminal.wait_for("PAUSED")
        time.sleep(0.3)
        count = live.count
        holds_for(lambda: live.count == count, 1, "no request while paused")
        terminal.type("Space")
        wait_until(lambda: live.count == count + 1, 5, "one look on demand")
        terminal.type("Z")
        wait_until(lambda: live.count > count + 3, 5, "looks go on")


def test_idle_workers_are_shown_on_demand(live):
    with top(live, rows=40) as terminal:
        terminal.wait(lambda lines: len(listed(lines)) == 11)
        terminal.type("i")
        terminal.wait(lambda lines: len(listed(lines)) == len(document()["workers"]))
        terminal.type("i")
        terminal.wait(lambda lines: len(listed(lines)) == 11)


def test_every_key_of_the_help_is_explained_and_any_key_leaves_it(live):
    with top(live) as terminal:
        terminal.wait_for("REQUEST")
        for key in ("F1", "?", "h"):
            terminal.type(key)
            text = "\n".join(terminal.wait_for("Any key goes back"))
            for word in ("F4", "F6", "Tab  1 2 3", "F10", "Z p", "Ctrl-L", "PgUp"):
                assert word in text
            terminal.type("q")
            terminal.wait_for("REQUEST")


def test_the_selection_moves_and_the_list_scrolls_with_it(live):
    live.workers = [{**document()["workers"][1], "slot": 9, "thread": i, "since_us": 10_000_000 - i, "request": f"GET /9/{i} HTTP/1.1"}
                    for i in range(500)]
    with top(live, rows=24) as terminal:
        lines = terminal.wait(lambda lines: listed(lines)[:1] == [(9, 0)])
        page = len(listed(lines))
        assert 5 < page < 20
        terminal.type("End")
        terminal.wait(lambda lines: listed(lines)[-1:] == [(9, 499)])
        terminal.type("Home")
        terminal.wait(lambda lines: listed(lines)[:1] == [(9, 0)])
        terminal.type("PPage", "NPage")
        terminal.wait(lambda lines: listed(lines)[-1:] == [(9, page)])
        terminal.type("Enter")
        terminal.wait(lambda lines: any(line.startswith("thread") and line.split()[-1] == str(page) for line in lines))
        terminal.type("Escape", "Home")
        for _ in range(3):
            terminal.type("Down")
        terminal.type("Enter")
        terminal.wait(lambda lines: any(line.startswith("thread") and line.split()[-1] == "3" for line in lines))


def test_the_details_show_all_of_a_long_request_and_stay_with_their_row(live):
    live.workers = document()["workers"]
    long = "GET /" + "".join(f"{i:04}" for i in range(100)) + "end"
    live.workers[1].update(request=long, since_us=60_000_000)
    with top(live, "-n", "200ms", columns=80) as terminal:
        terminal.wait_for("GET /0000")
        terminal.type("Enter")
        lines = terminal.wait_for("last_duration_us")
        shown = "".join(lines)
        assert long in re.sub(r"\s", "", shown).replace("GET/", "GET /")
        live.workers[1]["since_us"] = 1    # now the last of all
        terminal.wait(lambda lines: any(re.match(r"since_us +1 us", line) for line in lines))
        live.workers.pop(1)
        terminal.wait_for("gone")


# ---- the terminal ---------------------------------------------------------------------------------------------

def test_every_size_shows_what_fits(live):
    live.workers = document()["workers"]
    for worker in live.workers:
        worker.update(request="GET /日本語/" + "long/" * 60, client="2001:db8:1234:5678:9abc:def0:1234:5678", vhost="v" * 80)
    with top(live, "-n", "100ms", columns=200, rows=50) as terminal:
        terminal.wait_for("REQUEST")
        for columns, rows in ((80, 24), (132, 60), (40, 12), (20, 6), (10, 3), (2, 2), (1, 1), (300, 100), (80, 1), (3, 40), (100, 30)):
            terminal.resize(columns, rows)
            if columns >= 40 and rows >= 6:
                lines = terminal.wait(lambda lines, n=rows: len(lines) >= n and lines[n - 1].startswith("F1Help")
                                      and any("REQUEST" in line for line in lines), 10, f"the picture in {columns}x{rows}")
                assert max(map(columns_of, lines)) <= columns
                assert any("日本" in line for line in lines)
            else:
                time.sleep(0.3)
            for key in ("F6", "Escape", "F1", "Escape", "Enter", "Escape", "Tab", "Tab", "Tab", "End", "Home"):
                terminal.type(key)
            assert terminal.running(), (columns, rows)
        terminal.wait_for("REQUEST")


def test_nothing_a_client_sent_can_act_on_the_terminal(live):
    hostile = "\x1b[2J\x1b]0;owned\x07\u009b31m\rA\u202eB\u200b\x7f"
    live.changes = dict(server__name=hostile, server__version=hostile, server__mpm=hostile, server__model=hostile)
    live.workers = document()["workers"]
    for worker in live.workers:
        worker.update(request=hostile, client=hostile, vhost=hostile, protocol=hostile, state_name=hostile)
    with top(live, columns=200) as terminal:
        lines = terminal.wait_for("REQUEST")
        assert sum("\\x1b[2J\\x1b]0;owned" in line for line in lines) >= 11
        assert "owned" not in terminal.ask("pane_title")
        terminal.type("Enter")
        terminal.wait_for("\\u{202e}")
    live.changes = {}
    live.workers = None


def test_colours_and_line_drawing_follow_the_terminal(live):
    with top(live) as terminal:
        terminal.wait_for("█")
        assert "\x1b[3" in terminal.coloured()
    for options, env in ((["--no-color"], environment()), ([], environment(NO_COLOR="1"))):
        with top(live, *options, env=env) as terminal:
            terminal.wait_for("REQUEST")
            assert not re.search(r"\x1b\[[0-9;]*[34][0-8]", terminal.coloured())
    with top(live, env=environment(LC_ALL="C")) as terminal:
        lines = terminal.wait_for("REQUEST")
        assert "\n".join(lines).isascii() and any(line.startswith("Workers     #") for line in lines)


# ---- leaving --------------------------------------------------------------------------------------------------

@pytest.fixture
def shell(live, tmp_path):
    """A terminal in which a shell ran `stty -g`, then top, and will write how that ended."""
    script = tmp_path / "script"
    script.write_text(f"stty -g >{tmp_path}/before\n'{cli.PROGRAM}' top -n 200ms --url {live.url}\necho $? >{tmp_path}/code\n"
                      f"stty -g >{tmp_path}/after\necho left; sleep 60\n")
    with Terminal("bash", "--norc", str(script)) as terminal:
        terminal.wait_for("REQUEST")
        assert terminal.ask("alternate_on") == "1" and terminal.ask("cursor_flag") == "0"
        terminal.top = procs.children_of(terminal.pid)[0]

        def left():
            """The exit code, once the shell has its terminal back; asserts that it is as it was."""
            lines = terminal.wait_for("left")
            assert terminal.ask("alternate_on") == "0" and terminal.ask("cursor_flag") == "1"
            assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()
            assert not any("requests/s" in line for line in lines)
            return int((tmp_path / "code").read_text())
        terminal.left = left
        yield terminal


@pytest.mark.parametrize("key", ["q", "F10"])
def test_a_key_leaves_the_terminal_as_it_was(shell, key):
    shell.type(key)
    assert shell.left() == 0


SIGNALS = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "PWR", "SEGV", "ABRT", "BUS", "FPE", "ILL", "RTMIN"]


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_leaves_the_terminal_as_it_was_and_is_died_of(shell, name):
    number = getattr(signal, "SIG" + name)
    os.kill(shell.top, number)
    if "ASAN_OPTIONS" in os.environ and name in ("SEGV", "BUS", "FPE", "ILL"):
        assert shell.left() != 0
    else:
        assert shell.left() == 128 + number


def test_control_c_ends_it_and_the_script_it_runs_in(shell):
    shell.type("C-c")
    assert shell.ended() == 128 + signal.SIGINT      # bash gives up a script whose program died of it
    assert shell.ask("alternate_on") == "0"


def test_it_stops_and_goes_on_with_the_shells_job_control(live):
    with Terminal("bash", "--norc", "-i", env=environment(PS1="$ ")) as terminal:
        terminal.text(f"'{cli.PROGRAM}' top -n 200ms --url {live.url}")
        terminal.type("Enter")
        terminal.wait_for("REQUEST")
        for _ in range(2):
            terminal.type("C-z")
            terminal.wait_for("Stopped")
            assert terminal.ask("alternate_on") == "0" and terminal.ask("cursor_flag") == "1"
            count = live.count
            holds_for(lambda: live.count <= count + 1, 0.7, "no look while stopped")
            terminal.text("fg")
            terminal.type("Enter")
            terminal.wait_for("F10Quit")
            assert terminal.ask("alternate_on") == "1"
        terminal.resize(70, 20)
        terminal.wait(lambda lines: lines[19].startswith("F1Help"))
        terminal.type("q")
        terminal.wait(lambda lines: not any("F10Quit" in line for line in lines))
        assert terminal.ask("alternate_on") == "0"


def test_it_ends_when_its_terminal_goes_away(live):
    with top(live) as terminal:
        terminal.wait_for("REQUEST")
        pid = terminal.pid
    wait_until(lambda: not procs.alive(pid), 10, "the end of top")


# ---- a server that does not answer ------------------------------------------------------------------------------

def test_a_server_that_goes_away_is_said_so_and_its_return_is_seen(live):
    port = int(live.url.split(":")[2].split("/")[0])
    with top(live, "-n", "100ms", "--timeout", "0.5") as terminal:
        terminal.wait_for("requests/s")
        live.gate.clear()
        lines = terminal.wait_for("No answer for")
        assert any("--timeout" in line for line in lines) or terminal.wait_for("127.0.0.1:" + str(port))
        assert any("REQUEST" in line for line in lines)         # the last figures stay
        terminal.wait_for("No answer for 1.")                    # and it says for how long
        live.gate.set()
        terminal.wait(lambda lines: not any("No answer" in line for line in lines))


def test_a_server_that_never_answered_is_named(tmp_path):
    port = procs.free_port()
    with Terminal(cli.PROGRAM, "top", "--url", f"127.0.0.1:{port}") as terminal:
        terminal.wait_for(f"127.0.0.1:{port}/mpm-status")
        assert terminal.running()
        for key in ("Enter", "Tab", "F6", "Enter", "F4", "Enter", "I", "End"):
            terminal.type(key)
        terminal.type("q")
        assert terminal.ended() == 0


def test_keys_are_answered_while_the_server_is_silent():
    with RawServer(lambda connection: time.sleep(30)) as silent, \
            Terminal(cli.PROGRAM, "top", "--timeout", "25", "--url", silent.url()) as terminal:
        terminal.wait_for("Waiting for")
        terminal.type("F1")
        terminal.wait_for("Any key goes back", timeout=3)
        terminal.type("q", "q")
        assert terminal.ended(timeout=3) == 0


# ---- where it cannot work -----------------------------------------------------------------------------------------

def test_what_top_cannot_do_is_refused_in_one_line(tmp_path):
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(document()))
    assert "watch" in fails(1, "top")
    assert "terminal" in fails(1, "top", stdin="")
    assert "watch --json" in fails(1, "top", "--json")
    assert "status" in fails(1, "top", "--from", saved)
    assert "100ms" in fails(1, "top", "--interval", "1ms")
    assert "nonsense" in fails(1, "top", "nonsense")


def test_an_unknown_terminal_is_named():
    # what newterm() leaks when it fails is ncurses' own
    env = environment(TERM="no-such-terminal", ASAN_OPTIONS="detect_leaks=0")
    code, shown = in_terminal("top", "--url", "127.0.0.1:1", env=env)
    assert code == 2 and "no-such-terminal" in shown and len(shown.splitlines()) == 1
