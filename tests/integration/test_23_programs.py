# SPDX-License-Identifier: Apache-2.0
"""Programs that the server runs: what they read and write arrives, and what they are given is as under stock MPMs."""
import base64
import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import testmodules
from clients import Client, request
from httpd import ASYNC, THREADED, libexecdir
from procs import wait_until

MODELS = ["event", "worker", "prefork"]
PREFORK = {"StartServers": 2, "MinSpareServers": 1, "MaxSpareServers": 3, "MaxRequestWorkers": 10,
           "ServerLimit": None, "ThreadLimit": None, "ThreadsPerChild": None, "MinSpareThreads": None,
           "MaxSpareThreads": None}

SCRIPTS = 'ScriptAlias "/scripts/" "${ROOT}/cgi-bin/"'
CAT = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec cat\n"
UPPER = ("ExtFilterDefine upper mode=output cmd=\"/usr/bin/tr a-z A-Z\"\n"
         "<Location /hello.txt>\n  SetOutputFilter upper\n</Location>")

each_model = pytest.mark.parametrize("model", MODELS)
of_hybrid = pytest.mark.mpm_only("hybrid")


@pytest.fixture
def make(httpd):
    def make(model, conf="", **options):
        if model == "prefork":
            options["mpm_conf"] = {**PREFORK, **options.get("mpm_conf", {})}
        return httpd(conf=f"MPMModel {model}\n{conf}", **options)
    return make


def echo_of(client, body, **options):
    answer = client.get("/scripts/echo", method="POST", body=body, **options)
    assert answer.status == 200
    return answer.body


@of_hybrid
@each_model
@pytest.mark.parametrize("module", ["cgi", "cgid"])
def test_a_script_reads_what_the_client_has_sent(make, model, module):
    server = make(model, SCRIPTS, modules=[module])
    server.cgi("echo", CAT)
    for body in (b"x=1", b"y" * 100000):
        for _ in range(4):
            with Client(server.port) as client:
                assert echo_of(client, body) == body
                assert echo_of(client, body) == body        # of a kept connection


@pytest.mark.parametrize("sig, done", [(signal.SIGTERM, "shutting down"), (signal.SIGHUP, "resuming.*resuming")])
def test_a_script_that_runs_delays_no_stop_of_prefork_and_no_hard_restart(httpd, sig, done):
    if THREADED:
        pytest.skip("its workers are waited for, as under the stock MPM")
    server = httpd(modules=["cgi"], conf=SCRIPTS)
    server.cgi("slow", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nbegun'\nexec sleep 5\n")
    with Client(server.port) as client:
        client.send(request("/scripts/slow"))
        assert client.head()[0] == 200
        server.signal(sig)
        wait_until(lambda: re.search(done, server.error_log(), re.S), 2.5, "the end of the children")
    assert "still did not exit" not in server.error_log()


# The shell itself reads: what it starts has an empty mask.
SIGNALS = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
while read -r line; do
    case $line in SigBlk*|SigIgn*) echo "$line" ;; esac
done < /proc/self/status
"""


def test_a_script_is_given_the_signals_that_a_stock_mpm_gives_it(httpd):
    server = httpd(modules=["cgi"], conf=SCRIPTS)
    server.cgi("signals", SIGNALS)
    lines = dict(line.split(":") for line in server.get("/scripts/signals").decode().splitlines())

    def among(which):
        return {s.name for s in signal.Signals if int(lines[which], 16) >> (s - 1) & 1}
    blocked, ignored = among("SigBlk"), among("SigIgn")
    assert not blocked & {"SIGPIPE", "SIGSYS", "SIGTRAP", "SIGSEGV"}
    assert ("SIGUSR1" in blocked) == ASYNC
    assert ("SIGTERM" in blocked) == THREADED
    assert ("SIGINT" in (blocked if THREADED else ignored))
    assert THREADED or not blocked


@of_hybrid
@each_model
def test_a_filter_program_gives_the_document_back(make, model):
    server = make(model, UPPER, modules=["ext_filter"])
    for _ in range(6):
        assert server.get("/hello.txt") == b"HELLO\n"


@of_hybrid
@each_model
@pytest.mark.parametrize("module", ["cgi", "cgid"])
def test_a_script_of_a_kept_connection_reads_its_body_after_a_graceful_restart(make, model, module):
    """The old child has left its listening sockets; what it still runs is to read what is sent to it."""
    server = make(model, SCRIPTS + "\nKeepAliveTimeout 20", modules=[module])
    server.cgi("echo", CAT)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port, timeout=20)) for _ in range(3)]
        for client in clients:
            assert client.get("/hello.txt").body == b"hello\n"
        server.graceful()
        for client in clients:
            assert echo_of(client, b"abc") == b"abc"


def all_over_once(server):
    """Programs, kept connections, restarts and the ends of children, in a server that runs them all."""
    with Client(server.port) as kept:
        assert kept.get("/hello.txt").status == 200
        for _ in range(3):
            with Client(server.port) as client:
                echo_of(client, b"x=1")
                client.get("/hello.txt")
        server.graceful()
        kept.send(request("/scripts/echo", "POST", body=b"abc"))
        kept.response()
    for _ in range(40):
        server.get("/hello.txt")
    server.restart()
    with Client(server.port) as client:
        echo_of(client, b"x=1")
    server.graceful_stop()


@of_hybrid
@pytest.mark.parametrize("module", ["cgi", "cgid"])
@pytest.mark.parametrize("model", [*MODELS, "stock-prefork"])
def test_no_descriptor_is_closed_twice(httpd, make, tmp_path, model, module):
    """Whoever closes a number again closes what may be another's: a pipe to a program, a client."""
    testmodules.build()
    report = tmp_path / "closes"
    report.touch()
    report.chmod(0o666)
    options = {"modules": [module, "ext_filter"], "env": testmodules.preload("closes", MPM_TEST_CLOSES=str(report))}
    conf = f"{SCRIPTS}\n{UPPER}\nMaxConnectionsPerChild 20"
    if model == "stock-prefork":
        server = httpd(mpm="prefork", conf=conf, mpm_conf=PREFORK, **options)
    else:
        server = make(model, conf, **options)
    server.cgi("echo", CAT)
    all_over_once(server)
    assert report.read_text() == ""


# ---- real programs ---------------------------------------------------------------------------------------

def needs_module(name):
    """A module of another Debian package, in the directory of httpd's or in MPM_TEST_LIBEXEC."""
    for directory in (libexecdir(), Path(os.environ.get("MPM_TEST_LIBEXEC", "/nonexistent"))):
        if (directory / f"{name}.so").exists():
            return directory / f"{name}.so"
    return pytest.skip(f"{name} is not installed")


@of_hybrid
@each_model
def test_git_clones_over_http(make, model, tmp_path):
    backend = Path("/usr/lib/git-core/git-http-backend")
    if not backend.exists():
        pytest.skip("git is not installed")
    server = make(model, f'ScriptAlias "/git/" "{backend}/"\nSetEnv GIT_HTTP_EXPORT_ALL 1\n'
                  'SetEnv GIT_PROJECT_ROOT "${ROOT}/htdocs"\nSetEnv GIT_CONFIG_COUNT 1\n'
                  'SetEnv GIT_CONFIG_KEY_0 safe.directory\nSetEnv GIT_CONFIG_VALUE_0 *\n'
                  f'<Directory {backend.parent}>\n  Require all granted\n</Directory>', modules=["cgi", "env"])
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    repo = server.root / "htdocs" / "repo"
    subprocess.run([*git, "init", "-q", repo], check=True)
    (repo / "file").write_bytes(os.urandom(100000))
    subprocess.run([*git, "-C", repo, "add", "file"], check=True)
    subprocess.run([*git, "-C", repo, "commit", "-q", "-m", "one"], check=True)
    done = subprocess.run([*git, "clone", "-q", f"{server.url}/git/repo/.git", tmp_path / "clone"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clone" / "file").read_bytes() == (repo / "file").read_bytes()


@of_hybrid
@each_model
def test_an_external_program_sees_the_password(make, model):
    path = needs_module("mod_authnz_external")
    server = make(model, f"LoadModule authnz_external_module {path}\n"
                  "DefineExternalAuth check pipe ${ROOT}/cgi-bin/check\n"
                  "<Location />\n  AuthType Basic\n  AuthName a\n  AuthBasicProvider external\n"
                  "  AuthExternal check\n  Require valid-user\n</Location>",
                  modules=["auth_basic", "authn_core", "authz_user"], start=False)
    server.cgi("check", '#!/bin/sh\nread user\nread password\n[ "$user:$password" = me:right ]\n')
    server.start(probe=False)
    with Client(server.port) as client:
        for password, status in (("right", 200), ("wrong", 401), ("right", 200)):
            token = base64.b64encode(f"me:{password}".encode()).decode()
            assert client.get("/hello.txt", headers=[f"Authorization: Basic {token}"]).status == status
    server.expect_log("Failed|AuthExtern")


@of_hybrid
def test_scripts_run_under_itk(make):
    """mpm_itk forks once more for each connection, and the script's process comes from there."""
    path = needs_module("mpm_itk")
    server = make("prefork", f"LoadModule mpm_itk_module {path}\n{SCRIPTS}", modules=["cgi"])
    server.cgi("echo", CAT)
    for _ in range(6):
        with Client(server.port) as client:
            assert echo_of(client, b"x=1") == b"x=1"
            assert echo_of(client, b"y" * 50000) == b"y" * 50000


# ---- what they are given ---------------------------------------------------------------------------------

SAYS_LIMITS = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s %s\\n' $(ulimit -Sn) $(ulimit -Hn)\n"
LIMITED = ["prlimit", "--nofile=70:3000"]


@of_hybrid
@each_model
@pytest.mark.parametrize("module", ["cgi", "cgid"])
def test_programs_have_the_limit_on_open_files_that_the_server_was_started_with(make, model, module):
    """Programs that use select(2) break with more. The server raises its own, in the parent too where it has many children."""
    server = make(model, f'{SCRIPTS}\nCustomLog "|/bin/sh ${{ROOT}}/cgi-bin/logger" "%h"\n'
                  'ExtFilterDefine limits mode=output cmd="/bin/sh ${ROOT}/cgi-bin/limits"\n'
                  "<Location /hello.txt>\n  SetOutputFilter limits\n</Location>",
                  modules=[module, "ext_filter"], wrapper=LIMITED, start=False)
    server.cgi("limits", SAYS_LIMITS)
    server.cgi("logger", f"#!/bin/sh\necho $(ulimit -Sn) $(ulimit -Hn) >> {server.root}/limits\nexec cat > /dev/null\n")
    (server.root / "limits").touch()
    server.start(probe=False)

    def all_have_it(loggers):
        for path in ("/scripts/limits", "/hello.txt", "/scripts/limits"):
            assert server.get(path).split()[-2:] == [b"70", b"3000"], path
        said = wait_until(lambda: len(lines := (server.root / "limits").read_text().splitlines()) >= loggers and lines, 5, "a logger")
        assert set(said) == {"70 3000"}

    all_have_it(1)
    server.graceful()
    all_have_it(2)
    server.restart()
    all_have_it(3)


@of_hybrid
def test_a_prefork_server_has_as_many_children_as_it_may_whatever_its_limit_on_open_files(make):
    """No child takes a descriptor of the parent's."""
    server = make("prefork", modules=["test_handlers"], wrapper=["prlimit", "--nofile=40:40"],
                  mpm_conf={**PREFORK, "StartServers": 5, "MaxRequestWorkers": 60})
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port, timeout=20)) for _ in range(50)]
        for client in clients:
            client.send(request("/test/sleep?ms=3000", headers=["Connection: close"]))
        wait_until(lambda: sum(p["workers"]["busy"] for p in server.mpm_status()["processes"]) >= 50, 10, "50 at once")
        for client in clients:
            assert client.response().body == b"slept"
        server.graceful()
        assert server.get("/hello.txt") == b"hello\n"
