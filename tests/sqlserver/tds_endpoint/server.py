"""The listener: one thread per connection, from its first packet to its last.

Belongs here: which handler a message goes to, login, attention while a request runs.
Does not: what handlers do.
"""

from __future__ import annotations

import select
import socket
import ssl
import sys
import threading
import traceback
from contextlib import suppress

import duckdb
from tds_endpoint import bulk, catalogue, login, packet, procedures, requests, tokens
from tds_endpoint.errors import SqlError, of_engine
from tds_endpoint.locks import ApplicationLocks
from tds_endpoint.options import Options
from tds_endpoint.packet import Channel, Hangup, Message
from tds_endpoint.session import Scope, Session
from tds_endpoint.tables import ObjectName
from tds_endpoint.tsql.lexer import lexed

PACKET_SIZE = 8000
BEGIN, COMMIT, ROLLBACK = 5, 7, 8


class Server:
    """An endpoint on a loopback port, over one database in memory."""

    def __init__(
        self, *, port: int = 0, database: str = "lake", user: str = "sa", password: str = "", options: Options | None = None,
        tls: ssl.SSLContext | None = None, trace: bool = False,
    ) -> None:  # fmt: skip
        self.database, self.user, self.password = database, user, password
        self.options = options or Options()
        self.tls = tls
        self.trace = trace
        self._locks = ApplicationLocks()
        self._engine = duckdb.connect()
        catalogue.create(self._engine, database, babelfish=not self.options.utf8_collation)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Until the listener is closed."""
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def close(self) -> None:
        """No more connections."""
        self._listener.close()

    def _connection(self, sock: socket.socket) -> None:
        with sock, suppress(Hangup, ConnectionError):
            channel = Channel(sock)
            if self._greet(channel):
                session = Session(self._engine.cursor(), self.database, self.options, self._locks)
                try:
                    _Conversation(channel, sock, session, trace=self.trace).run()
                finally:
                    session.close()

    def _greet(self, channel: Channel) -> bool:
        asked = login.asked_encryption(channel.receive().body)
        encrypted = self.tls is not None and asked != login.ENCRYPT_NOT_SUPPORTED
        if asked in {login.ENCRYPT_ON, login.ENCRYPT_REQUIRED} and self.tls is None:
            channel.send(login.prelogin(login.ENCRYPT_NOT_SUPPORTED))
            return False
        answer = login.ENCRYPT_NOT_SUPPORTED if not encrypted else asked
        channel.send(login.prelogin(answer))
        if encrypted and self.tls is not None:
            channel.start_tls(self.tls)
        asked_login = login.login(channel.receive().body)
        if encrypted and answer == login.ENCRYPT_OFF:
            channel.stop_tls()
        if asked_login.user != self.user or asked_login.password != self.password:
            channel.send(login.refused(asked_login.user))
            return False
        if asked_login.database and asked_login.database.lower() not in {self.database.lower(), "master"}:
            channel.send(tokens.error(4060, 11, f'Cannot open database "{asked_login.database}" requested by the login.')
                         + tokens.done(status=tokens.ERROR))  # fmt: skip
            return False
        size = min(asked_login.packet_size or PACKET_SIZE, PACKET_SIZE)
        channel.send(login.welcome(asked_login, self.database, size))
        channel.packet_size = size
        return True


class _Conversation:
    """Requests and replies of one session."""

    def __init__(self, channel: Channel, sock: socket.socket, session: Session, *, trace: bool) -> None:
        self._channel, self._sock, self._session, self._trace = channel, sock, session, trace
        self._bulk: tuple[ObjectName, list[str]] | None = None

    def run(self) -> None:
        """Until the client hangs up."""
        while True:
            message = self._channel.receive()
            if message.kind == packet.ATTENTION:
                self._channel.send(tokens.done(status=tokens.ATTENTION))
                continue
            if message.ignored:
                continue
            if message.resets:
                self._session.reset()
            reply = self._guarded(message)
            self._channel.send(reply)

    def _guarded(self, message: Message) -> bytes:
        session = self._session
        session.interrupted.clear()
        finished = threading.Event()
        watcher = threading.Timer(0.2, self._watch, args=(finished,))
        watcher.daemon = True
        watcher.start()
        try:
            return self._answer(message)
        except (SqlError, duckdb.Error) as error:
            session.failed(error if isinstance(error, SqlError) else of_engine(error), Scope())
            return session.take_reply()
        except Exception as error:  # noqa: BLE001 - the client must hear of any fault of the endpoint
            traceback.print_exc(file=sys.stderr)
            session.failed(SqlError(50000, f"the endpoint failed: {error!r}"), Scope())
            return session.take_reply()
        finally:
            finished.set()
            watcher.cancel()

    def _watch(self, finished: threading.Event) -> None:
        """Something sent while a request runs can only be an attention."""
        while not finished.is_set():
            readable, _, _ = select.select([self._sock], [], [], 0.05)
            if readable and not finished.is_set():
                self._session.interrupted.set()
                self._session.connection.interrupt()
                return

    def _answer(self, message: Message) -> bytes:  # noqa: C901 - a table of cases, one branch each
        session = self._session
        if message.kind == packet.SQL_BATCH:
            text = requests.batch(message.body)
            if self._trace:
                print(f"-- batch\n{text}", file=sys.stderr, flush=True)
            if text.lstrip()[:11].upper() == "INSERT BULK":
                self._bulk = bulk.announced(lexed(text))
            else:
                session.run(text, Scope())
            return session.take_reply()
        if message.kind == packet.RPC:
            return self._procedures(message.body)
        if message.kind == packet.BULK_LOAD:
            if self._bulk is None:
                raise SqlError(4002, "The incoming tabular data stream (TDS) protocol stream is incorrect.")
            target, listed = self._bulk
            bulk.load(session, target, listed, message.body, Scope())
            return session.take_reply()
        if message.kind == packet.TRANSACTION:
            kind = requests.transaction(message.body)
            if kind == BEGIN:
                session.transactions.begin()
            elif kind == COMMIT:
                session.transactions.commit()
            elif kind == ROLLBACK:
                session.transactions.rollback()
            else:
                raise SqlError(50000, f"the endpoint does not know transaction request {kind}")
            return session.take_reply()
        raise SqlError(50000, f"the endpoint does not know messages of type {message.kind}")

    def _procedures(self, body: bytes) -> bytes:
        session = self._session
        asked = list(requests.calls(body))
        reply = b""
        for number, call in enumerate(asked):
            if self._trace:
                shown = [(p.name, str(p.declared), p.value) for p in call.parameters]
                print(f"-- {call.procedure} {shown}", file=sys.stderr, flush=True)
            procedures.call(session, call)
            more = tokens.MORE if number + 1 < len(asked) else 0
            reply += session.take_reply(final=tokens.done(tokens.DONE_PROCEDURE, more))
        return reply
