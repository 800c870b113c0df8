"""Code from a zip, from a file that was deleted, and from one that was replaced since."""
import asyncio
import importlib
import os
import sys
import zipfile

import scenario

SOURCE = '''import asyncio


async def %s():
    for _ in range(3):
        await asyncio.sleep(
            3600)
'''
FOLDER = os.path.dirname(os.path.abspath(__file__))


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as opened:
        opened.write(text)
    return path


def functions():
    archive = os.path.join(FOLDER, "modules.zip")
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("zipped.py", SOURCE % "from_zip")
    sys.path.insert(0, archive)
    yield importlib.import_module("zipped").from_zip

    path = write("deleted.py", SOURCE % "from_deleted")
    importlib.invalidate_caches()
    yield importlib.import_module("deleted").from_deleted
    os.unlink(path)

    path = write("replaced.py", SOURCE % "from_replaced")
    importlib.invalidate_caches()
    yield importlib.import_module("replaced").from_replaced
    write("replaced.py", "\x00\x1b[2J not the source any more \udcff".encode("ascii", "replace")
          .decode())


async def main():
    for function in list(functions()):
        name = function.__name__
        scenario.expect_task(asyncio.create_task(function(), name=name), "waiting",
                             ["sleep", name])
    await scenario.idle()

scenario.run(main())
