"""asyncspy top: which cases run where."""

import top_batch
import top_numbers
import top_screen
import top_terminal
import top_workers
from cases import Cases

run = Cases(
    "top",
    everywhere=(top_numbers.smoke,),
    on_three=(top_numbers.busy_half, top_numbers.blocked, top_numbers.births, top_numbers.waiters,
              top_numbers.executor, top_numbers.saturated, top_numbers.accept_queue,
              top_numbers.moved, top_numbers.stopped, top_numbers.idle_is_not_stopped,
              top_screen.starts, top_screen.details, top_workers.family),
    on_one=(top_screen.tabs, top_screen.moves_selection, top_screen.filters_and_sorts,
            top_screen.freezes, top_screen.writes_dump, top_screen.resized,
            top_screen.target_killed, top_screen.colors, top_screen.ascii_only,
            top_screen.hostile_names, top_screen.spinning_thread, top_terminal.restored,
            top_terminal.terminal_goes, top_terminal.suspended, top_terminal.no_terminfo,
            top_terminal.no_input, top_batch.plain, top_batch.one_after_the_other,
            top_batch.closed_pipe, top_batch.full_disk, top_batch.target_ends,
            top_batch.becomes_another, top_batch.interrupted, top_batch.nothing_to_watch,
            top_batch.not_permitted, top_batch.bad_options, top_batch.many_descriptors,
            top_workers.batch_of_all, top_workers.becomes_another, top_workers.all_end),
    alone=(top_numbers.busy_half, top_numbers.saturated, top_numbers.stopped,
           top_screen.spinning_thread)).run
