"""A server that negotiates TDS encryption and then speaks nothing newer than TLS 1.1: what tdsd, on
mbedTLS, cannot be."""

import socket
import ssl
import struct
import threading
import warnings

PRELOGIN, REPLY = 0x12, 0x04
ENCRYPT_ON = 1


def packet(kind, data):
    return struct.pack(">BBHHBB", kind, 1, len(data) + 8, 0, 0, 0) + data


def read_packet(connection):
    head = connection.recv(8, socket.MSG_WAITALL)
    if len(head) < 8:
        raise EOFError
    return connection.recv(struct.unpack(">H", head[2:4])[0] - 8, socket.MSG_WAITALL)


def prelogin():
    """MS-TDS 2.2.6.5: a version, encryption, MARS."""
    options = [(0, bytes([16, 0, 0, 0, 0, 0])), (1, bytes([ENCRYPT_ON])), (4, b"\0")]
    at, head, data = 5 * len(options) + 1, b"", b""
    for token, value in options:
        head += struct.pack(">BHH", token, at + len(data), len(value))
        data += value
    return head + b"\xff" + data


class OldTls:
    """Listens from the beginning; `strict`: TLS comes first, without a tunnel."""

    def __init__(self, certificate, key, strict=False):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.context.minimum_version = ssl.TLSVersion.TLSv1
            self.context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.strict = strict
        self.agreed = threading.Event()  # on a version: never
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                try:
                    if not self.strict:
                        read_packet(connection)
                        connection.sendall(packet(REPLY, prelogin()))
                    self._handshake(connection)
                except (EOFError, OSError):
                    pass  # it has hung up

    def _handshake(self, connection):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = self.context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            incoming.write(connection.recv(16384) if self.strict else read_packet(connection))
            try:
                session.do_handshake()
                self.agreed.set()
                return
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return  # no version that both have
            finally:
                data = outgoing.read()
                if data:
                    connection.sendall(data if self.strict else packet(PRELOGIN, data))
