"""Plain generators that run in threads: frames that live inside generator objects."""
import threading
import time

import scenario


def numbers(depth):
    if depth:
        yield from numbers(depth - 1)
    yield depth
    time.sleep(scenario.HOUR)


def consume(depth):
    for _ in numbers(depth):
        pass


def through_c():
    return sorted(numbers(2), key=lambda number: -number)


def in_key():
    return max([1, 2, 3], key=lambda number: time.sleep(scenario.HOUR))


class Descriptor:
    @property
    def value(self):
        return time.sleep(scenario.HOUR)

    def __del__(self):
        self.value


def in_property():
    return Descriptor().value


def in_finalizer():
    Descriptor()


for target, arguments in ((consume, (0,)), (consume, (5,)), (through_c, ()), (in_key, ()),
                          (in_property, ()), (in_finalizer, ())):
    threading.Thread(target=target, args=arguments, name=target.__name__, daemon=True).start()
scenario.block()
