# SPDX-License-Identifier: Apache-2.0
"""mod_status beside mod_mpmstats: its page and its ?auto are those of a server without mod_mpmstats, key by key.
ExtendedStatus is On in all of them, and httpd does none of its work (stats/record/extended.h)."""
import contextlib
import re
import struct
import threading
import time

import pytest

import procs
import testmodules
from clients import Client, request
from h2client import H2
from httpd import MODEL, module_path
from procs import wait_until
from statusview import CONF, MPMS

pytestmark = pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")

ROW = re.compile(r"<tr><td><b>(?P<slot>\d+)-(?P<generation>\d+)</b></td><td>(?P<pid>\d+|-)</td>"
                 r"<td>(?P<acc>\d+)/(?P<my>\d+)/(?P<all>\d+)</td><td>(?:<b>)?(?P<state>.)(?:</b>)?\n</td>"
                 r"<td>(?P<cpu>[\d.]+)</td><td>(?P<ss>\d+)</td><td>(?P<req>\d+)</td><td>(?P<dur>\d+)</td>"
                 r"<td>(?P<conn_kb>[\d.]+)\s*</td><td>(?P<child_mb>[\d.]+)</td><td>(?P<slot_mb>[\d.]+)\s*</td>"
                 r"<td>(?P<client>.*?)</td><td>(?P<protocol>.*?)</td><td nowrap>(?P<vhost>.*?)</td>"
                 r"<td nowrap>(?P<request>.*?)</td></tr>")
H2_MPMS = [mpm for mpm in MPMS if mpm not in ("prefork",) and not (mpm == "hybrid" and MODEL == "prefork")]


def own_server(httpd, mpm, **options):
    """Few workers; mpm_conf for every MPM."""
    options.setdefault("mpm_conf", {"StartServers": 4 if mpm == "prefork" else 1, "MinSpareServers": 4, "KeepAliveTimeout": 60})
    if options["mpm_conf"].pop("KeepAliveTimeout", None):
        options["conf"] = options.pop("conf", "") + "KeepAliveTimeout 60\nMaxKeepAliveRequests 0\n"
    options["conf"] = CONF.replace("MPMStatsAllowHost *\n", "") + options["conf"]
    return httpd(mpm=mpm, modules=["test_handlers", *options.pop("modules", ())], **options)


def page_of(client, port):
    """The rows of the page, for a comparison of servers with other ports."""
    response = client.send(request("/server-status")).response()
    assert response.status == 200
    text = response.body.decode("latin-1").replace(f":{port}", ":PORT")
    assert "ExtendedStatus On</code>" not in text and "Total accesses" in text
    rows = [match.groupdict() for match in ROW.finditer(text)]
    assert len(rows) == text.count("<tr><td><b>"), text
    return rows


def auto_of(client):
    text = client.send(request("/server-status?auto")).response().body.decode("latin-1")
    return dict(re.split(": ?", line, maxsplit=1) for line in text.splitlines()[1:])


def texts(row, *more):
    return {key: row[key] for key in ("client", "protocol", "vhost", "request", *more)}


def row_with(rows, text, state):
    found = [row for row in rows if text in row["request"] and row["state"] == state]
    assert len(found) == 1, (text, state, rows)
    return found[0]


def seen(server):
    """What mod_status shows of a series of requests, each figure that does not depend on the moment; and the others."""
    out = {}
    with Client(server.port) as busy, Client(server.port) as looking:
        for _ in range(2):
            busy.send(request("/1k.bin")).response()
        busy.send(request("/1k.bin", method="HEAD")).response(method="HEAD")
        busy.send(request("http://user:secret@test.localhost/t/sleep?ms=1000&" + "x" * 80))

        def the_row():
            rows = [r for r in page_of(looking, server.port) if r["state"] == "W" and "/t/sleep" in r["request"]]
            return rows[0] if rows else None
        out["in its handler"] = texts(wait_until(the_row, 5, "the request's row"), "acc", "conn_kb", "state")
        busy.response()
        out["itself"] = texts(row_with(page_of(looking, server.port), "GET /server-status", "W"), "state")
        wait_until(lambda: not the_row(), 5, "the request's end")
        kept = [texts(r, "acc", "conn_kb") for r in page_of(looking, server.port) if r["state"] == "K"]
        out["kept alive"] = kept
        with Client(server.port) as other:
            other.send(b"NONSENSE\r\n\r\n").response()
        with Client(server.port) as other:
            other.send(request("/no/such/file", headers=["Connection: close"])).response()
        with Client(server.port) as other:
            other.send(b"GET /half HTTP/1.1\r\nHo")
            time.sleep(0.2)
            out["while the head is read"] = sorted(
                str(texts(r, "acc", "conn_kb")) for r in page_of(looking, server.port) if r["state"] == "R")
        with Client(server.port) as other:
            other.send(request("/t/spin?ms=400", headers=["Connection: close"])).response()
        spun = wait_until(lambda: [r for r in page_of(looking, server.port) if "/t/spin" in r["request"] and r["state"] == "_"],
                          10, "its row")[0]
        took = procs.cpu_seconds(int(spun["pid"]))
        fuzzy = {"cpu of a row": (float(spun["cpu"]), took), "last request": int(spun["req"]) / 1000, "ss": int(spun["ss"])}
        out["after"] = texts(spun, "acc", "conn_kb")
        auto = auto_of(looking)
    out["keys"] = list(auto)
    fuzzy["cpu"] = float(auto["CPUUser"]) + float(auto["CPUSystem"])
    fuzzy["duration"] = int(auto["Total Duration"]) / 1000
    with Client(server.port) as looking:
        kbytes = int(auto_of(looking)["Total kBytes"])
        for _ in range(100):
            looking.send(request("/1k.bin")).response()
        out["kbytes of a hundred"] = int(auto_of(looking)["Total kBytes"]) - kbytes > 110
    return out, fuzzy, int(auto["Total Accesses"])


@pytest.mark.parametrize("mpm", MPMS)
def test_mod_status_shows_beside_mod_mpmstats_what_it_shows_alone(httpd, mpm):
    ours, our_fuzzy, our_count = seen(own_server(httpd, mpm).start())
    theirs, their_fuzzy, their_count = seen(own_server(httpd, mpm, mpmstats=False).start())
    assert ours == theirs
    assert "secret" not in str(ours) and "127.0.0.1" in str(ours)
    for fuzzy in (our_fuzzy, their_fuzzy):
        of_row, of_process = fuzzy["cpu of a row"]
        assert 0 < of_row < of_process + 0.015 and of_process - of_row < 0.2
        assert of_row < fuzzy["cpu"] + 0.005
    assert 0.35 < our_fuzzy["last request"] < 2 and 0.35 < their_fuzzy["last request"] < 2
    assert our_fuzzy["ss"] < 5 and their_fuzzy["ss"] < 5
    # Where a worker stays with its connection httpd adds each time twice.
    assert 1.4 < our_fuzzy["duration"] < 2.8 and 1.4 < their_fuzzy["duration"] < 5.6
    assert our_count > 10 and their_count > 10


@pytest.mark.parametrize("mpm", MPMS)
def test_every_request_is_counted_once_whoever_looks(httpd, mpm):
    """ap_extended_status changes with each page, between any two steps of other requests."""
    server = own_server(httpd, mpm).start()
    with Client(server.port) as client:
        def next_count():
            first, second = (int(auto_of(client)["Total Accesses"]) for _ in range(2))
            return second if second == first + 1 else None
        before = wait_until(next_count, 5, "the end of the requests before")
    counts = [0, 0, 0]
    end = time.monotonic() + 3

    def load(index, path):
        while time.monotonic() < end:
            with Client(server.port) as client:
                for _ in range(50):
                    assert client.send(request(path)).response().status == 200
                    counts[index] += 1
    threads = [threading.Thread(target=load, args=(index, path)) for index, path in
               enumerate(("/hello.txt", "/1k.bin", "/server-status?auto"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Client(server.port) as client:
        expected = before + 1 + sum(counts)
        looks = 0

        def all_counted():
            nonlocal looks
            looks += 1
            return int(auto_of(client)["Total Accesses"]) - (looks - 1) >= expected
        wait_until(all_counted, 5, "all requests")
        assert int(auto_of(client)["Total Accesses"]) == expected + looks
    assert min(counts) > 100


def h2_texts(server):
    """Rows with what mod_http2 says of a connection: what it does with which stream changes from one moment to the next."""
    with Client(server.port) as client:
        return [" ".join(["mod_http2's", row["client"], row["vhost"], row["protocol"]]) for row in page_of(client, server.port)
                if re.match(r"\[\d+/\d+\] \w+", row["request"]) and row["state"] not in "_."]


def rows_of_a_connection(server, tls):
    """What the page says of a connection with a running stream; nothing if mod_http2 has written nothing of it, on stock too."""
    with (H2(server.tls_port, tls=server.tls_client(alpn=["h2"])) if tls else H2(server.port)) as h2:
        h2.get("/1k.bin")
        stream = h2.request("/t/sleep?ms=800")
        h2.ping()
        until, rows = time.monotonic() + 0.7, []
        while not rows and time.monotonic() < until:
            rows = h2_texts(server)
        h2.finish(stream)
        page = h2.get("/server-status").body.decode()
        assert "Total accesses" in page and "<th>Request</th>" in page
        h2.request("/hello.txt")
    return rows


@pytest.mark.parametrize("tls", [False, True], ids=["h2c", "tls"])
@pytest.mark.parametrize("mpm", H2_MPMS)
def test_what_mod_http2_says_about_a_connection_is_shown(httpd, mpm, tls):
    def shown(**options):
        server = own_server(httpd, mpm, modules=["http2"], tls=tls, conf="Protocols h2 h2c http/1.1\n",
                            tls_conf="Protocols h2 http/1.1\n", **options).start()
        rows = wait_until(lambda: rows_of_a_connection(server, tls), 15, "a row of a connection")
        port = server.tls_port if tls else server.port
        return [row.replace(f":{port}", ":PORT") for row in rows]
    ours, theirs = shown(), shown(mpmstats=False)
    assert ours == theirs


@contextlib.contextmanager
def counted(httpd, tmp_path, mpm, **options):
    """A server, and a function that tells how often it has called times(2)."""
    file = tmp_path / "times"
    file.write_bytes(bytes(8))
    file.chmod(0o666)
    tmp_path.chmod(0o755)
    server = own_server(httpd, mpm, env=testmodules.preload("times", MPM_TEST_TIMES=str(file)), **options).start()
    yield server, lambda: struct.unpack("Q", file.read_bytes())[0]


def calls_per_request(server, calls):
    """Over at least 2,000 requests and one second; calls that any process makes for each tick of its clock left out."""
    done, begun, before = 0, time.monotonic(), calls()
    with Client(server.port) as client:
        while done < 2000 or time.monotonic() < begun + 1:
            client.send(request("/hello.txt")).response()
            done += 1
    ticks = (time.monotonic() - begun) * 100
    return max(0, calls() - before - ticks) / done


@pytest.mark.parametrize("mpm", MPMS)
def test_no_request_asks_the_kernel_for_the_time_of_all_threads(httpd, tmp_path, mpm):
    with counted(httpd, tmp_path, mpm) as (server, calls):
        assert calls_per_request(server, calls) < 0.05
        assert calls() > 0


@pytest.mark.parametrize("mpm", H2_MPMS)
def test_nor_while_there_is_an_http2_connection(httpd, tmp_path, mpm):
    with counted(httpd, tmp_path, mpm, modules=["http2"], conf="Protocols h2c http/1.1\n") as (server, calls), H2(server.port) as h2:
        h2.get("/hello.txt")
        assert calls_per_request(server, calls) < 0.05
        before = calls()
        for _ in range(300):
            h2.get("/hello.txt")
        assert calls() - before < 250


@pytest.mark.parametrize("mpm", MPMS)
def test_without_mod_mpmstats_httpd_does(httpd, tmp_path, mpm):
    with counted(httpd, tmp_path, mpm, mpmstats=False) as (server, calls):
        assert calls_per_request(server, calls) > 0.5
