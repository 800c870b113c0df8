"""anyio's locks, semaphores, limiters, conditions and events: owners, waiters in their order, state."""
import asyncio

import scenario

try:
    import anyio
except ImportError:
    scenario.skip("no anyio")

made_early = anyio.Lock(), anyio.Semaphore(1)  # before there is a loop: adapters from 4.10 on
tasks = {}


def me(name):
    tasks[name] = asyncio.current_task()


async def has(name, lock):
    me(name)
    async with lock:
        await anyio.sleep(scenario.HOUR)


async def took(name, lock):
    me(name)
    await lock.acquire()
    await anyio.sleep(scenario.HOUR)


async def wants(name, lock):
    me(name)
    async with lock:
        pass


async def waits(name, event):
    me(name)
    await event.wait()


async def notified(name, condition):
    me(name)
    async with condition:
        await condition.wait()


async def borrows(name, limiter):
    me(name)
    await limiter.acquire_on_behalf_of("a borrower that is no task")
    await anyio.sleep(scenario.HOUR)


def real(lock):
    """What an adapter stands for."""
    for name in ("_internal_lock", "_internal_semaphore"):
        lock = getattr(lock, name, lock)
    return lock


def expect_waiting(name, kind, lock, holds=()):
    scenario.expect_task(tasks[name], "waiting", holds=list(holds), awaiting={
        "kind": kind, "object": real(lock), "has_timeout": False, "deadline_s": None})


def expect_holder(name, lock):
    scenario.expect_task(tasks[name], "waiting", awaiting={"kind": "sleep"},
                         holds=[] if name.startswith("took") else [real(lock)])


def expect_lock(lock, label, waiters, holders, kind="lock", **state):
    scenario.expect_object(real(lock), kind=kind, label=scenario.contains(label + "#"),
                           name=scenario.contains("lock"), state=state,
                           waiters=[tasks[name] for name in waiters],
                           holders=[tasks[name] for name in holders])


async def main():
    scenario.options(extra_finished=True)
    lock, free, taken, semaphore = anyio.Lock(), anyio.Lock(), anyio.Lock(), anyio.Semaphore(2)
    bounded, limiter, infinite = (anyio.Semaphore(1, max_value=3), anyio.CapacityLimiter(2),
                                  anyio.CapacityLimiter(float("inf")))
    early_lock, early_semaphore = made_early
    condition, event, quiet = anyio.Condition(), anyio.Event(), anyio.Condition()
    async with anyio.create_task_group() as group:
        async def start(function, name, what):
            group.start_soon(function, name, what)
            await anyio.wait_all_tasks_blocked()

        for name, what in (("has lock", lock), ("has semaphore", semaphore),
                           ("has semaphore too", semaphore), ("has bounded", bounded),
                           ("has limiter", limiter), ("has early lock", early_lock),
                           ("has early semaphore", early_semaphore), ("has infinite", infinite)):
            await start(has, name, what)
        await start(took, "took", taken)
        await start(borrows, "borrows", limiter)
        await start(notified, "waits for quiet", quiet)
        await start(notified, "waits for condition", condition)
        await start(has, "has condition", condition)
        for name, what in (("wants lock", lock), ("wants lock too", lock), ("wants taken", taken),
                           ("wants semaphore", semaphore), ("wants bounded", bounded),
                           ("wants limiter", limiter), ("wants early lock", early_lock),
                           ("wants early semaphore", early_semaphore),
                           ("wants condition", condition)):
            await start(wants, name, what)
        await start(waits, "waits", event)
        await start(waits, "waits too", event)

        expect_lock(lock, "Lock", ["wants lock", "wants lock too"], ["has lock"], locked=True)
        expect_lock(taken, "Lock", ["wants taken"], ["took"], locked=True)
        expect_lock(early_lock, "Lock", ["wants early lock"], ["has early lock"], locked=True)
        expect_lock(semaphore, "Semaphore", ["wants semaphore"],
                    ["has semaphore", "has semaphore too"], kind="semaphore", value=0)
        expect_lock(bounded, "Semaphore", ["wants bounded"], ["has bounded"], kind="semaphore",
                    value=0, bound=3)
        expect_lock(early_semaphore, "Semaphore", ["wants early semaphore"],
                    ["has early semaphore"], kind="semaphore", value=0)
        scenario.expect_object(infinite, kind="semaphore", holders=[tasks["has infinite"]])
        scenario.expect_object(limiter, kind="semaphore", state={"value": 0, "bound": 2},
                               waiters=[tasks["wants limiter"]],
                               label=scenario.contains("CapacityLimiter#"),
                               holders=[tasks["has limiter"],
                                        {"task": None, "confidence": "possible"}])
        scenario.expect_object(condition, kind="condition", state={"locked": True},
                               waiters=[tasks["waits for condition"]])
        scenario.expect_object(quiet, kind="condition", state={"locked": False},
                               waiters=[tasks["waits for quiet"]], holders=[])
        scenario.expect_object(condition._lock, kind="lock", state={"locked": True},
                               waiters=[tasks["wants condition"]],
                               holders=[tasks["has condition"]])
        scenario.expect_object(event, kind="event", state={"set": False},
                               label=scenario.contains("Event#"),
                               waiters=[tasks["waits"], tasks["waits too"]])

        for name, what in (("has lock", lock), ("has semaphore", semaphore), ("took", taken),
                           ("has semaphore too", semaphore), ("has bounded", bounded),
                           ("has limiter", limiter), ("has early lock", early_lock),
                           ("has early semaphore", early_semaphore), ("has infinite", infinite),
                           ("has condition", condition._lock)):
            expect_holder(name, what)
        for name, what in (("wants lock", lock), ("wants lock too", lock), ("wants taken", taken),
                           ("wants early lock", early_lock),
                           ("wants condition", condition._lock)):
            expect_waiting(name, "lock", what)
        for name, what in (("wants semaphore", semaphore), ("wants bounded", bounded),
                           ("wants limiter", limiter),
                           ("wants early semaphore", early_semaphore)):
            expect_waiting(name, "semaphore", what)
        expect_waiting("waits", "event", event)
        expect_waiting("waits too", "event", event)
        expect_waiting("waits for condition", "condition", condition)
        expect_waiting("waits for quiet", "condition", quiet)
        assert not free.locked()
        scenario.expect_ok()
        await scenario.idle()

anyio.run(main)
