"""How loads that replace a table's rows take their place in a SQL Server: which way, why, and what the
table keeps; and what it survives. The server is tests/tdsd (test_mssql.py for one that is there)."""

import subprocess
import threading

import pymssql
import pytest
# pylint: disable=redefined-outer-name,no-member,unused-import
from servers import pki, wait_for  # noqa: F401
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401
from test_mssql import REAL, dw, only_tdsd, start  # noqa: F401
from test_mssql_copy import ALL, MEMBER, Copies, copies, same  # noqa: F401

REPLACE = {"source_table": "src.member", "target_table": "tgt.member", "load_mode": "replace"}

# all that a table can have, and keeps
RICH = """DROP TABLE IF EXISTS tgt.visit
DROP TABLE IF EXISTS tgt.member
DROP TABLE IF EXISTS tgt.kind
CREATE TABLE tgt.kind (flag bit NOT NULL CONSTRAINT pk_kind PRIMARY KEY)
INSERT INTO tgt.kind VALUES (0), (1)
CREATE TABLE tgt.member (id int NOT NULL, name nvarchar(50), fee decimal(18,4) CONSTRAINT df_fee DEFAULT (0),
 born date, seen datetime2(3), code varchar(10), note nvarchar(max), raw varbinary(max), flag bit NOT NULL,
 loaded datetime2(3) NOT NULL CONSTRAINT df_loaded DEFAULT (SYSUTCDATETIME()), twice AS (id * 2),
 CONSTRAINT pk_member PRIMARY KEY CLUSTERED (id DESC), CONSTRAINT uq_member UNIQUE (code, id),
 CONSTRAINT ck_fee CHECK (fee > -10), CONSTRAINT fk_kind FOREIGN KEY (flag) REFERENCES tgt.kind (flag))
CREATE INDEX ix_born ON tgt.member (born, seen DESC) INCLUDE (name) WHERE born IS NOT NULL WITH (FILLFACTOR = 90)
CREATE STATISTICS st_name ON tgt.member (name)
EXEC sys.sp_addextendedproperty N'owner', N'pensions', N'SCHEMA', N'tgt', N'TABLE', N'member'
EXEC sys.sp_addextendedproperty N'unit', N'EUR', N'SCHEMA', N'tgt', N'TABLE', N'member', N'COLUMN', N'fee'
EXEC sys.sp_addextendedproperty N'why', N'births', N'SCHEMA', N'tgt', N'TABLE', N'member', N'INDEX', N'ix_born'
EXEC sys.sp_addextendedproperty N'why', 7, N'SCHEMA', N'tgt', N'TABLE', N'member', N'CONSTRAINT', N'ck_fee'
IF DATABASE_PRINCIPAL_ID(N'readers') IS NULL CREATE ROLE readers
GRANT SELECT ON tgt.member TO readers
GRANT DELETE ON tgt.member TO readers WITH GRANT OPTION
DENY UPDATE ON tgt.member (fee) TO readers
INSERT INTO tgt.member (id, flag) VALUES (77, 1)
"""

STRUCTURE = [
    "SELECT i.name, i.type_desc, CAST(i.is_unique AS int) AS c1, CAST(i.fill_factor AS int) AS c2, i.filter_definition FROM"
    " sys.indexes i WHERE i.object_id = OBJECT_ID(N'tgt.member') ORDER BY i.name",
    "SELECT i.name AS i, COL_NAME(c.object_id, c.column_id) AS col, CAST(c.key_ordinal AS int) AS c4, CAST(c.is_descending_key AS int) AS c5"
    " FROM sys.indexes i JOIN sys.index_columns c ON c.object_id = i.object_id AND c.index_id = i.index_id"
    " WHERE i.object_id = OBJECT_ID(N'tgt.member') ORDER BY i.name, c.index_column_id",
    "SELECT name, type_desc FROM sys.objects WHERE parent_object_id = OBJECT_ID(N'tgt.member') ORDER BY name",
    "SELECT name, definition, CAST(is_not_trusted AS int) AS c6 FROM sys.check_constraints WHERE parent_object_id ="
    " OBJECT_ID(N'tgt.member') ORDER BY name",
    "SELECT name, OBJECT_NAME(referenced_object_id) AS c7, CAST(is_not_trusted AS int) AS c8 FROM sys.foreign_keys WHERE"
    " parent_object_id = OBJECT_ID(N'tgt.member') ORDER BY name",
    "SELECT name FROM sys.stats WHERE object_id = OBJECT_ID(N'tgt.member') ORDER BY name",
    "SELECT CAST(minor_id AS int) AS c9, name, CAST(value AS nvarchar(90)) AS c10 FROM sys.extended_properties WHERE class = 1 AND"
    " major_id = OBJECT_ID(N'tgt.member') ORDER BY name",
    "SELECT USER_NAME(grantee_principal_id) AS c11, permission_name, state_desc, CAST(minor_id AS int) AS c12 FROM"
    " sys.database_permissions WHERE class = 1 AND major_id = OBJECT_ID(N'tgt.member') ORDER BY permission_name",
    "SELECT c.name, t.name AS type, CAST(c.max_length AS int) AS c13, CAST(c.is_nullable AS int) AS c14, CAST(c.is_computed AS int) AS c15 FROM"
    " sys.columns c JOIN sys.types t ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID(N'tgt.member')"
    " ORDER BY c.column_id",
]


STRUCTURE.append(
    "SELECT CAST(p.class AS int) AS class, p.name, CAST(p.value AS nvarchar(90)) AS value, OBJECT_NAME(p.major_id) AS o"
    " FROM sys.extended_properties p WHERE p.class = 7 OR p.major_id IN (SELECT c.object_id FROM sys.check_constraints"
    " c WHERE c.parent_object_id = OBJECT_ID(N'tgt.member')) ORDER BY p.class")


def structure(copies):
    return [copies.rows(query) for query in STRUCTURE]


def plan(copies, **keys):
    copies.job(**keys)
    return copies.project.etl("run", "copy", "--dry-run").stdout


def statements(copies, text):
    return [s["text"] for s in copies.server.statements() if text in s["text"]]


def leftovers(copies):
    return copies.rows("SELECT name FROM sys.tables WHERE name LIKE 'etl[_]stage[_]%'")


class held:  # pylint: disable=invalid-name
    """A copy that waits at its first request with this text; `cursor` is somebody else's session."""

    def __init__(self, copies, text, **keys):
        self.copies, self.text = copies, text
        self.status = self.said = self.thread = None
        self.connection = pymssql.connect(server="localhost", port=copies.server.port, user=USER, password=PASSWORD,
                                          database="DW", autocommit=True, appname="somebody")
        self.cursor = self.connection.cursor()
        copies.job(**keys)

    def run(self):
        with self.copies.project.start("worker", "--job", "copy", stderr=subprocess.PIPE, text=True) as worker:
            self.said = worker.communicate()[1]
        self.status = worker.returncode

    def __enter__(self):
        fault = self.copies.server.fault(f'stall phase=result match="{self.text}" app="etl worker run"')
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        wait_for(lambda: any(f["id"] == fault and f["hits"] for f in self.copies.server.faults()), "the copy")
        return self

    def go(self):
        self.copies.server.ask("clear")

    def __exit__(self, kind, *_):
        self.go()
        if kind:
            self.connection.close()
        self.thread.join()
        if kind:
            print(self.said)
            return
        self.cursor.close()
        self.connection.close()


@pytest.mark.parametrize("way", ["switch", "rename"])
def test_a_table_keeps_all_that_it_has(copies, way):
    copies.run(MEMBER)
    copies.run(RICH)
    before, number = structure(copies), copies.value("SELECT OBJECT_ID(N'tgt.member')")
    keys = {**REPLACE, "publish": "auto" if way == "switch" else way}
    said = plan(copies, **keys)
    assert f"publishing: {way.upper()}: " in said and "Sch-M" in said and "only metadata is logged" in said
    for _ in range(2):
        done = copies.copy(verify="digest", **keys)
        assert f"publishing: {way.upper()}: " in done.stderr and "staging: the table that takes" in done.stderr
        assert "Caution" not in done.stderr
        columns = "id, name, fee, born, seen, code, note, raw, flag"
        assert copies.rows(f"SELECT {columns} FROM tgt.member ORDER BY id") == copies.rows(ALL.format("src.member"))
    assert structure(copies) == before
    assert (copies.value("SELECT OBJECT_ID(N'tgt.member')") == number) == (way == "switch")
    assert copies.value("SELECT COUNT(*) FROM tgt.member WHERE loaded > '2020-01-01' AND twice = 2 * id") == "3"
    copies.run("INSERT INTO tgt.member (id, flag) VALUES (1, 1)", status=1)
    copies.run("UPDATE tgt.member SET fee = -11 WHERE id = 1", status=1)
    assert not leftovers(copies)


@only_tdsd
def test_switch_moves_no_row_in_the_transaction(copies):
    copies.run(MEMBER)
    copies.run(RICH)
    copies.copy(**REPLACE)
    assert len(statements(copies, "SWITCH TO [tgt].[member]")) == 1
    assert not statements(copies, "INSERT INTO [tgt]")  # the rows went into the new table as they came


def test_converted_rows_are_switched_too(copies):
    """The types are not the same: the server converts on the way from staging."""
    copies.run(MEMBER)
    copies.run("CREATE TABLE tgt.member (id bigint NOT NULL PRIMARY KEY, name nvarchar(60) NOT NULL, fee money)")
    query = "SELECT id, COALESCE(name, N'-') AS name, fee FROM src.member"
    keys = {**REPLACE, "source_table": None}
    keys = {k: v for k, v in {**keys, "source_query": query}.items() if v}
    said = plan(copies, **keys)
    assert "publishing: SWITCH" in said and "columns are not the same" in said
    copies.copy(verify="digest", **keys)
    copies.copy(**keys)
    assert copies.rows(ALL.format("tgt.member")) == copies.rows(query + " ORDER BY id")
    assert not leftovers(copies)


@pytest.mark.parametrize("given", ["loaded", "made"])
@pytest.mark.parametrize("publish", ["switch", "rename", "insert"])
def test_an_identity_goes_on_behind_the_rows(copies, given, publish):
    copies.run(MEMBER)
    copies.run("CREATE TABLE tgt.member (id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, name nvarchar(50))\n"
               "INSERT INTO tgt.member (name) VALUES (N'old')\nUPDATE src.member SET id = 40 WHERE id = 3")
    query = "SELECT id, name FROM src.member" if given == "loaded" else "SELECT name FROM src.member"
    copies.copy(source_query=query, target_table="tgt.member", load_mode="replace", publish=publish)
    copies.run("INSERT INTO tgt.member (name) VALUES (N'next')")
    last = "41" if given == "loaded" else "4"
    assert copies.value("SELECT MAX(id) FROM tgt.member") == last


OBSTACLES = {
    "foreign key": ("CREATE TABLE tgt.visit (id int REFERENCES tgt.member (id))", "DELETE and INSERT", "points to it"),
    "tracked": ("ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON\n"
                "ALTER TABLE tgt.member ENABLE CHANGE_TRACKING", "TRUNCATE and INSERT", "its changes are tracked"),
    "trigger": ("GO\nCREATE TRIGGER tgt.tr_seen ON tgt.member AFTER INSERT AS\nINSERT INTO tgt.seen SELECT id FROM"
                " inserted\nGO", "TRUNCATE and INSERT", "'tr_seen' is to see the rows"),
    "index": ("CREATE INDEX ix_off ON tgt.member (name)\nALTER INDEX ix_off ON tgt.member DISABLE",
              "TRUNCATE and INSERT", "the index 'ix_off' is disabled"),
    "partitioned": ("DROP TABLE tgt.member\nGO\n"
                    "IF EXISTS (SELECT 1 FROM sys.partition_schemes WHERE name = N'etl_ps') DROP PARTITION SCHEME etl_ps\n"
                    "IF EXISTS (SELECT 1 FROM sys.partition_functions WHERE name = N'etl_pf') DROP PARTITION FUNCTION"
                    " etl_pf\nGO\nCREATE PARTITION FUNCTION etl_pf (int) AS RANGE RIGHT FOR VALUES (2, 50)\nGO\n"
                    "CREATE PARTITION SCHEME etl_ps AS PARTITION etl_pf ALL TO ([PRIMARY])\nGO\n"
                    "CREATE TABLE tgt.member (id int NOT NULL PRIMARY KEY, name nvarchar(50), fee decimal(18,4), born"
                    " date, seen datetime2(3), code varchar(10), note nvarchar(max), raw varbinary(max), flag bit NOT"
                    " NULL) ON etl_ps(id)\nINSERT INTO tgt.member (id, flag) VALUES (77, 1)",
                    "RENAME", "it is partitioned, by 'etl_ps'"),
    "versioned": ("DROP TABLE tgt.member\n"
                  "CREATE TABLE tgt.member (id int NOT NULL PRIMARY KEY, name nvarchar(50), fee decimal(18,4), born"
                  " date, seen datetime2(3), code varchar(10), note nvarchar(max), raw varbinary(max), flag bit NOT"
                  " NULL, f datetime2 GENERATED ALWAYS AS ROW START HIDDEN NOT NULL, t datetime2 GENERATED ALWAYS AS"
                  " ROW END HIDDEN NOT NULL, PERIOD FOR SYSTEM_TIME (f, t)) WITH (SYSTEM_VERSIONING = ON (HISTORY_TABLE"
                  " = tgt.member_past))\nINSERT INTO tgt.member (id, flag) VALUES (77, 1)",
                  "DELETE and INSERT", "system-versioned"),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_what_forbids_a_switch_is_said(copies, obstacle):
    sql, way, why = OBSTACLES[obstacle]
    copies.run(MEMBER)
    copies.run("DROP TABLE IF EXISTS tgt.seen\nCREATE TABLE tgt.seen (id int)\n" + RICH)
    copies.run(sql, atomic="no")
    said = plan(copies, **REPLACE)
    assert f"publishing: {way}" in said and "no SWITCH: " in said and why in said
    copies.copy(**REPLACE)
    assert copies.value("SELECT COUNT(*) FROM tgt.member WHERE id <> 77") == "3"
    if obstacle == "partitioned":  # as before, with the rows in their places
        rows = copies.rows("SELECT rows FROM sys.partitions WHERE object_id = OBJECT_ID('tgt.member') AND index_id = 1"
                           " ORDER BY partition_number")
        assert [int(row[0]) for row in rows] == [1, 2, 0]
    if obstacle == "trigger":
        assert copies.value("SELECT COUNT(*) FROM tgt.seen") == "3"


def test_a_key_with_an_action_refuses_before_a_row_moves(copies):
    copies.run(MEMBER)
    copies.run(RICH)
    copies.run("CREATE TABLE tgt.visit (id int CONSTRAINT fk_visit REFERENCES tgt.member (id) ON DELETE CASCADE)")
    done = copies.copy(status=1, **REPLACE)
    assert "'fk_visit' would reach into another table" in done.stderr and "merge" in done.stderr
    assert copies.value("SELECT MAX(id) FROM tgt.member") == "77"


def test_a_double_key_is_found_before_it_is_published(copies):
    copies.run(MEMBER)
    copies.run("CREATE TABLE tgt.member (id int NOT NULL PRIMARY KEY, flag bit NOT NULL)\n"
               "INSERT INTO tgt.member VALUES (77, 1)")
    done = copies.copy(source_query="SELECT 7 AS id, flag FROM src.member", target_table="tgt.member",
                       load_mode="replace", status=1)
    assert "1505" in done.stderr and "takes the place" in done.stderr
    assert copies.value("SELECT MAX(id) FROM tgt.member") == "77"
    assert not leftovers(copies)


def test_guards_hold_for_a_switch(copies):
    copies.run(MEMBER)
    copies.run(RICH)
    done = copies.copy(status=1, min_rows=5, **REPLACE)
    assert "min_rows is 5" in done.stderr
    assert copies.value("SELECT MAX(id) FROM tgt.member") == "77"
    copies.copy(min_rows=0, **{**REPLACE, "load_mode": "truncate"})
    copies.copy(min_rows=0, max_delete="3", source_query="SELECT * FROM src.member WHERE 1 = 0",
                target_table="tgt.member", load_mode="replace")
    assert copies.value("SELECT COUNT(*) FROM tgt.member") == "0"


@only_tdsd
def test_an_index_made_during_the_load_is_not_lost(copies):
    """Somebody alters the table between load and publishing."""
    copies.run(MEMBER)
    copies.run(RICH)
    with held(copies, "SELECT COUNT_BIG(*) FROM [tgt].[etl_stage", **REPLACE) as run:
        run.cursor.execute("CREATE INDEX ix_new ON tgt.member (name)")
    assert run.status == 1 and "altered while rows were being staged" in run.said
    assert copies.value("SELECT MAX(id) FROM tgt.member") == "77"


@only_tdsd
def test_who_holds_it_up_is_named(copies):
    copies.run(MEMBER)
    copies.run(RICH)
    with held(copies, "SET LOCK_TIMEOUT 5000", **REPLACE) as run:
        run.cursor.execute("BEGIN TRANSACTION UPDATE tgt.member SET name = N'x'")
        log = "SELECT message FROM etl_run_log WHERE message LIKE '%is locked by session%'"
        run.go()
        wait_for(lambda: copies.project.sql(log, "control.db"), "the blocker's name")
        run.cursor.execute("ROLLBACK")
    assert run.status == 0
    assert "login 'sa'" in run.said or f"login '{USER}'" in run.said
    assert "program 'somebody'" in run.said
    assert copies.value("SELECT COUNT(*) FROM tgt.member") == "3"


@pytest.mark.parametrize("way", ["switch", "rename", "insert"])
def test_rows_that_break_a_rule_are_kept_aside_before(copies, way):
    copies.run(MEMBER)
    copies.run(RICH)
    copies.run("UPDATE src.member SET fee = -20 WHERE id = 3")
    done = copies.copy(publish=way, on_reject="keep", verify="digest", **REPLACE)
    assert "1 row rejected" in done.stderr
    assert copies.value("SELECT STRING_AGG(CAST(id AS varchar(9)), ' ') FROM tgt.member") in ("1 2", "2 1")
    assert not leftovers(copies)


# --- options of a job ---


def test_a_way_that_is_wanted_or_none(copies):
    copies.run(MEMBER)
    copies.run(RICH)
    copies.run("CREATE TABLE tgt.visit (id int REFERENCES tgt.member (id))")
    for way in ("switch", "rename"):
        done = copies.copy(status=1, publish=way, **REPLACE)
        assert f"cannot be replaced by {way.upper()}: the foreign key" in done.stderr
        assert "publish = auto" in done.stderr
    assert copies.value("SELECT MAX(id) FROM tgt.member") == "77"
    assert "no SWITCH: publish = insert" in plan(copies, publish="insert", **REPLACE) or \
        "no SWITCH: the foreign key" in plan(copies, publish="insert", **REPLACE)


def test_triggers_that_are_not_to_see_the_rows(copies):
    copies.run(MEMBER)
    copies.run("DROP TABLE IF EXISTS tgt.seen\nCREATE TABLE tgt.seen (id int)\n" + RICH)
    copies.run(OBSTACLES["trigger"][0], atomic="no")
    enabled = "SELECT CAST(is_disabled AS int) FROM sys.triggers WHERE name = N'tr_seen'"
    for keys in ({}, {"publish": "insert"}, {"load_mode": "merge", "key_columns": "id"}):
        copies.copy(fire_triggers="no", **{**REPLACE, **keys})
        assert copies.value("SELECT COUNT(*) FROM tgt.member") == "3"
        assert copies.value("SELECT COUNT(*) FROM tgt.seen") == "0"
        assert copies.value(enabled) == "0"
    assert "publishing: SWITCH" in plan(copies, fire_triggers="no", **REPLACE)


@pytest.mark.parametrize("publish", ["auto", "rename", "insert"])
def test_constraints_that_do_not_look(copies, publish):
    copies.run(MEMBER)
    copies.run(RICH)
    copies.run("UPDATE src.member SET fee = -20 WHERE id = 3")
    done = copies.copy(status=1, publish=publish, **REPLACE)
    assert "ck_fee" in done.stderr or "547" in done.stderr
    assert copies.value("SELECT MAX(id) FROM tgt.member") == "77"
    keys = {**REPLACE, "publish": publish, "check_constraints": "no"}
    if publish == "auto":
        assert "no SWITCH: the constraint 'ck_fee' is trusted" in plan(copies, **keys)
    for more in ({}, {"on_reject": "keep"}):
        copies.copy(**keys, **more)
        assert copies.value("SELECT MIN(fee) FROM tgt.member") == "-20.0000"
    assert copies.value("SELECT CAST(is_not_trusted AS int) FROM sys.check_constraints WHERE name = N'ck_fee'") == "1"
    copies.run("UPDATE tgt.member SET fee = -30 WHERE id = 1", status=1)  # it is not off


def test_staging_in_a_schema_of_its_own(copies):
    copies.run(MEMBER)
    copies.run(RICH)
    copies.run("IF SCHEMA_ID(N'stage') IS NULL EXEC (N'CREATE SCHEMA stage')")
    for keys in ({"publish": "switch"}, {"publish": "insert"}, {"load_mode": "merge", "key_columns": "id"}):
        done = copies.copy(staging_schema="stage", **{**REPLACE, **keys})
        assert "in schema [stage]" in done.stderr
        assert not leftovers(copies)
    copies.options["staging_schema"] = "stage"
    copies.configure()
    assert "in schema [stage]" in plan(copies, **REPLACE)
    done = copies.copy(status=1, publish="rename", **REPLACE)
    assert "staging is in another schema" in done.stderr


@only_tdsd
def test_rows_that_come_sorted_need_no_sort(copies):
    copies.run(MEMBER)
    copies.run(RICH)
    copies.copy(sorted="yes", source_query="SELECT * FROM src.member ORDER BY id DESC", target_table="tgt.member",
                load_mode="replace")
    bulk = statements(copies, "INSERT BULK [tgt]")
    assert bulk and all("ORDER ([id] DESC)" in s for s in bulk), bulk
    assert copies.value("SELECT COUNT(*) FROM tgt.member") == "3"
    assert "of no use" in plan(copies, sorted="yes", **{**REPLACE, "publish": "insert"})


@only_tdsd
def test_batches_are_loads_of_their_own(copies):
    copies.run("IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')\nDROP TABLE IF EXISTS tgt.many")
    many = {"source_query": "SELECT * FROM tdsd_generate_9000_every", "target_table": "tgt.many",
            "load_mode": "replace"}
    copies.copy(**many)
    loads = {}
    for size in (0, 2000):
        before = len(statements(copies, "INSERT BULK"))
        copies.copy(batch_rows=size, verify="digest", **many)
        loads[size] = len(statements(copies, "INSERT BULK")) - before
    assert loads[2000] >= 3 * loads[0] > 0, loads
    assert copies.value("SELECT COUNT(*) FROM tgt.many") == "9000"
