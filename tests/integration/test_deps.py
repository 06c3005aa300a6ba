# SPDX-License-Identifier: Apache-2.0
"""tools/deps.sh, in a throw-away root whose apt-get and dpkg-query only write down what they are asked."""
import shutil
import subprocess

import pytest

from debianroot import DebianRoot, skip_where_impossible
from httpd import REPO

pytestmark = [pytest.mark.mpm_only("hybrid"), pytest.mark.timeout(60)]

POLICY = "usr/sbin/policy-rc.d"
ADMINS_POLICY = "#!/bin/sh\n# the administrator's\n[ \"$1\" = forbidden ] && exit 101\nexit 0\n"
DPKG_QUERY = """#!/bin/sh
for package; do :; done
grep -qx "$package" /missing && exit 1
echo installed
"""
# On `install` it asks the policy as a package's script does, and installs.
APT_GET = """#!/bin/sh
echo "$@" >>/apt.calls
case " $* " in
    *" install "*)
        for service in apache2 other forbidden; do
            if [ -x /usr/sbin/policy-rc.d ]; then /usr/sbin/policy-rc.d $service start; code=$?; else code=none; fi
            echo "$service $code" >>/policy.answers
        done
        [ -e /apt.kills ] && { kill -TERM $PPID; sleep 1; }
        [ -e /apt.fails ] && { echo "E: no such luck"; exit 100; }
        : >/missing ;;
esac
exit 0
"""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    skip_where_impossible()
    debian = DebianRoot(tmp_path_factory.mktemp("debian") / "root")
    for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET)):
        program = debian.path / "usr/bin" / name
        program.write_text(text)
        program.chmod(0o755)
    shutil.copy(REPO / "tools/deps.sh", debian.path / "src")
    (debian.path / "missing").write_text("")
    yield debian
    shutil.rmtree(debian.path)


@pytest.fixture
def root(pristine, tmp_path):
    debian = pristine.copy_to(tmp_path / "root")
    yield debian
    shutil.rmtree(debian.path)


def deps(root, *sets, user="root"):
    """Exit code and output."""
    done = subprocess.run(["chroot", f"--userspec={user}", str(root.path), "/src/deps.sh", *sets], text=True,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    return done.returncode, done.stdout


def read(root, name):
    file = root.path / name
    return file.read_text() if file.exists() else None


def write_policy(root, text):
    (root.path / POLICY).write_text(text)
    (root.path / POLICY).chmod(0o755)


def lack(root, *packages):
    (root.path / "missing").write_text("".join(p + "\n" for p in packages))


def test_nothing_is_said_and_apt_is_not_asked_when_all_is_there(root):
    assert deps(root, "build", "demo", "test") == (0, "")
    assert read(root, "apt.calls") is None


def test_exactly_what_is_missing_is_named_and_installed(root):
    lack(root, "wrk", "libjansson-dev")
    code, said = deps(root, "build", "demo", "test")
    assert code == 0
    assert "installing through apt: libjansson-dev wrk" in said
    assert read(root, "apt.calls").splitlines()[-1].endswith("install --no-install-recommends libjansson-dev wrk")


def test_only_the_sets_asked_for_are_installed(root):
    lack(root, "chromium", "curl")
    assert deps(root, "build", "demo")[0] == 0
    assert read(root, "apt.calls").splitlines()[-1].endswith(" curl")


def test_apache2_is_not_started_and_the_policy_comes_back(root):
    write_policy(root, ADMINS_POLICY)
    lack(root, "apache2")
    code, said = deps(root, "demo")
    assert code == 0 and "not started" in said
    assert read(root, "policy.answers").splitlines() == ["apache2 101", "other 0", "forbidden 101"]
    assert read(root, POLICY) == ADMINS_POLICY


def test_without_a_policy_there_is_none_afterwards(root):
    lack(root, "apache2")
    assert deps(root, "demo")[0] == 0
    assert read(root, "policy.answers").splitlines() == ["apache2 101", "other 0", "forbidden 0"]
    assert read(root, POLICY) is None


def test_other_packages_leave_the_policy_alone(root):
    lack(root, "curl")
    assert deps(root, "demo")[0] == 0
    assert read(root, "policy.answers").splitlines()[0] == "apache2 none"


@pytest.mark.parametrize("accident", ["apt.fails", "apt.kills"])
def test_the_policy_comes_back_when_apt_fails_or_is_interrupted(root, accident):
    write_policy(root, ADMINS_POLICY)
    lack(root, "apache2")
    (root.path / accident).touch()
    code, said = deps(root, "demo")
    assert code != 0
    assert read(root, POLICY) == ADMINS_POLICY
    if accident == "apt.fails":
        assert "no such luck" in said and "apt could not install" in said


def test_a_policy_left_by_a_killed_run_is_cleared_away(root):
    write_policy(root, ADMINS_POLICY)
    (root.path / POLICY).rename(root.path / f"{POLICY}.before-mpm_hybrid")
    write_policy(root, "#!/bin/sh\nexec /usr/sbin/policy-rc.d.before-mpm_hybrid\n")
    lack(root, "apache2")
    assert deps(root, "demo")[0] == 0
    assert read(root, POLICY) == ADMINS_POLICY
    assert read(root, f"{POLICY}.before-mpm_hybrid") is None


def test_an_ordinary_user_is_told_what_root_has_to_install(root):
    lack(root, "apache2-dev", "curl")
    code, said = deps(root, "build", "demo", user="nobody")
    assert code == 1
    assert "apt-get install --no-install-recommends apache2-dev curl" in said
    assert read(root, "apt.calls") is None


def test_what_apt_did_not_bring_is_named(root):
    (root.path / "usr/bin/apt-get").write_text("#!/bin/sh\nexit 0\n")
    lack(root, "curl")
    code, said = deps(root, "demo")
    assert code == 1 and "still missing: curl" in said
