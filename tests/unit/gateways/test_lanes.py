from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from ingest_workers.gateways import acceptance as acceptance_module
from ingest_workers.gateways import lanes
from ingest_workers.gateways.acceptance import Acceptance, BusyError, TooLargeError
from ingest_workers.gateways.encoding import cost, message
from ingest_workers.gateways.event import Event
from ingest_workers.gateways.hub import HubError, Layout, RefusedError, ThrottledError
from ingest_workers.gateways.lanes import Lane, Parcel, parcels

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Link:
    """Takes a batch, or fails as the script says; can be held."""

    def __init__(self) -> None:
        self.script: list[Exception | None] = []
        self.attempts: list[list[bytes]] = []
        self.taken: list[list[bytes]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.poison: bytes | None = None

    async def send(self, messages) -> None:
        self.attempts.append(list(messages))
        await self.open.wait()
        if self.poison is not None and self.poison in messages:
            raise RefusedError("too strange")
        problem = self.script.pop(0) if self.script else None
        if problem is not None:
            raise problem
        self.taken.append(list(messages))

    async def close(self) -> None:
        pass


@asynccontextmanager
async def lane(link: Link, limit: int = 1000):
    running = Lane("0", link, limit)
    task = asyncio.create_task(running.run())
    try:
        yield running
    finally:
        task.cancel()


def parcel(*messages: bytes) -> Parcel:
    return Parcel(messages, sum(map(cost, messages)))


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    for name in ("FIRST_PAUSE", "FIRST_THROTTLED_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(lanes, name, 0.01)
    monkeypatch.setattr(acceptance_module, "_FIRST_PAUSE", 0.01)


async def put(running: Lane, *sent: Parcel) -> list[Exception | None]:
    for one in sent:
        running.put(one)
    return await asyncio.wait_for(asyncio.gather(*(one.done for one in sent), return_exceptions=True), 20)


async def until(holds) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is awaited here tells nobody
            await asyncio.sleep(0.001)


async def test_what_comes_while_a_batch_is_under_way_is_the_next_batch():
    link = Link()
    async with lane(link) as running:
        link.open.clear()
        first = asyncio.create_task(put(running, parcel(b"1")))
        await asyncio.sleep(0.02)
        rest = asyncio.create_task(put(running, *[parcel(b"%d" % n) for n in range(2, 6)]))
        await asyncio.sleep(0.02)
        link.open.set()
        await first
        await rest
    assert link.taken == [[b"1"], [b"2", b"3", b"4", b"5"]]


async def test_a_batch_keeps_to_the_limit_and_the_order():
    link = Link()
    sent = [parcel(b"%03d" % n * 30) for n in range(40)]
    async with lane(link, limit=500) as running:
        await put(running, *sent)
    assert [m for batch in link.taken for m in batch] == [m for one in sent for m in one.messages]
    assert all(sum(map(cost, batch)) <= 500 for batch in link.taken)
    assert len(link.taken) < 40


@pytest.mark.parametrize("problem", [HubError("gone"), ThrottledError("busy"), ValueError("a defect")])
async def test_a_batch_that_failed_is_sent_again_until_it_is_taken(problem):
    link = Link()
    link.script = [problem] * 3
    async with lane(link) as running:
        running_put = asyncio.create_task(put(running, parcel(b"1"), parcel(b"2")))
        await until(lambda: len(link.attempts) >= 2)
        assert running.trouble == str(problem)
        assert await running_put == [None, None]
        assert running.trouble is None
    assert [m for batch in link.taken for m in batch] == [b"1", b"2"]


async def test_what_its_sender_has_given_up_is_not_sent_again():
    link = Link()
    link.script = [HubError("gone")] * 2
    given_up, kept = parcel(b"1"), parcel(b"2")
    async with lane(link) as running:
        running.put(given_up)
        await asyncio.sleep(0)
        given_up.done.cancel()
        await put(running, kept)
    assert link.taken == [[b"2"]]


async def test_what_the_hub_refuses_is_found_and_does_not_hold_up_the_others():
    link = Link()
    link.poison = b"bad"
    async with lane(link) as running:
        outcome = await put(running, parcel(b"1"), parcel(b"bad"), parcel(b"3"))
        assert await put(running, parcel(b"4"), parcel(b"5")) == [None, None]
    assert [type(one) for one in outcome] == [type(None), RefusedError, type(None)]
    assert [m for batch in link.taken for m in batch] == [b"1", b"3", b"4", b"5"]
    assert link.taken[-1] == [b"4", b"5"]


async def test_trouble_is_forgotten_when_nothing_waits_so_that_traffic_can_come_back(monkeypatch):
    link = Link()
    link.script = [HubError("gone")]
    monkeypatch.setattr(lanes, "TROUBLE_SECONDS", 0.05)
    one = parcel(b"1")
    async with lane(link) as running:
        running.put(one)
        await until(lambda: running.trouble is not None)
        one.done.cancel()
        await until(lambda: running.trouble is None)
    assert link.taken == []


@pytest.mark.parametrize("sizes", [[10] * 100, [200], [195, 195, 195], [1, 195, 1, 195], [100, 90, 5, 5]])
def test_parcels_keep_order_and_limit(sizes):
    messages = [bytes([n]) * size for n, size in enumerate(sizes)]

    async def cut() -> list[Parcel]:
        return parcels(messages, 205)

    found = asyncio.run(cut())
    assert [m for one in found for m in one.messages] == messages
    assert all(one.size == sum(map(cost, one.messages)) <= 205 for one in found)


class Hub:
    def __init__(self, limit: int = 2000) -> None:
        self.links = {"0": Link(), "1": Link(), "2": Link()}
        self.away = 0
        self.limit = limit

    async def layout(self) -> Layout:
        if self.away:
            self.away -= 1
            raise HubError("away")
        return Layout(tuple(self.links), self.limit)

    def link(self, partition: str) -> Link:
        return self.links[partition]

    def bodies(self) -> set[bytes]:
        return {m.rpartition(b"\xa0")[2][1:] for link in self.links.values() for batch in link.taken for m in batch}


def events(count: int) -> list[Event]:
    return [Event(f"device-{n}", b"%d" % n) for n in range(count)]


async def test_events_of_many_devices_are_accepted_together_each_device_in_one_partition():
    hub = Hub()
    async with Acceptance(hub, 10_000).running() as acceptance:
        await acceptance.opened()
        await acceptance.accept(events(50), 20)
        await acceptance.accept(events(50), 20)
        assert acceptance.trouble is None
    assert hub.bodies() == {b"%d" % n for n in range(50)}
    for link in hub.links.values():
        held = [m for batch in link.taken for m in batch]
        assert held
        assert all(held.count(m) == 2 for m in held)


async def test_an_answer_that_does_not_come_in_time_is_busy_and_what_has_not_left_never_will():
    hub = Hub()
    async with Acceptance(hub, 10_000).running() as acceptance:
        await acceptance.opened()
        for link in hub.links.values():
            link.script = [ThrottledError("busy")] * 10_000
        with pytest.raises(BusyError) as told:
            await acceptance.accept(events(9), 0.5)
        assert told.value.retry_after == 5
        assert "busy" in acceptance.trouble
        for link in hub.links.values():
            link.script = []
        await acceptance.accept([Event("device-100", b"100")], 20)
    assert hub.bodies() == {b"100"}


async def test_an_event_larger_than_a_batch_is_refused_before_anything_is_sent():
    hub = Hub(limit=300)
    async with Acceptance(hub, 10_000).running() as acceptance:
        await acceptance.opened()
        with pytest.raises(TooLargeError) as told:
            await acceptance.accept([Event("a", b"small"), Event("b", b"x" * 300)], 20)
    assert told.value.index == 1
    assert hub.bodies() == set()


async def test_before_the_hub_has_answered_nothing_is_taken():
    hub = Hub()
    hub.away = 3
    async with Acceptance(hub, 10_000).running() as acceptance:
        await asyncio.sleep(0)
        assert acceptance.trouble is not None
        with pytest.raises(BusyError):
            await acceptance.accept(events(1), 20)
        await acceptance.opened()
        await acceptance.accept(events(1), 20)
    assert hub.bodies() == {b"0"}


async def test_memory_is_bounded_and_given_back():
    acceptance = Acceptance(Hub(), 100)
    with acceptance.holding() as hold:
        hold.grow(60)
        with acceptance.holding() as other, pytest.raises(BusyError):
            other.grow(60)
        hold.grow(40)
    with acceptance.holding() as hold:
        hold.grow(100)
        assert hold.size == 100


async def test_the_end_waits_for_what_was_promised_an_answer():
    hub = Hub()
    async with Acceptance(hub, 10_000).running() as acceptance:
        await acceptance.opened()
        for link in hub.links.values():
            link.open.clear()
        waiting = asyncio.create_task(acceptance.accept(events(9), 20))
        await asyncio.sleep(0.02)
        asyncio.get_running_loop().call_later(0.1, lambda: [link.open.set() for link in hub.links.values()])
    await asyncio.wait_for(waiting, 5)
    assert len(hub.bodies()) == 9


def test_a_message_is_measured_as_it_is():
    assert cost(message(Event("d", b"x" * 1000))) > 1000
