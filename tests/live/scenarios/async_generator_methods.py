"""asend, athrow, aclose, anext with and without a default."""
import asyncio
import builtins

import scenario

SMOKE = True


async def forever():
    await asyncio.sleep(scenario.HOUR)


async def stubborn():
    try:
        yield 1
        await forever()
    except ValueError:
        await forever()
    finally:
        await forever()


async def started():
    generator = stubborn()
    await generator.__anext__()
    return generator


async def use_asend():
    generator = await started()
    await generator.asend("hello")


async def use_athrow():
    generator = await started()
    await generator.athrow(ValueError())


async def use_aclose():
    generator = await started()
    await generator.aclose()


async def use_anext():
    generator = await started()
    await anext(generator)


async def use_anext_default():
    generator = await started()
    await anext(generator, None)


async def use_nested():
    async def outer():
        generator = await started()
        yield await anext(generator, None)
    await anext(outer(), 0)


async def main():
    functions = [use_asend, use_athrow, use_aclose]
    if hasattr(builtins, "anext"):
        functions += [use_anext, use_anext_default]
        scenario.expect_task(asyncio.create_task(use_nested(), name="nested"), "waiting",
                             ["sleep", "forever", "stubborn", "outer", "use_nested"])
    for function in functions:
        task = asyncio.create_task(function(), name=function.__name__)
        scenario.expect_task(task, "waiting", ["sleep", "forever", "stubborn", function.__name__])
    await scenario.idle()

scenario.run(main())
