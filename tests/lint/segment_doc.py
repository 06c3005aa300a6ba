#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tables in docs/segment.md are those that segment.def and segment.h declare.

Between <!-- fields of NAME --> and <!-- end --> stands a table made from the lines of segment.def; between
<!-- events --> and <!-- end --> one made from SEGMENT_EVENTS. With --write they are put there.
"""
import re
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
DOC = REPO / "docs/segment.md"
SEGMENT = REPO / "mod_mpmstats/segment"

STRING = r'"((?:[^"\\]|\\.)*)"'
FIELD = re.compile(r"^SEGMENT_(\w+)\((\w+), (\w+), (\d+), (\w+), (\w+), " + STRING + ", " + STRING + r"\)$", re.M)
EVENT = re.compile(r"EVENT\((\w+), " + STRING + r", (\d+), " + STRING + ", " + STRING + ", " + STRING + r"\)")


def cell(text):
    return text.replace("|", "\\|") or "–"


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(cell(c) for c in row) + " |" for row in rows]
    return "\n".join(lines)


def fields_of(section):
    rows = []
    for name, store, field, size, kind, unit, _, text in FIELD.findall((SEGMENT / "segment.def").read_text()):
        if name.lower() == section:
            stored = store.lower() + (f"[{size}]" if store == "TEXT" else "")
            rows.append((f"`{field}`", stored, kind.lower(), "" if unit == "NONE" else unit.lower(), text))
    if not rows:
        raise SystemExit(f"{DOC}: there is no section {section} in segment.def")
    return table(("field", "stored as", "kind", "unit", "what it says"), rows)


def events():
    header = re.sub(r"\s*\\\n\s*", " ", (SEGMENT / "segment.h").read_text())
    body = header[header.index("#define SEGMENT_EVENTS("):header.index("#define SEGMENT_EVENT_ENUM")]
    return table(("number", "word", "what happened", "a", "b"),
                 [(number, f"`{word}`", text, a, b) for _, word, number, a, b, text in EVENT.findall(body)])


def filled(doc):
    def fill(match):
        made = events() if match[1] == "events" else fields_of(match[1].removeprefix("fields of "))
        return f"<!-- {match[1]} -->\n{made}\n<!-- end -->"
    return re.sub(r"<!-- (events|fields of \w+) -->\n.*?<!-- end -->", fill, doc, flags=re.S)


def main():
    declared = {name.lower() for name, *_ in FIELD.findall((SEGMENT / "segment.def").read_text())}
    doc = DOC.read_text()
    wanted = filled(doc)
    missing = sorted(s for s in declared if f"<!-- fields of {s} -->" not in doc)
    if missing:
        print(f"docs/segment.md has no table for: {', '.join(missing)}")
        return 1
    if "--write" in sys.argv[1:]:
        DOC.write_text(wanted)
    elif doc != wanted:
        print("docs/segment.md is not what segment.def says: run  tests/lint/segment_doc.py --write")
        return 1
    print(f"docs/segment.md has the fields of {len(declared)} sections")
    return 0


sys.exit(main())
