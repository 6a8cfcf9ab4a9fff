"""The test server as both ends of a copy: what a result's bytes do as a bulk load's."""

import struct

import pytest

from tdsd import BULK, Raw, tdsd, tdsd_program

__all__ = ["tdsd", "tdsd_program"]  # fixtures

PACKET = 32767


@pytest.fixture
def server(tdsd):  # pylint: disable=redefined-outer-name
    return tdsd(encrypt="none", database="db", nbcrow="never")


def connect(server):  # pylint: disable=redefined-outer-name
    client = Raw(server.port)
    client.login(packet_size=PACKET, database="db")
    return client


def rows_of(answer):
    """The one row of three bigint that a sink answers with."""
    assert answer[-13 - 25] == 0xD1
    return struct.unpack_from("<QQQ", answer, len(answer) - 13 - 24)


@pytest.mark.parametrize("shape", ["mixed10", "lineitem", "narrow", "long"])
def test_the_bytes_of_a_result_are_a_load(server, shape):  # pylint: disable=redefined-outer-name
    with connect(server) as client:
        client.batch(f"SELECT * FROM tdsd_generate_3000_{shape}")
        data = client.receive()
        client.batch(f"SELECT rows, bytes, hash FROM tdsd_generate_3000_{shape}")
        expected = rows_of(client.receive())
        assert client.ask(f"INSERT BULK tdsd_sink_{shape} (id int)").errors == []
        client.send(BULK, data)
        assert client.read().errors == []
        client.batch(f"SELECT rows, bytes, hash FROM tdsd_sink_{shape}")
        assert rows_of(client.receive()) == expected
        assert expected[0] == 3000


BLOB_COLUMNS = (b"\x81\x02\x00" + b"\0\0\0\0\x08\x00\x38" + b"\x02i\0d\0"
                + b"\0\0\0\0\x09\x00\xA5\xFF\xFF" + b"\x01b\0")


def blob_row(number, chunks):
    row = b"\xD1" + struct.pack("<i", number) + b"\xFE" + b"\xFF" * 7
    return row + b"".join(struct.pack("<I", len(c)) + c for c in chunks) + bytes(4)


def load_blob(client, pieces):
    """Sends what `pieces` gives as one bulk message."""
    assert client.ask("INSERT BULK tdsd_sink_blob (id int, b varbinary(max))").errors == []
    room, kept = client.packet_size - 8, b""
    for piece in pieces:
        kept += piece
        while len(kept) > room:
            client.packet(BULK, kept[:room], 0)
            kept = kept[room:]
    client.packet(BULK, kept)
    return client.read()


def test_a_long_value_needs_no_memory_and_its_chunks_do_not_matter(server):  # pylint: disable=redefined-outer-name
    block = bytes(range(256)) * 4096  # 1 MiB
    done = b"\xFD" + bytes(12)
    times = 96
    with connect(server) as client:
        before = server.totals()["rss_max_kib"]

        def streamed():
            yield BLOB_COLUMNS + blob_row(1, [b"small"])
            yield b"\xD1" + struct.pack("<i", 2) + b"\xFE" + b"\xFF" * 7
            for _ in range(times):
                yield struct.pack("<I", len(block)) + block
            yield bytes(4) + blob_row(3, [b"ab", b"c"]) + done

        assert load_blob(client, streamed()).errors == []
        assert server.totals()["rss_max_kib"] - before < times * 1024 / 4
        client.batch("SELECT rows, bytes, hash FROM tdsd_sink_blob")
        rows, _, first = rows_of(client.receive())
        assert rows == 3
        assert client.ask("TRUNCATE TABLE tdsd_sink_blob").errors == []

        def in_pieces():
            yield BLOB_COLUMNS + blob_row(3, [b"abc"]) + blob_row(1, [b"sm", b"all"])
            yield b"\xD1" + struct.pack("<i", 2) + b"\xFE" + b"\xFF" * 7
            for _ in range(times):
                yield struct.pack("<I", 1000) + block[:1000]
                yield struct.pack("<I", len(block) - 1000) + block[1000:]
            yield bytes(4) + done

        assert load_blob(client, in_pieces()).errors == []
        client.batch("SELECT rows, bytes, hash FROM tdsd_sink_blob")
        assert (rows, first) == rows_of(client.receive())[::2]


def test_a_load_that_ends_within_a_long_value_is_none(server):  # pylint: disable=redefined-outer-name
    with connect(server) as client:
        def cut_off():
            yield BLOB_COLUMNS + b"\xD1" + struct.pack("<i", 2) + b"\xFE" + b"\xFF" * 7
            for _ in range(4):
                yield struct.pack("<I", 1 << 20) + bytes(1 << 20)

        try:
            load_blob(client, cut_off())
        except Exception:  # pylint: disable=broad-exception-caught
            pass  # the connection is gone, or not yet
    with connect(server) as client:
        client.batch("SELECT rows, bytes, hash FROM tdsd_sink_blob")
        assert rows_of(client.receive())[0] == 0


def test_the_server_tells_what_it_took(server):  # pylint: disable=redefined-outer-name
    totals = server.totals()
    assert totals["rss_max_kib"] > 0 and totals["cpu_user_ms"] + totals["cpu_system_ms"] >= 0


LINEITEM = """CREATE TABLE {} (id int NOT NULL, l_partkey int, l_suppkey int, l_linenumber int,
    l_quantity decimal(15,2), l_extendedprice decimal(15,2), l_discount decimal(15,2), l_tax decimal(15,2),
    l_returnflag char(1), l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date,
    l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44))"""


def number(client, sql):
    """The one bigint of one row."""
    client.batch(sql)
    answer = client.receive()
    return struct.unpack_from("<q", answer, len(answer) - 13 - 8)[0]


def test_a_table_of_sinks_is_staged_counted_and_switched(server):  # pylint: disable=redefined-outer-name
    with connect(server) as client:
        client.batch("SELECT * FROM tdsd_generate_5000_lineitem")
        data = client.receive()
        client.batch("SELECT rows, bytes, hash FROM tdsd_generate_5000_lineitem")
        expected = rows_of(client.receive())
        for sql in ("CREATE SCHEMA tdsd_sink", LINEITEM.format("tdsd_sink.target"),
                    LINEITEM.format("tdsd_sink.staging")):
            assert client.ask(sql).errors == [], sql
        for load in (1, 2):
            assert client.ask("INSERT BULK tdsd_sink.staging WITH (TABLOCK)").errors == []
            client.send(BULK, data)
            answer = client.read()
            assert answer.errors == [] and answer.done[-1][2] == 5000
            assert number(client, "SELECT COUNT_BIG(*) FROM tdsd_sink.staging") == 5000 * load
        assert client.ask("TRUNCATE TABLE tdsd_sink.staging").errors == []
        client.ask("INSERT BULK tdsd_sink.staging WITH (TABLOCK)")
        client.send(BULK, data)
        assert client.read().errors == []
        assert number(client, "SELECT rows FROM sys.partitions WHERE object_id = OBJECT_ID('tdsd_sink.staging')") == 5000
        assert client.ask("BEGIN TRAN; ALTER TABLE tdsd_sink.staging SWITCH TO tdsd_sink.target; COMMIT").errors == []
        client.batch("SELECT rows, bytes, hash FROM sys.tdsd_sinks WHERE object_id = OBJECT_ID('tdsd_sink.target')")
        assert rows_of(client.receive()) == expected
        answer = client.ask("INSERT tdsd_sink.staging SELECT * FROM tdsd_sink.target WITH (TABLOCK)")
        assert answer.errors == [] and answer.done[-1][2] == 5000
        assert number(client, "SELECT COUNT_BIG(*) FROM tdsd_sink.staging") == 5000


def test_sinks_of_one_table_do_not_wait_for_each_other(server):  # pylint: disable=redefined-outer-name
    with connect(server) as one, connect(server) as two:
        two.batch("SELECT * FROM tdsd_generate_10000_narrow")
        data = two.receive()
        for sql in ("CREATE SCHEMA tdsd_sink", "CREATE TABLE tdsd_sink.t (id int NOT NULL)",
                    "INSERT BULK tdsd_sink.t"):
            assert one.ask(sql).errors == [], sql
        assert two.ask("INSERT BULK tdsd_sink.t").errors == []
        room = one.packet_size - 8
        one.packet(BULK, data[:room], 0)  # the first is under way
        two.send(BULK, data)
        assert two.read().errors == []
        one.packet(BULK, data[room:])
        assert one.read().errors == []
        assert number(one, "SELECT COUNT_BIG(*) FROM tdsd_sink.t") == 20000


def test_a_login_without_unmask_reads_masks(tdsd):  # pylint: disable=redefined-outer-name
    server = tdsd("--user", "reader:Secret-1", encrypt="none", database="db")
    with connect(server) as owner, Raw(server.port) as reader:
        for sql in ("CREATE TABLE t (id int MASKED WITH (FUNCTION = 'default()'), v varchar(20) MASKED WITH "
                    "(FUNCTION = 'partial(1, \"-*-\", 2)'), m varchar(40) MASKED WITH (FUNCTION = 'email()'), "
                    "s nvarchar(20) MASKED WITH (FUNCTION = 'default()'))",
                    "INSERT t VALUES (7, 'abcdef', 'joe@example.org', N'secret')",
                    "CREATE USER reader FOR LOGIN reader", "GRANT SELECT ON t TO reader"):
            assert owner.ask(sql).errors == [], sql
        reader.login(user="reader", password="Secret-1", packet_size=PACKET, database="db")
        text = "SELECT CONCAT(id, '|', v, '|', m, '|', s) FROM t"

        def said(client):
            client.batch(text)
            data = client.receive()
            return data[data.index(b"\xD1") + 1:].decode("utf-16le", "replace")

        assert "7|abcdef|joe@example.org|secret" in said(owner)
        assert "0|a-*-ef|jXXX@XXXX.com|xxxx" in said(reader)
        assert owner.ask("GRANT UNMASK TO reader").errors == []
        assert "7|abcdef|joe@example.org|secret" in said(reader)


def test_the_log_is_full_at_a_row(server):  # pylint: disable=redefined-outer-name
    with connect(server) as client:
        client.batch("SELECT * FROM tdsd_generate_1000_narrow")
        data = client.receive()
        assert client.ask("CREATE TABLE t (id int NOT NULL)").errors == []
        message = "The transaction log for database 'db' is full due to 'ACTIVE_TRANSACTION'."
        server.fault(f'error number=9002 severity=17 state=4 row=500 match="INSERT BULK t" skip=1 message="{message}"')
        for expected in ([], [(9002, 17, 4, message)], []):
            assert client.ask("INSERT BULK t (id int)").errors == []
            client.send(BULK, data)
            assert client.read().errors == expected
        assert number(client, "SELECT COUNT_BIG(*) FROM t") == 2000  # of the first and the last


def test_a_generator_is_read_in_ranges_and_has_a_catalog_entry(server):  # pylint: disable=redefined-outer-name
    name = "tdsd_generate_1000_narrow"
    with connect(server) as client:
        client.batch(f"SELECT CAST(MIN(s.[id]) AS bigint), CAST(MAX(s.[id]) AS bigint) FROM [dbo].[{name}] AS s")
        answer = client.receive()
        assert struct.unpack_from("<xqxq", answer, len(answer) - 13 - 18) == (0, 999)
        counts = []
        for where in ("(s.[id] < 300 OR s.[id] IS NULL)", "s.[id] >= 300 AND s.[id] < 900", "s.[id] >= 900"):
            client.batch(f"SELECT s.* FROM [dbo].[{name}] AS s WHERE {where}")
            counts.append(struct.unpack_from("<Q", client.receive()[-8:])[0])
        assert counts == [300, 600, 100]
        assert client.ask(f"CREATE TABLE dbo.{name} (id int NOT NULL)").errors == []
        assert number(client, f"SELECT CAST(SUM(rows) AS bigint) FROM sys.partitions WHERE object_id = OBJECT_ID('{name}')") == 1000
