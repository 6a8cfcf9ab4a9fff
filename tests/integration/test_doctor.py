"""'etl doctor': each way in which the Kerberos tests break things has a diagnosis of its own, and a remedy."""

import json
import sqlite3
import subprocess
from contextlib import closing

import pymssql
import pytest
from kdcs import RC4, KDCS, MitKdc, make_kdc  # noqa: F401 pylint: disable=unused-import
from product import ETL
from servers import other_pki, pki  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_kerberos_login import REALM, Domain, domain  # noqa: F401 pylint: disable=unused-import

# pylint: disable=redefined-outer-name

SVC = f"svc_etl@{REALM}"


class Findings:
    def __init__(self, done):
        self.done = done
        self.report = json.loads(done.stdout)

    def of(self, check, state=None):
        return [c for c in self.report["checks"] if c["check"] == check and state in (None, c["state"])]

    def one(self, check, state, text, remedy=""):
        """The finding of that check in that state; says all there are when it is not there."""
        found = [c for c in self.of(check, state) if text in c["text"] and remedy in (c["remedy"] or "")]
        assert found, json.dumps(self.report["checks"], indent=1)
        assert state not in ("warning", "problem") or found[0]["remedy"], "no remedy"
        return found[0]


def doctor(path, status=0):
    done = subprocess.run([str(ETL), "doctor", "--json"], cwd=path, env={}, capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return Findings(done)


@pytest.mark.parametrize("kind", KDCS)
def test_all_is_well(domain, kind):
    dw = domain(kind)
    found = doctor(dw.path)
    assert found.report["problems"] == 0
    found.one("kdc", "ok", "answers over UDP and TCP")
    found.one("clock", "ok", "0 s")
    found.one("key", "ok", SVC)
    found.one("account", "ok", "takes the keytab's key")
    found.one("ticket", "ok", SVC)
    found.one("spn", "ok", dw.spn)
    found.one("tls", "ok", "TLSv1.2")
    found.one("login", "ok", "loader")
    found.one("auth_scheme", "ok", "KERBEROS")
    text = dw.run("doctor").stdout
    assert "0 problems" in text and text.startswith("ok ")


def test_no_kdc(domain):
    dw = domain()
    dw.kdc.stop()
    found = doctor(dw.path, status=4)
    found.one("kdc", "problem", "does not answer", "firewalls")
    found.one("account", "problem", f"no KDC answers for '{SVC}'", "port 88")
    found.one("spn", "problem", "no KDC answers")


def test_one_of_two_kdcs_is_dead(domain):
    dw = domain()
    dw.write({"kdc": f"127.0.0.1:9, 127.0.0.1:{dw.kdc.port}"})
    found = doctor(dw.path, status=4)
    assert found.one("kdc", "problem", "does not answer")["subject"] == "127.0.0.1:9"
    found.one("login", "ok", "loader")


@pytest.mark.parametrize("clock, words", [("+10m", "before"), ("-10m", "behind")])
def test_clock(domain, clock, words):
    dw = domain(kdc={"clock": clock})
    found = doctor(dw.path, status=3)
    assert words in found.one("clock", "problem", "s ", "NTP")["text"]


def test_changed_password(domain):
    dw = domain()
    dw.kdc.change("svc_etl")
    found = doctor(dw.path, status=5)
    found.one("account", "problem", f"refuses the keytab's key for '{SVC}'", "new keytab")
    assert dw.kdc.log().count("PREAUTH_FAILED: ") == 1


@pytest.mark.parametrize("kind", KDCS)
@pytest.mark.parametrize("how, text", [("expire", "has expired"), ("expire_password", "password"), ("disable", SVC)])
def test_account(domain, kind, how, text):
    dw = domain(kind)
    getattr(dw.kdc, how)("svc_etl")
    found = doctor(dw.path, status=5)
    found.one("account", "problem", text)
    found.one("kdc", "ok", "")


def test_keytab_that_others_can_read(domain):
    dw = domain()
    (dw.path / "svc.keytab").chmod(0o644)
    found = doctor(dw.path, status=3)
    found.one("keytab", "problem", "is open to others", "chmod 600")
    found.one("ticket", "skipped", "")


def test_keytab_that_is_none(domain):
    dw = domain()
    (dw.path / "svc.keytab").write_bytes(b"\5\2junk")
    doctor(dw.path, status=3).one("keytab", "problem", "is no keytab", "make one")


def test_keytab_without_aes(domain):
    dw = domain(enctypes=(RC4,))
    found = doctor(dw.path, status=3)
    found.one("key", "warning", "RC4")
    found.one("account", "problem", "has no AES key", "AES")


def test_spn_is_missing(domain):
    dw = domain()
    dw.kdc.kadmin(f"delprinc -force {dw.spn}")
    found = doctor(dw.path, status=5)
    found.one("spn", "problem", f"knows no service '{dw.spn}'", f"setspn -S {dw.spn}")
    assert not found.of("other spn")


def test_spn_under_another_name(domain):
    dw = domain()
    dw.kdc.kadmin(f"delprinc -force {dw.spn}")
    dw.kdc.add("MSSQLSvc/localhost")
    doctor(dw.path, status=5).one("other spn", "warning", "'MSSQLSvc/localhost' does exist", "spn = MSSQLSvc/localhost")


def test_no_login(domain):
    dw = domain()
    dw.kdc.add("svc_stranger", dw.path / "stranger.keytab")
    (dw.path / "stranger.keytab").chmod(0o600)
    dw.write({"principal": "svc_stranger", "keytab": "stranger.keytab"})
    found = doctor(dw.path, status=5)
    found.one("spn", "ok", dw.spn)
    found.one("login", "problem", "Login failed for user", "CREATE LOGIN")


def test_server_with_an_old_key(domain):
    dw = domain()
    dw.kdc.change(dw.spn)
    doctor(dw.path, status=5).one("login", "problem", "18452")


def test_server_that_does_not_prove_itself(domain):
    dw = domain(proof="off")
    doctor(dw.path, status=5).one("kerberos", "problem", "without proving who it is")


def test_wrong_authority(domain, other_pki):
    dw = domain()
    dw.write(ca_file=other_pki.ca)
    doctor(dw.path, status=4).one("tls", "problem", "not signed by a trusted authority", "ca_file")


def test_nobody_listens(domain):
    dw = domain()
    dw.server.stop()
    doctor(dw.path, status=4).one("port", "problem", "Connection refused", "firewalls")


def test_no_such_host(domain):
    dw = domain()
    dw.write(host="no-such-host.invalid")
    doctor(dw.path, status=5).one("name", "problem", "there is no host", "DNS")


def test_no_secret_is_printed(project, tdsd):
    """A password, in whatever way it goes wrong."""
    server = tdsd(encrypt="none", login="loader:Zeer-Geheim-77")
    for password in "Zeer-Geheim-77", "Anders-Geheim-78":
        project.write("password", password)
        project.write("etl.ini", "[connection dw]\ndriver = mssql\nencrypt = off\nuser = loader\n"
                      f"password_file = password\nserver = localhost,{server.port}\n")
        done = subprocess.run(project.argv("doctor"), cwd=project.path, env=project.env(), capture_output=True,
                              text=True, check=False)
        assert done.returncode == (0 if password[0] == "Z" else 5)
        assert "Geheim" not in done.stdout + done.stderr
        assert "encrypt = off" in done.stdout


def test_files(project):
    found = doctor_of(project)
    assert [c["subject"] for c in found.of("path", "ok")] == ["connection raw"]
    found.one("path", "problem", "warehouse.db")


def doctor_of(project):
    done = subprocess.run(project.argv("doctor", "--json"), cwd=project.path, env=project.env(), capture_output=True,
                          text=True, check=False)
    return Findings(done)


# --- what jobs need ------------------------------------------------------------


JOBS = """\
[job load]
source = raw
source_table = t
target = dw
target_table = dbo.member
load_mode = {mode}
key_columns = id
[job back]
source = dw
source_table = dbo.member
target = warehouse
target_table = t
load_mode = append
{more}
"""


class Place:
    """A store in a file with two jobs, and a SQL Server where the login may do what the test grants it."""

    def __init__(self, project, server):
        self.project, self.server = project, server
        project.write("password", "Geheim-9x")
        project.write("etl.ini", "[store]\ndriver = sqlite\npath = control.db\n[connection raw]\ndriver = csv\npath = data/\n"
                      "[connection warehouse]\ndriver = sqlite\npath = warehouse.db\n[connection dw]\ndriver = mssql\n"
                      f"server = localhost,{server.port}\ndatabase = DW\nencrypt = off\nuser = limited\n"
                      "password_file = password\n")
        project.etl("init")
        self.do("CREATE DATABASE DW", database="master")
        self.do("CREATE TABLE dbo.member (id int NOT NULL PRIMARY KEY, name nvarchar(40))", "CREATE USER lim FOR LOGIN limited",
                "CREATE SCHEMA etl")

    def do(self, *statements, database="DW"):
        with closing(pymssql.connect(server="localhost", port=str(self.server.port), user=USER, password=PASSWORD,
                                     database=database, tds_version="7.3", autocommit=True, charset="UTF-8")) as db:
            with db.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

    def jobs(self, mode="merge", more=""):
        self.project.write("jobs.ini", JOBS.format(mode=mode, more=more))
        self.project.etl("apply", "jobs.ini")

    def look(self):
        found = doctor_of(self.project)
        return found, [c["remedy"] for c in found.of("grants") if c["area"] == "job"]


@pytest.fixture
def place(project, tdsd):
    return Place(project, tdsd("--user", "limited:Geheim-9x", encrypt="none"))


def test_missing_grants_are_statements_to_run(place):
    """Each is run as it stands, until nothing is missing."""
    place.jobs()
    found, grants = place.look()
    assert found.report["problems"] > 0
    for wanted in ("GRANT INSERT ON [dbo].[member] TO [lim]", "GRANT SELECT ON [dbo].[member] TO [lim]",
                   "GRANT UPDATE ON [dbo].[member] TO [lim]", "GRANT CREATE TABLE TO [lim]",
                   "GRANT ALTER ON SCHEMA::[dbo] TO [lim]"):
        assert wanted in grants, grants
    place.do(*dict.fromkeys(grants))
    found, grants = place.look()
    assert grants == []
    assert {c["subject"] for c in found.of("dw", "ok")} == {"job load", "job back"}


def test_table_that_is_not_there(place):
    place.jobs()
    place.do("GRANT SELECT ON dbo.member TO lim", "DROP TABLE dbo.member")
    place.look()[0].one("table", "problem", "there is no [dbo].[member]", "GRANT SELECT")


def test_settings_of_the_database(place):
    place.jobs(mode="replace", more="partition_column = id\nparallel = 4")
    place.do("GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON dbo.member TO lim", "GRANT CREATE TABLE TO lim",
             "GRANT ALTER ON SCHEMA::dbo TO lim", "ALTER DATABASE DW SET RECOVERY FULL",
             "ALTER DATABASE DW SET ALLOW_SNAPSHOT_ISOLATION OFF")
    found, _ = place.look()
    snapshot = found.one("snapshot", "problem", "reads ranges in parallel", "ALLOW_SNAPSHOT_ISOLATION ON")
    recovery = [c for c in found.of("recovery", "warning") if c["area"] == "job"][0]
    assert "minimally logged" in recovery["remedy"]
    place.do(snapshot["remedy"].partition(";")[0], recovery["remedy"].partition(" (")[0])
    found, _ = place.look()
    assert not [c for c in found.report["checks"] if c["area"] == "job" and c["state"] != "ok"]


def test_rows_that_can_only_be_deleted(place):
    place.jobs(mode="replace")
    place.do("GRANT SELECT, INSERT, DELETE ON dbo.member TO lim", "GRANT CREATE TABLE TO lim",
             "GRANT ALTER ON SCHEMA::etl TO lim")
    found, grants = place.look()
    found.one("grants", "warning", "deleted one by one", "GRANT ALTER ON [dbo].[member] TO [lim]")
    assert "GRANT DELETE ON [dbo].[member] TO [lim]" not in grants


def changes_of(place, changes):
    """Each remedy is run as it stands, one look after the other, as it may take a right to see the next one."""
    place.project.write("jobs.ini", "[job follow]\nsource = dw\nsource_table = dbo.member\ntarget = dw\n"
                        f"target_table = dbo.copied\nload_mode = incremental\nchanges = {changes}\n")
    place.project.etl("apply", "jobs.ini")
    place.do("CREATE TABLE dbo.copied (id int NOT NULL PRIMARY KEY, name nvarchar(40))",
             "GRANT SELECT, INSERT, UPDATE ON dbo.copied TO lim", "GRANT CREATE TABLE TO lim",
             "GRANT ALTER ON SCHEMA::dbo TO lim", "ALTER DATABASE DW SET RECOVERY SIMPLE",
             "ALTER DATABASE DW SET ALLOW_SNAPSHOT_ISOLATION OFF")
    seen = {}
    while True:
        found = place.look()[0]
        lacks = [c for c in found.report["checks"] if c["area"] == "job" and c["state"] != "ok"]
        if not lacks:
            found.of("dw", "ok")
            return seen
        new = {c["remedy"]: c["check"] for c in lacks if c["remedy"] not in seen}
        assert new, lacks
        place.do(*new)
        seen |= new


def test_what_change_tracking_needs(place):
    assert changes_of(place, "tracking") == {
        "ALTER DATABASE [DW] SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, AUTO_CLEANUP = ON)": "change tracking",
        "ALTER TABLE [dbo].[member] ENABLE CHANGE_TRACKING": "change tracking",
        "GRANT SELECT ON [dbo].[member] TO [lim]": "grants",
        "GRANT VIEW CHANGE TRACKING ON [dbo].[member] TO [lim]": "grants",
        "ALTER DATABASE [DW] SET ALLOW_SNAPSHOT_ISOLATION ON": "snapshot"}
    place.project.etl("run", "follow")


def test_what_change_data_capture_needs(place):
    assert changes_of(place, "cdc") == {
        "EXEC sys.sp_cdc_enable_db": "change data capture",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'member', @role_name = NULL":
            "change data capture",
        "GRANT SELECT ON [dbo].[member] TO [lim]": "grants"}


def test_free_space(place):
    place.jobs()
    place.look()[0].one("space", "ok", "8184 MB are free in the data files, which may grow by what the disk has")
    # pages of 8 KiB: 100 MB, of which 90 are used, and 20 more
    with closing(sqlite3.connect(place.server.dir / "db/DW.db", isolation_level=None)) as db:
        db.execute("UPDATE sys_files SET size = 12800, used = 11520, max_size = 15360")
    place.look()[0].one("space", "warning", "10 MB are free in the data files, which may grow by 20 MB", "MODIFY FILE")
