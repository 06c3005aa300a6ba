# SPDX-License-Identifier: Apache-2.0
"""A throw-away root directory with the distribution's apache2 in it, to chroot into.

Everything is copied from the running system: apache2 with its configuration as the package made it, a2enmod,
apachectl, a shell, and the libraries they need. Nothing is mounted or linked, so whatever is done in the root
stays in it, and a container without mount rights can do it too. Files that belong to no package (a site somebody
configured on this machine) are not copied.
"""
import os
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

import procs

_PACKAGES = ["apache2", "apache2-bin", "apache2-data", "coreutils", "dash", "debianutils", "diffutils", "findutils", "grep",
             "init-system-helpers", "perl-base", "sed", "sysvinit-utils"]
_LEFT_OUT = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/lintian", "/lib/systemd")
_ETC = ["passwd", "group", "nsswitch.conf", "mime.types"]
_UNIT = "lib/systemd/system/apache2.service"
# What systemd does with that unit: Type=forking, KillMode=mixed. SIGTERM follows ExecStop at once, as there.
_SYSTEMCTL = """#!/bin/sh
value() { sed -n "s/^$1=//p" /%(unit)s; }
main() { cat /run/apache2/apache2.pid 2>/dev/null; }
runs() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }
call() { env -i PATH="$PATH" LANG=C $(value Environment) $(value "$1"); }
stop() {
    pid=$(main)
    runs "$pid" || return 0
    call ExecStop
    kill -TERM "$pid" 2>/dev/null
    for tenth in $(seq 100); do
        runs "$pid" || return 0
        sleep 0.1
    done
}
echo "$*" >>/systemctl.log
case "$1 ${2%%.service}" in
    "start apache2") runs "$(main)" || call ExecStart ;;
    "stop apache2") stop ;;
    "restart apache2") stop; call ExecStart ;;
    "reload apache2") call ExecReload ;;
    *) echo "systemctl: what is this: $*" >&2; exit 1 ;;
esac
""" % {"unit": _UNIT}
_PIDOF = """#!/bin/sh
pid=$(cat /run/apache2/apache2.pid 2>/dev/null) && kill -0 "$pid" 2>/dev/null && echo "$pid"
"""
# Tells, once a Perl program is compiled, which files that took.
_PERL_LIST = 'package Listing; CHECK { print "$_\\n" for values %INC, @DynaLoader::dl_shared_objects } 1;'


def _output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def skip_where_impossible():
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    if subprocess.run(["chroot", "/", "true"], capture_output=True).returncode != 0:
        pytest.skip("chroot is not permitted here")
    if shutil.which("dpkg-query") is None:
        pytest.skip("the Debian layout is tried on Debian only")


class DebianRoot:
    """`path` is the root, a new directory; `copy_to` makes another one like it, which is quicker."""

    def __init__(self, path, make=True):
        self.path = Path(path)
        if make:
            self._make()

    def copy_to(self, path):
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.path), str(path)], check=True)
        return DebianRoot(path, make=False)

    # ---- making it ----------------------------------------------------------------------------------------

    def _make(self):
        self.path.mkdir()
        self.path.chmod(0o755)
        for name in ("bin", "sbin", "lib", "lib64"):    # as on this system: links into usr, or directories
            if Path("/" + name).is_symlink():
                (self.path / name).symlink_to(os.readlink("/" + name))
                (self.path / name).resolve().mkdir(parents=True)
        self._copy_files(self._package_files())
        self._copy_files(f"/etc/{name}" for name in _ETC)
        self._perl()
        self._libraries()
        self._default_configuration()
        self._directories()
        self._devices()

    def _copy_files(self, names):
        for name in names:
            source, target = Path(name), self.path / name.lstrip("/")
            if not os.path.lexists(source) or os.path.lexists(target):
                continue
            # An absolute link in the root must not lead us out of it.
            assert self.path.resolve() in [target.resolve(), *target.resolve().parents], target
            if source.is_dir() and not source.is_symlink():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
            if source.is_symlink():                     # the chain of links, to the file
                self._copy_files([os.path.normpath(source.parent / os.readlink(source))])

    def _package_files(self):
        return [n for n in _output("dpkg-query", "-L", *_PACKAGES).splitlines()
                if n.startswith("/") and not n.startswith(_LEFT_OUT)]

    def _libraries(self):
        files = [p for p in self.path.glob("usr/*bin/*") if not p.is_symlink()]
        files += self.path.glob("usr/lib/apache2/modules/*.so")
        self.copy_libraries_of(*files)

    def copy_libraries_of(self, *files):
        """What the loader of this system finds for them."""
        listing = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True).stdout
        self._copy_files(sorted(set(re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", listing, re.M))))

    def _perl(self):
        """What the a2 programs use beside perl-base."""
        (self.path / "Listing.pm").write_text(_PERL_LIST)
        for program in ("a2enmod", "a2query"):
            self._copy_files(_output("perl", "-c", f"-I{self.path}", "-MListing", f"/usr/sbin/{program}").splitlines())

    def _default_configuration(self):
        """What the package enables when it is installed, whatever is enabled on this system."""
        etc = self.path / "etc/apache2"
        for kind in ("mods-enabled", "conf-enabled", "sites-enabled"):
            (etc / kind).mkdir(parents=True, exist_ok=True)
        enable = ["mpm_event", "authz_core", "authz_host", "authn_core", "auth_basic", "access_compat", "authn_file",
                  "authz_user", "alias", "dir", "autoindex", "env", "mime", "negotiation", "setenvif", "filter",
                  "deflate", "status", "reqtimeout"]
        for module in enable:
            for suffix in ("load", "conf"):
                if (etc / f"mods-available/{module}.{suffix}").exists():
                    (etc / f"mods-enabled/{module}.{suffix}").symlink_to(f"../mods-available/{module}.{suffix}")
        (etc / "sites-enabled/000-default.conf").symlink_to("../sites-available/000-default.conf")
        html = self.path / "var/www/html"
        html.mkdir(parents=True, exist_ok=True)
        shutil.copy("/usr/share/apache2/default-site/index.html", html)

    def _directories(self):
        for name in ("var/log/apache2", "var/lib/apache2", "run/lock", "dev", "tmp", "proc", "src"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        (self.path / "tmp").chmod(0o1777)
        for name in ("run", "lock"):
            link = self.path / "var" / name
            if not os.path.lexists(link):
                link.symlink_to("../run" if name == "run" else "../run/lock")

    def _devices(self):
        for name in ("null", "zero", "random", "urandom"):
            node = self.path / "dev" / name
            device = os.stat(f"/dev/{name}")
            try:
                os.mknod(node, device.st_mode, device.st_rdev)
                os.chmod(node, 0o666)
                with open(node, "rb") as f:
                    f.read(1)
            except OSError as e:
                pytest.skip(f"a device node for the chroot cannot be made here ({e})")

    # ---- how services are started in it ---------------------------------------------------------------------

    def boot_with_systemd(self):
        """What apachectl, service and a2enmod take for a running systemd, and a systemctl that does what the unit says."""
        if not (Path("/") / _UNIT).exists():
            pytest.skip("this apache2 has no unit of systemd")
        self._copy_files(["/" + _UNIT])
        (self.path / "run/systemd/system").mkdir(parents=True)
        (self.path / "proc/1").mkdir()
        (self.path / "proc/1/exe").symlink_to("/usr/lib/systemd/systemd")
        systemctl = self.path / "usr/bin/systemctl"
        systemctl.write_text(_SYSTEMCTL)
        systemctl.chmod(0o755)

    def boot_with_sysvinit(self):
        """Only /etc/init.d. It asks pidof for processes of that name: those of this root, not of the whole machine."""
        pidof = self.path / "usr/bin/pidof"
        pidof.unlink()
        pidof.write_text(_PIDOF)
        pidof.chmod(0o755)

    # ---- using it -----------------------------------------------------------------------------------------

    def listen_on(self, port):
        """The default site, on another port than 80."""
        for name in ("ports.conf", "sites-available/000-default.conf"):
            file = self.path / "etc/apache2" / name
            text = file.read_text()
            changed = re.sub(r"^Listen 80$", f"Listen 127.0.0.1:{port}", text, flags=re.M)
            changed = changed.replace("<VirtualHost *:80>", f"<VirtualHost *:{port}>")
            assert changed != text, f"{file} is not what Debian ships"
            file.write_text(changed)
        (self.path / "etc/apache2/conf-enabled/name.conf").write_text("ServerName localhost\n")

    def run(self, command, check=True):
        """A shell command in the root; its output, both streams."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/"}
        with self._init():
            done = subprocess.run(["chroot", str(self.path), "sh", "-c", command], env=env, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if check:
            assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}"
        return done.stdout

    @contextmanager
    def _init(self):
        """Buries the server when it ends, as a system's init does: scripts wait until its process id is free."""
        pid, over = self.pid(), threading.Event()

        def bury():
            while pid and not over.wait(0.05):
                procs.reap(pid)

        thread = threading.Thread(target=bury)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def pid(self):
        """The apache2 parent, 0 when there is none."""
        try:
            return int((self.path / "run/apache2/apache2.pid").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def files(self):
        """Every file and link: name → what is in it."""
        found = {}
        for directory, _, names in os.walk(self.path):
            for name in names:
                file = Path(directory) / name
                if file.is_symlink():
                    found[str(file.relative_to(self.path))] = os.readlink(file)
                elif file.is_file():
                    found[str(file.relative_to(self.path))] = file.read_bytes()
        return found
