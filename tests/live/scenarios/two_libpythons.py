"""A second libpython in the process: a copy of its own and one of another version, never started."""
import asyncio
import ctypes
import glob
import os
import shutil
import sys

import scenario


def own_library():
    with open("/proc/self/maps") as opened:
        return next((line.split()[-1] for line in opened if "/libpython" in line), None)


def other_library():
    versions = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for path in sorted(glob.glob(os.path.join(versions, "versions", "*", "lib",
                                              "libpython3.*.so.1.0"))):
        if os.path.realpath(path) != os.path.realpath(own_library() or "/"):
            return path
    return None


def load():
    """Twice: before and after its own in the order of the addresses, as the kernel decides."""
    folder = os.path.dirname(os.path.abspath(__file__))
    loaded = []
    if own_library():
        copy = os.path.join(folder, "copy-of-" + os.path.basename(own_library()))
        shutil.copy(own_library(), copy)
        loaded.append(ctypes.CDLL(copy))
    if other_library():
        loaded.append(ctypes.CDLL(other_library()))
    if not loaded:
        scenario.skip("no libpython to load here")
    return loaded


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    sys.libraries = load()
    scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps"), "waiting",
                         ["sleep", "sleeps"])
    await scenario.idle()

scenario.run(main())
