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
