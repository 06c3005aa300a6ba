# SPDX-License-Identifier: Apache-2.0
"""What is recorded, rendered: by renderers/renderers.c, which fills a segment and a scoreboard of any size with any names."""
import html.parser
import json
import re
import shutil
import subprocess

import pytest

from httpd import BUILD, REPO, module_path
from omtext import SAMPLE, families
from statusview import VALIDATOR

pytestmark = pytest.mark.skipif(not module_path("mpmstats").exists(), reason="mod_mpmstats is not built")

ALL, VHOSTS, LATENCY = 511, 32, 16      # render/request_view.h
HOSTILE = [b"<script>alert(1)</script>", b'"><img src=x onerror=alert(1)>', b"' onmouseover='alert(1)", b"a\nb\r\nc\td", b"\x01\x1b[31m\x7f\x9b",
           b"\xff\xfe\xc0\xaf\xed\xa0\x80", b"\xe2\x82", b'\\"} 1\n# EOF\n', "\u202egnp.exe\u2028\ufeff".encode(), b"</title></style>{{nonce}}",
           b"]]><!--", b"&lt;&amp;&#0;", b"x" * 300, b"__proto__", b"${jndi:ldap://x}"]


@pytest.fixture(scope="module")
def render(tmp_path_factory):
    program = tmp_path_factory.mktemp("renderers") / "renderers"
    apr = subprocess.run(["apr-1-config", "--includes", "--cppflags", "--link-ld", "--libs"], check=True, capture_output=True, text=True)
    page = [BUILD / "obj/mod_mpmstats/stats/page" / f"{source.stem}.o" for source in (REPO / "mod_mpmstats/stats/page").glob("*.c")]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", REPO / "mod_mpmstats", "-o", program,
                    REPO / "tests/integration/renderers/renderers.c", *page, BUILD / "pure.a", *apr.stdout.split(), "-lm"], check=True)

    def run(form, vhosts=9, workers=60, names=(b"www.example.com", b"api.example.com"), moment=100, parts=ALL, times=1, under=()):
        words = ["".join(chr(byte) if 0x20 < byte < 0x7f and byte != 0x5c else f"\\x{byte:02x}" for byte in name) for name in names]
        done = subprocess.run([*under, program, form, *map(str, (parts, vhosts, workers, moment, times)), *words], check=True, capture_output=True)
        return done.stdout, float(done.stderr.splitlines()[-1])
    return run


@pytest.mark.parametrize("form", ["html", "live", "json", "openmetrics", "prometheus"])
def test_500_virtual_hosts_and_2000_workers_take_less_than_20_ms(render, form):
    body, ms = render(form, vhosts=500, workers=2000, times=25)
    assert body.count(b"example.com") > 2000
    assert ms < 20, f"{form}: {ms} ms"


# ---- the same in every form ----------------------------------------------------------------------------------

def test_json_is_valid(render):
    status = json.loads(render("json")[0])
    VALIDATOR.validate(status)
    assert [v["name"] for v in status["vhosts"]] == [f"{'api' if i % 2 else 'www'}.example.com{i}:443" for i in range(8)] + ["other"]
    assert [event["kind"] for event in status["events"]] == ["unknown", "overflow", "relieved", "saturated", "crash", "graceful", "start"]
    assert status["events"][4]["words"].startswith("Process 4711 crashed: SIGSEGV (11) after 30m 00s")
    for key in ("requests_in_flight", "responses_2xx", "sent_bytes", "closed_client", "tls_full", "crashes"):
        assert key in status["totals"], key
    assert status["totals"]["sent_bytes"] == sum(v["sent_bytes"] for v in status["vhosts"])
    assert all(p["rss_bytes"] == 31000000 for p in status["processes"])


def test_times_agree_with_their_histogram(render):
    status = json.loads(render("json")[0])
    for phase, times in status["latency"].items():
        buckets = times["buckets"]
        assert [highest for highest, _ in buckets] == sorted({highest for highest, _ in buckets})
        assert sum(n for _, n in buckets) == times["count"]
        for key, share in (("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("p999_us", 0.999)):
            seen = 0
            for highest, n in buckets:
                seen += n
                if seen >= share * times["count"]:
                    break
            assert highest * (1 - 1 / 32) - 1 <= times[key] <= highest, (phase, key)
        assert times["p999_us"] <= times["max_us"] <= buckets[-1][0]
        if "handler" in phase or phase == "total":
            assert times["count"] == sum(v["latency"][phase]["count"] for v in status["vhosts"])
            assert times["sum_us"] == sum(v["latency"][phase]["sum_us"] for v in status["vhosts"])


def test_histograms_for_prometheus_agree_with_the_json(render):
    status = json.loads(render("json")[0])
    found = families(render("openmetrics")[0].decode(), True)
    by_vhost = found["httpd_vhost_request_duration_seconds"]["samples"]
    for vhost in status["vhosts"]:
        total = vhost["latency"]["total"]
        label = f'vhost="{vhost["name"]}"'
        assert by_vhost["httpd_vhost_request_duration_seconds_count", label] == total["count"]
        assert by_vhost["httpd_vhost_request_duration_seconds_sum", label] == pytest.approx(total["sum_us"] / 1e6)
    for phase in ("head", "queue", "handler", "write"):
        samples = found["httpd_request_phase_seconds"]["samples"]
        for (name, labels), value in samples.items():
            if name.endswith("_bucket") and f'phase="{phase}"' in labels and "+Inf" not in labels:
                bound = float(re.search(r'le="([^"]*)"', labels)[1]) * 1e6
                surely = sum(n for highest, n in status["latency"][phase]["buckets"] if highest <= bound)
                perhaps = sum(n for highest, n in status["latency"][phase]["buckets"] if highest * (1 - 1 / 32) - 1 <= bound)
                assert surely <= value <= perhaps, labels


def test_records_of_one_name_are_one_virtual_host(render):
    names = [b"same.example.com:80", b"different"]
    status = json.loads(render("json", vhosts=5, names=names)[0])
    VALIDATOR.validate(status)
    assert [v["name"] for v in status["vhosts"]] == ["same.example.com:80", "different1:443", "different3:443", "other"]
    apart = json.loads(render("json", vhosts=5, names=[b"other-name", b"different"])[0])["vhosts"]
    assert status["vhosts"][0]["requests"] == apart[0]["requests"] + apart[2]["requests"]
    assert status["vhosts"][0]["latency"]["total"]["count"] == sum(apart[i]["latency"]["total"]["count"] for i in (0, 2))
    families(render("openmetrics", vhosts=5, names=names)[0].decode(), True)


@pytest.mark.parametrize("parts, there", [(VHOSTS, {"vhosts"}), (LATENCY, {"latency"}), (64, {"handlers"}), (128, {"listeners"}), (256, {"events"})])
def test_a_part_alone(render, parts, there):
    status = json.loads(render("json", parts=parts)[0])
    VALIDATOR.validate(status)
    assert status.keys() == {"schema", "server"} | there
    page = render("html", parts=parts)[0].decode()
    assert {name for name in ("vhosts", "latency", "handlers", "listeners", "events") if f'<table id="{name}"' in page} == there


def test_documentation_names_every_family(render):
    doc = (REPO / "docs/metrics.md").read_text()
    named = {re.sub(r"(_total|_info)$", "", name) for name in re.findall(r"`(httpd_[a-z0-9_]+)", doc)}
    found = families(render("openmetrics")[0].decode(), True)
    assert found.keys() - named == set()


# ---- whatever the names ------------------------------------------------------------------------------------------

class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.words = set(), set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.words += data


def test_hostile_names_leave_the_page_valid(render):
    plain = Tags(render("html", vhosts=40, workers=200)[0].decode("utf-8"))
    body = render("html", vhosts=40, workers=200, names=HOSTILE)[0].decode("utf-8", errors="strict")
    page = Tags(body)
    assert page.tags == plain.tags and page.attributes == plain.attributes
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\ufeff]", body)
    assert "<script>alert(1)</script>" in page.words and "{{nonce}}" in page.words
    assert body.count("<script") == 1


def test_hostile_names_leave_what_the_script_is_given_valid(render):
    """It has the rows, texts and columns of the page, and nothing else."""
    plain = Tags(render("live", vhosts=40, workers=200)[0].decode("utf-8"))
    body = render("live", vhosts=40, workers=200, names=HOSTILE)[0].decode("utf-8", errors="strict")
    page = Tags(body)
    assert page.tags == plain.tags and page.attributes == plain.attributes and "script" not in page.tags
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\ufeff]", body)
    whole = render("html", vhosts=40, workers=200, names=HOSTILE)[0].decode("utf-8")
    keys = r'<tr data-k="([^"]*)"'
    assert re.findall(keys, body) == re.findall(keys, whole)
    for table in re.findall(r'<table id="(\w+)" class="rows"', whole):
        head = whole[whole.index(f'<table id="{table}"'):].split("</thead>")[0]
        columns = re.search(rf'<table id="{table}" class="rows" data-columns="([^"]*)"', body)[1]
        assert columns.split() == re.findall(r'<th scope="col" data-m="([^"]*)"', head), table
        titles = re.findall(r'<th scope="col"[^>]*>(?:<[^>]*>)*([^<]+)', head)
        assert table == "vhosts" or sorted(set(titles)) == sorted(titles), (table, "columns of the same title")


def test_folded_hosts_are_spoken_of_where_there_are_any(render):
    body = render("html")[0].decode()
    folded = re.search(r'<span([^>]*data-m="show totals.vhosts_folded"[^>]*)>', body)
    assert folded and " hidden" in folded[1], folded and folded[0]


def test_what_the_script_is_given_of_busy_workers_alone(render):
    rows = {form: re.findall(r'<tr data-k="(\d+\.\d+)"( data-busy)?', render(form, workers=200)[0].decode().split('<table id="workers"')[1])
            for form in ("live", "live-busy")}
    assert len(rows["live"]) == 200 and rows["live-busy"] == [row for row in rows["live"] if row[1]] != []
    assert 'data-count=200>' in render("live-busy", workers=200)[0].decode()


def test_hostile_names_leave_the_json_valid(render):
    status = json.loads(render("json", vhosts=40, workers=200, names=HOSTILE)[0].decode("utf-8", errors="strict"))
    VALIDATOR.validate(status)
    seen = {v["name"] for v in status["vhosts"]}
    assert "<script>alert(1)</script>0:443" in seen and "a\nb\r\nc\td3:443" in seen and '\\"} 1\n# EOF\n7:443' in seen


@pytest.mark.parametrize("form", ["openmetrics", "prometheus"])
def test_hostile_names_leave_the_metrics_valid(render, form):
    text = render(form, vhosts=40, workers=200, names=HOSTILE)[0].decode("utf-8", errors="strict")
    families(text, form == "openmetrics")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


def test_names_that_look_the_same_are_told_apart(render):
    names = [b"same\xff", b"same\xfe", b"same\xef\xbf\xbd", b"same\xef\xbf\xbd~2", b"same\x85", b"same", b"same\x01", b"same\xe2\x90\x81"]
    shown = ["same\ufffd", "same\ufffd~2", "same\ufffd~3", "same\ufffd~2~2", "same", "same\u2401", "same\u2401~2"]
    status = json.loads(render("json", vhosts=9, names=names)[0].decode("utf-8", errors="strict"))
    VALIDATOR.validate(status)
    for rows, key in ((status["vhosts"], "name"), (status["handlers"], "name"), (status["listeners"], "address")):
        assert len({row[key] for row in rows}) == len(rows)
    assert len(status["vhosts"]) == 9
    for form in ("openmetrics", "prometheus"):
        text = render(form, vhosts=9, names=names)[0].decode("utf-8", errors="strict")
        samples = families(text, form == "openmetrics")["httpd_vhost_in_flight"]["samples"]
        labels = {re.search('vhost="([^"]*)"', label)[1] for _, label in samples}
        assert len(samples) == len(labels) == 9 and labels > set(shown)
    page = render("html", vhosts=9, names=names)[0].decode("utf-8", errors="strict")
    keys = re.findall(r'data-k="([^"]*)"', page[page.index('<table id="vhosts"'):].split("</table>")[0])
    assert len(keys) == len(set(keys)) == 9


def test_every_one_of_10000_random_names_leaves_every_form_valid(render):
    import random
    dice = random.Random(7)
    pieces = [bytes([dice.randrange(1, 256) for _ in range(dice.randrange(1, 90))]) for _ in range(9000)] + HOSTILE * 70
    for start in range(0, len(pieces), 2600):
        names = pieces[start:start + 2600]
        json_text = render("json", vhosts=9, workers=len(names), names=names)[0].decode("utf-8", errors="strict")
        VALIDATOR.validate(json.loads(json_text))
        page = render("html", vhosts=9, workers=len(names), names=names)[0].decode("utf-8", errors="strict")
        assert page.count("<script") == 1 and page.count("<tr data-k=") > len(names)
    names = [b"%d" % i + piece for i, piece in enumerate(pieces[:2000])]
    text = render("openmetrics", vhosts=2000, workers=25, names=names)[0].decode("utf-8", errors="strict")
    assert len(families(text, True)) > 50
    for line in text.splitlines():
        assert line.startswith("# ") or SAMPLE.fullmatch(line), line


@pytest.mark.parametrize("form", ["html", "live", "json", "openmetrics"])
def test_valgrind_finds_no_fault(render, form):
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    assert render(form, vhosts=20, workers=60, names=HOSTILE, under=["valgrind", "-q", "--error-exitcode=9"])[0]
