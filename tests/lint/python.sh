#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The Python files: no name that is unused, undefined or hidden by another (pyflakes), and one layout (pycodestyle).
# Where ruff is installed, `ruff check` reads ruff.toml and says the same; Debian 12 does not have it.
# Continuation lines may stand where they read best (E12x), a line break before or after an operator (W50x).
set -u
cd "$(dirname "$0")/../.." || exit 1
export PYTHONDONTWRITEBYTECODE=1
files=$(find tests tools -name '*.py' | sort)
bad=0
# shellcheck disable=SC2086 # a list of names without blanks
pyflakes3 $files || bad=1
# shellcheck disable=SC2086
pycodestyle --max-line-length=160 --ignore=E12,W50 $files || bad=1
exit $bad
