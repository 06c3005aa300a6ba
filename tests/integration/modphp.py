# SPDX-License-Identifier: Apache-2.0
"""The distribution's mod_php, without installing it: the package would put this machine's apache2 on mpm_prefork.

Where libapache2-mod-php8.2 is installed its module is used. Otherwise the package, and the libraries it needs and this
system lacks, are fetched with apt once and unpacked below the build directory. Only when Debian's archive does not answer
is there none, and the tests that need it are skipped.
"""
import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = "libapache2-mod-php8.2"
MODULE = "usr/lib/apache2/modules/libphp8.2.so"
THREAD_COMPLAINT = "Apache is running a threaded MPM, but your PHP Module is not compiled to be threadsafe"


def _apt(*arguments, cwd=None):
    return subprocess.run(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *arguments], cwd=cwd, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)


def _missing_libraries():
    """Names of the library packages that installing it would bring."""
    plan = _apt("-s", "--no-install-recommends", "install", PACKAGE).stdout
    return re.findall(r"^Inst (lib\S+)", plan, re.M)


def _fetch(where):
    """Unpack it in `where`, which is made; says why it cannot be had."""
    packages = where.with_suffix(".packages")
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir(parents=True)
    done = _apt("download", PACKAGE, cwd=packages)
    if done.returncode and os.geteuid() == 0:
        _apt("update")
        done = _apt("download", PACKAGE, cwd=packages)
    libraries = [name for name in _missing_libraries() if name != PACKAGE]
    if done.returncode == 0 and libraries:
        done = _apt("download", *libraries, cwd=packages)
    if done.returncode:
        return f"{PACKAGE} is not installed, and apt-get download says: {done.stdout.strip().splitlines()[-1]}"
    fresh = where.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(fresh)], check=True)
    fresh.chmod(0o755)
    fresh.rename(where)
    return None


class ModPhp:
    """`module` is its path, `files` where the package is unpacked (None: it is installed), `env` what apache2 needs."""

    def __init__(self, module, files):
        self.module, self.files = module, files
        self.env = {"LD_LIBRARY_PATH": ":".join(str(p) for p in files.glob("usr/lib/*-linux-gnu*"))} if files else {}
        self.conf = (f'LoadModule php_module "{module}"\n'
                     '<FilesMatch "\\.php$">\nSetHandler application/x-httpd-php\n</FilesMatch>\n')


def get(build):
    """The ModPhp of this machine; skips the test where there is none."""
    if Path("/" + MODULE).exists():
        return ModPhp(Path("/" + MODULE), None)
    if shutil.which("apt-get") is None:
        pytest.skip(f"{PACKAGE} is Debian's")
    where = Path(build) / "php" / "root"
    where.parent.mkdir(parents=True, exist_ok=True)
    with open(where.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (where / MODULE).exists():
            complaint = _fetch(where)
            if complaint:
                pytest.skip(complaint)
    return ModPhp(where / MODULE, where)
