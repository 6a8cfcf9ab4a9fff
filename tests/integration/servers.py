"""Real peers for the tests: each started by a fixture on a free loopback port,
ready when it answers, and stopped by its pid.

A test that needs a program which is not installed is skipped with its name;
scripts/install-deps installs them all.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
READY_SECONDS = 20


def program(name):
    """Path of an installed program; skips the test where there is none."""
    path = shutil.which(name, path=PATH)
    if path is None:
        pytest.skip(f"{name} is not installed (scripts/install-deps)")
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what, seconds=READY_SECONDS):
    """Wait until condition() is true, and return its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def answers(port, address="127.0.0.1"):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


def run(*argv, **kwargs):
    """Run to the end and return the result; a failure shows the output."""
    result = subprocess.run(
        [str(a) for a in argv], capture_output=True, text=True, timeout=120, **kwargs
    )
    assert result.returncode == 0, f"{argv[0]}: {result.stdout}{result.stderr}"
    return result


class Server:
    """A child process that serves until stop(). Its output goes to `log`."""

    def __init__(self, argv, log, env=None, stdin=subprocess.DEVNULL):
        self.argv = [str(a) for a in argv]
        self.log = Path(log)
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                self.argv, stdin=stdin, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": PATH, **(env or {})},
            )

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_ready(self, condition):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.argv[0]} ended: {self.text()}")
            return condition()

        try:
            wait_for(ready, self.argv[0])
        except BaseException:
            self.stop()
            raise
        return self

    def wait_text(self, text):
        wait_for(lambda: text in self.text(), f"'{text}' in {self.log}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


# --- certificates ------------------------------------------------------------


class Pki:
    """A certificate authority of its own. Keys are RSA: signatures of servers
    that settle on TLS 1.2 with a client that offers 1.3 have been refused."""

    def __init__(self, directory, name="test authority"):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.openssl = program("openssl")
        self.ca = self.dir / "ca.pem"
        self.ca_key = self.dir / "ca.key"
        run(self.openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", self.ca_key, "-out", self.ca)

    def issue(self, name, days=2):
        """Certificate and key for a host name, as paths."""
        base = self.dir / name
        request, extensions = base.with_suffix(".csr"), base.with_suffix(".ext")
        cert, key = base.with_suffix(".pem"), base.with_suffix(".key")
        extensions.write_text(f"subjectAltName=DNS:{name}\n")
        run(self.openssl, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
            "-keyout", key, "-out", request)
        run(self.openssl, "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key,
            "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", cert)
        return cert, key


    def localhost(self):
        """Those of the servers here, issued once."""
        if not (self.dir / "localhost.pem").exists():
            self.issue("localhost")
        return self.dir / "localhost.pem", self.dir / "localhost.key"

    def issue_for_seconds(self, name, seconds):
        """The same with an end that is near; as a third one the time of it."""
        cert, key = self.issue(name)
        until = int(time.time()) + seconds
        config, request = self.dir / "ca.cnf", (self.dir / name).with_suffix(".csr")
        config.write_text(f"[ca]\ndefault_ca = here\n[here]\ndatabase = {self.dir}/index\nserial = {self.dir}/number\n"
                          f"new_certs_dir = {self.dir}\ndefault_md = sha256\npolicy = any\n[any]\n"
                          "commonName = supplied\n")
        (self.dir / "index").write_text("")
        (self.dir / "number").write_text("1000\n")
        run(self.openssl, "ca", "-batch", "-notext", "-config", config, "-cert", self.ca, "-keyfile", self.ca_key,
            "-in", request, "-extfile", (self.dir / name).with_suffix(".ext"), "-out", cert, "-enddate",
            time.strftime("%Y%m%d%H%M%SZ", time.gmtime(until)))
        return cert, key, until


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def other_pki(tmp_path_factory):
    """An authority that nobody trusts."""
    return Pki(tmp_path_factory.mktemp("other-pki"), "another authority")


# --- HTTPS -------------------------------------------------------------------


class Nginx:
    """nginx with one page, for one name and one protocol version."""

    body = "it works\n"

    def __init__(self, directory, cert, key, protocol):
        self.dir = Path(directory)
        self.port = free_port()
        (self.dir / "index.html").write_text(self.body)
        config = self.dir / "nginx.conf"
        config.write_text(f"""
daemon off;
master_process off;
pid {self.dir}/nginx.pid;
error_log stderr info;
events {{ }}
http {{
	log_format tls '$ssl_protocol $ssl_cipher "$request" $status';
	access_log {self.dir}/access.log tls;
	client_body_temp_path {self.dir}/body;
	proxy_temp_path {self.dir}/proxy;
	fastcgi_temp_path {self.dir}/fastcgi;
	uwsgi_temp_path {self.dir}/uwsgi;
	scgi_temp_path {self.dir}/scgi;
	server {{
		listen 127.0.0.1:{self.port} ssl;
		ssl_certificate {cert};
		ssl_certificate_key {key};
		ssl_protocols {protocol};
		root {self.dir};
	}}
}}
""")
        self.server = Server([program("nginx"), "-p", self.dir, "-c", config, "-e", "stderr"],
                             self.dir / "nginx.out")
        self.server.wait_ready(lambda: answers(self.port))

    def wait_access(self, pattern):
        """Wait until a line of the access log matches: it comes after the answer."""
        log = self.dir / "access.log"
        wait_for(lambda: re.search(pattern, log.read_text(), re.MULTILINE), f"{pattern} in {log}")

    def stop(self):
        self.server.stop()


# --- a bare TLS server -------------------------------------------------------


class TlsServer:
    """openssl s_server: sends every line back reversed, and says on its output
    what it negotiated."""

    def __init__(self, directory, cert, key, *options):
        self.port = free_port()
        self.server = Server(
            # stdbuf: what it negotiated is written when it happens, not at the end
            [program("stdbuf"), "-oL", program("openssl"), "s_server", "-accept", f"127.0.0.1:{self.port}",
             "-cert", cert, "-key", key, "-rev", *options],
            Path(directory) / f"s_server-{self.port}.out")
        self.server.wait_ready(lambda: "ACCEPT" in self.server.text())

    def text(self):
        return self.server.text()

    def stop(self):
        self.server.stop()
