"""Golden rows: values as tedious encodes them and pymssql reads them, so that our codec is not only checked against itself.

tests/data/golden/rows.tsv has a value a line: its type, the value as it was given to tedious, the bytes that tedious sent in a
bulk load, and what pymssql read back. Here both clients say them again, and a copy by the product sends the same bytes;
tests/unit/tds/golden.c holds our codec against the file. ETL_WRITE_GOLDEN=1 writes it anew.
"""

import json
import os
import struct

import pytest
# pylint: disable=redefined-outer-name
from servers import ROOT, pki  # noqa: F401 pylint: disable=unused-import
from tds_clients import node_modules, pymssql, pymssql_connect, tedious  # noqa: F401 pylint: disable=unused-import
from tdsd import BULK, EOM, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import Warehouse, only_tdsd

GOLDEN = ROOT / "tests" / "data" / "golden" / "rows.tsv"
SERVER_PORT = 1433  # in the capture
DONE = 13

# T-SQL's type, tedious' type and options, values
TYPES = [
    ("bit", "Bit", {}, [True, False]),
    ("tinyint", "TinyInt", {}, [0, 255]),
    ("smallint", "SmallInt", {}, [-32768, 0, 32767]),
    ("int", "Int", {}, [-2147483648, 0, 2147483647]),
    ("bigint", "BigInt", {}, ["-9223372036854775808", "0", "9223372036854775807"]),
    ("real", "Real", {}, [0, 1.5, -0.25]),
    ("float", "Float", {}, [0, 0.1, -1.7976931348623157e308, 2.2250738585072014e-308]),
    ("smallmoney", "SmallMoney", {}, [214748.3647, -214748.3648, 0]),
    ("money", "Money", {}, [1234567.8901, -0.0001, 0]),
    ("decimal(9,2)", "Decimal", {"precision": 9, "scale": 2}, [1234567.89, -0.01, 0]),
    ("decimal(18,4)", "Decimal", {"precision": 18, "scale": 4}, [12345.6789, -1, 0]),
    ("decimal(28,10)", "Decimal", {"precision": 28, "scale": 10}, [0.5, -1024]),
    ("decimal(38,0)", "Decimal", {"precision": 38, "scale": 0}, [1, -9007199254740991]),
    ("date", "Date", {}, ["0001-01-01", "9999-12-31", "2024-02-29"]),
    ("time(0)", "Time", {"scale": 0}, ["1970-01-01T23:59:59.000Z", "1970-01-01T00:00:00.000Z"]),
    ("time(3)", "Time", {"scale": 3}, ["1970-01-01T23:59:59.999Z"]),
    ("time(7)", "Time", {"scale": 7}, ["1970-01-01T23:59:59.999Z"]),
    ("smalldatetime", "SmallDateTime", {}, ["1900-01-01T00:00:00.000Z", "2079-06-06T23:59:00.000Z"]),
    ("datetime", "DateTime", {}, ["1753-01-01T00:00:00.000Z", "9999-12-31T23:59:59.997Z", "2024-02-29T12:00:00.003Z"]),
    ("datetime2(0)", "DateTime2", {"scale": 0}, ["2024-02-29T12:00:01.000Z"]),
    ("datetime2(3)", "DateTime2", {"scale": 3}, ["2024-02-29T12:00:00.123Z", "9999-12-31T23:59:59.999Z"]),
    ("datetime2(7)", "DateTime2", {"scale": 7}, ["2024-02-29T12:00:00.123Z"]),
    ("datetimeoffset(7)", "DateTimeOffset", {"scale": 7}, ["2024-02-29T12:00:00.123Z"]),
    ("uniqueidentifier", "UniqueIdentifier", {}, ["6F9619FF-8B86-D011-B42D-00C04FC964FF"]),
    ("char(5)", "Char", {"length": 5}, ["abcde"]),
    ("varchar(20)", "VarChar", {"length": 20}, ["text", "", "\u00fc\u20ac"]),
    ("varchar(max)", "VarChar", {"length": "max"}, ["text", ""]),
    ("nchar(4)", "NChar", {"length": 4}, ["\u00e4\u00f6\u00fc\u00df"]),
    ("nvarchar(20)", "NVarChar", {"length": 20}, ["\u00dcnsal \U0001f600 \u65e5\u672c", ""]),
    ("nvarchar(max)", "NVarChar", {"length": "max"}, ["\u00fc" * 40, ""]),
    ("binary(3)", "Binary", {"length": 3}, ["010203"]),
    ("varbinary(9)", "VarBinary", {"length": 9}, ["00ff", ""]),
    ("varbinary(max)", "VarBinary", {"length": "max"}, ["00ff" * 20, ""]),
]


def loads(pcap):
    """The payloads of bulk loads that clients sent, in their order."""
    data, at, open_loads, done = pcap.read_bytes(), 24, {}, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        packet = data[at + 16:at + 16 + size]
        at += 16 + size
        tcp = packet[4 * (packet[0] & 15):]
        source, target = struct.unpack_from(">HH", tcp)
        tds = tcp[4 * (tcp[12] >> 4):]
        if target != SERVER_PORT or not tds or tds[0] != BULK:
            continue
        open_loads[source] = open_loads.get(source, b"") + tds[8:]
        if tds[1] & EOM:
            done.append(open_loads.pop(source))
    return done


def value_of(payload):
    """The one value of the one row of the one column, which is called v or c0."""
    for name in ("v", "c0"):
        mark = bytes([len(name)]) + name.encode("utf-16le") + b"\xd1"
        if mark in payload:
            return payload[payload.index(mark) + len(mark):-DONE]
    raise AssertionError(payload.hex())


def plain(kind, data):
    """A (max) value's chunks are joined, and its length is not known in advance: who writes may say both ways."""
    if "(max)" not in kind or data[:8] == b"\xff" * 8:
        return data.hex()
    out, at = b"", 8
    while size := struct.unpack_from("<I", data, at)[0]:
        out += data[at + 4:at + 4 + size]
        at += 4 + size
    return "max:" + out.hex()


CASES = [(i, k, *case, value) for i, case in enumerate(TYPES) for k, value in enumerate([*case[3], None])]


def read():
    return [tuple(line.split("\t")) for line in GOLDEN.read_text(encoding="utf-8").splitlines() if line[0] != "#"]


def by_pymssql(cursor, table):
    try:
        cursor.execute(f"SELECT v FROM dbo.{table}")
        (value,), = cursor.fetchall()
    except ValueError as e:  # it cannot read every time itself
        assert "must be in" in str(e)
        cursor.execute(f"SELECT CONVERT(varchar(60), v, 121) FROM dbo.{table}")
        (value,), = cursor.fetchall()
    return value.hex() if isinstance(value, bytes) else repr(value)


@only_tdsd
def test_the_same_bytes(project, tdsd, tedious, pymssql, pki, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")  # tedious writes its own offset
    pcap = tmp_path / "said.pcap"
    server = tdsd("--pcap", pcap, encrypt="none", database="DW")
    dw = Warehouse(project, server, pki)
    dw.configure(encrypt="off", ca_file=None)
    project.etl("init")
    steps, jobs = [], []
    for i, k, sql, kind, options, _values, value in CASES:
        table = f"g{i}_{k}"
        steps += [{"query": f"CREATE TABLE dbo.{table} (v {sql} NULL)"},
                  {"bulk": f"dbo.{table}", "columns": [["v", kind, {"nullable": True, **options}]], "rows": [[value]]}]
        jobs.append(f"[job {table}]\nsource = dw\ntarget = dw\nsource_table = dbo.{table}\ntarget_table = dbo.c{table}\n")
    answers = tedious(server, *steps, database="DW")["results"]
    assert [(s, a["error"]) for s, a in zip(steps, answers) if a["error"]] == []
    project.write("golden.ini", "".join(jobs))
    project.etl("apply", "golden.ini")
    for i, k, *_ in CASES:
        project.etl("worker", "--job", f"g{i}_{k}")
    lines = []
    with pymssql_connect(pymssql, server, database="DW") as connection, connection.cursor() as cursor:
        seen = [(by_pymssql(cursor, f"g{i}_{k}"), by_pymssql(cursor, f"cg{i}_{k}")) for i, k, *_ in CASES]
    server.stop()  # the capture is whole
    said = [value_of(p) for p in loads(pcap)]
    assert len(said) == 2 * len(CASES)
    wrong = []
    for n, (_i, _k, sql, _kind, _options, _values, value) in enumerate(CASES):
        theirs, ours = said[n], said[len(CASES) + n]
        if plain(sql, theirs) != plain(sql, ours) or seen[n][0] != seen[n][1]:
            wrong.append((sql, value, theirs.hex(), ours.hex(), seen[n]))
        lines.append((sql, json.dumps(value, ensure_ascii=False), plain(sql, theirs), seen[n][0]))
    assert wrong == []
    if "ETL_WRITE_GOLDEN" in os.environ:
        GOLDEN.write_text("# type, value, bytes by tedious, value by pymssql: tests/integration/test_golden.py\n"
                          + "".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    assert read() == lines
