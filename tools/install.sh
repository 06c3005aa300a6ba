#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs and removes the modules, the files for a2enmod, mpmstats, its manual page
# and its bash completion.
#
#   tools/install.sh install|uninstall
#
# Environment, as set by `make -f Makefile.apxs`: BUILD (directory of the artefacts),
# DESTDIR (root directory; empty: this machine), LIBEXECDIR and SYSCONFDIR (httpd's,
# default from APXS), PREFIX (of mpmstats).
#
# No service is started, stopped or restarted. A configuration file edited after
# installation is never overwritten or removed.
set -eu
cd "$(dirname "$0")/.."

build=${BUILD:-build}
root=${DESTDIR:-}
apxs=${APXS:-apxs}
prefix=${PREFIX:-/usr}
libexecdir=${LIBEXECDIR:-$("$apxs" -q LIBEXECDIR)}
sysconfdir=${SYSCONFDIR:-$("$apxs" -q SYSCONFDIR)}
available=$sysconfdir/mods-available
enabled=$sysconfdir/mods-enabled
sbindir=$prefix/sbin
mandir=$prefix/share/man/man1
completions=$prefix/share/bash-completion/completions
modules="mpm_hybrid mpmstats"
# Names for a2enmod: the modules, and mod_php on the prefork model.
confs="$modules php_hybrid"

say() { echo "  $*"; }

# The a2enmod files contain Debian's module directory; adapt it for other builds of httpd.
conf_for_here() {
    sed "s|/usr/lib/apache2/modules/|$libexecdir/|" "conf/$1"
}

# copy MODE FILE TARGET
copy() {
    install -D -m "$1" "$2" "$root$3"
    say "INSTALL $root$3"
}

drop() {
    if [ -e "$root$1" ] || [ -L "$root$1" ]; then
        rm -f "$root$1"
        say "REMOVE  $root$1"
    fi
}

# Keeps an edited file and installs the new one beside it.
install_conf() {
    fresh=$(mktemp)
    conf_for_here "$1" >"$fresh"
    if [ -e "$root$available/$1" ] && ! cmp -s "$fresh" "$root$available/$1"; then
        copy 644 "$fresh" "$available/$1.new"
        say "        $root$available/$1 differs and is left as it is"
    else
        copy 644 "$fresh" "$available/$1"
    fi
    rm -f "$fresh"
}

remove_conf() {
    drop "$available/$1.new"
    if [ -e "$root$available/$1" ] && ! conf_for_here "$1" | cmp -s - "$root$available/$1"; then
        say "KEEP    $root$available/$1 (it was edited)"
        return
    fi
    drop "$available/$1"
}

do_install() {
    for module in $modules; do
        if [ ! -f "$build/mod_$module.so" ]; then
            echo "$build/mod_$module.so does not exist: run  make -f Makefile.apxs  first" >&2
            exit 1
        fi
    done
    for module in $modules; do
        copy 644 "$build/mod_$module.so" "$libexecdir/mod_$module.so"
    done
    for module in $confs; do
        install_conf "$module.load"
        install_conf "$module.conf"
    done
    copy 755 "$build/mpmstats" "$sbindir/mpmstats"
    copy 644 "$build/mpmstats.1" "$mandir/mpmstats.1"
    copy 644 tools/mpmstats/mpmstats.bash "$completions/mpmstats"

    if [ -z "$root" ] && command -v a2enmod >/dev/null; then
        say_next
    fi
}

is_enabled() {
    [ -L "$root$enabled/$1.load" ]
}

# The name of the enabled mod_php; nothing when disabled.
enabled_php() {
    for link in "$root$enabled"/php[0-9]*.load; do
        if [ -L "$link" ]; then
            basename "$link" .load
        fi
    done
}

# Always a stop and a start: httpd does not change its MPM at a restart.
say_next() {
    php=$(enabled_php | tr '\n' ' ')
    if is_enabled mpm_hybrid; then
        echo "mpm_hybrid is enabled already; the new one runs after  service apache2 restart"
    elif [ -n "$php" ] && is_enabled mpm_prefork; then
        echo "To run the server on it:  a2dismod ${php}mpm_prefork && a2enmod php_hybrid && service apache2 restart"
    else
        for mpm in mpm_event mpm_worker mpm_prefork; do
            if is_enabled "$mpm"; then
                echo "To run the server on it:  a2dismod $mpm && a2enmod mpm_hybrid && service apache2 restart"
            fi
        done
    fi
}

# A server without an MPM does not start, so event replaces hybrid. No dangling link
# may remain in mods-enabled.
disable() {
    if [ -z "$root" ] && command -v a2dismod >/dev/null; then
        if is_enabled php_hybrid; then
            a2dismod -q -f -p php_hybrid
        fi
        if is_enabled mpm_hybrid; then
            a2dismod -q -f -p mpm_hybrid
            a2enmod -q mpm_event
            echo "mpm_hybrid was enabled; mpm_event is now. The running server stays on hybrid until  service apache2 restart"
        fi
        if is_enabled mpmstats; then
            a2dismod -q -f -p mpmstats
        fi
        return
    fi
    if is_enabled mpm_hybrid; then
        echo "mpm_hybrid was enabled below $root: enable another MPM there"
    fi
    for module in $confs; do
        drop "$enabled/$module.load"
        drop "$enabled/$module.conf"
    done
}

do_uninstall() {
    disable
    for module in $modules; do
        drop "$libexecdir/mod_$module.so"
    done
    for module in $confs; do
        remove_conf "$module.load"
        remove_conf "$module.conf"
    done
    drop "$sbindir/mpmstats"
    drop "$mandir/mpmstats.1"
    drop "$completions/mpmstats"
}

case ${1:-} in
    install) do_install ;;
    uninstall) do_uninstall ;;
    *) echo "usage: tools/install.sh install|uninstall" >&2; exit 2 ;;
esac
