# SPDX-License-Identifier: Apache-2.0
"""The six servers that get the same bytes, and what each has noted of a connection.

They have one configuration, but for the MPM. Three listeners: `http`, `https`, and `bare`, where MPMBodyBuffer is 0.
"""
import os
import subprocess
from pathlib import Path

STOCK = ("event", "worker", "prefork")
OURS = ("hybrid-event", "hybrid-worker", "hybrid-prefork")
PORTS = ("http", "https", "bare")
WORKERS = 64

CONF = """
Listen 127.0.0.1:${BARE}
Timeout 3
KeepAliveTimeout 1
MaxKeepAliveRequests 15
LimitRequestFieldSize 8190
FileETag None
TraceEnable On
SetEnv SAID_LOG "${ROOT}/said/log"
ScriptAlias "/script/" "%(cgi)s/"
CustomLog logs/differential.log "%%a %%X \\"%%r\\" %%>s %%b \\"%%{Content-Length}i\\" \\"%%{Transfer-Encoding}i\\""
<VirtualHost 127.0.0.1:${BARE}>
  ServerName test.localhost
  <IfModule mpm_hybrid_module>
    MPMBodyBuffer 0
  </IfModule>
</VirtualHost>
%(more)s
"""


def compile_said(directory):
    """The CGI program, in a directory of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O1", "-Wall", "-o", directory / "said", Path(__file__).with_name("said.c")], check=True)
    return directory


def start(make, cgi, cgi_module, more=""):
    """{name: server} of all six. `make` is the httpd fixture, `cgi_module` cgi or cgid: prefork has mod_cgi in either case."""
    found = {}
    for name in STOCK + OURS:
        model = name.removeprefix("hybrid-")
        module = "cgi" if model == "prefork" else cgi_module
        server = make(
            mpm="hybrid" if name in OURS else name, tls=True, start=False, mod_status=False, log_level="error",
            modules=["logio", "env", "headers", module, "reqtimeout"],
            conf=CONF % {"cgi": cgi, "more": more},
            mpm_conf={"StartServers": WORKERS if model == "prefork" else 2, "ServerLimit": WORKERS if model == "prefork" else 4,
                      "ThreadsPerChild": 32, "ThreadLimit": 32, "MaxRequestWorkers": WORKERS, "MinSpareThreads": 16,
                      "MaxSpareThreads": WORKERS, "MinSpareServers": WORKERS, "MaxSpareServers": WORKERS + 1,
                      "MPMModel": model if name in OURS else None})
        server.extra_port("BARE")
        if name in STOCK:
            server.expect_log("")       # prefork's children miss their mutex when it stops, for one
        server.file("300k.bin", bytes(range(256)) * 1200)
        for path in (server.root / "htdocs").iterdir():
            os.utime(path, (1700000000, 1700000000))
        server.writable_dir("said")
        found[name] = server
    for server in found.values():
        server.start()
    return found


def port_of(server, port):
    return {"http": server.port, "https": server.tls_port, "bare": server.ports["BARE"]}[port]


def notes(server):
    """({client: access-log lines}, {client: what scripts read}) by address, once the server has stopped."""
    return _by_client(server.root / "logs" / "differential.log"), _by_client(server.root / "said" / "log")


def _by_client(path):
    found = {}
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        client, _, rest = line.partition(" ")
        found.setdefault(client, []).append(rest)
    return found
