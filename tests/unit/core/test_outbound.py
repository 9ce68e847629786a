"""The guard at the socket: what is connected to, whatever a name says."""

import asyncio
import contextlib
import gc
import socket
import threading

import httpcore2
import pytest

from core.addresses import AddressPolicy, is_public
from core.errors import InvalidField
from core.outbound import MAX_ANSWER_BYTES, AddressRefused, GuardedBackend, GuardedClient, OutboundFailed, Resolver
from tests.unit.core.test_addresses import CLOSED, SPELLINGS

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Wire(httpcore2.AsyncNetworkBackend):
    """Opens nothing: remembers where a connection would have gone, and answers with canned bytes."""

    def __init__(self, answer=OK, failing=()):
        self.opened, self._answer, self._failing = [], answer, failing

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109
        self.opened.append((host, port))
        if host in self._failing:
            raise httpcore2.ConnectError("refused")
        return httpcore2.AsyncMockStream([self._answer])


class Names:
    """A resolver with answers per look-up: the last one stays."""

    def __init__(self, **answers):
        self._answers = {name.replace("_", "."): list(values) for name, values in answers.items()}
        self.asked = 0

    async def __call__(self, host, port):
        self.asked += 1
        answers = self._answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


async def numeric(host, port):
    """What the system makes of a number; every other name leads to the machine itself, as an attacker would have it."""
    try:
        return [found[4][0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)]
    except (OSError, UnicodeError):
        return ["127.0.0.1"]


def guarded(wire, resolve, policy=AddressPolicy()):
    return GuardedBackend(policy, inner=wire, resolve=resolve)


async def post(client, url="https://hook.example.com/x", seconds=5.0):
    return await client.post(url, b"{}", {"Content-Type": "application/json"}, seconds=seconds)


@pytest.mark.parametrize("address", CLOSED)
async def test_a_name_of_a_closed_address_opens_no_connection(address):
    wire = Wire()
    with pytest.raises(AddressRefused):
        await guarded(wire, Names(a_com=[[address]])).connect_tcp("a.com", 443)
    assert wire.opened == []


async def test_no_spelling_reaches_a_socket_even_without_the_reading_of_urls():
    for spelling in SPELLINGS:
        wire = Wire()
        host = spelling.partition("://")[2].partition("/")[0].rpartition("@")[2].strip("[]")
        for text in (host, host.partition(":")[0], spelling):
            try:
                await guarded(wire, numeric).connect_tcp(text, 80)
            except httpcore2.ConnectError:
                continue
        assert all(is_public(address) for address, _ in wire.opened), spelling


async def test_no_spelling_reaches_a_socket_through_the_client():
    wire = Wire()
    client = GuardedClient(AddressPolicy(), backend=guarded(wire, numeric))
    for spelling in SPELLINGS:
        with pytest.raises(InvalidField):
            await post(client, spelling)
    assert wire.opened == []
    await client.close()


async def test_a_public_name_is_connected_by_the_number_that_was_checked():
    wire, names = Wire(), Names(hook_example_com=[["93.184.215.14"]])
    client = GuardedClient(AddressPolicy(), backend=guarded(wire, names))
    answer = await post(client, "http://hook.example.com/x")
    assert (answer.status, answer.body) == (200, b"ok")
    assert wire.opened == [("93.184.215.14", 80)]
    assert names.asked == 1
    await client.close()


async def test_rebinding_the_second_look_up_decides_nothing():
    """A name that is public when it is first asked and the metadata service ever after."""
    wire, names = Wire(), Names(hook_example_com=[["93.184.215.14"], ["169.254.169.254"]])
    backend = guarded(wire, names)
    await backend.connect_tcp("hook.example.com", 443)
    for _ in range(20):
        with pytest.raises(AddressRefused):
            await backend.connect_tcp("hook.example.com", 443)
    assert wire.opened == [("93.184.215.14", 443)]


@pytest.mark.parametrize("position", [0, 1, 2])
async def test_one_private_answer_spoils_the_others(position):
    answers = ["93.184.215.14", "2606:4700::1"]
    answers.insert(position, "10.0.0.5")
    wire = Wire(failing={"93.184.215.14", "2606:4700::1"})
    with pytest.raises(AddressRefused):
        await guarded(wire, Names(a_com=[answers])).connect_tcp("a.com", 443)
    assert wire.opened == []


async def test_the_next_address_is_tried_and_at_most_four():
    many = [f"93.184.215.{n}" for n in range(1, 9)]
    wire = Wire(failing={"93.184.215.1"})
    await guarded(wire, Names(a_com=[many])).connect_tcp("a.com", 443)
    assert wire.opened == [("93.184.215.1", 443), ("93.184.215.2", 443)]
    wire = Wire(failing=set(many))
    with pytest.raises(httpcore2.ConnectError):
        await guarded(wire, Names(a_com=[many])).connect_tcp("a.com", 443)
    assert len(wire.opened) == 4


async def test_no_answer_and_failed_look_up_are_connect_errors():
    async def fails(host, port):
        raise socket.gaierror("no such name")

    for resolve in (fails, Names(a_com=[[]])):
        with pytest.raises(httpcore2.ConnectError):
            await guarded(Wire(), resolve).connect_tcp("a.com", 443)


async def test_a_look_up_that_never_ends_has_a_deadline():
    async def hangs(host, port):
        await asyncio.Event().wait()

    with pytest.raises(httpcore2.ConnectTimeout):
        await guarded(Wire(), hangs).connect_tcp("a.com", 443, timeout=0.01)


async def test_ports_are_held_at_the_socket_too():
    wire = Wire()
    with pytest.raises(AddressRefused):
        await guarded(wire, Names(a_com=[["8.8.8.8"]])).connect_tcp("a.com", 22)
    assert wire.opened == []


async def test_local_sockets_are_refused():
    with pytest.raises(AddressRefused):
        await guarded(Wire(), numeric).connect_unix_socket("/var/run/docker.sock")


async def test_the_operator_s_pair_is_let_through_and_its_neighbour_is_not():
    wire, names = Wire(), Names(hooks_lan=[["192.168.0.9"]])
    backend = guarded(wire, names, AddressPolicy.of(["hooks.lan:9000"]))
    await backend.connect_tcp("hooks.lan", 9000)
    assert wire.opened == [("192.168.0.9", 9000)]
    with pytest.raises(AddressRefused):
        await backend.connect_tcp("hooks.lan", 443)


async def test_a_redirect_is_an_answer_and_is_not_followed():
    wire = Wire(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
    client = GuardedClient(AddressPolicy(), backend=guarded(wire, Names(hook_example_com=[["8.8.8.8"]])))
    assert (await post(client, "http://hook.example.com/")).status == 302
    assert len(wire.opened) == 1
    await client.close()


async def closed(writer):
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


class Receiver:
    """A real server on loopback that keeps what it was sent and answers with `reply(writer)`."""

    def __init__(self, reply):
        self._reply, self.received, self.done = reply, b"", asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.policy = AddressPolicy.of([f"127.0.0.1:{self.port}"])
        self.url = f"http://127.0.0.1:{self.port}/hook?a=1"
        self.client = GuardedClient(self.policy)
        return self

    async def __aexit__(self, *_):
        await self.client.close()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
            self.received = head + await reader.readexactly(length)
            await self._reply(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            await closed(writer)
            self.done.set()


async def test_what_goes_out_over_a_real_socket():
    async def reply(writer):
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with Receiver(reply) as receiver:
        answer = await receiver.client.post(receiver.url, b'{"a":1}', {"Content-Type": "application/json"}, seconds=5)
        assert answer.status == 204
        lines = receiver.received.split(b"\r\n")
        assert lines[0] == b"POST /hook?a=1 HTTP/1.1" and lines[-1] == b'{"a":1}'
        assert f"Host: 127.0.0.1:{receiver.port}".encode() in lines and b"Accept-Encoding: identity" in lines


async def test_loopback_is_refused_when_the_operator_did_not_name_it():
    async def reply(writer):
        writer.write(OK)

    async with Receiver(reply) as receiver:
        client = GuardedClient(AddressPolicy(ports=frozenset({receiver.port})))
        with pytest.raises(InvalidField):
            await post(client, receiver.url)
        open_name = GuardedClient(AddressPolicy(), backend=GuardedBackend(AddressPolicy(ports=frozenset({80})), resolve=numeric))
        with pytest.raises(OutboundFailed, match="private"):
            await post(open_name, "http://rebound.example.com/")
        assert receiver.received == b""
        await client.close()
        await open_name.close()


async def test_of_an_endless_answer_only_the_beginning_is_read():
    sent = 0

    async def reply(writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 500 Oops\r\n\r\n")
        while sent < 200_000_000:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    async with Receiver(reply) as receiver:
        answer = await post(receiver.client, receiver.url)
        assert (answer.status, len(answer.body)) == (500, MAX_ANSWER_BYTES)
        async with asyncio.timeout(5):
            await receiver.done.wait()
        assert sent < 50_000_000


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
async def test_one_deadline_covers_a_receiver_that_hangs(head):
    release = asyncio.Event()

    async def reply(writer):
        writer.write(head)
        await release.wait()

    async with Receiver(reply) as receiver:
        with pytest.raises(OutboundFailed, match="no answer in time"):
            await post(receiver.client, receiver.url, seconds=0.05)
        release.set()
        await receiver.done.wait()


@pytest.mark.parametrize(("raw", "reason"), [(b"nonsense\r\n\r\n", "not HTTP"), (b"", "not HTTP")])
async def test_a_broken_answer_is_one_kind_of_failure(raw, reason):
    async def reply(writer):
        writer.write(raw)

    async with Receiver(reply) as receiver:
        with pytest.raises(OutboundFailed, match=reason):
            await post(receiver.client, receiver.url)


async def test_tls_that_does_not_come_about_is_told():
    """Whether the receiver answers in clear or not at all, the socket is closed (an open one is a warning, so an error)."""

    async def answers(reader, writer):
        await reader.read(1)
        writer.write(OK)

    async def hangs(reader, writer):
        while await reader.read(1000):
            pass

    for serve, reason, seconds in ((answers, "TLS", 5), (hangs, "no answer in time", 0.3)):
        done = asyncio.Event()

        async def connected(reader, writer, serve=serve, done=done):
            await serve(reader, writer)
            await closed(writer)
            done.set()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = GuardedClient(AddressPolicy.of([target]))
        with pytest.raises(OutboundFailed, match=reason):
            await post(client, f"https://{target}/", seconds=seconds)
        async with asyncio.timeout(5):
            await done.wait()
        await client.close()
        server.close()
        await server.wait_closed()
        gc.collect()


async def test_nobody_listening_is_told():
    async with Receiver(lambda writer: None) as receiver:
        pass
    client = GuardedClient(receiver.policy)
    with pytest.raises(OutboundFailed, match="no connection"):
        await post(client, receiver.url)
    await client.close()


async def test_look_ups_that_hang_take_no_thread_from_others_and_closing_waits_for_none(monkeypatch):
    begun, release, names = threading.Semaphore(0), threading.Event(), []

    def hangs(host, port, **_options):
        names.append((host, threading.current_thread().name))
        begun.release()
        release.wait(5)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port))] * 2

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    resolver = Resolver(threads=2)
    lookups = [asyncio.ensure_future(resolver(f"h{number}.example.com", 443)) for number in range(6)]
    async with asyncio.timeout(5):
        for _ in range(2):
            await asyncio.to_thread(begun.acquire)
        resolver.close()
        assert len(names) == 2 and all(name.startswith("resolver") for _, name in names)
        release.set()
        found = await asyncio.gather(*lookups, return_exceptions=True)
    assert found[:2] == [["93.184.215.14"]] * 2
    assert all(isinstance(late, asyncio.CancelledError) for late in found[2:]) and len(names) == 2
