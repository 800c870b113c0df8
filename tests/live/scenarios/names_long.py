"""Long names: of tasks, coroutines and files."""
import asyncio

import scenario

TEXTS = ["x" * 300, "y" * 10000, "\u00e9" * 10000, "\u4e2d" * 10000, "\U0001f40d" * 2000]


def coroutine_named(name, filename):
    source = "async def %s():\n    await asyncio.sleep(3600)\n" % name
    names = {"asyncio": asyncio}
    exec(compile(source, filename, "exec"), names)
    return names[name]


async def main():
    for text in TEXTS:
        function = coroutine_named("sleeps", "/tmp/%s.py" % text[:4000])
        scenario.expect_task(asyncio.create_task(function(), name=text), "waiting",
                             ["sleep", "sleeps"], name=text)
    long_name = coroutine_named("f" * 1100, "long_name.py")
    scenario.expect_task(asyncio.create_task(long_name(), name="long function"), "waiting",
                         coroutine="f" * 1100)
    await scenario.idle()

scenario.run(main())
