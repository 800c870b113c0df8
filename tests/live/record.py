"""asyncspy record and report: which cases run where."""

import record_ends
import record_files
import record_samples
from cases import Cases

run = Cases(
    "record",
    everywhere=(record_samples.shares_running, record_samples.lock_and_sleep,
                record_samples.same_as_dump),
    on_three=(record_samples.shares_cpu, record_samples.hung, record_samples.births,
              record_samples.true_stacks, record_ends.recorder_killed, record_files.nonblocking),
    on_one=(record_ends.target_killed, record_ends.interrupted, record_ends.child_status,
            record_ends.child_as_before, record_ends.child_signals, record_ends.child_outlives,
            record_ends.no_such_command, record_files.every_format, record_files.existing_file,
            record_files.full_disk, record_files.file_limit),
    alone=(record_samples.shares_running, record_samples.shares_cpu)).run
