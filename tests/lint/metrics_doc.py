#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/metrics.md and docs/status.schema.json say what mod_mpmstats/figures/metrics.def declares.

Between <!-- SCOPE --> and <!-- end --> of metrics.md stands a table made from the lines of metrics.def. In the schema each
figure is a property with its description and type. With --write both are brought up to date.
"""
import json
import re
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
DOC = REPO / "docs/metrics.md"
SCHEMA = REPO / "docs/status.schema.json"
DEF = (REPO / "mod_mpmstats/figures/metrics.def").read_text()

STRING = r'"((?:[^"\\]|\\.)*)"'
METRIC = re.compile(r"^(\w+)_METRIC\((\w+), (\w+), (\w+), " + STRING + ", " + STRING + r"\)$", re.M)
SPREAD = re.compile(r"^SPREAD\((\w+), (\w+), " + STRING + ", " + STRING + r"\)$", re.M)

# Where a scope's figures are in the JSON, and what their OpenMetrics names begin with (None: they have none).
SCOPES = {
    "SERVER": ("server.", "server_"), "LIMITS": ("limits.", "limit_"), "TOTALS": ("totals.", ""),
    "CONNECTIONS": ("totals.connections_by_state.", ""), "PROCESS": ("processes[].", "process_"),
    "PROCESS_WORKERS": ("processes[].workers.", "process_workers_"), "WORKER": ("workers[].", None),
    "VHOST": ("vhosts[].", "vhost_"), "HANDLER": ("handlers[].", "handler_"), "LISTENER": ("listeners[].", "listener_"),
    "EVENT": ("events[].", None), "LATENCY": ("latency.*.", None),
}
# As in render/om_metric.c: counters whose names begin so are one family with a label.
GROUPS = {"closed_": ("connections_closed", "reason"), "tls_": ("tls_handshakes", "kind"), "responses_": ("responses", "class"),
          "method_": ("requests_by_method", "method"), "restarts_": ("restarts", "kind"), "cpu_": ("cpu_seconds", "mode")}
LABELS = {"PROCESS": "slot", "PROCESS_WORKERS": "slot", "VHOST": "vhost", "HANDLER": "handler", "LISTENER": "address"}
UNITS = {"BYTES": ("_bytes", "bytes"), "SECONDS": ("_s", "seconds"), "MICROSECONDS": ("_us", "seconds")}
UNIT_WORDS = {"NONE": "", "BYTES": "bytes", "SECONDS": "seconds", "MICROSECONDS": "microseconds"}


def metrics():
    """{scope: [(name, kind, unit, label, help)]} in the order of the table."""
    found = {}
    for scope, *rest in METRIC.findall(DEF):
        found.setdefault(scope, []).append(tuple(rest))
    return found


def openmetrics(scope, name, kind, unit):
    """The name of the samples, labels included; "" where there are none."""
    prefix = SCOPES[scope][1]
    if prefix is None or kind in ("TEXT", "LETTER") or (scope, name) == ("PROCESS", "slot"):
        return ""
    ending, base = UNITS.get(unit, ("", ""))
    labels = [LABELS[scope]] if scope in LABELS else []
    if scope == "CONNECTIONS":
        return f'httpd_connections_by_state{{state="{name}"}}'
    group = next((g for g in GROUPS if kind == "COUNTER" and name.startswith(g)), None)
    if group:
        family, label = GROUPS[group]
        labels.append(f'{label}="{name.removesuffix(ending)[len(group):]}"')
    else:
        family = name.removesuffix(ending) if ending and name != base else name
        family += ("_timestamp" if kind == "TIME" else "") + ("_" + base if base and name != base else "")
    text = "httpd_" + prefix + family + ("_total" if kind == "COUNTER" else "")
    return text + ("{" + ",".join(labels) + "}" if labels else "")


def cell(text):
    return text.replace("|", "\\|") or "–"


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return "\n".join(lines + ["| " + " | ".join(cell(c) for c in row) + " |" for row in rows])


def code(text):
    return f"`{text}`" if text else ""


def table_of(scope):
    rows = [(code(SCOPES[scope][0] + name), code(openmetrics(scope, name, kind, unit)), kind.lower(), UNIT_WORDS[unit], text)
            for name, kind, unit, _, text in metrics()[scope]]
    return table(("in the JSON", "for Prometheus", "kind", "unit", "what it says"), rows)


def spreads():
    rows = [(code(f"latency.{name}"), "yes" if where == "VHOST" else "", text) for name, where, _, text in SPREAD.findall(DEF)]
    return table(("in the JSON", "for each virtual host", "what is timed"), rows)


def filled(doc):
    def fill(match):
        return f"<!-- {match[1]} -->\n{spreads() if match[1] == 'SPREADS' else table_of(match[1])}\n<!-- end -->"
    return re.sub(r"<!-- ([A-Z_]+) -->\n.*?<!-- end -->", fill, doc, flags=re.S)


# ---- the schema ----

def description(kind, unit, text):
    if kind == "TIME":
        return text + " (microseconds since the epoch)"
    return text + (f" ({UNIT_WORDS[unit]})" if unit != "NONE" else "")


def type_of(kind):
    if kind in ("TEXT", "LETTER"):
        return {"type": "string"}
    if kind == "FLAG":
        return {"type": "boolean"}
    return {"type": "number" if kind == "REAL" else "integer", "minimum": 0}


def places(schema):
    """The objects of the schema that hold a scope's figures."""
    top = schema["properties"]
    process = top["processes"]["items"]
    return {
        "SERVER": [top["server"]], "LIMITS": [top["limits"]], "TOTALS": [top["totals"]],
        "CONNECTIONS": [schema["$defs"]["connections_by_state"]], "PROCESS": [process, top["finishing"]["items"]],
        "PROCESS_WORKERS": [process["properties"]["workers"]], "WORKER": [top["workers"]["items"]],
        "VHOST": [top["vhosts"]["items"]], "HANDLER": [top["handlers"]["items"]], "LISTENER": [top["listeners"]["items"]],
        "EVENT": [top["events"]["items"]], "LATENCY": [schema["$defs"]["latency"]],
    }


def completed(schema):
    for scope, objects in places(schema).items():
        for number, place in enumerate(objects):
            known = place["properties"]
            declared = {}
            for name, kind, unit, _, text in metrics()[scope]:
                if (scope, name, number) == ("PROCESS", "slot", 1):
                    continue
                declared[name] = {**(known.get(name) or type_of(kind)), "description": description(kind, unit, text)}
            rest = {name: value for name, value in known.items() if name in ("connections_by_state", "workers", "scoreboard", "latency", "buckets")
                    and name not in declared}
            place["properties"] = {**declared, **rest}
    names = {name: {"$ref": "#/$defs/spread", "description": text} for name, _, _, text in SPREAD.findall(DEF)}
    phases = {name: {"$ref": "#/$defs/latency", "description": text} for name, where, _, text in SPREAD.findall(DEF) if where == "VHOST"}
    schema["properties"]["latency"]["properties"] = names
    schema["properties"]["vhosts"]["items"]["properties"]["latency"]["properties"] = phases
    schema["$defs"]["spread"]["properties"] = {**schema["$defs"]["latency"]["properties"], "buckets": schema["$defs"]["spread"]["properties"]["buckets"]}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main():
    doc, schema = DOC.read_text(), SCHEMA.read_text()
    missing = sorted(s for s in [*metrics(), "SPREADS"] if f"<!-- {s} -->" not in doc)
    if missing:
        print(f"docs/metrics.md has no table for: {', '.join(missing)}")
        return 1
    wanted = {DOC: filled(doc), SCHEMA: completed(json.loads(schema))}
    if "--write" in sys.argv[1:]:
        for path, text in wanted.items():
            path.write_text(text)
    stale = [str(path.relative_to(REPO)) for path, text in wanted.items() if path.read_text() != text]
    if stale:
        print(f"{' and '.join(stale)}: not what metrics.def says; run  tests/lint/metrics_doc.py --write")
        return 1
    print(f"{sum(map(len, metrics().values()))} figures in docs/metrics.md and docs/status.schema.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
