# SPDX-License-Identifier: Apache-2.0
"""A real apache2 with its own ServerRoot on 127.0.0.1, started, watched and cleared away.

One `Httpd` is one server. It makes its configuration, starts the binary, reads pid file, /proc, logs and
status, and `close()` proves that nothing of it is left: no process, no SysV object, no run-time file, no
line in the error log that the test did not announce. See README.md for use.
"""
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import procs
import tls
from procs import wait_until

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MPM_BUILD", REPO / "build")).resolve()
HTTPD = os.environ.get("HTTPD", "/usr/sbin/apache2")
APXS = os.environ.get("APXS", "apxs")
STOCK_MPMS = ("event", "worker", "prefork")
# What the run is about: a stock MPM, hybrid, or hybrid in another of its ways.
VARIANTS = {"hybrid-sync": "MPMAsyncHead Off", "hybrid-worker": "MPMModel worker", "hybrid-prefork": "MPMModel prefork"}
FLAVOUR = os.environ.get("MPM", "hybrid")
MPM = FLAVOUR.split("-")[0]
# Which of the three process models that is.
MODEL = next((m for m in ("worker", "prefork") if FLAVOUR.endswith(m)), "event")
THREADED = MODEL != "prefork"
ASYNC = MODEL == "event"
CHILD_USER = "www-data"

_STATIC_MODULES = {"watchdog", "log_config", "logio", "version", "unixd", "so"}
_NEEDS = {
    "ssl": ["socache_shmcb"], "dav_fs": ["dav"], "proxy_http": ["proxy"], "proxy_http2": ["proxy", "http2"],
    "proxy_wstunnel": ["proxy"], "proxy_fcgi": ["proxy"], "proxy_balancer": ["proxy", "slotmem_shm"],
    "deflate": ["filter"], "md": ["ssl"],
}
_BASE_MODULES = ["authz_core", "authz_host", "mime", "dir", "alias", "status"]
# What a stock MPM does not know is left out of its configuration; hybrid knows every one.
_DIRECTIVES = {
    "event": {"StartServers", "ServerLimit", "ThreadLimit", "ThreadsPerChild", "MinSpareThreads", "MaxSpareThreads",
              "MaxRequestWorkers", "MaxConnectionsPerChild", "AsyncRequestWorkerFactor"},
    "worker": {"StartServers", "ServerLimit", "ThreadLimit", "ThreadsPerChild", "MinSpareThreads",
               "MaxSpareThreads", "MaxRequestWorkers", "MaxConnectionsPerChild"},
    "prefork": {"StartServers", "ServerLimit", "MinSpareServers", "MaxSpareServers", "MaxRequestWorkers",
                "MaxConnectionsPerChild"},
}
DEFAULT_MPM_CONF = {"StartServers": 1, "ServerLimit": 4, "ThreadLimit": 25, "ThreadsPerChild": 10,
                    "MinSpareThreads": 5, "MaxSpareThreads": 20, "MaxRequestWorkers": 40,
                    "MaxConnectionsPerChild": 0}

# A line of the error log that matches one of these fails the test, unless expect_log() announced it.
_BAD_LOG = re.compile(
    r"\[(?:\w+:)?(?:emerg|alert|crit)\]|exit signal|[Ss]egmentation fault|segfault|\bassert|\bBUG\b"
    r"|sending a SIGKILL|could not make child process|AH00288|AH03490|scoreboard is full|double free|stack smashing|corrupted|Sanitizer|runtime error:")


class Problem(AssertionError):
    """Something was left behind, or the log holds what no test announced."""


_libexecdir = None


def libexecdir():
    global _libexecdir
    if _libexecdir is None:
        _libexecdir = Path(subprocess.run([APXS, "-q", "LIBEXECDIR"], check=True, capture_output=True,
                                          text=True).stdout.strip())
    return _libexecdir


def module_path(module, build=BUILD):
    """File of a module: ours from build/, test-only ones from build/test/, the rest is the distribution's."""
    if module in ("mpm_hybrid", "mpmstats"):
        return build / f"mod_{module}.so"
    if module.startswith("test_"):
        return build / "test" / f"mod_{module}.so"
    return libexecdir() / f"mod_{module}.so"


def with_needs(modules):
    """The list with what each module needs put before it, each once."""
    out = []

    def add(module):
        if module in out or module in _STATIC_MODULES:
            return
        for needed in _NEEDS.get(module, ()):
            add(needed)
        out.append(module)

    for module in modules:
        add(module)
    return out


class Httpd:
    """One server. Ports: `port` (http), `tls_port` (https, with tls=True), more by `extra_port(NAME)`.

    The configuration may use ${PORT}, ${TLS_PORT}, ${ROOT} (ServerRoot), ${TLS} (certificate directory) and
    ${NAME} of every extra port. `conf` goes to the end of the main server, `tls_conf` into the TLS virtual host;
    `mpm_conf` overrides DEFAULT_MPM_CONF, where a value of None takes a directive out. `wrapper` is put before the
    apache2 command, `env` into its environment; `build` is where our modules come from.
    """

    def __init__(self, root, tls_dir, mpm=None, modules=(), conf="", mpm_conf=None, tls=False, tls_conf="",
                 log_level="info", env=None, wrapper=(), build=BUILD, mod_status=True, mpmstats=True):
        self.root = Path(root)
        self.tls_dir = Path(tls_dir)
        self.mpm = mpm or MPM
        self.port = procs.free_port()
        self.tls_port = procs.free_port() if tls else None
        self.ports = {"PORT": self.port, **({"TLS_PORT": self.tls_port} if tls else {})}
        self.modules = list(modules)
        self.conf, self.tls_conf = conf, tls_conf
        self.mpm_conf = {**DEFAULT_MPM_CONF, **(mpm_conf or {})}
        self.log_level = log_level
        self.mod_status = mod_status        # and with it ExtendedStatus On
        self.mpmstats = mpmstats and module_path("mpmstats", build).exists()
        self.wrapper = list(wrapper)
        self.build = Path(build)
        self.marker = uuid.uuid4().hex
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C", procs.MARKER: self.marker, **(env or {})}
        self.foreground = None
        self._parent = None
        self.announced = []
        self.forgive_files = []
        self.seen_pids = set()
        self.seen_shm = set()
        self._make_root()

    # ---- files -----------------------------------------------------------------------------------------

    def _make_root(self):
        for sub in ("conf", "logs", "run", "htdocs", "cgi-bin"):
            (self.root / sub).mkdir(parents=True, exist_ok=True)
        self.file("hello.txt", "hello\n")
        self.file("1k.bin", b"k" * 1024)
        self.write_conf()

    def file(self, name, content):
        """Write htdocs/NAME; returns its path."""
        path = self.root / "htdocs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def sparse_file(self, name, size):
        """A file of `size` zero bytes in htdocs that takes no room on the disk."""
        path = self.root / "htdocs" / name
        with open(path, "wb") as f:
            f.truncate(size)
        return path

    def cgi(self, name, script):
        """Write an executable cgi-bin/NAME; returns its path."""
        path = self.root / "cgi-bin" / name
        path.write_text(script)
        path.chmod(0o755)
        return path

    def writable_dir(self, name):
        """A directory under ServerRoot that the children may write."""
        path = self.root / name
        path.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            user = pwd.getpwnam(CHILD_USER)
            os.chown(path, user.pw_uid, user.pw_gid)
        return path

    def extra_port(self, name):
        """Claim one more free port, known to the configuration as ${NAME}."""
        self.ports[name] = procs.free_port()
        self.write_conf()
        return self.ports[name]

    def mpm_directives(self):
        """The MPM's directives: what it (or its model) knows of mpm_conf."""
        flavour = FLAVOUR if self.mpm == MPM else self.mpm
        known = _DIRECTIVES.get(flavour.removeprefix("hybrid-"))
        settings = dict(self.mpm_conf)
        if "prefork" in flavour and settings.get("MaxRequestWorkers"):
            settings["ServerLimit"] = max(settings["MaxRequestWorkers"], settings.get("ServerLimit") or 0)      # a process for each
        if flavour == "hybrid-prefork":
            settings.setdefault("MinSpareServers", settings.get("StartServers"))
        return VARIANTS.get(flavour, "") + "\n" + "".join(
            f"{k} {v}\n" for k, v in settings.items() if v is not None and (known is None or k in known))

    def conf_text(self):
        base = [m for m in _BASE_MODULES if m != "status" or self.mod_status]
        modules = with_needs(["mpm_" + self.mpm, *base, *(["ssl"] if self.tls_port else []),
                              *(["mpmstats"] if self.mpmstats else []), *self.modules])
        lines = [f"Define ROOT {self.root}", f"Define TLS {self.tls_dir}"]
        lines += [f"Define {name} {port}" for name, port in self.ports.items()]
        lines += [f'ServerRoot "{self.root}"', 'DefaultRuntimeDir run', 'PidFile run/httpd.pid',
                  'ServerName test.localhost']
        lines += [f'LoadModule {m}_module "{module_path(m, self.build)}"' for m in modules]
        if os.geteuid() == 0:
            lines += [f"User {CHILD_USER}", f"Group {CHILD_USER}"]
        lines += [self.mpm_directives(), "Listen 127.0.0.1:${PORT}",
                  "ErrorLog logs/error.log", f"LogLevel {self.log_level}",
                  r'CustomLog logs/access.log "%h %t \"%r\" %>s %B %D %k"',
                  "TypesConfig /etc/mime.types", 'DocumentRoot "${ROOT}/htdocs"',
                  "Timeout 10", "KeepAliveTimeout 10"]
        if self.mod_status:
            lines += ["ExtendedStatus On", "<Location /server-status>\nSetHandler server-status\n</Location>"]
        if "mpmstats" in modules:
            lines.append("<Location /mpm-status>\nSetHandler mpm-status\n</Location>")
        for module, path in (("test_scoreboard", "/test-scoreboard"), ("test_handlers", "/test/"),
                             ("test_suspend", "/test-suspend"), ("test_mpm", "/test-mpm")):
            if module in modules:
                lines.append(f"<Location {path}>\nSetHandler {module.replace('_', '-')}\n</Location>")
        if "cgid" in modules:
            lines += ["ScriptSock ${ROOT}/run/cgisock", 'ScriptAlias "/cgi/" "${ROOT}/cgi-bin/"']
        lines.append(self.conf)
        if self.tls_port:
            lines += ["Listen 127.0.0.1:${TLS_PORT} https", "SSLSessionCache none",
                      "<VirtualHost 127.0.0.1:${TLS_PORT}>", "ServerName test.localhost", "SSLEngine on",
                      "SSLCertificateFile ${TLS}/server.crt", "SSLCertificateKeyFile ${TLS}/server.key",
                      self.tls_conf, "</VirtualHost>"]
        return "\n".join(lines) + "\n"

    @property
    def conf_file(self):
        return self.root / "conf" / "httpd.conf"

    def write_conf(self, conf=None, mpm_conf=None):
        """(Re)write httpd.conf, optionally with other contents, for the next (re)start."""
        if conf is not None:
            self.conf = conf
        if mpm_conf is not None:
            self.mpm_conf.update(mpm_conf)
        self.conf_file.write_text(self.conf_text())

    # ---- starting and signalling -----------------------------------------------------------------------

    def run(self, *args, conf=None, timeout=60):
        """Run apache2 with our ServerRoot and configuration; returns the CompletedProcess (text, stderr in stdout)."""
        return subprocess.run([*self.wrapper, HTTPD, "-d", str(self.root), "-f", str(conf or self.conf_file), *args],
                              env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL)

    def configtest(self, text, base=True):
        """(exit code, output) of `apache2 -t` on our configuration with `text` after it (or on `text` alone)."""
        path = self.root / "conf" / "configtest.conf"
        path.write_text((self.conf_text() if base else "") + text + "\n")
        done = self.run("-t", conf=path)
        return done.returncode, done.stdout

    def k(self, action):
        """`apache2 -k ACTION`, as apachectl does it."""
        return self.run("-k", action)

    def start(self, probe=True):
        """Start as a daemon; returns self once the server answers (with probe) or its pid file is there."""
        done = self.k("start")
        assert done.returncode == 0, f"apache2 -k start failed ({done.returncode}):\n{done.stdout}\n{self.error_log()}"
        return self._started(probe)

    def start_foreground(self, *flags, probe=True):
        """Start with -DFOREGROUND (or other flags such as -X) as our child; self.foreground is its Popen."""
        self.foreground = subprocess.Popen(
            [*self.wrapper, HTTPD, "-d", str(self.root), "-f", str(self.conf_file), *(flags or ("-DFOREGROUND",))],
            env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.root / "logs" / "stderr", "wb"), start_new_session=True)
        return self._started(probe)

    def _started(self, probe):
        wait_until(lambda: self.pid, 20, "pid file")
        if probe:
            wait_until(self.answers, 20, "an answer from the server")
        self.note_pids()
        return self

    def answers(self):
        """True when the main port answers a request."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/hello.txt", timeout=5).close()
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def signal(self, sig):
        """Send a signal to the parent."""
        pid = self.pid
        assert pid, "the server is not running"
        self.note_pids()
        os.kill(pid, sig)

    def graceful(self, wait=True):
        """SIGUSR1; with wait, until a new generation has its children and the old ones have left the listening sockets:
        from then on what they answer ends with the connection."""
        before = self.children()
        self._restart(signal.SIGUSR1, wait)
        if wait:
            wait_until(lambda: not procs.that_listen(before), 20, "the old generation to finish")

    def restart(self, wait=True):
        """SIGHUP; with wait, until a new generation has its children."""
        self._restart(signal.SIGHUP, wait)

    def _restart(self, sig, wait):
        before = set(self.children())
        mark = len(self.error_log())
        self.signal(sig)
        if wait:
            wait_until(lambda: "resuming normal operations" in self.error_log()[mark:], 20, "the restart")
            wait_until(lambda: set(self.children()) - before, 20, "children of the new generation")
            wait_until(self.answers, 20, "an answer from the new generation")
            self.note_pids()

    def graceful_stop(self, wait=True):
        self.signal(signal.SIGWINCH)
        if wait:
            self.wait_stopped()

    def stop(self, wait=True):
        self.signal(signal.SIGTERM)
        if wait:
            self.wait_stopped()

    def wait_stopped(self, timeout=20):
        """Until no process of this server is left. One that is exiting has no environment any more by which it is found."""
        wait_until(lambda: not self.processes() and not self.pid, timeout, "the end of every process of the server")

    # ---- processes -------------------------------------------------------------------------------------

    @property
    def pid_file(self):
        return self.root / "run" / "httpd.pid"

    @property
    def segment_file(self):
        """Where mod_mpmstats keeps its figures, unless the configuration says otherwise. A killed server leaves it."""
        return self.root / "run" / "mpmstats.segment"

    @property
    def pid(self):
        """The parent's pid while it runs, else None. It outlives its pid file in a graceful stop."""
        try:
            self._parent = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            pass
        return self._parent if self._parent and procs.alive(self._parent) else None

    def processes(self):
        """Every live process of this server, orphans, CGI daemon and scripts of the server included."""
        pids = procs.marked(self.marker)
        self.seen_pids.update(pids)
        for pid in self.seen_pids - set(pids):
            if procs.is_zombie(pid) and procs.ppid(pid) == os.getpid() and not self._is_foreground(pid):
                procs.reap(pid)
        if self.foreground:
            self.foreground.poll()
        return pids

    def _is_foreground(self, pid):
        return self.foreground is not None and self.foreground.pid == pid

    def note_pids(self):
        """Remember the processes that exist now and their shared memory, for the check at the end."""
        self.seen_pids.update(procs.marked(self.marker))
        if self.pid:
            self.seen_shm |= procs.shared_memory_files(self.pid)

    def children(self, parent=None):
        """Live MPM children of the parent that serve requests (the CGI daemon and the lobby, which has another name, do not)."""
        parent = parent or self.pid
        if not parent:
            return []
        return [p for p in procs.children_of(parent)
                if procs.alive(p) and procs.name(p) == procs.name(parent)
                and not self._is_cgi_daemon(p)]

    def lobbies(self):
        """Pids of the processes in which clients of hybrid's prefork model wait; one a generation."""
        return [p for p in procs.children_of(self.pid) if procs.alive(p) and (procs.name(p) or "").endswith(" lobby")]

    def _is_cgi_daemon(self, pid):
        inodes = set()
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
            words = line.split()
            if len(words) == 8 and words[7].startswith(str(self.root)):
                inodes.add(f"socket:[{words[6]}]")
        return bool(inodes) and bool(inodes & set(procs.fds(pid).values()))

    def zombies(self):
        parent = self.pid
        return [p for p in procs.children_of(parent) if procs.is_zombie(p)] if parent else []

    # ---- what the server says ----------------------------------------------------------------------------

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self):
        return f"https://127.0.0.1:{self.tls_port}"

    def tls_client(self, **options):
        """A client context for the TLS port; options as for tls.client_context."""
        return tls.client_context(self.tls_dir, **options)

    def get(self, path, timeout=10):
        """Body of a plain GET with Connection: close; raises urllib.error.HTTPError on a 4xx/5xx."""
        with urllib.request.urlopen(self.url + path, timeout=timeout) as r:
            return r.read()

    def auto(self):
        """mod_status's ?auto as a dict of strings."""
        text = self.get("/server-status?auto").decode()
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    def mpm_status(self):
        """/mpm-status?json as a dict (mod_mpmstats must be built)."""
        return json.loads(self.get("/mpm-status?json"))

    def scoreboard(self):
        """httpd's own scoreboard as a Scoreboard (module test_scoreboard must be loaded)."""
        return Scoreboard(json.loads(self.get("/test-scoreboard")))

    def error_log(self):
        return self._read("logs/error.log")

    def access_log(self):
        return self._read("logs/access.log")

    def stderr(self):
        return self._read("logs/stderr")

    def _read(self, name):
        try:
            return (self.root / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, timeout=10, count=1):
        """Until the error log holds `count` matches of the pattern; returns the last match."""
        return wait_until(lambda: (m := list(re.finditer(pattern, self.error_log()))) and len(m) >= count and m[-1],
                          timeout, f"{pattern!r} in the error log")

    def expect_log(self, pattern):
        """Announce error-log lines that would otherwise fail the test at the end."""
        self.announced.append(re.compile(pattern))

    # ---- the end ---------------------------------------------------------------------------------------

    def bad_log_lines(self):
        lines = (self.error_log() + self.stderr()).splitlines()
        return [line for line in lines
                if _BAD_LOG.search(line) and not any(a.search(line) for a in self.announced)]

    def problems(self):
        """Stop the server if it runs, clear away what is left, and say what should not have been there."""
        found = []
        if self.pid:
            stale = self.zombies()
            if stale:
                try:
                    wait_until(lambda: not set(stale) & set(self.zombies()), 3, "reaping")
                except procs.Timeout:
                    found.append(f"zombies the parent does not reap: {stale}")
            if self.pid:
                self.signal(signal.SIGTERM)
        try:
            self.wait_stopped(25)
        except procs.Timeout:
            left = self.processes()
            found.append("processes left after the stop: " + ", ".join(f"{p} ({procs.name(p)})" for p in left))
            for pid in left:
                procs.kill(pid)
            self.wait_stopped(10)
        if self.foreground:
            self.foreground.wait(10)
        found += [f"left in SysV IPC: {o}" for o in procs.sysv_of(self.seen_pids)]
        found += [f"left in shared memory: {f}" for f in self.seen_shm if os.path.exists(f)]
        left = sorted(p.name for p in (self.root / "run").iterdir() if p.name not in self.forgive_files)
        if left:
            found.append(f"left in the run-time directory: {left}")
        found += [f"error log: {line}" for line in self.bad_log_lines()]
        return found

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def kill_all(self):
        """SIGKILL to every process of this server, for tests that leave it broken on purpose."""
        for pid in self.processes():
            procs.kill(pid)
        self.wait_stopped(10)


class Scoreboard:
    """What httpd's scoreboard held at one moment. `raw` is the JSON of modules/mod_test_scoreboard.c."""

    LIVE = "_SRWKDCLGI"
    BUSY = "RWKDCL"

    def __init__(self, raw):
        self.raw = raw
        self.processes = [p for p in raw["processes"] if p["pid"]]

    @property
    def letters(self):
        """State letters of every live worker but the one that answered this look."""
        out = "".join(p["letters"] for p in self.processes).replace(".", "")
        return out.replace("W", "", 1)

    def count(self, letters):
        return sum(self.letters.count(letter) for letter in letters)

    @property
    def busy(self):
        return self.count(self.BUSY)

    def total(self, field):
        """Sum of a process field; `connections` includes the one that asked."""
        return sum(p[field] for p in self.processes)

    def by_pid(self, pid):
        return next((p for p in self.processes if p["pid"] == pid), None)
