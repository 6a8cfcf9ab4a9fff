"""Logins to SQL Server with a ticket: real KDCs, and the TDS server with a real GSSAPI acceptor."""

import json
import os
import subprocess
import threading

import pytest
from kdcs import AES128, AES256, AES256_SHA2, KDCS, MitKdc, make_kdc, relay  # noqa: F401 pylint: disable=unused-import
from product import ETL
from servers import pki, program, run, wait_for  # noqa: F401 pylint: disable=unused-import
from tds_clients import FreeTds
from tdsd import USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import

# pylint: disable=redefined-outer-name

REALM = "ETL.TEST"
# policy of the server, what the client asks for
MODES = {"plain": ("none", "off"), "login": ("login", "request"), "tls": ("required", "require"),
         "strict": ("strict", "strict")}


class Domain:
    """A KDC with an account, a server that takes its tickets, and a connection 'dw' to it."""

    def __init__(self, path, kdc, tdsd, pki, mode="tls", **options):
        self.path, self.kdc, self.mode = path, kdc, mode
        self.kdc.add("svc_etl", path / "svc.keytab")
        (path / "svc.keytab").chmod(0o600)
        policy, _ = MODES[mode]
        certificate, key = pki.issue("localhost")
        self.pki = pki
        self.server = tdsd("--keytab", path / "sql.keytab", "--principal", f"svc_etl@{REALM}={USER}",
                           certificate=certificate, key=key, encrypt=policy, **options)
        self.spn = f"MSSQLSvc/localhost:{self.server.port}"
        self.kdc.add(self.spn, path / "sql.keytab")
        self.write()

    def write(self, kerberos=None, host="localhost", **keys):
        values = {"server": f"{host},{self.server.port}", "auth": "kerberos", "encrypt": MODES[self.mode][1],
                  "ca_file": self.pki.ca, "login_timeout": "20s", **keys}
        (self.path / "etl.ini").write_text(
            self.kdc.section(**{"principal": "svc_etl", "keytab": "svc.keytab", **(kerberos or {})})
            + "[connection dw]\ndriver = mssql\n" + "".join(f"{k} = {v}\n" for k, v in values.items() if v is not None))

    def run(self, *argv, status=0, **env):
        done = subprocess.run([str(ETL), *argv], cwd=self.path, env=env, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def ping(self, status=0, **env):
        done = self.run("ping", "dw", "--json", status=status, **env)
        return json.loads(done.stdout) if status == 0 else done.stderr.removeprefix("etl: connection 'dw': ")

    def said(self, text):
        wait_for(lambda: text in self.server.server.text(), f"'{text}' in the server's log")


@pytest.fixture
def domain(tmp_path, make_kdc, tdsd, pki):
    def make(kind=MitKdc, enctypes=(AES256,), kdc=None, **options):
        return Domain(tmp_path, make_kdc(kind, enctypes=enctypes, **(kdc or {})), tdsd, pki, **options)
    return make


@pytest.mark.parametrize("mechanism", ["krb5", "spnego"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("enctype", [AES256, AES128, AES256_SHA2])
@pytest.mark.parametrize("kind", KDCS)
def test_matrix(domain, kind, enctype, mode, mechanism):
    binding = "require" if mode in ("login", "tls") else "off"  # TLS 1.2
    dw = domain(kind, enctypes=(enctype,), mode=mode, channel_binding=binding)
    dw.write(mechanism=mechanism)
    facts = dw.ping()
    assert facts["auth"] == "kerberos"
    assert facts["login"] == USER
    assert facts["encrypted"] == (mode in ("tls", "strict"))
    assert dw.server.last_login()["integrated"]


def test_from_a_cache_that_kinit_refresh_made(domain):
    dw = domain()
    dw.write({"ccache": "cc"})
    dw.run("kinit-refresh", "--once")
    dw.write({"keytab": None, "ccache": "cc", "principal": None})
    assert dw.ping()["auth"] == "kerberos"


def test_cached_service_ticket_costs_no_round_trip(domain):
    dw = domain()
    dw.write({"ccache": "cc"})
    dw.ping()
    before = dw.kdc.log().count("_REQ")
    dw.kdc.stop()
    for _ in range(3):
        dw.ping()
    assert dw.kdc.log().count("_REQ") == before


@pytest.mark.parametrize("mechanism", ["krb5", "spnego"])
def test_a_silent_kdc_is_not_asked_for_the_service_ticket(domain, relay, mechanism):
    """What the exchange for our own ticket has learnt counts for what GSSAPI asks."""
    dw = domain()
    silent = relay(dw.kdc.port)
    dw.write({"kdc": f"127.0.0.1:{silent.port}, 127.0.0.1:{dw.kdc.port}", "timeout": "30s"}, mechanism=mechanism)
    assert dw.ping()["auth"] == "kerberos"
    assert "TGS_REQ" in dw.kdc.log()
    assert (silent.datagrams, silent.connections) == (1, 1)


def test_two_hundred_connections_at_once(domain):
    """One cache, service tickets and all: nothing lost, nothing torn."""
    dw = domain()
    dw.write({"ccache": "cc"})
    dw.run("kinit-refresh", "--once")
    results = []

    def ping():
        for _ in range(10):
            results.append(subprocess.run([str(ETL), "ping", "dw", "--json"], cwd=dw.path, env={},
                                          capture_output=True, text=True, timeout=120, check=False))

    def renew():
        for _ in range(10):
            results.append(subprocess.run([str(ETL), "kinit-refresh", "--once"], cwd=dw.path, env={},
                                          capture_output=True, text=True, timeout=120, check=False))
    threads = [threading.Thread(target=ping) for _ in range(20)] + [threading.Thread(target=renew)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 210
    assert not [r.stderr for r in results if r.returncode]


def test_two_principals_in_one_process(domain):
    """The store under one account, a connection under another."""
    dw = domain()
    dw.kdc.add("svc_other", dw.path / "other.keytab")
    (dw.path / "other.keytab").chmod(0o600)
    dw.write(principal="svc_other", keytab="other.keytab")
    text = dw.ping(status=5)
    assert "svc_other@ETL.TEST" in text and "CREATE LOGIN" in text


def test_delegation_only_when_asked(domain):
    dw = domain()
    dw.ping()
    dw.said(f"ticket of 'svc_etl@{REALM}'\n")
    assert ", delegated" not in dw.server.server.text()
    dw.write(delegate="yes")
    dw.ping()
    dw.said(f"ticket of 'svc_etl@{REALM}', delegated\n")


def test_spn_by_option(domain):
    dw = domain()
    dw.kdc.add("MSSQLSvc/dw.etl.test:INST", dw.path / "sql.keytab")
    dw.write(spn="MSSQLSvc/dw.etl.test:INST")
    dw.ping()


def test_address_is_not_asked_for_its_name(domain):
    dw = domain(mode="plain")
    dw.write(host="127.0.0.1")
    assert f"the KDC knows no service 'MSSQLSvc/127.0.0.1:{dw.server.port}'" in dw.ping(status=5)


# --- what goes wrong ---------------------------------------------------------------


def test_no_such_spn(domain):
    dw = domain()
    dw.write(spn="MSSQLSvc/nowhere:1433")
    text = dw.ping(status=5)
    assert text.startswith("kerberos: the KDC knows no service 'MSSQLSvc/nowhere:1433'")
    assert "SPN" in text


def test_no_login_for_the_account(domain, tmp_path):
    dw = domain()
    dw.kdc.add("svc_stranger", tmp_path / "stranger.keytab")
    (tmp_path / "stranger.keytab").chmod(0o600)
    dw.write({"principal": "svc_stranger", "keytab": "stranger.keytab"})
    text = dw.ping(status=5)
    assert text.startswith("login: Login failed for user 'svc_stranger@ETL.TEST'.") and "18456" in text
    assert "Kerberos is fine" in text


def test_server_with_an_old_key(domain):
    """The account that the server runs as has another password than the KDC knows it by."""
    dw = domain()
    dw.kdc.change(dw.spn)
    text = dw.ping(status=5)
    assert text.startswith("login: ") and "18452" in text
    dw.said("error 17806: SSPI handshake failed")


def test_server_without_a_keytab(domain):
    dw = domain()
    (dw.path / "sql.keytab").unlink()
    assert "18452" in dw.ping(status=5)


def test_channel_binding_through_somebody_in_between(domain):
    """Without TLS of its own there is nothing that binds it."""
    dw = domain(mode="plain", channel_binding="require")
    assert "18452" in dw.ping(status=5)
    dw.said("channel binding is required")


def test_server_that_does_not_prove_itself(domain):
    dw = domain(proof="off")
    text = dw.ping(status=5)
    assert text.startswith("kerberos: the server let us in without proving who it is")


def test_no_ticket(domain):
    dw = domain()
    dw.write({"keytab": None, "ccache": "cc"})
    assert dw.ping(status=7).startswith("kerberos: there is no ticket in 'FILE:")


def test_expired_ticket(domain):
    dw = domain(kdc={"life": "2s"})
    dw.write({"ccache": "cc"})
    dw.run("kinit-refresh", "--once")
    dw.write({"keytab": None, "ccache": "cc"})
    wait_for(lambda: subprocess.run([str(ETL), "healthcheck", "--ticket"], cwd=dw.path, env={}, check=False,
                                    capture_output=True).returncode == 5, "the ticket's end")
    assert dw.ping(status=5).startswith(f"kerberos: the ticket of 'svc_etl@{REALM}' has expired at ")


def test_no_kdc(domain):
    dw = domain()
    dw.kdc.stop()
    assert dw.ping(status=4).startswith(f"kerberos: no KDC answers for 'svc_etl@{REALM}'")


def test_environment_is_not_needed_but_heeded(domain):
    dw = domain()
    dw.write({"keytab": None, "kdc": "127.0.0.1:9"})
    subprocess.run(["kinit", "-c", str(dw.path / "mit"), "-k", "-t", str(dw.path / "svc.keytab"), "svc_etl"],
                   check=True, env={**os.environ, **dw.kdc.env})
    assert dw.ping(KRB5CCNAME=f"FILE:{dw.path}/mit", KRB5_CONFIG=str(dw.kdc.krb5_conf))["auth"] == "kerberos"


class Unbound(FreeTds):
    """Somebody else's client with the same account: Debian's FreeTDS logs in with a ticket, and binds nothing."""

    def __init__(self, dw):
        super().__init__(dw.path, dw.server, spn=f"{dw.spn}@{REALM}", ca_file=dw.pki.ca, encryption="require",
                         check_certificate_hostname="no")
        self.env.update(dw.kdc.env, KRB5CCNAME=f"FILE:{dw.path}/mit")
        run("kinit", "-k", "-t", dw.path / "svc.keytab", "svc_etl", env=self.env)

    def gets_in(self):
        done = subprocess.run([program("tsql"), "-S", "server", "-o", "fhq"], input="SELECT 7\ngo\nquit\n", env=self.env,
                              capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.strip() == "7"


@pytest.mark.parametrize("mode, unbound", [("off", True), ("allow", True), ("require", False)])
def test_extended_protection(domain, mode, unbound):
    """We always bind; who does not gets in where it is merely allowed."""
    dw = domain(channel_binding=mode)
    for mechanism in "krb5", "spnego":
        dw.write(mechanism=mechanism)
        assert dw.ping()["auth"] == "kerberos"
    assert Unbound(dw).gets_in() == unbound
    if not unbound:
        dw.said("channel binding is required, and the client sends none")


# --- realms that trust each other ---------------------------------------------------


OTHER = "OTHER.TEST"


@pytest.mark.parametrize("mechanism", ["krb5", "spnego"])
def test_server_of_another_realm(domain, make_kdc, mechanism):
    """An account of one realm, a server of the other, and a key that the two share."""
    dw = domain()
    dw.theirs = make_kdc(MitKdc, realm=OTHER)
    dw.theirs.trust(dw.kdc)
    dw.kdc.kadmin(f"delprinc -force {dw.spn}")
    (dw.path / "sql.keytab").unlink()
    dw.theirs.add(dw.spn, dw.path / "sql.keytab")
    trusted = f"{OTHER} = 127.0.0.1:{dw.theirs.port}"
    dw.write({"trusted_kdc": trusted}, mechanism=mechanism)
    assert f"the KDC knows no service '{dw.spn}'" in dw.ping(status=5)
    dw.write({"trusted_kdc": trusted, "domain_realm": f"localhost = {OTHER}"}, mechanism=mechanism)
    assert dw.ping()["auth"] == "kerberos"
    assert f"{dw.spn}@{OTHER}" in dw.theirs.log()


@pytest.mark.parametrize("mechanism", ["krb5", "spnego"])
def test_the_kdc_refers_to_another_realm(domain, make_kdc, mechanism):
    """It knows which realm a server is of, and we do not (RFC 6806, 8). MIT's refers for a host, not for a host with a
    port."""
    dw = domain()
    dw.theirs = make_kdc(MitKdc, realm=OTHER)
    dw.theirs.trust(dw.kdc)
    host = "sql.far.test"
    dw.theirs.add(f"MSSQLSvc/{host}", dw.path / "sql.keytab")
    dw.write({"trusted_kdc": f"{OTHER} = 127.0.0.1:{dw.theirs.port}"}, mechanism=mechanism, spn=f"MSSQLSvc/{host}")
    assert f"the KDC knows no service 'MSSQLSvc/{host}'" in dw.ping(status=5)
    dw.kdc.refers(host, OTHER)
    assert dw.ping()["auth"] == "kerberos"
    assert f"MSSQLSvc/{host}@{OTHER}" in dw.theirs.log()
