# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # ROOT and die are demo.sh's
#
# The demo's clients: some requests at the start, then a trickle for the status page.
# All clients are curl on 127.0.0.1.

traffic=     # process id of the trickle

# traffic_pages DIRECTORY: creates the files to serve.
traffic_pages() {
    cat >"$1/index.html" <<'END'
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>mpm_hybrid</title></head>
<body><h1>It works, on mpm_hybrid</h1><p><a href="/mpm-status">What the server is doing</a></p></body></html>
END
    head -c 1048576 /dev/zero >"$1/slow.bin"
    chmod 644 "$1/index.html" "$1/slow.bin"
}

# expect WHAT ANSWER CURL-ARGUMENT...: one request whose "code version" must equal ANSWER.
expect() {
    local what=$1 answer=$2 got
    shift 2
    got=$(curl -sS -k --max-time 10 -o /dev/null -w '%{http_code} %{http_version}' "$@" 2>&1)
    [[ $got == "$answer" ]] || die "$what: expected \"$answer\", got \"$got\" (see $ROOT/logs/error.log)"
}

# traffic_requests HTTP_PORT HTTPS_PORT: one request per protocol; each must succeed.
traffic_requests() {
    local plain=http://127.0.0.1:$1 tls=https://127.0.0.1:$2
    expect "http" "200 1.1" --http1.1 "$plain/"
    expect "a page that is not there" "404 1.1" --http1.1 "$plain/missing"
    expect "HTTP/1.0" "200 1.1" --http1.0 "$plain/"
    expect "https" "200 1.1" --http1.1 "$tls/"
    expect "HTTP/2 over TLS" "200 2" --http2 "$tls/"
    expect "HTTP/2 by upgrade" "200 2" --http2 "$plain/"
    expect "HTTP/2 with prior knowledge" "200 2" --http2-prior-knowledge "$plain/"
    # Keep-alive: a hundred requests on one connection.
    curl -fsS --max-time 30 -o /dev/null "$plain/?n=[1-100]" || die "100 requests on one connection failed"
    say "http, https and HTTP/2 (h2, h2c) answer; 107 requests sent"
}

# orphaned PID: true when PID is no longer the parent of this shell.
orphaned() {
    local parent
    read -r _ _ _ parent _ <"/proc/$BASHPID/stat" && [[ $parent != "$1" ]]
}

# trickle URL PID: a few requests per second and one slow download at a time while PID, the demo, runs.
# It waits for all its children: in a container without a reaper, orphans would remain as zombies.
trickle() {
    local slow
    trap 'kill $(jobs -p) 2>/dev/null; wait; trap - EXIT; exit' TERM EXIT
    until orphaned "$2"; do
        curl -s --max-time 60 -o /dev/null "$1/slow.bin" &
        slow=$!
        while kill -0 "$slow" 2>/dev/null && ! orphaned "$2"; do
            curl -s --max-time 5 -o /dev/null "$1/?n=[1-5]" &
            wait $!
            sleep 1 &
            wait $!
        done
    done
}

# In its own session, so Ctrl-C does not reach it; the demo stops it.
traffic_start() {
    export -f trickle orphaned
    # shellcheck disable=SC2016
    setsid bash -c 'trickle "$1" "$2"' trickle "http://127.0.0.1:$1" $$ </dev/null >/dev/null 2>&1 9>&- &
    traffic=$!
    sleep 0.3
}

traffic_stop() {
    [[ $traffic ]] || return 0
    kill -TERM "$traffic" 2>/dev/null
    wait "$traffic" 2>/dev/null
    traffic=
}
