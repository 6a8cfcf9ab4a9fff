"""An Active Directory as it is met: Samba's domain controller with its own KDC, DNS and account rules."""

import json
import subprocess

import pytest
from product import ETL
from samba_dc import REALM
from servers import pki  # noqa: F401 pylint: disable=unused-import
from tdsd import USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import

# pylint: disable=redefined-outer-name


class Account:
    """A service account of its own, its keytab, and an etl.ini."""

    number = 0

    def __init__(self, path, dc, aes=True):
        Account.number += 1
        self.path, self.dc, self.name = path, dc, f"svc{Account.number}"
        dc.add_user(self.name)
        if aes:
            dc.aes_only(self.name)
        self.key()
        self.write()

    def key(self):
        self.dc.export(f"{self.name}@{REALM}", self.path / "svc.keytab")

    def write(self, more="", **keys):
        values = {"realm": REALM, "kdc": self.dc.address, "principal": self.name, "keytab": "svc.keytab", "ccache": "cc",
                  "timeout": "3s", **keys}
        (self.path / "etl.ini").write_text(
            "[kerberos]\n" + "".join(f"{k} = {v}\n" for k, v in values.items() if v is not None) + more)

    def run(self, *argv, status=0):
        done = subprocess.run([str(ETL), *argv], cwd=self.path, env={}, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def once(self, status=0):
        return self.run("kinit-refresh", "--once", status=status).stderr

    def doctor(self, check, state):
        done = subprocess.run([str(ETL), "doctor", "--json"], cwd=self.path, env={}, capture_output=True, text=True,
                              timeout=60, check=False)
        found = [c for c in json.loads(done.stdout)["checks"] if (c["check"], c["state"]) == (check, state)]
        assert found, done.stdout
        return found[0]["text"]


@pytest.fixture
def account(tmp_path, directory):
    return lambda **options: Account(tmp_path, directory, **options)


def test_ticket_is_too_large_for_udp(account):
    here = account()
    here.once()
    assert "aes256" in here.run("kinit-refresh", "--once").stdout


def test_password_change_and_kvno_step(account):
    here = account()
    here.once()
    before = here.dc.attribute(here.name, "msDS-KeyVersionNumber")
    here.dc.change(here.name)
    assert "refuses the keytab's key" in here.once(status=5)
    assert "refuses the keytab's key" in here.doctor("account", "problem")
    here.key()
    here.once()
    assert int(here.dc.attribute(here.name, "msDS-KeyVersionNumber")) == int(before) + 1


def test_stale_keytab_is_one_bad_password(account):
    here = account()
    for _ in range(3):  # the two passwords before the last one are never counted
        here.dc.change(here.name)
    here.dc.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=9")  # or nothing is counted
    try:
        for _ in range(5):
            here.once(status=5)
        assert here.dc.attribute(here.name, "badPwdCount") == "1"
    finally:
        here.dc.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")


def test_disabled(account):
    here = account()
    here.dc.tool("user", "disable", here.name)
    assert f"the account '{here.name}@{REALM}' is disabled" in here.once(status=5)
    assert "is disabled" in here.doctor("account", "problem")
    here.dc.tool("user", "enable", here.name)
    here.once()


def test_expired(account):
    here = account()
    here.dc.modify(here.name, "accountExpires", "116444736010000000")  # 1970
    assert "has expired" in here.once(status=5)
    assert "has expired" in here.doctor("account", "problem")


def test_password_must_be_changed(account):
    here = account()
    here.dc.modify(here.name, "userAccountControl", "512")  # a password that expires
    here.dc.modify(here.name, "pwdLastSet", "0")
    text = here.once(status=5)
    assert "must be changed" in text or f"the password of '{here.name}@{REALM}' has expired" in text


def test_locked(account):
    here = account()
    here.dc.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=2")
    try:
        for _ in range(3):
            here.dc.change(here.name)
        for _ in range(3):
            here.run("kinit-refresh", "--once", "--force", status=5)
        here.key()  # the right key does not help
        # Windows says which it is (NTSTATUS in e-data), Samba only for disabled and expired ones
        assert "locked" in here.once(status=5)
        assert "locked" in here.doctor("account", "problem")
    finally:
        here.dc.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")


def test_no_such_account(account):
    here = account()
    here.dc.tool("user", "delete", here.name)
    assert f"knows no account '{here.name}@{REALM}'" in here.once(status=5)


@pytest.mark.parametrize("mechanism", ["krb5", "spnego"])
@pytest.mark.parametrize("encrypt", ["off", "require"])
def test_login(account, tdsd, pki, encrypt, mechanism):
    here = account()
    certificate, key = pki.issue("localhost")
    server = tdsd("--keytab", here.path / "sql.keytab", "--principal", f"{here.name}@{REALM}={USER}",
                  certificate=certificate, key=key, encrypt="none" if encrypt == "off" else "required",
                  channel_binding="off" if encrypt == "off" else "require")
    service = Account.number
    here.dc.add_user(f"sql{service}{mechanism}{encrypt}"[:20])
    name = f"sql{service}{mechanism}{encrypt}"[:20]
    here.dc.tool("spn", "add", f"MSSQLSvc/localhost:{server.port}", name)
    here.dc.aes_only(name)
    here.dc.export(f"MSSQLSvc/localhost:{server.port}@{REALM}", here.path / "sql.keytab")
    here.write(f"[connection dw]\ndriver = mssql\nserver = localhost,{server.port}\nauth = kerberos\nca_file = {pki.ca}\n"
               f"encrypt = {encrypt}\nmechanism = {mechanism}\n")
    assert json.loads(here.run("ping", "dw", "--json").stdout)["login"] == USER
    assert "aes256" in here.doctor("spn", "ok")


def test_kdcs_by_dns(account):
    """Without `kdc` the DNS is asked; here the host's resolver does not know the domain, and that is said."""
    here = account()
    here.write(kdc=None)
    assert "no KDC answers" in here.once(status=4)
    assert "the DNS names 0 KDCs" in here.doctor("dns", "problem")


def test_first_controller_is_dead(account):
    here = account()
    dead = here.dc.address.rsplit(".", 1)[0] + ".77"
    here.write(kdc=f"{dead}, {here.dc.address}", timeout="9s")
    here.once()


def test_all_controllers_die_and_come_back(account):
    here = account()
    here.once()
    here.dc.stop()
    try:
        assert "no KDC answers" in here.once(status=4)
        here.run("healthcheck", "--ticket")  # the old one serves
    finally:
        here.dc.start()
    here.once()
