"""A connection to SQL Server that does not come about: which layer failed, why, and what to do.

Each is what the user sees of 'etl ping': one line and a hint, the exit status, and nothing else.
"""

import socket
import subprocess
import time

import pytest

# pylint: disable=redefined-outer-name
from servers import free_port, other_pki, pki, wait_for  # noqa: F401 pylint: disable=unused-import
from old_tls import OldTls
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import


@pytest.fixture
def dw(project):
    """Configures connection 'dw' and pings it: the process that has ended."""
    project.write("password", PASSWORD + "\n")

    def ping(port=1, status=0, host="localhost", **keys):
        options = {"server": f"{host},{port}" if port else host, "user": USER, "password_file": "password",
                   "login_timeout": "5s", **keys}
        project.write("etl.ini", "[connection dw]\ndriver = mssql\n"
                      + "".join(f"{k} = {v}\n" for k, v in options.items()))
        if status is None:
            return subprocess.run(project.argv("ping", "dw"), cwd=project.path, env=project.env(),
                                  capture_output=True, text=True, check=False)
        return project.etl("ping", "dw", "--json", status=status)
    return ping


@pytest.fixture
def certified(tdsd, pki):
    """A server with a certificate for localhost, or for what is said."""
    def start(name="localhost", **options):
        certificate, key = pki.issue(name)
        return tdsd(certificate=certificate, key=key, **options)
    return start


def error(done):
    """The message, without its beginning."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) <= 2, done.stderr
    assert lines[0].startswith("etl: connection 'dw': "), done.stderr
    return "\n".join(lines).removeprefix("etl: connection 'dw': ")


def test_no_such_host(dw):
    text = error(dw(host="no-such-host.invalid", status=4))
    assert text.startswith("name: there is no host 'no-such-host.invalid': ")


def test_nobody_listens(dw):
    port = free_port()
    text = error(dw(port, status=4))
    assert text.startswith(f"port: connect to localhost,{port}: Connection refused")
    assert "firewall" in text


def test_no_browser_for_an_instance(dw):
    text = error(dw(None, host="127.0.0.5\\DWH", status=4))
    assert text.startswith("port: the SQL Server Browser of '127.0.0.5' (UDP 1434) names no port for 'DWH'")


def test_something_else_listens(dw):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.listen()
        text = error(dw(other.getsockname()[1], login_timeout="1s", status=4))
    assert text.startswith("login: localhost,") and "did not answer within 1 s" in text


@pytest.mark.parametrize("encrypt", ["required", "strict"])
def test_wrong_authority(dw, certified, other_pki, encrypt):
    server = certified(encrypt=encrypt)
    text = error(dw(server.port, ca_file=other_pki.ca, status=4,
                    encrypt="strict" if encrypt == "strict" else "require"))
    assert "tls: localhost," in text
    assert "the server's certificate is not signed by a trusted authority" in text
    assert "is ca_file the authority which signed it?" in text


def test_an_authority_that_is_none(dw, certified, project):
    project.write("ca.pem", "this is no certificate")
    text = error(dw(certified(encrypt="required").port, ca_file="ca.pem", status=3))
    assert text.startswith("tls: ") and "the file of trusted authorities cannot be read" in text


def test_wrong_name(dw, certified, pki):
    server = certified("sql99.example.org", encrypt="required")
    text = error(dw(server.port, ca_file=pki.ca, status=4))
    assert "tls: " in text and "the server's certificate is for another name" in text
    assert "host_name_in_certificate" in text


def test_expired(dw, tdsd, pki):
    certificate, key = pki.issue("localhost", days=-1)
    server = tdsd(certificate=certificate, key=key, encrypt="required")
    text = error(dw(server.port, ca_file=pki.ca, status=4))
    assert "tls: " in text and "the server's certificate has expired" in text


def test_self_signed(dw, tdsd, pki):
    server = tdsd(encrypt="required")  # it signs its own
    text = error(dw(server.port, ca_file=pki.ca, status=4))
    assert "tls: " in text and "not signed by a trusted authority" in text


def test_another_certificate_than_the_pinned_one(dw, certified, pki):
    other, _ = pki.issue("other")
    text = error(dw(certified(encrypt="required").port, server_certificate=other, status=4))
    assert "tls: " in text and "is another one than server_certificate" in text


def test_a_server_without_encryption(dw, tdsd):
    text = error(dw(tdsd(encrypt="none").port, status=4))
    assert text.startswith("tls: ") and "refuses to encrypt" in text


@pytest.mark.parametrize("policy, what", [("none", "refuses to encrypt"), ("login", "encrypts the login only")])
def test_encryption_negotiated_away_on_the_way(dw, certified, pki, policy, what):
    server = certified(encrypt="on")
    server.fault(f"downgrade encrypt={policy}")
    text = error(dw(server.port, ca_file=pki.ca, status=4))
    assert text.startswith("tls: ") and what in text
    # a password was never sent in the clear
    assert all(c["login"]["encryption"] != "none" for c in server.connections() if c.get("login"))


def test_off_against_a_server_that_encrypts(dw, certified):
    text = error(dw(certified(encrypt="required").port, encrypt="off", status=4))
    assert text.startswith("tls: ") and "encrypt = require" in text


def test_strict_against_a_server_that_is_not(dw, certified, pki):
    text = error(dw(certified(encrypt="on").port, ca_file=pki.ca, encrypt="strict", status=4))
    assert text.startswith("tls: ") and "SQL Server 2022" in text


@pytest.mark.parametrize("strict", [False, True])
def test_a_server_with_old_tls_only(dw, pki, strict):
    certificate, key = pki.issue("localhost")
    server = OldTls(certificate, key, strict)
    text = error(dw(server.port, ca_file=pki.ca, status=4, encrypt="strict" if strict else "require"))
    assert text.startswith("tls: "), text
    assert not server.agreed.is_set() and ("TLS 1.2" in text or "SQL Server 2022" in text)


def test_a_certificate_that_expires_meanwhile(dw, tdsd, pki):
    certificate, key, until = pki.issue_for_seconds("localhost", 3)
    server = tdsd(certificate=certificate, key=key, encrypt="required")
    first = dw(server.port, ca_file=pki.ca, status=None)
    assert "expired" not in first.stderr
    wait_for(lambda: time.time() > until + 1, "the certificate's end")
    assert "the server's certificate has expired" in error(dw(server.port, ca_file=pki.ca, status=4))


@pytest.mark.parametrize("keys, message", [
    ({"user": "nobody"}, "login: Login failed for user 'nobody'"),
])
def test_refused(dw, certified, pki, keys, message):
    text = error(dw(certified(encrypt="required").port, ca_file=pki.ca, status=5, **keys))
    assert text.startswith(message), text


def test_wrong_password(dw, certified, pki, project):
    project.write("wrong", "Wr0ng!")
    text = error(dw(certified(encrypt="required").port, ca_file=pki.ca, password_file="wrong", status=5))
    assert text.startswith(f"login: Login failed for user '{USER}'") and "error 18456" in text
    assert "Wr0ng" not in text


@pytest.mark.parametrize("number, status, layer", [
    (18488, 5, "login"), (18486, 5, "login"), (40613, 4, "database"), (18401, 4, "login"), (17809, 4, "login")])
def test_refused_with_a_number(dw, certified, pki, number, status, layer):
    server = certified(encrypt="required")
    server.fault(f"refuse number={number}")
    text = error(dw(server.port, ca_file=pki.ca, status=status))
    assert text.startswith(f"{layer}: ") and f"error {number}" in text


def test_options_that_lack(dw, project):
    assert "needs 'user' and 'password_file'" in error(dw(user="", status=3))
    (project.path / "password").unlink()
    assert "password_file" in error(dw(status=3))
    assert "a port stands behind a comma" in error(dw(None, host="sql01:1433", status=3))


@pytest.mark.parametrize("phase", ["prelogin", "tls", "login"])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_cut_while_it_logs_in(dw, certified, pki, phase, direction):
    """After every packet of it: an error that names a layer, and never a wait without end."""
    server = certified(encrypt="required")
    for packet in range(1, 6):
        number = server.fault(f"cut phase={phase} dir={direction} packet={packet}")
        hits = [f["hits"] for f in server.faults() if f["id"] == number]
        start = time.monotonic()
        try:
            text = error(dw(server.port, ca_file=pki.ca, status=4))
        except AssertionError:
            hits = [f["hits"] for f in server.faults() if f["id"] == number]
            assert hits == [0] and packet > 1, (phase, direction, packet)  # there is no such packet
            break
        assert text.split(":")[0] in ("port", "tls", "login"), text
        assert time.monotonic() - start < 5
        server.ask("clear")
