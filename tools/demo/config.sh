# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # BUILD, MPM, ROOT, LIBEXECDIR, docroot are demo.sh's
#
# The demo's configuration, written below ROOT before the server starts.

# The distribution's user for the children; used by root only.
config_user() {
    id -un www-data 2>/dev/null || echo nobody
}

# Key and self-signed certificate for localhost.
config_certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
        -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$ROOT/tls/key.pem" -out "$ROOT/tls/cert.pem" >"$ROOT/logs/openssl.log" 2>&1 \
        || die "openssl made no certificate, see $ROOT/logs/openssl.log"
    chmod 600 "$ROOT/tls/key.pem"
}

# Available modules; statically linked ones have no file.
config_modules() {
    local name
    for name in authn_core authz_core authz_host mime dir alias reqtimeout env ratelimit setenvif \
        headers socache_shmcb ssl http2; do
        if [[ -f $LIBEXECDIR/mod_$name.so ]]; then
            echo "LoadModule ${name}_module \"$LIBEXECDIR/mod_$name.so\""
        fi
    done
    if [[ $MPM == hybrid ]]; then
        echo "LoadModule mpm_hybrid_module \"$BUILD/mod_mpm_hybrid.so\""
    else
        echo "LoadModule mpm_${MPM}_module \"$LIBEXECDIR/mod_mpm_$MPM.so\""
    fi
    cat conf/mpm_hybrid.conf
    echo "LoadModule mpmstats_module \"$BUILD/mod_mpmstats.so\""
    cat conf/mpmstats.conf
}

# config_write HTTP_PORT HTTPS_PORT
config_write() {
    local types=/etc/mime.types user
    [[ -r $types ]] || types=/dev/null
    user=$(config_user)
    {
        cat <<END
ServerRoot "$ROOT"
ServerName localhost
DefaultRuntimeDir "$ROOT/run"
PidFile "$ROOT/run/apache2.pid"
Listen 127.0.0.1:$1
Listen 127.0.0.1:$2 https
END
        ((EUID != 0)) || printf 'User %s\nGroup %s\n' "$user" "$(id -gn "$user")"
        config_modules
        cat <<END
TypesConfig $types
ErrorLog "$ROOT/logs/error.log"
LogLevel warn
CustomLog "$ROOT/logs/access.log" "%h %t \\"%r\\" %>s %b %D"
DocumentRoot "$docroot"
<Directory "$docroot">
    Require all granted
</Directory>
# A slow download, so the status page shows activity.
<Location "/slow.bin">
    SetOutputFilter RATE_LIMIT
    SetEnv rate-limit 64
</Location>
<IfModule http2_module>
    Protocols h2 h2c http/1.1
</IfModule>
<IfModule socache_shmcb_module>
    SSLSessionCache "shmcb:$ROOT/run/ssl_sessions(512000)"
</IfModule>
<VirtualHost 127.0.0.1:$2>
    ServerName localhost
    SSLEngine on
    SSLCertificateFile "$ROOT/tls/cert.pem"
    SSLCertificateKeyFile "$ROOT/tls/key.pem"
</VirtualHost>
END
    } >"$ROOT/httpd.conf"
}
