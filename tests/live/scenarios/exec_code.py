"""Code from exec with odd file names; lambdas, nested functions and classes."""
import asyncio

import scenario

FILES = ["<string>", "", "no such file.py", "caf\u00e9 \U0001f40d.py", "\x1b[2Jclear.py",
         "new\nline.py", "nul\x00.py", "sur\udc80rogate.py", "rel/../ative.py"]
SOURCE = """

async def from_exec():
    await asyncio.sleep(3600)
"""


class Outer:
    class Inner:
        async def method(self):
            await asyncio.sleep(scenario.HOUR)

        @staticmethod
        async def static():
            await asyncio.sleep(scenario.HOUR)


def factory():
    async def local():
        await (lambda: asyncio.sleep(scenario.HOUR))()
    return local


async def gen_expression():
    async for _ in (await asyncio.sleep(scenario.HOUR) for _ in range(3)):
        pass


async def café_中文():
    await asyncio.sleep(scenario.HOUR)


def with_filename(code, name):
    if hasattr(code, "replace"):
        return code.replace(co_filename=name)
    return type(code)(code.co_argcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize,
                      code.co_flags, code.co_code, code.co_consts, code.co_names,
                      code.co_varnames, name, code.co_name, code.co_firstlineno, code.co_lnotab,
                      code.co_freevars, code.co_cellvars)


async def main():
    for number, name in enumerate(FILES):
        names = {"asyncio": asyncio}
        exec(SOURCE, names)
        function = names["from_exec"]
        function.__code__ = with_filename(function.__code__, name)
        scenario.expect_task(asyncio.create_task(function(), name="exec-%d" % number),
                             "waiting", ["sleep", "from_exec"], coroutine="from_exec")
    for coroutine, name in ((Outer.Inner().method(), "Outer.Inner.method"),
                            (Outer.Inner.static(), "Outer.Inner.static"),
                            (factory()(), "factory.<locals>.local"),
                            (gen_expression(), "gen_expression"),
                            (café_中文(), "caf\u00e9_\u4e2d\u6587")):
        task = asyncio.create_task(coroutine, name=name)
        scenario.expect_task(task, "waiting", coroutine=name)
    await scenario.idle()

scenario.run(main())
