#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the documentation points at is there: each relative link of a Markdown file names a file, and a heading in it."""
import re
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def documents():
    """Every Markdown file but those of build directories."""
    for path in sorted(REPO.rglob("*.md")):
        if not path.relative_to(REPO).parts[0].startswith("build"):
            yield path


def anchors(path):
    """The names GitHub gives to the headings of a file."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    for heading in re.findall(r"^#+\s+(.*)$", text, re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        yield re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")


def fault(document, link):
    """What is wrong with a link; nothing if it is good or leads out of the tree."""
    if re.match(r"[a-z]+:", link):
        return None
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    if not target.exists():
        return "no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return "no such heading"
    return None


def main():
    links = 0
    complaints = []
    for document in documents():
        for link in LINK.findall(re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)):
            links += 1
            if wrong := fault(document, link):
                complaints.append(f"{document.relative_to(REPO)}: {link}: {wrong}")
    print("\n".join(complaints) or f"{links} links, each to something that is there")
    return 1 if complaints or not links else 0


sys.exit(main())
