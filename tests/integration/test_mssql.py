"""Connections to SQL Server that come about: how they are made, what a session is, sql jobs on it,
and what becomes of both when the way to the server, or the server, fails.

The server is tests/tdsd, or with ETL_TEST_MSSQL=host,port (and _USER, _PASSWORD, _DATABASE, _CA) one
that is there: what only tdsd can do (faults, its own account of what it was told) is skipped then.
"""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
# pylint: disable=redefined-outer-name
from servers import ROOT, other_pki, pki, wait_for  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import

REAL = os.environ.get("ETL_TEST_MSSQL")


def layout():
    """Sanitizers of this age do not know the address layout of new kernels."""
    return ["setarch", "-R"] if shutil.which("setarch") else []


class Warehouse:
    """A project with a connection 'dw' to a database DW."""

    def __init__(self, project, server, pki):
        self.project, self.server = project, server
        self.options = {"server": f"localhost,{server.port}" if server else REAL,
                        "database": os.environ.get("ETL_TEST_MSSQL_DATABASE", "DW"),
                        "user": os.environ.get("ETL_TEST_MSSQL_USER", USER), "password_file": "password",
                        "ca_file": os.environ.get("ETL_TEST_MSSQL_CA", pki.ca), "login_timeout": "5s"}
        project.write("password", os.environ.get("ETL_TEST_MSSQL_PASSWORD", PASSWORD))
        self.configure()

    def configure(self, **keys):
        """None takes a key away."""
        options = {k: v for k, v in {**self.options, **keys}.items() if v is not None}
        self.project.write("etl.ini", "[store]\npath = control.db\n[connection dw]\ndriver = mssql\n"
                           + "".join(f"{k} = {v}\n" for k, v in options.items()))

    def ping(self, status=0, **keys):
        self.configure(**keys)
        done = self.project.etl("ping", "dw", "--json", status=status)
        return json.loads(done.stdout), done.stderr

    def define(self, name, sql, **keys):
        if not (self.project.path / "control.db").exists():
            self.project.etl("init")
        self.project.write("job.ini", f"[job {name}]\nkind = sql\ntarget = dw\n"
                           + "".join(f"{k} = {v}\n" for k, v in keys.items())
                           + "command = " + sql.replace("\n", "\n\t") + "\n")
        self.project.etl("apply", "job.ini")

    def run(self, sql, status=0, name="job", **keys):
        self.define(name, sql, **keys)
        return self.project.etl("worker", "--job", name, status=status)

    def finish(self, job, status=0):
        """Order a run, and let a controller bring it to its end."""
        self.project.etl("run", job)
        return self.project.etl("controller", "--until-idle", status=status)

    def value(self, query):
        """Of a query that gives one text: the server prints it, and the run's log has it."""
        done = self.run(f"DECLARE @v nvarchar(4000) = ({query})\nSET @v = 'value: ' + COALESCE(@v, 'NULL')\nPRINT @v",
                        name="value")
        lines = [line for line in done.stderr.splitlines() if "value: " in line]
        return lines[-1].split("value: ")[1].rstrip('"}')


@pytest.fixture
def start(tdsd, pki):
    """A server with a certificate for localhost and a database DW."""
    def start(name="localhost", **options):
        certificate, key = pki.issue(name)
        return tdsd(certificate=certificate, key=key, database="DW", **{"encrypt": "on", **options})
    return start


@pytest.fixture
def dw(project, start, pki):
    return Warehouse(project, None if REAL else start(), pki)


only_tdsd = pytest.mark.skipif(bool(REAL), reason="ETL_TEST_MSSQL is set: faults need the server of the tests")


# --- how it is made ---


def test_ping(dw):
    facts, said = dw.ping()
    assert said == ""
    assert facts["encrypted"] and facts["tls"] == "TLSv1.2" and facts["certificate_verified"]
    assert facts["database"] == dw.options["database"] and facts["login"] == dw.options["user"]
    assert facts["driver"] == "mssql" and facts["auth"] == "sql"
    assert facts["round_trip_us"] > 0 and facts["session"] > 0
    assert len(facts["certificate_sha256"]) == 64


def test_ping_for_people(dw):
    done = dw.project.etl("ping", "dw")
    assert "encrypted             yes" in done.stdout and "certificate_sha256" in done.stdout


@only_tdsd
def test_strict_is_tls_1_3(project, start, pki):
    facts, _ = Warehouse(project, start(encrypt="strict"), pki).ping(encrypt="strict")
    assert facts["tls"] == "TLSv1.3" and facts["encrypted"]


@only_tdsd
def test_request_takes_what_the_server_wants(project, start, pki):
    facts, said = Warehouse(project, start(encrypt="login"), pki).ping(encrypt="request")
    assert not facts["encrypted"] and "the connection is not encrypted" in said
    assert "tls" in facts and facts["tls"] is None


@only_tdsd
def test_off_says_so_every_time(project, start, pki):
    facts, said = Warehouse(project, start(encrypt="none"), pki).ping(encrypt="off", ca_file=None)
    assert not facts["encrypted"] and "the connection is not encrypted" in said


@only_tdsd
def test_any_certificate_only_by_saying_so(project, tdsd, pki):
    server = tdsd(encrypt="on", database="DW")  # it signs its own
    dw = Warehouse(project, server, pki)
    facts, said = dw.ping(trust_server_certificate="yes")
    assert "trust_server_certificate = yes: nobody has checked who the server is" in said
    assert facts["encrypted"] and not facts["certificate_verified"]
    assert "nobody has checked who the server is" in dw.run("SELECT 1").stderr


@only_tdsd
def test_a_pinned_certificate(project, start, pki):
    dw = Warehouse(project, start("sql99.example.org"), pki)
    facts, said = dw.ping(server_certificate=pki.dir / "sql99.example.pem"
                          if (pki.dir / "sql99.example.pem").exists() else pki.issue("sql99.example.org")[0],
                          ca_file=None, status=0)
    assert facts["certificate_verified"] and said == ""


@only_tdsd
def test_another_name_in_the_certificate(project, start, pki):
    facts, _ = Warehouse(project, start("sql99.example.org"), pki).ping(
        host_name_in_certificate="sql99.example.org")
    assert facts["certificate_verified"]


@only_tdsd
def test_what_the_server_is_told(dw):
    dw.ping(application_intent="readonly", packet_size=4096)
    login = dw.server.connections()[-1]["login"]
    assert login["application"] == "etl ping" and login["read_only"] and login["packet_size"] == 4096
    assert login["encryption"] == "all" or login["encryption"] == "on", login
    dw.run("SELECT 1", name="nightly")
    assert dw.server.connections()[-1]["login"]["application"] == "etl worker run 1 nightly"


@only_tdsd
@pytest.mark.parametrize("size", [512, 4096, 8060, 16383, 32767])
def test_packet_sizes(dw, size):
    """What is longer than a packet goes both ways."""
    dw.configure(packet_size=size)
    text = "x" * 3000
    assert dw.value(f"SELECT '{text}'") == text


@only_tdsd
def test_a_named_instance(project, start, pki):
    server = start(browser="127.0.0.7:1434", instance="DWH", listen="127.0.0.7:0")
    facts, _ = Warehouse(project, server, pki).ping(server="127.0.0.7\\DWH",
                                                     host_name_in_certificate="localhost")
    assert facts["port"] == server.port


@only_tdsd
def test_a_listener_that_routes(project, start, pki):
    second = start()
    first = start(route=f"localhost,{second.port}")
    facts, _ = Warehouse(project, first, pki).ping(application_intent="readonly")
    assert facts["port"] == second.port and second.last_login()["read_only"]


def test_no_environment_is_obeyed(dw):
    done = dw.project.etl("ping", "dw", "--json", TDSPORT="1", TDSVER="7.0", TDSHOST="127.0.0.99",
                          TDSSERVER="other", DSQUERY="other", FREETDS="/nonexistent")
    assert json.loads(done.stdout)["encrypted"]


# --- sql jobs ---


def test_batches_messages_and_counts(dw):
    dw.run("IF OBJECT_ID('dbo.t') IS NOT NULL DROP TABLE dbo.t\nGO\nCREATE TABLE dbo.t (a int NOT NULL)\nGO")
    done = dw.run("INSERT INTO dbo.t (a) VALUES (1), (2)\nPRINT 'two are in'\nGO\nUPDATE dbo.t SET a = a + 1\nGO 2")
    assert "two are in" in done.stderr
    assert "batch 1: 2 rows" in done.stderr and done.stderr.count("batch 2: 2 rows") == 2
    assert dw.value("SELECT SUM(a) FROM dbo.t") == "7"
    run = json.loads(dw.project.etl("status", "--json").stdout)
    assert run


def test_one_transaction_or_nothing(dw):
    dw.run("IF OBJECT_ID('dbo.t') IS NOT NULL DROP TABLE dbo.t\nGO\nCREATE TABLE dbo.t (a int NOT NULL)")
    done = dw.run("INSERT INTO dbo.t VALUES (1)\nGO\nINSERT INTO dbo.t VALUES (NULL)", status=1)
    assert "batch 2 (line 3), 'INSERT INTO dbo.t VALUES (NULL)'" in done.stderr and "error 515" in done.stderr
    assert dw.value("SELECT COUNT(*) FROM dbo.t") == "0"


@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK"])
def test_a_script_cannot_end_the_transaction(dw, statement):
    dw.run("IF OBJECT_ID('dbo.t') IS NOT NULL DROP TABLE dbo.t\nGO\nCREATE TABLE dbo.t (a int NOT NULL)")
    done = dw.run(f"INSERT INTO dbo.t VALUES (1)\n{statement} TRANSACTION", status=1)
    assert "it ends a transaction that it has not begun" in done.stderr
    assert dw.value("SELECT COUNT(*) FROM dbo.t") == "0"


def test_a_transaction_of_its_own_is_fine(dw):
    dw.run("IF OBJECT_ID('dbo.t') IS NOT NULL DROP TABLE dbo.t\nGO\nCREATE TABLE dbo.t (a int NOT NULL)")
    dw.run("BEGIN TRANSACTION\nINSERT INTO dbo.t VALUES (1)\nCOMMIT TRANSACTION")
    assert dw.value("SELECT COUNT(*) FROM dbo.t") == "1"


def test_batches_by_themselves(dw):
    dw.run("IF OBJECT_ID('dbo.t') IS NOT NULL DROP TABLE dbo.t\nGO\nCREATE TABLE dbo.t (a int NOT NULL)")
    done = dw.run("INSERT INTO dbo.t VALUES (1)\nGO\nINSERT INTO dbo.t VALUES (NULL)", atomic="no", status=1)
    assert "what stands before it has been carried out" in done.stderr
    assert dw.value("SELECT COUNT(*) FROM dbo.t") == "1"


def test_a_row_of_the_ledger_for_each(dw):
    dw.run("SELECT 1", name="once")
    assert dw.value("SELECT state FROM etl.load_ledger WHERE job_name = 'once'"
                    " AND published_at = (SELECT MAX(published_at) FROM etl.load_ledger WHERE job_name = 'once')"
                    ) == "published"


# --- what it survives ---


@only_tdsd
@pytest.mark.parametrize("phase", ["request", "result"])
@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_cut_anywhere_and_done_once(dw, phase, kind):
    """After each packet of each statement of the run, until there is none left: the run succeeds by
    another attempt, and what it does is done once."""
    dw.run("IF OBJECT_ID('dbo.t') IS NOT NULL DROP TABLE dbo.t\nGO\nCREATE TABLE dbo.t (a int NOT NULL)")
    dw.define("job", "INSERT INTO dbo.t VALUES (1)", max_attempts=5, retry_delay="0s", max_disruptions=5)
    runs = 0
    for statement in range(1, 40):
        number = dw.server.fault(f'{kind} phase={phase} statement={statement} app="etl worker"')
        dw.finish("job")
        runs += 1
        hits = next(f["hits"] for f in dw.server.faults() if f["id"] == number)
        dw.server.ask("clear")
        if not hits:
            break
    assert 5 < runs < 39
    assert dw.value("SELECT COUNT(*) FROM dbo.t") == str(runs)


@only_tdsd
def test_a_statement_that_takes_too_long(dw):
    dw.configure(query_timeout="1s")
    start = time.monotonic()
    done = dw.run("WAITFOR DELAY '00:10:00'", status=8)
    assert "not answered within 1 s" in done.stderr and "heed" not in done.stderr
    assert time.monotonic() - start < 30


@only_tdsd
def test_an_attention_that_is_not_heeded(dw):
    """The connection is left after a grace."""
    dw.configure(query_timeout="1s")
    dw.server.fault("deaf times=0")
    dw.server.fault("stall phase=result match=marker ms=0")
    start = time.monotonic()
    done = dw.run("SELECT 'marker'", status=8, max_attempts=1)
    assert "did not heed the attention" in done.stderr
    assert time.monotonic() - start < 30


@only_tdsd
@pytest.mark.parametrize("statement", [1, 2])
def test_every_session_broken_while_it_is_set_up(dw, statement):
    """Said at once: another one is not begun within it."""
    dw.server.fault(f"cut phase=result statement={statement} times=0")
    done = dw.project.etl("ping", "dw", status=4)
    assert "login: set up the session: " in done.stderr and "broke" in done.stderr
    assert dw.server.totals()["logins"] == 1


@only_tdsd
def test_a_login_that_is_refused_is_not_tried_again(dw):
    """However many attempts the job has: an account is locked by less."""
    dw.project.write("password", "another")
    dw.define("job", "SELECT 1", max_attempts=5, retry_delay="0s")
    dw.finish("job", status=1)
    run = json.loads(dw.project.etl("status", "1", "--json").stdout)[0]
    assert run["state"] == "failed" and run["attempt"] == 1
    assert dw.server.totals()["logins"] == 0 and dw.server.totals()["refused"] == 1


@only_tdsd
def test_refused_for_a_while(dw):
    """The server is just starting: the run waits for it."""
    dw.define("job", "SELECT 1", max_attempts=100, retry_delay="0s")
    dw.server.fault("refuse number=18401 times=20")
    dw.finish("job")
    run = json.loads(dw.project.etl("status", "1", "--json").stdout)[0]
    assert run["state"] == "succeeded" and run["attempt"] > 20


@only_tdsd
def test_given_back_at_sigterm(dw):
    """The worker's query is cancelled, and the run goes back to the queue."""
    dw.define("job", "WAITFOR DELAY '00:10:00'")
    dw.project.etl("run", "job")
    controller = dw.project.start("controller")
    try:
        wait_for(lambda: any("WAITFOR" in s["text"] for s in dw.server.statements()), "the statement")
        handle = dw.project.sql("SELECT worker FROM etl_run", "control.db")[0][0]
        os.kill(int(handle.split(":")[3]), signal.SIGTERM)
        wait_for(lambda: dw.project.sql("SELECT attempt, disruptions FROM etl_run", "control.db") == [(2, 1)],
                 "the next attempt")
        assert dw.server.connections()[0]["attentions"] == 1
        dw.project.etl("cancel", 1)
        wait_for(lambda: dw.project.sql("SELECT state FROM etl_run", "control.db") == [("cancelled",)], "its end")
    finally:
        controller.terminate()
        controller.wait(30)


@only_tdsd
@pytest.mark.parametrize("packet", [1, 2, 3, 10, 40])
def test_cancelled_within_a_result(dw, packet):
    """At the k-th packet of it; the attention is answered behind what is on the way."""
    dw.define("job", "SELECT * FROM tdsd_generate_100000_mixed10")
    dw.server.fault(f"stall phase=result packet={packet} match=tdsd_generate ms=2000")
    worker = dw.project.start("worker", "--job", "job")
    wait_for(lambda: any("tdsd_generate" in s["text"] for s in dw.server.statements()), "the statement")
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 8
    assert dw.server.wait_closed()["attentions"] == 1


@only_tdsd
def test_a_result_cut_anywhere(dw):
    dw.define("job", "SELECT * FROM tdsd_generate_2000_mixed10", max_attempts=3, retry_delay="0s")
    for packet in (1, 2, 5, 20):
        dw.server.fault(f"cut phase=result packet={packet} match=tdsd_generate")
        dw.finish("job")
    states = [run["state"] for run in json.loads(dw.project.etl("status", "--json").stdout)]
    assert states == ["succeeded"] * 4


@only_tdsd
def test_cancelled_by_an_attention(dw):
    dw.define("job", "WAITFOR DELAY '00:10:00'")
    worker = dw.project.start("worker", "--job", "job")
    wait_for(lambda: any("WAITFOR" in s["text"] for s in dw.server.statements()), "the statement")
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 8
    assert dw.server.wait_closed()["attentions"] >= 1


@only_tdsd
@pytest.mark.parametrize("what", ["token", "length", "header", "type", "truncated"])
def test_answers_that_make_no_sense(dw, what):
    dw.server.fault(f"malformed phase=result what={what} times=0 match=marker")
    done = dw.run("SELECT 'marker'", status=4, max_attempts=1)
    assert "cannot be read" in done.stderr or "broke" in done.stderr, done.stderr


@only_tdsd
def test_slowly_and_in_small_pieces(dw):
    dw.server.fault("tiny segment=1 times=0")
    assert dw.value("SELECT 'small'") == "small"


@only_tdsd
@pytest.mark.parametrize("number, attempts", [(1205, 2), (1222, 2), (40613, 2)])
def test_what_passes_is_tried_again(dw, number, attempts):
    dw.define("job", "SELECT 'marker'", max_attempts=3, retry_delay="0s")
    dw.server.fault(f"error number={number} severity=16 match=marker")
    dw.finish("job")
    run = json.loads(dw.project.etl("status", "1", "--json").stdout)[0]
    assert run["attempt"] == attempts


@only_tdsd
def test_32_connections_in_32_threads(dw, pki):
    """Under ThreadSanitizer: each gets its own answers, and nothing is shared."""
    program = "build/tsan/tests/bench/mssql"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(["make", "-s", "TSAN=1", program], cwd=ROOT, env=env, check=True, capture_output=True)
    argv = [ROOT / program, "threads", dw.options["server"], USER, dw.project.path / "password", pki.ca,
            "require", "20"]
    done = subprocess.run(layout() + argv, env={**env, "TSAN_OPTIONS": "halt_on_error=1"}, capture_output=True,
                          text=True, timeout=300, check=False)
    assert done.returncode == 0 and done.stdout == "threads 32\n", done.stderr
