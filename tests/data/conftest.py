"""A web server on the loopback interface that misbehaves on demand."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server(ThreadingHTTPServer):
    """Serves `files` (path: bytes); each request takes the next of `moods`, then "well".

    Moods: "well", "break" (half of what is due, then the connection ends), "silent" (nothing comes),
    "stall" (half of what is due, then nothing comes),
    "no range" (status 200 whatever was asked), "wrong range" (another part), "no length", "chunked",
    "break chunk" (ends within a chunk),
    "garbage" (no HTTP), or a status as text, such as "503".
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.moods = []
        self.requests = []
        self.stopping = threading.Event()

    def url(self, name):
        """The address of a file."""
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request, client_address):
        """Clients that go away are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """Answers one request in the server's mood."""

    def log_message(self, *_):
        """Keep the tests' output clean."""

    def do_GET(self):
        """Serve a file, or a part of it."""
        server, asked = self.server, self.headers.get("Range")
        server.requests.append((self.path, asked))
        mood = server.moods.pop(0) if server.moods else "well"
        content = server.files.get(self.path.removeprefix("/"))
        if mood.isdecimal() or content is None:
            self.send_error(int(mood) if mood.isdecimal() else 404)
        elif mood == "silent":
            server.stopping.wait(20)
        elif mood == "garbage":
            self.wfile.write(b"what?\r\n\r\n")
        else:
            self.serve(content, None if mood == "no range" else asked, mood)

    def serve(self, content, asked, mood):
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked else 0
        if start >= len(content) > 0:
            self.send_error(416)
            return
        start -= mood == "wrong range"
        due = content[start:]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if "chunk" in mood:
            self.send_header("Transfer-Encoding", "chunked")
            due = b"%x\r\n%b\r\n0\r\n\r\n" % (len(due), due)
        elif mood != "no length":
            self.send_header("Content-Length", str(len(due)))
        self.end_headers()
        half = mood in ("break", "break chunk", "stall")
        self.wfile.write(due[: len(due) // 2] if half else due)
        if mood == "stall":
            self.wfile.flush()
            self.server.stopping.wait(60)


@pytest.fixture
def server(monkeypatch):
    """A server that runs for the time of one test."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.stopping.set()
        server.shutdown()
        thread.join()
