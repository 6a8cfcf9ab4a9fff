"""What 'etl init' makes on SQL Server: a script for a DBA, procedures, views, descriptions, roles of which
each grant is needed, and a store that moves there from SQLite."""

import contextlib
import json
import re
import sqlite3
import subprocess

import pymssql
import pytest
# pylint: disable=redefined-outer-name,no-member
from queue_project import Controller
from servers import other_pki, pki, wait_for  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import

JOBS = """\
[job first]
kind = exec
command = true
[job second]
kind = exec
command = true
after = first
"""
ROLES = ("etl_reader", "etl_operator", "etl_worker")


@contextlib.contextmanager
def controller(place, *args):
    """One that is at work, and has stopped behind it."""
    c = Controller(place.project, len(list(place.project.path.glob("controller-*"))), *args)
    try:
        yield c
        assert c.stop() in (0, 5), c.text()
    finally:
        c.kill()


class Place:
    """A project whose store is on a server, and clients of that."""

    def __init__(self, project, server):
        self.project, self.server = project, server
        project.write("jobs.ini", JOBS)
        self.configure(USER, PASSWORD)

    def configure(self, user, password, name="etl.ini"):
        self.project.write(f"{name}.password", password)
        self.project.write(name, f"""\
[store]
driver = mssql
server = localhost,{self.server.port}
database = ETL
user = {user}
password_file = {name}.password
encrypt = off
[controller]
poll = 100ms
lease = 2s
""")

    def connect(self, user=USER, password=PASSWORD):
        return pymssql.connect(server="localhost", port=self.server.port, user=user, password=password,
                               database="ETL", autocommit=True)

    def rows(self, sql, *params, **login):
        with self.connect(**login) as db, db.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else []

    def do(self, *statements, **login):
        with self.connect(**login) as db, db.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)

    def runs(self):
        return json.loads(self.project.etl("status", "--json").stdout)

    def made_of(self):
        """All tables, views and columns of the schema."""
        return self.rows("SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, IS_NULLABLE, CHARACTER_MAXIMUM_LENGTH"
                         " FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'etl' ORDER BY 1, 2")


@pytest.fixture
def place(project, tdsd):
    users = [f"{role}:Secret-1:ETL" for role in ROLES] + ["owner:Secret-1:ETL"]
    return Place(project, tdsd(*(word for user in users for word in ("--user", user)), encrypt="none",
                               database="ETL"))


@pytest.fixture
def made(place):
    place.project.etl("init")
    place.project.etl("apply", "jobs.ini")
    return place


def batches(script):
    return [batch for batch in re.split(r"^GO\n", script, flags=re.MULTILINE) if batch.strip()]


def test_the_script_makes_what_init_makes(place):
    script = place.project.etl("init", "--dry-run").stdout
    assert place.made_of() == []  # nothing was done
    place.do(*batches(script))
    by_script = place.made_of()
    assert "is up to date" in place.project.etl("init").stdout
    again = place.project.etl("init", "--dry-run").stdout
    assert "CREATE TABLE" not in again and "CREATE ROLE" in again
    place.do(*batches(again))
    assert place.made_of() == by_script and len(by_script) > 100
    uids = {place.rows("SELECT value FROM etl.meta WHERE name = 'store_uid'")[0][0]}
    place.server.ask("clear")
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uid) for uid in uids)


def test_a_script_that_fails_changes_nothing(place):
    place.do("CREATE SCHEMA etl", "CREATE TABLE etl.run_log (mine int)")
    with place.connect() as db, db.cursor() as cursor:
        failed = 0
        for batch in batches(place.project.etl("init", "--dry-run").stdout):
            try:
                cursor.execute(batch)
            except pymssql.Error:
                failed += 1
        assert failed == 1
    assert place.rows("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'etl'") == [("run_log",)]


def test_the_script_without_a_server(place):
    place.configure("nobody", "wrong")
    done = place.project.etl("init", "--dry-run")
    assert "the script is that for an empty database" in done.stderr
    assert "CREATE TABLE etl.run (" in done.stdout


def test_everything_is_described(made):
    undescribed = made.rows("""\
SELECT o.name, c.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id AND s.name = 'etl'
  JOIN sys.columns c ON c.object_id = o.object_id
WHERE NOT EXISTS (SELECT 1 FROM sys.extended_properties p WHERE p.class = 1 AND p.major_id = o.object_id
  AND p.minor_id = c.column_id AND p.name = 'MS_Description' AND LEN(CAST(p.value AS nvarchar(400))) > 2)""")
    assert undescribed == []
    objects = made.rows("SELECT o.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id"
                        " AND s.name = 'etl' WHERE o.type IN ('U', 'V', 'P') AND NOT EXISTS (SELECT 1 FROM"
                        " sys.extended_properties p WHERE p.major_id = o.object_id AND p.minor_id = 0)")
    assert objects == []
    count = made.rows("SELECT COUNT(*) FROM sys.extended_properties")
    made.project.etl("init")
    assert made.rows("SELECT COUNT(*) FROM sys.extended_properties") == count


def test_procedures_order_and_cancel(made):
    with made.connect() as db, db.cursor() as cursor:
        cursor.execute("EXEC etl.enqueue N'first', @order_key = N'tonight'")
        run = cursor.fetchone()[0]
        cursor.execute("DECLARE @r bigint; EXEC etl.enqueue @job = N'1', @order_key = N'tonight', @run_id = @r OUTPUT;"
                       " SELECT @r")
        assert cursor.fetchone() == (run,) and cursor.nextset() and cursor.fetchone() == (run,)
        cursor.callproc("etl.enqueue", ("first", None, 1))  # as a call, without a text
        assert cursor.fetchone() == (run + 1,)
        with pytest.raises(pymssql.Error, match="there is no job 'thrid'"):
            cursor.execute("EXEC etl.enqueue N'thrid'")
        cursor.execute("EXEC etl.cancel %d", (run + 1,))
        assert cursor.fetchone() == (run + 1, "queued")
        with pytest.raises(pymssql.Error, match="there is no run 77"):
            cursor.execute("EXEC etl.cancel 77")
    made.project.etl("controller", "--until-idle", status=1)  # something was cancelled
    states = {r["run"]: (r["job"], r["state"]) for r in made.runs()}
    assert states[run] == ("first", "succeeded") and states[run + 1] == ("first", "cancelled")
    assert made.rows("SELECT actor, reason FROM etl.run_event WHERE run_id = %d ORDER BY event_id", run)[0] \
        == (USER, "ordered: manual")
    assert ("cancellation requested" in
            [r for r, in made.rows("SELECT reason FROM etl.run_event WHERE run_id = %d", run + 1)])


def test_views_for_reports(made):
    made.project.etl("run", "first")
    assert made.rows("SELECT job, active, queued, last_state FROM etl.v_status ORDER BY job_id") \
        == [("first", 0, 1, "queued"), ("second", 0, 0, None)]
    made.project.etl("controller", "--until-idle")
    assert made.rows("SELECT job, queued, last_state, CASE WHEN last_success_at IS NULL THEN 0 ELSE 1 END"
                     " FROM etl.v_status ORDER BY job_id") == [("first", 0, "succeeded", 1), ("second", 0, "succeeded", 1)]
    assert made.rows("SELECT job, state, origin, attempt, elapsed_seconds / 1000 FROM etl.v_history ORDER BY run_id") \
        == [("first", "succeeded", "manual", 1, 0), ("second", "succeeded", "dependency", 1, 0)]


# --- roles ---


ORDER = "INSERT INTO etl.run (job_id) SELECT job_id FROM etl.job WHERE name = N'first'"


def as_operator(place, login):
    """What an operator does, by commands and from SSMS. Each error ends it."""
    for table in ("migration", "meta", "job", "job_history", "job_dependency", "run", "run_event", "run_log",
                  "run_heartbeat", "run_lineage", "controller", "kerberos_key", "v_status", "v_history", "v_lineage"):
        place.rows(f"SELECT COUNT(*) FROM etl.{table}", **login)
    etl = place.project.etl
    etl("apply", "jobs.ini", "--config", "login.ini")
    place.project.write("changed.ini", JOBS.replace("command = true", "command = echo changed"))
    etl("apply", "changed.ini", "--config", "login.ini")
    for job in ("first", "second"):  # the second has to wait
        run = json.loads(etl("run", job, "--json", "--config", "login.ini").stdout)["run"]
        etl("status", "--config", "login.ini")
        etl("logs", run, "--config", "login.ini")
        etl("cancel", run, "--config", "login.ini")
    place.do(ORDER, "EXEC etl.enqueue N'first'",
             "DECLARE @r bigint = (SELECT MAX(run_id) FROM etl.run); EXEC etl.cancel @r", **login)


def as_worker(place, login):
    """A controller and its workers, on a store where there is something of everything to do."""
    place.project.etl("apply", "jobs.ini")
    place.do(ORDER,
             "INSERT INTO etl.controller (controller_uid, host, process, version, state, max_workers, heartbeat_at,"
             " lease_until) VALUES (N'old', N'h', N'p', N'v', N'stopped', 1, '2020-01-01', '2020-01-01')",
             "INSERT INTO etl.controller (controller_uid, host, process, version, state, max_workers, lease_until)"
             " VALUES (N'dead', N'h', N'p', N'v', N'running', 1, '2020-01-01')")
    done = ("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM etl.run WHERE finished_at IS NULL)"
            " AND NOT EXISTS (SELECT 1 FROM etl.controller WHERE controller_uid = N'old'"
            " OR (controller_uid = N'dead' AND state <> N'stopped'))")
    with controller(place, "--config", "login.ini") as c:
        wait_for(lambda: "denied" in c.text() or c.process.poll() is not None or place.rows(done), "the work", 30)
    assert "denied" not in c.text(), c.text()
    # a store that knows less than the target holds the job: the worker writes that
    place.do("UPDATE etl.job SET hold_reason = N'tested' WHERE name = N'first'", **login)
    # a key of a keytab that it shows to a KDC (lib/job/statements_table.h)
    place.do("INSERT INTO etl.kerberos_key (principal, key_version, holder, held_until)"
             " VALUES (N'svc@R.ORG', N'1-0001', N'h', '2020-01-01');"
             " UPDATE etl.kerberos_key SET refused = 1 WHERE principal = N'svc@R.ORG';"
             " DELETE FROM etl.kerberos_key WHERE principal = N'svc@R.ORG'", **login)
    # where the rows of a copy came from
    place.do("UPDATE etl.run_lineage SET digest = N'x' WHERE run_id = 0;"
             " INSERT INTO etl.run_lineage (run_id) VALUES ((SELECT MAX(run_id) FROM etl.run))", **login)
    logs = "".join(m for m, in place.rows("SELECT message FROM etl.run_log UNION ALL SELECT error_message FROM etl.run"
                                          " WHERE error_message IS NOT NULL"))
    assert "denied" not in logs, logs
    assert place.rows("SELECT COUNT(*) FROM etl.run_log")[0][0] > 0, "no line came to run_log, it was denied"


SCENES = {"etl_operator": as_operator, "etl_worker": as_worker}


def grants(place, role):
    """[(right, object, column)] as the server has them."""
    return place.rows("""\
SELECT p.permission_name, OBJECT_NAME(p.major_id), COL_NAME(p.major_id, p.minor_id) FROM sys.database_permissions p
JOIN sys.database_principals r ON r.principal_id = p.grantee_principal_id WHERE r.name = %s AND p.class = 1
ORDER BY 2, 1""", role)


def play(place, role, scene):
    """None, or what was said where it ended."""
    login = {"user": role, "password": "Secret-1"}
    place.configure(role, "Secret-1", "login.ini")
    try:
        scene(place, login)
    except (AssertionError, pymssql.Error) as error:
        return str(error)
    return None


def clean(place):
    place.do("DELETE FROM etl.run_lineage; DELETE FROM etl.run_heartbeat; DELETE FROM etl.run_log; DELETE FROM etl.run_event; DELETE FROM etl.run;"
             " DELETE FROM etl.job_history; DELETE FROM etl.job_dependency; DELETE FROM etl.job;"
             " DELETE FROM etl.controller; DELETE FROM etl.kerberos_key")


@pytest.fixture
def ruled(place):
    place.project.etl("init")
    place.do(*(f"CREATE USER {role}_user FOR LOGIN {role}" for role in ROLES),
             *(f"ALTER ROLE {role} ADD MEMBER {role}_user" for role in ROLES))
    return place


def test_a_reader_reads_and_no_more(ruled):
    ruled.project.etl("apply", "jobs.ini")
    login = {"user": "etl_reader", "password": "Secret-1"}
    ruled.configure("etl_reader", "Secret-1", "login.ini")
    ruled.project.etl("status", "--config", "login.ini")
    for right, name, _ in grants(ruled, "etl_reader"):
        assert right == "SELECT"
        ruled.rows(f"SELECT COUNT(*) FROM etl.{name}", **login)
        ruled.do(f"REVOKE SELECT ON etl.{name} FROM etl_reader")
        with pytest.raises(pymssql.Error, match=f"SELECT permission was denied on the object '{name}'"):
            ruled.rows(f"SELECT COUNT(*) FROM etl.{name}", **login)
        ruled.do(f"GRANT SELECT ON etl.{name} TO etl_reader")
    done = ruled.project.etl("run", "first", "--config", "login.ini", status=5)
    assert "INSERT permission was denied on the object 'run'" in done.stderr


@pytest.mark.parametrize("role", ["etl_operator", "etl_worker"])
def test_no_grant_is_without_need(ruled, role):
    scene = SCENES[role]
    assert play(ruled, role, scene) is None
    found = grants(ruled, role)
    assert len(found) > 10
    for right, name, column in found:
        clean(ruled)
        where = f"{right}{f' ({column})' if column else ''} ON etl.{name}"
        ruled.do(f"REVOKE {where} FROM {role}")
        said = play(ruled, role, scene)
        assert said and "denied" in said and name in said, (where, said)
        ruled.do(f"GRANT {where} TO {role}")


def test_a_login_that_may_not_make_roles(place):
    place.do("CREATE USER owner_user FOR LOGIN owner", "ALTER ROLE db_ddladmin ADD MEMBER owner_user",
             "ALTER ROLE db_datareader ADD MEMBER owner_user", "ALTER ROLE db_datawriter ADD MEMBER owner_user")
    place.configure("owner", "Secret-1")
    done = place.project.etl("init", "--json")
    assert json.loads(done.stdout)["roles"] is False and json.loads(done.stdout)["descriptions"] is True
    assert "roles" in done.stderr and "--dry-run" in done.stderr
    place.project.etl("apply", "jobs.ini")
    place.do(*batches(place.project.etl("init", "--dry-run").stdout))  # by the administrator
    assert len(grants(place, "etl_worker")) > 10
    assert json.loads(place.project.etl("init", "--json").stdout)["version"] > 3


# --- a store that moves ---


def old_store(project):
    project.write("old.ini", "[store]\npath = old.db\n[controller]\npoll = 100ms\nlease = 2s\n")
    for words in (("init",), ("apply", "jobs.ini"), ("run", "first", "--key", "k"), ("controller", "--until-idle"),
                  ("run", "second")):
        project.etl(*words, "--config", "old.ini")
    db = sqlite3.connect(project.path / "old.db")
    db.execute("UPDATE etl_run SET priority = 5 WHERE finished_at IS NULL")
    db.commit()
    return db


def dump(rows):
    """Times and uids of both engines alike."""
    def alike(v):
        v = str(int(v) if isinstance(v, bool) else v)
        time = re.fullmatch(r"(\d{4}-\d\d-\d\d).(\d\d:\d\d:\d\d\.\d{3})Z?", v)
        return " ".join(time.groups()) if time else v.upper()
    return [tuple(map(alike, row)) for row in rows]


TABLES = {"job": "job_id, job_uid, name, kind, command, version, updated_at", "job_history": "job_id, version, at, actor, definition",
          "job_dependency": "job_id, after_job_id, on_completion",
          "run": "run_id, run_uid, job_id, state, order_key, priority, attempt, fence, queued_at, finished_at",
          "run_event": "event_id, run_id, at, old_state, new_state, actor, reason",
          "run_log": "run_id, attempt, seq, at, level, message"}


def test_a_store_moves_from_sqlite(place):
    db = old_store(place.project)
    moved = json.loads(place.project.etl("init", "--from", "old.ini", "--json").stdout)
    assert (moved["jobs_moved"], moved["runs_moved"]) == (2, 3)
    for table, columns in TABLES.items():
        sql = f"SELECT {columns} FROM %s{table} ORDER BY 1, 2, 3"
        exact = re.sub(r"\b(\w+_at|at)\b", r"CONVERT(varchar(23), \1, 121)", sql)  # what the client would round
        assert dump(place.rows(exact % "etl.")) == dump(db.execute(sql % "etl_").fetchall()), table
    assert place.rows("SELECT value FROM etl.meta WHERE name = 'store_uid'") \
        == db.execute("SELECT value FROM etl_meta WHERE name = 'store_uid'").fetchall()
    done = place.project.etl("status", "--config", "old.ini", status=4)
    assert "it was moved to" in done.stderr
    assert "was moved there before" in place.project.etl("init", "--from", "old.ini").stdout
    place.project.etl("run", "first")  # numbers go on
    place.project.etl("controller", "--until-idle")
    assert [r["run"] for r in place.runs()][-1] == 1 and {r["state"] for r in place.runs()} == {"succeeded"}


def test_a_store_at_work_does_not_move(place):
    old_store(place.project)
    with controller(place, "--config", "old.ini"):
        db = sqlite3.connect(place.project.path / "old.db")
        wait_for(lambda: db.execute("SELECT 1 FROM etl_controller WHERE state = 'running'").fetchall(), "a controller")
        done = place.project.etl("init", "--from", "old.ini", status=4)
        assert "the controller on" in done.stderr and "stop the controllers first" in done.stderr
    place.project.etl("status", "--config", "old.ini")
    place.project.etl("apply", "jobs.ini")
    done = place.project.etl("init", "--from", "old.ini", status=3)
    assert "it has 2 jobs of its own" in done.stderr


@pytest.mark.parametrize("phase", ["request", "result"])
def test_a_move_that_is_cut_off(place, phase):
    """At any statement: the old store goes on, or the same call again finishes it."""
    old_store(place.project)
    place.project.etl("init")
    for statement in (1, 5, 8, 15, 30, 50, 60):
        place.server.fault(f'cut phase={phase} statement={statement} app="etl store" times=1')
        done = subprocess.run(place.project.argv("init", "--from", "old.ini"), cwd=place.project.path,
                              env=place.project.env(), capture_output=True, text=True, check=False, timeout=60)
        place.server.ask("clear")
        if done.returncode == 0:
            continue
        assert done.returncode == 4, done.stderr
        if place.rows("SELECT COUNT(*) FROM etl.run") == [(0,)] and "run the same command again" not in done.stderr:
            place.project.etl("status", "--config", "old.ini")  # it is as before
    place.project.etl("init", "--from", "old.ini")
    assert len(place.runs()) == 3


# --- the poll ---


def test_an_idle_controller_asks_one_thing(made):
    made.project.etl("controller", "--until-idle")
    with controller(made):
        def asked():
            return [s for s in made.server.statements() if s["application"] == "etl store"]
        wait_for(lambda: made.rows("SELECT 1 FROM etl.controller WHERE state = 'running'"), "a controller")
        before = len(asked())
        wait_for(lambda: len(asked()) > before + 20, "polls")
        last = asked()[before + 5:before + 20]
    assert {"AS quiet" in s["text"] or "INSERT INTO etl.controller" in s["text"] for s in last} == {True}
    assert sum("AS quiet" in s["text"] for s in last) > 10  # the others renew the lease, of 2 s
