"""A server that speaks HTTP/2 only, over TLS, for the backends of badcloud."""

from __future__ import annotations

import asyncio
import ssl
import time
from email.utils import formatdate

import h2.config
import h2.connection
import h2.events

from tests.support.badcloud import Backend, Request


class Http2:
    def __init__(self, backend: Backend, *, tls: ssl.SSLContext) -> None:
        tls.set_alpn_protocols(["h2"])
        self._tls = tls
        self._backend = backend
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Http2:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def goodbye(self) -> None:
        for connection in self._open:
            connection.goodbye()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        connection = _Connection(reader, writer, self._backend)
        self._open.add(connection)
        try:
            await connection.serve()
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            connection.drop()
            self._open.discard(connection)
            self._tasks.discard(task)
            writer.close()


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, backend: Backend) -> None:
        self._reader = reader
        self._writer = writer
        self._backend = backend
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._asked: dict[int, tuple[dict[str, str], bytearray]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def goodbye(self) -> None:
        self._h2.close_connection()
        self._writer.write(self._h2.data_to_send())

    def drop(self) -> None:
        for task in self._answering:
            task.cancel()

    async def serve(self) -> None:
        self._h2.initiate_connection()
        self._writer.write(self._h2.data_to_send())
        while data := await self._reader.read(65536):
            for event in self._h2.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = {name.decode(): value.decode() for name, value in event.headers}
                    self._asked[event.stream_id] = (headers, bytearray())
                elif isinstance(event, h2.events.DataReceived):
                    self._asked[event.stream_id][1].extend(event.data)
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    task = asyncio.create_task(self._answer(event.stream_id))
                    self._answering.add(task)
                    task.add_done_callback(self._answering.discard)
                elif isinstance(event, h2.events.ConnectionTerminated):
                    return
            self._writer.write(self._h2.data_to_send())
            await self._writer.drain()

    async def _answer(self, stream_id: int) -> None:
        headers, body = self._asked.pop(stream_id)
        request = Request(headers[":method"], headers[":path"], headers, bytes(body), time.monotonic())
        reply = await self._backend(request)
        self._h2.send_headers(
            stream_id,
            [
                (":status", str(reply.status)),
                ("content-type", reply.kind),
                ("date", formatdate(usegmt=True)),
                ("content-length", str(len(reply.body))),
            ],
        )
        # Answers to the hub are small: one window holds them.
        self._h2.send_data(stream_id, reply.body, end_stream=True)
        self._writer.write(self._h2.data_to_send())
