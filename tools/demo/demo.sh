#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs a private apache2 on mpm_hybrid with the status page, TLS and HTTP/2.
#
#   tools/demo/demo.sh       called by `make -f Makefile.apxs demo`
#
# Environment: BUILD (directory of the modules), APXS, DEMO_SECONDS (duration;
# default: until Ctrl-C), DEMO_PORT (first port to try, 8080), DEMO_MPM (event or
# worker: the same demo on another MPM; mod_mpmstats works there too).
#
# It listens on 127.0.0.1 only, writes below BUILD/demo only, and runs without root.
# The server is a child of this script in its own session: Ctrl-C reaches only the
# script, which stops the server and waits for all its processes. The script also
# stops when its parent exits or its terminal closes; if the script is killed, the
# kernel sends SIGTERM to the server.
# shellcheck disable=SC2317 # functions called by trap
set -u
cd "$(dirname "$0")/../.." || exit 1

. tools/demo/config.sh
. tools/demo/traffic.sh

BUILD=$(mkdir -p "${BUILD:-build}" && cd "${BUILD:-build}" && pwd) || exit 1
APXS=${APXS:-apxs}
MPM=${DEMO_MPM:-hybrid}
ROOT=        # ServerRoot, from choose_root
CLI=$BUILD/mpmstats
FIRST_PORT=${DEMO_PORT:-8080}
LIBEXECDIR=$("$APXS" -q LIBEXECDIR) || exit 1
HTTPD=$("$APXS" -q SBINDIR)/$("$APXS" -q progname)

server=      # process id of the apache2 parent, empty when there is none
docroot=     # DocumentRoot; removed at the end when not below ROOT
nap=         # process id of the current sleep
stopping=no

say() { echo "demo: $*"; }
die() { echo "demo: $*" >&2; exit 1; }

# ---- stopping ----------------------------------------------------------------

# All processes of the server are in its session.
left_over() {
    pgrep -s "$server" >/dev/null
}

# wait_gone TENTHS
wait_gone() {
    local i
    for ((i = 0; i < $1; i++)); do
        left_over || return 0
        sleep 0.1
    done
    return 1
}

stop_server() {
    [[ $server ]] || return 0
    kill -TERM "$server" 2>/dev/null
    if ! wait_gone 100; then
        say "the server did not stop on SIGTERM; killing it"
        pkill -KILL -s "$server"
        wait_gone 20
    fi
    wait "$server" 2>/dev/null
    server=
}

finish() {
    local code=$?
    trap '' INT TERM HUP
    trap - EXIT
    [[ $nap ]] && kill "$nap" 2>/dev/null && wait "$nap" 2>/dev/null
    traffic_stop
    stop_server
    [[ $docroot && $docroot != "$ROOT"/* ]] && rm -rf "$docroot"
    [[ $stopping == yes ]] && say "stopped, nothing left running"
    exit "$code"
}
trap finish EXIT
trap 'stopping=yes; exit 0' INT TERM HUP

# ---- starting ----------------------------------------------------------------

# True when a port of 127.0.0.1 accepts connections. The server's bind() is decisive.
taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# next_port FIRST: the first port from FIRST on that is not taken.
next_port() {
    local port=$1
    while taken "$port"; do
        port=$((port + 1))
        ((port < 65536)) || die "no free port from $1 on"
    done
    echo "$port"
}

# ROOT is BUILD/demo, or BUILD/demo-N while other demos run.
choose_root() {
    local n=
    ROOT=$BUILD/demo
    while :; do
        exec 9>"$ROOT.lock" || exit 1
        flock -n 9 && break
        n=$((${n:-1} + 1))
        ROOT=$BUILD/demo-$n
    done
    rm -rf "$ROOT"
    mkdir -p "$ROOT"/{logs,run,tls} || exit 1
}

# The children of root run as www-data, who may lack access to this directory.
choose_docroot() {
    docroot=$ROOT/htdocs
    mkdir -p "$docroot"
    if ((EUID == 0)) && ! setpriv --reuid "$(config_user)" --clear-groups test -x "$docroot"; then
        docroot=$(mktemp -d /tmp/mpm_hybrid-demo.XXXXXX) || exit 1
        chmod 755 "$docroot"
    fi
}

start_server() {
    local death=()
    setpriv --pdeathsig TERM true 2>/dev/null && death=(setpriv --pdeathsig TERM)
    : >"$ROOT/logs/error.log"
    setsid "${death[@]}" "$HTTPD" -d "$ROOT" -f "$ROOT/httpd.conf" -DFOREGROUND >"$ROOT/logs/console.log" 2>&1 9>&- &
    server=$!
}

# answering: waits for the status page; fails when the server exits.
answering() {
    local i
    for ((i = 0; i < 100; i++)); do
        kill -0 "$server" 2>/dev/null || return 1
        curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$http/mpm-status" 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}

# Another process may take a port before the server's bind(); then try the next one.
start_on_free_ports() {
    local try
    http=$FIRST_PORT
    for ((try = 0; try < 20; try++)); do
        http=$(next_port "$http") || exit 1
        https=$(next_port $((http + 363))) || exit 1
        config_write "$http" "$https"
        start_server
        answering && return 0
        if ! grep -q 'could not bind to address' "$ROOT/logs/console.log" "$ROOT/logs/error.log"; then
            tail -n 20 "$ROOT/logs/console.log" "$ROOT/logs/error.log" >&2
            die "the server did not start (its last output is above)"
        fi
        stop_server
        http=$((http + 1))
    done
    die "found no free port from $FIRST_PORT on"
}

# True when Ctrl-C is no longer possible: make was killed, or the terminal closed.
# (The kernel sends SIGHUP only to the session leader, which may be make.)
[[ -t 0 ]] && had_terminal=yes || had_terminal=no
abandoned() {
    orphaned "$PPID" || { [[ $had_terminal == yes ]] && [[ ! -t 0 ]]; }
}

# ---- the show ----------------------------------------------------------------

need() {
    [[ -f $1 ]] || die "$1 does not exist: run  make -f Makefile.apxs  first"
}

for tool in curl openssl pgrep flock setsid; do
    command -v "$tool" >/dev/null || die "$tool is missing: run  make -f Makefile.apxs deps  as root"
done
[[ -x $HTTPD ]] || die "$HTTPD is missing: run  make -f Makefile.apxs deps  as root"
[[ $MPM =~ ^(hybrid|event|worker)$ ]] || die "DEMO_MPM=$MPM: choose hybrid, event or worker"
[[ $MPM != hybrid ]] || need "$BUILD/mod_mpm_hybrid.so"
need "$BUILD/mod_mpmstats.so"
need "$CLI"

choose_root
choose_docroot
traffic_pages "$docroot"
config_certificate
start_on_free_ports

say "apache2 runs on mpm_$MPM (process $server, configuration and logs in $ROOT)"
traffic_requests "$http" "$https"
traffic_start "$http"
echo
"$CLI" --url "http://127.0.0.1:$http/mpm-status" status || die "mpmstats could not read the status"
cat <<END

  status page      http://127.0.0.1:$http/mpm-status
  the same, JSON   http://127.0.0.1:$http/mpm-status?json
  in a terminal    ${CLI#"$PWD"/} --url http://127.0.0.1:$http/mpm-status
  a page           http://127.0.0.1:$http/
  TLS and HTTP/2   https://127.0.0.1:$https/   (the certificate is made for this demo)

END

if [[ ${DEMO_SECONDS:-} ]]; then
    say "running for $DEMO_SECONDS s; Ctrl-C stops it earlier"
    end=$((SECONDS + DEMO_SECONDS))
else
    say "running until Ctrl-C"
    end=
fi
while kill -0 "$server" 2>/dev/null; do
    abandoned && exit 1
    [[ $end ]] && ((SECONDS >= end)) && { stopping=yes; exit 0; }
    sleep 0.5 9>&- &
    nap=$!
    wait "$nap"
done
tail -n 20 "$ROOT/logs/error.log" >&2
die "the server exited unexpectedly (its last output is above)"
