# SPDX-License-Identifier: Apache-2.0
"""What mod_mpmstats records in the segment: its life, its figures, and what it writes to the logs."""
import grp
import json
import os
import re
import signal
import stat

import pytest

import procs
from cli import run
from clients import Client, request
from httpd import REPO
from procs import wait_until
from segment import Segment

DEFAULT = "run/mpmstats.segment"


def segment_of(server, path=DEFAULT):
    return Segment(server.root / path)


# ---- the life of the file ------------------------------------------------------------------------------


def test_the_file_is_there_with_its_mode_and_group_while_the_server_runs(httpd):
    server = httpd()
    path = server.root / DEFAULT
    st = path.lstat()
    assert stat.S_ISREG(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o640
    if os.geteuid() == 0:
        assert st.st_uid == 0 and st.st_gid == grp.getgrnam("adm").gr_gid
    assert segment_of(server).server["pid"] == server.pid
    server.stop()
    assert not path.exists()
    assert not list((server.root / "run").iterdir())


def test_counters_go_on_over_restarts(httpd):
    server = httpd()
    before = segment_of(server).requests
    for restart in (server.graceful, server.restart):
        server.get("/hello.txt")
        restart()
    server.get("/hello.txt")
    wait_until(lambda: segment_of(server).requests >= before + 3, 5, "three more requests")
    now = segment_of(server)
    assert now.server["restarts_graceful"] == 1 and now.server["restarts_hard"] == 1
    assert now.server["config_generation"] == 3
    assert [e["kind"] for e in now.events] == ["start", "graceful", "restart"]
    assert now.server["crashes"] == 0


def test_mode_group_and_path_are_as_configured(httpd):
    gid = grp.getgrnam("daemon").gr_gid if os.geteuid() == 0 else os.getgid()
    server = httpd(conf=f"MPMStatsSegment ${{ROOT}}/here\nMPMStatsSegmentMode 0604\nMPMStatsSegmentGroup #{gid}\n")
    st = (server.root / "here").lstat()
    assert stat.S_IMODE(st.st_mode) == 0o604 and st.st_gid == gid
    assert segment_of(server, "here").server["pid"] == server.pid
    assert not (server.root / DEFAULT).exists()
    server.write_conf(conf="MPMStatsSegment ${ROOT}/here\nMPMStatsSegmentMode 0600\n")
    server.graceful()
    assert stat.S_IMODE((server.root / "here").lstat().st_mode) == 0o600
    server.stop()
    assert not (server.root / "here").exists()


@pytest.mark.parametrize("conf, backlog", [("", 511), ("ListenBacklog 7\n", 7)])
def test_the_listen_backlog_is_told_as_configured_and_as_granted(httpd, conf, backlog):
    server = httpd(conf=conf)
    server.get("/hello.txt")
    assert segment_of(server).server["listen_backlog"] == backlog
    wait_until(lambda: any(x["queue_limit"] for x in segment_of(server).listeners), 5, "a look at the listener")
    assert max(x["queue_limit"] for x in segment_of(server).listeners) == min(backlog, int(open("/proc/sys/net/core/somaxconn").read()))
    assert server.mpm_status()["limits"]["listen_backlog"] == backlog


def test_off_makes_no_file(httpd):
    server = httpd(conf="MPMStatsSegment Off\n")
    server.get("/hello.txt")
    assert [p.name for p in (server.root / "run").iterdir()] == ["httpd.pid"]


def test_a_link_in_the_way_is_neither_followed_nor_touched(httpd, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    server = httpd(start=False)
    (server.root / DEFAULT).symlink_to(victim)
    server.start()
    assert victim.read_text() == "precious"
    server.wait_log(r"mpmstats.segment is a symbolic link; it is not touched")
    assert (server.root / DEFAULT).is_symlink()
    server.stop()
    assert (server.root / DEFAULT).is_symlink()
    (server.root / DEFAULT).unlink()


def test_what_a_killed_server_left_is_replaced(httpd):
    server = httpd()
    server.expect_log(".*")
    old = segment_of(server).created
    for pid in server.processes():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.processes(), 10, "the end of every process")
    assert segment_of(server).created == old
    server.pid_file.unlink()
    server.start()
    assert segment_of(server).created > old


@pytest.mark.parametrize("conf, message", [
    ("MPMStatsSegment /nowhere/at/all", r"MPMStatsSegment /nowhere/at/all: there is no directory /nowhere/at/"),
    ("MPMStatsSegment ${ROOT}/run", r"it exists and is not a regular file"),
    ("MPMStatsSegmentMode 0777", r"MPMStatsSegmentMode must be octal permissions"),
    ("MPMStatsSegmentMode 0660", r"without write permission for group and others, who could end the server"),
    ("MPMStatsSegmentMode 0642", r"without write permission for group and others, who could end the server"),
    ("MPMStatsSegmentMode rw", r"MPMStatsSegmentMode must be octal permissions"),
    ("MPMStatsSegmentGroup no-such-group", r"there is no group 'no-such-group'"),
    ("MPMStatsVHosts 0", r"MPMStatsVHosts must be a number from 1 to 10000"),
    ("MPMStatsSegment /proc/sys/mpmstats.segment",
     r"MPMStatsSegment /proc/sys/mpmstats.segment: /proc/sys/ is not writable; give permission or choose another path"),
    ("MPMStatsSegment one\nScoreBoardFile run/one", r"ScoreBoardFile and MPMStatsSegment are both \S+/run/one; choose another file"),
    ("ScoreBoardFile run/mpmstats.segment", r"ScoreBoardFile and MPMStatsSegment are both \S+/run/mpmstats.segment"),
    ("MPMStatsVHosts many", r"MPMStatsVHosts must be a number from 1 to 10000"),
    ("MPMStatsReportInterval 0", r"MPMStatsReportInterval must be Off or a time"),
    ("MPMStatsSlowThreshold soon", r"MPMStatsSlowThreshold must be Off or a time"),
    ("MPMStatsBusyThreshold 101", r"MPMStatsBusyThreshold must be Off or a share"),
    ("MPMStatsBusyThreshold 0", r"MPMStatsBusyThreshold must be Off or a share"),
    ("<VirtualHost *>\nMPMStatsVHosts 3\n</VirtualHost>", r"MPMStatsVHosts (not allowed in|cannot occur within) <VirtualHost>"),
])
def test_wrong_configuration_is_found_by_configtest(httpd, conf, message):
    server = httpd(start=False)
    code, output = server.configtest(conf)
    assert code != 0 and re.search(message, re.sub(r"\s+", " ", output)), output


@pytest.mark.parametrize("conf, message", [
    ("<Location /a>\nSetHandler mpm-status\nSetHandler server-status\n</Location>",
     r"two handlers for <Location /a>: SetHandler mpm-status \(\S+, line \d+\) and SetHandler server-status \(\S+, line \d+\); the last one answers"),
    ("<Location /a>\nSetHandler server-status\n</Location>\n<Location /a>\nRequire local\nSetHandler \"mpm-status\"\n</Location>",
     r"two handlers for <Location /a>: SetHandler server-status \(\S+, line \d+\) and SetHandler mpm-status"),
    ("<VirtualHost *:${PORT}>\n<Location /a>\nSetHandler mpmstats\n</Location>\n</VirtualHost>",
     r"line \d+: there is no handler 'mpmstats', nothing answers there; mod_mpmstats's is SetHandler mpm-status"),
    ("<Location /a>\nSetHandler mpm_status\n</Location>", r"there is no handler 'mpm_status'"),
    ("<Location /a>\nSetHandler mod_mpmstats\n</Location>", r"there is no handler 'mod_mpmstats'"),
])
def test_a_handler_that_will_not_answer_is_told_of(httpd, conf, message):
    server = httpd(start=False)
    code, output = server.configtest(conf)
    assert code == 0 and re.search(message, re.sub(r"\s+", " ", output)), output
    assert output.count(" handler") <= 3, "once"
    server.write_conf(conf=conf)
    server.start()
    assert re.search(message, server.error_log() + server.stderr())


@pytest.mark.parametrize("conf", [
    "", "<Location /a>\nSetHandler mpm-status\n</Location>\n<VirtualHost *:${PORT}>\n<Location /a>\nSetHandler server-status\n</Location>\n</VirtualHost>",
    "<Location /a>\nSetHandler mpm-status\n</Location>\n<Location /b>\nSetHandler server-status\n</Location>\n"
    "<Location /a>\nSetHandler mpm-status\n</Location>",
])
def test_handlers_of_different_places_are_no_mistake(httpd, conf):
    code, output = httpd(start=False).configtest(conf)
    assert code == 0 and "handler" not in output, output


def test_a_configuration_without_the_module_says_so(httpd):
    server = httpd(start=False)
    shipped = f"Include {REPO}/conf/mpmstats.conf\n"
    assert server.configtest(shipped)[0] == 0
    without = re.sub(r"(?m)^LoadModule mpmstats_module.*$", "", server.conf_text())
    code, output = server.configtest(without + shipped, base=False)
    assert code != 0 and "mod_mpmstats is not loaded; enable it (a2enmod mpmstats) or take this file out" in output


def test_a_path_that_turns_out_unwritable_stops_the_start_with_the_reason(httpd):
    server = httpd(start=False, conf="MPMStatsSegment /proc/mpmstats.segment\n")
    done = server.k("start")

    def said():
        return done.stdout + server.error_log() + server.stderr()
    wait_until(lambda: re.search(r"MPMStatsSegment: .*/proc/mpmstats.segment", said()), 5, "the reason")
    wait_until(lambda: done.returncode != 0 or not server.pid_file.exists(), 5, "the end of the start")


def test_the_scoreboard_is_found_where_the_administrator_put_it(httpd):
    """With every process stopped: nobody but the reader can say."""
    server = httpd(modules=["test_handlers"], conf="ScoreBoardFile run/scoreboard\n")
    wait_until(lambda: segment_of(server).records("board")[0]["path"], 5, "the parent's description")
    board = segment_of(server).records("board")[0]
    files = procs.shared_memory_files(server.pid)
    assert board["path"] in files and board["length"] > 0
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=1500&who=me"))
        wait_until(lambda: segment_of(server).server["requests_in_flight"] == 1, 3, "a request under way")
        with procs.stopped(server.processes()):
            done = run("--segment", server.segment_file, "workers", "--json")
            assert done.returncode == 0, done.stderr
            workers = json.loads(done.stdout)
            assert any("who=me" in w.get("request", "") and w["client"] == "127.0.0.1" for w in workers)
        assert client.response().body == b"slept"
    server.graceful()
    assert segment_of(server).records("board")[0]["path"] == board["path"]


@pytest.mark.mpm_only("hybrid")
@pytest.mark.left_out("prefork", reason="MPMHungRequestTime has no effect in it")
def test_what_the_page_tells_of_the_server_is_in_the_file(httpd):
    """Whoever reads the file alone has the same keys: hung workers, shortages, processes without a slot."""
    server = httpd(conf="MPMHungRequestTime 1\n", modules=["test_handlers"])
    with Client(server.port) as client:
        client.send(b"GET /test/sleep?ms=4500 HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: segment_of(server).server["workers_hung"] == 1, 10, "a hung worker")
        assert json.loads(server.get("/mpm-status?json"))["totals"]["workers_hung"] == 1
        client.response()
    wait_until(lambda: segment_of(server).server["workers_hung"] == 0, 10, "no hung worker")
    told = json.loads(server.get("/mpm-status?json"))["totals"]
    kept = segment_of(server).server
    names = [n for n in told if n.startswith(("shortages_", "clock_", "saturations", "children_stuck", "processes_fin", "workers_hung"))]
    assert len(names) == 11
    assert {n: kept[n] for n in names} == {n: told[n] for n in names}
    assert kept["built"] and kept["name"]
