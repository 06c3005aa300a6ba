#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every script by shellcheck; what one of them has to do against its advice says why beside the "disable".
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck disable=SC2046 # a list of names without blanks
exec shellcheck .ci/run tests/lint/format $(find tests tools -name '*.sh' | sort)
