from __future__ import annotations

from cloudchains import DAY, SALE, START, Journal
from cloudkit import HubClient


def bodies(journal: Journal) -> list[bytes]:
    return [entry.body for entry in journal.entries]


async def test_seq_and_prevhash_go_on_across_epochs(hub: HubClient) -> None:
    journal = await hub.started(5)
    answer = await hub.open("e2", journal.end)
    assert (answer.status_code, answer.json()) == (200, journal.end)
    assert (await hub.post(journal.grow("e2", 5))).json() == journal.end
    assert await hub.entries() == bodies(journal)


async def test_an_epoch_is_opened_once(hub: HubClient) -> None:
    journal = await hub.started(5)
    at = journal.end
    for _ in range(2):
        assert (await hub.open("e2", at)).json() == at
    assert (await hub.post(journal.grow("e2", 5))).json() == journal.end
    # The first answer was lost, the hub asks again: nothing is orphaned.
    assert (await hub.open("e2", at)).json() == journal.end
    answer = await hub.open("e2", journal.end)
    assert (answer.status_code, answer.json()["seq"]) == (409, 10)


async def test_what_is_beyond_a_new_epochs_start_becomes_orphans(hub: HubClient) -> None:
    old = await hub.started(10, type=SALE, total=100)
    journal = old.cut(6)
    assert (await hub.open("e2", journal.end)).json() == journal.end
    assert await hub.cursor() == journal.end
    assert await hub.entries() == bodies(journal)
    assert await hub.entries("e1:6", orphans=True) == bodies(old)[6:]
    assert await hub.entries("e1:6", orphans=True, limit=1) == bodies(old)[6:]
    assert await hub.entries("e1:8", orphans=True) == bodies(old)[8:]
    assert (await hub.totals(DAY))["total"] == 600
    assert (await hub.post(journal.grow("e2", 3))).json() == journal.end
    assert await hub.entries(orphans=True) == bodies(old)[6:]
    # The superseded epoch takes nothing beyond its end, neither what it had nor what is new.
    assert (await hub.post(old.entries[4:])).status_code == 409
    assert (await hub.post(old.grow("e1", 2))).status_code == 409
    assert await hub.cursor() == journal.end


async def test_a_superseded_epoch_takes_nothing_although_its_place_is_free(hub: HubClient) -> None:
    old = await hub.started(10)
    journal = old.cut(6)
    await hub.open("e2", journal.end)
    answer = await hub.post(old.entries[3:8])
    assert (answer.status_code, answer.json()["seq"]) == (409, 6)
    assert await hub.cursor() == journal.end


async def test_a_batch_across_an_announced_end_is_kept_up_to_it(hub: HubClient) -> None:
    journal = await hub.started(2)
    longer = Journal([*journal.entries])
    longer.grow("e1", 6)
    await hub.open("e2", longer.entries[4].position)
    answer = await hub.post(longer.entries)
    assert (answer.status_code, answer.json()["seq"]) == (409, 5)
    assert await hub.cursor() == longer.entries[4].position


async def test_epochs_announced_ahead_wait_for_the_replay(hub: HubClient) -> None:
    """An outage with two restarts: the hub tells all its epochs first, then replays."""
    journal = await hub.started(3)
    end = journal.end
    ahead = []
    journal.grow("e1", 3)
    ahead.append(("e2", journal.end))
    journal.grow("e2", 2)
    ahead.append(("e3", journal.end))
    journal.grow("e3", 2)
    for epoch, after in ahead:
        answer = await hub.open(epoch, after)
        assert (answer.status_code, answer.json()) == (200, end)
    assert (await hub.post(journal.entries[8:])).status_code == 409
    for first, last in ((3, 6), (6, 8), (8, 10)):
        answer = await hub.post(journal.entries[first:last])
        assert answer.json() == journal.entries[last - 1].position
    assert await hub.entries() == bodies(journal)


async def test_an_epoch_after_something_unknown_is_a_conflict(hub: HubClient) -> None:
    journal = await hub.started(10)
    offline = journal.cut(4)
    offline.grow("e2", 3)
    after_e2 = offline.end
    answer = await hub.open("e3", after_e2)
    assert (answer.status_code, answer.json()["seq"]) == (409, 10)
    # Oldest first, and it is understood.
    assert (await hub.open("e2", journal.entries[3].position)).json()["seq"] == 4
    assert (await hub.post(offline.entries[4:])).json() == after_e2
    assert (await hub.open("e3", after_e2)).json() == after_e2
    assert (await hub.post(offline.grow("e3", 2))).json() == offline.end
    assert await hub.entries() == bodies(offline)
    assert await hub.entries(orphans=True) == bodies(journal)[4:]


async def test_a_hub_that_lost_everything_begins_again(hub: HubClient) -> None:
    old = await hub.started(5)
    assert (await hub.open("e2", START)).json() == START
    journal = Journal()
    assert (await hub.post(journal.grow("e2", 2))).json() == journal.end
    assert await hub.entries(orphans=True) == bodies(old)
    assert await hub.entries() == bodies(journal)


async def test_a_branch_left_before_can_be_gone_on_with(hub: HubClient) -> None:
    """A box set up from an older medium, then one from a newer medium."""
    first = await hub.started(10)
    second = first.cut(4)
    await hub.open("e2", second.end)
    await hub.post(second.grow("e2", 3))
    third = first.cut(8)
    # e1:8 is not on the chain, but e1 is: the chain goes back to where both agree, and the rest comes again.
    assert (await hub.open("e3", third.end)).json() == first.entries[3].position
    assert (await hub.post(third.entries[2:])).json() == third.end
    assert (await hub.post(third.grow("e3", 1))).json() == third.end
    assert await hub.entries() == bodies(third)
    assert sorted(await hub.entries(orphans=True)) == sorted(bodies(first)[8:] + bodies(second)[4:])


async def test_orphans_of_a_branch_that_parted_earlier_are_given_too(hub: HubClient) -> None:
    """The newer medium has entries that the cloud never saw; the hub asks from the end of those."""
    first = await hub.started(4)
    newer = Journal([*first.entries])
    newer.grow("e1", 5)
    second = first.cut(4)
    await hub.open("e2", second.end)
    await hub.post(second.grow("e2", 3))
    assert (await hub.open("e3", newer.end)).json() == first.end
    assert await hub.entries("e1:9", orphans=True, limit=2) == bodies(second)[4:]
    assert (await hub.post(newer.entries[4:])).json() == newer.end


async def test_an_entry_that_comes_back_is_no_orphan(hub: HubClient) -> None:
    old = await hub.started(6)
    await hub.open("e2", old.entries[3].position)
    # A late, older request: the hub never came to use e2 and announces the epoch it does use.
    await hub.open("e3", old.end)
    answer = await hub.post(old.entries[2:])
    assert answer.json() == old.end
    assert await hub.entries(orphans=True) == []
    assert (await hub.post(old.grow("e3", 1))).json() == old.end


async def test_announced_again_an_epoch_gets_its_place_back(hub: HubClient) -> None:
    """An older announcement that was delayed on its way must not lock the living epoch out."""
    journal = await hub.started(3)
    at = journal.end
    await hub.open("e2", at)
    journal.grow("e2", 2)
    await hub.post(journal.entries[3:])
    assert (await hub.open("late", at)).json() == at
    answer = await hub.post(journal.entries[3:])
    assert answer.status_code == 409
    assert (await hub.open("e2", at)).json() == at
    assert (await hub.post(journal.entries[3:])).json() == journal.end
    assert await hub.entries(orphans=True) == []


async def test_holes_go_with_their_branch(hub: HubClient) -> None:
    old = await hub.started(3)
    late = old.add("e1")
    await hub.set_aside(late)
    old.grow("e1", 1)
    await hub.post(old.entries[4:])
    journal = old.cut(3)
    await hub.open("e2", journal.end)
    assert (await hub.fill(late)).status_code == 200
    assert await hub.entries(orphans=True) == bodies(old)[3:]
    assert (await hub.post(journal.grow("e2", 3))).json() == journal.end
    assert await hub.entries() == bodies(journal)


async def test_a_cloud_restored_from_an_older_backup_is_filled_again(hub: HubClient) -> None:
    """It knows neither the newest epochs nor their entries; the hub goes on from its cursor."""
    journal = await hub.started(4)
    end = journal.end
    journal.grow("e1", 3)
    second = journal.end
    journal.grow("e2", 3)
    assert await hub.cursor() == end
    assert (await hub.post(journal.entries[4:7])).json() == second
    assert (await hub.post(journal.entries[7:])).status_code == 409
    assert (await hub.open("e2", second)).json() == second
    assert (await hub.post(journal.entries[7:])).json() == journal.end
