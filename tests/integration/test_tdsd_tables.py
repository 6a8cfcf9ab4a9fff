"""Tables of the test server through clients that nobody here wrote: statements, parameters,
transactions and loads, over the whole way from the packet to SQLite and back."""

import datetime
import decimal
import uuid

import pytest

from tds_clients import FreeTds, node_modules, pymssql, pymssql_connect, tedious
from tdsd import tdsd, tdsd_program

__all__ = ["node_modules", "pymssql", "tdsd", "tdsd_program", "tedious"]  # fixtures


@pytest.fixture
def server(tdsd):
    return tdsd(encrypt="none", database="sales")


def db(module, server, **options):
    return pymssql_connect(module, server, database="sales", **options)


# --- pymssql -----------------------------------------------------------------------


def test_pymssql_writes_and_reads(server, pymssql):
    with db(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, name nvarchar(50), "
                       "amount decimal(18, 4), at datetime2(3), flag bit, key_ uniqueidentifier, "
                       "data varbinary(max))")
        rows = [(1, "één €", decimal.Decimal("12.3400"), datetime.datetime(2024, 2, 29, 23, 59, 59, 997000),
                 True, uuid.UUID(int=2**127 + 7), b"\0\1\xff"),
                (2, None, None, None, None, None, None),
                (3, "", decimal.Decimal("-99999999999999.9999"), datetime.datetime(1, 1, 1), False,
                 uuid.UUID(int=0), b"")]
        cursor.executemany("INSERT INTO dbo.t VALUES (%d, %s, %s, %s, %d, %s, %s)",
                           [(*r[:2], None if r[2] is None else str(r[2]),
                             None if r[3] is None else r[3].isoformat(timespec="milliseconds"),
                             *r[4:5], None if r[5] is None else str(r[5]),
                             None if r[6] is None else bytearray(r[6])) for r in rows])
        cursor.execute("SELECT id, name, amount, at, flag, key_, data FROM dbo.t ORDER BY id")
        assert [tuple(r) for r in cursor.fetchall()] == rows
        cursor.execute("UPDATE dbo.t SET name = %s WHERE id >= %d", ("new", 2))
        assert cursor.rowcount == 2
        cursor.execute("DELETE FROM dbo.t")
        assert cursor.rowcount == 3


@pytest.mark.parametrize("sql, number", [
    ("SELECT * FROM nothing_of_that_name", 208),
    ("SELECT nothing FROM u", 207),
    ("SELECT (1", 102),
    ("SELEC 1", 2812),
    ("INSERT INTO u VALUES (1)", 2627),
    ("INSERT INTO u VALUES (NULL)", 515),
    ("SELECT 1 / 0", 8134),
    ("CREATE TABLE u (id int)", 2714),
])
def test_errors_have_their_numbers(server, pymssql, sql, number):
    with db(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE u (id int NOT NULL PRIMARY KEY); INSERT INTO u VALUES (1)")
        with pytest.raises(pymssql.Error) as caught:
            cursor.execute(sql)
            cursor.fetchall()
        assert caught.value.args[0] == number
        cursor.execute("SELECT id FROM u")
        assert cursor.fetchall() == [(1,)]


def test_what_was_not_committed_is_not_there(server, pymssql):
    with db(pymssql, server, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE v (id int)")
        connection.commit()
        cursor.execute("INSERT INTO v VALUES (1)")
        connection.rollback()
        cursor.execute("INSERT INTO v VALUES (2)")
        connection.commit()
        cursor.execute("INSERT INTO v VALUES (3)")
    with db(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM v")
        assert cursor.fetchall() == [(2,)]


def test_the_database_of_a_login_must_exist(server, pymssql):
    with pytest.raises(pymssql.Error) as caught:
        pymssql_connect(pymssql, server, database="nowhere")
    assert "4060" in str(caught.value) or "18456" in str(caught.value)
    assert server.wait_closed()["refused"] == 4060
    with db(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DB_NAME(), SUSER_SNAME()")
        assert cursor.fetchall() == [("sales", "loader")]


# --- tedious -----------------------------------------------------------------------

VALUES = [
    ["tiny", "TinyInt", 255], ["small", "SmallInt", -32768], ["int", "Int", 2147483647],
    ["big", "BigInt", "9223372036854775807"], ["bit", "Bit", True], ["real", "Real", 1.5],
    ["float", "Float", -1e300], ["money", ["Money"], 12.5],
    ["dec", ["Decimal", {"precision": 18, "scale": 4}], 1234.5678],
    ["date", "Date", "2024-02-29T00:00:00.000Z"],
    ["time", ["Time", {"scale": 3}], "1970-01-01T23:59:59.123Z"],
    ["dt", "DateTime", "2024-02-29T12:00:00.000Z"],
    ["dt2", ["DateTime2", {"scale": 3}], "0001-01-01T00:00:00.001Z"],
    ["dto", ["DateTimeOffset", {"scale": 3}], "2024-02-29T12:00:00.123Z"],
    ["guid", "UniqueIdentifier", "6F9619FF-8B86-D011-B42D-00C04FC964FF"],
    ["vc", ["VarChar", {"length": 20}], "plain"], ["nvc", ["NVarChar", {"length": 20}], "näme €"],
    ["nmax", ["NVarChar", {"length": "max"}], "x" * 9000],
    ["vb", ["VarBinary", {"length": 20}], "00ff10"],
    ["bmax", ["VarBinary", {"length": "max"}], "ab" * 9000],
]


def close(given, got):
    if isinstance(given, float):
        return got == pytest.approx(given)
    return str(given) == str(got) or given == got


def test_parameters_of_each_type_come_back(server, tedious):
    sql = "SELECT " + ", ".join(f"@{name} AS {name}" for name, _type, _value in VALUES)
    nulls = [[name, kind, None] for name, kind, _value in VALUES]
    answer = tedious(server, {"execute": sql, "parameters": VALUES},
                     {"execute": sql, "parameters": nulls}, database="sales")["results"]
    assert [a["error"] for a in answer] == [None, None]
    wrong = [(name, value, got) for (name, _kind, value), got in zip(VALUES, answer[0]["rows"][0])
             if not close(value, got)]
    assert wrong == []
    assert answer[1]["rows"] == [[None] * len(VALUES)]


def test_output_parameters_come_back(server, tedious):
    answer = tedious(server, {"execute": "SET @b = @a * 2; SET @c = N'is ' + @d",
                              "parameters": [["a", "Int", 21], ["b", "Int", None, True],
                                             ["c", ["NVarChar", {"length": 20}], None, True],
                                             ["d", ["NVarChar", {"length": 20}], "näh"]]},
                     database="sales")["results"][0]
    assert answer["error"] is None
    assert answer["outputs"] == {"b": 42, "c": "is näh"} and answer["statuses"][-1] == 0


def test_statements_are_prepared_once_and_run_often(server, tedious):
    answer = tedious(server, {"query": "CREATE TABLE p (id int PRIMARY KEY, name nvarchar(20))"},
                     {"prepare": "INSERT INTO p VALUES (@id, @name)",
                      "parameters": [["id", "Int"], ["name", ["NVarChar", {"length": 20}]]],
                      "runs": [{"id": 1, "name": "a"}, {"id": 2, "name": None}, {"id": 1, "name": "b"}]},
                     {"query": "SELECT id, name FROM p ORDER BY id"}, database="sales")["results"]
    assert [run["error"] for run in answer[1][:2]] == [None, None]
    assert answer[1][2]["error"]["number"] == 2627
    assert answer[2]["rows"] == [[1, "a"], [2, None]]


@pytest.mark.parametrize("isolation", ["READ_UNCOMMITTED", "READ_COMMITTED", "REPEATABLE_READ",
                                       "SERIALIZABLE", "SNAPSHOT"])
def test_transactions_of_each_isolation_level(server, tedious, isolation):
    answer = tedious(server, {"query": "CREATE TABLE q (id int)"},
                     {"transaction": [{"query": "INSERT INTO q VALUES (1)"}], "isolation": isolation,
                      "end": "rollback"},
                     {"transaction": [{"query": "INSERT INTO q VALUES (2)"},
                                      {"execute": "INSERT INTO q VALUES (@i)",
                                       "parameters": [["i", "Int", 3]]}],
                      "isolation": isolation, "end": "commit"},
                     {"query": "SELECT id FROM q ORDER BY id"}, database="sales")["results"]
    for transaction in answer[1:3]:
        assert transaction["begin"] is None and transaction["end"] is None
        assert all(r["error"] is None for r in transaction["results"])
    assert answer[3]["rows"] == [[2], [3]]


def test_a_connection_can_be_reset(server, tedious):
    answer = tedious(server, {"query": "CREATE TABLE #t (id int)"}, {"query": "SELECT id FROM #t"},
                     {"reset": True}, {"query": "SELECT id FROM #t"}, database="sales")["results"]
    assert answer[1]["error"] is None and answer[2]["error"] is None
    assert answer[3]["error"]["number"] == 208
    assert server.wait_closed()["resets"] == 1


COLUMNS = [["id", "Int", {"nullable": False}], ["name", "NVarChar", {"length": 50, "nullable": True}],
           ["amount", "Decimal", {"precision": 18, "scale": 4, "nullable": True}],
           ["flag", "Bit", {"nullable": True}],
           ["note", "NVarChar", {"length": "max", "nullable": True}]]
CREATE = ("CREATE TABLE {} (id int NOT NULL PRIMARY KEY, name nvarchar(50), amount decimal(18, 4), "
          "flag bit, note nvarchar(max))")


def test_tedious_loads_a_table(server, tedious):
    rows = [[i, f"näme {i}" if i % 3 else None, i / 4, i % 2 == 0, "y" * (i * 37)] for i in range(300)]
    answer = tedious(server, {"query": CREATE.format("w")},
                     {"bulk": "w", "columns": COLUMNS, "rows": rows},
                     {"query": "SELECT id, name, amount, flag, note FROM w ORDER BY id"},
                     {"bulk": "w", "columns": COLUMNS, "rows": [[1000, "a", 0, True, ""], [5, "b", 0, True, ""]]},
                     {"query": "SELECT COUNT(*) FROM w"},
                     database="sales", packetSize=1024)["results"]
    assert answer[1] == {"count": 300, "error": None}
    assert answer[2]["rows"] == rows
    # a key that is there already: nothing of the load stays
    assert answer[3]["error"]["number"] == 2627
    assert answer[4]["rows"] == [[300]]


# --- FreeTDS -----------------------------------------------------------------------


def test_tsql_shows_messages_and_counts(server, tmp_path):
    client = FreeTds(tmp_path, server)
    result = client.tsql("PRINT 'hello'", "RAISERROR('custom %d', 16, 7, 42)",
                         "CREATE TABLE m (id int)", "INSERT INTO m VALUES (1), (2)",
                         "SELECT COUNT(*) FROM m", database="sales")
    told = result.stdout + result.stderr
    assert "hello" in told
    assert "50000" in told and "state 7" in told and "custom 42" in told
    assert result.stdout.split()[-1] == "2"


@pytest.mark.parametrize("form", ["-c", "-n"])
@pytest.mark.parametrize("version", ["7.1", "7.4"])
def test_freebcp_copies_a_table(server, tmp_path, pymssql, version, form):
    # its native files have no nvarchar that it reads back, and varchar as its client has it
    name, text = ("nvarchar", "näme") if form == "-c" else ("varchar", "name")
    with db(pymssql, server) as connection, connection.cursor() as cursor:
        for table in ("a", "b"):
            cursor.execute(f"CREATE TABLE {table} (id int NOT NULL, name {name}(50), code varchar(20), "
                           "amount decimal(18, 4), price money, f float, at datetime, flag bit)")
        cursor.executemany("INSERT INTO a VALUES (%d, %s, %s, %s, %s, %s, %s, %d)",
                           [(i, f"{text} {i}", f"c{i}", f"{i}.1234", f"{i}.25", i / 3,
                             "2024-02-29T12:34:56.123", i % 2) for i in range(500)])
    client = FreeTds(tmp_path, server, version)
    path = tmp_path / "rows"
    assert "500 rows copied" in client.bcp("a", "out", path, form, "-D", "sales").stdout
    assert "500 rows copied" in client.bcp("b", "in", path, form, "-D", "sales").stdout
    with db(pymssql, server) as connection, connection.cursor() as cursor:
        seconds = "CONVERT(varchar(19), at, 126)" if form == "-c" else "at"
        both = []
        for table in ("a", "b"):
            cursor.execute(f"SELECT id, name, code, amount, price, f, {seconds}, flag FROM {table} ORDER BY id")
            both.append(cursor.fetchall())
        assert len(both[0]) == 500
        assert [(*r[:5], pytest.approx(r[5]), *r[6:]) for r in both[0]] == both[1]


# --- faults in the middle of work -----------------------------------------------------


def test_a_commit_whose_answer_is_lost_has_happened(server, pymssql):
    with db(pymssql, server, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE x (id int)")
        connection.commit()
        cursor.execute("INSERT INTO x VALUES (1)")
        server.fault("cut phase=result match=COMMIT")
        with pytest.raises(pymssql.Error):
            connection.commit()
    with db(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM x")
        assert cursor.fetchall() == [(1,)]


def test_a_deadlock_rolls_back(server, tedious):
    server.fault('error number=1205 severity=13 rollback=1 match="INSERT INTO y VALUES (2)"')
    answer = tedious(server, {"query": "CREATE TABLE y (id int)"},
                     {"transaction": [{"query": "INSERT INTO y VALUES (1)"},
                                      {"query": "INSERT INTO y VALUES (2)"}], "end": "rollback"},
                     {"query": "SELECT COUNT(*) FROM y"}, database="sales")["results"]
    assert answer[1]["results"][1]["error"]["number"] == 1205
    assert answer[2]["rows"] == [[0]]


def test_a_statement_that_waits_is_cancelled(server, tedious):
    answer = tedious(server, {"query": "WAITFOR DELAY '00:01:00'"}, {"query": "SELECT 1"},
                     database="sales", requestTimeout=500)["results"]
    assert answer[0]["error"]["code"] == "ETIMEOUT"
    assert answer[1]["rows"] == [[1]]
    assert server.wait_closed()["attentions"] == 1
