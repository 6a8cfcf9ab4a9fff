"""Rows that a SQL Server refuses: kept aside with key, column and its words, and the others are loaded.

The server is tests/tdsd, or one that is there (see test_mssql.py).
"""

import pytest
# pylint: disable=redefined-outer-name,unused-argument
from servers import pki  # noqa: F401 pylint: disable=unused-import
from tdsd import tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import dw, only_tdsd, start  # noqa: F401 pylint: disable=unused-import
from test_mssql_copy import MEMBER, Copies, copies  # noqa: F401 pylint: disable=unused-import

REJECTS = ("SELECT row_no, ISNULL(row_key, N'-') AS k, ISNULL(column_name, N'-') AS c, reason"
           " FROM etl.load_reject ORDER BY seq")
KEEP = {"target_table": "tgt.t", "load_mode": "append", "on_reject": "keep", "reject_values": "keys"}


def rejected(copies):
    return copies.rows(REJECTS)


DIGITS = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"
BAD = [1, 1000, 1001, 2999]
SOURCE = f"""IF SCHEMA_ID(N'src') IS NULL EXEC (N'CREATE SCHEMA src')
IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')
DROP TABLE IF EXISTS src.t
DROP TABLE IF EXISTS tgt.t
CREATE TABLE src.t (id int NOT NULL PRIMARY KEY, note varchar(40), long varchar(max))
INSERT INTO src.t SELECT n, 'fine ' + CAST(n AS varchar(9)), 'x' FROM (SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n
 + 1 AS n FROM {DIGITS} AS a (n), {DIGITS} AS b (n), {DIGITS} AS c (n), {DIGITS} AS d (n)) AS t WHERE n <= 3000
UPDATE src.t SET note = 'bad one' WHERE id IN ({', '.join(str(i) for i in BAD)})
SELECT TOP 0 * INTO tgt.t FROM src.t
"""


def refuse(copies, number, **keys):
    """Copies while the server finds every row bad that says so."""
    copies.server.fault(f'error number={number} message="No, column \'c1\'" has="bad one" times=0')
    done = copies.copy(**{"source_table": "src.t", **KEEP, **keys})
    copies.server.ask("clear")
    return done


def loads(copies):
    return sum(s["kind"] == "load" for s in copies.server.statements())


@only_tdsd
@pytest.mark.parametrize("number", [515, 547, 8114, 8115, 220, 2628, 8152, 4815, 4863, 511])
def test_whatever_the_server_refuses(copies, number):
    copies.run(SOURCE)
    refuse(copies, number, verify="digest")
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "2996"
    rows = rejected(copies)
    assert sorted(int(r[1]) for r in rows) == BAD and {r[2] for r in rows} == {"note"}
    assert all(f"(error {number}, " in r[3] for r in rows)


@only_tdsd
def test_ranges_in_parallel(copies):
    copies.run(SOURCE)
    refuse(copies, 8114, partition_column="id", parallel=3, verify="digest", load_mode="replace")
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "2996"
    assert sorted(int(r[1]) for r in rejected(copies)) == BAD


@only_tdsd
@pytest.mark.parametrize("verify", ["count", "digest"])
def test_rows_in_parts(copies, verify):
    """Which are too large for a batch; their keys are known only where they are put together."""
    copies.run(SOURCE + "UPDATE src.t SET long = REPLICATE(CAST('y' AS varchar(max)), 700000)"
               " WHERE id IN (1, 2, 1500, 2998, 2999)")
    refuse(copies, 8114, verify=verify)
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "2996"
    assert copies.value("SELECT COUNT(*) FROM tgt.t WHERE DATALENGTH(long) = 700000") == "3"
    keys = [str(i) for i in BAD] if verify == "digest" else ["-", "-", "1000", "1001"]
    assert sorted(r[1] for r in rejected(copies)) == sorted(keys)
    assert len({r[0] for r in rejected(copies)}) == 4


@only_tdsd
def test_more_than_the_limit_fail_the_run(copies):
    copies.run(SOURCE)
    done = refuse(copies, 8114, status=1, reject_limit=3)
    assert "more than 3 rows cannot be loaded; the last one: " in done.stderr and "No, column" in done.stderr
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "0"
    assert len(rejected(copies)) == 3


@only_tdsd
def test_what_is_no_row_s_fault_fails_the_run(copies):
    """The log of the target is full: nothing is divided, and nobody is blamed."""
    copies.run(SOURCE)
    done = refuse(copies, 9002, status=1, max_attempts=1)
    assert "9002" in done.stderr
    assert loads(copies) == 1
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "0"


@only_tdsd
def test_a_load_that_is_refused_is_given_again_in_halves(copies):
    """Not row by row."""
    copies.run(SOURCE)
    refuse(copies, 8114)
    assert 20 < loads(copies) < 2 * 4 * 13


@only_tdsd
def test_without_rejects_a_refused_row_fails_the_run(copies):
    copies.run(SOURCE)
    done = refuse(copies, 8114, status=1, on_reject="fail")
    assert "No, column 'c1' (error 8114" in done.stderr
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "0"


def test_one_load_ends_where_the_kept_bytes_do(copies):
    """Two loads and more of 16 MiB each."""
    copies.run("IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')\nDROP TABLE IF EXISTS tgt.t")
    copies.configure()
    with open(copies.project.path / "files/wide.csv", "w", encoding="utf-8") as f:
        f.write("id,text\n")
        for i in range(6000):
            f.write(f"{i},{'x' * 7000}\n")
    done = copies.copy(**{**KEEP, "source": "files", "source_table": "wide", "create": "yes", "verify": "digest"})
    assert copies.value("SELECT CONCAT(COUNT(*), ' ', SUM(CAST(LEN(text) AS bigint))) FROM tgt.t") == "6000 42000000"
    assert "rejected" not in done.stderr


# --- what only the table's rules say ---


def documents(copies, rows, bad, **keys):
    """A file of XML documents, of which those are none."""
    copies.run("IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')\nDROP TABLE IF EXISTS tgt.t\n"
               "DROP TABLE IF EXISTS etl.load_reject\nCREATE TABLE tgt.t (id int NOT NULL PRIMARY KEY, doc xml)")
    copies.configure()
    copies.project.write("files/docs.csv", "id,doc\n" + "".join(
        f"{i},{'<a><b></a>' if i in bad else '<a>ü</a>'}\n" for i in range(1, rows + 1)))
    return {**KEEP, "source": "files", "source_table": "docs", **keys}


@pytest.mark.parametrize("bad", [(), (1,), (7, 8), range(1, 2001, 100)])
def test_xml_that_is_none(copies, bad):
    done = copies.copy(**documents(copies, 2000, bad, key_columns="id", verify="digest"))
    rows = rejected(copies) if bad else []
    assert [(r[0], r[1], r[2]) for r in rows] == [(str(i), str(i), "doc") for i in bad]
    assert all("it is not well-formed XML" in r[3] for r in rows)
    assert f"{2000 - len(bad)} rows" in done.stderr.replace(",", ""), done.stderr
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == str(2000 - len(bad))
    assert copies.value("SELECT CAST([rows] AS varchar(9)) + ' ' + CAST(rejects AS varchar(9)) FROM etl.load_ledger"
                        " WHERE target_table LIKE '%t'") == f"{2000 - len(bad)} {len(bad)}"


RULES = """IF SCHEMA_ID(N'src') IS NULL EXEC (N'CREATE SCHEMA src')
IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')
DROP TABLE IF EXISTS src.t
DROP TABLE IF EXISTS tgt.t
DROP TABLE IF EXISTS tgt.plans
CREATE TABLE src.t (id int NOT NULL PRIMARY KEY, fee decimal(9,2), plan_id int, code varchar(9), boss int)
CREATE TABLE tgt.plans (id int NOT NULL PRIMARY KEY)
INSERT INTO tgt.plans VALUES (1), (2)
CREATE TABLE tgt.t (id int NOT NULL CONSTRAINT t_pk PRIMARY KEY, fee decimal(12,2) CONSTRAINT t_fee CHECK (fee >= 0),
 plan_id int CONSTRAINT t_plan FOREIGN KEY REFERENCES tgt.plans (id), code varchar(20), boss int,
 extra int NOT NULL CONSTRAINT t_extra DEFAULT 7, twice AS fee * 2,
 CONSTRAINT t_two CHECK (code <> 'free' OR fee = 0), CONSTRAINT t_off CHECK (extra = 7 AND twice < 1000))
GO
CREATE UNIQUE INDEX t_code ON tgt.t (code) WHERE code IS NOT NULL
"""
ROWS = ("(1, 1, 1, 'a', NULL), (2, -1, 1, 'b', NULL), (3, 0, NULL, 'free', NULL), (4, 1, 9, 'c', NULL),"
        " (5, NULL, 2, 'A', NULL), (6, 600, 1, 'd', NULL), (7, 1, 1, NULL, NULL), (8, 1, 1, NULL, NULL),"
        " (9, 1, 2, 'free', NULL)")


def rules(copies, **keys):
    copies.run(RULES + "GO\nINSERT INTO src.t VALUES " + ROWS)
    return {"source_table": "src.t", **KEEP, "schema_change": "fail", "verify": "digest", **keys}


def reasons(copies):
    return {int(k): reason for _row, k, _column, reason in rejected(copies)}


@pytest.mark.parametrize("mode", ["append", "replace", "truncate", "merge"])
def test_rules_of_the_table(copies, mode):
    keys = rules(copies, load_mode=mode, key_columns="id")
    done = copies.copy(**keys)
    said = reasons(copies)
    assert sorted(said) == [2, 4, 5, 6, 9] and "5 rows rejected" in done.stderr
    assert "it breaks the CHECK constraint 't_fee', " in said[2] and "error 547" in said[2]
    assert "[tgt].[plans] has no such row: FOREIGN KEY 't_plan'" in said[4]
    assert "an earlier row of the source has the same key: unique index 't_code'" in said[5] and "2601" in said[5]
    assert "'t_off'" in said[6] and "'t_two'" in said[9]
    assert copies.rows("SELECT id, extra FROM tgt.t ORDER BY id") == [["1", "7"], ["3", "7"], ["7", "7"], ["8", "7"]]
    assert copies.value("SELECT CONCAT([rows], ' ', rejects) FROM etl.load_ledger WHERE rejects > 0") == "4 5"


def test_rows_that_are_there_already(copies):
    keys = rules(copies)
    copies.run("DELETE FROM src.t WHERE id IN (2, 4, 5, 6, 9)\nINSERT INTO tgt.t (id, code) VALUES (1, 'x'), (10, 'FREE')")
    copies.copy(**keys)
    said = reasons(copies)
    assert sorted(said) == [1, 3]
    assert "the table has a row with the same key: unique index 't_pk'" in said[1] and "2627" in said[1]
    assert "'t_code'" in said[3]
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "4"


def test_a_merge_and_other_unique_indexes(copies):
    """A code that another staged row gives up is free; that of a row which stays is not."""
    keys = rules(copies, load_mode="merge", key_columns="id")
    copies.run("DELETE FROM src.t\nINSERT INTO src.t (id, code) VALUES (1, 'q'), (2, 'x'), (3, 'z')\n"
               "INSERT INTO tgt.t (id, code) VALUES (1, 'x'), (2, 'y'), (9, 'z')")
    copies.copy(**keys)
    assert sorted(reasons(copies)) == [3]
    assert copies.rows("SELECT id, code FROM tgt.t ORDER BY id") == [["1", "q"], ["2", "x"], ["9", "z"]]


def test_a_merge_keeps_what_it_does_not_load(copies):
    """So a rule holds of the row as it will be: with what the table has, or the default of a new one."""
    copies.run(RULES + "GO\nDROP TABLE tgt.t\nCREATE TABLE tgt.t (id int NOT NULL PRIMARY KEY, fee decimal(9,2),"
               " cap int NOT NULL DEFAULT 10, CONSTRAINT t_cap CHECK (fee <= cap))\n"
               "INSERT INTO tgt.t VALUES (1, 5, 100), (2, 5, 20)\n"
               "INSERT INTO src.t (id, fee) VALUES (1, 50), (2, 50), (3, 50), (4, 9)")
    copies.copy(**{**KEEP, "source_query": "SELECT id, fee FROM src.t", "load_mode": "merge", "key_columns": "id"})
    assert sorted(reasons(copies)) == [2, 3]
    assert copies.rows("SELECT id, cap FROM tgt.t WHERE fee <> 5 ORDER BY id") == [["1", "100"], ["4", "10"]]


def test_a_default_that_only_the_server_knows(copies):
    """Is in nobody's way: neither in a rule's statement, nor as a key that all rows have."""
    copies.run(RULES + "GO\nDROP TABLE tgt.t\nCREATE TABLE tgt.t (id int NOT NULL PRIMARY KEY, fee decimal(9,2)"
               " CHECK (fee >= 0), guid uniqueidentifier NOT NULL DEFAULT NEWSEQUENTIALID() UNIQUE)\n"
               "INSERT INTO src.t (id, fee) VALUES (1, 1), (2, -1), (3, 3)")
    copies.copy(**{**KEEP, "source_query": "SELECT id, fee FROM src.t", "key_columns": "id"})
    assert sorted(reasons(copies)) == [2]
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "2"


def test_rows_that_need_a_row_that_is_refused(copies):
    """A foreign key of the table to itself: who points to a reject is one."""
    keys = rules(copies, load_mode="replace")
    copies.run("DELETE FROM src.t\nALTER TABLE tgt.t ADD CONSTRAINT t_boss FOREIGN KEY (boss) REFERENCES tgt.t (id)\n"
               "INSERT INTO src.t (id, fee, boss) VALUES (1, 0, NULL), (2, 0, 1), (3, -1, 1), (4, 0, 3), (5, 0, 4),"
               " (6, 0, 6), (7, 0, 99)")
    copies.copy(**keys)
    assert sorted(reasons(copies)) == [3, 4, 5, 7]
    assert "FOREIGN KEY 't_boss'" in reasons(copies)[5]
    assert copies.value("SELECT STRING_AGG(CAST(id AS varchar(9)), ' ') WITHIN GROUP (ORDER BY id) FROM tgt.t") == "1 2 6"


def test_keys_of_a_table_that_is_made(copies):
    copies.run("IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')\nDROP TABLE IF EXISTS tgt.t")
    query = "SELECT a.id, a.v FROM (VALUES (1, 'a'), (2, 'b'), (1, 'c'), (NULL, 'd')) AS a (id, v)"
    copies.copy(**{**KEEP, "source_query": query, "create": "yes", "key_columns": "id"})
    assert copies.rows("SELECT id, v FROM tgt.t ORDER BY id") == [["1", "a"], ["2", "b"]]
    assert sorted(r[1] for r in rejected(copies)) == ["1", "NULL"]


def test_a_trigger_is_no_rule_that_is_known(copies):
    keys = rules(copies)
    copies.run("CREATE TRIGGER tgt.no ON tgt.t AFTER INSERT AS BEGIN IF EXISTS (SELECT 1 FROM inserted WHERE id = 7)"
               " THROW 50001, 'not seven', 1 END")
    done = copies.copy(status=1, **keys)
    assert "not seven" in done.stderr
    assert copies.value("SELECT COUNT(*) FROM tgt.t") == "0"


def test_the_plan_says_how_rejects_are_found(copies):
    copies.job(**rules(copies))
    assert "rejects: " in copies.project.etl("run", "copy", "--dry-run").stdout
