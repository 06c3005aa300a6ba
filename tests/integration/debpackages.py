# SPDX-License-Identifier: Apache-2.0
"""Debian packages, unpacked in a directory and not installed: the packages of Apache modules would switch this machine's
apache2 to another MPM and enable themselves.

`unpacked(directory)` gives the root of all of PACKAGES and what they need that this system lacks; fetched once with apt, in
the order of some 60 MB.
"""
import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = ["libapache2-mod-authnz-external", "libapache2-mod-fcgid", "libapache2-mod-passenger", "libapache2-mod-perl2",
            "libapache2-mod-php8.2", "libapache2-mod-qos", "libapache2-mod-security2", "libapache2-mod-svn",
            "libapache2-mod-wsgi-py3", "mariadb-server", "modsecurity-crs", "php8.2-cli", "php8.2-fpm", "php8.2-mysql", "subversion",
            "wordpress", "wordpress-theme-twentytwentythree"]
ALONE = ["libapache2-mpm-itk"]      # conflicts with what is installed; needs nothing else


def _apt(*arguments, cwd=None):
    return subprocess.run(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *arguments], cwd=cwd, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)


def _fetch(packages):
    plan = _apt("-s", "--no-install-recommends", "install", *PACKAGES).stdout
    names = sorted(set(re.findall(r"^Inst (\S+)", plan, re.M)) | set(PACKAGES) | set(ALONE))
    done = _apt("download", *names, cwd=packages)
    if done.returncode and os.geteuid() == 0:
        _apt("update")
        done = _apt("download", *names, cwd=packages)
    if done.returncode:
        pytest.skip(f"apt-get download says: {done.stdout.strip().splitlines()[-1]}")


def unpacked(directory):
    """Path of the root."""
    root = directory / "packages"
    with open(directory / ".packages.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made_of = root / ".packages"
        if made_of.exists() and made_of.read_text() == repr(PACKAGES + ALONE):
            return root
        shutil.rmtree(root, ignore_errors=True)
        packages, fresh = directory / "packages.deb", directory / "packages.new"
        for path in packages, fresh:
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
        _fetch(packages)
        for package in packages.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, fresh], check=True)
        (fresh / ".packages").write_text(repr(PACKAGES + ALONE))
        fresh.chmod(0o755)
        fresh.rename(root)
        shutil.rmtree(packages)
    return root


def environment(root):
    """What a program of the root needs to find the rest of it."""
    perl = [root / "usr/share/perl5", *root.glob("usr/lib/*/perl5/5.*"), *root.glob("usr/lib/*/perl/5.*"), *root.glob("usr/share/perl/5.*")]
    libraries = [*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")]
    return {"LD_LIBRARY_PATH": ":".join(map(str, libraries)), "PERL5LIB": ":".join(map(str, perl))}


def module(root, file):
    return Path(root) / "usr/lib/apache2/modules" / file
