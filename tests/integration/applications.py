# SPDX-License-Identifier: Apache-2.0
"""Applications on the modules people run them with, as Debian packages them: for each its configuration, its files, and what
it must do.

An Application is made for one server. `conf()` is configuration, `prepare()` writes files before the start, `check()` uses it,
`path` is asked for under load, with `auth` as its Authorization field.
"""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import procs
from debpackages import environment, module

ALL = ("event", "worker", "prefork")


class Application:
    name = None
    models = ALL
    modules = ()            # of httpd's own
    path = "/app/"
    headers = {}
    forgiven = ()           # what may become of requests under load beside an answer, on stock as well
    expected = b"hello from the application"

    def __init__(self, root, base_dir):
        self.root, self.base_dir = root, base_dir

    def load(self, name, file):
        return f'LoadModule {name}_module "{module(self.root, file)}"\n'

    def conf(self):
        return ""

    def prepare(self, server):
        self.server = server
        # Where /tmp is root's alone nothing would start, or read a large body.
        server.env["TMPDIR"] = str(server.writable_dir("tmp"))

    def get(self, path=None, headers=None, data=None):
        asked = urllib.request.Request(self.server.url + (path or self.path), data=data, headers={**self.headers, **(headers or {})})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.read()

    def status(self, *args, **options):
        try:
            self.get(*args, **options)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def check(self):
        assert self.expected in self.get()

    def close(self):
        pass


# ---- programs ----------------------------------------------------------------------------------------------------

# Without a body it says how long its answer is: the load client knows no chunks.
SCRIPT = """#!/bin/sh
text="hello from the application of $(id -un) "
echo Content-Type: text/plain
[ "$CONTENT_LENGTH" ] || echo Content-Length: ${#text}
echo
printf "$text"
cat
"""


class Cgid(Application):
    name, modules, path = "cgid", ("cgid", "env"), "/cgi/app"

    def conf(self):
        return "SetEnv ap_trust_cgilike_cl yes\n"

    def prepare(self, server):
        super().prepare(server)
        server.cgi("app", SCRIPT)

    def check(self):
        super().check()
        body = b"x" * 50000      # less than what the pipes hold: httpd writes all of it before it reads
        answer = self.get(data=body)
        assert answer.endswith(body), (len(answer), answer[:80])


class Cgi(Cgid):
    name, modules = "cgi", ("cgi", "env")

    def conf(self):
        return super().conf() + 'ScriptAlias "/cgi/" "${ROOT}/cgi-bin/"\n'


class ExtFilter(Application):
    name, modules, path, expected = "ext_filter", ("ext_filter",), "/hello.txt", b"HELLO"

    def conf(self):
        return 'ExtFilterDefine upper mode=output cmd="/usr/bin/tr a-z A-Z"\n<Location /hello.txt>\nSetOutputFilter upper\n</Location>\n'


class AuthnzExternal(Application):
    name, modules, path, expected = "authnz_external", ("auth_basic", "authn_core", "authz_user"), "/hello.txt", b"hello"
    headers = {"Authorization": "Basic " + base64.b64encode(b"somebody:right").decode()}
    # With threads it ends programs of other requests: it keeps the address of what is on its stack (also kill(0, SIGTERM)).
    forgiven = ("wrong",)

    def conf(self):
        return (self.load("authnz_external", "mod_authnz_external.so") + 'DefineExternalAuth script pipe "${ROOT}/cgi-bin/password"\n'
                "<Location /hello.txt>\nAuthType Basic\nAuthName here\nAuthBasicProvider external\nAuthExternal script\n"
                "Require valid-user\n</Location>\n")

    def prepare(self, server):
        super().prepare(server)
        server.cgi("password", '#!/bin/sh\nread user\nread password\n[ "$user $password" = "somebody right" ]\n')

    def check(self):
        super().check()
        assert self.status(headers={"Authorization": "Basic " + base64.b64encode(b"somebody:wrong").decode()}) == 401


FASTCGI = '''#!/usr/bin/python3
import socket, struct
listener = socket.socket(fileno=0)
def exactly(conn, size):
    data = b""
    while len(data) < size:
        more = conn.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
while True:
    conn, _ = listener.accept()
    try:
        while True:
            _, kind, number, length, padding = struct.unpack("!BBHHBx", exactly(conn, 8))
            data = exactly(conn, length + padding)[:length]
            if kind == 5 and not data:
                text = b"Content-Type: text/plain\\r\\nContent-Length: 26\\r\\n\\r\\nhello from the application"
                conn.sendall(struct.pack("!BBHHBx", 1, 6, number, len(text), 0) + text
                             + struct.pack("!BBHHBx", 1, 6, number, 0, 0) + struct.pack("!BBHHBx", 1, 3, number, 8, 0) + bytes(8))
                break
    except (EOFError, OSError):
        pass
    conn.close()
'''


class Fcgid(Application):
    name, path = "fcgid", "/fcgi/app"

    def conf(self):
        return (self.load("fcgid", "mod_fcgid.so") + 'FcgidIPCDir "${ROOT}/run/fcgid"\nFcgidProcessTableFile "${ROOT}/run/fcgid_shm"\n'
                'FcgidMaxProcesses 8\nAlias /fcgi "${ROOT}/cgi-bin"\n<Location /fcgi>\nSetHandler fcgid-script\nOptions +ExecCGI\n</Location>\n')

    def prepare(self, server):
        super().prepare(server)
        server.cgi("app", FASTCGI)
        server.writable_dir("run/fcgid")
        server.forgive_files += ["fcgid", "fcgid_shm"]
        server.expect_log("fcgid:emerg.* server is restarted")      # how its daemon goes


# ---- Python, Perl ----------------------------------------------------------------------------------------------------

WSGI = '''
def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = b"hello from the application " + body
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
'''


class WsgiEmbedded(Application):
    name, daemon = "wsgi embedded", ""

    def conf(self):
        return self.load("wsgi", "mod_wsgi.so-3.11") + self.daemon + 'WSGIScriptAlias /app/ "${ROOT}/cgi-bin/app.wsgi"\n'

    def prepare(self, server):
        super().prepare(server)
        server.cgi("app.wsgi", WSGI)
        server.expect_log("still did not exit")     # threads of Python; on stock as well

    def check(self):
        super().check()
        assert self.get(data=b"y" * 100000).endswith(b"y" * 100000)


class WsgiDaemon(WsgiEmbedded):
    name = "wsgi daemon"
    daemon = 'WSGISocketPrefix "${ROOT}/run/wsgi"\nWSGIDaemonProcess d processes=2 threads=5\nWSGIProcessGroup d\n'


class Passenger(Application):
    name, path = "passenger", "/app/"

    def conf(self):
        self.registry = tempfile.mkdtemp(prefix="mpm-passenger-", dir="/tmp")      # a short path: there are sockets in it
        open(self.registry + "/log", "w").close()
        subprocess.run(["chown", "-R", "www-data", self.registry], check=True)
        os.chmod(self.registry, 0o755)
        return (self.load("passenger", "mod_passenger.so") + 'PassengerRoot "${ROOT}/locations.ini"\nPassengerInstanceRegistryDir "' + self.registry + '"\n'
                "PassengerPython /usr/bin/python3\nPassengerLogFile " + self.registry + "/log\nPassengerDisableSecurityUpdateCheck on\n"
                "PassengerDisableAnonymousTelemetry on\nPassengerUserSwitching off\nPassengerDefaultUser www-data\n"
                'Alias /app "${ROOT}/app/public"\n<Location /app>\nPassengerBaseURI /app\nPassengerAppRoot "${ROOT}/app"\n'
                "PassengerAppType wsgi\nPassengerStartupFile passenger_wsgi.py\n</Location>\n"
                '<Directory "${ROOT}/app/public">\nRequire all granted\n</Directory>\n')

    def prepare(self, server):
        super().prepare(server)
        (server.root / "app/public").mkdir(parents=True)
        (server.root / "app/passenger_wsgi.py").write_text(WSGI)
        paths = (self.root / "usr/lib/ruby/vendor_ruby/phusion_passenger/locations.ini").read_text()
        (server.root / "locations.ini").write_text(paths.replace("=/usr", f"={self.root}/usr"))
        server.expect_log(r"\[ [EWN]\S* |assert|age/")        # its agent writes into the same log

    def close(self):
        shutil.rmtree(self.registry, ignore_errors=True)


class Perl(Application):
    name, path = "perl2", "/perl/app.pl"
    modules = ()

    def conf(self):
        return (self.load("perl", "mod_perl.so") + 'Alias /perl "${ROOT}/cgi-bin"\n<Location /perl>\nSetHandler perl-script\n'
                "PerlResponseHandler ModPerl::Registry\nOptions +ExecCGI\n</Location>\n")

    def prepare(self, server):
        super().prepare(server)
        server.cgi("app.pl", 'my $r = shift; $r->content_type("text/plain"); $r->set_content_length(26); print "hello from the application";\n')


# ---- others ----------------------------------------------------------------------------------------------------------

class Svn(Application):
    name, modules, path, expected = "svn", ("dav",), "/svn/", b"Revision "
    commits = 0

    def conf(self):
        return (self.load("dav_svn", "mod_dav_svn.so")
                + '<Location /svn>\nDAV svn\nSVNPath "${ROOT}/repository"\n</Location>\n')

    def run(self, *command):
        done = subprocess.run(command, env={**os.environ, **environment(self.root), "HOME": str(self.server.root)}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0, done.stdout

    def prepare(self, server):
        super().prepare(server)
        server.writable_dir("repository")
        self.run(self.root / "usr/bin/svnadmin", "create", server.root / "repository")
        subprocess.run(["chown", "-R", "www-data", server.root / "repository"], check=True)

    def check(self):
        super().check()
        self.commits += 1
        name = f"file{self.commits}"
        svn, copy = self.root / "usr/bin/svn", self.server.root / f"copy{self.commits}"
        self.run(svn, "checkout", "--non-interactive", self.server.url + "/svn", copy)
        (copy / name).write_bytes(b"z" * 300000)
        self.run(svn, "add", copy / name)
        self.run(svn, "commit", "--non-interactive", "-m", "one file", copy)
        assert self.get(f"/svn/{name}") == b"z" * 300000


class Security(Application):
    name, modules, path, expected = "security2 with CRS", ("unique_id",), "/hello.txt", b"hello"

    def conf(self):
        crs = self.root / "usr/share/modsecurity-crs"
        return (self.load("security2", "mod_security2.so") + 'SecRuleEngine On\nSecDataDir "${ROOT}/data"\nSecTmpDir "${ROOT}/data"\n'
                "SecRequestBodyAccess On\nSecResponseBodyAccess Off\nSecAuditEngine Off\n"
                f'Include "{self.root}/etc/modsecurity/crs/crs-setup.conf"\nInclude "{crs}/rules/*.conf"\n')

    def prepare(self, server):
        super().prepare(server)
        server.writable_dir("data")
        self.headers = {"User-Agent": "Mozilla/5.0", "Accept": "*/*", "Host": "test.localhost"}

    def check(self):
        super().check()
        assert self.status(self.path + "?a=%3Cscript%3Ealert(1)%3C/script%3E") == 403
        assert self.status(self.path, data=b"a=1%27+OR+1%3D1--+") == 403


class Qos(Application):
    name, modules, path, expected = "qos", ("reqtimeout", "unique_id"), "/hello.txt", b"hello"

    def conf(self):
        # Debian's mod_qos needs the old PCRE and does not say so.
        return ("LoadFile libpcre.so.3\n" + self.load("qos", "mod_qos.so") + "QS_SrvMaxConnPerIP 200\nQS_LocRequestLimit /hello.txt 100\n"
                "QS_SetEnvIfQuery nothing=(x) NOTHING=$1\n<Location /forbidden>\nQS_DenyRequestLine +first deny \".*\"\n</Location>\n")

    def check(self):
        super().check()
        assert self.status("/forbidden") == 403


class Itk(Cgi):
    name, models = "itk", ("prefork",)

    def conf(self):
        return super().conf() + self.load("mpm_itk", "mpm_itk.so") + "AssignUserID nobody nogroup\n"

    def prepare(self, server):
        super().prepare(server)
        for path in (server.root, server.root / "logs"):
            path.chmod(0o755)

    expected = b"hello from the application of nobody"


# ---- PHP -----------------------------------------------------------------------------------------------------------------

PHP = """<?php
$text = "hello from the application " . strlen(file_get_contents("php://input"));
header("Content-Length: " . strlen($text));
echo $text;
"""


class ModPhp(Application):
    name, models, path = "mod_php", ("prefork",), "/app.php"

    def conf(self):
        return self.load("php", "libphp8.2.so") + "<FilesMatch \\.php$>\nSetHandler application/x-httpd-php\n</FilesMatch>\n"

    def prepare(self, server):
        super().prepare(server)
        server.file("app.php", PHP)

    def check(self):
        super().check()
        assert self.get(data=b"p" * 100000).endswith(b" 100000")


class PhpFpm(ModPhp):
    name, models, modules = "php-fpm", ALL, ("proxy_fcgi",)

    def conf(self):
        return '<FilesMatch \\.php$>\nSetHandler "proxy:unix:${ROOT}/fpm/socket|fcgi://localhost"\n</FilesMatch>\n'

    def prepare(self, server):
        super().prepare(server)
        where = server.writable_dir("fpm")
        (where / "fpm.conf").write_text(
            f"[global]\nerror_log = {where}/log\ndaemonize = no\n[www]\nuser = www-data\ngroup = www-data\nlisten = {where}/socket\n"
            "listen.owner = www-data\npm = static\npm.max_children = 6\nenv[TMPDIR] = {server.env['TMPDIR']}\n"
            f"php_admin_value[sys_temp_dir] = {server.env['TMPDIR']}\n")
        self.daemon = subprocess.Popen([self.root / "usr/sbin/php-fpm8.2", *self.options(), "-y", where / "fpm.conf", "-F"],
                                       env={**os.environ, **environment(self.root)}, stdout=subprocess.DEVNULL,
                                       stderr=open(where / "stderr", "wb"), stdin=subprocess.DEVNULL)
        procs.wait_until(lambda: (where / "socket").exists(), 20, "php-fpm's socket")

    def options(self):
        return ["-n"]

    def close(self):
        self.daemon.terminate()
        self.daemon.wait(20)


# ---- WordPress -----------------------------------------------------------------------------------------------------------

PHP_INI = """[PHP]
extension_dir = {extensions}
extension = mysqlnd.so
extension = mysqli.so
zend_extension = {extensions}/opcache.so
"""

WP_CONFIG = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{database}');
define('DB_CHARSET', 'utf8mb4');
define('WP_HOME', '{url}');
define('WP_SITEURL', '{url}');
define('AUTH_KEY', 'a'); define('SECURE_AUTH_KEY', 'b'); define('LOGGED_IN_KEY', 'c'); define('NONCE_KEY', 'd');
define('AUTH_SALT', 'e'); define('SECURE_AUTH_SALT', 'f'); define('LOGGED_IN_SALT', 'g'); define('NONCE_SALT', 'h');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""

# Pages say how long they are: the load client knows no chunks.
WP_PLUGIN = """<?php
add_action('template_redirect', function () {
    ob_start(function ($text) { header('Content-Length: ' . strlen($text)); return $text; });
}, -1);
"""


class Database:
    """MariaDB on a socket in `where`, without accounts."""

    def __init__(self, root, where):
        self.socket, share = where / "socket", root / "usr/share"
        self.daemon = subprocess.Popen(
            [root / "usr/sbin/mariadbd", "--no-defaults", f"--datadir={where}", f"--socket={self.socket}", f"--pid-file={where}/pid", f"--tmpdir={where}",
             "--skip-networking", "--skip-grant-tables", f"--lc-messages-dir={share}/mysql/english", "--user=www-data",
             f"--character-sets-dir={share}/mysql/charsets", f"--plugin-dir={root}/usr/lib/mysql/plugin", "--max-connections=40",
             "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0"],
            env={**os.environ, **environment(root)}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(where / "stderr", "wb"))
        procs.wait_until(lambda: self.socket.exists(), 30, "the database's socket")
        subprocess.run([root / "usr/bin/mariadb", "--no-defaults", f"--socket={self.socket}",
                        f"--character-sets-dir={share}/mysql/charsets", "-e", "CREATE DATABASE wordpress"],
                       env={**os.environ, **environment(root)}, check=True, timeout=30)

    def close(self):
        self.daemon.terminate()
        self.daemon.wait(30)


class WordPress:
    """With one of the classes of PHP: Debian's WordPress in a database of its own. The first check() installs it; each publishes
    a post as an editor in a browser does."""

    path = "/wp/"
    database = None

    def prepare(self, server):
        self.write_ini(server)
        super().prepare(server)
        self.database = Database(self.root, server.writable_dir("db"))
        site, debian = server.root / "htdocs/wp", self.root / "usr/share/wordpress"
        shutil.copytree(debian, site, symlinks=True)
        self.relink(site, debian)
        (site / "wp-config.php").write_text(WP_CONFIG.format(database=self.database.socket, url=server.url + "/wp"))
        (site / "wp-content/mu-plugins").mkdir()
        (site / "wp-content/mu-plugins/length.php").write_text(WP_PLUGIN)
        self.headers = {"Host": server.url.removeprefix("http://")}
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self.published = 0

    def conf(self):
        return super().conf() + "DirectoryIndex index.php\n"

    def write_ini(self, server):
        (server.root / "php").mkdir()
        (server.root / "php/php.ini").write_text(PHP_INI.format(extensions=next(self.root.glob("usr/lib/php/20*"))))

    def relink(self, site, debian):
        """Links out of the copied tree lead to where the packages are unpacked."""
        for link in [link for link in site.rglob("*") if link.is_symlink()]:
            text = os.readlink(link)
            target = self.root / text[1:] if text.startswith("/") else (debian / link.relative_to(site)).parent / text
            link.unlink()
            if target.exists():
                link.symlink_to(target.resolve())

    def send(self, path, fields=None, headers=None):
        data = urllib.parse.urlencode(fields).encode() if fields else None
        asked = urllib.request.Request(self.server.url + "/wp/" + path, data=data, headers=headers or {})
        with self.browser.open(asked, timeout=60) as answer:
            return answer.read().decode()

    def install(self):
        answer = self.send("wp-admin/install.php?step=2", {
            "weblog_title": "Test", "user_name": "editor", "admin_password": "a secret", "admin_password2": "a secret", "pw_weak": "on",
            "admin_email": "editor@test.localhost", "blog_public": "0", "language": ""})
        assert "Success!" in answer, answer
        self.send("wp-login.php", {"log": "editor", "pwd": "a secret", "testcookie": "1", "redirect_to": self.server.url + self.path},
                  headers={"Cookie": "wordpress_test_cookie=WP+Cookie+check"})
        self.nonce = self.send("wp-admin/admin-ajax.php?action=rest-nonce")

    def check(self):
        if not self.published:
            self.install()
        self.published += 1
        text = "a line of the post. " * 10000
        post = json.loads(self.send("index.php?rest_route=/wp/v2/posts", {"title": "one post", "content": text, "status": "publish"},
                                    headers={"X-WP-Nonce": self.nonce}))
        assert post["status"] == "publish", post
        self.path = post["link"].removeprefix(self.server.url)
        page = self.get().decode()
        assert "one post" in page and text.strip() in page, page

    def close(self):
        super().close()
        if self.database:
            self.database.close()


class WordPressFpm(WordPress, PhpFpm):
    name, models, modules = "wordpress fpm", ("event",), ("proxy_fcgi", "env")

    def conf(self):
        return super().conf() + "SetEnv ap_trust_cgilike_cl yes\n"

    def options(self):
        return ["-c", self.server.root / "php/php.ini"]


class WordPressModPhp(WordPress, ModPhp):
    name = "wordpress mod_php"

    def conf(self):
        return super().conf() + 'PHPIniDir "${ROOT}/php"\n'


APPLICATIONS = [Cgi, Cgid, ExtFilter, AuthnzExternal, Fcgid, WsgiEmbedded, WsgiDaemon, Passenger, Perl, Svn, Security, Qos, Itk, ModPhp,
                PhpFpm, WordPressFpm, WordPressModPhp]
