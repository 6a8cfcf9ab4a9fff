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
