# SPDX-License-Identifier: Apache-2.0
"""A release: `make dist` packs the same bytes each time, and what it packs builds without git."""
import hashlib
import os
import re
import subprocess
import tarfile

import pytest

from httpd import REPO

pytestmark = [pytest.mark.mpm_only("hybrid"), pytest.mark.timeout(180)]

VERSION = (REPO / "VERSION").read_text().strip()


def make(tree, *arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "WERROR", "BUILD", "SOURCE_DATE"))}
    done = subprocess.run(["make", "-f", "Makefile.apxs", *map(str, arguments)], cwd=tree, env=env, capture_output=True,
                          text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def packed(tree, build):
    """The archive `make dist` writes, and a digest of it."""
    archive = tree / make(tree, "dist", f"BUILD={build}").strip()
    return archive, hashlib.sha256(archive.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The unpacked archive, and the digest of the archive."""
    place = tmp_path_factory.mktemp("dist")
    archive, digest = packed(REPO, place / "build")
    assert archive.name == f"mpm_hybrid-{VERSION}.tar.gz"
    with tarfile.open(archive) as tar:
        assert {name.split("/")[0] for name in tar.getnames()} == {f"mpm_hybrid-{VERSION}"}
        tar.extractall(place)
    return place / f"mpm_hybrid-{VERSION}", digest


def test_the_changelog_begins_with_this_version():
    assert re.search(r"^## (\S+)", (REPO / "CHANGELOG.md").read_text(), re.M)[1] == VERSION


def test_an_unpacked_release_packs_the_same_bytes(release):
    tree, digest = release
    assert not (tree / ".git").exists()
    assert packed(tree, "build-dist")[1] == digest


def test_an_unpacked_release_builds_and_says_its_version_everywhere(release):
    tree, _ = release

    def says(version):
        make(tree, "-j2", "all", "CFLAGS=-O0", "CPPFLAGS=-U_FORTIFY_SOURCE", "WERROR=-Werror")
        build = tree / "build"
        assert subprocess.run([build / "mpmstats", "--version"], capture_output=True, text=True).stdout.startswith(f"mpmstats {version} (")
        assert f".Os mpmstats {version}\n" in (build / "mpmstats.1").read_text()
        assert f"mpm_hybrid {version}, model".encode() in (build / "mod_mpm_hybrid.so").read_bytes()

    says(VERSION)
    (tree / "VERSION").write_text("98.7.6\n")
    says("98.7.6")


def test_a_running_server_says_its_version(httpd):
    assert httpd().mpm_status()["server"]["release"] == VERSION
