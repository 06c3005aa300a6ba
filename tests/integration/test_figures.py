# SPDX-License-Identifier: Apache-2.0
"""The table of figures: what a line lacks, or says twice, no compiler takes."""
import re
import shutil
import subprocess

import pytest
from httpd import REPO

TABLE = REPO / "mod_mpmstats/figures/figures.def"
USERS = ["mod_mpmstats/figures/metrics.c", "mod_mpmstats/segment/segment.c"]


def line_of(name):
    return re.search(rf"^\w+_FIGURE\({name}, .*$", TABLE.read_text(), re.M)[0]


def compiled(tmp_path, table):
    """What the compiler says of a table in the place of ours; empty: it takes it."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/figures.def").write_text(table)
    flags = subprocess.run(["apr-1-config", "--includes", "--cppflags"], check=True, capture_output=True, text=True).stdout.split()
    return "".join(subprocess.run(["cc", "-std=gnu11", "-fsyntax-only", f"-I{tmp_path}", "-Imod_mpmstats", *flags, user], cwd=REPO,
                                  capture_output=True, text=True).stderr for user in USERS)


@pytest.mark.skipif(shutil.which("apr-1-config") is None, reason="APR's headers are not installed")
@pytest.mark.parametrize("change, complaint", [
    (lambda line: line, ""),
    (lambda line: re.sub(r'"[^"]*"\)$', '"")', line), "crashes needs a label and a help"),
    (lambda line: re.sub(r'"Crashes"', '""', line), "crashes needs a label and a help"),
    (lambda line: line.replace(", NONE,", ", ,"), "METRIC_UNIT_"),
    (lambda line: line.replace(", NONE,", ","), "requires 8 arguments"),
    (lambda line: line.replace("COUNTER", "COUNT"), "METRIC_COUNT"),
    (lambda line: line + "\n" + line, "duplicate member"),
    (lambda line: line + "\n" + line.replace("(crashes,", "(crashes_too,"), "duplicate member"),
    (lambda line: line.replace("(crashes,", "(server_limit,"), "SERVER_HAS_server_limit"),
    (lambda line: line.replace(", _, _,", ", _, no_such_figure,"), "SERVER_HAS_no_such_figure"),
], ids=["as it is", "no help", "no label", "no unit", "a column too few", "no such kind", "twice in a scope", "two in one field",
        "the name of a limit", "no such limit"])
def test_a_line_of_the_table_is_whole_and_stands_alone(tmp_path, change, complaint):
    line = line_of("crashes")
    said = compiled(tmp_path, TABLE.read_text().replace(line, change(line)))
    assert complaint in said and bool(said) == bool(complaint), said
