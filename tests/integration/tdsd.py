"""The TDS server of the tests, and a client that says whatever a test wants it to say."""

import json
import os
import shlex
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from servers import ROOT, Server, wait_for

# or the command of another build of it
TDSD = shlex.split(os.environ.get("ETL_TEST_TDSD", str(ROOT / "build/musl/tests/tdsd/tdsd")))

USER, PASSWORD = "loader", "Ünsafe-1€"

BATCH, RPC, RESULT, ATTENTION, BULK, TRANSACTION = 1, 3, 4, 6, 7, 14
LOGIN7, PRELOGIN = 16, 18
EOM, IGNORE, RESET = 1, 2, 8
DONE_MORE, DONE_ERROR, DONE_COUNT, DONE_ATTN = 1, 2, 0x10, 0x20

VERSIONS = {"7.1": 0x71000001, "7.2": 0x72090002, "7.3A": 0x730A0003, "7.3B": 0x730B0003,
            "7.4": 0x74000004}


def build():
    """Build the server when the tests run with the usual one: make knows what has changed."""
    if "ETL_TEST_TDSD" in os.environ:
        return
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    result = subprocess.run(["make", "-s", "-C", ROOT, "tdsd"], env=env, text=True,
                            capture_output=True, timeout=600)
    assert result.returncode == 0, result.stderr


class Tdsd:
    """A running server. Options are those of the command line: Tdsd(dir, encrypt="none")."""

    def __init__(self, directory, *arguments, login=f"{USER}:{PASSWORD}", **options):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.ready = self.dir / "ready"
        self.ready.unlink(missing_ok=True)
        self.socket = self.dir / "control"
        self.statements_file = self.dir / "statements"
        argv = [*TDSD, "--directory", self.dir / "db", "--ready-file", self.ready,
                "--control", self.socket, "--statements", self.statements_file,
                "--login", login, *arguments]
        for name, value in options.items():
            argv += ["--" + name.replace("_", "-"), value]
        self.server = Server(argv, self.dir / "tdsd.out")
        self.server.wait_ready(self.ready.exists)
        self.port = int(self.ready.read_text())

    def ask(self, command):
        """A command on the control socket; the answer without its 'ok'."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(self.socket))
            s.sendall(command.encode() + b"\n")
            with s.makefile("rb") as answers:
                answer = answers.readline().decode()
        assert answer.startswith("ok"), answer
        return answer[2:].strip()

    def fault(self, line):
        return int(self.ask("fault " + line))

    def faults(self):
        return json.loads(self.ask("faults"))

    def connections(self):
        return json.loads(self.ask("connections"))

    def totals(self):
        return json.loads(self.ask("totals"))

    def last_login(self):
        return self.connections()[-1]["login"]

    def wait_closed(self):
        """Until no connection is open; the last one as it is told then."""
        wait_for(lambda: self.totals()["open"] == 0, "connections to end")
        return self.connections()[-1]

    def kill_all(self):
        """Those that are connected now."""
        try:
            self.ask("kill all")
        except AssertionError as e:  # there is none
            assert "no connection" in str(e), e

    def statements(self):
        return [json.loads(line) for line in self.statements_file.read_text().splitlines()]

    def alive(self):
        return self.server.process.poll() is None

    def stop(self):
        """Ends it, and asserts that it ended well: sanitizers speak up at the end."""
        self.server.stop()
        assert self.server.process.returncode == 0, self.server.text()


@pytest.fixture(scope="session")
def tdsd_program():
    build()
    return TDSD


@pytest.fixture
def tdsd(tdsd_program, tmp_path):  # pylint: disable=redefined-outer-name,unused-argument
    """Makes servers that are stopped when the test ends."""
    servers = []

    def start(*arguments, **options):
        server = Tdsd(tmp_path / f"tdsd{len(servers)}", *arguments, **options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


# --- a client ------------------------------------------------------------------


class Closed(Exception):
    """The server has ended the connection."""


class Message:
    """What the tokens of an answer say. Rows are not read: an answer with columns keeps what
    begins with them in `rest`."""

    def __init__(self, data, old=False):
        self.data = data
        self.tokens, self.errors, self.infos, self.env, self.done = [], [], [], {}, []
        self.loginack = self.features = self.status = None
        self.rest = b""
        self._old = old
        at = 0
        while at < len(data):
            at = self._take(data, at)

    def _take(self, data, at):
        token = data[at]
        self.tokens.append(token)
        at += 1
        if token in (0xFD, 0xFE, 0xFF):
            form = "<HHI" if self._old else "<HHQ"
            self.done.append(struct.unpack_from(form, data, at))
            return at + struct.calcsize(form)
        if token == 0x79:
            self.status = struct.unpack_from("<i", data, at)[0]
            return at + 4
        if token == 0xAE:
            self.features = data[at:at + data[at:].index(0xFF)]
            return at + len(self.features) + 1
        if token not in (0xAA, 0xAB, 0xE3, 0xAD):
            self.rest = data[at - 1:]
            return len(data)
        length = struct.unpack_from("<H", data, at)[0]
        body = data[at + 2:at + 2 + length]
        assert len(body) == length
        if token in (0xAA, 0xAB):
            number, state, severity, units = struct.unpack_from("<iBBH", body)
            text = body[8:8 + 2 * units].decode("utf-16le")
            (self.errors if token == 0xAA else self.infos).append((number, severity, state, text))
        elif token == 0xE3:
            self.env[body[0]] = body[1:]
        else:
            self.loginack = body
        return at + 2 + length


class Raw:
    """A client of single packets, without TLS."""

    def __init__(self, port, version="7.4"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.version = version
        self.packet_size = 4096
        self.received = 0  # bytes
        self.packets = []  # of the answer that came last: their lengths

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # packets

    def packet(self, kind, payload, status=EOM):
        self.socket.sendall(struct.pack(">BBHHBB", kind, status, len(payload) + 8, 0, 1, 0)
                            + payload)

    def send(self, kind, payload, status=0):
        """A message; `status` goes into the first packet."""
        room = self.packet_size - 8
        parts = [payload[i:i + room] for i in range(0, len(payload), room)] or [b""]
        for i, part in enumerate(parts):
            self.packet(kind, part, (status if i == 0 else 0) | (EOM if i == len(parts) - 1 else 0))

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(min(size - len(data), 65536))
            if not part:
                raise Closed
            self.received += len(part)
            data += part
        return data

    def receive_packet(self):
        header = self._exactly(8)
        kind, status, length = struct.unpack(">BBH", header[:4])
        return kind, status, self._exactly(length - 8)

    def receive(self):
        """A whole message's payload."""
        self.packets = []
        parts = []
        while True:
            _kind, status, payload = self.receive_packet()
            self.packets.append(len(payload) + 8)
            parts.append(payload)
            if status & EOM:
                return b"".join(parts)

    # conversations

    def prelogin(self, encrypt=2, instance=b""):
        """Returns the server's options by their number."""
        values = {0: b"\x12\0\0\0\0\0", 1: bytes([encrypt]), 2: instance + b"\0", 3: b"\0\0\0\1",
                  4: b"\0", 6: b"\1"}
        at = 5 * len(values) + 1
        heads, data = b"", b""
        for number, value in values.items():
            heads += struct.pack(">BHH", number, at + len(data), len(value))
            data += value
        self.send(PRELOGIN, heads + b"\xFF" + data)
        return self.options(self.receive())

    @staticmethod
    def options(data):
        found, at = {}, 0
        while data[at] != 0xFF:
            number, offset, size = struct.unpack_from(">BHH", data, at)
            found[number] = data[offset:offset + size]
            at += 5
        return found

    def login7(self, user=USER, password=PASSWORD, database="", packet_size=4096,
               application="raw", read_only=False, features=b""):
        old = self.version == "7.1"
        hidden = bytes(((b << 4 | b >> 4) & 0xFF) ^ 0xA5 for b in password.encode("utf-16le"))
        texts = ["client-host", user, password, application, "server", "", "raw", "", database]
        head = 86 if old else 94
        at, places, data = head, b"", b""
        for i, text in enumerate(texts):
            value = hidden if i == 2 else text.encode("utf-16le")
            if i == 5 and features:
                value = struct.pack("<I", 0)  # patched below
                extension = len(data)
                places += struct.pack("<HH", at + len(data), 4)
            else:
                places += struct.pack("<HH", at + len(data), len(value) // 2)
            data += value
        if features:
            data = (data[:extension] + struct.pack("<I", at + len(data)) + data[extension + 4:]
                    + features)
        places += b"\1\2\3\4\5\6" + struct.pack("<HHHH", at, 0, at, 0)
        if not old:
            places += struct.pack("<HHI", at, 0, 0)
        fixed = struct.pack("<IIIIIIBBBBII", head + len(data), VERSIONS[self.version], packet_size,
                            7, os.getpid() & 0xFFFFFF, 0, 0xE0, 3, 0x20 if read_only else 0,
                            0x10 if features else 0, 0, 0x409)
        return fixed + places + data

    def login(self, encrypt=2, **login):
        self.prelogin(encrypt)
        self.send(LOGIN7, self.login7(**login))
        answer = self.read()
        if 4 in answer.env:  # B_VARCHAR
            size = answer.env[4]
            self.packet_size = int(size[1:1 + 2 * size[0]].decode("utf-16le"))
        return answer

    def headers(self, transaction=0):
        if self.version == "7.1":
            return b""
        return struct.pack("<IIHQI", 22, 18, 2, transaction, 1)

    def batch(self, sql, status=0, transaction=0):
        self.send(BATCH, self.headers(transaction) + sql.encode("utf-16le"), status)

    def read(self):
        return Message(self.receive(), self.version == "7.1")

    def ask(self, sql, status=0):
        self.batch(sql, status)
        return self.read()

    def drain(self):
        """Reads until the server ends the connection; how many bytes there were."""
        before = self.received
        try:
            while part := self.socket.recv(65536):
                self.received += len(part)
        except ConnectionResetError:
            pass
        return self.received - before
