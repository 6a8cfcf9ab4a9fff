"""A domain as its machines see it: two controllers of which one dies, DNS that names them, aliases, instances and
servers that send us on. Programs run in a namespace whose resolver is the domain's DNS."""

import json

import pytest
from product import ETL
from samba_dc import REALM
from tdsd import USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_active_directory import Account

# pylint: disable=redefined-outer-name


class Member(Account):
    """An account of the domain on a machine of it."""

    def __init__(self, path, dc, client):
        self.client = client
        super().__init__(path, dc)

    def write(self, more="", **keys):
        super().write(more, **{"kdc": None, **keys})

    def run(self, *argv, status=0):
        done = self.client.inside(ETL, *argv, check=False, env={}, cwd=self.path)
        assert done.returncode == status or status is None, done.stdout + done.stderr
        return done

    def findings(self):
        return [(c["subject"], c["check"], c["state"], c["text"])
                for c in json.loads(self.run("doctor", "--json", status=None).stdout)["checks"]]

    def server(self, tdsd, net, *arguments, spn, host=None):
        """A SQL Server on the machine that the tests run on, registered as `spn` says ({port} is its own)."""
        keytab = self.path / f"sql{len(list(self.path.glob('sql*.keytab')))}.keytab"
        made = tdsd("--keytab", keytab, "--principal", f"{self.name}@{REALM}={USER}", *arguments,
                    listen=f"{host or net.host}:0", encrypt="none")
        name = f"s{self.name}{keytab.stem}"[:20]
        made.spn = spn.format(port=made.port)
        self.dc.add_user(name)
        self.dc.tool("spn", "add", made.spn, name)
        self.dc.aes_only(name)
        self.dc.export(f"{made.spn}@{REALM}", keytab)
        return made

    def connect(self, server, **keys):
        values = {"driver": "mssql", "server": server, "auth": "kerberos", "encrypt": "off", **keys}
        self.write("[connection dw]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()))

    def ping(self, status=0):
        done = self.run("ping", "dw", "--json", status=status)
        return json.loads(done.stdout) if status == 0 else done.stderr


@pytest.fixture
def member(tmp_path, directory, client):
    client.ask(directory)
    return Member(tmp_path, directory, client)


@pytest.fixture(scope="session")
def named(directory, domain_net):
    """sqlhost has an address, sql is another name for it."""
    directory.add_dns("sqlhost", "A", domain_net.host)
    directory.add_dns("sql", "CNAME", f"sqlhost.{REALM.lower()}")


@pytest.fixture(scope="session")
def both(directory, request):
    """The DNS names both controllers, and each knows what the other knows."""
    for name in "_kerberos._udp", "_kerberos._tcp":  # before: then the first one has to look after the second
        directory.add_dns(name, "SRV", f"dc2.{REALM.lower()} 88 0 100")
    second = request.getfixturevalue("second")
    second.replicate_from(directory)
    return directory, second


# --- DNS ---------------------------------------------------------------------------


def test_kdcs_by_dns(member):
    member.once()
    found = member.findings()
    assert (REALM, "dns", "ok", f"the DNS names 1 KDCs (SRV _kerberos._udp.{REALM})") in found
    assert ("dc1.ad.test:88", "kdc", "ok", "answers over UDP and TCP") in found


def test_alias_is_resolved_to_the_name_that_the_server_has(member, tdsd, domain_net, named):
    server = member.server(tdsd, domain_net, spn="MSSQLSvc/sqlhost.ad.test:{port}")
    for name in "sqlhost.ad.test", "sql.ad.test", "sql":  # the last one by the resolver's search list
        member.connect(f"{name},{server.port}")
        assert member.ping()["login"] == USER
    assert ("connection dw", "spn", "ok", f"{server.spn}@{REALM}, aes256-cts-hmac-sha1-96") in member.findings()


def test_named_instance(member, tdsd, domain_net, named):
    """The browser says the port, and the port is in the SPN."""
    server = member.server(tdsd, domain_net, "--instance", "DWH", "--browser", f"{domain_net.host}:1434",
                           spn="MSSQLSvc/sqlhost.ad.test:{port}")
    member.connect("sqlhost.ad.test\\DWH")
    facts = member.ping()
    assert (facts["login"], facts["auth"]) == (USER, "kerberos")
    assert server.last_login()["integrated"]
    found = member.findings()  # the doctor has the port from the login, and asks for the SPN then
    assert [f[3].partition("@")[0] for f in found if f[1:3] == ("spn", "ok")] == [server.spn]
    assert ("connection dw", "login", "ok") in [f[:3] for f in found]


def test_named_instance_that_is_registered_by_its_name(member, tdsd, domain_net, named):
    """By name is what clients of named pipes ask for: over TCP there is no login, and the doctor says what there is."""
    server = member.server(tdsd, domain_net, "--instance", "DWH", "--browser", f"{domain_net.host}:1434",
                           spn="MSSQLSvc/sqlhost.ad.test:DWH")
    member.connect("sqlhost.ad.test\\DWH")
    found = member.findings()
    assert ("connection dw", "other spn", "warning", f"'{server.spn}' does exist") in found
    assert [f[3] for f in found if f[2] == "problem" and f"MSSQLSvc/sqlhost.ad.test:{server.port}" in f[3]]


def test_listener_that_sends_us_on(member, tdsd, domain_net, named):
    """A listener of an availability group: each of the two has an SPN of its own, by the name that we were given."""
    replica = member.server(tdsd, domain_net, spn="MSSQLSvc/sqlhost.ad.test:{port}")
    listener = member.server(tdsd, domain_net, "--route", f"sqlhost.ad.test,{replica.port}",
                             spn="MSSQLSvc/sqlhost.ad.test:{port}")
    member.connect(f"sqlhost.ad.test,{listener.port}", application_intent="readonly")
    assert member.ping()["login"] == USER
    assert listener.last_login()["integrated"] and replica.last_login()["integrated"]


# --- two controllers -----------------------------------------------------------------


def test_one_of_two_controllers_dies(member, both):
    """By the list, by the DNS, and with the password that was changed at the other one."""
    first, other = both
    other.replicate_from(first)
    by_list = f"{first.address}, {other.address}"
    member.write(kdc=by_list)
    member.once()
    first.stop()
    try:
        member.once()
        assert (f"{first.address}:88", "kdc", "problem") in [f[:3] for f in member.findings()]
        assert (f"{other.address}:88", "kdc", "ok") in [f[:3] for f in member.findings()]
        member.client.ask(first, other)  # whose DNS is dead, too
        member.write()
        member.once()
        found = [f[:3] for f in member.findings()]
        assert ("dc1.ad.test:88", "kdc", "problem") in found and ("dc2.ad.test:88", "kdc", "ok") in found
    finally:
        first.start()
    member.write(kdc=f"{other.address}")
    other.change(member.name)
    assert "refuses the keytab's key" in member.once(status=5)
    other.export(f"{member.name}@{REALM}", member.path / "svc.keytab")
    member.once()


def test_both_die_and_one_comes_back(member, both):
    first, other = both
    other.replicate_from(first)
    member.write(kdc=f"{first.address}, {other.address}")
    member.once()
    first.stop()
    other.stop()
    try:
        assert "no KDC answers" in member.once(status=4)
        member.run("healthcheck", "--ticket")
        other.start()
        member.once()
    finally:
        first.start()
        if other.server.process.poll() is not None:
            other.start()
