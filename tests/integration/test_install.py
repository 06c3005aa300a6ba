# SPDX-License-Identifier: Apache-2.0
"""install, a2enmod, the distribution's own configuration on mpm_hybrid, and the way back — in a throw-away root."""
import fcntl
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

import procs
import testmodules
from debianroot import DebianRoot, skip_where_impossible
from httpd import BUILD, REPO
from procs import wait_until

pytestmark = [pytest.mark.mpm_only("hybrid"), pytest.mark.timeout(180)]

MODULES_AVAILABLE = "etc/apache2/mods-available"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    skip_where_impossible()
    debian = DebianRoot(tmp_path_factory.mktemp("debian") / "root")
    yield debian
    shutil.rmtree(debian.path)


@pytest.fixture
def root(pristine, tmp_path):
    debian = pristine.copy_to(tmp_path / "root")
    yield debian
    pid = debian.pid()
    if pid and procs.alive(pid):
        family = [pid, *procs.children_of(pid)]
        for each in family:
            procs.kill(each)
        wait_until(lambda: not any(procs.alive(p) and not procs.is_zombie(p) for p in family), 10, "the end of apache2")
    shutil.rmtree(debian.path)


def make(goal, root, *variables):
    """`make GOAL DESTDIR=root`, as an administrator calls it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "WERROR"))}
    # The directory by the name it has in `make check`, and APXS only if it was chosen: otherwise things would be built anew.
    # If they are, then not by two tests at once.
    with open(BUILD / "check/.install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-f", "Makefile.apxs", goal, f"DESTDIR={root.path}",
                               f"BUILD={os.path.relpath(BUILD, REPO)}", *variables],
                              cwd=REPO, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install_in_place(root, goal):
    """tools/install.sh run inside the root, where DESTDIR is empty: the live system as it sees it."""
    for name in ("tools", "conf"):
        shutil.copytree(REPO / name, root.path / "src" / name, dirs_exist_ok=True)
    (root.path / "src/build").mkdir(exist_ok=True)
    for name in ("mod_mpm_hybrid.so", "mod_mpmstats.so", "mpmstats", "mpmstats.1"):
        shutil.copy(BUILD / name, root.path / "src/build")
    return root.run(f"LIBEXECDIR=/usr/lib/apache2/modules SYSCONFDIR=/etc/apache2 /src/tools/install.sh {goal}")


def get(port, path="/"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read()


def start(root, port):
    root.run("apachectl start")
    wait_until(lambda: procs.listening(port), 10, "the server's listening")


def stop(root, command="apachectl stop"):
    pid = root.pid()
    family = [pid, *procs.children_of(pid)]
    root.run(command)
    wait_until(lambda: not any(procs.alive(p) and not procs.is_zombie(p) for p in family), 10, "the end of apache2")


def mpm(root):
    """The MPM, as a2query and as apachectl name it."""
    version = root.run("apachectl -V")
    return root.run("a2query -M").strip(), version.split("Server MPM:")[1].split()[0]


def readme_commands():
    """What README's section on the switch has for a root shell, but for the installation itself."""
    section = (REPO / "README.md").read_text().split("\n## Put the distribution's apache2 on it\n")[1].split("\n## ")[0]
    install, *commands = re.findall(r"^    (.+)$", section, re.M)
    assert install == "make -f Makefile.apxs install"
    return commands


def serves_on(root, port, name):
    """The server answers, on that MPM. What is stopped or failed meanwhile does not."""
    try:
        return f"ServerMPM: {name}".encode() in get(port, "/server-status?auto")
    except OSError:
        return False


def dangling(root):
    enabled = root.path / "etc/apache2/mods-enabled"
    return [p.name for p in enabled.iterdir() if p.is_symlink() and not p.exists()]


def test_a2enmod_puts_the_default_site_on_mpm_hybrid_and_back(root):
    port = procs.free_port()
    root.listen_on(port)
    page = (root.path / "var/www/html/index.html").read_bytes()
    start(root, port)
    assert mpm(root) == ("event", "event")
    stop(root)

    make("install", root)
    output = root.run("a2dismod mpm_event && a2enmod mpm_hybrid")
    assert "mpmstats" in output, "mpm_hybrid.load names mpmstats as a dependency"
    assert root.run("a2query -m mpmstats").startswith("mpmstats (enabled")
    assert root.run("apachectl configtest").strip() == "Syntax OK"
    assert mpm(root) == ("hybrid", "hybrid")
    start(root, port)
    assert get(port) == page
    assert json.loads(get(port, "/mpm-status?json"))["server"]["mpm"] == "hybrid"
    root.run("apachectl graceful")
    assert get(port) == page
    stop(root)

    root.run("a2dismod mpm_hybrid && a2enmod mpm_event")
    assert root.run("apachectl configtest").strip() == "Syntax OK"
    assert mpm(root) == ("event", "event")
    start(root, port)
    assert get(port) == page
    assert json.loads(get(port, "/mpm-status?json"))["server"]["mpm"] == "event", "mpmstats stays, on any MPM"
    stop(root)
    assert "exit signal" not in (root.path / "var/log/apache2/error.log").read_text()


def test_a_running_server_changes_over_as_systemctl_restart_does_it(root):
    """The unit's ExecStop and ExecStart. (SIGHUP will not do: httpd refuses to change its MPM in a running parent.)"""
    port = procs.free_port()
    root.listen_on(port)
    make("install", root)
    start(root, port)
    for old, new in (("event", "hybrid"), ("hybrid", "event")):
        assert f"ServerMPM: {old}".encode() in get(port, "/server-status?auto")
        root.run(f"a2dismod mpm_{old} && a2enmod mpm_{new}")
        stop(root, "apachectl graceful-stop")
        start(root, port)
    assert b"ServerMPM: event" in get(port, "/server-status?auto")
    stop(root)


@pytest.mark.parametrize("init", ["systemd", "sysvinit"])
def test_what_readme_says_changes_a_running_server_over_and_back(root, init):
    port = procs.free_port()
    root.listen_on(port)
    getattr(root, f"boot_with_{init}")()
    make("install", root)
    root.run("service apache2 start")
    wait_until(lambda: serves_on(root, port, "event"), 10, "the server as Debian has it")
    there, back = readme_commands()[:2]
    for command, name in ((there, "hybrid"), (back, "event")):
        root.run(command)
        wait_until(lambda: serves_on(root, port, name), 10, f"service on mpm_{name} after: {command}")
        assert mpm(root) == (name, name)
    assert "AH00534" not in (root.path / "var/log/apache2/error.log").read_text()
    root.run("service apache2 stop")


@pytest.mark.parametrize("theirs", ["event", "worker", "prefork"])
def test_a_second_mpm_is_named_with_what_to_disable(root, theirs):
    """a2enmod looks at the conflicts of what it enables, and Debian's MPMs do not know ours."""
    make("install", root)
    root.run("a2dismod mpm_event && a2enmod mpm_hybrid")
    root.run(f"a2enmod mpm_{theirs}")
    complaint = root.run("apachectl configtest", check=False)
    assert "AH00534" in complaint
    stay, leave = re.search(r"To stay on mpm_hybrid: (.+)\. To leave it: (.+)$", complaint, re.M).groups()
    for remedy, left in ((leave, theirs), (stay, "hybrid")):
        root.run(remedy)
        assert root.run("apachectl configtest").strip().endswith("Syntax OK")
        assert mpm(root) == (left, left)
        root.run(f"a2dismod -q 'mpm_*' && a2enmod -q mpm_hybrid && a2enmod -q mpm_{theirs}")


def test_a_module_hears_of_mpmmodel_while_it_is_loaded(root):
    """Every .load is read before any .conf, in alphabetical order: here after mpm_hybrid, before php_hybrid."""
    make("install", root)
    testmodules.build()
    shutil.copy(BUILD / "test/mod_test_asks.so", root.path / "usr/lib/apache2/modules")
    (root.path / MODULES_AVAILABLE / "parser3.load").write_text(
        "LoadModule test_asks_module /usr/lib/apache2/modules/mod_test_asks.so\n")
    root.run("a2dismod mpm_event && a2enmod mpm_hybrid parser3")
    assert "while loading: threaded 2, async 1" in root.run("apachectl configtest")
    load = root.path / MODULES_AVAILABLE / "mpm_hybrid.load"
    load.write_text(load.read_text().replace("#MPMModel event", "MPMModel worker"))
    assert "while loading: threaded 2, async 0" in root.run("apachectl configtest")
    root.run("a2enmod php_hybrid")
    assert "while loading: threaded 0, async 0" in root.run("apachectl configtest")
    assert f"{load} differs and is left as it is" in make("install", root)


def test_without_mod_php_the_server_starts_and_keeps_its_programs_to_itself(root):
    port = procs.free_port()
    root.listen_on(port)
    make("install", root)
    (root.path / "var/www/html/page.php").write_text("<?php $password = 'secret';")
    root.run("a2dismod mpm_event && a2enmod php_hybrid")
    output = root.run("apachectl configtest")
    assert re.search(r"php_hybrid.load, line \d+: php_module is not loaded, there is no file \S+libphp\*.so; install", output)
    start(root, port)
    assert b"Apache2" in get(port, "/")
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(port, "/page.php")
    assert refused.value.code == 403
    stop(root)


def test_debians_own_mpm_event_conf_is_valid_on_hybrid(root):
    port = procs.free_port()
    root.listen_on(port)
    make("install", root)
    available = root.path / MODULES_AVAILABLE
    shutil.copy(available / "mpm_event.conf", available / "mpm_hybrid.conf")
    root.run("a2dismod mpm_event && a2enmod mpm_hybrid")
    assert root.run("apachectl configtest").strip() == "Syntax OK"
    start(root, port)
    assert json.loads(get(port, "/mpm-status?json"))["limits"]["max_request_workers"] == 150
    stop(root)


def test_a2enmod_refuses_a_second_mpm(root):
    make("install", root)
    output = root.run("a2enmod mpm_hybrid", check=False)
    assert "conflict" in output.lower() and "mpm_event" in output, output
    assert not (root.path / "etc/apache2/mods-enabled/mpm_hybrid.load").exists()


def test_uninstall_removes_exactly_what_install_put(root):
    before = root.files()
    make("install", root, "PREFIX=/usr/local")
    added = set(root.files()) - set(before)
    assert {"usr/lib/apache2/modules/mod_mpm_hybrid.so", "usr/lib/apache2/modules/mod_mpmstats.so",
            "usr/local/sbin/mpmstats", "usr/local/share/man/man1/mpmstats.1",
            "usr/local/share/bash-completion/completions/mpmstats", f"{MODULES_AVAILABLE}/mpm_hybrid.load",
            f"{MODULES_AVAILABLE}/mpm_hybrid.conf", f"{MODULES_AVAILABLE}/mpmstats.load",
            f"{MODULES_AVAILABLE}/mpmstats.conf", f"{MODULES_AVAILABLE}/php_hybrid.load",
            f"{MODULES_AVAILABLE}/php_hybrid.conf"} == added
    make("uninstall", root, "PREFIX=/usr/local")
    assert root.files() == before


def test_an_edited_configuration_survives_install_and_uninstall(root):
    make("install", root)
    conf = root.path / MODULES_AVAILABLE / "mpm_hybrid.conf"
    conf.write_text("MaxRequestWorkers 75\n")
    assert str(conf) in make("install", root)
    assert conf.read_text() == "MaxRequestWorkers 75\n"
    assert conf.with_suffix(".conf.new").read_text() == (REPO / "conf/mpm_hybrid.conf").read_text()
    make("uninstall", root)
    assert conf.read_text() == "MaxRequestWorkers 75\n"
    assert not conf.with_suffix(".conf.new").exists()


def test_install_says_what_to_run_next_on_the_live_system(root):
    assert readme_commands()[0] in install_in_place(root, "install"), "README's own command"
    root.run("a2dismod mpm_event && a2enmod mpm_worker")
    assert "a2dismod mpm_worker && a2enmod mpm_hybrid && service apache2 restart" in install_in_place(root, "install")
    (root.path / MODULES_AVAILABLE / "php8.2.load").write_text("# Depends: mpm_prefork\n")
    root.run("a2dismod mpm_worker && a2enmod php8.2")
    assert readme_commands()[2] in install_in_place(root, "install")
    root.run("a2dismod php8.2 mpm_prefork && a2enmod mpm_hybrid")
    assert "enabled already; the new one runs after  service apache2 restart" in install_in_place(root, "install")


def test_uninstall_on_the_live_system_leaves_a_server_that_starts(root):
    port = procs.free_port()
    root.listen_on(port)
    before = {n for n in root.files() if not n.startswith(("src/", "var/lib/apache2/"))}
    install_in_place(root, "install")
    root.run("a2dismod mpm_event && a2enmod mpm_hybrid")
    output = install_in_place(root, "uninstall")
    assert "mpm_event" in output, output
    assert dangling(root) == []
    assert [n for n in root.files() if n.startswith("var/lib/apache2/") and n.endswith(("/mpm_hybrid", "/mpmstats"))] == []
    assert {n for n in root.files() if not n.startswith(("src/", "var/lib/apache2/"))} == before
    assert root.run("apachectl configtest").strip() == "Syntax OK"
    start(root, port)
    assert mpm(root) == ("event", "event")
    stop(root)


def test_uninstall_below_destdir_leaves_no_dangling_link(root):
    make("install", root)
    root.run("a2dismod mpm_event && a2enmod mpm_hybrid")
    make("uninstall", root)
    assert dangling(root) == []
