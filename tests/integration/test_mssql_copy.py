"""Copies between SQL Servers, and between SQL Server and files: what arrives is what was there.

The server is tests/tdsd (see test_mssql.py for one that is there).
"""

import csv
import json
import sqlite3

import pymssql
import pytest
# pylint: disable=redefined-outer-name,no-member
from servers import pki  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import REAL, Warehouse, dw, only_tdsd, start  # noqa: F401 pylint: disable=unused-import


class Copies(Warehouse):
    """Jobs whose source and target are the same server, whatever else they are."""

    def configure(self, **keys):
        super().configure(**keys)
        text = (self.project.path / "etl.ini").read_text()
        self.project.write("etl.ini", text + "[connection files]\ndriver = csv\npath = files\n"
                           "[connection lite]\ndriver = sqlite\npath = lite.db\n")
        (self.project.path / "files").mkdir(exist_ok=True)

    def job(self, name="copy", **keys):
        if not (self.project.path / "control.db").exists():
            self.project.etl("init")
        keys = {"source": "dw", "target": "dw", **keys}
        self.project.write("copy.ini", f"[job {name}]\n" + "".join(
            f"{k} = " + str(v).replace("\n", "\n\t") + "\n" for k, v in keys.items()))
        self.project.etl("apply", "copy.ini")

    def copy(self, status=0, name="copy", **keys):
        self.job(name, **keys)
        return self.project.etl("worker", "--job", name, status=status)

    def rows(self, query):
        """Of a query, by way of a CSV file."""
        self.copy(name="look", source_query=query, target="files", target_table="look", load_mode="replace",
                  create="yes", min_rows=0)
        with open(self.project.path / "files" / "look.csv", encoding="utf-8", newline="") as f:
            return list(csv.reader(f))[1:]


@pytest.fixture
def copies(project, start, pki):
    return Copies(project, None if REAL else start(), pki)


MEMBER = """IF SCHEMA_ID(N'src') IS NULL EXEC (N'CREATE SCHEMA src')
IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')
DROP TABLE IF EXISTS src.member
DROP TABLE IF EXISTS tgt.member
GO
CREATE TABLE src.member (id int NOT NULL PRIMARY KEY, name nvarchar(50), fee decimal(18,4), born date,
 seen datetime2(3), code varchar(10), note nvarchar(max), raw varbinary(max), flag bit NOT NULL)
INSERT INTO src.member VALUES
 (1, N'Ünsal 😀', 12.3400, '1970-01-02', '2020-02-29 23:59:59.123', 'Straße €', N'', 0x, 1),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0),
 (3, N'', -0.0001, '0001-01-01', '9999-12-31 00:00:00', '', N'long', 0x00FF, 1)
"""
ALL = "SELECT * FROM {} ORDER BY id"


def same(copies, source="src.member", target="tgt.member"):
    there = copies.rows(ALL.format(target))
    assert there == copies.rows(ALL.format(source))
    return there


def test_create_and_append(copies):
    copies.run(MEMBER)
    copies.copy(source_table="src.member", target_table="tgt.member", load_mode="append", create="yes")
    assert len(same(copies)) == 3
    copies.run("INSERT INTO tgt.member SELECT 1, N'x', 1, NULL, NULL, NULL, NULL, NULL, 1", status=1)  # a key


def test_modes(copies):
    copies.run(MEMBER)
    for mode in ("replace", "truncate"):
        copies.copy(source_table="src.member", target_table="tgt.member", load_mode=mode, create="yes",
                    verify="digest")
        assert len(same(copies)) == 3
    copies.run("DELETE FROM src.member WHERE id = 2\nUPDATE src.member SET name = N'ünsal' WHERE id = 1\n"
               "INSERT INTO src.member VALUES (4, N'new', 1, NULL, NULL, NULL, NULL, NULL, 1)")
    done = copies.copy(source_table="src.member", target_table="tgt.member", load_mode="merge",
                       key_columns="id", verify="digest")
    assert len(copies.rows(ALL.format("tgt.member"))) == 4, done.stderr
    copies.copy(source_table="src.member", target_table="tgt.member", load_mode="merge", key_columns="id",
                delete_missing="yes")
    assert len(same(copies)) == 3
    assert not copies.rows("SELECT name FROM sys.tables WHERE name LIKE 'etl[_]stage[_]%'")


def test_plan_says_what_it_does(copies):
    copies.run(MEMBER)
    copies.job(source_table="src.member", target_table="tgt.member", load_mode="replace", create="yes")
    said = copies.project.etl("run", "copy", "--dry-run").stdout
    assert "CREATE TABLE [tgt].[member] ([id] int NOT NULL" in said and "PRIMARY KEY ([id])" in said
    assert "its bytes pass" in said and "nobody sees it before" in said


def test_to_csv_and_sqlite_and_back(copies):
    copies.run(MEMBER)
    for way in ("files", "lite"):
        copies.copy(name="out", source_table="src.member", target=way, target_table="member",
                    load_mode="replace", create="yes")
        copies.run("DROP TABLE IF EXISTS tgt.member\nSELECT TOP 0 * INTO tgt.member FROM src.member")
        copies.copy(name="back", source=way, source_table="member", target_table="tgt.member",
                    load_mode="append")
        assert len(copies.rows(ALL.format("tgt.member"))) == 3
    same(copies)


def test_narrower_column_is_refused(copies):
    copies.run(MEMBER)
    copies.run("CREATE TABLE tgt.member (id int NOT NULL, name nvarchar(2))")
    done = copies.copy(source_query="SELECT id, name FROM src.member", target_table="tgt.member",
                       load_mode="append", status=1)
    assert "column 'name'" in done.stderr and "row 1" in done.stderr
    assert not copies.rows("SELECT * FROM tgt.member")
    copies.copy(source_query="SELECT id, name FROM src.member", target_table="tgt.member", on_reject="keep",
                load_mode="append")
    assert len(copies.rows("SELECT * FROM tgt.member")) == 2


@pytest.mark.parametrize("column", ["id", "seen", "rv"])
def test_incremental(copies, column):
    copies.run(MEMBER)
    copies.run("UPDATE src.member SET seen = DATEADD(day, id, '2020-01-01')\n"
               "ALTER TABLE src.member ADD rv rowversion")
    more = {"source_query": "SELECT id, name, seen, rv FROM src.member", "target_table": "tgt.member",
            "load_mode": "incremental", "watermark_column": column, "create": "yes"}
    copies.copy(**more)
    assert len(copies.rows("SELECT * FROM tgt.member")) == 3
    copies.copy(**more)
    assert len(copies.rows("SELECT * FROM tgt.member")) == 3
    copies.run("INSERT INTO src.member (id, seen, flag) VALUES (9, '2020-06-01', 1)")
    copies.copy(**more)
    assert sorted(copies.rows("SELECT id FROM tgt.member")) == [["1"], ["2"], ["3"], ["9"]]
    copies.copy(**more)
    assert len(copies.rows("SELECT * FROM tgt.member")) == 4
    assert copies.value("SELECT COUNT(*) FROM etl.load_watermark") == "4"


def test_rejects_are_kept_with_key_and_reason(copies):
    copies.run(MEMBER)
    copies.run("CREATE TABLE tgt.member (id int NOT NULL PRIMARY KEY, fee decimal(18,2))")
    done = copies.copy(source_query="SELECT id, fee FROM src.member", target_table="tgt.member",
                       load_mode="merge", key_columns="id", on_reject="keep", reject_values="keys")
    assert "1 row rejected" in done.stderr
    assert copies.value("SELECT row_key + ' ' + column_name + ' ' + CAST(row_no AS varchar(9))"
                        " FROM etl.load_reject") == "3 fee 3"


def test_ranges_in_parallel(copies):
    copies.run(MEMBER)
    copies.run("\n".join(f"INSERT INTO src.member (id, flag) VALUES ({i}, 0)" for i in range(10, 60)))
    copies.copy(source_table="src.member", target_table="tgt.member", load_mode="replace", create="yes",
                partition_column="id", parallel=3, verify="digest")
    assert len(same(copies)) == 53


def test_lineage(copies):
    """Where rows came from and went to, as whom: in the store."""
    copies.run(MEMBER + "DROP TABLE IF EXISTS tgt.more")
    keys = {"target_table": "tgt.member", "load_mode": "replace", "create": "yes", "verify": "digest"}
    copies.copy(source_table="src.member", **keys)
    run = json.loads(copies.project.etl("status", "--last", 1, "--json").stdout)[0]["run"]
    facts = json.loads(copies.project.etl("status", run, "--json").stdout)[0]["lineage"]
    server = copies.value("@@SERVERNAME")
    login = copies.value("ORIGINAL_LOGIN()")
    assert (facts["source_server"], facts["source_database"], facts["source_principal"]) \
        == (facts["target_server"], facts["target_database"], facts["target_principal"]) \
        == (server, copies.options["database"], login)
    assert facts["consistency"] in ("one snapshot", "one statement") and len(facts["query_hash"]) == 32
    assert facts["digest"] == copies.value("SELECT digest FROM etl.load_ledger WHERE digest IS NOT NULL")
    assert f"query_hash        {facts['query_hash']}\n" in copies.project.etl("status", run).stdout
    copies.copy(source_query="SELECT * FROM src.member", **keys)
    copies.copy(source_table="src.member", **keys)
    hashes = copies.project.sql("SELECT query_hash FROM etl_v_lineage WHERE job = 'copy' ORDER BY run_id", "control.db")
    assert hashes[0] == hashes[2] != hashes[1]
    assert copies.project.sql("SELECT source, target, target_table, state, rows_read, rows_written, rows_rejected,"
                              " version_read FROM etl_v_lineage WHERE run_id = " + str(run), "control.db") \
        == [("dw", "dw", "tgt.member", "succeeded", 3, 3, 0, None)]
    copies.copy(**{**keys, "source_table": "src.member", "load_mode": "incremental", "watermark_column": "id",
                    "target_table": "tgt.more"})
    assert copies.project.sql("SELECT version_read FROM etl_v_lineage ORDER BY run_id DESC LIMIT 1", "control.db") \
        == [("3",)]


TYPES = {
    "bit": "1", "tinyint": "255", "smallint": "-32768", "int": "2147483647", "bigint": "-9223372036854775808",
    "real": "3.4E38", "float": "-1.7976931348623157E308", "money": "-922337203685477.5808",
    "smallmoney": "214748.3647", "decimal(9,0)": "-999999999", "decimal(19,4)": "123456789012345.6789",
    "decimal(28,10)": "0.0000000001", "decimal(38,38)": "0.12345678901234567890123456789012345678",
    "date": "'9999-12-31'", "time(0)": "'23:59:59'", "time(7)": "'23:59:59.9999999'",
    "datetime": "'1753-01-01 00:00:00.003'", "smalldatetime": "'2079-06-06 23:59'",
    "datetime2(0)": "'0001-01-01'", "datetime2(3)": "'2020-02-29 12:00:00.123'",
    "datetime2(7)": "'9999-12-31 23:59:59.9999999'", "datetimeoffset(7)": "'2020-01-01 00:00:00.0000001 +14:00'",
    "uniqueidentifier": "'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "char(5)": "'ab'", "varchar(20)": "'Straße €'",
    "varchar(max)": "REPLICATE(CAST('y' AS varchar(max)), 20000)", "nchar(4)": "N'ü'", "nvarchar(20)": "N'😀 '",
    "nvarchar(max)": "REPLICATE(CAST(N'ü' AS nvarchar(max)), 9000)", "binary(3)": "0x0102", "varbinary(9)": "0x00",
    "varbinary(max)": "CAST(REPLICATE('z', 8000) AS varbinary(max))", "xml": "N'<a>ü</a>'", "text": "'text'",
    "ntext": "N'ntext'", "image": "0xFFD8", "sql_variant": "CAST(12.50 AS decimal(9,2))",
    "varchar(30) COLLATE Cyrillic_General_CI_AS": "N'Привет'", "varchar(30) COLLATE Japanese_CI_AS": "N'日本'",
    "varchar(40) COLLATE Latin1_General_100_CI_AS_SC_UTF8": "N'日本 😀'",
}


def all_types(copies, null):
    for schema in ("src", "tgt"):
        copies.run(f"IF SCHEMA_ID(N'{schema}') IS NULL EXEC (N'CREATE SCHEMA {schema}')\n"
                   f"DROP TABLE IF EXISTS {schema}.types\n"
                   f"CREATE TABLE {schema}.types (id int NOT NULL, " + ", ".join(
                       f"c{i} {t} {null}" for i, t in enumerate(TYPES)) + ")")
    copies.run("INSERT INTO src.types VALUES (1, " + ", ".join(TYPES.values()) + ")")
    if null == "NULL":
        copies.run("INSERT INTO src.types (id) VALUES (2)\n"
                   "INSERT INTO src.types (id, c24, c25, c27, c28, c31, c33) VALUES (3, '', '', N'', N'', 0x, '')")


@pytest.mark.parametrize("null", ["NULL", "NOT NULL"])
@pytest.mark.parametrize("create", ["no", "yes"])
def test_every_type_passes(copies, null, create):
    all_types(copies, null)
    if create == "yes":
        copies.run("DROP TABLE tgt.types")
    plan = {"source_table": "src.types", "target_table": "tgt.types", "load_mode": "replace", "create": "yes",
            "verify": "digest"}
    copies.job(**plan)
    said = copies.project.etl("run", "copy", "--dry-run").stdout
    assert "is converted" not in said
    copies.copy(**plan)
    columns = ", ".join(["id"] + [f"CAST(c{i} AS nvarchar(40)) AS c{i}" if t == "sql_variant" else f"c{i}"
                                  for i, t in enumerate(TYPES)])
    query = f"SELECT {columns} FROM {{}} ORDER BY id"
    there = copies.rows(query.format("tgt.types"))
    assert there == copies.rows(query.format("src.types"))
    assert len(there) == (3 if null == "NULL" else 1)


@pytest.mark.parametrize("way", ["files", "lite"])
def test_every_type_goes_out(copies, way):
    all_types(copies, "NULL")
    columns = ", ".join(["id"] + [f"c{i}" for i, t in enumerate(TYPES) if t != "sql_variant"])
    copies.copy(name="out", source_query=f"SELECT {columns} FROM src.types", target=way, target_table="types",
                load_mode="replace", create="yes")
    if way == "files":
        with open(copies.project.path / "files" / "types.csv", encoding="utf-8", newline="") as f:
            rows = list(csv.reader(f))[1:]
    else:
        db = sqlite3.connect(copies.project.path / "lite.db")
        rows = [[str(v) for v in row] for row in db.execute("SELECT * FROM types ORDER BY id")]
    said = dict(zip([t for t in TYPES if t != "sql_variant"], rows[0][1:]))
    assert said["decimal(38,38)"] == "0.12345678901234567890123456789012345678"
    assert said["datetime2(7)"].endswith("23:59:59.9999999") and said["varchar(20)"] == "Straße €"
    assert said["varchar(30) COLLATE Cyrillic_General_CI_AS"] == "Привет"
    assert said["varchar(30) COLLATE Japanese_CI_AS"] == "日本"
    assert said["varchar(40) COLLATE Latin1_General_100_CI_AS_SC_UTF8"] == "日本 😀"
    assert said["money"] == "-922337203685477.5808" and said["bigint"] == "-9223372036854775808"


def test_rows_larger_than_a_batch(copies):
    copies.run("IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')\nDROP TABLE IF EXISTS tgt.big")
    query = ("SELECT 1 AS id, CAST(REPLICATE(CAST('ab' AS varchar(max)), 1500000) AS varchar(max)) AS a,"
             " N'between' AS b, REPLICATE(CAST(N'ü' AS nvarchar(max)), 700000) AS c"
             " UNION ALL SELECT 2, 'x', N'small', N'y'")
    copies.copy(source_query=query, target_table="tgt.big", load_mode="append", create="yes", verify="digest")
    assert copies.value("SELECT STRING_AGG(CONCAT(id, ':', DATALENGTH(a), ':', DATALENGTH(c)), ' ')"
                        " FROM tgt.big") == "1:3000000:1400000 2:1:2"
    copies.copy(source_query=query, target_table="tgt.big", load_mode="replace")
    assert copies.value("SELECT STRING_AGG(CONCAT(id, ':', LEN(a), ':', LEN(c)), ' ') FROM tgt.big") \
        == "1:3000000:700000 2:1:1"


# --- what it survives ---


def order_until_whole(copies, faults, **keys):
    """One run after another, each with the next of the faults, until one has nothing to break: every run
    succeeds by another attempt. Gives their number."""
    copies.job(max_attempts=5, max_disruptions=5, retry_delay="0s", **keys)
    for runs, fault in enumerate(faults, 1):
        number = copies.server.fault(fault)
        copies.finish("copy")
        hits = next(f["hits"] for f in copies.server.faults() if f["id"] == number)
        copies.server.ask("clear")
        if not hits:
            return runs
    raise AssertionError("there was always something to break")


@only_tdsd
@pytest.mark.parametrize("phase", ["request", "result"])
@pytest.mark.parametrize("end", ["etl worker reads", "etl worker run"])
def test_a_connection_that_breaks_loads_nothing_twice(copies, phase, end):
    copies.run(MEMBER)
    copies.run("SELECT TOP 0 * INTO tgt.member FROM src.member")
    faults = (f'cut phase={phase} statement={n} app="{end}"' for n in range(1, 80))
    runs = order_until_whole(copies, faults, source_table="src.member", target_table="tgt.member",
                             load_mode="append")
    assert runs > 5
    assert copies.value("SELECT COUNT(*) FROM tgt.member") == str(3 * runs)
    assert not copies.rows("SELECT name FROM sys.tables WHERE name LIKE 'etl[_]stage[_]%'")


@only_tdsd
@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_bulk_data_that_breaks_off(copies, kind):
    copies.run("IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')\nDROP TABLE IF EXISTS tgt.many")
    many = {"source_query": "SELECT * FROM tdsd_generate_3000_every", "target_table": "tgt.many",
            "load_mode": "append"}
    copies.copy(create="yes", **many)
    faults = [f"{kind} phase=bulk packet={n}" for n in (1, 2, 5, 20, 100000)]
    runs = order_until_whole(copies, faults, **many)
    assert copies.value("SELECT COUNT(*) FROM tgt.many") == str(3000 * (1 + runs))


@only_tdsd
@pytest.mark.parametrize("match", ["INSERT INTO [tgt]", "N'published'"])
def test_a_deadlock_victim_publishes_once(copies, match):
    copies.run(MEMBER)
    copies.run("SELECT TOP 0 * INTO tgt.member FROM src.member")
    copies.server.fault(f'error number=1205 severity=13 rollback=1 match="{match}" app="etl worker run"')
    copies.job(max_attempts=3, retry_delay="0s", source_table="src.member", target_table="tgt.member",
               load_mode="append")
    copies.finish("copy")
    assert copies.server.faults()[0]["hits"] == 1
    copies.server.ask("clear")
    assert copies.value("SELECT COUNT(*) FROM tgt.member") == "3"


@only_tdsd
def test_a_full_log_is_said(copies):
    copies.run(MEMBER)
    copies.run("SELECT TOP 0 * INTO tgt.member FROM src.member")
    copies.server.fault("error number=9002 severity=17 row=2 times=0 message=\"The transaction log is full\"")
    done = copies.copy(source_table="src.member", target_table="tgt.member", load_mode="append", status=1)
    assert "9002" in done.stderr and "log" in done.stderr
    copies.server.ask("clear")
    assert copies.value("SELECT COUNT(*) FROM tgt.member") == "0"


@only_tdsd
def test_malformed_rows_are_not_loaded(copies):
    copies.run(MEMBER)
    copies.run("SELECT TOP 0 * INTO tgt.member FROM src.member")
    for what in ("token", "length", "header", "type", "truncated"):
        copies.server.fault(f'malformed phase=result what={what} match="SELECT s.*" app="etl worker reads"')
        copies.job(max_attempts=3, retry_delay="0s", source_table="src.member", target_table="tgt.member",
                   load_mode="replace", verify="digest")
        copies.finish("copy")
        copies.server.ask("clear")
        assert copies.value("SELECT COUNT(*) FROM tgt.member") == "3"


@only_tdsd
def test_masks_are_no_data(project, tdsd, pki):
    """A login without UNMASK would read them in the values' place."""
    certificate, key = pki.issue("localhost")
    server = tdsd("--user", "reader:Secret-1:DW", certificate=certificate, key=key, database="DW", encrypt="on")
    copies = Copies(project, server, pki)
    with pymssql.connect(server="localhost", port=server.port, user=USER, password=PASSWORD, database="DW",
                         autocommit=True) as owner, owner.cursor() as cursor:
        for sql in ("CREATE TABLE dbo.pay (id int, wage int MASKED WITH (FUNCTION = 'default()'))",
                    "INSERT INTO dbo.pay VALUES (1, 4200)", "CREATE USER reader FOR LOGIN reader",
                    "GRANT SELECT ON dbo.pay TO reader"):
            cursor.execute(sql)
        project.write("reader", "Secret-1")
        copies.configure(user="reader", password_file="reader")
        keys = {"target": "lite", "target_table": "pay", "load_mode": "replace", "create": "yes"}
        refused = copies.copy(status=1, source_table="dbo.pay", **keys)
        assert "column 'wage' is masked for this login" in refused.stderr and "UNMASK" in refused.stderr
        copies.copy(source_query="SELECT id FROM dbo.pay", **{**keys, "target_table": "ids"})
        cursor.execute("GRANT UNMASK TO reader")
        copies.copy(source_table="dbo.pay", **keys)
    assert project.sql("SELECT * FROM pay", "lite.db") == [(1, 4200)]
