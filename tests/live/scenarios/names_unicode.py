"""Names of every kind of str, and such that must not reach a terminal."""
import asyncio

import scenario

SMOKE = True


class Loud(str):
    def __str__(self):
        return self


NAMES = [
    "ascii", "caf\u00e9 \u00ff", "\u0416\u4e2d\u6587", "\U0001f40d snake \U0001f525", "",
    "nul\x00inside", "\x00", "\x1b[31mred\x1b[0m \x1b]0;title\x07", "two\nlines\r\ttab",
    "\x7f\x80\x9b31m", "surrogate \udc80 \ud83d", "rtl \u202e evil \u2066",
    'quote " back\\slash \\u0000', "combining e\u0301\u0302", "\ufeff\ufffe\uffff",
    Loud("subclass"), Loud("subclass \U0001f40d"), Loud("nul\x00in a subclass"), "12",
]


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    for name in NAMES:
        task = asyncio.create_task(sleeps(), name=name)
        scenario.expect_task(task, "waiting", ["sleep", "sleeps"], name=name)
    number = asyncio.create_task(sleeps(), name=12345678901234567890)
    scenario.expect_task(number, "waiting", name="12345678901234567890")
    renamed = asyncio.create_task(sleeps())
    scenario.set_name(renamed, 3.5)
    scenario.expect_task(renamed, "waiting", name="3.5")
    await scenario.idle()

scenario.run(main())
