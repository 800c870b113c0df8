"""A thread waits for a coroutine that it gave to the loop of another thread."""
import asyncio
import threading

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    loop = asyncio.get_event_loop()

    def submit():
        future = asyncio.run_coroutine_threadsafe(sleeps(), loop)
        future.result()

    threading.Thread(target=submit, name="submitter", daemon=True).start()
    await asyncio.sleep(0.05)
    await scenario.idle()

scenario.run(main())
