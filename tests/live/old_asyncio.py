"""What asyncio lacks before 3.8, under the names it has today.

Scenarios are written for today's asyncio; importing this makes them run on 3.6 and 3.7 as well. From 3.8 on
it changes nothing. A name given to create_task is dropped where tasks have none.
"""

import asyncio
import os
import sys
import threading


def create_task(coroutine, name=None):
    return asyncio.get_event_loop().create_task(coroutine)


def get_running_loop():
    loop = asyncio._get_running_loop()
    if loop is None:
        raise RuntimeError("no running event loop")
    return loop


def current_task(loop=None):
    loop = loop or get_running_loop()
    return (asyncio.Task.current_task(loop)
            or asyncio.tasks._PyTask.current_task(loop))


def all_tasks(loop=None):
    loop = loop or get_running_loop()
    found = asyncio.Task.all_tasks(loop) | asyncio.tasks._PyTask.all_tasks(loop)
    return {task for task in found if not task.done()}


def run(main, debug=False):
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        loop.set_debug(debug)
        return loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def own_native_id():
    return int(os.path.basename(os.readlink("/proc/thread-self")))


def forked():
    """The main thread's native_id, which stays the parent's for some versions."""
    main = threading.main_thread()
    if hasattr(main, "_set_native_id"):
        main._set_native_id()
    else:
        main.native_id = os.getpid()


def _keep_native_ids():
    """threading.Thread.native_id, which is there from 3.8 on, for all threads that start later."""
    set_ident = threading.Thread._set_ident

    def set_both(self):
        set_ident(self)
        self.native_id = own_native_id()
    threading.Thread._set_ident = set_both
    forked()


if sys.version_info < (3, 8):
    asyncio.create_task = create_task
    _keep_native_ids()
if sys.version_info < (3, 7):
    for function in (get_running_loop, current_task, all_tasks, run):
        setattr(asyncio, function.__name__, function)
