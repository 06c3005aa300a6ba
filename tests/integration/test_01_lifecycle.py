# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping and restarting: every way httpd documents, and what each leaves behind."""
import os
import re
import signal
import subprocess
import time

import pytest

import procs
from clients import Client, refused, request
from httpd import HTTPD, MODEL, MPM, STOCK_MPMS, THREADED
from procs import holds_for, wait_until

HANDLERS = ["test_handlers", "test_scoreboard"]


def forgive_stock(server):
    """What the stock MPMs are known for in the situation at hand, and hybrid must not do."""
    if MPM in STOCK_MPMS:
        server.expect_log("AH00046")         # waits for busy threads, then needs SIGKILL


def forgive_debug_mode(server):
    """-X as root has dropped the privileges it would need to remove its files; stock MPMs always leave their pid file."""
    forgive_stock(server)
    if os.geteuid() == 0:
        server.forgive_files = ["httpd.pid", "mpmstats.segment"]
    elif MPM in STOCK_MPMS:
        server.forgive_files = ["httpd.pid"]


# ---- starting ---------------------------------------------------------------------------------------------

def test_a_daemon_has_its_own_session_and_writes_its_pid(httpd):
    server = httpd()
    assert os.getsid(server.pid) == server.pid != os.getsid(0)
    assert int(server.pid_file.read_text()) == server.pid
    assert server.children()
    assert server.error_log().count("resuming normal operations") == 1


NUMBERS = {"event": ["00489", "00493", "00489", "00494", "00489", "00492"],
           "worker": ["00292", "00297", "00292", "00298", "00292", "00296"],
           "prefork": ["00163", "00171", "00163", "00173", "00163", "00170"]}


def test_the_log_tells_starts_restarts_and_stops_by_the_numbers_of_the_stock_mpm(httpd):
    server = httpd()
    server.graceful()
    server.restart()
    server.graceful_stop()
    told = re.findall(r"\[mpm_\w+:notice\] .*AH(\d+): (?:Apache/|.*(?:SIG|restart))", server.error_log())
    assert told == NUMBERS[MODEL]


def test_foreground_stays_our_child_and_ends_with_zero_on_sigterm(httpd):
    server = httpd(start=False).start_foreground()
    assert server.pid == server.foreground.pid
    assert server.children()
    server.signal(signal.SIGTERM)
    assert server.foreground.wait(15) == 0
    server.wait_stopped()
    assert not server.pid_file.exists()


def test_foreground_graceful_restart_keeps_the_process(httpd):
    server = httpd(start=False).start_foreground()
    pid = server.pid
    server.graceful()
    assert server.pid == pid == server.foreground.pid
    server.graceful_stop(wait=False)
    assert server.foreground.wait(15) == 0


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_debug_mode_serves_from_a_single_process(httpd, sig):
    server = httpd(start=False, modules=["test_handlers"]).start_foreground("-X")
    assert procs.children_of(server.pid) == []
    assert f"pid={server.pid} ".encode() in server.get("/test/info")
    server.signal(sig)
    server.foreground.wait(15)
    server.wait_stopped()
    forgive_debug_mode(server)


@pytest.mark.mpm_only("hybrid", "event", "worker")
@pytest.mark.left_out("prefork", reason="there -X ends by SIGWINCH, as under mpm_prefork")
def test_debug_mode_outlives_a_terminal_that_changes_its_size(httpd):
    server = httpd(start=False).start_foreground("-X")
    forgive_debug_mode(server)
    server.foreground.send_signal(signal.SIGWINCH)
    holds_for(lambda: server.foreground.poll() is None and server.answers(), 1, "the server")


@pytest.mark.mpm_only("hybrid", "event", "worker")
@pytest.mark.left_out("prefork", reason="-X is one process, and that is one connection at a time")
def test_debug_mode_serves_connections_side_by_side(httpd):
    server = httpd(start=False, modules=["test_handlers"]).start_foreground("-X")
    with Client(server.port) as slow, Client(server.port) as fast:
        slow.send(request("/test/sleep?ms=800"))
        assert fast.get().body == b"hello\n"
        assert slow.response().body == b"slept"
    forgive_debug_mode(server)


def test_start_servers_is_the_number_of_children_at_start(httpd):
    server = httpd(mpm_conf={"StartServers": 3, "MaxSpareThreads": 40}, start=False).start(probe=False)
    wait_until(lambda: len(server.children()) == 3, 5, "three children")
    procs.holds_for(lambda: len(server.children()) == 3, 0.5, "three children")


@pytest.mark.mpm_only("hybrid", "event", "worker")
@pytest.mark.left_out("prefork", reason="MinSpareThreads has no effect; test_21 has MinSpareServers")
def test_start_servers_gives_way_to_min_spare_threads(httpd):
    server = httpd(mpm_conf={"StartServers": 1, "MinSpareThreads": 25, "MaxSpareThreads": 40,
                             "MaxRequestWorkers": 40})
    wait_until(lambda: len(server.children()) >= 3, 10, "children enough for 25 spare threads")


def test_starting_twice_is_said_and_harmless(httpd):
    server = httpd()
    pid = server.pid
    again = server.k("start")
    assert f"(pid {pid}) already running" in again.stdout
    assert server.pid == pid and server.answers()


def test_a_port_in_use_is_refused_with_httpds_message(httpd):
    first = httpd()
    second = httpd(start=False)
    second.conf = f"Listen 127.0.0.1:{first.port}"
    second.write_conf()
    done = second.k("start")
    assert done.returncode == 1
    assert f"could not bind to address 127.0.0.1:{first.port}" in done.stdout
    assert "no listening sockets available" in done.stdout or "AH00015" in done.stdout
    assert second.processes() == []
    assert first.answers()


def test_no_listener_is_refused_with_httpds_message(httpd):
    server = httpd(start=False)
    server.conf_file.write_text(server.conf_text().replace("Listen 127.0.0.1:${PORT}", ""))
    done = server.k("start")
    assert done.returncode == 1
    assert "no listening sockets available, shutting down" in done.stdout
    server.expect_log("no listening sockets available|Unable to open logs")
    assert server.processes() == []


def test_a_configuration_error_prevents_the_start(httpd):
    server = httpd(start=False, conf="NoSuchDirective on")
    done = server.k("start")
    assert done.returncode == 1
    assert "Invalid command 'NoSuchDirective'" in done.stdout
    assert server.processes() == []


# ---- stopping ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("action", ["stop", "graceful-stop"])
def test_k_stop_ends_everything_and_frees_the_port(httpd, action):
    server = httpd()
    done = server.k(action)
    assert done.returncode == 0, done.stdout
    server.wait_stopped()
    assert not server.pid_file.exists()
    assert refused(server.port)


def test_k_stop_without_a_server_says_so(httpd):
    server = httpd(start=False)
    done = server.k("stop")
    assert "not running" in done.stdout


@pytest.mark.parametrize("action", ["stop", "graceful-stop"])
def test_a_stopped_server_starts_again_at_once(httpd, action):
    server = httpd()
    with Client(server.port) as client:      # leaves TIME_WAIT on the server's port
        client.get(headers=["Connection: close"])
        server.k(action)
        server.wait_stopped()
        server.start()
    assert server.get("/hello.txt") == b"hello\n"


def test_stop_does_not_wait_for_a_request_under_way(httpd):
    server = httpd(modules=HANDLERS)
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=30000"))
        wait_until(lambda: server.scoreboard().busy == 1, 5, "the request")
        forgive_stock(server)
        server.stop(wait=False)
        server.wait_stopped(12)


def test_graceful_stop_is_bounded_by_graceful_shutdown_timeout(httpd):
    server = httpd(modules=HANDLERS, conf="GracefulShutdownTimeout 1")
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=30000"))
        wait_until(lambda: server.scoreboard().busy == 1, 5, "the request")
        server.graceful_stop(wait=False)
        forgive_stock(server)
        procs.holds_for(lambda: server.pid, 0.6, "the parent within its timeout")
        server.wait_stopped(15)


def test_graceful_stop_without_timeout_waits_for_the_request(httpd):
    server = httpd(modules=HANDLERS)
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=1500"))
        wait_until(lambda: server.scoreboard().busy == 1, 5, "the request")
        server.graceful_stop(wait=False)
        wait_until(lambda: refused(server.port), 1, "a closed port while the request runs")
        assert client.response().body == b"slept"
    server.wait_stopped()


# ---- restarting -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("action", ["restart", "graceful"])
def test_k_restart_replaces_the_children_and_keeps_the_parent(httpd, action):
    server = httpd(modules=["test_scoreboard"])
    parent, before = server.pid, set(server.children())
    generation = server.scoreboard().raw["generation"]
    assert server.k(action).returncode == 0
    wait_until(lambda: server.children() and not before & set(server.children()), 10, "only new children")
    wait_until(server.answers, 5, "an answer")
    assert server.pid == parent
    assert server.scoreboard().raw["generation"] == generation + 1


@pytest.mark.parametrize("action", ["restart", "graceful"])
def test_a_restart_brings_the_new_configuration_into_force(httpd, action):
    server = httpd()
    port = server.extra_port("SECOND")
    assert refused(port)
    server.write_conf(conf="Listen 127.0.0.1:${SECOND}")
    server.k(action)
    wait_until(lambda: not refused(port), 10, "the new port")
    with Client(port) as client:
        assert client.get().status == 200
    server.write_conf(conf="")
    server.k(action)
    wait_until(lambda: refused(port), 10, "the end of the port that was taken out")
    assert server.answers()


@pytest.mark.parametrize("action", ["restart", "graceful"])
def test_k_restart_with_a_broken_configuration_changes_nothing(httpd, action):
    server = httpd()
    children = server.children()
    server.write_conf(conf="NoSuchDirective on")
    done = server.k(action)
    assert done.returncode == 1
    assert "Invalid command 'NoSuchDirective'" in done.stdout
    assert set(children) <= set(server.children()) and server.answers()      # the first may just have been starting more


@pytest.mark.parametrize("sig", [signal.SIGHUP, signal.SIGUSR1])
def test_a_restart_signal_with_a_broken_configuration_ends_the_server_cleanly(httpd, sig):
    """httpd reads the configuration after the signal; the documentation says that the parent then exits."""
    server = httpd(conf="")
    server.write_conf(conf="NoSuchDirective on")
    server.signal(sig)
    server.wait_stopped(15)
    assert refused(server.port)
    server.pid_file.unlink(missing_ok=True)     # httpd itself leaves it there in this case
    server.segment_file.unlink(missing_ok=True)


@pytest.mark.parametrize("action", ["restart", "graceful"])
def test_restart_of_a_stopped_server_starts_it(httpd, action):
    server = httpd(start=False)
    done = server.k(action)
    assert "not running, trying to start" in done.stdout
    server._started(probe=True)


def test_restarts_in_quick_succession_end_with_one_set_of_children(httpd):
    server = httpd(mpm_conf={"StartServers": 2, "MinSpareServers": 1, "MaxSpareServers": 3})
    parent = server.pid
    for sig in (signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR1, signal.SIGHUP):
        server.signal(sig)

    def settled():
        """The last signal may still be worked on when there are two for a moment."""
        end = time.monotonic() + 1
        while time.monotonic() < end:
            if len(server.children()) != 2:
                return False
            time.sleep(0.02)
        return server.answers()

    wait_until(settled, 20, "two children that stay")
    assert server.pid == parent


@pytest.mark.parametrize("name,value", [("ServerLimit", 8), pytest.param("ThreadLimit", 50, marks=[
    pytest.mark.mpm_only("hybrid", "event", "worker"),
    pytest.mark.left_out("prefork", reason="ThreadLimit has no effect")])])
def test_a_changed_hard_limit_warns_over_a_restart_and_keeps_the_old_value(httpd, name, value):
    server = httpd(modules=["test_scoreboard"])
    key = {"ServerLimit": "server_limit", "ThreadLimit": "thread_limit"}[name]
    before = server.scoreboard().raw[key]
    old = re.search(rf"^{name} (\d+)$", server.conf_text(), re.M).group(1)
    server.write_conf(conf=f"{name} {value}")       # after the one that is there
    server.graceful()
    server.wait_log(rf"changing {name} to {value} from original value of {old} not allowed during restart")
    assert server.scoreboard().raw[key] == before


# ---- ends of processes that nobody asked for -----------------------------------------------------------------

@pytest.mark.mpm_only("event", "worker", "prefork")
def test_a_child_that_exits_fatally_stops_the_server(httpd):
    """APEXIT_CHILDFATAL (15): `Apache is exiting!`. hybrid: test_18."""
    server = httpd(modules=HANDLERS)
    server.expect_log("returned a Fatal error")
    with Client(server.port) as client:
        client.send(request("/test/exit?code=15"))
        server.wait_log("returned a Fatal error", 10)
    server.wait_stopped(15)
    assert refused(server.port)
    server.pid_file.unlink(missing_ok=True)


def test_a_child_that_exits_with_another_code_is_replaced(httpd):
    server = httpd(modules=HANDLERS)
    with Client(server.port) as client:
        client.send(request("/test/exit?code=3"))
        wait_until(lambda: client.closed_within(0.1), 5, "the end of the connection")
    wait_until(server.answers, 5, "an answer from another child")
    wait_until(lambda: not server.zombies(), 5, "no child that is dead and not reaped")


@pytest.mark.mpm_only("hybrid")
def test_the_news_of_the_parents_end_stops_no_request(httpd):
    """In the prefork model it comes as a signal, in the middle of whatever the request does: it may hold a lock that the log takes."""
    server = httpd(modules=HANDLERS, mpm_conf={"StartServers": 1, "MinSpareServers": 1, "MaxSpareServers": 1, "ServerLimit": 1,
                                               "MaxRequestWorkers": 10 if THREADED else 1})
    with Client(server.port, timeout=8) as client:
        client.send(request("/test/clock?ms=4000"))
        wait_until(lambda: procs.accepted(server.port, client.sock), 5, "the connection accepted")
        wait_until(lambda: sum(map(procs.cpu_seconds, server.children())) > 0.2, 5, "the request")
        second = time.time() + 1.1
        wait_until(lambda: time.time() > second, 2, "a time that the log has not kept yet")
        procs.kill(server.pid, signal.SIGKILL)
        try:
            assert client.response().body == b"told"
            server.wait_log(r"the parent process \d+ is gone", 5)
            server.wait_stopped(10)
        finally:
            server.kill_all()
            server.pid_file.unlink(missing_ok=True)
            server.segment_file.unlink(missing_ok=True)


@pytest.mark.mpm_gap("event", "worker", "prefork", reason="children of a killed parent stay and keep the port")
def test_children_of_a_killed_parent_finish_their_work_and_free_the_port(httpd):
    server = httpd(modules=HANDLERS)
    with Client(server.port) as client:
        client.send(request("/test/sleep?ms=1500"))
        wait_until(lambda: server.scoreboard().busy == 1, 5, "the request")
        procs.kill(server.pid, signal.SIGKILL)
        try:
            wait_until(lambda: refused(server.port), 5, "a free port")
            assert client.response().body == b"slept"
            server.wait_stopped(10)
            server.pid_file.unlink()
            assert len(re.findall(r"the parent process \d+ is gone", server.error_log())) == 1
        finally:
            server.kill_all()
            server.pid_file.unlink(missing_ok=True)
            server.segment_file.unlink(missing_ok=True)


@pytest.mark.mpm_gap("event", "worker", "prefork", reason="children of a killed parent stay and keep the port")
def test_children_end_also_where_a_modules_daemon_has_the_parents_sockets(httpd):
    """mod_cgid forks a new daemon where one dies; it inherits what the parent has open by then."""
    server = httpd(modules=["cgid"])

    def daemons():
        return set(procs.children_of(server.pid)) - set(server.children()) - set(server.lobbies())
    [daemon] = wait_until(lambda: {d for d in daemons() if procs.alive(d)}, 5, "the daemon")
    server.expect_log("cgid daemon process died")
    procs.kill(daemon)
    [daemon] = wait_until(lambda: {d for d in daemons() - {daemon} if procs.alive(d)}, 10, "a new daemon")
    wait_until(server.answers, 5, "an answer")
    procs.kill(server.pid, signal.SIGKILL)
    try:
        wait_until(lambda: refused(server.port), 5, "a free port")
    finally:
        procs.kill(daemon)
        server.kill_all()
        for socket_file in server.segment_file.parent.glob("cgisock*"):
            socket_file.unlink()
        server.pid_file.unlink(missing_ok=True)
        server.segment_file.unlink(missing_ok=True)


@pytest.mark.mpm_gap("event", "worker", "prefork", reason="the orphans hold the port")
def test_a_new_start_succeeds_after_the_parent_was_killed(httpd):
    server = httpd()
    old = server.pid
    procs.kill(old, signal.SIGKILL)
    try:
        wait_until(lambda: refused(server.port), 5, "a free port")
        procs.reap(old)     # a zombie would still count as running
        server.start()
        assert server.pid != old
    finally:
        if server.pid in (None, old):
            server.kill_all()
            server.pid_file.unlink(missing_ok=True)
            server.segment_file.unlink(missing_ok=True)


# ---- resources -------------------------------------------------------------------------------------------------

def test_the_listening_sockets_are_closed_in_scripts(httpd):
    """A CGI script that outlives the server must not keep its port."""
    server = httpd(modules=["cgid"])
    server.cgi("fds", "#!/bin/sh\necho Content-Type: text/plain\necho\nls -l /proc/$$/fd\n")
    listing = server.get("/cgi/fds").decode()
    listening = procs.listening(server.port)
    assert listening
    assert not [inode for inode in listening if f"[{inode}]" in listing], listing


def test_version_output_names_the_mpm(httpd):
    server = httpd(start=False)
    done = server.run("-V")
    assert f"Server MPM:     {MPM}" in done.stdout
    threaded = "yes" if THREADED else "no"
    assert f"threaded:     {threaded}" in done.stdout


def test_modules_listing_names_the_mpm(httpd):
    server = httpd(start=False)
    assert f"mpm_{MPM}_module (shared)" in server.run("-M").stdout


def test_two_mpms_at_once_are_refused(httpd):
    server = httpd(start=False)
    other = "worker" if MPM == "event" else "event"
    code, output = server.configtest(f"LoadModule mpm_{other}_module /usr/lib/apache2/modules/mod_mpm_{other}.so")
    assert code == 1
    assert "More than one MPM loaded" in output


def test_apachectl_configtest_and_stop_work_on_the_server(httpd):
    """Through Debian's apachectl, as an administrator would."""
    server = httpd()
    envvars = server.root / "conf" / "envvars"
    envvars.write_text(f"export APACHE_PID_FILE={server.pid_file}\nexport APACHE_RUN_USER=www-data\n")
    env = {**server.env, "APACHE_CONFDIR": str(server.root / "conf"), "APACHE_ENVVARS": str(envvars),
           "APACHE_HTTPD": HTTPD, "APACHE_ARGUMENTS": f"-f {server.conf_file}", "APACHE_LYNX": "true"}
    test = subprocess.run(["apachectl", "configtest"], env=env, capture_output=True, text=True)
    assert test.returncode == 0 and "Syntax OK" in test.stdout + test.stderr
    graceful = subprocess.run(["apachectl", "graceful"], env=env, capture_output=True, text=True)
    assert graceful.returncode == 0, graceful.stderr
    server.wait_log("resuming normal operations", count=2)
    wait_until(server.answers, 5, "an answer")
