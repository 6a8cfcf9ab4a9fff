"""The test server proven by clients that nobody here wrote, and by tshark's dissector."""

import datetime
import decimal
import json
import re
import socket
import subprocess

import pytest

from servers import other_pki, pki, program
from tds_clients import FreeTds, libtds, node_modules, pymssql, pymssql_connect, tedious
from tdsd import PASSWORD, tdsd, tdsd_program

__all__ = ["libtds", "node_modules", "other_pki", "pki", "pymssql", "tdsd", "tdsd_program", "tedious"]  # fixtures

HASH = "SELECT rows, bytes, hash FROM "


# --- logins and encryption ---------------------------------------------------------


@pytest.mark.parametrize("version", ["7.1", "7.2", "7.3", "7.4"])
@pytest.mark.parametrize("policy, encryption, scope", [
    ("none", "off", "none"),
    ("none", "request", "none"),
    ("login", "off", "none"),
    ("login", "request", "login"),
    ("login", "require", "all"),
    ("required", "request", "all"),
    ("required", "require", "all"),
])
def test_tsql_logs_in(tdsd, tmp_path, version, policy, encryption, scope):
    server = tdsd(encrypt=policy)
    client = FreeTds(tmp_path, server, version, encryption)
    assert client.rows(HASH + "tdsd_generate_10_mixed10")[0][0] == "10"
    login = server.last_login()
    assert login["encryption"] == scope
    assert login["tds"].startswith(version)
    if scope != "none":
        assert login["tls"] == "TLSv1.2" and "GCM" in login["cipher"]


def test_tsql_is_refused_where_it_should_be(tdsd, tmp_path):
    server = tdsd(encrypt="none")
    client = FreeTds(tmp_path, server)
    result = client.tsql("SELECT 1", password="wrong")
    assert result.returncode != 0 and "18456" in result.stderr + result.stdout
    assert FreeTds(tmp_path, server, encryption="require").tsql("SELECT 1").returncode != 0
    server.fault("refuse number=4060 state=1 times=0")
    assert "4060" in client.tsql("SELECT 1").stderr


@pytest.mark.parametrize("encrypt", [False, True])
def test_tedious_logs_in(tdsd, tedious, encrypt):
    server = tdsd(encrypt="login")
    answer = tedious(server, {"query": HASH + "tdsd_generate_10_mixed10"}, encrypt=encrypt,
                     appName="tedious test", packetSize=8192, readOnlyIntent=True)
    assert answer["connect"] is None
    assert answer["results"][0]["rows"][0][0] == "10"
    login = server.last_login()
    assert (login["encryption"], login["application"]) == ("all" if encrypt else "none", "tedious test")
    assert login["read_only"] is True and login["packet_size"] == 8192
    answer = tedious(server, password="wrong", encrypt=encrypt)
    assert answer["connect"]["code"] == "ELOGIN"


def test_tedious_speaks_strict_tls(tdsd, tedious, pki):
    certificate, key = pki.issue("localhost")
    server = tdsd(encrypt="strict", certificate=str(certificate), key=str(key))
    answer = tedious(server, {"query": HASH + "tdsd_generate_10_mixed10"}, encrypt="strict",
                     serverName="localhost", cryptoCredentialsDetails={"ca": pki.ca.read_text()})
    assert answer["connect"] is None, answer
    login = server.last_login()
    assert (login["encryption"], login["tls"]) == ("all", "TLSv1.3")


def test_a_certificate_is_the_one_that_was_given(tdsd, tmp_path, pki):
    certificate, key = pki.issue("sql.test")
    server = tdsd(encrypt="required", certificate=str(certificate), key=str(key))
    good = FreeTds(tmp_path, server, encryption="require", ca_file=pki.ca,
                   check_certificate_hostname="no")
    assert good.rows(HASH + "tdsd_generate_1_narrow")[0][0] == "1"
    other = FreeTds(tmp_path, server, encryption="require", ca_file=certificate,
                    check_certificate_hostname="yes")
    assert other.tsql("SELECT 1").returncode != 0


def test_clients_follow_a_route(tdsd, tedious):
    replica = tdsd(encrypt="none")
    primary = tdsd(encrypt="none", route=f"127.0.0.1,{replica.port}")
    steps = [{"query": HASH + "tdsd_generate_3_narrow"}]
    assert tedious(primary, *steps, readOnlyIntent=True)["results"][0]["rows"][0][0] == "3"
    assert replica.totals()["logins"] == 1
    assert tedious(primary, *steps)["connect"] is None
    assert replica.totals()["logins"] == 1


# --- the product's own libtds --------------------------------------------------------


@pytest.mark.parametrize("policy, encryption, scope", [
    ("none", "off", "none"), ("none", "request", "none"), ("login", "request", "login"),
    ("login", "require", "all"), ("required", "request", "all"), ("required", "require", "all"),
])
def test_libtds_logs_in(tdsd, libtds, policy, encryption, scope):
    server = tdsd(encrypt=policy)
    answer = libtds(server, "SELECT * FROM tdsd_generate_1000_every", encryption)
    assert answer == {"tls": "TLSv1.2" if scope == "all" else "none", "tds": "704",
                      "packet": "4096", "rows": "1000", "done": ""}
    assert server.last_login()["encryption"] == scope
    answer = libtds(server, "SELECT * FROM tdsd_generate_100000000_mixed10", encryption,
                    cancel_after=500)
    assert answer["rows"] == "500" and "cancelled" in answer
    assert server.wait_closed()["attentions"] == 1


def test_libtds_speaks_strict_tls(tdsd, libtds, pki, other_pki):
    certificate, key = pki.issue("sql.test")
    server = tdsd(encrypt="strict", certificate=str(certificate), key=str(key))
    sql = "SELECT * FROM tdsd_generate_10_every"
    assert libtds(server, sql, "strict", pki.ca, "sql.test")["rows"] == "10"
    assert server.last_login()["tls"] == "TLSv1.3"
    assert "another name" in libtds(server, sql, "strict", pki.ca, "other.test")["error"]
    assert "trusted authority" in libtds(server, sql, "strict", other_pki.ca, "sql.test")["error"]
    older = tdsd(encrypt="strict", certificate=str(certificate), key=str(key), tls_max="1.2")
    assert libtds(older, sql, "strict", pki.ca, "sql.test")["rows"] == "10"
    assert older.last_login()["tls"] == "TLSv1.2"


def test_what_libtds_says_when_encryption_is_talked_down(tdsd, libtds):
    server = tdsd(encrypt="required")
    server.fault("downgrade encrypt=none")
    assert libtds(server, "SELECT 1", "require")["error"]
    assert server.totals()["logins"] == 0
    # but it takes encryption of the login alone: its caller has to see that there is no TLS
    server.fault("downgrade encrypt=login")
    assert libtds(server, HASH + "tdsd_generate_10_narrow", "require")["tls"] == "none"
    assert libtds(server, HASH + "tdsd_generate_10_narrow", "require")["rows"] == "1"


# --- rows --------------------------------------------------------------------------


def test_pymssql_reads_every_type(tdsd, pymssql):
    server = tdsd(encrypt="none")
    with pymssql_connect(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM tdsd_generate_1000_every")
        rows = cursor.fetchall()
    assert [row[0] for row in rows] == list(range(1000))
    assert len({len(row) for row in rows}) == 1
    for i in range(1, len(rows[0])):
        nulls = sum(row[i] is None for row in rows)
        assert nulls == 0 or 100 < nulls < 500, i
    kinds = [type(next(row[i] for row in rows if row[i] is not None)) for i in range(14)]
    assert kinds == [int, int, int, int, int, bool, float, float, decimal.Decimal, decimal.Decimal,
                     decimal.Decimal, decimal.Decimal, decimal.Decimal, decimal.Decimal]


def same(python, node):
    """Is pymssql's value tedious's?"""
    if python is None or node is None:
        return python is node
    if isinstance(python, bool):
        return python == node
    if isinstance(python, datetime.datetime):
        return abs(python - moment(node)) < datetime.timedelta(milliseconds=4)
    if isinstance(python, bytes):
        return python.hex() == node
    if isinstance(python, decimal.Decimal):
        return abs(python - decimal.Decimal(node)) <= abs(python) * decimal.Decimal("1e-12") + \
            decimal.Decimal("1e-4")
    if isinstance(python, float):
        return python == pytest.approx(node, rel=1e-6)
    if isinstance(python, int):
        return python == int(node)
    return str(python).rstrip().upper() == str(node).rstrip().upper()


def moment(text):
    return datetime.datetime.fromisoformat(text[:23])


@pytest.mark.parametrize("when", ["auto", "always", "never"])
def test_two_clients_read_the_same_rows(tdsd, pymssql, tedious, when):
    server = tdsd(encrypt="none", nbcrow=when)
    # the columns that both have in one form: no sql_variant and no CLR type, whose rows are a
    # driver's business
    names = ["id"] + [f"c{i}" for i in range(1, 48) if i not in (14, 15, 16, 19, 33)]
    sql = f"SELECT {', '.join(names)} FROM tdsd_generate_300_every"
    with pymssql_connect(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall()
    answer = tedious(server, {"query": sql})["results"][0]
    assert answer["error"] is None and len(answer["rows"]) == len(rows) == 300
    assert [name for name, _type in answer["columns"][0]] == names
    wrong = [(names[i], a, b) for mine, other in zip(rows, answer["rows"])
             for i, (a, b) in enumerate(zip(mine, other)) if not same(a, b)]
    assert wrong == []


@pytest.mark.parametrize("version", ["7.1", "7.2"])
def test_an_older_client_gets_types_that_it_knows(tdsd, tmp_path, pymssql, version):
    server = tdsd(encrypt="none")
    # times, then (max) types, xml and a CLR type
    times, longs = ["c14", "c15", "c16", "c17", "c18", "c19"], ["c29", "c30", "c32", "c48"]
    sql = f"SELECT {', '.join(['id'] + times + longs)} FROM tdsd_generate_100_every"
    old = FreeTds(tmp_path, server, version).rows(sql)
    with pymssql_connect(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        new = cursor.fetchall()
    assert len(old) == len(new) == 100
    for mine, theirs in zip(old, new):
        for i, (a, b) in enumerate(zip(mine, theirs)):
            if b is None:
                assert a == "NULL"
            elif i == 1:
                assert a == str(b)
            elif i in (4, 5):  # pymssql rounds to a datetime
                assert same(b, a.replace(" ", "T")) and len(a) == (19 if i == 4 else 27)
            elif i == 6:
                assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{7} [+-]\d\d:\d\d", a)
            elif isinstance(b, str):
                assert a.rstrip() == b.rstrip()


def test_tedious_cancels_in_the_middle(tdsd, tedious):
    server = tdsd(encrypt="none")
    answer = tedious(server, {"query": "SELECT * FROM tdsd_generate_100000000_mixed10",
                              "cancel_after": 500},
                     {"query": HASH + "tdsd_generate_2_narrow"})["results"]
    assert answer[0]["error"]["code"] == "ECANCEL" and len(answer[0]["rows"]) >= 500
    assert answer[1]["rows"][0][0] == "2"
    assert server.wait_closed()["attentions"] == 1


def test_long_values_arrive_whole(tdsd, pymssql, tedious):
    server = tdsd(encrypt="none")
    with pymssql_connect(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM tdsd_generate_100_long")
        rows = cursor.fetchall()
    other = tedious(server, {"query": "SELECT * FROM tdsd_generate_100_long"}, packetSize=512)
    for mine, theirs in zip(rows, other["results"][0]["rows"]):
        assert all(same(a, b) for a, b in zip(mine, theirs))
    assert max(len(row[2] or b"") for row in rows) == 20000


# --- bulk --------------------------------------------------------------------------


@pytest.mark.parametrize("version, encryption", [("7.1", "off"), ("7.2", "off"), ("7.4", "off"),
                                                 ("7.4", "require")])
def test_freebcp_copies_out_and_in(tdsd, tmp_path, version, encryption):
    server = tdsd(encrypt="login")
    client = FreeTds(tmp_path, server, version, encryption)
    path = tmp_path / "rows"
    out = client.bcp("tdsd_generate_5000_mixed10", "out", path, "-c")
    assert "5000 rows copied" in out.stdout
    lines = path.read_text().splitlines()
    assert len(lines) == 5000 and lines[17].startswith("17\t")
    into = client.bcp("dbo.tdsd_sink_mixed10", "in", path, "-c", "-b", "999")
    assert "5000 rows copied" in into.stdout
    assert client.rows(HASH + "tdsd_sink_mixed10")[0][0] == "5000"
    loads = server.connections()[-2]["loads"]
    assert loads >= 6
    # what a client of the same kind loads again is the same
    client.bcp("dbo.tdsd_sink_mixed10_again", "in", path, "-c")
    assert client.rows(HASH + "tdsd_sink_mixed10_again") == client.rows(HASH + "tdsd_sink_mixed10")


def test_tedious_loads(tdsd, tedious):
    server = tdsd(encrypt="none")
    columns = [["id", "Int", {"nullable": False}], ["name", "NVarChar", {"length": 50, "nullable": True}],
               ["big", "NVarChar", {"length": 5000, "nullable": True}],
               ["amount", "Decimal", {"precision": 18, "scale": 4, "nullable": True}],
               ["flag", "Bit", {"nullable": True}], ["data", "VarBinary", {"length": "max", "nullable": True}]]
    rows = [[i, f"näme {i}", "x" * (i * 50), i / 8, i % 2 == 0, None] for i in range(200)]
    answer = tedious(server, {"bulk": "tdsd_sink_t", "columns": columns, "rows": rows},
                     {"bulk": "tdsd_sink_t", "columns": columns, "rows": rows[::-1]},
                     {"query": HASH + "tdsd_sink_t"},
                     {"bulk": "tdsd_sink_u", "columns": columns, "rows": rows[100:] + rows[:100]},
                     {"query": HASH + "tdsd_sink_u"}, packetSize=512)["results"]
    assert [answer[0], answer[1], answer[3]] == [{"count": 200, "error": None}] * 3
    total, single = answer[2]["rows"][0], answer[4]["rows"][0]
    assert (total[0], single[0]) == ("400", "200")
    # the order does not matter: twice the rows is twice the sum
    assert int(total[2]) % 2**64 == 2 * int(single[2]) % 2**64


def test_tedious_prepares(tdsd, tedious):
    server = tdsd(encrypt="none")
    answer = tedious(server, {"prepare": "SELECT id FROM tdsd_generate_2_narrow",
                              "parameters": [["a", "Int"]], "runs": [{"a": 1}, {"a": 2}]})["results"][0]
    assert answer == [{"rows": [[0], [1]], "error": None}] * 2
    texts = [s["text"].split()[0] for s in server.statements() if s["kind"] == "call"]
    assert texts == ["sp_prepare", "sp_execute", "sp_execute", "sp_unprepare"]


def test_an_instance_is_found_by_its_name(tdsd, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", 1434))
        except OSError:
            pytest.skip("somebody else listens on UDP port 1434")
    server = tdsd(encrypt="none", instance="SALES", browser="127.0.0.1:1434")
    client = FreeTds(tmp_path, server, instance="sales")
    client.config.write_text(client.config.read_text().replace(f"port = {server.port}\n", ""))
    assert client.rows(HASH + "tdsd_generate_4_narrow")[0][0] == "4"
    assert server.last_login()["instance"] == "sales"


def test_an_ordered_error_reaches_the_client(tdsd, tedious, pymssql):
    server = tdsd(encrypt="none")
    server.fault('error number=2627 severity=14 message="Violation of PRIMARY KEY" times=2 match=tdsd_sink')
    step = {"bulk": "tdsd_sink_e", "columns": [["id", "Int", {}]], "rows": [[1], [2]]}
    answer = tedious(server, step, step)["results"]
    assert answer[0]["error"]["number"] == 2627
    with pymssql_connect(pymssql, server) as connection, connection.cursor() as cursor:
        server.fault("error number=1205 severity=13 match=narrow")
        with pytest.raises(pymssql.Error) as caught:
            cursor.execute("SELECT * FROM tdsd_generate_1_narrow")
        assert caught.value.args[0] == 1205
        cursor.execute("SELECT * FROM tdsd_generate_1_narrow")
        assert cursor.fetchall() == [(0,)]


# --- what tshark reads -------------------------------------------------------------


def tshark(pcap, *arguments):
    result = subprocess.run([program("tshark"), "-r", pcap, "-d", "tcp.port==1433,tds", *arguments],
                            capture_output=True, encoding="utf-8", errors="replace",
                            timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_tshark_finds_nothing_malformed(tdsd, tmp_path, tedious, pymssql):
    pcap = tmp_path / "all.pcap"
    server = tdsd(encrypt="login", pcap=str(pcap), record=str(tmp_path / "record"), nbcrow="always")
    # tshark 4.0 reads an sql_variant as if it were text
    every = ", ".join(f"c{i}" for i in range(1, 49) if i != 33)
    for version in ("7.1", "7.2", "7.3", "7.4"):
        FreeTds(tmp_path, server, version).tsql("SELECT * FROM tdsd_generate_20_mixed10", "SELECT 1",
                                                HASH + "tdsd_generate_3_every")
    FreeTds(tmp_path, server).tsql("SELECT 1", password="wrong" + PASSWORD)
    with pymssql_connect(pymssql, server) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {every} FROM tdsd_generate_50_every")
        cursor.fetchall()
    tedious(server, {"query": "SELECT * FROM tdsd_generate_50_mixed10"},
            {"execute": "SELECT @a", "parameters": [["a", "Int", 7], ["b", "NVarChar", "x"]]},
            {"query": "CREATE TABLE t (id int NOT NULL PRIMARY KEY, note nvarchar(max), x xml)"},
            {"bulk": "t", "columns": [["id", "Int", {"nullable": False}],
                                      ["note", "NVarChar", {"length": "max"}]],
             "rows": [[i, "y" * i * 50] for i in range(200)]},
            {"transaction": [{"query": "INSERT INTO t (id) VALUES (1000), (1001)"},
                             {"query": "INSERT INTO t (id) VALUES (1)"},
                             {"query": "SELECT * FROM t ORDER BY id"}], "end": "rollback"},
            {"execute": "SET @b = @a + 1", "parameters": [["a", "BigInt", "5"], ["b", "BigInt", None, True]]},
            {"prepare": "SELECT * FROM t WHERE id < @n", "parameters": [["n", "Int"]],
             "runs": [{"n": 3}, {"n": 7}]},
            {"query": "SELECT * FROM nothing; PRINT 'x'; USE master"},
            {"reset": True},
            {"query": "SELECT * FROM tdsd_generate_1000000_mixed10", "cancel_after": 10})
    server.stop()
    assert tshark(pcap, "-Y", "_ws.malformed") == ""
    types = tshark(pcap, "-Y", "tds", "-T", "fields", "-e", "tds.type").split()
    # both directions and all kinds of messages were looked at
    assert {"1", "3", "4", "6", "7", "14", "16", "18"} <= set(",".join(types).split(","))
    text = tshark(pcap, "-V", "-Y", "tds.type == 4")
    for token in ("ColumnMetaData", "Row", "NBCRow", "Done", "DoneProc", "DoneInProc", "EnvChange", "Error",
                  "Info", "LoginAck", "FeatureExtAct", "ReturnStatus"):
        assert f"Token - {token}\n" in text
    for env in ("Begin Transaction", "Rollback Transaction", "RESETCONNECTION", "Packet size"):
        assert f"Type: {env}" in text
    records = sorted((tmp_path / "record").iterdir())
    assert len(records) >= 7 and all(r.read_bytes()[0] == 4 for r in records)


def test_statements_are_kept(tdsd, tedious):
    server = tdsd(encrypt="none")
    tedious(server, {"query": HASH + "tdsd_sink_t"}, {"execute": "SELECT @a AS x",
                                                     "parameters": [["a", "Int", 1]]})
    texts = [(s["kind"], s["text"]) for s in server.statements()]
    assert ("batch", HASH + "tdsd_sink_t") in texts
    assert ("call", "sp_executesql SELECT @a AS x") in texts
    assert json.dumps(texts)
