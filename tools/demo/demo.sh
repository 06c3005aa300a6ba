#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A private apache2 on mpm_hybrid with the status page, TLS and HTTP/2, to look at.
#
#   tools/demo/demo.sh       called by `make -f Makefile.apxs demo`
#
# Environment: BUILD (where the modules are), APXS, DEMO_SECONDS (end by itself
# after so long), DEMO_PORT (first port to try, 8080), DEMO_MPM (event or worker:
# the same demo on another MPM; mod_mpmstats works there too).
#
# It listens on 127.0.0.1 only, keeps everything below BUILD/demo, and needs no
# root. The server is a child of this script in a session of its own: Ctrl-C
# reaches the script alone, which stops the server and waits until nothing of it
# is left. It also stops when its parent or its terminal has gone; should the script
# itself be killed outright, the kernel sends the server SIGTERM.
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
docroot=     # what is served; removed at the end when it is not below ROOT
nap=         # process id of the sleep we wait in
stopping=no

say() { echo "demo: $*"; }
die() { echo "demo: $*" >&2; exit 1; }

# ---- stopping ----------------------------------------------------------------

# Everything the server started is in its session.
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

# Whether someone accepts on a port of 127.0.0.1. The server's own bind decides in the end.
taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# next_port FIRST: the first port from there that nobody accepts on.
next_port() {
    local port=$1
    while taken "$port"; do
        port=$((port + 1))
        ((port < 65536)) || die "no free port from $1 on"
    done
    echo "$port"
}

# Everything lies below BUILD/demo; a demo that runs there already keeps its place.
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

# As root the children are www-data, who may not be able to walk to this directory.
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

# answering: the status page is there; fails as soon as the server has ended.
answering() {
    local i
    for ((i = 0; i < 100; i++)); do
        kill -0 "$server" 2>/dev/null || return 1
        curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$http/mpm-status" 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}

# A port can be taken between our look and the server's bind; then the next one is tried.
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
            die "the server did not start (its last words are above)"
        fi
        stop_server
        http=$((http + 1))
    done
    die "found no free port from $FIRST_PORT on"
}

# Nobody is there any more who could press Ctrl-C: make was killed, or the terminal is gone.
# (The kernel tells only the session's first process that a terminal has gone, which may be make.)
[[ -t 0 ]] && had_terminal=yes || had_terminal=no
abandoned() {
    orphaned "$PPID" || { [[ $had_terminal == yes ]] && [[ ! -t 0 ]]; }
}

# ---- the show ----------------------------------------------------------------

need() {
    [[ -f $1 ]] || die "$1 is not there: run  make -f Makefile.apxs  first"
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
die "the server has ended by itself (its last words are above)"
