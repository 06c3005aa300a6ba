#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Packs the sources as BUILD/mpm_hybrid-VERSION.tar.gz and prints its name.
#
# Packs the files tracked by git, as in the work tree; without git (an unpacked release) all files except builds. The
# archive is reproducible: order, owner, modes and times do not depend on the machine. The time is SOURCE_DATE_EPOCH,
# the last commit's or, without git, that of VERSION, which unpacking sets from the archive.
set -eu
cd "$(dirname "$0")/.."

build=${BUILD:-build}
name=mpm_hybrid-$(cat VERSION)
archive=$build/$name.tar.gz

# A release unpacked inside another project's work tree is not in git.
in_git() {
    [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ]
}

files() {
    if in_git; then
        git ls-files -z
    else
        find . -path './build*' -prune -o -name __pycache__ -prune -o -type f ! -name '*.pyc' -printf '%P\0'
    fi
}

if in_git; then
    when=$(git log -1 --format=%ct)
    if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
        echo "dist: the work tree has changes that are not committed; they are packed" >&2
    fi
else
    when=$(stat -c %Y VERSION)
fi

mkdir -p "$build"
files | LC_ALL=C sort -z >"$archive.files"
tar --create --file="$archive.tar" --format=ustar --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX \
    --mtime="@${SOURCE_DATE_EPOCH:-$when}" --transform="s,^,$name/," --no-recursion --null --files-from="$archive.files"
gzip -9n <"$archive.tar" >"$archive.new"
rm -f "$archive.files" "$archive.tar"
mv -f "$archive.new" "$archive"
echo "$archive"
