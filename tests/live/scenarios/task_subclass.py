"""Subclasses of the C and of the Python task: slots, own attributes, local classes."""
import asyncio

import scenario

SMOKE = True


class Slotted(asyncio.Task):
    __slots__ = ("request_id", "deadline")


class Attributes(asyncio.Task):
    def __init__(self, *arguments, **keys):
        super().__init__(*arguments, **keys)
        self.started = 1.5
        self.tags = ["a", "b"]


class PythonSlotted(asyncio.tasks._PyTask):
    __slots__ = ("request_id",)


def local_class():
    class Local(Attributes):
        pass
    return Local


async def work():
    await asyncio.sleep(scenario.HOUR)


async def main():
    loop = asyncio.get_event_loop()
    Local = local_class()
    types = {Slotted: "__main__.Slotted", Attributes: "__main__.Attributes",
             PythonSlotted: "__main__.PythonSlotted",
             Local: "__main__.local_class.<locals>.Local"}
    for cls, name in types.items():
        task = cls(work(), loop=loop, **scenario.named(cls.__name__))
        task.request_id = 7
        scenario.expect_task(task, "waiting", ["sleep", "work"], type=name)
    await scenario.idle()

scenario.run(main())
