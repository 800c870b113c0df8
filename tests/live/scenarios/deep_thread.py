"""Plain threads without asyncio, one of them 900 frames deep."""
import threading
import time

import scenario


def descend(depth):
    if depth:
        return descend(depth - 1)
    return time.sleep(scenario.HOUR)


for depth in (0, 20, 900):
    threading.Thread(target=descend, args=(depth,), name="depth-%d" % depth, daemon=True).start()
scenario.block()
