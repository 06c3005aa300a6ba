#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages the project needs and this machine lacks.
#
#   tools/deps.sh SET...     SET: build, demo, test, consumers
#
# With nothing missing it is silent and uses no network. It prints the packages
# before it installs them. It does not start a newly installed apache2 (see below)
# and leaves an existing one alone, running or not. DEPS=no skips everything, for
# machines that get the dependencies elsewhere.
set -u

packages_build="apache2-dev gcc libc6-dev libcurl4-openssl-dev libjansson-dev libncurses-dev make"
packages_demo="apache2 curl openssl procps"
packages_test="apache2-utils check chromium chromium-driver clang clang-format clang-tidy libclang-rt-dev
    libssl-dev nghttp2-client pkg-config pycodestyle pyflakes3 python3 python3-h2 python3-jsonschema python3-pytest
    python3-pytest-timeout python3-pytest-xdist python3-prometheus-client python3-selenium shellcheck tmux valgrind
    wrk"
# Consumers of mpm-status, for the long variants of the tests: about 130 MB.
packages_consumers="collectd-core libwww-perl munin-plugins-core prometheus prometheus-apache-exporter"

say() { echo "deps: $*" >&2; }

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Alternative packages that provide the same are accepted.
satisfied() {
    installed "$1" && return 0
    case $1 in
        libcurl4-openssl-dev) installed libcurl4-gnutls-dev || installed libcurl4-nss-dev ;;
        pkg-config) installed pkgconf ;;
        *) return 1 ;;
    esac
}

missing_of() {
    for package in $1; do
        satisfied "$package" || printf ' %s' "$package"
    done
}

# The packages of apache2 and Prometheus start their services at installation. To keep port 80 free, a policy-rc.d
# denies actions on these services while apt runs, and passes other services to the original policy, which is restored
# afterwards, also when apt fails or is interrupted.
policy=/usr/sbin/policy-rc.d
saved=$policy.before-mpm_hybrid
policy_set=no

hold_apache2() {
    if grep -qs "$saved" "$policy"; then
        rm -f "$policy"             # from a killed run
    elif [ -e "$policy" ] || [ -L "$policy" ]; then
        mv "$policy" "$saved" || exit 1
    fi
    policy_set=yes
    cat >"$policy" <<END
#!/bin/sh
# Temporary: keeps apache2 from starting during its installation.
case \$1 in apache2|apache2.service|apache2@*|apache-htcacheclean*|prometheus*) exit 101 ;; esac
if [ -x $saved ]; then exec $saved "\$@"; fi
exit 0
END
    chmod 755 "$policy"
}

release_apache2() {
    [ "$policy_set" = yes ] || return 0
    policy_set=no
    rm -f "$policy"
    if [ -e "$saved" ] || [ -L "$saved" ]; then
        mv "$saved" "$policy"
    fi
}

[ "${DEPS:-}" = no ] && exit 0

wanted=
for set_name in "${@:-build}"; do
    case $set_name in
        build) wanted="$wanted $packages_build" ;;
        demo) wanted="$wanted $packages_demo" ;;
        test) wanted="$wanted $packages_test" ;;
        consumers) wanted="$wanted $packages_consumers" ;;
        *) say "unknown set '$set_name' (build, demo, test, consumers)"; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "this is no Debian system. Install what these Debian packages hold, then go on with DEPS=no:"
    say "  $(echo "$wanted" | tr -s " \n" " ")"
    exit 1
fi

missing=$(missing_of "$wanted")
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    say "these packages are missing, and only root can install them:"
    say "   apt-get install --no-install-recommends$missing"
    exit 1
fi

say "installing through apt:$missing"
trap release_apache2 EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
case " $missing " in *" apache2 "*) new_apache2=yes ;; *) new_apache2=no ;; esac
case " $missing " in *" apache2 "* | *" prometheus"*) hold_apache2 ;; esac

export DEBIAN_FRONTEND=noninteractive
apt="apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0"
log=$(mktemp) || exit 1
# An unreachable third-party repository fails the update, but may be irrelevant.
$apt update >"$log" 2>&1 </dev/null
# shellcheck disable=SC2086 # a list of names
if ! $apt install --no-install-recommends $missing >>"$log" 2>&1 </dev/null; then
    tail -n 25 "$log" >&2
    rm -f "$log"
    say "apt could not install them (its last output is above). Fix that and run this again."
    exit 1
fi
rm -f "$log"

missing=$(missing_of "$wanted")
if [ -n "$missing" ]; then
    say "apt reported success, but these are still missing:$missing"
    exit 1
fi
say "done"
if [ "$new_apache2" = yes ]; then
    say "apache2 was installed and not started; like every service it starts at the next boot"
    say "unless you run  systemctl disable apache2"
fi
