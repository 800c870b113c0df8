"""asyncio is imported, no loop was ever made."""
import scenario


def work():
    scenario.block()


class Service:
    def serve(self):
        work()


Service().serve()
