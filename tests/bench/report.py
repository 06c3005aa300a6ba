# SPDX-License-Identifier: Apache-2.0
"""Results as a table for people, as JSON, and as the results section of docs/benchmarks.md."""
import datetime
import json
import os
import platform
import re
import subprocess
from pathlib import Path

import httpd
import servers
import sets
import settings
import targets
from scenario import METRICS, NOISY_PERCENT, confidence, medians, noisy, ratios

RESULTS = settings.OUT / "results.json"
DOCUMENT = settings.REPO / "docs" / "benchmarks.md"
_KEYS = {"installed": "scenarios", "smallest": "smallest"}     # of results.json
_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"


def _says(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=10)
        return (done.stdout + done.stderr).strip()
    except OSError:
        return ""


def _first_match(pattern, text):
    found = re.search(pattern, text)
    return found.group(1).strip() if found else "unknown"


def machine():
    """What the figures depend on besides the code."""
    cpu = _first_match(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    memory = int(_first_match(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())) / 2**20
    apache = _says(httpd.HTTPD, "-v")
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": f"{len(os.sched_getaffinity(0))} × {cpu}",
        "memory": f"{memory:.0f} GB",
        "kernel": platform.release(),
        "system": _first_match(r'PRETTY_NAME="(.*)"', release),
        "httpd": _first_match(r"Server version: (.*)", apache),
        "openssl": _says("openssl", "version"),
        "wrk": _first_match(r"wrk (\S+)", _says("wrk", "-v")),
        "h2load": _says("h2load", "--version"),
        "nginx": _first_match(r"nginx/(\S+)", _says(servers.NGINX, "-v")) if servers.NGINX else "not installed",
        "commit": _says("git", "-C", str(settings.REPO), "describe", "--always", "--dirty"),
        "open files": settings.raise_file_limit(),
        "somaxconn": int(Path("/proc/sys/net/core/somaxconn").read_text()),
        "pinned": f"server on core {settings.SERVER_CORES[0]}, generators on core {settings.LOAD_CORES[0]}",
        "nice": settings.NICE,
    }


# ---- tables -----------------------------------------------------------------------------------------------

def _rows(result):
    """(heading, rows of text) of one scenario: the medians, then the ratios."""
    columns = [c for c in result["columns"] if any(c in m for m in medians(result).values())]
    heading = [""] + [METRICS[c][0] for c in columns]
    rows = [[name] + [METRICS[c][1].format(values[c]) if c in values else "" for c in columns]
            for name, values in medians(result).items()]
    for label, row in ratios(result):
        digits = 3 if result.get("together") else 2
        rows.append([label] + [f"{row[c][0]:.{digits}f}" if c in row else "" for c in columns])
    return heading, rows


def _notes(result):
    notes = []
    level = noisy(result)
    if level:
        notes.append(f"Others took up to {level:.0f} % of the server's core meanwhile (above {NOISY_PERCENT} %): trust "
                     "ratios, not latencies.")
    spread = [f"{label} {METRICS[metric][0]} {low:.2f}–{high:.2f}" for label, row in ratios(result)
              for metric, (_, low, high) in row.items() if metric in ("cpu_us", "seconds") and len(result["values"]) > 1]
    if result.get("together") and "cpu_us" in result["columns"]:
        sure = [(f"{one} : {other}", confidence(result, one, other, "cpu_us")) for one, other in result["pairs"]]
        notes.append("With 95 % confidence: " + "; ".join(f"{label} {c[0]:.3f}–{c[1]:.3f}" for label, c in sure if c) + ".")
    elif spread and result["rounds"] > 1:
        notes.append("Ratios of single rounds: " + "; ".join(spread) + ".")
    found = {re.sub(r"\[[^]]*\] |pid \d+ ", "", complaint) for complaint in result["complaints"]}
    return notes + [f"Complaint: {c}." for c in sorted(found)]


def terminal(name, result):
    heading, rows = _rows(result)
    widths = [max(len(r[i]) for r in [heading, *rows]) for i in range(len(heading))]
    lines = [f"\n{name}: {result['title']}"]
    for row in [heading, *rows]:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines + ["  " + n for n in _notes(result)])


def targets_reached(names):
    """The targets of these scenarios, as they stand in results.json, for the terminal. They are those of the installed set."""
    if settings.SET != "installed":
        return ""
    results = load()["scenarios"]
    lines = [f"  {'reached' if ok else 'MISSED ':8} {what}" for what, ok in targets.judge(results, names)]
    return "\ntargets:\n" + "\n".join(lines) if lines else ""


# ---- files ------------------------------------------------------------------------------------------------

def load():
    try:
        return json.loads(RESULTS.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {"scenarios": {}}


def save(name, result):
    """Puts one scenario's result into results.json; those of other scenarios and of the other set of modules stay, each with
    its date and commit."""
    everything = load()
    about = machine()
    everything["machine"] = about
    everything.setdefault(_KEYS[settings.SET], {})[name] = {**result, "commit": about["commit"], "load": os.getloadavg()[0]}
    RESULTS.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n")


def _markdown(name, result):
    heading, rows = _rows(result)
    lines = [f"### {result['title']}", "", f"`BENCH={name}`. {result['method']}", "",
             "| " + " | ".join(heading) + " |", "|---" + "|---:" * (len(heading) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    how = f"{result['rounds']} round{'s' * (result['rounds'] > 1)} of {result['seconds']:g} s, {result['when']}, " \
          f"{result['commit']}."
    return "\n".join(lines + ["", " ".join([how, *_notes(result)]), ""])


def _sets(everything, order):
    """The ratios that both sets of modules were measured for, side by side."""
    rows = []
    for name in order:
        both = [everything.get(_KEYS[which], {}).get(name) for which in ("installed", "smallest")]
        if not all(both):
            continue
        installed, smallest = (dict(ratios(result)) for result in both)
        for label in (x for x in installed if x in smallest):
            cells = [f"{of[label][metric][0]:.2f}" if metric in of[label] else "" for metric in ("cpu_us", "rps", "p99_ms")
                     for of in (installed, smallest)]
            rows.append(f"| {name} | {label} | " + " | ".join(cells) + " |")
    if not rows:
        return []
    return ["### The smallest set of modules beside the installed one", "",
            "The same scenarios with `BENCH_SET=smallest`; medians of the ratios of the rounds.", "",
            "| | | CPU, installed | smallest | req/s, installed | smallest | p99, installed | smallest |",
            "|---|---|---:|---:|---:|---:|---:|---:|", *rows, ""]


def document(order):
    """Rewrites the results section of docs/benchmarks.md from results.json."""
    everything = load()
    about = {**everything["machine"], "installed set": " ".join(sorted(sets.debian()))}
    table = ["| | |", "|---|---|"] + [f"| {key} | {value} |" for key, value in about.items()]
    parts = [_markdown(name, everything["scenarios"][name]) for name in order if name in everything["scenarios"]]
    judged = ["### Targets", ""] + [f"* {'reached' if ok else '**missed**'}: {what}"
                                    for what, ok in targets.judge(everything["scenarios"], order)]
    body = "\n".join(["", *table, "", *parts, *_sets(everything, order), *judged, ""])
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    DOCUMENT.write_text(before + _BEGIN + "\n" + body + _END + after)
