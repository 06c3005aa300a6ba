# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 streams are requests: among the workers, busy, hung, named after a crash; whoever runs the server."""
import contextlib
import re
import signal
import time

import pytest

import h2frames
import procs
import tls
from backends import Backend, WebSocketEcho, frame
from cli import run
from clients import Client, request
from h2client import H2
from h2frames import Frames
from httpd import THREADED
from procs import wait_until
from segment import Segment

pytestmark = pytest.mark.skipif(not THREADED, reason="HTTP/2 is refused")

PLAIN = "Protocols h2c http/1.1\n"


def streams_of(status):
    return [worker for worker in status["workers"] if worker.get("stream")]


def running(server, count):
    """The status once so many streams run."""
    found = []

    def run_all():
        found[:] = [server.mpm_status()]
        return found[0]["totals"]["streams_running"] == count and len(streams_of(found[0])) == count
    wait_until(run_all, 5, f"{count} streams")
    return found[0]


def totals_are(server, **expected):
    totals = server.mpm_status()["totals"]
    return all(totals[name] == value for name, value in expected.items())


@pytest.mark.parametrize("over", ["h2", "h2c"])
def test_streams_are_among_the_workers(httpd, tls_dir, over):
    server = httpd(modules=["http2", "test_handlers"], tls=True, conf="Protocols h2 h2c http/1.1\n")
    idle = server.mpm_status()
    assert idle["totals"]["streams_running"] == 0 and not streams_of(idle)
    with (H2(server.tls_port, tls=tls.client_context(tls_dir, alpn=["h2"])) if over == "h2" else H2(server.port)) as client:
        ids = [client.request(f"/test/sleep?ms=1500&n={n}") for n in range(5)]
        status = running(server, 5)
        port = server.tls_port if over == "h2" else server.port
        for stream in streams_of(status):
            assert re.fullmatch(r"GET /test/sleep\?ms=1500&n=[0-4] HTTP/2(\.0)?", stream["request"])
            assert stream["vhost"] == f"test.localhost:{port}" and stream["client"] == "127.0.0.1"
            assert stream["handler"] == "test-handlers" and stream["state"] == "W" and stream["protocol"] == over
            assert 0 <= stream["since_us"] < 3_000_000
        assert len({stream["request"] for stream in streams_of(status)}) == 5
        assert len({(stream["slot"], stream["thread"]) for stream in status["workers"] if "thread" in stream}) == len(status["workers"])
        # with the worker that answers, and without the one that drives the connection
        wait_until(lambda: totals_are(server, workers_busy=6, workers_driving=1), 3, "the busy threads")
        wait_until(lambda: server.mpm_status() and Segment(server.segment_file).server["workers_busy"] == 6, 3, "a sample of that")
        assert sum(process["streams_running"] for process in status["processes"]) == 5
        page = server.get("/mpm-status").decode()
        assert page.count("/test/sleep?ms=1500&amp;n=") >= 5
        auto = server.get("/mpm-status?auto").decode()
        assert "/test/sleep" not in auto and "MPMStatsStreamsRunning: 5" in auto
        metrics = server.get("/mpm-status?openmetrics").decode()
        assert re.search(r"^httpd_streams_running 5$", metrics, re.M)
        listed = run("--segment", server.segment_file, "workers", "--request", "GET /test/sleep*", "--count").stdout
        assert int(listed) == 5
        assert run("--segment", server.segment_file, "get", "streams_running").stdout.strip() == "5"
        heading, *rows = (re.split(r"  +", line.strip()) for line in run("--segment", server.segment_file, "processes").stdout.splitlines())
        assert sum(int(row[heading.index("STREAMS")]) for row in rows) == 5
        client.finish(*ids)
    wait_until(lambda: totals_are(server, streams_running=0, workers_busy=1), 5, "none of them")


def test_a_stream_whose_client_takes_its_answer_slowly_runs_no_longer(httpd):
    """The thread of mod_http2 is free; what is left of the answer is in its buffers."""
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN)
    with H2(server.port) as client:
        client.window = False
        stream = client.request("/test/stream?chunks=1&bytes=70000")
        while len(client.streams[stream].body) < 65535:
            client.read_once()
        wait_until(lambda: Segment(server.segment_file).server["requests_in_flight"] == 1, 5, "the answer under way")
        assert running(server, 0)["totals"]["streams_running"] == 0
        assert Segment(server.segment_file).server["requests_in_flight"] >= 1
        client.conn.acknowledge_received_data(65535, stream)
        client.window = True
        client.flush()
        client.finish(stream)


def test_with_extended_status_off_a_stream_is_counted_and_not_named(httpd):
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN + "ExtendedStatus Off\n")
    with H2(server.port) as client:
        stream = client.request("/test/sleep?ms=800")
        status = running(server, 1)
        assert not {"request", "client", "vhost"} & streams_of(status)[0].keys()
        client.finish(stream)


def test_the_query_of_a_stream_is_cut_where_it_is_not_to_be_shown(httpd):
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN + "MPMStatsQueryStrings Off\n")
    with H2(server.port) as client:
        stream = client.request("/test/sleep?ms=800&secret=1")
        assert "secret" not in streams_of(running(server, 1))[0]["request"]
        now = Segment(server.segment_file)
        offset, size, count, _ = now.sections["stream"]
        assert b"GET /test/sleep?" in now.raw[offset:offset + size * count]
        assert b"secret" not in now.raw[offset:offset + size * count]
        client.finish(stream)


def test_more_streams_than_records_are_counted(httpd):
    """The segment is as it was at the start; a restart has raised H2MaxWorkers."""
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN + "H2MinWorkers 2\nH2MaxWorkers 2\n")
    server.write_conf(conf=PLAIN + "H2MinWorkers 6\nH2MaxWorkers 6\n")
    server.graceful()
    with H2(server.port) as client:
        ids = [client.request("/test/sleep?ms=1500") for _ in range(6)]
        wait_until(lambda: server.mpm_status()["totals"]["streams_running"] == 6, 5, "six streams")
        assert len(streams_of(server.mpm_status())) == 2
        client.finish(*ids)
    assert running(server, 0)


def test_many_streams_of_many_connections_leave_nothing_behind(httpd):
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN + "H2MaxWorkers 8\nH2MinWorkers 8\nLogLevel http2:error\n")
    clients = [H2(server.port) for _ in range(20)]
    for number, client in enumerate(clients):
        for _ in range(90):
            client.request("/test/sleep?ms=5")
        if number % 2:
            client.close()
    for client in clients[::2]:
        client.finish(timeout=30)
        client.close()
    wait_until(lambda: Segment(server.segment_file).server["requests_in_flight"] == 0, 20, "their end")
    assert not streams_of(running(server, 0))
    peak = Segment(server.segment_file).server["workers_busy_peak"]
    limits = server.mpm_status()
    assert 0 < peak <= 8 * len(limits["processes"]) + limits["limits"]["max_request_workers"]


def test_phases_of_a_stream_add_up(httpd):
    server = httpd(modules=["http2", "test_handlers", "log_config"], conf=PLAIN + "H2MinWorkers 2\nH2MaxWorkers 2\n"
                   "CustomLog ${ROOT}/logs/phases.log \"%{queue}^MP %{handler}^MP %{write}^MP %{total}^MP %U\"\n")
    with H2(server.port) as client:
        client.finish(*[client.request("/test/sleep?ms=100") for _ in range(8)])
        client.finish(client.request("/test/stream?chunks=3&bytes=40000&ms=20"))
    log = server.root / "logs/phases.log"
    wait_until(lambda: log.read_text().count("/test/") == 9, 5, "the log")
    for line in log.read_text().splitlines():
        if "/test/" in line:
            queue, handler, write, total = map(int, line.split()[:4])
            assert abs(queue + handler + write - total) <= 1, line
    waits = [int(line.split()[0]) for line in log.read_text().splitlines() if "/test/sleep" in line]
    assert max(waits) > 250_000 and min(waits) < 90_000


def test_a_worker_that_has_driven_a_connection_is_busy_with_the_next_one(httpd):
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN + "KeepAliveTimeout 30\n",
                   mpm_conf={"StartServers": 1, "MinSpareThreads": 1, "MaxSpareThreads": 4, "ThreadsPerChild": 4, "MaxRequestWorkers": 4})

    leaves = server.mpm_status()["server"]["async"]     # a worker leaves its connection between requests
    with contextlib.ExitStack() as clients:
        slow = [clients.enter_context(Client(server.port)) for _ in range(3 if leaves else 0)]
        for client in slow:
            client.send(request("/hello.txt")).response()
        drivers = [H2(server.port) for _ in range(4 if leaves else 3)]
        for driver in drivers:
            driver.request("/test/sleep?ms=300")
        for driver in drivers:
            driver.finish(*driver.streams)
            driver.close()
        wait_until(lambda: server.mpm_status()["totals"]["connections"] == 1 + len(slow), 5, "their end")
        slow += [clients.enter_context(Client(server.port)) for _ in range(3 - len(slow))]
        for client in slow:
            client.send(b"GET /half HTTP/1.1\r\nHo")      # where a worker reads, it is busy with that
        time.sleep(0.3)
        status = server.mpm_status()
        occupied = sum(worker["state"] in "RWKLDC" for worker in status["workers"])
        assert status["totals"]["workers_driving"] == 0 and status["totals"]["workers_busy"] == occupied
        assert not [worker for worker in status["workers"] if worker["state"] in "RW" and worker.get("tunnel")]


def with_two_threads(httpd):
    """One process with two threads of mod_http2."""
    return httpd(modules=["http2", "test_handlers"], conf=PLAIN + "H2MinWorkers 2\nH2MaxWorkers 2\n",
                 mpm_conf={"StartServers": 1, "MinSpareThreads": 1, "MaxSpareThreads": 25, "ThreadsPerChild": 25,
                           "MaxRequestWorkers": 25})


def test_all_threads_of_http2_busy_is_a_saturation(httpd):
    server = with_two_threads(httpd)
    with H2(server.port) as client:
        ids = [client.request("/test/sleep?ms=2500") for _ in range(2)]
        totals = running(server, 2)["totals"]
        assert totals["saturated"] == 1 and totals["streams_limit"] == 2 and totals["workers_busy"] <= 4
        check = run("--segment", server.segment_file, "check")
        assert check.returncode == 1 and "saturated yes" in check.stdout
        client.finish(*ids)
    assert running(server, 0)["totals"]["saturated"] == 0


def test_a_crash_names_the_streams_that_ran(httpd):
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN)
    with H2(server.port) as client, H2(server.port) as other:
        server.expect_log(r"exit signal Segmentation fault")
        slow = [client.request("/test/sleep?ms=9000&n=slow")]
        running(server, 1)
        client.request("/test/crash?ms=200")
        line = server.wait_log(r"HTTP/2 stream \(received the signal\): vhost \"test.localhost:\d+\", request "
                                r"\"GET /test/crash\?ms=200 HTTP/2(\.0)?\", handler \"test-handlers\", client 127.0.0.1, for \d+ ms", 10)
        assert slow and line
        assert 'HTTP/2 stream: vhost' in server.error_log() and "n=slow" in server.error_log()
        del other
    assert running(server, 0)


def test_a_killed_child_names_its_streams(httpd):
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN)
    with H2(server.port) as client:
        client.request("/test/sleep?ms=9000&n=last")
        pid = streams_of(running(server, 1))[0]["pid"]
        server.expect_log(r"exit signal Killed")
        procs.kill(pid, signal.SIGKILL)
        server.wait_log(rf"child pid {pid}, HTTP/2 stream: .*n=last", 12)
    assert running(server, 0)


@pytest.mark.mpm_only("hybrid")
def test_a_hung_stream_is_reported(httpd):
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN + "MPMHungRequestTime 1\n")
    with H2(server.port) as client:
        stream = client.request("/test/sleep?ms=4000&secret=1")
        line = server.wait_log(r"HTTP/2 stream has been running for \d seconds: .*", 6)[0]
        assert 'request "GET /test/sleep", handler "test-handlers", client 127.0.0.1' in line
        wait_until(lambda: server.mpm_status()["totals"]["workers_hung"] == 1, 3, "one that hangs")
        client.finish(stream)
        wait_until(lambda: server.mpm_status()["totals"]["workers_hung"] == 0, 3, "none that hangs")
    assert server.error_log().count("has been running for") == 1


@pytest.mark.mpm_only("hybrid")
def test_a_websocket_over_a_stream_is_not_hung(httpd):
    with Backend(WebSocketEcho) as echo:
        server = httpd(modules=["http2", "proxy", "proxy_http", "proxy_wstunnel"], conf=PLAIN + "MPMHungRequestTime 1\nH2WebSockets on\n"
                       f"ProxyPass /ws/ ws://127.0.0.1:{echo.port}/\n")
        with Frames(server.port) as client:
            client.send(h2frames.headers(1, (":protocol", "websocket"), ("sec-websocket-version", "13"), method="CONNECT",
                                         path="/ws/echo", flags=h2frames.END_HEADERS))
            running(server, 1)
            client.send(h2frames.frame(h2frames.DATA, 0, 1, frame(1, b"still there?")))
            assert client.until(lambda f: f.kind == h2frames.DATA and b"still there?" in f.payload)
            assert streams_of(server.mpm_status())[0]["tunnel"] is True
            procs.holds_for(lambda: server.mpm_status()["totals"]["workers_hung"] == 0, 2.5, "none that hangs")
        assert "has been running for" not in server.error_log()


@pytest.mark.mpm_only("hybrid")
def test_a_stream_whose_client_does_not_take_the_answer_is_not_hung(httpd):
    server = httpd(modules=["http2", "test_handlers"], conf=PLAIN + "MPMHungRequestTime 1\n")
    with H2(server.port) as client:
        client.window = False
        stream = client.request("/test/stream?chunks=1&bytes=70000")
        while len(client.streams[stream].body) < 65535:
            client.read_once()
        procs.holds_for(lambda: "has been running for" not in server.error_log(), 2.5, "silence")


@pytest.mark.mpm_only("hybrid")
def test_saturation_by_streams_is_logged(httpd):
    server = with_two_threads(httpd)
    with H2(server.port) as client:
        ids = [client.request("/test/sleep?ms=3500") for _ in range(2)]
        server.expect_log(r"AH00(484|286)")
        server.wait_log(r"AH00(484|286): server reached H2MaxWorkers setting: all 2 threads of mod_http2 run HTTP/2 streams", 5)
        client.finish(*ids)
    assert server.mpm_status()["totals"]["saturations"] == 1
