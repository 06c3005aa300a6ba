# SPDX-License-Identifier: Apache-2.0
"""The distribution's mod_php, which is not thread-safe: served by the prefork model, refused by the others."""
import hashlib
import json
import re
import shutil
import urllib.error
from concurrent.futures import ThreadPoolExecutor

import pytest

import modphp
import procs
from clients import Client, request
from debianroot import DebianRoot, skip_where_impossible
from httpd import BUILD
from load import Load
from procs import wait_until
from test_install import MODULES_AVAILABLE, get, make, mpm, readme_commands, serves_on, start, stop

pytestmark = [pytest.mark.mpm_only("hybrid"), pytest.mark.timeout(400)]

SESSION = """<?php session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo $_SESSION['n'];"""
UPLOAD = """<?php header('Content-Type: application/json'); $f = $_FILES['file'];
echo json_encode(['name' => $f['name'], 'error' => $f['error'], 'size' => filesize($f['tmp_name']),
                  'md5' => md5_file($f['tmp_name']), 'field' => $_POST['field']]);"""
WHO = """<?php usleep(100000); echo getmypid();"""


@pytest.fixture(scope="session")
def php():
    return modphp.get(BUILD)


@pytest.fixture
def server(php, httpd):
    made = httpd(start=False, tls=True, env=php.env, mpm_conf={
        "StartServers": 3, "MinSpareServers": 3, "MaxSpareServers": 10, "MaxRequestWorkers": 20, "ServerLimit": None,
        "ThreadLimit": None, "ThreadsPerChild": None, "MinSpareThreads": None, "MaxSpareThreads": None},
        conf=f"MPMModel prefork\n{php.conf}php_admin_value session.save_path \"${{ROOT}}/sessions\"\n"
             "php_admin_value upload_tmp_dir \"${ROOT}/uploads\"")
    made.writable_dir("sessions")
    made.writable_dir("uploads")
    for name, text in (("info", "<?php phpinfo();"), ("session", SESSION), ("upload", UPLOAD), ("who", WHO)):
        (made.root / "htdocs" / f"{name}.php").write_text(text)
    return made.start()


def test_phpinfo_is_served(server):
    page = server.get("/info.php").decode()
    assert "PHP Version 8.2" in page and "Apache 2.0 Handler" in page
    assert re.search(r"Thread Safety\s*</td>\s*<td[^>]*>\s*disabled", page)
    assert server.mpm_status()["server"]["prefork_only"] == "mod_php.c"
    with Client(server.tls_port, tls=server.tls_client()) as client:
        for _ in range(3):
            assert b"PHP Version 8.2" in client.get("/info.php").body


def test_a_session_is_kept_over_connections_and_processes(server):
    with Client(server.port) as client:
        first = client.get("/session.php")
        assert first.body == b"1"
        cookie = first.headers["set-cookie"].split(";")[0]
        assert client.get("/session.php", headers=[f"Cookie: {cookie}"]).body == b"2"
    for n in range(3, 12):
        with Client(server.port) as client:
            assert client.get("/session.php", headers=[f"Cookie: {cookie}"]).body == str(n).encode()


@pytest.mark.parametrize("size", [100, 300_000], ids=["small", "large"])
def test_an_upload_arrives_whole(server, size):
    content = bytes(n * 7 % 256 for n in range(size))
    body = (b"--xyz\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n"
            b"--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.bin\"\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--xyz--\r\n")
    head = request("/upload.php", "POST", headers=["Content-Type: multipart/form-data; boundary=xyz",
                                                   f"Content-Length: {len(body)}"])
    with Client(server.port) as client:
        client.send(head + body[:50])
        client.send(body[50:])
        assert json.loads(client.response().body) == {
            "name": "f.bin", "error": 0, "size": size, "md5": hashlib.md5(content).hexdigest(), "field": "value"}


def test_pages_at_the_same_time_run_in_processes_of_their_own(server):
    with ThreadPoolExecutor(12) as pool:
        pids = list(pool.map(lambda _: int(server.get("/who.php", timeout=20)), range(12)))
    assert len(set(pids)) >= 3 and set(pids) <= set(server.children())
    for pid in set(pids):
        assert len(procs.threads(pid)) == 1


def test_graceful_restarts_lose_no_page(server):
    with Load(server.port, path="/session.php", connections=4, pause=0.01) as load:
        for _ in range(3):
            before = load.answered
            server.graceful()
            wait_until(lambda: load.answered > before + 20, 10, "service after the restart")
    assert not load.failed, load.details


@pytest.mark.parametrize("model", ["event", "worker"])
def test_a_threaded_model_is_refused_with_phps_own_message(php, httpd, model):
    server = httpd(start=False, env=php.env, conf=f"MPMModel {model}")
    code, output = server.configtest(php.conf)
    assert code != 0 and modphp.THREAD_COMPLAINT in output


def status_of(port, path):
    try:
        get(port, path)
        return 200
    except urllib.error.HTTPError as e:
        return e.code
    except OSError:
        return 0


# ---- Debian's layout --------------------------------------------------------------------------------------------

@pytest.fixture
def root(php, tmp_path):
    """The distribution's apache2 with mod_php installed as its package leaves it: on mpm_prefork."""
    skip_where_impossible()
    if php.files is None:
        pytest.skip(f"{modphp.PACKAGE} is installed; the way it is brought in is tried where it is not")
    debian = DebianRoot(tmp_path / "root")
    shutil.copytree(php.files, debian.path, dirs_exist_ok=True, symlinks=True)
    debian.copy_libraries_of(debian.path / modphp.MODULE)
    debian.run("a2dismod -q mpm_event && a2enmod -q mpm_prefork php8.2")
    yield debian
    shutil.rmtree(debian.path)


def test_readmes_commands_put_mod_php_on_mpm_hybrid_and_back(root):
    port = procs.free_port()
    root.listen_on(port)
    root.boot_with_systemd()
    there, back = readme_commands()[2:]
    (root.path / "var/www/html/page.php").write_text("<?php echo php_sapi_name(), ' ', 6 * 7;")
    start(root, port)
    assert get(port, "/page.php") == b"apache2handler 42" and mpm(root) == ("prefork", "prefork")

    make("install", root)
    root.run(there)
    assert root.run("apachectl configtest").strip().endswith("Syntax OK")
    assert mpm(root) == ("hybrid", "hybrid")
    assert re.search(r"threaded:\s+no", root.run("apachectl -V"))
    wait_until(lambda: serves_on(root, port, "hybrid"), 10, "service on mpm_hybrid")
    assert get(port, "/page.php") == b"apache2handler 42"
    assert json.loads(get(port, "/mpm-status?json"))["server"]["model"] == "prefork"

    root.run(back)
    wait_until(lambda: serves_on(root, port, "prefork"), 10, "service on mpm_prefork")
    assert get(port, "/page.php") == b"apache2handler 42" and mpm(root) == ("prefork", "prefork")
    stop(root)
    assert (root.path / MODULES_AVAILABLE / "php_hybrid.load").exists()


def test_php82_beside_php_hybrid_is_named_with_what_to_disable(root):
    make("install", root)
    root.run("a2dismod php8.2 mpm_prefork && a2enmod php_hybrid && a2enmod php8.2")
    complaint = root.run("apachectl configtest", check=False)
    assert "AH00534" in complaint and "mod_php brings it" in complaint
    root.run(re.search(r"To stay on mpm_hybrid: (.+?)\. To leave", complaint).group(1))
    assert root.run("apachectl configtest").strip().endswith("Syntax OK")
    assert mpm(root) == ("hybrid", "hybrid")


def test_the_newest_mod_php_is_taken_and_the_server_starts_when_it_is_removed(root):
    """MPMLoadModule, with the pattern in php_hybrid.load."""
    port = procs.free_port()
    root.listen_on(port)
    make("install", root)
    modules = root.path / "usr/lib/apache2/modules"
    (root.path / "var/www/html/page.php").write_text("<?php echo 6 * 7;")
    root.run("a2dismod php8.2 mpm_prefork && a2enmod php_hybrid")
    (root.path / modphp.MODULE).rename(modules / "libphp8.10.so")
    (modules / "libphp8.9.so").write_text("older, and no module at all")
    start(root, port)
    assert get(port, "/page.php") == b"42"
    for file in modules.glob("libphp*.so"):
        file.unlink()
    root.run("apachectl restart")
    wait_until(lambda: status_of(port, "/page.php") == 403, 10, "a server without PHP")
    assert get(port, "/index.html")
    stop(root)
