"""Packets: messages cut into frames on the socket, and put together again.

Belongs here: MS-TDS 2.2.3 "Packets" (header, length, status bits), and the wrapping of TLS records during the handshake.
Does not: what a message says (`login`, `requests`, `bulk`), or who answers (`session`).
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

SQL_BATCH, RPC, REPLY, ATTENTION, BULK_LOAD, TRANSACTION, LOGIN7, PRELOGIN = 1, 3, 4, 6, 7, 14, 16, 18
END_OF_MESSAGE, IGNORE, RESET_CONNECTION, RESET_KEEPING_TRANSACTION = 0x01, 0x02, 0x08, 0x10
HEADER = struct.Struct(">BBHHBB")


class Hangup(Exception):  # noqa: N818 - a peer that leaves is no error
    """The peer closed the connection."""


@dataclass(frozen=True)
class Message:
    """One client message, whole."""

    kind: int
    status: int
    body: bytes

    @property
    def resets(self) -> bool:
        """Whether the pool asks for a connection as new (MS-TDS 2.2.3.1.2, RESETCONNECTION)."""
        return bool(self.status & (RESET_CONNECTION | RESET_KEEPING_TRANSACTION))

    @property
    def ignored(self) -> bool:
        """Whether the client took its half-sent message back."""
        return bool(self.status & IGNORE)


class Channel:
    """Messages over one socket; TLS, once started, lies inside or around the packets."""

    def __init__(self, sock: socket.socket, packet_size: int = 4096) -> None:
        self._sock = sock
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._wrapping = False
        self.packet_size = packet_size

    def _pull(self) -> bytes:
        data = self._sock.recv(65536)
        if not data:
            raise Hangup
        return data

    def _recv(self, count: int) -> bytes:
        """Exactly so many bytes, decrypted."""
        parts = bytearray()
        while len(parts) < count:
            if self._tls is None:
                chunk = self._sock.recv(count - len(parts))
                if not chunk:
                    raise Hangup
                parts += chunk
                continue
            try:
                parts += self._tls.read(count - len(parts))
            except ssl.SSLWantReadError:
                self._incoming.write(self._pull())
            except ssl.SSLZeroReturnError:
                raise Hangup from None
        return bytes(parts)

    def _send(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self._sock.sendall(data)

    def receive(self) -> Message:
        """The next message of the client."""
        body = bytearray()
        while True:
            kind, status, length, _, _, _ = HEADER.unpack(self._recv(HEADER.size))
            body += self._recv(length - HEADER.size)
            if status & END_OF_MESSAGE:
                return Message(kind, status, bytes(body))

    def send(self, body: bytes, kind: int = REPLY) -> None:
        """One message, cut at the negotiated packet size."""
        room = self.packet_size - HEADER.size
        frames = bytearray()
        for number, start in enumerate(range(0, len(body) or 1, room), 1):
            piece = body[start : start + room]
            status = END_OF_MESSAGE if start + room >= len(body) else 0
            frames += HEADER.pack(kind, status, len(piece) + HEADER.size, 0, number % 256, 0) + piece
        self._send(bytes(frames))

    def start_tls(self, context: ssl.SSLContext) -> None:
        """The handshake inside PRELOGIN packets (MS-TDS 2.2.6.5); afterwards TLS lies around the packets."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                if self._outgoing.pending:
                    self.send(self._outgoing.read(), PRELOGIN)
                self._incoming.write(self.receive().body)
                continue
            break
        if self._outgoing.pending:
            self.send(self._outgoing.read(), PRELOGIN)
        self._tls = tls

    def stop_tls(self) -> None:
        """With ENCRYPT_OFF only the login is encrypted; all that follows is in clear."""
        self._tls = None

    def attention_waiting(self) -> bool:
        """Whether the client has sent something while its request is still being answered."""
        self._sock.setblocking(False)
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except (BlockingIOError, OSError):
            return False
        finally:
            self._sock.setblocking(True)
