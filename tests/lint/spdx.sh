#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every source file says its licence in one of its first two lines.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for file in $(find mod_mpmstats tools tests conf .ci -name corpus -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.def' -o -name '*.py' -o -name '*.sh' -o -path .ci/run \) -print) Makefile.apxs; do
    if ! head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0'; then
        echo "$file: no SPDX line"
        bad=1
    fi
done
exit $bad
