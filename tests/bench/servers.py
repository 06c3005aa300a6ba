# SPDX-License-Identifier: Apache-2.0
"""The servers that are compared: apache2 on each MPM, and nginx where it is installed.

Each runs in the foreground below this process, in a ServerRoot of its own, on 127.0.0.1, pinned to the cores of the
server, and gets SIGTERM from the kernel should the bench die. All serve the same files with the same certificate:
/1k.bin, /100k.bin, /10m.bin, /text.txt (100 KB that compress well), and with apache2 /test/sleep?ms=N and its siblings.
"""
import os
import random
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpd
import measure
import procs
import sets
import settings
import tls

THREADED = {"StartServers": 2, "MinSpareThreads": 25, "MaxSpareThreads": 75, "ThreadLimit": 64, "ThreadsPerChild": 25,
            "MaxRequestWorkers": 150, "MaxConnectionsPerChild": 0}
PREFORK = {"StartServers": 5, "MinSpareServers": 5, "MaxSpareServers": 10, "MaxRequestWorkers": 150,
           "MaxConnectionsPerChild": 0}
NGINX = os.environ.get("NGINX") or shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")


def shipped_layout(mpm, workers=150):
    """The configuration that the MPM is shipped with, Debian's or ours, which sets nothing. A stock one has another
    MaxRequestWorkers, at most 400, where a scenario needs one."""
    if mpm == "hybrid":
        return {}
    return {**(PREFORK if mpm == "prefork" else THREADED), "MaxRequestWorkers": workers}


@dataclass(frozen=True)
class Variant:
    """One contestant of a scenario. `name` is its row in the table; `mpm` "nginx" means that server."""
    name: str
    mpm: str
    mpm_conf: dict = None           # instead of the one it is shipped with
    conf: str = ""                  # added to the configuration
    modules: tuple = ()             # beside those of the set
    without: tuple = ()             # modules of the set that are left out
    cores: int = 1
    port_conf: str = ""             # of nginx: what stands before its server, a bar, what stands within
    processes: int = 0              # of nginx; 0: one for each core

    def make(self, root):
        return Nginx(root, self) if self.mpm == "nginx" else Apache(root, self)


def available(mpm):
    return mpm != "nginx" or bool(NGINX)


_shared = None


def shared_files():
    """Directory with the documents and the certificate, made once a run."""
    global _shared
    if _shared:
        return _shared
    _shared = _base() / "shared"
    shutil.rmtree(_shared, ignore_errors=True)
    (_shared / "htdocs").mkdir(parents=True)
    (_shared / "tls").mkdir()
    noise = random.Random(1)
    words = ["server", "request", "connection", "worker", "thread", "answer", "of", "the", "and", "waits"]
    text = " ".join(noise.choice(words) for _ in range(20000))[:100 * 1024]
    for name, content in (("1k.bin", noise.randbytes(1024)), ("100k.bin", noise.randbytes(100 * 1024)),
                          ("10m.bin", noise.randbytes(10 * 1024 * 1024)), ("text.txt", text.encode()),
                          ("hello.txt", b"hello\n")):
        (_shared / "htdocs" / name).write_bytes(content)
    tls.make(_shared / "tls")
    return _shared


def _base():
    """Where all ServerRoots are: BUILD/bench, or /tmp where the children's user could not get there."""
    path = settings.OUT / "servers"
    path.mkdir(parents=True, exist_ok=True)
    reachable = all(p.stat().st_mode & 0o001 for p in [path, *path.parents])
    if os.geteuid() == 0 and not reachable:
        path = Path(f"/tmp/mpm-hybrid-bench-{os.geteuid()}")
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
    return path


def forget_old_roots():
    """What runs that have ended left behind for somebody to look at."""
    for root in _base().glob("*-*"):
        if not procs.alive(int(root.name.rpartition("-")[2])):
            shutil.rmtree(root, ignore_errors=True)


def root_for(variant):
    root = _base() / f"{variant.name.replace(' ', '-').replace(',', '')}-{os.getpid()}"
    shutil.rmtree(root, ignore_errors=True)
    return root


def _wrapper(variant):
    cores = ",".join(str(c) for c in (settings.CORES[:variant.cores] or settings.SERVER_CORES))
    nice = ["nice", "-n", str(settings.NICE)] if settings.NICE else []
    return ["setpriv", "--pdeathsig", "TERM", *nice, "taskset", "-c", cores]


class Apache(httpd.Httpd):
    """httpd.Httpd with the modules and the configuration of sets.py. Keep-alive connections last: MaxKeepAliveRequests 0."""

    def __init__(self, root, variant):
        self.variant = variant
        self.docs = shared_files()
        super().__init__(root, self.docs / "tls", mpm=variant.mpm, tls=True, conf=variant.conf,
                         modules=[*variant.modules], wrapper=_wrapper(variant))

    @property
    def name(self):
        return self.variant.name

    def conf_text(self):
        layout = self.variant.mpm_conf
        self.mpm_conf = shipped_layout(self.mpm) if layout is None else layout
        modules = sets.modules(self.mpm, self.modules, self.variant.without)
        docs = self.docs / "htdocs"
        lines = [f"Define {name} {port}" for name, port in self.ports.items()]
        lines += [f'ServerRoot "{self.root}"', "DefaultRuntimeDir run", "PidFile run/httpd.pid", "ServerName localhost"]
        lines += [f'LoadModule {m}_module "{httpd.module_path(m)}"' for m in modules]
        if os.geteuid() == 0:
            lines += [f"User {httpd.CHILD_USER}", f"Group {httpd.CHILD_USER}"]
        lines += [self.mpm_directives(), "Listen 127.0.0.1:${PORT}", "Listen 127.0.0.1:${TLS_PORT} https",
                  "ErrorLog logs/error.log", "LogLevel warn", "KeepAlive On", "MaxKeepAliveRequests 0",
                  sets.server_conf(self.root, docs, modules)]
        if "test_handlers" in modules:
            lines.append("<Location /test/>\nSetHandler test-handlers\n</Location>")
        lines += [self.conf, sets.sites_conf(docs, self.tls_dir / "server.crt", self.tls_dir / "server.key")]
        return "\n".join(lines)

    def start(self, probe=True):
        try:
            return self.start_foreground(probe=probe)
        except procs.Timeout as late:
            raise RuntimeError(f"{self.name} does not start: {late}\n{self.stderr()}{self.error_log()}") from late

    def processes_now(self):
        return measure.tree(self.pid) if self.pid else []

    def close(self):
        """Ends every process of it; returns the lines of its error log that should not be there."""
        complaints = []
        if self.pid:
            self.signal(httpd.signal.SIGTERM)
        try:
            self.wait_stopped(15)
        except procs.Timeout:
            complaints.append(f"{self.name}: not stopped 15 s after SIGTERM: {self.processes()}, killed")
            for pid in self.processes():
                procs.kill(pid)
            self.wait_stopped(10)
        if self.foreground:
            self.foreground.wait(10)
        complaints += [f"{self.name}: {line}" for line in self.bad_log_lines()]
        if not complaints:
            self.remove()
        return complaints


class Nginx:
    """nginx, with one worker process for each core of the server unless the scenario says more."""

    _CONF = """
daemon off; worker_processes {workers}; worker_rlimit_nofile {files}; pid {root}/pid; error_log {root}/error.log;
user www-data;
events {{ worker_connections {connections}; }}
http {{
  access_log {log}; types {{ }} default_type application/octet-stream; keepalive_requests 1000000000;
  keepalive_timeout 600; client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;
  uwsgi_temp_path {root}/u; scgi_temp_path {root}/s; ssl_session_tickets off;
  gzip_types text/plain application/octet-stream; gzip_comp_level 6;
  {upstream}
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl http2; root {docs}/htdocs;
    ssl_certificate {docs}/tls/server.crt; ssl_certificate_key {docs}/tls/server.key;
    {more}
  }}
}}
"""

    def __init__(self, root, variant):
        self.variant, self.root, self.name = variant, Path(root), variant.name
        self.port, self.tls_port = procs.free_port(), procs.free_port()
        self.docs = shared_files()
        self.root.mkdir(parents=True)
        upstream, _, more = variant.port_conf.rpartition("|")
        limit = settings.raise_file_limit()
        log = f"{self.root}/access.log combined" if settings.SET == "installed" else "off"
        conf = self._CONF.format(root=self.root, docs=self.docs, log=log, port=self.port, tls_port=self.tls_port, more=more,
                                 upstream=upstream, workers=variant.processes or variant.cores, files=limit, connections=limit - 100)
        if os.geteuid():
            conf = conf.replace("user www-data;", "")
        (self.root / "nginx.conf").write_text(conf)
        self.process = None

    def start(self):
        with open(self.root / "stderr", "wb") as err:
            self.process = subprocess.Popen([*_wrapper(self.variant), NGINX, "-p", str(self.root), "-c",
                                             str(self.root / "nginx.conf")], stdin=subprocess.DEVNULL, stderr=err)
        procs.wait_until(lambda: procs.listening(self.tls_port) and len(self.processes_now()) > 1, 10,
                         f"nginx to listen ({(self.root / 'stderr').read_text()})")
        time.sleep(0.2)
        return self

    @property
    def pid(self):
        return self.process.pid if self.process and self.process.poll() is None else None

    def processes_now(self):
        return measure.tree(self.pid) if self.pid else []

    def children(self):
        return self.processes_now()[1:]

    def close(self):
        if self.pid:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                for pid in self.processes_now():
                    procs.kill(pid)
                self.process.wait(10)
        shutil.rmtree(self.root, ignore_errors=True)
        return []
