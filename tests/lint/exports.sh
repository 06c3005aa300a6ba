#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Each module exports its module record and nothing else: any other symbol could
# collide with one of httpd or of another module.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for module in mpm_hybrid mpmstats; do
    file=${BUILD:-build}/mod_$module.so
    exported=$(nm -D --defined-only "$file" | awk '{print $3}' | tr '\n' ' ')
    if [ "$exported" != "${module}_module " ]; then
        echo "$file exports: $exported"
        bad=1
    fi
done
exit $bad
