"""Owner levels, as documented for Event Hubs."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from local_azure.event_hubs.errors import LINK_STOLEN, RESOURCE_LIMIT, AmqpError
from local_azure.event_hubs.receivers import Receivers

SEAT = ("telemetry", "$Default", "0")


@dataclass(eq=False)
class Reader:
    owner_level: int | None
    receivers: Receivers
    evicted: list[str] = field(default_factory=list)

    def detach(self, problem: AmqpError) -> None:
        self.evicted.append(problem.condition)
        self.receivers.leave(SEAT, self)  # what a real link does when it closes


@pytest.fixture
def receivers() -> Receivers:
    return Receivers()


@pytest.mark.parametrize(("sitting", "coming"), [(None, 0), (0, 0), (0, 1), (3, 7)])
def test_an_owner_displaces_its_equals_and_inferiors(receivers: Receivers, sitting: int | None, coming: int) -> None:
    old, new = Reader(sitting, receivers), Reader(coming, receivers)
    receivers.admit(SEAT, old)

    receivers.admit(SEAT, new)

    assert old.evicted == [LINK_STOLEN]
    with pytest.raises(AmqpError):  # the newcomer really has the seat
        receivers.admit(SEAT, Reader(None, receivers))


@pytest.mark.parametrize(("sitting", "coming"), [(0, None), (1, 0), (7, 3)])
def test_an_owner_keeps_out_lower_levels_and_readers_without_one(
    receivers: Receivers, sitting: int, coming: int | None
) -> None:
    owner = Reader(sitting, receivers)
    receivers.admit(SEAT, owner)

    with pytest.raises(AmqpError) as refusal:
        receivers.admit(SEAT, Reader(coming, receivers))

    assert refusal.value.condition == LINK_STOLEN
    assert owner.evicted == []


def test_an_owner_displaces_all_who_share(receivers: Receivers) -> None:
    sharing = [Reader(None, receivers) for _ in range(5)]
    for reader in sharing:
        receivers.admit(SEAT, reader)

    receivers.admit(SEAT, Reader(0, receivers))

    assert [reader.evicted for reader in sharing] == [[LINK_STOLEN]] * 5


def test_a_sixth_reader_without_an_owner_level_is_refused(receivers: Receivers) -> None:
    for _ in range(5):
        receivers.admit(SEAT, Reader(None, receivers))

    with pytest.raises(AmqpError) as refusal:
        receivers.admit(SEAT, Reader(None, receivers))

    assert refusal.value.condition == RESOURCE_LIMIT


def test_a_seat_is_free_when_its_reader_is_gone(receivers: Receivers) -> None:
    owner = Reader(9, receivers)
    receivers.admit(SEAT, owner)
    receivers.leave(SEAT, owner)
    reader = Reader(None, receivers)

    receivers.admit(SEAT, reader)

    assert reader.evicted == []


@pytest.mark.parametrize(
    "other", [("other", "$Default", "0"), ("telemetry", "hot", "0"), ("telemetry", "$Default", "1")]
)
def test_hubs_groups_and_partitions_do_not_meet(receivers: Receivers, other: tuple[str, str, str]) -> None:
    owner = Reader(0, receivers)
    receivers.admit(SEAT, owner)

    receivers.admit(other, Reader(5, receivers))

    assert owner.evicted == []
