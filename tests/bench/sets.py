# SPDX-License-Identifier: Apache-2.0
"""The two sets of modules, each with its configuration: `installed` and `smallest` (BENCH_SET).

installed: what `a2query -m` lists on a fresh apache2 of Debian, and http2 and ssl, each with the .conf file it is shipped
with; the default site, its TLS twin, an access log in the `combined` format. On mpm_hybrid mod_mpmstats takes the place of
mod_status; with both, it is a variant of its own.
smallest: what it takes to serve a file, over TLS too, with no log of accesses, statistics or session cache.
"""
import functools
import re
import subprocess
from pathlib import Path

import httpd
import settings

_AVAILABLE = Path("/etc/apache2/mods-available")
_SMALLEST = ("authz_core", "mime", "dir", "ssl")

_SERVER = """Define APACHE_RUN_DIR {root}/run
Timeout 300
KeepAliveTimeout 5
HostnameLookups Off
<Directory />
Options FollowSymLinks
AllowOverride None
Require all denied
</Directory>
<Directory "{docs}">
Options Indexes FollowSymLinks
AllowOverride None
Require all granted
</Directory>
<FilesMatch "^\\.ht">
Require all denied
</FilesMatch>
LogFormat "%v:%p %h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" vhost_combined
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
CustomLog logs/other_vhosts_access.log vhost_combined
Include /etc/apache2/conf-available/security.conf
"""
_SITE = 'DocumentRoot "{docs}"\nCustomLog logs/access.log combined\n'
_TLS_SITE = """<FilesMatch "\\.(?:cgi|shtml|phtml|php)$">
SSLOptions +StdEnvVars
</FilesMatch>
"""
_SMALLEST_SERVER = """TypesConfig /etc/mime.types
DocumentRoot "{docs}"
<Directory />
Options FollowSymLinks
AllowOverride None
Require all granted
</Directory>
SSLSessionCache none
SSLSessionTickets off
"""


def _installed():
    return settings.SET == "installed"


def _depends(module):
    line = re.search(r"^# Depends:(.*)", (_AVAILABLE / f"{module}.load").read_text(), re.M)
    return line.group(1).split() if line else []


def _enabled(modules):
    """The modules and what a2enmod enables with them."""
    found, todo = set(), list(modules)
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += _depends(module)
    return found


@functools.lru_cache
def debian():
    """What apache2's postinst enables on a fresh system, the MPM apart, with http2 and ssl."""
    script = subprocess.run(["dpkg-query", "--control-path", "apache2", "postinst"], capture_output=True, text=True).stdout.strip()
    loop = re.search(r"for module in ([^;]+);", Path(script).read_text()) if script else None
    if not loop:
        raise RuntimeError("the installed set is that of Debian's package apache2, which is not here: BENCH_SET=smallest")
    return frozenset(_enabled([*loop.group(1).replace("\\", " ").split(), "http2", "ssl"]))


def modules(mpm, more=(), without=()):
    """What a server on this MPM loads, in the order of Debian's mods-enabled: by name."""
    if not _installed():
        return httpd.with_needs([f"mpm_{mpm}", *(m for m in (*_SMALLEST, *more) if m not in without)])
    statistics = {"mpmstats"} if mpm == "hybrid" else {"status"}
    return sorted(httpd.with_needs([f"mpm_{mpm}", *(debian() - {"status"} | statistics) - set(without), *more]))


def server_conf(root, docs, loaded):
    """The main server's directives, the modules' own files included."""
    if not _installed():
        return _SMALLEST_SERVER.format(docs=docs) + ("Protocols h2 http/1.1\n" if "http2" in loaded else "")
    files = [(settings.REPO / "conf" if m == "mpmstats" else _AVAILABLE) / f"{m}.conf" for m in loaded if not m.startswith("mpm_")]
    return _SERVER.format(root=root, docs=docs) + "".join(f'Include "{f}"\n' for f in files if f.exists())


def sites_conf(docs, certificate, key):
    """The virtual hosts of ${PORT} (none in the smallest set: the main server answers) and ${TLS_PORT}."""
    tls = f'SSLEngine on\nSSLCertificateFile "{certificate}"\nSSLCertificateKeyFile "{key}"\n'
    if not _installed():
        return "<VirtualHost 127.0.0.1:${TLS_PORT}>\n" + tls + "</VirtualHost>\n"
    site = _SITE.format(docs=docs)
    return "<VirtualHost *:${PORT}>\n" + site + "</VirtualHost>\n<VirtualHost *:${TLS_PORT}>\n" + site + tls + _TLS_SITE + "</VirtualHost>\n"
