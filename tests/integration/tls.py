# SPDX-License-Identifier: Apache-2.0
"""One throw-away certificate authority with a server and a client certificate, made with openssl(1).

Made once per test session and shared by its worker processes; valid for two days, EC keys because they
are quick to make and cheap to use."""
import ssl
import subprocess
from pathlib import Path

SERVER_NAMES = ("localhost", "test.localhost", "one.localhost", "two.localhost")


def _openssl(*args, cwd):
    subprocess.run(["openssl", *args], cwd=cwd, check=True, capture_output=True)


def _new_key(cwd, name):
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key", cwd=cwd)


def _signed(cwd, name, subject, extensions):
    (cwd / f"{name}.ext").write_text(extensions)
    _new_key(cwd, name)
    _openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr", cwd=cwd)
    _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt", cwd=cwd)


def make(directory):
    """Create ca, server and client .key/.crt in `directory`, which must exist. Returns it as a Path."""
    directory = Path(directory)
    _new_key(directory, "ca")
    _openssl("req", "-new", "-x509", "-key", "ca.key", "-days", "2", "-subj", "/CN=mpm test authority",
             "-addext", "basicConstraints=critical,CA:TRUE", "-out", "ca.crt", cwd=directory)
    names = ",".join(f"DNS:{n}" for n in SERVER_NAMES) + ",IP:127.0.0.1"
    _signed(directory, "server", "/CN=localhost", f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    _signed(directory, "client", "/CN=test client", "extendedKeyUsage=clientAuth\n")
    return directory


def client_context(directory, with_certificate=False, alpn=None):
    """A context that trusts our authority; with our client certificate and an ALPN list on request."""
    directory = Path(directory)
    context = ssl.create_default_context(cafile=directory / "ca.crt")
    if with_certificate:
        context.load_cert_chain(directory / "client.crt", directory / "client.key")
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
