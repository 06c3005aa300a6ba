# SPDX-License-Identifier: Apache-2.0
"""mpmstats: asking a server, failing clearly, and the status view."""
import base64
import json
import os
import re
import signal
import socket
import subprocess
import time

import jsonschema
import pytest

import cli
import procs
from httpd import REPO
from cli import control_characters, columns_of, environment, fails, in_terminal, run, without_colours
from fakeserver import Answer, FakeServer, RawServer, document, stock_document

STATUS = {"/mpm-status": Answer(document())}


@pytest.fixture
def saved(tmp_path):
    """saved(document) writes it to a file and returns the options that make mpmstats read it."""
    def write(content):
        path = tmp_path / "saved.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return ["--from", str(path)]
    return write


def rows_after(text, heading):
    """Words of the lines below the one that begins with `heading`, up to an empty line."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:1] == [heading])
    rows = []
    for line in lines[start + 1:]:
        if not line.strip():
            break
        rows.append(line.split())
    return lines[start].split(), rows


# ---- a real server ----------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def server(module_httpd):
    return module_httpd(tls=True)


def test_status_of_a_real_server_agrees_with_its_json(server):
    told = server.mpm_status()
    text = run("--url", f"http://127.0.0.1:{server.port}/mpm-status").stdout
    assert told["server"]["version"] in text
    assert f"MPM {told['server']['mpm']}" in text
    assert f"pid {told['server']['pid']}" in text
    assert f"of {told['limits']['max_request_workers']} busy" in text
    heading, rows = rows_after(text, "SLOT")
    shown = {int(row[heading.index("PID")]): row for row in rows}
    assert set(shown) == {p["pid"] for p in told["processes"]}
    for process in told["processes"]:
        row = shown[process["pid"]]
        assert len(row[heading.index("WORKERS")]) == len(process["scoreboard"])
    assert "GET /mpm-status?json" in text      # the worker that answers us is busy with us


def test_status_is_the_default_command_and_options_go_before_or_after_it(server):
    url = f"http://127.0.0.1:{server.port}"
    for arguments in (["--json", "--url", url], ["--url", url, "status", "--json"], ["status", "-j", "-u", url],
                      ["--json=compact", f"--url={url}/mpm-status?json", "status"]):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["server"]["pid"] == server.pid


def test_https_is_verified_unless_told_otherwise(server, tls_dir):
    url = f"https://localhost:{server.tls_port}"
    assert json.loads(run("--url", url, "--cacert", tls_dir / "ca.crt", "--json").stdout)["schema"] == 1
    assert json.loads(run("--url", url, "--insecure", "--json").stdout)["schema"] == 1
    assert "--cacert" in fails(5, "--url", url)


def test_a_certificate_of_another_name_is_refused(tls_dir):
    certificate = (str(tls_dir / "server.crt"), str(tls_dir / "server.key"))
    with FakeServer(STATUS, certificate=certificate) as fake:
        good = fake.url().replace("127.0.0.1", "localhost")
        assert run("--url", good, "--cacert", tls_dir / "ca.crt").returncode == 0
        # leads to this machine too, but is not in the certificate
        bad = fake.url().replace("127.0.0.1", "other.localhost")
        assert "other.localhost" in fails(5, "--url", bad, "--cacert", tls_dir / "ca.crt")


def test_json_is_the_document_the_server_sent(server):
    told = server.mpm_status()
    shown = json.loads(run("--json", "--url", f"127.0.0.1:{server.port}").stdout)
    for section in ("limits", "server"):
        assert set(shown[section]) == set(told[section])
    assert shown["limits"] == told["limits"]
    assert shown["server"]["started_us"] == told["server"]["started_us"]


def test_the_path_of_another_handler_is_not_taken_for_the_status_page(server):
    assert "text/html" in fails(8, "--url", f"http://127.0.0.1:{server.port}/server-status")
    assert "404" in fails(7, "--url", f"http://127.0.0.1:{server.port}/no-such-page")
    assert "JSON" in fails(8, "--url", f"http://127.0.0.1:{server.port}/hello.txt")


def test_the_documents_these_tests_use_are_what_the_schema_describes():
    schema = json.loads((REPO / "docs" / "status.schema.json").read_text())
    jsonschema.validate(document(), schema)
    jsonschema.validate(stock_document(), schema)


# ---- addresses --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("given, asked", [
    ("http://127.0.0.1:{port}", "/mpm-status?json"),
    ("http://127.0.0.1:{port}/", "/mpm-status?json"),
    ("127.0.0.1:{port}", "/mpm-status?json"),
    ("localhost:{port}/deep/er", "/deep/er?json"),
    ("HTTP://127.0.0.1:{port}/x?json&y=1", "/x?json&y=1"),
    ("http://127.0.0.1:{port}/x#part", "/x?json"),
])
def test_what_is_left_out_of_an_address_is_added(given, asked):
    answers = {path: STATUS["/mpm-status"] for path in ("/mpm-status", "/deep/er", "/x")}
    with FakeServer(answers) as fake:
        done = run("--url", given.format(port=fake.port))
        assert done.returncode == 0, done.stderr
        assert [r.path for r in fake.requests] == [asked]


def test_the_address_comes_from_the_environment_when_no_option_names_one():
    with FakeServer(STATUS) as fake, FakeServer({}) as other:
        assert run(env=environment(MPMSTATS_URL=fake.url())).returncode == 0
        assert run("--url", other.url(), env=environment(MPMSTATS_URL=fake.url())).returncode == 7


def test_a_unix_socket_is_named_in_either_way(tmp_path):
    path = tmp_path / "s.sock"
    with FakeServer({**STATUS, "/else": Answer(document(server__pid=77))}, socket_path=path) as fake:
        assert run("--url", f"unix:{path}").returncode == 0
        assert run("--unix-socket", path).returncode == 0
        assert run("--url", f"unix:{path}|http://name.example/else").returncode == 0
        assert "pid 77" in run("--unix-socket", path, "--url", "name.example/else").stdout
        assert [(r.path, r.headers["Host"]) for r in fake.requests] == [
            ("/mpm-status?json", "localhost"), ("/mpm-status?json", "127.0.0.1"),
            ("/else?json", "name.example"), ("/else?json", "name.example")]


def test_sockets_that_cannot_be_used_are_explained(tmp_path):
    assert str(tmp_path / "none") in fails(3, "--url", f"unix:{tmp_path}/none")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "dead"))
    dead.close()
    assert "refused" in fails(3, "--unix-socket", tmp_path / "dead")
    assert "slash" in fails(1, "--unix-socket", "relative")
    assert "longer" in fails(1, "--unix-socket", "/" + "x" * 200)
    assert "two sockets" in fails(1, "--unix-socket", "/a", "--url", "unix:/b")


def test_no_proxy_is_asked_for_this_machine():
    with FakeServer(STATUS) as fake:
        proxied = environment(http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:1")
        assert run("--url", fake.url(), env=proxied).returncode == 0
        assert run("--url", fake.url().replace("127.0.0.1", "localhost"), env=proxied).returncode == 0


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://a b/", "http://[::1/",
                                 "http://127.0.0.1:99999/", "unix:", ""])
def test_an_address_that_is_none_is_a_usage_error(url):
    fails(1, "--url", url)


# ---- what can go wrong on the way ---------------------------------------------------------------------------

def test_the_default_address_is_named_when_nothing_listens_there():
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 80)) == 0:
            pytest.skip("something listens on port 80 of this machine")
    line = fails(3)
    assert "http://127.0.0.1/mpm-status" in line and "--url" in line


def test_a_refused_connection_names_the_address():
    port = procs.free_port()
    assert f"127.0.0.1:{port}/mpm-status" in fails(3, "--url", f"127.0.0.1:{port}")


def test_an_unknown_host_is_named():
    assert "nowhere.invalid" in fails(3, "--url", "http://nowhere.invalid/")


def test_a_silent_server_ends_the_wait_after_the_timeout():
    with RawServer(lambda connection: time.sleep(30)) as silent:
        began = time.monotonic()
        assert "--timeout" in fails(4, "--url", silent.url(), "--timeout", "0.3")
        assert time.monotonic() - began < 5


def test_an_answer_that_never_ends_is_given_up_after_the_timeout():
    def drip(connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.01)

    with RawServer(drip) as server:
        fails(4, "--url", server.url(), "--timeout", "0.5")


def endless(piece):
    while True:
        yield piece


@pytest.mark.parametrize("where", ["body", "announced", "head"])
def test_an_answer_that_is_too_large_is_not_kept_in_memory(where):
    def flood(connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        if where == "announced":
            connection.sendall(b"Content-Length: 99999999999\r\n\r\n{")
            time.sleep(5)
        if where == "body":
            connection.sendall(b"\r\n")
        line = b"X-Filler: " + b"x" * 8000 + b"\r\n"
        for piece in endless(line * 100):
            connection.sendall(piece)

    with RawServer(flood) as server:
        done = subprocess.run(["/usr/bin/env", "bash", "-c", 'ulimit -v 1000000; exec "$@"', "bash", cli.PROGRAM,
                               "--url", server.url(), "--timeout", "20"] if "ASAN_OPTIONS" not in os.environ else
                              [cli.PROGRAM, "--url", server.url(), "--timeout", "20"],
                              capture_output=True, text=True, env=environment(), timeout=60)
        assert done.returncode == 8, done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("status, code, word", [
    (301, 7, "redirected"), (302, 7, "redirected"), (400, 7, "400"), (404, 7, "mpm-status"), (410, 7, "410"), (500, 7, "error log"),
    (503, 7, "error log"), (401, 6, "--user"), (403, 6, "Require"), (407, 6, "proxy"), (204, 7, "204"),
])
def test_an_http_status_has_its_exit_code_and_advice(status, code, word):
    with FakeServer({"/mpm-status": Answer("no", status, "text/html")}) as fake:
        assert word in fails(code, "--url", fake.url())


def test_a_redirection_is_named_and_not_followed():
    answers = {"/mpm-status": Answer("", 302, headers={"Location": "http://user:pw@elsewhere.example/\x7f\x9b31m"})}
    with FakeServer(answers) as fake:
        assert "elsewhere.example" in fails(7, "--url", fake.url())
        assert len(fake.requests) == 1


@pytest.mark.parametrize("body, type, word", [
    ("<html>hello</html>", "text/html; charset=utf-8", "text/html"),
    ("<html>hello</html>", None, "not valid JSON"),
    ("ServerVersion: Apache\n", "text/plain", "not valid JSON"),
    ("", "application/json", "not valid JSON"),
    (b"\xff\xfe\x00{", "application/json", "not valid JSON"),
    ('{"schema": 1', "application/json", "not valid JSON"),
    ('{"schema": 1, "schema": 1}', "application/json", "not valid JSON"),
    ("[" * 100000, "application/json", "not valid JSON"),
    ("[1, 2]", "application/json", "not from a status page"),
    ("17", "application/json", "not valid JSON"),
    ('{"hello": "world"}', "application/json", "not from a status page"),
    ('{"schema": "1"}', "application/json", "schema"),
    ('{"schema": 2}', "application/json", "schema 2"),
    ('{"schema": 99999999999999999999}', "application/json", "not valid JSON"),
    ('{"schema": 1}', "application/json", '"server"'),
    ("\x1b[2J\x1b]0;owned\x07", "text/plain", "not valid JSON"),
])
def test_an_answer_that_is_no_status_document_is_explained(body, type, word):
    with FakeServer({"/mpm-status": Answer(body, type=type)}) as fake:
        assert word in fails(8, "--url", fake.url())


@pytest.mark.parametrize("path, value, place", [
    ("server__pid", "12", "server.pid"), ("server__pid", -1, "server.pid"), ("server__pid", None, "server.pid"),
    ("server__pid", 1.5, "server.pid"), ("server__threaded", 1, "server.threaded"), ("server__mpm", 5, "server.mpm"),
    ("server__load1", "low", "server.load1"), ("totals__connections_by_state", [1], "totals.connections_by_state"),
    ("totals__connections_by_state__keepalive", {}, "totals.connections_by_state.keepalive"),
    ("limits", [], "limits"), ("processes", {}, "processes"), ("workers", [1], "workers[0]"),
    ("processes", [{"slot": 0}, {"slot": "x"}], "processes[1].slot"), ("workers", [{"request": 1}], "workers[0].request"),
])
def test_a_value_of_another_type_is_named_by_its_place(path, value, place, saved):
    assert place in fails(8, *saved(document(**{path: value})))


def test_keys_that_are_absent_or_unknown_do_no_harm(saved):
    odd = document(server__future={"x": [1]}, totals__connections_by_state__teleporting=5)
    odd["workers"][0]["mood"] = "good"
    assert run(*saved(odd)).returncode == 0
    bare = {"schema": 1, "server": {}, "limits": {}, "totals": {}, "processes": [{}], "workers": [{}]}
    assert run(*saved(bare)).returncode == 0
    done = run(*saved(stock_document()))
    assert done.returncode == 0 and "CONNS" not in done.stdout and "REQUEST" not in done.stdout


def test_what_does_not_speak_http_or_hangs_up_is_explained():
    with RawServer(lambda c: c.sendall(b"220 mail.example ESMTP\r\n" * 3)) as mail:
        assert "HTTP" in fails(8, "--url", mail.url())
    with RawServer(lambda c: c.recv(100)) as closing:
        fails(8, "--url", closing.url())
    with RawServer(lambda c: (c.recv(4096), c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}"))) as short:
        assert "truncated" in fails(8, "--url", short.url())
    with FakeServer(STATUS) as plain:
        assert "TLS" in fails(5, "--url", plain.url().replace("http", "https"))


def test_a_missing_cacert_file_is_this_machines_fault(tls_dir):
    with FakeServer(STATUS, certificate=(str(tls_dir / "server.crt"), str(tls_dir / "server.key"))) as fake:
        assert "/no/such/file" in fails(2, "--url", fake.url(), "--cacert", "/no/such/file")


# ---- passwords --------------------------------------------------------------------------------------------

def guarded(handler):
    """Basic authentication as aladdin : open sesame."""
    if handler.headers["Authorization"] == "Basic " + base64.b64encode(b"aladdin:open sesame").decode():
        return STATUS["/mpm-status"]
    return Answer("no", 401, headers={"WWW-Authenticate": 'Basic realm="cave"'})


@pytest.fixture
def cave():
    with FakeServer({"/mpm-status": guarded}) as fake:
        yield fake.url()


def test_a_password_is_taken_from_option_or_environment(cave):
    assert run("--url", cave, "--user", "aladdin:open sesame").returncode == 0
    assert run("--url", cave, "--user", "aladdin", env=environment(MPMSTATS_PASSWORD="open sesame")).returncode == 0
    assert run("--url", cave.replace("//", "//aladdin:open%20sesame@")).returncode == 0
    assert "--user" in fails(6, "--url", cave)
    assert "wrong" not in fails(6, "--url", cave, "--user", "aladdin:wrong")
    assert "wrong" not in fails(6, "--url", cave.replace("//", "//aladdin:wrong@"))


def test_a_password_is_asked_for_without_echo(cave):
    code, shown = in_terminal("--url", cave, "--user", "aladdin", keys=b"open sesamf\x7fe\r")
    assert code == 0
    assert "password of aladdin: \n" in shown and "sesam" not in shown and "www.example.org" in shown
    code, shown = in_terminal("--url", cave, "--user", "aladdin", keys=b"\x03")
    assert code == 1 and "MPMSTATS_PASSWORD" in shown


def test_without_a_terminal_a_missing_password_is_a_usage_error(cave):
    assert "MPMSTATS_PASSWORD" in fails(1, "--url", cave, "--user", "aladdin", start_new_session=True)


def test_a_password_on_the_command_line_is_blanked_for_ps():
    with RawServer(lambda connection: time.sleep(20)) as silent:
        process = subprocess.Popen([cli.PROGRAM, "--url", silent.url(), "--user", "aladdin:opensesame"],
                                   env=environment(), stderr=subprocess.DEVNULL)
        try:
            def arguments():
                with open(f"/proc/{process.pid}/cmdline", "rb") as file:
                    return file.read()
            procs.wait_until(lambda: b"aladdin" in arguments() and b"opensesame" not in arguments(), 10, "blanking")
        finally:
            process.kill()
            process.wait()


# ---- the status view ----------------------------------------------------------------------------------------

def test_every_part_of_the_status_agrees_with_the_document(saved):
    told = document()
    text = run(*saved(told)).stdout
    for fact in ("www.example.org:80", "Apache/2.4.71 (Debian)", "MPM hybrid", "model event", "pid 3999", "generation 2",
                 "up 1d01h", "restarted 2h46m ago", "load 0.42 1.50 2.25", "11 of 40 busy (27%), 9 idle",
                 "3 of 5 (60%), 1 quiescing", "123 of 1,000 (12%)", "1,234,567 requests", "10.0 GiB",
                 "longest running request 2.01 s", "MaxRequestWorkers 40", "ServerLimit 5", "MaxConnectionsPerChild none",
                 "MinSpareThreads 5", "MaxSpareThreads 20", "taken 2023-11-15 23:13:20"):
        assert fact in text, fact
    kinds = told["totals"]["connections_by_state"]
    line = re.search(r"^by state .*$", text, re.M)[0]
    assert sorted(map(int, re.findall(r"\d+", line))) == sorted(kinds.values())
    heading, rows = rows_after(text, "SLOT")
    assert [row[heading.index("WORKERS")] for row in rows] == [p["scoreboard"] for p in told["processes"]]
    assert [int(row[heading.index("BUSY")]) for row in rows] == [p["workers"]["busy"] for p in told["processes"]]
    assert [row[heading.index("STATE")] for row in rows] == [p["state"] for p in told["processes"]]


def test_busy_workers_are_listed_longest_first_and_idle_ones_not(saved):
    told = document()
    text = run(*saved(told)).stdout
    listed = [line.split(" GET ")[1].split()[0] for line in text.splitlines() if " GET " in line]
    busy = [w for w in told["workers"] if w["state"] in "RWKDCL"]
    busy.sort(key=lambda w: -w["since_us"])
    assert listed == [w["request"].split()[1] for w in busy]


def test_saturation_is_said_in_words(saved):
    assert "SATURATED" not in run(*saved(document())).stdout
    assert "SATURATED" in run(*saved(document(totals__saturated=True, totals__workers_busy=40))).stdout


def test_hung_workers_and_what_went_wrong_are_said_in_words(saved):
    quiet = run(*saved(document(totals__workers_hung=0, totals__crashes=0, totals__shortages_files=0))).stdout
    assert "HUNG" not in quiet and "Events" not in quiet
    told = run(*saved(document(totals__workers_hung=2, totals__crashes=3, totals__shortages_files=1,
                               totals__clock_jumps=0))).stdout
    assert re.search(r"^HUNG +2 in one request for longer than MPMHungRequestTime", told, re.M)
    assert re.search(r"^Events +crashes 3 \S+ out of files 1$", told, re.M), told


def test_the_handler_of_a_worker_is_listed(saved):
    told = document()
    told["workers"][0]["handler"] = "proxy-server"
    wide = run("workers", *saved(told), env=environment(COLUMNS="250")).stdout
    assert "HANDLER" in wide and "proxy-server" in wide


@pytest.mark.parametrize("busy, taken", [(0, 0), (1, 1), (20, 20), (39, 39), (40, 40), (400, 40)])
def test_the_bar_is_as_long_as_the_figure_says(saved, busy, taken):
    # 12 columns of label, the bar, 2 spaces, "400 of 40 busy (1000%)": 40 columns of bar fit into 90
    told = document(totals__workers_busy=busy, totals__workers_idle=0)
    text = run(*saved(told), env=environment(COLUMNS="90")).stdout
    bar = re.search(r"^Workers +([█▒░]+)", text, re.M)[1]
    assert (bar.count("█"), len(bar)) == (taken, 40)


@pytest.mark.parametrize("columns", [40, 60, 80, 132, 200])
def test_no_line_is_wider_than_the_terminal(saved, columns):
    told = document(server__version="Apache/2.4.71 (Debian) " + "mod_x/1.0 " * 20)
    for worker in told["workers"]:
        worker.update(request="GET /日本語/" + "long/" * 60, client="2001:db8:1234:5678:9abc:def0:1234:5678",
                      vhost="a-rather-long-name.example.org:8443")
    for process in told["processes"]:
        process["scoreboard"] = "W_" * 64
    options = saved(told)
    code, shown = in_terminal(*options, columns=columns)
    lines = without_colours(shown).splitlines()
    assert code == 0 and len(lines) > 20
    assert max(map(columns_of, lines)) <= columns
    assert sum(line.count("W_") for line in lines) >= 3 * 32    # the scoreboard is wrapped, not cut
    piped = run(*options, env=environment(COLUMNS=str(columns))).stdout.splitlines()
    assert max(map(columns_of, piped)) <= columns


def test_a_wide_terminal_shows_more_columns_and_whole_requests(saved):
    options = saved(document())
    narrow = without_colours(in_terminal(*options, columns=60)[1])
    wide = without_colours(in_terminal(*options, columns=200)[1])
    assert "PROTOCOL" not in narrow and "REQUEST" in narrow
    assert "PROTOCOL" in wide and "THREAD" in wide
    assert "GET /1/7 HTTP/1.1" in wide


def test_pipes_get_whole_lines_without_colours_or_control_codes(saved):
    told = document()
    told["workers"][1]["request"] = "GET /" + "x" * 5000
    done = run(*saved(told))
    assert "x" * 5000 in done.stdout
    assert not control_characters(done.stdout)


def test_colours_need_a_terminal_and_can_be_switched_off(saved):
    options = saved(document())
    assert "\x1b[" in in_terminal(*options)[1]
    for off in (["--no-color"], []):
        env = environment() if off else environment(NO_COLOR="1")
        assert "\x1b" not in in_terminal(*options, *off, env=env)[1]
    assert "\x1b" not in in_terminal(*options, env=environment(TERM="dumb"))[1]
    assert "\x1b[" in in_terminal(*options, env=environment(NO_COLOR=""))[1]


def test_an_ascii_terminal_gets_ascii(saved):
    told = document()
    told["workers"][1]["request"] = "GET /é/日本"
    told["workers"][2]["client"] = "x" * 200
    for output in (run(*saved(told), env=environment(LC_ALL="C")).stdout,
                   in_terminal(*saved(told), env=environment(LC_ALL="C"))[1]):
        assert output.isascii()
        assert "Workers     #" in without_colours(output)


HOSTILE = ["\x1b[2J\x1b]0;owned\x07", "\u009b31m", "a\rb\nc\td", "\x7f\x08\x08", "\u202egnp.exe", "x\u200b\u2028y", "\ufeffz",
           "\U000e0041tag", "\u0378\U0003fffe\ufdd0", "\x01" * 300]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_client_sent_can_act_on_the_terminal(saved, text):
    told = document(server__version=text, server__name=text, server__mpm=text, server__model=text)
    for worker in told["workers"]:
        worker.update(request=text, client=text, vhost=text, protocol=text, state_name=text)
    told["workers"][0]["state"] = text
    for process in told["processes"]:
        process.update(state=text, scoreboard=text + "W_")
    for output in (run(*saved(told)).stdout, without_colours(in_terminal(*saved(told))[1]),
                   without_colours(in_terminal(*saved(told), env=environment(LC_ALL="C"))[1]),
                   in_terminal(*saved(told), "--json")[1], run(*saved(told), "--json").stdout):
        assert not control_characters(output)
    assert json.loads(in_terminal(*saved(told), "--json")[1]) == told


def test_a_backslash_is_doubled_once_so_that_an_escape_can_be_told_from_text(saved):
    told = document(server__version="v\\x1b", server__mpm="m\\")
    told["workers"][1].update(request="GET /\\n", state_name="s\\")
    told["processes"][0]["state"] = "p\\q"
    text = run(*saved(told)).stdout
    for shown in ("v\\\\x1b", "MPM m\\\\ ", "GET /\\\\n", "W s\\\\ ", "p\\\\q"):
        assert shown in text, shown
    assert "\\\\\\" not in text
    assert "'a\\\\b'" in fails(1, "a\\b")


def test_json_is_pretty_on_a_terminal_and_one_line_in_a_pipe(saved):
    told = document()
    options = saved(told)
    piped, shown = run(*options, "--json").stdout, in_terminal(*options, "--json")[1]
    assert json.loads(piped) == json.loads(shown) == told
    assert piped.count("\n") == 1 and shown.count("\n") > 100
    assert run(*options, "--json=pretty").stdout == shown
    assert in_terminal(*options, "--json=compact")[1] == piped


def test_numbers_survive_json(saved):
    told = document(totals__bytes=2**63 - 1, server__load1=0.07)
    again = json.loads(run(*saved(told), "--json").stdout)
    assert again["totals"]["bytes"] == 2**63 - 1 and again["server"]["load1"] == 0.07


def test_a_saved_answer_is_read_from_standard_input():
    done = run("--from", "-", stdin=json.dumps(document()))
    assert done.returncode == 0 and "from -" in done.stdout
    fails(8, "--from", "-", stdin="")


def test_a_thousand_processes_are_shown(saved):
    told = document()
    told["processes"] = [{**told["processes"][0], "slot": i, "pid": i + 1} for i in range(1000)]
    told["workers"] = [{**told["workers"][1], "slot": i} for i in range(20000)]
    text = run(*saved(told), env=environment(COLUMNS="80")).stdout
    assert text.count("\n") > 1000 and text.endswith("19980 more are busy: mpmstats workers --state busy --sort age\n")
    assert run("workers", *saved(told), env=environment(COLUMNS="80")).stdout.count("\n") == 20001


# ---- the program --------------------------------------------------------------------------------------------

def test_a_reader_that_leaves_ends_it_silently(saved):
    told = document()
    told["workers"] = told["workers"] * 2000
    process = subprocess.Popen([cli.PROGRAM, "workers", *saved(told)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment())
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(20) == -signal.SIGPIPE
    ignoring = ["bash", "-c", 'trap "" PIPE; "$@"; echo $? >&2', "bash", cli.PROGRAM, "workers", *saved(told)]
    process = subprocess.Popen(ignoring, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    process.stdout.close()
    assert process.stderr.read() == b"141\n"
    process.wait(20)


def test_a_full_disk_is_reported(saved):
    with open("/dev/full", "w") as full:
        done = subprocess.run([cli.PROGRAM, *saved(document())], stdout=full, stderr=subprocess.PIPE, text=True,
                              env=environment())
    assert done.returncode == 2 and "No space left" in done.stderr


@pytest.mark.parametrize("command", [["check"], ["check", "--nonsense"]], ids=" ".join)
def test_a_full_disk_is_no_verdict(saved, command):
    """2 would be a critical server to the monitoring."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([cli.PROGRAM, *(saved(document()) if command == ["check"] else []), *command], stdout=full,
                              stderr=subprocess.PIPE, text=True, env=environment())
    assert done.returncode == 3, done.stderr


@pytest.mark.parametrize("arguments, word", [
    (["--nonsense"], "--nonsense"), (["-x"], "-x"), (["frobnicate"], "frobnicate"), (["status", "more"], "more"),
    (["--timeout", "0"], "--timeout"), (["--timeout", "soon"], "soon"), (["--timeout", "nan"], "nan"), (["--timeout"], "SECONDS"),
    (["--json=yaml"], "pretty"), (["--insecure=yes"], "--insecure"), (["--user", ""], "--user"), (["--user", ":x"], "--user"),
    (["--password=hunter2"], "--password"), (["\x1b[31m"], "\\x1b[31m"), (["--from", "/no/such/file"], "/no/such/file"),
])
def test_a_wrong_argument_is_named_in_one_line(arguments, word):
    line = fails(2 if "--from" in arguments else 1, *arguments)
    assert word in line and "hunter2" not in line


def test_help_and_version_are_answered_on_stdout():
    program, status = run("--help"), run("status", "--help")
    for done in (program, status, run("--version")):
        assert done.returncode == 0 and done.stderr == "" and done.stdout
    assert "status" in program.stdout and "Examples:" in program.stdout
    assert "Usage: mpmstats status" in status.stdout and "Examples:" in status.stdout
    assert run("--version").stdout.startswith(f"mpmstats {(REPO / 'VERSION').read_text().strip()} (")


def commands():
    return re.findall(r"^  ([a-z]+)  ", run("--help").stdout.split("Commands:")[1].split("\n\n")[0], re.M)


def options_of(text):
    return re.findall(r"^  (?:-.,|   ) (--[a-z-]+)", text, re.M)


MANUAL = REPO / "tools" / "mpmstats" / "mpmstats.1"
COMPLETION = REPO / "tools" / "mpmstats" / "mpmstats.bash"


def test_the_manual_page_has_every_command_option_and_exit_code():
    manual = MANUAL.read_text()
    for command in commands():
        assert f".It Cm {command}" in manual, command
        for option in options_of(run(command, "--help").stdout):
            assert re.search(rf"^\.It .*Fl -{option[2:]}\b", manual, re.M), option
    assert set(re.findall(r"^\.It (\d+)$", manual, re.M)) >= {str(code) for code in (*range(12), 141)}


def test_the_manual_page_has_no_fault_of_form():
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(MANUAL)], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 and done.stderr == "" and "EXIT STATUS" in done.stdout


def complete(*words):
    """What bash offers for the last word."""
    script = (f'source {COMPLETION}; PATH={os.path.dirname(cli.PROGRAM)}:$PATH; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
              ' _mpmstats mpmstats "${@: -1}" "${@: -2:1}"; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", "mpmstats", *words], capture_output=True, text=True,
                          env=environment())
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_and_options():
    assert set(commands()) <= set(complete(""))
    assert complete("sta") == ["status"]
    assert complete("--unix") == ["--unix-socket"]
    assert complete("status", "--time") == ["--timeout"]
    assert set(complete("--json", "=", "p")) == {"pretty"}
