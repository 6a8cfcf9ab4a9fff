"""A way to the API server that fails as a test says: answers of its own, silence, cuts, half an answer."""

import http.client
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fault:
    """For the next `times` requests that `when(method, path)` picks."""

    def __init__(self, when, times=1, status=None, body="", headers=(), hang=False, cut=None, drop=False):
        self.when, self.left, self.seen = when, times, 0
        self.status, self.body, self.headers = status, body, dict(headers)
        self.hang, self.cut, self.drop = hang, cut, drop


def status(code, reason, message):
    return ('{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"%s","message":"%s","code":%d}'
            % (reason, message, code))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.api.take(self.command, self.path)
        if fault and fault.hang:
            self.server.api.released.wait(60)
            self.close_connection = True
        elif fault and fault.drop:
            self.forward(body, answer=False)
            self.close_connection = True
        elif fault and fault.status:
            self.send_response(fault.status)
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(fault.body)))
            self.end_headers()
            self.wfile.write(fault.body.encode())
        else:
            self.forward(body, cut=fault.cut if fault else None)

    def forward(self, body, answer=True, cut=None):
        """`cut`: so many bytes of the answer are passed on, as if they were all (True: half of them)."""
        plane = self.server.api.plane
        context = ssl.create_default_context(cafile=plane.authority.ca)
        connection = http.client.HTTPSConnection(plane.address, plane.port, context=context, timeout=90)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        try:
            connection.request(self.command, self.path, body or None, headers)
            got = connection.getresponse()
            if not answer:
                got.read()
                return
            self.send_response(got.status)
            self.send_header("Content-Type", got.headers.get("Content-Type", "text/plain"))
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if cut:
                whole = got.read()
                self.chunk(whole[:len(whole) // 2])
                self.chunk(b"")
                return
            while (part := got.read1(65536)):
                self.chunk(part)
            self.chunk(b"")
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            connection.close()

    def chunk(self, part):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = do_PATCH = handle_request  # noqa: N815


class FaultyApi:
    def __init__(self, plane):
        self.plane = plane
        self.address, self.authority = plane.address, plane.authority
        self.faults, self.lock, self.released = [], threading.Lock(), threading.Event()
        self.requests = []  # (method, path)
        self.server = ThreadingHTTPServer((plane.address, 0), Handler)
        self.server.daemon_threads = True
        self.server.api = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*plane.serving)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def fail(self, when, **how):
        fault = Fault(when, **how)
        with self.lock:
            self.faults.append(fault)
        return fault

    def take(self, method, path):
        with self.lock:
            self.requests.append((method, path))
            for fault in self.faults:
                if fault.left > 0 and fault.when(method, path):
                    fault.left -= 1
                    fault.seen += 1
                    return fault
        return None

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
