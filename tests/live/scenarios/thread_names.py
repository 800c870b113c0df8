"""Names of threads: threading's, the kernel's, none, and strange ones."""
import _thread
import ctypes
import threading
import time

import scenario

prctl = ctypes.CDLL(None).prctl
PR_SET_NAME = 15
NAMES = ["worker", "caf\u00e9-\U0001f40d", "\x1b[31mred", "a name longer than fifteen bytes", ""]


def sleeps():
    time.sleep(scenario.HOUR)


def kernel_named():
    prctl(PR_SET_NAME, b"kernel-name\xff", 0, 0, 0)
    sleeps()


def raw():
    scenario.expect_thread(_thread.get_ident(), tid=scenario.own_native_id(), name=None)
    sleeps()


for name in NAMES:
    threading.Thread(target=sleeps, name=name, daemon=True).start()
threading.Thread(target=kernel_named, name="threading-name", daemon=True).start()
_thread.start_new_thread(raw, ())
time.sleep(0.2)
scenario.block()
