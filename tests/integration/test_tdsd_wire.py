"""The test server, byte by byte: what it answers to a client that is not well-behaved, and the
faults that it can be told to make."""

import os
import random
import socket
import struct
import time

import pytest

from servers import wait_for
from tdsd import (BATCH, BULK, DONE_ATTN, DONE_ERROR, EOM, IGNORE, LOGIN7, PASSWORD, PRELOGIN, RESET, RPC,
                  TRANSACTION, ATTENTION, VERSIONS, Closed, Message, Raw, tdsd, tdsd_program)

__all__ = ["tdsd", "tdsd_program"]  # fixtures

SELECT = "SELECT rows, bytes, hash FROM tdsd_generate_10_mixed10"
ENDLESS = "SELECT * FROM tdsd_generate_4000000000_narrow"


@pytest.fixture
def plain(tdsd):
    return tdsd(encrypt="none")


# --- PRELOGIN and LOGIN7 ---------------------------------------------------------


# MS-TDS 2.2.6.5: what the client asks (0 off, 1 on, 2 not supported) and what comes back
@pytest.mark.parametrize("policy, answers", [
    ("none", {0: 2, 1: 2, 2: 2}),
    ("login", {0: 0, 1: 1, 2: 2}),
    ("on", {0: 1, 1: 1, 2: 3}),
    ("required", {0: 3, 1: 1, 2: 3}),
])
def test_encryption_is_agreed_as_the_protocol_says(tdsd, policy, answers):
    server = tdsd(encrypt=policy, version="16.0.4003")
    for asked, answer in answers.items():
        with Raw(server.port) as client:
            options = client.prelogin(asked)
        assert options[1] == bytes([answer]), asked
        assert options[0] == b"\x10\x00\x0f\xa3\0\0"
        assert options[4] == b"\0" and options[6] == b"\0"


def test_an_instance_is_known_by_its_name(tdsd):
    server = tdsd(encrypt="none", instance="SALES")
    for name, answer in ((b"", b"\0"), (b"sales", b"\0"), (b"other", b"\1")):
        with Raw(server.port) as client:
            assert client.prelogin(instance=name)[2] == answer


@pytest.mark.parametrize("version", list(VERSIONS))
def test_each_version_gets_its_own_answer(plain, version):
    with Raw(plain.port, version) as client:
        answer = client.login(application="app-" + version)
        assert not answer.errors
        assert answer.loginack[:5] == b"\1" + struct.pack(">I", VERSIONS[version])
        assert [number for number, *_ in answer.infos] == [5701, 5703]
        assert answer.done == [(0, 0, 0)]
        # rows are counted in 4 bytes by TDS 7.1, in 8 from 7.2 on
        client.batch(SELECT)
        data = client.receive()
        size = 8 if version == "7.1" else 12
        assert data[-size - 1] == 0xFD
        assert int.from_bytes(data[-size + 4:], "little") == 1
    login = plain.last_login()
    assert (login["tds"], login["application"]) == (version, "app-" + version)


def test_what_a_client_says_about_itself_is_kept(plain):
    with Raw(plain.port) as client:
        answer = client.login(application="étl worker", read_only=True, packet_size=2048,
                              features=b"\x0a\0\0\0\0\xff")
        assert answer.features == b"\x0a\1\0\0\0\1"  # UTF8_SUPPORT
    login = plain.last_login()
    assert login["application"] == "étl worker"
    assert login["read_only"] is True and login["utf8"] is True
    assert login["host"] == "client-host" and login["library"] == "raw"
    assert login["packet_size"] == 2048 and login["encryption"] == "none"
    assert plain.wait_closed()["outcome"] == "in"


@pytest.mark.parametrize("login, state", [({"password": "wrong"}, 8), ({"user": "nobody"}, 5)])
def test_a_wrong_login_is_refused(plain, login, state):
    with Raw(plain.port) as client:
        answer = client.login(**login)
        # the client is not told what was wrong
        assert [error[:3] for error in answer.errors] == [(18456, 14, 1)]
        assert answer.loginack is None
        with pytest.raises(Closed):
            client.receive()
    assert plain.wait_closed()["refused"] == 18456
    assert f"error 18456, state {state}" in plain.server.text()


def test_a_login_can_be_refused_for_any_reason(plain):
    plain.fault('refuse number=18488 state=1 message="The password must be changed." user=loader')
    with Raw(plain.port) as client:
        assert client.login().errors == [(18488, 14, 1, "The password must be changed.")]
    with Raw(plain.port) as client:  # once
        assert not client.login().errors


def test_clients_are_sent_elsewhere(tdsd):
    server = tdsd(encrypt="none", route="replica.example,1444", partner="mirror")
    with Raw(server.port) as client:
        answer = client.login()
        assert 20 not in answer.env
        assert answer.env[13][1:-1].decode("utf-16le") == "mirror"
    with Raw(server.port) as client:
        route = client.login(read_only=True).env[20]
    length, protocol, port, units = struct.unpack_from("<HBHH", route)
    assert (length, protocol, port) == (5 + 2 * units, 0, 1444)
    assert route[7:7 + 2 * units].decode("utf-16le") == "replica.example"
    server.fault("partner to=other")
    with Raw(server.port) as client:
        assert client.login().env[13][1:-1].decode("utf-16le") == "other"


def test_the_browser_tells_the_port(tdsd):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = tdsd(encrypt="none", instance="SALES", browser=f"127.0.0.1:{port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.sendto(b"\x04other\0", ("127.0.0.1", port))  # no answer
        client.sendto(b"\x04sales\0", ("127.0.0.1", port))
        answer = client.recv(2000)
    assert answer[0] == 5 and int.from_bytes(answer[1:3], "little") == len(answer) - 3
    words = answer[3:].decode().split(";")
    pairs = dict(zip(words[::2], words[1::2]))
    assert pairs["InstanceName"] == "SALES" and pairs["tcp"] == str(server.port)


# --- packets ---------------------------------------------------------------------


@pytest.mark.parametrize("asked, size", [(0, 8000), (100, 512), (512, 512), (8060, 8060),
                                         (16383, 16383), (32767, 32767), (65536, 32767)])
def test_packets_have_the_size_that_was_agreed(tdsd, asked, size):
    server = tdsd(encrypt="none", packet_size=8000)
    with Raw(server.port) as client:
        client.login(packet_size=asked)
        assert client.packet_size == size
        client.batch("SELECT * FROM tdsd_generate_2000_mixed10")
        client.receive()
        assert len(client.packets) > 1
        assert set(client.packets[:-1]) == {size} and client.packets[-1] <= size


def test_a_request_may_come_in_any_pieces(plain):
    with Raw(plain.port) as client:
        client.login(packet_size=512)
        text = SELECT + " " * 2000
        client.batch(text)
        whole = client.receive()
        payload = client.headers() + text.encode("utf-16le")
        stream = b""
        for at in range(0, len(payload), 504):
            part = payload[at:at + 504]
            stream += struct.pack(">BBHHBB", BATCH, EOM if at + 504 >= len(payload) else 0,
                                  len(part) + 8, 0, 1, 0) + part
        for i in range(len(stream)):
            client.socket.sendall(stream[i:i + 1])
        assert client.receive() == whole


def test_packets_of_a_wrong_size_end_the_connection(plain):
    with Raw(plain.port) as client:
        client.login()
        client.packet(BATCH, client.headers(), status=0)
        assert client.drain() == 0
    assert "not the last" in plain.wait_closed()["error"]


def test_an_attention_ends_an_answer_in_its_middle(plain):
    with Raw(plain.port) as client:
        client.login()
        client.batch(ENDLESS)
        client.receive_packet()
        client.packet(ATTENTION, b"")
        token, status, _command, _count = struct.unpack("<BHHQ", client.receive()[-13:])
        assert token == 0xFD and status == DONE_ERROR
        # the acknowledgement is a message of its own
        assert client.read().done == [(DONE_ATTN, 0, 0)]
        assert not client.ask("TRUNCATE TABLE tdsd_sink").errors
        client.packet(ATTENTION, b"")  # for nothing
        assert client.read().done == [(DONE_ATTN, 0, 0)]
    assert plain.wait_closed()["attentions"] == 2


def test_a_request_that_is_given_up_is_answered_by_one_done(plain):
    with Raw(plain.port) as client:
        client.login()
        payload = client.headers() + ("SELECT 1" + " " * 4000).encode("utf-16le")
        client.packet(BATCH, payload[:4088], status=0)
        client.packet(BATCH, b"", status=EOM | IGNORE)
        answer = client.read()
        assert answer.tokens == [0xFD] and answer.done[0][0] & DONE_ERROR
        assert not client.ask("TRUNCATE TABLE tdsd_sink").errors
    assert plain.wait_closed()["ignored"] == 1


def test_a_session_is_reset_when_a_packet_says_so(plain):
    with Raw(plain.port) as client:
        client.login()
        assert 18 not in client.ask("TRUNCATE TABLE tdsd_sink").env
        assert 18 in client.ask("TRUNCATE TABLE tdsd_sink", status=RESET).env
    assert plain.wait_closed()["resets"] == 1


def test_a_wrong_transaction_descriptor_is_refused(plain):
    with Raw(plain.port) as client:
        client.login()
        client.batch("TRUNCATE TABLE tdsd_sink", transaction=77)
        assert client.read().errors[0][0] == 3989
        assert not client.ask("TRUNCATE TABLE tdsd_sink").errors


# --- calls -----------------------------------------------------------------------


def nvarchar(text, name="", output=False):
    data = text.encode("utf-16le")
    encoded = name.encode("utf-16le")
    return (bytes([len(name)]) + encoded + bytes([output]) + b"\xe7" + struct.pack("<H", 8000)
            + b"\x09\x04\xd0\x00\x34" + struct.pack("<H", len(data)) + data)


def integer(value, name="", output=False):
    number = b"\0" if value is None else b"\4" + struct.pack("<i", value)
    return (bytes([len(name)]) + name.encode("utf-16le") + bytes([output]) + b"\x26\4" + number)


def call(number, *parameters):
    return struct.pack("<HHH", 0xFFFF, number, 0) + b"".join(parameters)


def test_prepared_statements_have_handles(plain):
    with Raw(plain.port) as client:
        client.login()
        client.send(RPC, client.headers() + call(11, integer(None, "@h", True), nvarchar(""),
                                                 nvarchar("SET NOCOUNT ON"), integer(1)))
        data = client.receive()
        assert data[:5] == b"\x79\0\0\0\0"
        # RETURNVALUE: ordinal 0, the name, an output parameter, int, 4 bytes
        assert data[5] == 0xAC and data[6:8] == b"\0\0"
        at = data.index(b"\x26\4\4") + 3
        handle = struct.unpack_from("<i", data, at)[0]
        assert handle > 0
        client.send(RPC, client.headers() + call(12, integer(handle)) + b"\xff"
                    + call(15, integer(handle)))
        answer = client.read()
        assert not answer.errors and answer.status == 0
        assert answer.tokens.count(0xFE) == 2
        assert answer.done[-2][0] & 1 and not answer.done[-1][0] & 1
        client.send(RPC, client.headers() + call(12, integer(handle)))
        assert client.read().errors[0][0] == 8179


def test_cursors_and_unknown_types_are_refused(plain):
    with Raw(plain.port) as client:
        client.login()
        client.send(RPC, client.headers() + call(2, integer(None, "@c", True), nvarchar("x")))
        assert client.read().errors[0][0] == 16955
        client.send(RPC, client.headers() + call(10, b"\0\0\xf3\0\0"))
        assert client.read().errors[0][0] == 8009


# --- bulk loads ------------------------------------------------------------------


def bulk_columns():
    name = "id".encode("utf-16le")
    return b"\x81\1\0" + struct.pack("<IH", 0, 1) + b"\x26\4\2" + name


DONE = b"\xfd" + bytes(12)


def test_a_load_counts_with_its_done_token_and_without(plain):
    rows = b"".join(b"\xd1\4" + struct.pack("<i", i) for i in range(3000))
    with Raw(plain.port) as client:
        client.login(packet_size=512)
        for end in (DONE, b""):
            assert not client.ask("INSERT BULK dbo.tdsd_sink (id int)").errors
            client.send(BULK, bulk_columns() + rows + end)
            answer = client.read()
            assert not answer.errors and answer.done[0][2] == 3000
        client.ask("INSERT BULK dbo.tdsd_sink (id int)")
        client.send(BULK, bulk_columns())  # no row
        assert client.read().done[0][2] == 0
        assert sink_rows(client) == 6000


def sink_rows(client):
    client.batch("SELECT rows, bytes, hash FROM tdsd_sink")
    data = client.receive()
    return int.from_bytes(data[-13 - 24:-13 - 16], "little")


def test_something_else_than_the_load_is_refused(plain):
    with Raw(plain.port) as client:
        client.login()
        client.ask("INSERT BULK tdsd_sink (id int)")
        assert client.ask("TRUNCATE TABLE tdsd_sink").errors[0][0] == 4022
        assert not client.ask("TRUNCATE TABLE tdsd_sink").errors


def test_an_order_is_told(plain):
    with Raw(plain.port) as client:
        client.login()
        client.batch("SELECT c1, id FROM tdsd_generate_10_mixed10 ORDER BY id")
        assert b"\xa9\2\0\2\0\xd1" in client.receive()


def test_a_load_that_is_given_up_leaves_nothing(plain):
    with Raw(plain.port) as client:
        client.login()
        client.ask("INSERT BULK tdsd_sink (id int)")
        body = bulk_columns() + b"\xd1\4\1\0\0\0" * 1000
        client.packet(BULK, body[:4088], status=0)
        client.packet(BULK, body[4088:4100], status=EOM | IGNORE)
        answer = client.read()
        assert answer.tokens == [0xFD] and answer.done[0][0] & DONE_ERROR
        assert sink_rows(client) == 0


@pytest.mark.parametrize("body, error", [
    (b"\x82", "begins with token"),
    (bulk_columns()[:9], "ends within a type"),
    (b"\x81\0\0", "a bulk load of 0 columns"),
    (bulk_columns() + b"\xd2\0", "among the rows"),
    (bulk_columns() + b"\xd1\4\1", "within a row"),
    (bulk_columns() + b"\xd1\5\1\2\3\4\5", ""),
    (bulk_columns() + DONE + b"\xd1", "behind the end"),
])
def test_a_load_of_nonsense_ends_the_connection(plain, body, error):
    with Raw(plain.port) as client:
        client.login()
        client.ask("INSERT BULK tdsd_sink (id int)")
        client.send(BULK, body)
        client.drain()
    assert error in plain.wait_closed()["error"]


def hash_of(client, source):
    client.batch(f"SELECT rows, bytes, hash FROM {source}")
    data = client.receive()
    return struct.unpack("<QQQ", data[-13 - 24:-13])


def test_ranges_of_made_up_rows_add_up(plain):
    with Raw(plain.port) as client:
        client.login()
        for shape in ("mixed10", "every"):
            whole = hash_of(client, f"tdsd_generate_1000_{shape}")
            parts = [hash_of(client, f"[master].[dbo].[tdsd_generate_1000_{shape}] WITH (NOLOCK) {where}")
                     for where in ("WHERE id < 300", "WHERE [id] >= 300 AND [id] <= 700 ORDER BY id",
                                   "WHERE id > 700")]
            assert [p[0] for p in parts] == [300, 401, 299]
            assert tuple(sum(n) % 2**64 for n in zip(*parts)) == whole
        assert hash_of(client, "tdsd_generate_10_narrow WHERE id = 7")[0] == 1
        assert hash_of(client, "tdsd_generate_10_narrow WHERE id > 70")[0] == 0


def test_what_is_generated_can_be_loaded(plain):
    with Raw(plain.port) as client:
        client.login(packet_size=16383)
        for shape in ("mixed10", "narrow"):
            client.batch(f"SELECT * FROM tdsd_generate_3000_{shape}")
            data = client.receive()
            client.ask(f"INSERT BULK tdsd_sink_{shape} (it does not matter)")
            client.send(BULK, data)
            assert client.read().done[0][2] == 3000
            assert hash_of(client, f"tdsd_sink_{shape}") == hash_of(client, f"tdsd_generate_3000_{shape}")


def test_many_clients_at_once(plain):
    clients = [Raw(plain.port) for _ in range(60)]
    for client in clients:
        client.prelogin()
    for client in clients:
        client.send(LOGIN7, client.login7())
    for client in clients:
        assert not client.read().errors
        client.batch("SELECT * FROM tdsd_generate_1000_narrow")
    assert len({client.receive() for client in clients}) == 1
    assert plain.totals()["open"] == 60
    plain.ask("kill all")
    assert [client.drain() for client in clients] == [0] * 60


def test_what_was_sent_is_recorded(tdsd, tmp_path):
    server = tdsd(encrypt="none", record=str(tmp_path / "record"))
    with Raw(server.port) as client:
        client.login()
        client.batch("SELECT * FROM tdsd_generate_100_every")
        client.receive()
        received = client.received
    server.wait_closed()
    [record] = (tmp_path / "record").iterdir()
    assert record.stat().st_size == received


# --- faults ----------------------------------------------------------------------


@pytest.mark.parametrize("phase, packet", [("prelogin", 1), ("login", 1), ("result", 1), ("result", 3)])
@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_the_connection_is_cut_at_a_packet(plain, kind, phase, packet):
    plain.fault(f"{kind} phase={phase} packet={packet}")
    with Raw(plain.port) as client:
        with pytest.raises((Closed, ConnectionResetError)) as caught:
            client.login(packet_size=512)
            client.batch("SELECT * FROM tdsd_generate_100_mixed10")
            for _ in range(packet - 1):
                assert len(client.receive_packet()[2]) == 504
            client.receive_packet()
        assert (caught.type is ConnectionResetError) == (kind == "reset")
    with Raw(plain.port) as client:
        assert not client.login().errors


@pytest.mark.parametrize("bytes_out", [1, 7, 50, 700, 5000])
def test_the_connection_is_cut_after_bytes(plain, bytes_out):
    plain.fault(f"cut bytes={bytes_out} dir=out")
    with Raw(plain.port) as client:
        with pytest.raises(Closed):
            client.login()
            client.batch("SELECT * FROM tdsd_generate_1000_mixed10")
            client.receive()
        assert client.received == bytes_out
    assert plain.faults()[0]["hits"] == 1


def test_requests_are_cut_on_their_way_in(plain):
    plain.fault("cut phase=request packet=2")
    plain.fault("reset phase=bulk packet=2 match=tdsd_sink")
    with Raw(plain.port) as client:
        client.login()
        client.batch("x" * 5000)
        assert client.drain() == 0
    with Raw(plain.port) as client:
        client.login()
        client.ask("INSERT BULK tdsd_sink (id int)")
        client.send(BULK, bulk_columns() + b"\xd1\4\1\0\0\0" * 5000)
        assert client.drain() == 0


def test_an_answer_waits_until_the_faults_are_cleared(plain):
    plain.fault("stall phase=result packet=2")
    with Raw(plain.port) as client:
        client.login(packet_size=512)
        client.batch("SELECT * FROM tdsd_generate_100_mixed10")
        client.receive_packet()
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(20)
        plain.ask("clear")
        assert client.receive()


def test_errors_come_when_they_are_ordered(plain):
    plain.fault('error number=1205 severity=13 state=51 message="deadlock" match=tdsd_sink skip=1')
    with Raw(plain.port) as client:
        client.login(application="etl one")
        assert not client.ask("TRUNCATE TABLE tdsd_sink").errors
        answer = client.ask("TRUNCATE TABLE tdsd_sink")
        assert answer.errors == [(1205, 13, 51, "deadlock")]
        assert answer.done[-1][0] & DONE_ERROR
        assert not client.ask("TRUNCATE TABLE tdsd_sink").errors
        plain.fault("error number=596 severity=21 app=etl close=1 times=0 statement=4")
        assert client.ask("TRUNCATE TABLE tdsd_sink").errors[0][0] == 596
        with pytest.raises(Closed):
            client.receive()


def test_a_fault_can_be_for_some_clients_only(plain):
    plain.fault("error number=50000 app=etl times=0")
    for application, failing in (("etl load", 1), ("other", 0)):
        with Raw(plain.port) as client:
            client.login(application=application)
            assert len(client.ask("TRUNCATE TABLE tdsd_sink").errors) == failing


@pytest.mark.parametrize("what", ["token", "length", "header", "type", "truncated"])
def test_answers_can_be_malformed(plain, what):
    with Raw(plain.port) as client:
        client.login()
        client.batch(SELECT)
        good = client.receive()
        plain.fault(f"malformed phase=result what={what}")
        client.batch(SELECT)
        header = client._exactly(8)
        kind, status, length = struct.unpack(">BBH", header[:4])
        if what == "header":
            assert length == 4
            return
        assert (kind == 0x55) == (what == "type")
        body = client._exactly(length - 8)
        assert status & EOM
        if what == "token":
            assert body[0] == 0x15 and body[1:] == good[1:]
        elif what == "length":
            assert body[1:3] == b"\xff\xff" and body[3:] == good[3:]
        elif what == "truncated":
            assert body == good[:len(good) // 2]


def test_attentions_can_be_ignored(plain):
    plain.fault("deaf")
    with Raw(plain.port) as client:
        client.login()
        client.batch("SELECT * FROM tdsd_generate_100000_mixed10")
        client.packet(ATTENTION, b"")
        data = client.receive()
        _token, status, _command, count = struct.unpack("<BHHQ", data[-13:])
        assert not status & DONE_ATTN and count == 100000
        assert not client.ask("TRUNCATE TABLE tdsd_sink").errors


def test_encryption_is_talked_down_as_one_in_the_middle_would(tdsd):
    server = tdsd(encrypt="required")
    server.fault("downgrade encrypt=none")
    with Raw(server.port) as client:
        assert client.prelogin(1)[1] == b"\2"
    with Raw(server.port) as client:
        assert client.prelogin(1)[1] == b"\1"


def test_the_server_can_be_slow_and_send_byte_by_byte(plain):
    plain.fault("tiny")
    with Raw(plain.port) as client:
        client.login()
        client.batch(SELECT)
        fast = client.receive()
    plain.fault("slow rate=4000 app=slow")
    with Raw(plain.port) as client:
        client.login(application="slow")
        start = time.monotonic()
        client.batch("SELECT * FROM tdsd_generate_10_mixed10")
        size = len(client.receive())
        assert time.monotonic() - start >= 0.9 * size / 4000
        assert fast


def test_faults_are_told_when_they_are_wrong(plain):
    for line in ("", "explode", "cut", "error", "cut phase=never", "slow", "refuse state=1",
                 "cut phase=login packet=x", "route"):
        with pytest.raises(AssertionError, match="error"):
            plain.fault(line)


# --- what does not speak TDS ------------------------------------------------------


def mutations(message, seed):
    """The message with some bytes changed, cut, or said twice."""
    choose = random.Random(seed)
    data = bytearray(message)
    for _ in range(choose.randrange(1, 6)):
        at = choose.randrange(len(data)) if data else 0
        kind = choose.randrange(4)
        if kind == 0 and data:
            data[at] = choose.choice((0, 1, 0x7F, 0x80, 0xFF, choose.randrange(256)))
        elif kind == 1 and data:
            del data[at:at + choose.randrange(1, 20)]
        elif kind == 2:
            data[at:at] = data[at:at + choose.randrange(1, 20)]
        else:
            data[at:at + 2] = b"\xff\xff"
    return bytes(data)


def test_no_nonsense_brings_the_server_down(plain):
    rounds = int(os.environ.get("TDSD_MUTATIONS", "60"))
    client = Raw(plain.port)
    good = {
        PRELOGIN: b"\0\0\x0b\0\6\1\0\x11\0\1\xff" + b"\x12\0\0\0\0\0" + b"\2",
        LOGIN7: client.login7(features=b"\x0a\0\0\0\0\xff"),
        BATCH: client.headers() + SELECT.encode("utf-16le"),
        RPC: client.headers() + call(10, nvarchar("SELECT @a"), nvarchar("@a int"), integer(1, "@a"))
        + b"\xff" + call(13, integer(None, "", True), nvarchar("@p xml"), nvarchar("x"), integer(3)),
        TRANSACTION: client.headers() + struct.pack("<HBB", 5, 2, 4) + b"a\0b\0",
        BULK: bulk_columns() + b"\xd1\4\1\0\0\0" * 10 + DONE,
    }
    client.close()
    seed = 0
    for kind, message in good.items():
        for _ in range(rounds):
            seed += 1
            with Raw(plain.port) as client:
                client.socket.settimeout(20)
                try:
                    if kind == LOGIN7:
                        client.prelogin()
                    elif kind != PRELOGIN:
                        client.login(password=PASSWORD)
                    if kind == BULK:
                        client.ask("INSERT BULK tdsd_sink (id int)")
                    client.packet(kind, mutations(message, seed)[:4088])
                    client.socket.shutdown(socket.SHUT_WR)
                    client.drain()
                except (Closed, OSError):
                    pass
            assert plain.alive(), (kind, seed)
    wait_for(lambda: plain.totals()["open"] == 0, "connections to end")
    with Raw(plain.port) as client:
        assert not client.login().errors


def test_a_message_is_read_as_the_tests_believe():
    done = b"\xfd\x02\0\0\0" + bytes(8)
    message = Message(b"\x79\7\0\0\0" + done)
    assert message.status == 7 and message.done == [(2, 0, 0)]
