# SPDX-License-Identifier: Apache-2.0
"""mpmstats doctor: configurations in throw-away directories, in Debian's layout and in httpd's own, and real servers."""
import json
import os
import signal

import pytest

import procs
from cli import environment, fails, run
from procs import wait_until

MAIN = """DefaultRuntimeDir ${APACHE_RUN_DIR}
IncludeOptional mods-enabled/*.load
IncludeOptional mods-enabled/*.conf
IncludeOptional conf-enabled/*.conf
"""
PAGE = '<Location "/mpm-status">\n\tSetHandler mpm-status\n\t%s\n</Location>\n'


class Layout:
    """Debian's, as an ordinary user can make it."""

    def __init__(self, path):
        self.path = path
        for name in ("mods-enabled", "conf-enabled", "modules", "run"):
            (path / name).mkdir()
        self.write("apache2.conf", MAIN)
        self.write("envvars", f"export APACHE_RUN_DIR={path}/run$SUFFIX\n")
        for module in ("mpm_hybrid", "mpmstats", "reqtimeout"):
            self.enable(module)
        self.write("mods-enabled/mpmstats.conf", PAGE % "Require local")

    def write(self, name, text):
        (self.path / name).write_text(text)

    def enable(self, module, name=None, extra=""):
        (self.path / "modules" / f"mod_{module}.so").touch()
        self.write(f"mods-enabled/{name or module}.load", f"LoadModule {module}_module modules/mod_{module}.so\n{extra}")

    def disable(self, name):
        (self.path / f"mods-enabled/{name}.load").unlink()

    def doctor(self, *options):
        done = run("doctor", "--server-root", self.path, "--json", *options)
        assert done.stderr == "", done.stderr
        told = json.loads(done.stdout)
        assert told["code"] == done.returncode == {"ok": 0, "warning": 1, "fault": 2}[told["level"]]
        return told

    def found(self, subject, *options):
        """Level, text and advice of each finding about it."""
        return [(f["level"], f["text"], f.get("advice", "")) for f in self.doctor(*options)["findings"] if f["subject"] == subject]


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


def test_a_sound_installation_is_sound(layout):
    told = layout.doctor()
    assert told["level"] == "ok", told
    assert {"MPM", "slow clients", "page", "open files", "configuration"} <= {f["subject"] for f in told["findings"]}
    assert layout.found("MPM") == [("ok", "mpm_hybrid", "")]
    done = run("doctor", "--server-root", layout.path, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not [p for p in (layout.path / "run").iterdir()]


def php(layout):
    layout.enable("php", "php8.2")


def itk(layout):
    layout.disable("mpm_hybrid")
    layout.enable("mpm_event")
    layout.enable("mpm_itk")


def reqtimeout(layout):
    layout.disable("reqtimeout")


def no_limit(layout):
    layout.write("conf-enabled/slow.conf", "RequestReadTimeout header=0 body=20\n")


def no_mpm(layout):
    layout.disable("mpm_hybrid")


def gone(layout):
    (layout.path / "modules/mod_mpmstats.so").unlink()


def everybody(layout):
    layout.write("mods-enabled/mpmstats.conf", PAGE % "Require all granted")


def nobody_said(layout):
    layout.write("mods-enabled/mpmstats.conf", PAGE % "")


def no_page(layout):
    layout.write("mods-enabled/mpmstats.conf", "")


def few_files(layout):
    layout.write("envvars", "export APACHE_RUN_DIR=/nonexistent\nexport APACHE_ULIMIT_MAX_FILES='ulimit -n 100'\n")
    layout.write("conf-enabled/workers.conf", "ThreadsPerChild 150\nMaxRequestWorkers 600\n")


def few_files_for_prefork(layout):
    few_files(layout)
    layout.write("conf-enabled/model.conf", "MPMModel prefork\nMaxRequestWorkers 600\n")


def second_page(layout):
    layout.write("conf-enabled/page.conf", '<Location /st>\nSetHandler "mpm-status"\n</Location>\n')


def no_mod_php(layout):
    layout.write("mods-enabled/php_hybrid.load", "MPMModel prefork\nMPMLoadModule php_module modules/libphp*.so\n")


def not_there(layout):
    layout.write("conf-enabled/more.conf", "Include more/*.conf\n")


@pytest.mark.parametrize("change, subject, level, text, advice", [
    (lambda layout: layout.enable("mpm_event"), "MPM", "fault", "AH00534", "a2dismod mpm_event"),
    (lambda layout: (layout.enable("mpm_prefork"), php(layout)), "MPM", "fault", "2 MPMs", "a2dismod mpm_prefork"),
    (no_mpm, "MPM", "warning", "no MPM", "a2enmod mpm_hybrid"),
    (php, "prefork", "fault", "php_module", "a2dismod php8.2 && a2enmod php_hybrid"),
    (itk, "prefork", "fault", "mpm_itk_module", "mpm_prefork"),
    (reqtimeout, "slow clients", "warning", "not loaded", "a2enmod reqtimeout"),
    (no_limit, "slow clients", "warning", "header=0", "header=20"),
    (gone, "modules", "fault", "mpmstats_module does not exist", "a2dismod mpmstats"),
    (everybody, "page", "warning", "everybody", "Require local"),
    (nobody_said, "page", "warning", "everybody", "Require local"),
    (no_page, "page", "warning", "there is none", "SetHandler mpm-status"),
    (few_files, "open files", "warning", "is 100; a process of 150 workers", "APACHE_ULIMIT_MAX_FILES"),
    (few_files_for_prefork, "open files", "warning", "MaxRequestWorkers 600 processes needs 664", "ulimit -n 664"),
    (second_page, "page", "warning", "page.conf:2", "Require local"),
    (no_mod_php, "modules", "warning", "php_module", "install the package that has it (libapache2-mod-php), or, where php-fpm"),
    (not_there, "configuration", "fault", "more/*.conf, which does not exist; httpd does not start", "fix it"),
])
def test_what_is_wrong_is_named_with_what_to_do(layout, change, subject, level, text, advice):
    change(layout)
    found = [f for f in layout.found(subject) if f[0] != "ok"]
    assert len(found) == 1 and found[0][0] == level and text in found[0][1] and advice in found[0][2], found
    done = run("doctor", "-q", "--server-root", layout.path)
    assert done.returncode == (2 if level == "fault" else 1)
    assert any(line.startswith(level) and text in line for line in done.stdout.splitlines()), done.stdout


def test_a_module_without_threads_is_at_home_in_the_prefork_model(layout):
    php(layout)
    layout.write("mods-enabled/mpm_hybrid.load", "LoadModule mpm_hybrid_module modules/mod_mpm_hybrid.so\nMPMModel prefork\n")
    assert layout.doctor()["level"] == "ok" and layout.found("prefork")[0][0] == "ok"


CONDITIONS = """
Define yes
Define which event
<IfDefine !yes>
    LoadModule mpm_worker_module modules/no.so
    <IfModule mod_so.c>
        LoadModule mpm_prefork_module modules/no.so
    </IfModule>
</IfDefine>
<IfDefine yes>
    <IfModule mpm_hybrid_module>
        LoadModule mpm_worker_module modules/no.so
    </IfModule>
    <IfModule !mod_nothing.c>
        LoadModule \\
            "mpm_${which}_module" modules/mpm.so
    </IfModule>
</IfDefine>
<IfModule event.c>
    <VirtualHost *:80>
        RequestReadTimeout header=0
    </VirtualHost>
    LoadModule reqtimeout_module modules/mpm.so
</IfModule>
<IfFile "modules/none.so">
    LoadModule mpm_prefork_module modules/no.so
</IfFile>
<IfFile modules/mpm.so>
    Include more
</IfFile>
"""


def test_conditions_are_followed_as_httpd_does(tmp_path):
    """In httpd's own layout; the same is given to httpd, with which it has to agree."""
    for name in ("conf", "modules", "more/sub"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "modules/mpm.so").touch()
    (tmp_path / "conf/httpd.conf").write_text(CONDITIONS)
    (tmp_path / "more/sub/x.conf").write_text("Timeout 7\n#LoadModule mpm_prefork_module modules/no.so\n")
    done = run("doctor", "--server-root", tmp_path, "--json")
    told = json.loads(done.stdout)["findings"]
    assert [f["text"] for f in told if f["subject"] == "MPM"] == ["mpm_event"], told
    assert [f for f in told if f["level"] == "fault"] == []
    assert [f["level"] for f in told if f["subject"] == "slow clients"] == ["ok"]
    assert run("doctor", "--config", "conf/httpd.conf", "--server-root", tmp_path).returncode == done.returncode


def test_what_cannot_be_looked_at_has_a_code_of_its_own(tmp_path):
    fails(3, "doctor", "more")
    fails(3, "doctor", "--nonsense")
    fails(3, "doctor", "--from", "x")
    done = run("doctor", "--server-root", tmp_path / "none")
    assert done.returncode == 2 and "--server-root" in done.stdout and done.stderr == ""
    (tmp_path / "httpd.conf").write_text("Include httpd.conf\n" + "\\\n" * 100 + "<Location x\n</x>\n</y>\nLoadModule\nRequire \"x")
    assert run("doctor", "--server-root", tmp_path, "--config", "httpd.conf").returncode == 2      # which includes itself
    done = run("doctor", "--server-root", tmp_path, "--config", tmp_path / "none.conf")
    assert done.returncode == 2 and "none.conf" in done.stdout and "0 directives" not in done.stdout


def test_without_a_segment_it_does_not_say_that_no_server_runs(layout):
    layout.write("conf-enabled/segment.conf", "MPMStatsSegment off\n")
    assert [f for f in layout.found("server") if "none runs" in f[1] or "MPMStatsSegment is Off" not in f[1]] == []


# ---- real servers -------------------------------------------------------------------------------------------------------

def examine(server, *options, **how):
    done = run("doctor", "--server-root", server.root, "--config", server.conf_file, "--json", *options, **how)
    told = json.loads(done.stdout)
    return {(f["subject"], f["level"]): f["text"] for f in told["findings"]}


def test_a_server_that_runs_is_looked_at(httpd):
    server = httpd(modules=["reqtimeout"])
    server.get("/hello.txt")
    found = examine(server)
    assert not [key for key in found if key[1] == "fault"], found
    assert f"pid {server.pid}, mpm_{server.mpm}" in found["server", "ok"]
    assert "readable by" in found["segment", "ok"] and "of the server that runs" in found["open files", "ok"]
    assert f"answers at http://127.0.0.1:{server.port}/mpm-status" in found["page", "ok"]
    with procs.stopped(server.children()):
        assert "no request is served" in examine(server, "--timeout", "0.2")["server", "fault"]
    segment = server.root / "run/mpmstats.segment"
    mode = segment.stat().st_mode & 0o7777
    segment.chmod(0o664)
    assert "could crash the server" in examine(server)["segment", "fault"]
    segment.chmod(mode)


def test_a_killed_server_is_a_fault(httpd):
    server = httpd()
    pids = [server.pid, *server.children()]
    server.expect_log("child|parent|exit signal|killed")
    server.forgive_files = ["httpd.pid", "mpmstats.segment"]
    for pid in pids:
        procs.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(procs.alive(p) for p in pids), 10)
    assert "is dead" in examine(server)["server", "fault"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_is_told_what_he_may_not_read(layout):
    segment = layout.path / "run/mpmstats.segment"
    segment.write_bytes(b"x")
    segment.chmod(0o600)
    for directory in [layout.path, *layout.path.parents][:4]:       # as far as pytest made them
        directory.chmod(0o755)
    done = run("doctor", "--server-root", layout.path, "--json", env=environment(), user=65534, group=65534, extra_groups=[])
    told = json.loads(done.stdout)
    assert done.returncode == 1
    [finding] = [f for f in told["findings"] if f["subject"] == "segment"]
    assert "may not read" in finding["text"] and "root" in finding["advice"]
    layout.path.chmod(0o700)
    done = run("doctor", "--server-root", layout.path, "--json", env=environment(), user=65534, group=65534, extra_groups=[])
    [finding] = [f for f in json.loads(done.stdout)["findings"] if f["subject"] == "configuration"]
    assert done.returncode == 1 and "may not look into" in finding["text"]


# ---- what somebody wrote to have it hang ------------------------------------------------------------------------


def loop(layout):
    layout.write("conf-enabled/x.conf", "Include conf-enabled/x.conf\n" * 2)
    return "fault", "nested in too many includes; httpd does not start"


def pipe(layout):
    os.mkfifo(layout.path / "conf-enabled/x.conf")
    return "fault", "x.conf is no ordinary file; httpd does not start"


def device(layout):
    layout.write("conf-enabled/x.conf", "Include /dev/zero\n")
    return "fault", "/dev/zero is no ordinary file; httpd does not start"


def pattern(layout):
    (layout.path / "d").mkdir()
    (layout.path / "d/e").mkdir()
    layout.write("conf-enabled/x.conf", f"IncludeOptional {layout.path}{'/*/..' * 60}/*.conf\n")
    return "warning", "takes more than 3 seconds"


def endless_file(layout):
    with open(layout.path / "conf-enabled/x.conf", "wb") as f:
        f.truncate(1 << 40)
    return "warning", "takes more than 3 seconds"


def growing_values(layout):
    doubling = "".join(f'Define A{i + 1} "${{A{i}}}${{A{i}}}"\n' for i in range(40))
    layout.write("conf-enabled/x.conf", "Define A0 lol\n" + doubling + 'Header set X "${A40}"\n' * 1000)
    return "warning", "it is larger than 64 MiB"


@pytest.mark.parametrize("make", [loop, pipe, device, pattern, endless_file, growing_values], ids=lambda f: f.__name__)
def test_a_configuration_that_does_not_end_is_not_read_for_ever(layout, make):
    level, text = make(layout)
    found = [f for f in layout.found("configuration") if text in f[1]]
    assert len(found) == 1 and found[0][0] == level, layout.found("configuration")


def test_a_pipe_for_envvars_is_passed_over(layout):
    (layout.path / "envvars").unlink()
    os.mkfifo(layout.path / "envvars")
    assert layout.found("MPM") == [("ok", "mpm_hybrid", "")]


def test_dev_null_is_an_empty_file_as_for_httpd(layout):
    layout.write("conf-enabled/x.conf", "Include /dev/null\n")
    assert layout.doctor()["level"] == "ok"


def test_a_configuration_of_many_virtual_hosts_is_read_whole(layout):
    """Each asks for modules; when each such question went through all lines, this took longer than there is time for."""
    hosts = ("<VirtualHost *:80>\nServerName h\n<IfModule mod_none.c>\nX y\n</IfModule>\n" + "Header set X y\n" * 20 + "</VirtualHost>\n") * 10_000
    layout.write("conf-enabled/hosts.conf", hosts + "MPMModel worker\n")
    assert layout.found("MPM") == [("ok", "mpm_hybrid, MPMModel worker", "")]
    assert [f[0] for f in layout.found("configuration")] == ["ok"]


@pytest.mark.parametrize("command", ["ulimit -n unlimited", "ulimit -S -n `ulimit -H -n`"])
def test_a_limit_of_files_that_is_no_number_is_the_hard_one(layout, command):
    layout.write("envvars", f"export APACHE_RUN_DIR=/nonexistent\nexport APACHE_ULIMIT_MAX_FILES='{command}'\n")
    level, text, _ = layout.found("open files")[0]
    assert level == "ok" and "sets is 0;" not in text, text


@pytest.mark.parametrize("behind, level", [
    ('<Location "/">\nRequire all granted\n</Location>\n', "warning"), ('<Location /other>\nRequire all granted\n</Location>\n', "ok"),
    ('<Location /mpm-stat>\nRequire all granted\n</Location>\n', "ok"), ('<Directory "/">\nRequire all granted\n</Directory>\n', "ok")])
def test_a_page_that_is_opened_by_a_section_behind_it_is_found(layout, behind, level):
    layout.write("conf-enabled/zz.conf", behind)
    found = layout.found("page")
    assert [f[0] for f in found] == [level], found
    assert level == "ok" or "zz.conf:2" in found[0][1]


def test_a_section_in_front_of_the_page_opens_nothing(layout):
    layout.write("mods-enabled/aa.conf", '<Location "/">\nRequire all granted\n</Location>\n')
    assert [f[0] for f in layout.found("page")] == ["ok"]
