# SPDX-License-Identifier: Apache-2.0
"""Every directive of the MPM: wrong values are found by configtest and said in httpd's way, right ones have their effect,
and the configurations that exist for event, worker and prefork are valid as they stand.

The base configuration of the harness (httpd.DEFAULT_MPM_CONF) is in force: ThreadLimit 25, ThreadsPerChild 10,
ServerLimit 4, MaxRequestWorkers 40.
"""
import ctypes
import json
import os
import re
import resource
import socket
import struct

import pytest

import procs
from clients import Client, request
from httpd import DEFAULT_MPM_CONF, MODEL, MPM, REPO, THREADED, libexecdir
from procs import wait_until

pytestmark = pytest.mark.mpm_only("hybrid", "event")

OURS = pytest.mark.mpm_only("hybrid")
NOTHING_SET = dict.fromkeys(DEFAULT_MPM_CONF)


@pytest.fixture(scope="module")
def idle(module_httpd):
    """A server that is never started: its configuration is what is tried."""
    return module_httpd(start=False)


def ids(case):
    return re.sub(r"\W+", "_", case) if isinstance(case, str) else None


# ---- wrong values that are refused ------------------------------------------------------------------------------

REFUSED = [
    ("Listen", "Listen requires 1 or 2 arguments"),
    ("Listen 1 2 3", "Listen requires 1 or 2 arguments"),
    ("Listen 99999", "Invalid address or port"),
    ("Listen abc", "Port must be specified"),
    ("Listen 127.0.0.1", "Port must be specified"),
    ("ListenBacklog 0", "ListenBacklog must be > 0"),
    ("ListenBacklog -1", "ListenBacklog must be > 0"),
    ("ListenBacklog abc", "ListenBacklog must be > 0"),
    ("ListenCoresBucketsRatio 0", "ListenCoresBucketsRatio must be > 0"),
    ("ListenTCPDeferAccept 0", "ListenTCPDeferAccept must be > 0"),
    ("ListenTCPDeferAccept abc", "ListenTCPDeferAccept must be > 0"),
    ("SendBufferSize 100", "SendBufferSize must be >= 512 bytes, or 0 for system default"),
    ("ReceiveBufferSize 100", "ReceiveBufferSize must be >= 512 bytes, or 0 for system default"),
    ("CoreDumpDirectory /nowhere", "CoreDumpDirectory /nowhere does not exist"),
    ("CoreDumpDirectory /etc/passwd", "CoreDumpDirectory /etc/passwd is not a directory"),
    ("ThreadStackSize -1", "Invalid ThreadStackSize value: -1"),
    ("MaxMemFree -1", "Invalid MaxMemFree value: -1"),
    ("Mutex", "Mutex requires at least a mechanism argument"),
    ("Mutex nosuch default", "Invalid Mutex argument nosuch"),
    ("Mutex default nosuch", "Mutex type nosuch is not valid"),
    ("AsyncRequestWorkerFactor 0", "AsyncRequestWorkerFactor argument must be a positive number"),
    ("AsyncRequestWorkerFactor -1", "AsyncRequestWorkerFactor argument must be a positive number"),
]


@pytest.mark.parametrize("text,said", REFUSED, ids=ids)
def test_a_wrong_value_is_refused(idle, text, said):
    code, output = idle.configtest(text)
    assert code == 1
    assert said in output
    assert "Syntax error on line" in output


NUMBERS = ["StartServers", "ServerLimit", "ThreadLimit", "ThreadsPerChild", "MinSpareThreads", "MaxSpareThreads",
           "MaxRequestWorkers", "MaxClients", "MinSpareServers", "MaxSpareServers"]
ALL = [*NUMBERS, "MaxConnectionsPerChild", "MaxRequestsPerChild", "AsyncRequestWorkerFactor", "ListenBacklog",
       "ListenCoresBucketsRatio", "ListenTCPDeferAccept", "SendBufferSize", "ReceiveBufferSize", "GracefulShutdownTimeout",
       "PidFile", "ScoreBoardFile", "CoreDumpDirectory", "ThreadStackSize", "MaxMemFree", "MPMConcurrency",
       "MPMMaxConnections"]
PER_SERVER = ["MPMAsyncHead", "MPMBodyBuffer"]
EVENT_HAS = [name for name in ALL if not name.startswith("MPM") and "SpareServers" not in name]


def of_this_mpm(names):
    return names if MPM == "hybrid" else [n for n in names if n in EVENT_HAS]


@OURS
@pytest.mark.parametrize("value", ["abc", "10x", "1.5", "99999999999999"])
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_refused(idle, name, value):
    code, output = idle.configtest(f"{name} {value}")
    assert code == 1
    assert f"{name} must be a whole number, not '{value}'" in output


@OURS
@pytest.mark.parametrize("text,said", [
    ("AsyncRequestWorkerFactor abc", "AsyncRequestWorkerFactor must be a number, not 'abc'"),
    ("AsyncRequestWorkerFactor 2x", "AsyncRequestWorkerFactor must be a number, not '2x'"),
    ("MPMConcurrency 0", "MPMConcurrency must be 'auto' or a number of at least 1, not '0'"),
    ("MPMConcurrency many", "MPMConcurrency must be 'auto' or a number of at least 1, not 'many'"),
    ("MPMMaxConnections 0", "MPMMaxConnections must be 'auto' or a number of at least 1, not '0'"),
    ("MPMMaxConnections -5", "MPMMaxConnections must be 'auto' or a number of at least 1, not '-5'"),
    ("MPMAsyncHead maybe", "MPMAsyncHead must be On or Off"),
    ("MPMBodyBuffer -1", "MPMBodyBuffer must be between 0 (off) and 16777216 bytes, not '-1'"),
    ("MPMBodyBuffer 99999999", "MPMBodyBuffer must be between 0 (off) and 16777216 bytes, not '99999999'"),
    ("MPMBodyBuffer big", "MPMBodyBuffer must be"),
], ids=ids)
def test_a_wrong_value_of_our_own_directives_is_refused(idle, text, said):
    code, output = idle.configtest(text)
    assert code == 1
    assert said in output


@pytest.mark.parametrize("name", of_this_mpm(ALL))
def test_a_missing_or_second_argument_is_refused(idle, name):
    for text in (name, f"{name} 1 2"):
        code, output = idle.configtest(text)
        assert code == 1
        assert f"{name} takes one argument" in output


@pytest.mark.parametrize("section", ["VirtualHost *", "Directory /", "Location /"])
@pytest.mark.parametrize("name", of_this_mpm([*ALL, "Listen"]))
def test_server_wide_directives_are_refused_in_sections(idle, name, section):
    code, output = idle.configtest(f"<{section}>\n{name} 1\n</{section.split()[0]}>")
    assert code == 1
    assert re.search(rf"{name} (cannot occur within <VirtualHost> section|not allowed in <\w+> context|"
                     rf"cannot occur within <(Directory/)?\w+(/\w+)*> section)", output)


@OURS
@pytest.mark.parametrize("name", PER_SERVER)
def test_per_server_directives_are_refused_in_directories(idle, name):
    code, output = idle.configtest(f"<Directory />\n{name} On\n</Directory>")
    assert code == 1 and f"{name} not allowed in <Directory> context" in output


@OURS
@pytest.mark.parametrize("text", ["MPMAsyncHead Off", "MPMBodyBuffer 1000"])
def test_per_server_directives_are_valid_in_virtual_hosts(idle, text):
    code, output = idle.configtest(f"<VirtualHost *>\n{text}\n</VirtualHost>")
    assert (code, output.strip()) == (0, "Syntax OK")


# ---- values out of range are corrected, aloud --------------------------------------------------------------------

def threads(text, said):
    return pytest.param(text, said, marks=pytest.mark.left_out(
        "prefork", reason="limits are counted in processes; test_21 has their messages"))


CORRECTED = [
    ("StartServers 0", "WARNING: StartServers of 0 not allowed, increasing to 1"),
    ("StartServers -3", "WARNING: StartServers of -3 not allowed, increasing to 1"),
    ("ServerLimit 0", "WARNING: ServerLimit of 0 not allowed, increasing to 1"),
    ("ServerLimit 999999", "WARNING: ServerLimit of 999999 exceeds compile-time limit of 20000.*, decreasing to 20000"),
    threads("ThreadLimit 0", "WARNING: ThreadLimit of 0 not allowed, increasing to 1"),
    threads("ThreadLimit 999999", r"WARNING: ThreadLimit of 999999 exceeds compile-time limit of \d+.*, decreasing to \d+"),
    threads("ThreadsPerChild 0", "WARNING: ThreadsPerChild of 0 not allowed, increasing to 1"),
    threads("ThreadsPerChild 30", "WARNING: ThreadsPerChild of 30 exceeds ThreadLimit of 25.*, decreasing to 25. "
                           "To increase, please see the ThreadLimit directive"),
    threads("MinSpareThreads 0", "WARNING: MinSpareThreads of 0 not allowed, increasing to 1"),
    threads("MinSpareThreads -5", "WARNING: MinSpareThreads of -5 not allowed, increasing to 1"),
    threads("MaxRequestWorkers 5", "WARNING: MaxRequestWorkers of 5 is less than ThreadsPerChild of 10, increasing to 10"),
    threads("MaxRequestWorkers 0", "WARNING: MaxRequestWorkers of 0 is less than ThreadsPerChild of 10, increasing to 10"),
    threads("MaxRequestWorkers 25", "WARNING: MaxRequestWorkers of 25 is not an integer multiple of ThreadsPerChild of 10, "
                             "decreasing to nearest multiple 20"),
    threads("MaxRequestWorkers 400", "WARNING: MaxRequestWorkers of 400 would require 40 servers and would exceed ServerLimit of 4, "
                              "decreasing to 40. To increase, please see the ServerLimit directive"),
    threads("MaxClients 25", "WARNING: MaxRequestWorkers of 25 is not an integer multiple of ThreadsPerChild of 10"),
]


@pytest.mark.parametrize("text,said", CORRECTED, ids=ids)
def test_a_value_out_of_range_is_corrected_with_a_warning(idle, text, said):
    code, output = idle.configtest(text)
    assert code == 0
    assert re.search(said, output), output
    assert "Syntax OK" in output


@pytest.mark.parametrize("text", ["StartServers 0", "MinSpareThreads 0", "MaxSpareThreads 1", "MaxRequestWorkers 5",
                                  "ThreadsPerChild 30"], ids=ids)
def test_a_server_with_a_corrected_value_serves(httpd, text):
    server = httpd(conf=text)
    assert server.answers()


# ---- right values, and what they do ------------------------------------------------------------------------------

def queries(server):
    return json.loads(server.get("/test-mpm"))["queries"]


def test_the_limits_are_those_of_the_configuration(httpd):
    server = httpd(modules=["test_mpm"], conf="MaxConnectionsPerChild 1000",
                   mpm_conf={"ServerLimit": 6, "ThreadLimit": 20, "ThreadsPerChild": 12, "MinSpareThreads": 7,
                             "MaxSpareThreads": 30, "MinSpareServers": 3, "MaxSpareServers": 9, "MaxRequestWorkers": 60})
    known = queries(server)
    expected = {"MAX_THREADS": 12, "HARD_LIMIT_THREADS": 20, "MAX_DAEMONS": 5, "MIN_SPARE_THREADS": 7,
                "MAX_SPARE_THREADS": 30, "MAX_REQUESTS_DAEMON": 1000} if THREADED else \
               {"MAX_THREADS": 1, "HARD_LIMIT_THREADS": 1, "MAX_DAEMONS": 60, "MIN_SPARE_DAEMONS": 3,
                "MAX_SPARE_DAEMONS": 9, "MAX_REQUESTS_DAEMON": 1000}
    assert {name: known[name] for name in expected} == expected


@pytest.mark.parametrize("old,new", [("MaxClients 20", "MaxRequestWorkers 20"),
                                     ("MaxRequestsPerChild 77", "MaxConnectionsPerChild 77")])
def test_old_names_mean_the_same(httpd, old, new):
    def answers(conf):
        known = queries(httpd(modules=["test_mpm"], conf=conf))
        del known["MAX_DAEMON_USED"]        # how many there have been so far
        return known
    assert answers(old) == answers(new)


def test_debians_own_configuration_of_the_mpm_is_valid_and_in_force(httpd):
    debian = f"/etc/apache2/mods-available/mpm_{MODEL}.conf"
    server = httpd(start=False, mpm_conf=NOTHING_SET, conf=f"Include {debian}")
    code, output = server.configtest("")
    assert (code, output.strip()) == (0, "Syntax OK")
    server.modules.append("test_mpm")
    server.write_conf()
    server.start()
    known = queries(server)
    if THREADED:
        assert (known["MAX_THREADS"], known["HARD_LIMIT_THREADS"], known["MAX_DAEMONS"]) == (25, 64, 6)
        assert (known["MIN_SPARE_THREADS"], known["MAX_SPARE_THREADS"]) == (25, 75)
    else:
        assert (known["MAX_THREADS"], known["HARD_LIMIT_THREADS"], known["MAX_DAEMONS"]) == (1, 1, 150)
        assert (known["MIN_SPARE_DAEMONS"], known["MAX_SPARE_DAEMONS"]) == (5, 10)
    wait_until(lambda: len(server.children()) >= (2 if THREADED else 5), 5, "StartServers")


@OURS
@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_the_configuration_of_each_stock_mpm_is_valid(httpd, mpm):
    server = httpd(start=False, mpm_conf=NOTHING_SET, conf=f"Include /etc/apache2/mods-available/mpm_{mpm}.conf")
    code, output = server.configtest("")
    # What the model in use has no use for is accepted, and said so.
    lines = [line for line in output.strip().splitlines() if "no effect with MPMModel" not in line]
    assert (code, lines) == (0, ["Syntax OK"])
    server.start()
    assert server.get("/hello.txt") == b"hello\n"


@OURS
def test_our_own_mpm_hybrid_conf_is_valid(httpd):
    server = httpd(start=False, mpm_conf=NOTHING_SET, conf=f"Include {REPO}/conf/mpm_hybrid.conf")
    assert server.configtest("")[0] == 0
    assert server.start().answers()


def test_a_server_without_any_mpm_directive_serves(httpd):
    server = httpd(mpm_conf=NOTHING_SET)
    assert server.get("/hello.txt") == b"hello\n"
    assert server.error_log().count("WARNING") == 0


def descriptor(pid, inode):
    """Our copy of another process's socket (Linux 5.6), or a skip where that is not allowed."""
    pidfd = os.pidfd_open(pid)
    try:
        number = next(fd for fd, target in procs.fds(pid).items() if target == f"socket:[{inode}]")
        copy = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, number, 0)
        if copy < 0:
            pytest.skip(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
        return socket.socket(fileno=copy)
    finally:
        os.close(pidfd)


def listener(server):
    return descriptor(server.pid, procs.listening(server.port)[0])


def test_listen_backlog_is_the_length_of_the_queue(httpd):
    server = httpd(conf="ListenBacklog 77")
    with listener(server) as sock:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        sacked = struct.unpack_from("7BxIIIIIIII", info)[12]     # tcpi_sacked: the backlog of a listening socket
        assert sacked == 77


def test_send_and_receive_buffer_sizes_are_set(httpd):
    server = httpd(conf="SendBufferSize 30000\nReceiveBufferSize 20000")
    with listener(server) as sock:      # the kernel doubles what it is told
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 60000
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 40000


def test_listen_tcp_defer_accept_is_set(httpd):
    server = httpd(conf="ListenTCPDeferAccept 7")
    with listener(server) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) >= 7


def test_accept_filter_none_takes_silent_connections(httpd):
    server = httpd(conf="AcceptFilter http none")
    with listener(server) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) == 0
    with Client(server.port) as client:
        wait_until(lambda: procs.accepted(server.port, client.sock), 3, "the connection accepted")


def test_several_listeners_are_all_served(httpd):
    server = httpd(start=False, conf="".join(f"Listen 127.0.0.1:${{P{n}}}\n" for n in range(12)))
    ports = [server.extra_port(f"P{n}") for n in range(12)]
    server.start()
    for port in ports:
        with Client(port) as client:
            assert client.get().body == b"hello\n"


def test_an_ipv6_listener_is_served(httpd):
    if not os.path.exists("/proc/net/if_inet6") or "00000000000000000000000000000001" not in open("/proc/net/if_inet6").read():
        pytest.skip("no IPv6 loopback here")
    server = httpd(start=False, conf="Listen [::1]:${SIX}")
    port = server.extra_port("SIX")
    server.start()
    with socket.create_connection(("::1", port), 5) as sock:
        sock.sendall(request(headers=["Connection: close"]))
        assert b"hello\n" in sock.makefile("rb").read()


def test_listener_buckets_serve_and_survive_restarts(httpd):
    server = httpd(conf="ListenCoresBucketsRatio 1", mpm_conf={"StartServers": 2})
    for _ in range(3):
        assert all(server.get("/hello.txt") == b"hello\n" for _ in range(20))
        server.graceful()
    server.restart()
    assert all(server.get("/hello.txt") == b"hello\n" for _ in range(20))


@pytest.mark.left_out("prefork", reason="there are no threads")
def test_thread_stack_size_is_that_of_the_workers(httpd):
    server = httpd(conf="ThreadStackSize 655360")
    server.get("/hello.txt")
    sizes = []
    for line in open(f"/proc/{server.children()[0]}/maps"):
        start, end = (int(x, 16) for x in line.split()[0].split("-"))
        sizes.append(end - start)
    # The guard page may be a mapping of its own or part of the size.
    assert sizes.count(655360) + sizes.count(655360 - 4096) >= 1, sorted(set(sizes))


def test_max_mem_free_is_accepted(httpd):
    server = httpd(conf="MaxMemFree 100")
    assert server.answers()


@pytest.mark.parametrize("name", ["run/elsewhere.pid", "${ROOT}/run/absolute.pid"])
def test_pid_file_may_be_anywhere(httpd, name):
    server = httpd(start=False, conf=f"PidFile {name}")
    path = server.root / name.replace("${ROOT}/", "")
    assert server.k("start").returncode == 0
    pid = wait_until(lambda: path.exists() and int(path.read_text() or 0), 5, "the pid file")
    assert procs.alive(pid)
    assert server.k("stop").returncode == 0
    server.wait_stopped()
    assert not path.exists()


def test_a_score_board_file_is_there_while_the_server_runs(httpd):
    """APR keeps it in /dev/shm, under a hash of the name."""
    server = httpd(conf="ScoreBoardFile run/scoreboard", modules=["test_scoreboard"])
    files = procs.shared_memory_files(server.pid)
    assert len(files) == 1
    board = server.scoreboard()
    assert board.processes
    server.graceful()
    assert server.scoreboard().raw["generation"] == board.raw["generation"] + 1
    assert procs.shared_memory_files(server.pid) == files
    server.stop()
    assert not [f for f in files if os.path.exists(f)]


def test_a_core_dump_is_announced_with_its_directory(httpd):
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    if before[1] == 0:
        pytest.skip("no core dumps here")
    try:
        server = httpd(start=False, modules=["test_handlers"], conf="CoreDumpDirectory ${ROOT}/cores")
        directory = server.writable_dir("cores")
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    server.expect_log("exit signal Segmentation fault")
    with Client(server.port) as client:
        client.send(request("/test/crash"))
        server.wait_log(rf"exit signal Segmentation fault \(11\), possible coredump in {directory}")
    with open("/proc/sys/kernel/core_pattern") as pattern:
        if pattern.read(1) not in "|/":
            wait_until(lambda: list(directory.iterdir()), 5, "a core file")


@pytest.mark.parametrize("mechanism", ["default", "pthread", "sem", "file:${ROOT}/run", "fcntl:${ROOT}/run", "sysvsem"])
def test_every_mutex_mechanism_serves_and_is_cleared_away(httpd, mechanism):
    server = httpd(tls=True, conf=f"Mutex {mechanism} default\nLoadModule rewrite_module {libexecdir()}/mod_rewrite.so\n"
                                  "Mutex default rewrite-map" if mechanism == "default" else f"Mutex {mechanism} default")
    assert server.answers()
    with Client(server.tls_port, tls=server.tls_client()) as client:
        assert client.get().body == b"hello\n"
    server.graceful()
    assert server.answers()


@OURS
def test_exception_hook_is_accepted_where_httpd_has_it(httpd):
    ours, reference = (httpd(start=False, mpm=mpm).configtest("EnableExceptionHook On") for mpm in ("hybrid", "event"))
    assert ours[0] == reference[0]


@OURS
def test_async_heads_can_be_turned_off(httpd):
    """Then a half-sent head has a worker, as on event."""
    server = httpd(modules=["test_scoreboard"], conf="MPMAsyncHead Off")
    with Client(server.port) as client:
        client.send("GET /hello.txt HTTP/1.1\r\n")
        wait_until(lambda: server.scoreboard().count("R") == 1, 3, "a worker that reads")
        assert client.send("Host: test.localhost\r\n\r\n").response().body == b"hello\n"


@OURS
def test_async_heads_can_be_turned_off_for_one_virtual_host(httpd):
    server = httpd(start=False, modules=["test_scoreboard"], conf="""
        MPMAsyncHead On
        Listen 127.0.0.1:${OLD}
        <VirtualHost 127.0.0.1:${OLD}>
          MPMAsyncHead Off
        </VirtualHost>""")
    port = server.extra_port("OLD")
    server.start()
    with Client(port) as with_worker, Client(server.port) as without:
        with_worker.send("GET /hello.txt HTTP/1.1\r\n")
        without.send("GET /hello.txt HTTP/1.1\r\n")
        wait_until(lambda: server.scoreboard().count("R") == 1, 3, "one worker that reads")
        procs.holds_for(lambda: server.scoreboard().count("R") == 1, 0.3, "one worker that reads")


@OURS
@pytest.mark.parametrize("size,busy", [(1000, 0), (0, 1), (499, 1)])
def test_a_body_up_to_the_body_buffer_is_collected_without_a_worker(httpd, size, busy):
    server = httpd(modules=["test_scoreboard", "test_handlers"], conf=f"MPMAsyncHead On\nMPMBodyBuffer {size}")
    with Client(server.port) as client:
        client.send(request("/test/body", "POST", headers=["Content-Length: 500"]) + b"x" * 400)
        wait_until(lambda: procs.accepted(server.port, client.sock), 3, "the connection accepted")
        # not .busy: in the prefork model the look before may still be closing in another process
        wait_until(lambda: server.scoreboard().count("RW") == busy, 3, f"{busy} busy workers")
        procs.holds_for(lambda: server.scoreboard().count("RW") == busy, 0.3, f"{busy} busy workers")
        client.send(b"x" * 100)
        assert client.response().body.decode() == f"500 {500 * ord('x')}"


@OURS
@pytest.mark.parametrize("number, cut", [(2_000_000_000, True), (100, False)])
def test_max_connections_is_cut_aloud_to_what_the_limit_of_open_files_leaves(httpd, number, cut):
    server = httpd(conf=f"MPMMaxConnections {number}")
    assert server.answers()
    told = re.findall(rf"MPMMaxConnections of {number} exceeds .* open files .* decreasing to (\d+)\.", server.error_log())
    assert len(told) == cut and all(16 <= int(n) < number for n in told)


@pytest.mark.mpm_gap("event", reason="has no such mutex")
@pytest.mark.parametrize("kind", ["fcntl", "sysvsem", "pthread", "default"])
def test_a_configuration_may_say_of_which_kind_the_mutex_to_accept_is(httpd, kind):
    code, output = httpd(start=False).configtest(f"Mutex {kind} mpm-accept")
    assert (code, output) == (0, "Syntax OK\n")
