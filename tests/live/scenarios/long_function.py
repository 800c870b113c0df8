"""Functions with thousands of lines: positions behind a line table of many kilobytes."""
import asyncio

import scenario


def source(name, lines, statement):
    body = ["    v = " + statement % i for i in range(lines)]
    return "\n".join(["async def %s(v=0):" % name] + body
                     + ["    await asyncio.sleep(3600)"] + body) + "\n"


def build(name, lines, statement):
    names = {"asyncio": asyncio}
    exec(compile(source(name, lines, statement), name + ".py", "exec"), names)
    return names[name]


def table_size(function):
    code = function.__code__
    return len(code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab)


async def main():
    simple = build("simple", 3000, "v + %d")
    wide = build("wide", 3000, "(v, " * 10 + "%d" + ",) * 2" * 10)
    one_line = build("one_line", 1, "[" + "v, " * 20000 + "%d]")
    many = build("many", 40000, "v + %d")
    assert table_size(many) > 65536
    for function in (simple, wide, one_line, many):
        task = asyncio.create_task(function(), name=function.__name__)
        scenario.expect_task(task, "waiting", ["sleep", function.__name__])
    await asyncio.sleep(0)
    await scenario.idle()

scenario.run(main())
