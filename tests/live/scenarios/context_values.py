"""--context: the values of context variables as repr() gives them, in trees of every shape."""
import asyncio
import contextvars
import decimal
import uuid

import scenario

MIN_VERSION = (3, 7)
DUMP = ["--context"]

VALUES = dict(
    none=None, yes=True, no=False, zero=0, negative=-3, big=2 ** 40, biggest=2 ** 64 - 1,
    text="it's", quoted="\"'", lines="a\nb\\\t\x01", accents="é€😀", empty="",
    octets=b"\x00a'\xff", float=1.5, tenth=0.1, large=1e16, small=1e-05, zero_float=-0.0,
    tiny=5e-324, infinite=float("inf"), identity=uuid.UUID("12345678-1234-5678-1234-567812345678"),
    pair=(1, "a", (2.0,)), one=(1,), nothing=())
MORE = dict(huge=(1 << 100, hex(1 << 100)), deep=(((((1,),),),), "((((...),),),)"),
            items=(tuple(range(20)), repr(tuple(range(16)))[:-1] + ", ...)"))
variables = {name: contextvars.ContextVar(name) for name in list(VALUES) + list(MORE)}
others = {name: contextvars.ContextVar(name) for name in ("long", "list", "decimal")}
many = [contextvars.ContextVar("variable-%04d" % i) for i in range(900)]


def find_colliding():
    """Two variables of equal hashes, as the tree has them: 32 bits."""
    seen = {}
    while True:
        variable = contextvars.ContextVar("colliding-%d" % len(seen))
        bits = (hash(variable) ^ hash(variable) >> 32) & 0xffffffff
        if bits in seen:
            return seen[bits], variable
        seen[bits] = variable


async def sleeps(values):
    for variable, value in values.items():
        variable.set(value)
    await asyncio.sleep(scenario.HOUR)


def spawn(name, values):
    return asyncio.create_task(sleeps(values), name=name)


async def main():
    task = spawn("plain", {variables[name]: value for name, value in VALUES.items()})
    scenario.expect_task(task, "waiting", context={
        name: repr(value) for name, value in VALUES.items()})
    task = spawn("more", {variables[name]: value for name, (value, _) in MORE.items()})
    scenario.expect_task(task, "waiting", context={
        name: text for name, (_, text) in MORE.items()})
    task = spawn("others", {others["long"]: "€" * 500, others["list"]: [1],
                            others["decimal"]: decimal.Decimal(1)})
    scenario.expect_task(task, "waiting", context={
        "long": "'" + "€" * 38 + "...", "list": scenario.contains("<list object at 0x"),
        "decimal": scenario.contains("<decimal.Decimal object at 0x")})
    first, second = find_colliding()
    task = spawn("colliding", {first: 1, second: 2})
    scenario.expect_task(task, "waiting", context={first.name: "1", second.name: "2"})
    for count in (1, 15, 17, 33, 900):
        task = spawn("many-%d" % count, {variable: number for number, variable
                                         in enumerate(many[:count])})
        scenario.expect_task(task, "waiting", context={
            variable.name: repr(number) for number, variable in enumerate(many[:count])})
    scenario.expect_task(asyncio.current_task(), "waiting", context={})
    await scenario.idle()

scenario.run(main())
