"""The test server's engine, asked by clients that nobody here wrote: values, loads, transactions."""

import datetime
import decimal
import threading
import uuid

import pytest

from tds_clients import FreeTds, node_modules, pymssql, pymssql_connect, tedious
from tdsd import tdsd, tdsd_program

__all__ = ["node_modules", "pymssql", "tdsd", "tdsd_program", "tedious"]  # fixtures

TYPES = """CREATE TABLE t (
    id int NOT NULL PRIMARY KEY, ti tinyint, si smallint, bi bigint, bt bit, r real, f float,
    d decimal(38, 10), n numeric(5, 2), m money, sm smallmoney, dt date, t time(7), d2 datetime2(7),
    o datetimeoffset(7), dd datetime, sd smalldatetime, g uniqueidentifier, c char(5), v varchar(10),
    vm varchar(max), nc nchar(5), nv nvarchar(10), nm nvarchar(max), b binary(4), vb varbinary(10),
    vx varbinary(max))"""
VALUES = """INSERT t VALUES (1, 255, -5, 9223372036854775807, 1, 1.5, 0.1, 12345678901234567890.0123456789,
    -1.25, 922337203685477.5807, -1.5, '2026-02-03', '04:05:06.1234567', '2026-02-03 04:05:06.1234567',
    '2026-02-03 04:05:06.1234567 +05:30', '2026-02-03 04:05:06.997', '2026-02-03 04:05',
    '01020304-0506-0708-090A-0B0C0D0E0F10', 'c', 'väl', 'max', N'n', N'ж😀', N'中', 0x01, 0x0102, 0x030405),
    (2, {nulls})""".format(nulls=", ".join(["NULL"] * 26))


@pytest.fixture
def server(tdsd):  # pylint: disable=redefined-outer-name
    return tdsd(encrypt="login", database="db")


def test_pymssql_reads_every_type(server, pymssql):  # pylint: disable=redefined-outer-name
    with pymssql_connect(pymssql, server, database="db") as connection:
        cursor = connection.cursor()
        cursor.execute(TYPES)
        cursor.execute(VALUES)
        assert cursor.rowcount == 2
        cursor.execute("SELECT * FROM t ORDER BY id")
        row, nulls = cursor.fetchall()
        names = [column[0] for column in cursor.description]
    value = dict(zip(names, row))
    assert (value["ti"], value["si"], value["bi"], value["bt"]) == (255, -5, 2**63 - 1, True)
    assert (value["r"], value["f"]) == (1.5, 0.1)
    assert value["d"] == decimal.Decimal("12345678901234567890.0123456789")
    assert (value["n"], value["m"]) == (decimal.Decimal("-1.25"), decimal.Decimal("922337203685477.5807"))
    assert value["dt"] == datetime.date(2026, 2, 3)
    # pymssql makes milliseconds of all of them
    assert value["t"] == datetime.time(4, 5, 6, 123000)
    assert value["d2"] == datetime.datetime(2026, 2, 3, 4, 5, 6, 123000)
    assert value["dd"].replace(microsecond=0) == datetime.datetime(2026, 2, 3, 4, 5, 6)
    assert value["sd"] == datetime.datetime(2026, 2, 3, 4, 5)
    assert value["g"] == uuid.UUID("01020304-0506-0708-090a-0b0c0d0e0f10")
    assert (value["c"], value["v"], value["nv"], value["nm"]) == ("c    ", "väl", "ж😀", "中")
    assert (value["b"], value["vb"], value["vx"]) == (b"\1\0\0\0", b"\1\2", b"\3\4\5")
    assert nulls == (2,) + (None,) * 26


def test_pymssql_has_transactions(server, pymssql):  # pylint: disable=redefined-outer-name
    with pymssql_connect(pymssql, server, database="db", autocommit=False) as one, \
            pymssql_connect(pymssql, server, database="db") as two:
        first, second = one.cursor(), two.cursor()
        first.execute("CREATE TABLE t (a int)")
        one.commit()
        first.executemany("INSERT t VALUES (%d)", [(1,), (2,)])
        second.execute("SELECT COUNT(*) FROM t")
        assert second.fetchone() == (0,)
        one.rollback()
        first.execute("INSERT t VALUES (%d)", (3,))
        one.commit()
        second.execute("SELECT a FROM t")
        assert second.fetchall() == [(3,)]


def test_pymssql_hears_errors(server, pymssql):  # pylint: disable=redefined-outer-name
    with pymssql_connect(pymssql, server, database="db") as connection:
        cursor = connection.cursor()
        for sql, number in (("SELECT * FROM nix", 208), ("SELECT 1/0", 8134), ("SELEC 1 x", 102),
                            ("THROW 50123, 'thrown', 1", 50123), ("USE nix", 911)):
            with pytest.raises(pymssql.Error) as error:
                cursor.execute(sql)
                cursor.fetchall()
            assert error.value.args[0] == number or str(number) in str(error.value), sql
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]


def test_tedious_binds_and_loads(server, tedious):  # pylint: disable=redefined-outer-name
    columns = [["id", "Int", {"nullable": False}], ["s", "NVarChar", {"length": 20, "nullable": True}],
               ["d", "Decimal", {"precision": 10, "scale": 2, "nullable": True}],
               ["b", "Bit", {"nullable": True}], ["v", "VarBinary", {"length": 8, "nullable": True}]]
    rows = [[i, f"row {i} ж" if i % 3 else None, i / 4, i % 2 == 0, None] for i in range(500)]
    answer = tedious(
        server,
        {"query": "CREATE TABLE t (id int NOT NULL PRIMARY KEY, s nvarchar(20), d decimal(10, 2), b bit, v varbinary(8))"},
        {"bulk": "t", "columns": columns, "rows": rows},
        {"bulk": "t", "columns": columns, "rows": rows[:1]},
        {"execute": "SELECT COUNT(*) AS n, SUM(d) AS d, @p AS p FROM t WHERE s LIKE @s AND id >= @i",
         "parameters": [["p", "NVarChar", "ünï"], ["s", "NVarChar", "row%"], ["i", "Int", 100]]},
        {"execute": "SET @o = @i * 2", "parameters": [["i", "Int", 21], ["o", "Int", None, True]]},
        {"prepare": "SELECT s FROM t WHERE id = @id", "parameters": [["id", "Int"]], "runs": [{"id": 1}, {"id": 2}]},
        database="db")
    assert answer["connect"] is None, answer
    made, loaded, twice, counted, output, prepared = answer["results"]
    assert made["error"] is None and loaded == {"count": 500, "error": None}
    assert twice["error"]["number"] == 2627
    kept = [row for row in rows if row[0] >= 100 and row[1]]
    assert counted["error"] is None
    assert counted["rows"] == [[len(kept), sum(row[2] for row in kept), "ünï"]]
    assert output["outputs"] == {"o": 42}
    assert [run["rows"] for run in prepared] == [[["row 1 ж"]], [["row 2 ж"]]]


@pytest.mark.parametrize("end, count", [("commit", 1), ("rollback", 0)])
def test_tedious_has_transactions(server, tedious, end, count):  # pylint: disable=redefined-outer-name
    answer = tedious(
        server, {"query": "CREATE TABLE t (a int)"},
        {"transaction": [{"query": "INSERT t VALUES (1)"}, {"query": "SELECT @@TRANCOUNT AS n"}],
         "isolation": "SNAPSHOT", "end": end},
        {"query": "SELECT COUNT(*) AS n FROM t"}, database="db")
    assert answer["connect"] is None, answer
    _, inside, outside = answer["results"]
    assert inside["begin"] is None and inside["end"] is None
    assert inside["results"][1]["rows"] == [[1]]
    assert outside["rows"] == [[count]]


def test_freebcp_copies_a_table(server, tmp_path):
    client = FreeTds(tmp_path, server)
    made = client.tsql(TYPES, TYPES.replace("TABLE t", "TABLE u"), VALUES, database="db")
    assert "Msg" not in made.stdout + made.stderr, made.stdout + made.stderr
    path = tmp_path / "t.bcp"
    client.bcp("db.dbo.t", "out", path, "-c")
    assert "2 rows copied" in client.bcp("db.dbo.u", "in", path, "-c").stdout
    # all but times, of which freebcp's text keeps less
    kept = "id, ti, si, bi, bt, r, f, d, n, m, sm, dt, sd, g, c, v, vm, nc, nv, nm, b, vb, vx"
    same = client.rows(f"SELECT COUNT(*) FROM (SELECT {kept} FROM t INTERSECT SELECT {kept} FROM u) x",
                       database="db")
    assert same == [["2"]], client.tsql("SELECT * FROM t", "SELECT * FROM u", database="db").stdout


def test_tsql_shows_what_is_in_a_database(server, tmp_path):
    client = FreeTds(tmp_path, server)
    client.tsql("CREATE TABLE a (x int)", "CREATE TABLE b (y int)", database="db")
    assert client.rows("SELECT name FROM sys.tables ORDER BY name", database="db") == [["a"], ["b"]]
    assert client.rows("SELECT DB_NAME(), @@TRANCOUNT", database="db") == [["db", "0"]]


def test_sessions_wait_for_each_other(server, pymssql):  # pylint: disable=redefined-outer-name
    with pymssql_connect(pymssql, server, database="db") as one, \
            pymssql_connect(pymssql, server, database="db") as two:
        first, second = one.cursor(), two.cursor()
        first.execute("CREATE TABLE t (a int); INSERT t VALUES (1); BEGIN TRAN; UPDATE t SET a = 2")
        second.execute("SET LOCK_TIMEOUT 100")
        with pytest.raises(pymssql.Error) as error:
            second.execute("UPDATE t SET a = 3")
        assert "1222" in str(error.value)
        second.execute("SET LOCK_TIMEOUT -1")
        waiting = threading.Thread(target=second.execute, args=("UPDATE t SET a = a * 10",))
        waiting.start()
        first.execute("COMMIT")
        waiting.join()
        first.execute("SELECT a FROM t")
        assert first.fetchall() == [(20,)]
