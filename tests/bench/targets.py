# SPDX-License-Identifier: Apache-2.0
"""What the project set out to reach, and whether a set of results does. Reported, never a test that fails."""
import models
import settings
from scenario import medians, ratio

_SLOW = ("silence", "head", "hello", "tls-head", "body", "tls-body", "read", "tls-read")
_PLAIN = ("silence", "head", "body", "read")

_HTTP2 = [f"h2-m{streams}-{connections}" for streams in (1, 32) for connections in (16, 64)]

# scenario, one variant, the other, metric, what it is called, sign, limit
_RATIOS = [
    *[(f"keepalive-{n}", one, other, metric, what, sign, limit) for n in (16, 64, 256)
      for one in ("hybrid", "hybrid, mod_status too")
      for other, metric, what, sign, limit in (
          ("event", "cpu_us", "CPU/request", "≤", 0.72), ("worker", "cpu_us", "CPU/request", "≤", 0.85),
          ("event", "rps", "requests/s", "≥", 1.35), ("event", "p99_ms", "p99", "≤", 0.6))],
    ("tls", "hybrid", "event", "cpu_us", "CPU/request", "≤", 0.85),
    ("handshakes", "hybrid", "event", "cpu_us", "CPU/handshake", "≤", 0.98),
    *[(name, "hybrid", "event", metric, what, sign, limit) for name in _HTTP2
      for metric, what, sign, limit in (("cpu_us", "CPU/request", "≤", 0.9), ("rps", "requests/s", "≥", 1.05))],
    *[("http2-loaded", who, f"{who}, no mod_http2", "cpu_us", "CPU/request over HTTP/1.1", "≤", 1.01)
      for who in ("hybrid", "hybrid, mod_status too")],
    ("burst-h2", "hybrid", "event", "seconds", "time", "≤", 1.1),
    *[(name, f"{model} model", model, "cpu_us", "CPU/request", "≤", 1)
      for name in (s.name for s in models.SCENARIOS) for model in ("worker", "prefork")],
    ("mixed", "hybrid", "event", "p99_ms", "p99 of the quick requests", "≤", 1),
    ("scaling", "hybrid, 2 cores", "hybrid, 1 core", "rps", "requests/s", "≥", 1.8),
    ("burst", "hybrid", "event", "seconds", "time", "≤", 0.35),
    ("async-head", "head on", "head off", "cpu_us", "CPU/request", "≤", 1.02),
    *[(name, f"{mpm} as loaded", f"{mpm} {other}", "cpu_us", "CPU/request", "≤", limit)
      for name, mpm in (("stats", "hybrid"), ("stats-event", "event")) for other, limit in (("without", 1.03), ("mod_status", 1))],
]
# scenario, variant, metric, what it is called, sign, limit
_VALUES = [
    *[(name, "hybrid", "failed", "requests lost", "≤", 0) for name in _HTTP2],
    *[("h2-lost", "hybrid", f"lost_{n}", f"requests lost over {n} connections", "≤", 0) for n in (50, 500)],
    *[(name, "hybrid", "kb_conn", "KB for each idle connection", "≤", limit)
      for name, limit in (("idle", 10), ("idle-tls", 40))],
    ("idle-h2", "hybrid", "held", "idle HTTP/2 connections held", "≥", 10000),
    ("idle-h2", "hybrid", "threads_more", "more threads", "≤", 100),       # handshakes and first requests come at a rate
    ("burst", "hybrid", "seconds", "seconds until the last answer", "≤", 0.8),
    ("burst", "hybrid, event's", "seconds", "seconds until the last answer", "≤", 1.0),
    ("restart", "hybrid", "failed", "requests not answered", "≤", 0),
    ("idle-scale", "hybrid", "flat", "CPU/request with 50,000 idle : with 100", "≤", 1.1),
    ("idle-scale", "hybrid", "kb_conn", "KB for each of 50,000 idle connections", "≤", 12),
    ("idle-scale", "hybrid", "held", "idle connections held", "≥", 50000),
    *[(f"slow-{kind}", "hybrid", metric, what, "≤", limit) for kind in _SLOW
      for metric, what, limit in (("failed", "legitimate requests that failed", 0), ("threads_more", "more threads", 5))],
    *[(f"slow-{kind}", "hybrid", "held", "slow connections held", "≥", settings.SLOW_CLIENTS)
      for kind in _SLOW if kind != "silence"],      # some of those the kernel keeps to itself: TCP_DEFER_ACCEPT
    *[(f"slow-{kind}", "hybrid", "kb_conn", "KB for each slow connection", "≤", 20) for kind in _PLAIN],
]


def _text(value):
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def _reached(value, sign, limit):
    return value <= limit if sign == "≤" else value >= limit


def _slow_latency(name, values):
    """p99 beside the slow clients ≤ 2 × p99 before + 5 ms."""
    for scheme in ("http", "https"):
        free, beside = values[f"free_{scheme}_p99"], values[f"{scheme}_p99"]
        yield f"{name}: {scheme} p99 {beside:.2f} ms ≤ 2 × {free:.2f} + 5 ms", beside <= 2 * free + 5


def _idle_h2(results):
    """An idle HTTP/2 connection costs what an idle TLS connection costs."""
    tls, h2 = (medians(results.get(name, {"values": {}})).get("hybrid", {}).get("kb_conn") for name in ("idle-tls", "idle-h2"))
    if tls and h2:
        yield f"idle-h2: KB for each idle connection {h2:.1f} ≤ {tls:.1f}, as for idle-tls", h2 <= tls


def judge(results, names):
    """[(sentence, whether reached)] for the targets of the named scenarios that were measured."""
    found = []
    for name, one, other, metric, what, sign, limit in _RATIOS:
        value = ratio(results[name], one, other, metric) if name in names and name in results else None
        if value is not None:
            who = "" if one == "hybrid" else f", {one}"
            found.append((f"{name}{who}: {what} {value:.3f} {sign} {limit} × {other}", _reached(value, sign, limit)))
    for name, variant, metric, what, sign, limit in _VALUES:
        value = medians(results[name]).get(variant, {}).get(metric) if name in names and name in results else None
        if value is not None:
            found.append((f"{name}, {variant}: {what} {_text(value)} {sign} {limit:,}", _reached(value, sign, limit)))
    for name in names:
        values = medians(results[name]).get("hybrid", {}) if name.startswith("slow-") and name in results else {}
        if "http_p99" in values and "https_p99" in values:
            found += _slow_latency(name, values)
    found += _idle_h2(results) if "idle-h2" in names else []
    return found
