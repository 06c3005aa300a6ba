# SPDX-License-Identifier: Apache-2.0
"""mpmstats tune: what is recommended, and putting it into force on real servers under load."""
import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest

import cli
import procs
from cli import columns_of, control_characters, environment, fails, in_terminal, run
from fakeserver import Answer, FakeServer, document
from httpd import ASYNC, HTTPD, THREADED
from load import Load
from procs import wait_until
from segmentfile import SegmentFile, now

SNIPPET = "mpmstats-tune.conf"


# ---- what is recommended --------------------------------------------------------------------------------------

class Moving:
    """A server whose clock and requests go on; `changes` and `after` (requests answered) say what else."""

    def __init__(self, per_look=25, **changes):
        self.count, self.per_look, self.changes, self.after = 0, per_look, changes, {}

    def __call__(self, _):
        self.count += 1
        changes = dict(self.changes)
        for when, more in self.after.items():
            if self.count > when:
                changes.update(more)
        return Answer(document(server__now_us=1_700_090_000_000_000 + self.count * 250_000,
                               totals__requests=1_000_000 + self.count * (self.per_look + 1), **changes))


FULL = dict(totals__workers_busy=40, totals__workers_idle=0, totals__saturated=True, server__mpm="event", limits__server_limit=16)


def tune(answer, *options, **more):
    with FakeServer({"/mpm-status": answer}) as fake:
        return run("tune", "--url", fake.url(), *options, **more)


NAMES = ["x\nMaxRequestWorkers 1", "x\\", "a" * 95 + "\\", "\r\nInclude /etc/passwd\r\n", "</IfModule>"]
SIZES = {"2G": 2 * 2**30, "500M": 500 * 2**20, "1048576": 2**20, "1.5GiB": 1.5 * 2**30, "64k": 65536}
RESTARTED = Moving(**FULL)
RESTARTED.after = {5: {"server__restarted_us": 1_700_090_000_000_000}}

HELD = [{**w, "state": "K", "state_name": "keepalive"} for w in document()["workers"]]

# A run has to last some seconds to be worth anything, so all of these are done at once.
SAMPLES = {
    "json": (Moving(**FULL), ["--json"]),
    "table": (Moving(**FULL), []),
    "quiet": (Moving(per_look=1), []),
    "restarted": (RESTARTED, []),
    "held": (Moving(**FULL | dict(server__mpm="worker", workers=HELD)), ["--json"]),
    "held for PHP": (Moving(**FULL | dict(server__mpm="worker", server__prefork_only="mod_php.c", workers=HELD)), ["--json"]),
    "motorz": (Moving(server__mpm="motorz"), []),
    "to a file": (Moving(**FULL), ["--write", "${TMP}/tune.conf"]),
    "to stdout": (Moving(**FULL), ["--write", "-"]),
    "to nowhere": (Moving(**FULL), ["--write", "${TMP}/none/x"]),
    "elsewhere": (Moving(**FULL), ["--apply", "--conf-dir", "${TMP}", "--apachectl", "true"]),
    **{name: (Moving(**{**FULL, "server__name": name}), ["--write", "-"]) for name in NAMES},
}


class Samples:
    """Results of the runs of SAMPLES, by name; `directory` is what ${TMP} stands for."""

    def __init__(self, directory):
        self.directory = directory
        self.pool = ThreadPoolExecutor(len(SAMPLES))
        self.runs = {name: self.pool.submit(tune, answer, "--for", "6s",
                                            *(o.replace("${TMP}", str(directory)) for o in options), timeout=60)
                     for name, (answer, options) in SAMPLES.items()}

    def __getitem__(self, name):
        return self.runs[name].result()


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    samples = Samples(tmp_path_factory.mktemp("tune"))
    yield samples
    samples.pool.shutdown()


SCHEMA = {
    "type": "object", "required": ["origin", "enough", "sample", "recommendations"],
    "properties": {
        "sample": {"type": "object", "required": ["seconds", "looks"], "additionalProperties": {"type": ["number", "object"]}},
        "recommendations": {"type": "array", "items": {
            "type": "object", "required": ["directive", "verdict", "confidence", "effect", "why"], "additionalProperties": False,
            "properties": {"directive": {"type": "string"}, "now": {"type": "string"}, "recommended": {"type": "string"},
                           "verdict": {"enum": ["keep", "change", "unknown"]}, "confidence": {"enum": ["low", "medium", "high"]},
                           "effect": {"enum": ["graceful", "stop", "by_hand"]}, "why": {"type": "string", "minLength": 1}}}},
    },
}


def told(done, code=0):
    assert done.returncode == code, (done.returncode, done.stderr)
    answer = json.loads(done.stdout)
    jsonschema.validate(answer, SCHEMA)
    return answer, {r["directive"]: r for r in answer["recommendations"]}


def test_a_full_server_is_given_more_workers_in_table_and_json(samples):
    answer, advice = told(samples["json"])
    assert answer["enough"] and answer["sample"]["busy"] == {"mean": 40, "p50": 40, "p99": 40, "max": 40}
    assert answer["sample"]["saturated_share"] == 1 and 5 <= answer["sample"]["seconds"] <= 8
    assert abs(answer["sample"]["requests"] - 25 * answer["sample"]["looks"]) <= 50      # ours are not counted
    row = advice["MaxRequestWorkers"]
    assert (row["now"], row["recommended"], row["verdict"], row["confidence"]) == ("40", "80", "change", "low")
    assert "100 %" in row["why"]
    assert advice["KeepAliveTimeout"]["verdict"] == "unknown" and "recommended" not in advice["KeepAliveTimeout"]
    text = samples["table"].stdout
    assert re.search(r"^MaxRequestWorkers +40 +80 +low +All 40 were busy in 100 %", text, re.M), text
    assert re.search(r"^KeepAliveTimeout +- +\? +- +Not enough data", text, re.M)
    assert not control_characters(text)


def test_too_little_data_is_an_answer_of_its_own(samples):
    done = samples["quiet"]
    assert done.returncode == 9 and "Not enough data: " in done.stdout and "at least 100 are needed" in done.stdout
    answer, advice = told(tune(Moving(), "--for", "1s", "--json"), 9)
    assert not answer["enough"] and "looks" in answer["missing"] and advice == {}


def test_it_says_how_far_it_is_on_a_terminal_and_once_elsewhere():
    with FakeServer({"/mpm-status": Moving(**FULL)}) as fake:
        options = ["tune", "--url", fake.url(), "--for", "2s"]
        code, shown = in_terminal(*options, columns=100)
        assert code == 9
        assert re.search(r"\rmeasuring: 1 s of 2 s, 40 of 40 busy, 1\d\d requests/s", shown)
        done = run(*options)
        assert done.stderr == f"mpmstats: measuring {fake.url()}?json for 2 s\n" and "\r" not in done.stdout
    lines = cli.without_colours(shown).split("\r")[-1].splitlines()
    assert max(map(columns_of, lines)) <= 100


def test_a_restart_in_between_makes_the_sample_useless(samples):
    line = fails_in(samples["restarted"], 9)
    assert "restarted" in line


def fails_in(done, code):
    """The last line on stderr of a run that failed."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if "measuring" not in line]
    assert len(lines) == 1 and lines[0].startswith("mpmstats: "), done.stderr
    return lines[0]


@pytest.mark.slow
def test_a_server_that_goes_away_ends_the_sample():
    moving = Moving(**FULL)
    with FakeServer({"/mpm-status": moving}) as fake:
        process = subprocess.Popen([cli.PROGRAM, "tune", "--url", fake.url(), "--for", "60s"], env=environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: moving.count > 3, 10)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 3 and "refused" in err and out == ""


def test_the_snippet_says_why_and_is_valid_configuration(httpd, samples):
    file = samples.directory / "tune.conf"
    done = samples["to a file"]
    assert done.returncode == 0, done.stderr
    text = file.read_text()
    assert re.search(r"^    MaxRequestWorkers 80$", text, re.M) and "# All 40 were busy in 100 % of the time" in text
    assert re.search(r"^<IfModule mpm_event_module>$", text, re.M)
    alone = samples["to stdout"].stdout
    assert re.sub("^#.*\n", "", alone, flags=re.M) == re.sub("^#.*\n", "", text, flags=re.M)
    server = httpd(mpm="event", start=False, mpm_conf={"ServerLimit": 16})
    assert server.configtest(f"Include {file}") == (0, "Syntax OK\n")
    assert "No such file" in fails_in(samples["to nowhere"], 2)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_a_server_says_of_itself_becomes_configuration(name, samples):
    text = samples[name].stdout
    settings = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert settings[0] == "<IfModule mpm_event_module>" and "MaxRequestWorkers 80" in settings
    assert not any("passwd" in line or line == "MaxRequestWorkers 1" for line in settings)
    assert not re.search(r"\\$", text, re.M)    # which would join two lines


def test_a_module_that_knows_no_threads_is_not_recommended_away(samples):
    """Clients that wait hold all workers: that calls for event, unless something that is loaded cannot run there."""
    advice = told(samples["held"])[1]["the MPM"]
    assert (advice["verdict"], advice["recommended"]) == ("change", "event or hybrid")
    advice = told(samples["held for PHP"])[1]["the MPM"]
    assert advice["verdict"] == "keep" and "mod_php.c is loaded and requires prefork" in advice["why"]


def test_an_mpm_that_is_not_known_gets_no_advice(samples):
    done = samples["motorz"]
    assert done.returncode == 9 and "MPM" in done.stdout


@pytest.mark.parametrize("options, word", [
    (["--for", "0.5"], "--for"), (["--memory", "lots"], "--memory"), (["--memory", "0"], "--memory"), (["--memory", "120%"], "--memory"),
    (["--memory", "2X"], "--memory"), (["--target", "queue.p99"], "queue.p99=10ms"), (["--target", "busy=3"], "queue.p99=10ms"),
    (["--dry-run"], "--apply"), (["--conf-dir", "/tmp"], "--apply"), (["--apachectl", "x"], "--apply"), (["more"], "more"),
    (["--apply", "--with-stop"], "--with-stop"), (["--write", "-", "--json"], "--write"), (["--apply", "--verify", "0"], "--verify"),
])
def test_a_wrong_option_is_named(options, word):
    assert word in fails(1, "tune", *options)


@pytest.mark.parametrize("size, number", SIZES.items())
def test_memory_may_be_given_in_all_usual_ways(size, number):
    answer, _ = told(tune(Moving(**FULL), "--for", "1s", "--json", "--memory", size), 9)
    assert answer["sample"]["budget_bytes"] == number


def history(tmp_path, *options, **changes):
    t = now()
    content = dict(
        server=dict(mpm="hybrid", model="event", pid=1, generation=0, started=t - 3600_000_000, restarted=t - 3600_000_000, heartbeat=t,
                    max_request_workers=100, threads_per_child=25, server_limit=16, thread_limit=64, min_spare_threads=5,
                    max_spare_threads=50, keepalive_timeout=5_000_000, max_keepalive_requests=100, keepalive_gap=[300_000] * 900 + [1_500_000] * 100,
                    closed_keepalive_timeout=5, closed_keepalive_limit=0,
                    **{"async": 1, "saturated_time": 0,
                       "workers_busy_time": {10: 1_800_000_000, 20: 1_700_000_000, 30: 100_000_000}, **changes}),
        vhost=[dict(name="a:80", responses_2xx=90_000, queue=[200] * 1000, retired=0, in_flight=0), dict(name="other", in_flight=0)],
        listener=[dict(address="*:80", queue=0, queue_limit=511, queue_peak=40)])
    with SegmentFile(tmp_path / "x", **content) as segment:
        return run("tune", "--segment", segment.path, "--history", *options)


def test_the_history_of_a_server_is_enough(tmp_path):
    answer, advice = told(history(tmp_path, "--json"))
    assert answer["sample"]["seconds"] == 3600 and answer["sample"]["requests"] == 90_000
    assert answer["sample"]["busy"] == {"mean": pytest.approx(15.28, 0.01), "p50": 10, "p99": 30, "max": 30} and answer["sample"]["saturated_share"] == 0
    assert 196 <= answer["sample"]["queue_p99_us"] <= 204 and answer["sample"]["backlog_max"] == 40
    assert advice["MaxRequestWorkers"]["verdict"] == "keep" and "30 of 100" in advice["MaxRequestWorkers"]["why"]
    assert advice["KeepAliveTimeout"]["now"] == "5" and advice["KeepAliveTimeout"]["verdict"] != "unknown"
    assert advice["ListenBacklog"]["verdict"] == "keep" and "40 of 511" in advice["ListenBacklog"]["why"]
    full = history(tmp_path, "--json", workers_busy_time={100: 3600_000_000}, saturated_time=3600_000_000)
    assert int(told(full)[1]["MaxRequestWorkers"]["recommended"]) > 100
    # the saturation there is now counts, although the server adds it up when it is over
    present = history(tmp_path, "--json", workers_busy_time={10: 3000_000_000, 100: 600_000_000}, saturated_since=now() - 600_000_000)
    assert told(present)[0]["sample"]["saturated_share"] == pytest.approx(1 / 6, 0.01)
    assert told(history(tmp_path, "--json", workers_busy_time={1: 2_000_000}), 9)[0]["enough"] is False     # 2 s are no history
    assert "no history" in fails_in(history(tmp_path, workers_busy_time=None), 9)
    assert "--history" in fails(1, "tune", "--history", "--apply")


def test_values_are_applied_only_on_the_servers_own_machine(samples):
    assert "--write" in fails_in(samples["elsewhere"], 1) and not (samples.directory / SNIPPET).exists()


# ---- real servers under load ------------------------------------------------------------------------------------

class Tuned:
    """A server that is too small, with a directory for snippets and a command that controls it."""

    def __init__(self, httpd, mpm, **mpm_conf):
        conf = {"MaxRequestWorkers": 20, "ThreadsPerChild": 10, "ThreadLimit": 64,
                "ServerLimit": 16 if THREADED or mpm == "event" else 400, "StartServers": 2,
                "MinSpareThreads": 5, "MaxSpareThreads": 20, **mpm_conf}
        self.server = httpd(mpm=mpm, modules=["test_handlers", "rewrite"], mpm_conf=conf, start=False,
                            conf="IncludeOptional ${ROOT}/tune/*.conf")
        self.directory = self.server.root / "tune"
        self.directory.mkdir()
        self.server.start()
        # what a swamped server says is what the tests are about
        self.server.expect_log("reached MaxRequestWorkers|within MinSpareThreads|scoreboard is full")
        self.source = ["--segment", self.server.root / "run" / "mpmstats.segment"]
        self.httpd = f"{HTTPD} -d {self.server.root} -f {self.server.conf_file}"
        self.control = self.httpd

    def options(self, *more, verify="3s"):
        return ["tune", *self.source, "--for", "5500ms", "--conf-dir", self.directory, "--apply",
                "--verify", verify, "--apachectl", self.control, *more]

    def tune(self, *more, **how):
        return run(*self.options(*more, **how), timeout=100)

    def script(self, text):
        """From now on the server is controlled by this shell script; $HTTPD is the real thing, $ROOT the ServerRoot."""
        path = self.server.root / "control"
        path.write_text(f'#!/bin/sh\nROOT={self.server.root}\nHTTPD="{self.httpd}"\n{text}\nexec $HTTPD "$@"\n')
        path.chmod(0o755)
        self.control = str(path)

    @property
    def snippet(self):
        return self.directory / SNIPPET

    def status(self):
        """A swamped server would take its time."""
        return json.loads(run(*self.source, "--json").stdout)

    def limit(self):
        return self.status()["limits"]["max_request_workers"]

    def generation(self):
        return self.status()["server"]["config_generation"]

    def wait_restarted(self, count=1):
        self.server.wait_log("resuming normal operations", timeout=60, count=1 + count)

    def valid(self):
        done = self.server.run("-t")
        assert done.returncode == 0, done.stdout

    def swamp(self, path="/test/sleep?ms=50", connections=60):
        return Load(self.server.port, path, connections=connections, deadline=30)


def wrk(server, seconds, connections=200):
    """Requests/s and the mean latency in ms that 200 clients of a 50 ms handler see."""
    done = subprocess.run(["wrk", f"-c{connections}", "-t2", f"-d{seconds}", "--timeout", "20", server.url + "/test/sleep?ms=50"],
                          capture_output=True, text=True, timeout=seconds + 40)
    number, unit = re.search(r"Latency +([\d.]+)(us|ms|s|m)\b", done.stdout).groups()
    latency = float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]
    return float(re.search(r"Requests/sec: +([\d.]+)", done.stdout)[1]), latency


# the last by asking the server, which takes its time to answer
@pytest.mark.parametrize("mpm, asked", [("hybrid", False), ("event", False), pytest.param("hybrid", True, marks=pytest.mark.slow)])
def test_one_run_takes_the_queue_away_from_a_server_that_is_too_small(httpd, mpm, asked):
    tuned = Tuned(httpd, mpm)
    if asked:
        tuned.source = ["--url", tuned.server.url + "/mpm-status"]
    rate_before, latency_before = wrk(tuned.server, 2)
    load = subprocess.Popen(["wrk", "-c200", "-t2", "-d90", "--timeout", "30", tuned.server.url + "/test/sleep?ms=50"],
                            stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        done = tuned.tune("--json", verify="3s")
    finally:
        load.kill()
        load.wait()
    answer, advice = told(done)
    assert answer["applied"]["outcome"] == "kept" and answer["applied"]["effect"] == "better"
    assert answer["sample"]["demand"]["p99"] >= 150     # 200 clients, and our own look
    workers = int(advice["MaxRequestWorkers"]["recommended"])
    assert 190 <= workers <= 400 and tuned.limit() == workers
    time.sleep(1)
    lines = subprocess.Popen([cli.PROGRAM, *map(str, tuned.source), "watch", "-n", "250ms", "-c", "6", "--csv", "busy", "saturated"],
                             env=environment(), stdout=subprocess.PIPE, text=True)
    rate_after, latency_after = wrk(tuned.server, 2)
    busy = [line.split(",")[1:] for line in lines.communicate()[0].splitlines()[1:]]
    assert len(busy) == 6 and max(int(b) for b, _ in busy) > 20 and not [s for _, s in busy if s != "0"], busy   # nobody has to wait
    figures = f"{rate_before:.0f} → {rate_after:.0f} requests/s, mean latency {latency_before:.0f} → {latency_after:.0f} ms"
    print(figures)
    wait_until(lambda: int(run(*tuned.source, "get", "busy").stdout) <= 1, 20, "the last request is over")
    assert rate_after > 1.5 * rate_before, figures
    # elsewhere whoever has a worker keeps it, and wrk has no latency of those who have none
    assert latency_after < latency_before / 1.5 or not ASYNC, figures
    tuned.valid()


@pytest.fixture
def small(httpd):
    """On the MPM of this run, with little of everything."""
    return Tuned(httpd, None, MaxRequestWorkers=4, ThreadsPerChild=4 if os.environ.get("MPM") != "prefork" else 1, StartServers=1)


@pytest.mark.slow
def test_what_was_there_before_is_kept_and_what_it_sets_stays_set(small):
    old = "# mine\n<IfModule mod_so.c>\nStartServers 3\n</IfModule>\nTimeout 77\n"
    small.snippet.write_text(old)
    with small.swamp():
        done = small.tune()
    assert done.returncode == 0, done.stderr
    text = small.snippet.read_text()
    assert (small.directory / (SNIPPET + ".previous")).read_text() == old
    assert re.search(r"^ *MaxRequestWorkers \d+$", text, re.M) and re.search(r"^Timeout 77$", text, re.M)
    assert re.search(r"^ *StartServers \d+$", text, re.M)
    assert {p.name for p in small.directory.iterdir()} == {SNIPPET, SNIPPET + ".previous"}
    assert small.limit() > 4
    for fact in ("Installed", "Restarted gracefully", "Verified for 3 s", "Kept"):
        assert fact in done.stdout
    small.valid()


OLD = """# mine
KeepAliveTimeout 9
<VirtualHost *:80>
  ServerName a.example
  KeepAliveTimeout \\
     3
  <Location "/x">
    Options None
  </Location>
</VirtualHost>
<IfModule mpm_%(mpm)s_module>
    StartServers 1
    <IfModule mod_so.c>
        MinSpareThreads 1
    </IfModule>
</IfModule>
<IfModule mpm_other_module>
    MaxRequestWorkers 3
</IfModule>
"""


def sections(text):
    """Lines of a configuration, each with the sections it is in."""
    found, inside = [], []
    for line in (line.strip() for line in text.replace("\\\n", " ").splitlines()):
        if line.startswith("</"):
            inside.pop()
        elif line.startswith("<"):
            inside.append(" ".join(line.strip("<>").split()))
        elif line and not line.startswith("#"):
            found.append((" ".join(line.split()), *inside))
    return found


@pytest.mark.mpm_only("hybrid", reason="the file is of that one")
def test_sections_of_the_old_snippet_stay_sections(small):
    long_line = "Define LONG " + "192.0.2.1," * 60
    small.snippet.write_text(OLD % {"mpm": "hybrid"} + long_line + "\n")
    with small.swamp():
        done = small.tune("--dry-run")
    assert done.returncode == 0, done.stderr
    text = done.stdout[done.stdout.index("# Written by"):]
    lines = sections(text)
    assert long_line in [line[0] for line in lines], "however long it is"
    assert [line for line in lines if "VirtualHost *:80" in line] == [
        ("ServerName a.example", "VirtualHost *:80"), ("KeepAliveTimeout 3", "VirtualHost *:80"),
        ("Options None", "VirtualHost *:80", 'Location "/x"')]
    assert ("MinSpareThreads 1", "IfModule mpm_hybrid_module", "IfModule mod_so.c") in lines
    assert ("MaxRequestWorkers 3", "IfModule mpm_other_module") in lines
    assert [line[0].split()[0] for line in lines if len(line) == 1] == ["KeepAliveTimeout"]
    assert len([line for line in lines if line[0].startswith("StartServers") and line[1:] == ("IfModule mpm_hybrid_module",)]) == 1
    # what is advised comes last, and wins
    assert lines.index(("MaxRequestWorkers 3", "IfModule mpm_other_module")) < next(
        i for i, line in enumerate(lines) if line[0].startswith("MaxRequestWorkers") and line[1:] == ("IfModule mpm_hybrid_module",))


def test_a_snippet_too_large_to_be_kept_whole_is_not_touched(httpd, tmp_path):
    server = httpd()
    (tmp_path / SNIPPET).write_text("# x\n" * 20_000)
    done = run("tune", "--segment", server.segment_file, "--for", "1h", "--conf-dir", tmp_path, "--apachectl", "true", "--apply", timeout=20)
    assert "larger than 64 KiB" in fails_in(done, 2)


@pytest.mark.parametrize("options, code, word", [
    (["--apply", "--conf-dir", "/no/such"], 2, "--conf-dir"), (["--apply", "--apachectl", "false"], 2, "not valid as it is"),
    (["--write", "/no/such/file"], 2, "cannot write /no/such/file")])
def test_what_cannot_be_done_is_said_before_an_hour_is_measured(httpd, tmp_path, options, code, word):
    server = httpd()
    done = run("tune", "--segment", server.root / "run" / "mpmstats.segment", "--for", "1h", "--conf-dir", tmp_path, "--apachectl", "true",
               *(["--apply"] if "--apply" not in options else []), *options, timeout=20)
    assert word in fails_in(done, code)


@pytest.mark.left_out("prefork", reason="HTTP/2 is refused, and has no threads")
def test_threads_that_are_no_workers_are_not_taken_for_workers(httpd):
    """What a whole process takes is what its workers and everything else take together."""
    server = httpd(modules=["http2"], conf="H2MinWorkers 60\nH2MaxWorkers 60\n",
                   mpm_conf={"StartServers": 1, "ThreadsPerChild": 8, "MaxRequestWorkers": 8, "MinSpareThreads": 8, "MaxSpareThreads": 8})
    [child] = server.children()
    wait_until(lambda: len(procs.threads(child)) > 60, 10, "the threads of mod_http2")
    for _ in range(20):
        server.get("/hello.txt")
    answer = json.loads(run("tune", "--segment", server.root / "run" / "mpmstats.segment", "--for", "1s", "--json").stdout)
    with open(f"/proc/{child}/smaps_rollup", encoding="ascii") as rollup:
        pss = int(re.search(r"^Pss: +(\d+) kB", rollup.read(), re.M)[1]) * 1024
    whole = answer["sample"]["process_bytes"] + 8 * answer["sample"]["worker_bytes"]
    assert pss * 0.85 < whole < pss * 1.3, (answer["sample"], pss)


@pytest.mark.slow
def test_a_dry_run_shows_the_snippet_and_changes_nothing(small):
    before = small.generation()
    with small.swamp():
        done = small.tune("--dry-run")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^    MaxRequestWorkers \d+$", done.stdout, re.M) and str(small.snippet) in done.stdout
    assert list(small.directory.iterdir()) == [] and small.generation() == before


def test_a_failed_configuration_test_is_rolled_back(small):
    small.script('case "$*" in -t) if [ -e "$ROOT/tune/mpmstats-tune.conf" ]; then echo "forced: line 7"; exit 1; fi ;; esac')
    before = small.generation()
    with small.swamp():
        line = fails_in(small.tune(), 10)
    assert "rolled back" in line and "forced: line 7" in line
    assert list(small.directory.iterdir()) == []
    assert small.limit() == 4 and small.generation() == before      # it was never told to restart


@pytest.mark.slow
def test_values_the_server_does_not_accept_are_never_put_in_place(small):
    small.script('case "$*" in "-t -c"*) echo "no such value"; exit 1 ;; esac; echo "$@" >>"$ROOT/calls"')
    with small.swamp():
        line = fails_in(small.tune(), 10)
    assert "nothing was changed" in line and "no such value" in line
    assert list(small.directory.iterdir()) == [] and "graceful" not in (small.server.root / "calls").read_text()


@pytest.mark.slow
def test_a_configuration_that_is_broken_already_is_left_alone(small):
    (small.directory / "broken.conf").write_text("Nonsense\n")
    with small.swamp():
        line = fails_in(small.tune(), 2)
    assert "nothing was changed" in line and "Nonsense" in line
    assert [p.name for p in small.directory.iterdir()] == ["broken.conf"]


SLOWER = r"""
case "$*" in *graceful*)
    if [ -e "$ROOT/tune/zz-slow.conf" ]; then rm "$ROOT/tune/zz-slow.conf"; else
        printf 'RewriteEngine On\nRewriteCond %%{QUERY_STRING} ms=50\nRewriteRule ^/test/sleep$ /test/sleep?ms=5000 [PT]\n' >"$ROOT/tune/zz-slow.conf"
    fi ;;
esac"""


def test_a_regression_is_rolled_back(small):
    old = "Timeout 77\n"
    small.snippet.write_text(old)
    small.script(SLOWER)        # after the restart every request takes a hundred times as long
    with small.swamp() as load:
        line = fails_in(small.tune(), 10)
        assert "rolled back" in line and "worse" in line and "requests/s" in line
        assert small.snippet.read_text() == old
        assert small.limit() == 4
        small.valid()
        answered = load.answered
        wait_until(lambda: load.answered > answered + 50, 20, "answers at the old speed")


@pytest.mark.slow
def test_a_snippet_that_is_not_read_is_taken_back(small):
    elsewhere = small.server.root / "elsewhere"
    elsewhere.mkdir()
    with small.swamp():
        done = small.tune("--conf-dir", elsewhere)
    line = fails_in(done, 10)
    assert "is not read" in line and list(elsewhere.iterdir()) == [] and small.limit() == 4


@pytest.mark.slow
def test_a_command_that_controls_another_server_is_found_out(small):
    small.script('case "$*" in *graceful*) exit 0 ;; esac')
    with small.swamp():
        line = fails_in(small.tune(), 10)
    assert "no restart" in line and list(small.directory.iterdir()) == []


@pytest.mark.slow
def test_a_restart_that_fails_is_rolled_back(small):
    small.script('case "$*" in *graceful*) if [ ! -e "$ROOT/once" ]; then touch "$ROOT/once"; echo "forced: no"; exit 3; fi ;; esac')
    with small.swamp():
        line = fails_in(small.tune(), 10)
    assert "exit code 3" in line and "forced: no" in line and list(small.directory.iterdir()) == [] and small.limit() == 4


@pytest.mark.slow
@pytest.mark.parametrize("change, left", [("echo 'Timeout 33' >", "Timeout 33\n"), ("rm", None)], ids=["written", "removed"])
def test_what_somebody_else_changes_meanwhile_is_not_rolled_back(small, change, left):
    """An administrator who corrects, or takes away, what is being verified has the last word."""
    small.snippet.write_text("Timeout 77\n")
    small.script(f'case "$*" in *graceful*) {change} "$ROOT/tune/{SNIPPET}"; echo "forced: no"; exit 3 ;; esac')
    with small.swamp():
        line = fails_in(small.tune(), 2)
    assert "has been modified meanwhile" in line and f"{SNIPPET}.previous" in line
    assert (small.snippet.read_text() if small.snippet.exists() else None) == left
    assert (small.directory / f"{SNIPPET}.previous").read_text() == "Timeout 77\n"


@pytest.mark.slow
def test_debians_layout_is_enabled_by_a_link(small):
    available, enabled = small.server.root / "conf-available", small.server.root / "conf-enabled"
    available.mkdir()
    enabled.mkdir()
    (small.directory / "enabled.conf").write_text(f"IncludeOptional {enabled}/*.conf\n")
    with small.swamp():
        done = small.tune("--conf-dir", available)
        assert done.returncode == 0, done.stderr
        assert os.readlink(enabled / SNIPPET) == "../conf-available/" + SNIPPET
        assert small.limit() > 4 and str(enabled / SNIPPET) in done.stdout


@pytest.mark.slow
def test_places_that_cannot_be_used_are_explained(small, tmp_path):
    with small.swamp():
        assert "--conf-dir" in fails_in(small.tune("--conf-dir", "/no/such/dir"), 2)
        assert "not-there" in fails_in(small.tune("--apachectl", "/bin/not-there"), 2)
    with small.swamp():
        small.script('case "$*" in -t) touch "$ROOT/testing"; sleep 6 ;; esac')
        first = subprocess.Popen([cli.PROGRAM, *map(str, small.options())], env=environment(), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        try:
            wait_until((small.server.root / "testing").exists, 20, "the first is at work")
            small.control = small.httpd
            busy = subprocess.run([cli.PROGRAM, *map(str, small.options())], env=environment(), capture_output=True, text=True, timeout=60)
            assert busy.returncode in (2, 9), busy.stderr      # 9: the first restarted the server in the second's sample
            assert "another" in busy.stderr or "restarted" in busy.stderr
        finally:
            first.terminate()
            first.wait(60)


# ---- being ended in the middle ------------------------------------------------------------------------------------

# Stops at one of the calls and tells so; a file lets it go on.
HALT = r"""
calls=$(($(cat "$ROOT/count" 2>/dev/null || echo 0) + 1)); echo $calls >"$ROOT/count"
if [ $calls = %d ]; then touch "$ROOT/halted"; n=0; while [ ! -e "$ROOT/go" ] && [ $n -lt 400 ]; do sleep 0.05; n=$((n + 1)); done; fi"""

# The calls of a run: 1 the configuration as it is, 2 with the candidate, 3 in its place, 4 the graceful restart.


@pytest.mark.slow
@pytest.mark.parametrize("call", [1, 2, 3, 4, 5])
def test_whenever_it_is_killed_the_configuration_is_valid(small, call):
    old = "Timeout 77\n"
    small.snippet.write_text(old)
    small.script(HALT % call)
    with small.swamp():
        process = subprocess.Popen([cli.PROGRAM, *map(str, small.options(verify="10s"))], env=environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if call <= 4:
            wait_until((small.server.root / "halted").exists, 30, "the step before the kill")
        else:       # while it verifies
            small.wait_restarted()
        process.kill()
        process.wait()
        (small.server.root / "go").touch()
        text = small.snippet.read_text()
        assert text == old or ("MaxRequestWorkers" in text and text.endswith("Timeout 77\n"))
        assert (text == old) == (call <= 2)
        small.valid()
        small.server.graceful()
        assert small.limit() == 4 if call <= 2 else small.limit() > 4
        small.control = small.httpd
        done = small.tune()     # nothing it left is in the way
        assert done.returncode == 0, done.stderr
        small.valid()
        assert not [p.name for p in small.directory.iterdir() if p.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_a_signal_in_the_middle_rolls_back(small, name):
    with small.swamp():
        # Whoever runs these tests in the background may ignore what is sent here, and it would inherit that.
        process = subprocess.Popen([cli.PROGRAM, *map(str, small.options(verify="20s"))], env=environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: signal.signal(getattr(signal, "SIG" + name), signal.SIG_DFL))
        small.wait_restarted()
        process.send_signal(getattr(signal, "SIG" + name))
        error = process.communicate(timeout=60)[1]
        assert process.returncode == 10 and "rolled back" in error and "signal" in error
        assert list(small.directory.iterdir()) == [] and small.limit() == 4
        small.valid()
