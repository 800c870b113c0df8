"""An idle loop that has no task at all."""
import asyncio

import scenario

loop = asyncio.new_event_loop()
loop.call_soon(scenario.ready)
scenario.expect_loop(loop, state="idle", debug=False)
loop.run_forever()
