#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/metrics.md, docs/segment.md and docs/status.schema.json say what mod_mpmstats/figures/figures.def declares.

Between <!-- SCOPE --> and <!-- end --> of metrics.md, and <!-- fields of SECTION --> and <!-- end --> of segment.md, stand tables
made from its lines; between <!-- events --> and <!-- end --> one made from SEGMENT_EVENTS. In the schema each figure is a
property with its description and type. With --write all are brought up to date.
"""
import json
import re
import sys
from collections import namedtuple
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
METRICS = REPO / "docs/metrics.md"
SEGMENT = REPO / "docs/segment.md"
SCHEMA = REPO / "docs/status.schema.json"
DEF = REPO / "mod_mpmstats/figures/figures.def"
EVENTS = REPO / "mod_mpmstats/segment/segment.h"

STRING = r'"((?:[^"\\]|\\.)*)"'
EVENT = re.compile(r"EVENT\((\w+), " + STRING + r", (\d+), " + STRING + ", " + STRING + ", " + STRING + r"\)")
LINE = re.compile(r"^ *([A-Z_]+)\((.*)\) *\\?$")
ARGUMENT = re.compile(r" *(?:" + STRING + r"|((?:[^,()\"]|\([^()]*\))+))")
UNITS = {"BYTES": ("_bytes", "bytes"), "SECONDS": ("_s", "seconds"), "MICROSECONDS": ("_us", "seconds")}
UNIT_WORDS = {"NONE": "", "BYTES": "bytes", "SECONDS": "seconds", "MICROSECONDS": "microseconds"}
SECTIONS = {"SERVER": "SERVER", "LIMITS": "SERVER", "TOTALS": "SERVER", "CONNECTIONS": "PROCESS", "PROCESS_WORKERS": "PROCESS"}

Figure = namedtuple("Figure", "name kept kind unit shorter limit label help")
Scope = namedtuple("Scope", "name path prefix label")
Spread = namedtuple("Spread", "name kept section label help")
Family = namedtuple("Family", "prefix family label help")


class Table:
    def __init__(self, text):
        self.scopes, self.families, self.figures, self.kept, self.spreads, self.derived = {}, [], {}, {}, [], []
        for line in text[text.index("\nSCOPE("):].splitlines():
            match = LINE.match(line)
            if match and not line.startswith("#"):
                self.take(match[1], [a or b.strip() for a, b in ARGUMENT.findall(match[2])])

    def take(self, macro, rest):
        if macro == "SCOPE":
            self.scopes[rest[0]] = Scope(*(None if r == "NULL" else r for r in (rest[1], rest[2], rest[3], rest[4])))
        elif macro == "FAMILY":
            self.families.append(Family(*rest))
        elif macro == "SPREAD":
            self.spreads.append(Spread(*rest))
            self.keep(rest[2], rest[1], "SPREAD", "MICROSECONDS", rest[4])
        elif macro.endswith("_KEPT"):
            self.keep(macro.removesuffix("_KEPT"), *rest)
        elif macro == "SERVED_FIGURE":
            self.figure("TOTALS", Figure(*rest)._replace(kept="MADE"))
            self.figure("VHOST", Figure(*rest))
        elif macro in ("ALIAS_FIGURE", "DERIVED_FIGURE"):
            self.derived.append(Figure(rest[0] if macro == "ALIAS_FIGURE" else rest[1], "MADE", *rest[2:]))
        elif macro == "FIGURE":
            self.figure("LATENCY", Figure(*rest[1:]))
        elif macro.endswith("_FIGURE"):
            self.figure(macro.removesuffix("_FIGURE"), Figure(*rest))

    def figure(self, scope, figure):
        self.figures.setdefault(scope, []).append(figure)
        if figure.kept != "MADE":
            self.keep(SECTIONS.get(scope, scope), figure.kept, figure.kind, figure.unit, figure.help)

    def keep(self, section, kept, kind, unit, text):
        self.kept.setdefault(section, []).append((kept, kind, unit, text))


FIGURES = Table(DEF.read_text())


def complaints():
    """What no compiler sees."""
    server = [f for scope in ("SERVER", "LIMITS", "TOTALS") for f in FIGURES.figures[scope]] + FIGURES.derived
    typed = [f.name for f in server] + [f.shorter for f in server if f.shorter != "_"]
    hosts = [f.name for f in FIGURES.figures["VHOST"]]
    found = [f"{name} is two keys of mpmstats get" for name in sorted(set(typed)) if typed.count(name) > 1]
    for scope, figures in FIGURES.figures.items():
        names = hosts if scope == "VHOST" else typed
        found += [f"{scope}: the limit of {f.name}, {f.limit}, is no figure" for f in figures if f.limit != "_" and f.limit not in names]
    return found


# ---- tables ----

def cell(text):
    return text.replace("|", "\\|") or "–"


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return "\n".join(lines + ["| " + " | ".join(cell(c) for c in row) + " |" for row in rows])


def code(text):
    return f"`{text}`" if text else ""


def openmetrics(scope, figure):
    """The name of the samples, labels included; "" where there are none."""
    about = FIGURES.scopes[scope]
    is_key = about.label is not None and scope != "PROCESS_WORKERS" and figure is FIGURES.figures[scope][0]
    if about.prefix is None or figure.kind in ("TEXT", "LETTER") or is_key:
        return ""
    ending, base = UNITS.get(figure.unit, ("", ""))
    labels = [about.label] if about.label is not None else []
    if scope == "CONNECTIONS":
        return f'httpd_connections_by_state{{state="{figure.name}"}}'
    family = next((f for f in FIGURES.families if figure.kind == "COUNTER" and figure.name.startswith(f.prefix)), None)
    if family:
        name = family.family
        labels.append(f'{family.label}="{figure.name.removesuffix(ending)[len(family.prefix):]}"')
    else:
        name = figure.name.removesuffix(ending) if ending and figure.name != base else figure.name
        name += ("_timestamp" if figure.kind == "TIME" else "") + ("_" + base if base and figure.name != base else "")
    text = "httpd_" + about.prefix + name + ("_total" if figure.kind == "COUNTER" else "")
    return text + ("{" + ",".join(labels) + "}" if labels else "")


def table_of(scope):
    rows = [(code(FIGURES.scopes[scope].path + f.name), code(openmetrics(scope, f)), f.kind.lower(), UNIT_WORDS[f.unit], f.help)
            for f in FIGURES.figures[scope]]
    return table(("in the JSON", "for Prometheus", "kind", "unit", "what it says"), rows)


def spreads():
    rows = [(code(f"latency.{s.name}"), "yes" if s.section == "VHOST" else "", s.help) for s in FIGURES.spreads]
    return table(("in the JSON", "for each virtual host", "what is timed"), rows)


def derived():
    rows = [(code(f.name), f.kind.lower(), UNIT_WORDS[f.unit], f.help) for f in FIGURES.derived]
    return table(("key", "kind", "unit", "what it says"), rows)


def fields_of(section):
    rows = []
    for kept, kind, unit, text in FIGURES.kept[section]:
        store, field, size = re.fullmatch(r"(\w+)\((\w+)(?:, (\d+))?\)", kept).groups()
        stored = {"HOT": "number", "TOLD": "number"}.get(store, store.lower()) + (f"[{size}]" if size else "")
        rows.append((code(field), stored, kind.lower(), "" if unit == "NONE" else unit.lower(), text))
    return table(("field", "stored as", "kind", "unit", "what it says"), rows)


def events():
    header = EVENTS.read_text()
    body = header[header.index("#define SEGMENT_EVENTS("):header.index("#define SEGMENT_EVENT_ENUM")]
    return table(("number", "word", "what happened", "a", "b"),
                 [(number, f"`{word}`", text, a, b) for _, word, number, a, b, text in EVENT.findall(re.sub(r"\s*\\\n\s*", " ", body))])


def filled(path, tables):
    """The document with its tables as declared; what it has no place for is a complaint."""
    doc = path.read_text()
    missing = sorted(name for name in tables if f"<!-- {name} -->" not in doc)
    if missing:
        raise SystemExit(f"{path.relative_to(REPO)} has no table for: {', '.join(missing)}")
    return re.sub(r"<!-- ([\w ]+) -->\n.*?<!-- end -->", lambda m: f"<!-- {m[1]} -->\n{tables[m[1]]()}\n<!-- end -->", doc, flags=re.S)


def metrics_tables():
    return {**{scope: lambda scope=scope: table_of(scope) for scope in FIGURES.figures}, "SPREADS": spreads, "DERIVED": derived}


def segment_tables():
    return {**{f"fields of {s.lower()}": lambda s=s: fields_of(s) for s in FIGURES.kept}, "events": events}


# ---- the schema ----

def description(figure):
    if figure.kind == "TIME":
        return figure.help + " (microseconds since the epoch)"
    return figure.help + (f" ({UNIT_WORDS[figure.unit]})" if figure.unit != "NONE" else "")


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
            declared = {f.name: {**(known.get(f.name) or type_of(f.kind)), "description": description(f)}
                        for f in FIGURES.figures[scope] if (scope, f.name, number) != ("PROCESS", "slot", 1)}
            rest = {name: value for name, value in known.items() if name in ("connections_by_state", "workers", "scoreboard", "latency", "buckets")
                    and name not in declared}
            place["properties"] = {**declared, **rest}
    names = {s.name: {"$ref": "#/$defs/spread", "description": s.help} for s in FIGURES.spreads}
    phases = {s.name: {"$ref": "#/$defs/latency", "description": s.help} for s in FIGURES.spreads if s.section == "VHOST"}
    schema["properties"]["latency"]["properties"] = names
    schema["properties"]["vhosts"]["items"]["properties"]["latency"]["properties"] = phases
    schema["$defs"]["spread"]["properties"] = {**schema["$defs"]["latency"]["properties"], "buckets": schema["$defs"]["spread"]["properties"]["buckets"]}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main():
    wrong = complaints()
    if wrong:
        print("\n".join(wrong))
        return 1
    wanted = {METRICS: filled(METRICS, metrics_tables()), SEGMENT: filled(SEGMENT, segment_tables()),
              SCHEMA: completed(json.loads(SCHEMA.read_text()))}
    if "--write" in sys.argv[1:]:
        for path, text in wanted.items():
            path.write_text(text)
    stale = [str(path.relative_to(REPO)) for path, text in wanted.items() if path.read_text() != text]
    if stale:
        print(f"{' and '.join(stale)}: not what figures.def says; run  make -f Makefile.apxs docs")
        return 1
    print(f"{sum(map(len, FIGURES.figures.values()))} figures, {sum(map(len, FIGURES.kept.values()))} fields of the segment in docs/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
