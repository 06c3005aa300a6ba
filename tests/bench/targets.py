# SPDX-License-Identifier: Apache-2.0
"""What the project set out to reach, and whether a set of results does. Reported, never a test that fails."""
import models
import settings
from scenario import medians, ratio

_SLOW = ("silence", "head", "hello", "tls-head", "body", "tls-body", "read", "tls-read")
_PLAIN = ("silence", "head", "body", "read")

# scenario, one variant, the other, metric, what it is called, sign, limit
_RATIOS = [
    *[(f"keepalive-{n}", "hybrid", other, metric, what, sign, limit) for n in (16, 64, 512)
      for other, metric, what, sign, limit in (
          ("event", "cpu_us", "CPU/request", "≤", 0.72), ("worker", "cpu_us", "CPU/request", "≤", 0.85),
          ("prefork", "cpu_us", "CPU/request", "≤", 1), ("event", "rps", "requests/s", "≥", 1.35),
          ("event", "p99_ms", "p99", "≤", 0.6))],
    *[(name, f"{model} model", model, "cpu_us", "CPU/request", "≤", 1)
      for name in (s.name for s in models.SCENARIOS) for model in ("worker", "prefork")],
    ("mixed", "hybrid", "event", "p99_ms", "p99 of the quick requests", "≤", 1),
    ("scaling", "hybrid, 2 cores", "hybrid, 1 core", "rps", "requests/s", "≥", 1.8),
    ("burst", "hybrid", "event", "seconds", "time", "≤", 0.35),
    ("handshakes", "hybrid", "event", "conn_s", "handshakes/s", "≥", 1),
    ("async-head", "head on", "head off", "cpu_us", "CPU/request", "≤", 1.02),
    *[(name, f"{mpm} as loaded", f"{mpm} {other}", "cpu_us", "CPU/request", "≤", limit)
      for name, mpm in (("stats", "hybrid"), ("stats-event", "event")) for other, limit in (("without", 1.01), ("mod_status", 1))],
]
# scenario, variant, metric, what it is called, sign, limit
_VALUES = [
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


def judge(results, names):
    """[(sentence, whether reached)] for the targets of the named scenarios that were measured."""
    found = []
    for name, one, other, metric, what, sign, limit in _RATIOS:
        value = ratio(results[name], one, other, metric) if name in names and name in results else None
        if value is not None:
            found.append((f"{name}: {what} {value:.3f} {sign} {limit} × {other}", _reached(value, sign, limit)))
    for name, variant, metric, what, sign, limit in _VALUES:
        value = medians(results[name]).get(variant, {}).get(metric) if name in names and name in results else None
        if value is not None:
            found.append((f"{name}, {variant}: {what} {_text(value)} {sign} {limit:,}", _reached(value, sign, limit)))
    for name in names:
        values = medians(results[name]).get("hybrid", {}) if name.startswith("slow-") and name in results else {}
        if "http_p99" in values and "https_p99" in values:
            found += _slow_latency(name, values)
    return found
