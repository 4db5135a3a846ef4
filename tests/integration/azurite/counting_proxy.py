"""Passes requests on to an Azurite and keeps count; `GET /counted` tells and begins anew.

A process of its own: deltalake's calls hold Python's lock, so a proxy in the test's process could not answer them.
Usage: counting_proxy.py HOST PORT; prints its own port.
"""

from __future__ import annotations

import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST, PORT = sys.argv[1], int(sys.argv[2])
OURS = {"transfer-encoding", "connection", "content-length", "keep-alive"}
asked: list[tuple[str, str]] = []


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        if self.path == "/counted":
            content = json.dumps(asked).encode()
            asked.clear()
            self.send_response_only(200)
            self._end(content, str(len(content)))
            return
        asked.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        azurite = http.client.HTTPConnection(HOST, PORT, timeout=30)
        azurite.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            azurite.putheader(name, value)
        azurite.endheaders(body)
        answer = azurite.getresponse()
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OURS:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self._end(content, length or str(len(content)))
        azurite.close()

    def _end(self, content: bytes, length: str) -> None:
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None: ...


for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
    setattr(Proxy, f"do_{method}", Proxy._pass_on)
server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
