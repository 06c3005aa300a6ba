# SPDX-License-Identifier: Apache-2.0
"""The grammar of the metrics, OpenMetrics and Prometheus's text format, as far as mod_mpmstats uses them."""
import re

SAMPLE = re.compile(r'([a-z0-9_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\+Inf|[0-9.]+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"')


def labels_of(text):
    """{name: value} of what stands in braces."""
    return dict(LABEL.findall(text or ""))


def check_histogram(name, samples):
    """Buckets grow from bound to bound up to +Inf, which is the count; a sum and a count for each."""
    groups = {}
    for (sample, labels), value in samples.items():
        known = labels_of(labels)
        bound = known.pop("le", None)
        group = groups.setdefault(tuple(known.items()), {"buckets": []})
        if sample.endswith("_bucket"):
            group["buckets"].append((float(bound), value))
        else:
            group[sample.removeprefix(name)] = value
    for labels, group in groups.items():
        bounds, counts = zip(*group["buckets"])
        assert list(bounds) == sorted(set(bounds)) and bounds[-1] == float("inf"), (name, labels)
        assert list(counts) == sorted(counts) and counts[-1] == group["_count"], (name, labels)
        assert group["_sum"] >= 0


def families(text, openmetrics):
    """{family: (type, unit, help, {sample with labels: value})}, and everything in its place."""
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""] and "" not in lines[:-1]
    found, current = {}, None
    for line in lines[:-2]:
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            if what == "HELP":
                assert name not in found, "a family is in one piece"
                assert rest and not re.search(r'["\\]', rest)
                current = found[name] = {"help": rest, "samples": {}}
            assert name == list(found)[-1] and not current["samples"]
            current[what.lower()] = rest
            continue
        sample, labels, value = SAMPLE.fullmatch(line).groups()
        name, kind = list(found)[-1], current["type"]
        if kind == "histogram":
            assert sample.removeprefix(name) in ("_bucket", "_sum", "_count"), line
        else:
            suffix = {"counter": "_total", "info": "_info"}.get(kind, "") if openmetrics else ""
            assert sample == name + suffix, line
        assert (sample, labels) not in current["samples"], "each sample once"
        current["samples"][sample, labels] = float(value)
    for name, family in found.items():
        assert family["samples"] and re.fullmatch(r"httpd_[a-z][a-z0-9_]*", name)
        assert family["type"] in ("gauge", "counter", "histogram", *(["info"] if openmetrics else []))
        assert openmetrics or (family["type"] == "counter") == name.endswith("_total")
        assert "unit" not in family or name.removesuffix("_total").endswith("_" + family["unit"])
        assert not re.search(r"_(us|ms|s|kb)(_|$)", name), "native units"
        if family["type"] == "histogram":
            check_histogram(name, family["samples"])
    return found
