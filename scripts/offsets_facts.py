"""What gen_offsets.py must know of CPython beforehand: no DWARF tells it."""

NOW = 99  # still so in the newest version

# Fields that not every version has: the first and the last minor that do. Every other field of
# fields.def must be found, or no table is written.
ONLY_IN = {
    "runtime.size": (7, NOW),
    "runtime.gil": (7, 11),
    "runtime.gc": (7, 8),
    "interpreter.id": (7, NOW),
    "interpreter.gil": (12, NOW),
    "interpreter.gc": (9, NOW),
    "interpreter.asyncio_tasks_head": (14, NOW),
    "gil.size": (7, NOW),
    "gil.last_holder": (7, NOW),
    "gil.locked": (7, NOW),
    "gc.size": (7, NOW),
    "gc.collecting": (7, NOW),
    "gc.generations": (7, NOW),
    "gc.permanent_generation": (7, NOW),
    "thread.frame": (6, 10),
    "thread.cframe": (10, 12),
    "thread.current_frame": (13, NOW),
    "thread.native_thread_id": (11, NOW),
    "thread.asyncio_running_loop": (13, NOW),
    "thread.asyncio_running_task": (14, NOW),
    "thread.asyncio_tasks_head": (14, NOW),
    "cframe.size": (11, 12),
    "cframe.current_frame": (11, 12),
    "cframe.previous": (11, 12),
    "frame.generator": (6, 10),
    "frame.instruction": (11, NOW),
    "frame.lasti": (6, 10),
    "frame.state": (10, 10),
    "frame.valuestack": (6, 10),
    "frame.stackdepth": (10, 10),
    "frame.stacktop": (11, 13),
    "frame.stackpointer": ((6, 9), (14, NOW)),
    "frame.owner": (11, NOW),
    "frame.is_entry": (11, 11),
    "frame.block_count": (6, 10),
    "frame.blocks": (6, 10),
    "try_block.size": (6, 10),
    "try_block.handler": (6, 10),
    "try_block.level": (6, 10),
    "code.nlocalsplus": (11, NOW),
    "code.qualname": (11, NOW),
    "code.variable_names": (6, 10),
    "code.cell_names": (6, 10),
    "code.free_names": (6, 10),
    "code.local_names": (11, NOW),
    "code.local_kinds": (11, NOW),
    "code.exception_table": (11, NOW),
    "code.bytecode": (6, 10),
    "code.firsttraceable": (11, NOW),
    "code.instructions": (11, NOW),
    "generator.frame_object": (6, 10),
    "future.callback0": (7, NOW),
    "task.callback0": (7, NOW),
    "task.context": (7, NOW),
    "coroutine.origin": (7, NOW),
    "context.size": (7, NOW),
    "context.variables": (7, NOW),
    "context_variable.size": (7, NOW),
    "context_variable.name": (7, NOW),
    "hamt.size": (7, NOW),
    "hamt.root": (7, NOW),
    "hamt.count": (7, NOW),
    "hamt_bitmap.size": (7, NOW),
    "hamt_bitmap.count": (7, NOW),
    "hamt_bitmap.items": (7, NOW),
    "hamt_array.size": (7, NOW),
    "hamt_array.items": (7, NOW),
    "hamt_collision.size": (7, NOW),
    "hamt_collision.count": (7, NOW),
    "hamt_collision.items": (7, NOW),
    "task.awaited_by": (14, NOW),
    "task.awaited_by_is_set": (14, NOW),
    "task_wakeup.task": (6, 9),
    "generator.running": (6, 9),
    "generator.frame_state": (11, NOW),
    "generator.frame": (11, NOW),
    "anext_awaitable.size": (10, NOW),
    "anext_awaitable.wrapped": (10, NOW),
    "dict_keys.table_size": (6, 10),
    "dict_keys.log2_size": (11, NOW),
    "dict_keys.log2_index_bytes": (11, NOW),
    "dict_keys.kind": (11, NOW),
    "dict_values.size": (11, NOW),
    "dict_values.values": (11, NOW),
    "dict_values.valid": (13, NOW),
    "simple_queue.size": (7, NOW),
    "simple_queue.list": (7, 12),
    "simple_queue.list_position": (7, 12),
    "simple_queue.ring_items": (13, NOW),
    "simple_queue.ring_size": (13, NOW),
    "simple_queue.ring_first": (13, NOW),
    "simple_queue.ring_count": (13, NOW),
    "thread_lock.semaphore": (6, 13),
    "thread_lock.locked": (6, 13),
    "thread_lock.mutex": (14, NOW),
    "thread_rlock.semaphore": (6, 13),
    "thread_rlock.count": (6, 13),
    "thread_rlock.mutex": (14, NOW),
    "wait_entry.size": (13, NOW),
    "wait_entry.address": (13, NOW),
    "wait_entry.semaphore": (13, NOW),
    "task.cancel_requests": (11, NOW),
    "task.name": (8, NOW),
    "task.node": (14, NOW),
    "running_loop_holder.size": (7, 11),
    "running_loop_holder.loop": (7, 11),
    "running_loop_holder.pid": (7, 11),
    "local_dummy.dict": (6, 12),
    "asyncio_state.size": (12, NOW),
    "asyncio_state.task_type": (12, NOW),
    "asyncio_state.foreign_tasks": (14, NOW),
    "asyncio_state.foreign_eager_tasks": (14, NOW),
}

# Places that no DWARF tells. 3.6 has no structure of the runtime: the variable interp_head stands
# for it.
PLACES = {(6, "runtime.interpreters_head"): 0}

# 3.13 keeps the running loop right behind the embedded PyThreadState, whose size changed within
# 3.13 and is told by _Py_DebugOffsets.
DEBUG_OFFSET_OF = {(13, "thread.asyncio_running_loop"): "thread_state.size"}

# Other places of the garbage collector's lists in patch releases of a minor, which only the lists
# themselves tell: 3.6 with a smaller PyGC_Head, later 3.13 with one that is aligned to four bytes.
GC_DRIFT = {6: {"generation_size": 32, "head_size": 24},
            13: {"generations": 20}}

OLD_STATES = {"created": -2, "suspended": -1, "suspended_await": None,
              "suspended_await_locked": None, "executing": 0}
AWAIT_STATES = {"created": -3, "suspended": -2, "suspended_await": -1,
                "suspended_await_locked": None, "executing": 0}
NEW_STATES = {"created": 0, "suspended": 1, "suspended_await": 2,
              "suspended_await_locked": 3, "executing": 4}

YIELD_FROM = (72, 0, 0)

# The instructions that stand around an await, and how many code units are between GET_AWAITABLE
# and the place where a suspended frame stands: LOAD_CONST (3.6 to 3.10), YIELD_VALUE, RESUME
# (3.13 and later).
WITH_OPCODES = {
    6: dict(get_awaitable=73, get_anext=51, get_yield_from_iter=69, extended_arg=144,
            before_async_with=52, with_cleanup_start=81, distance=1),
    9: dict(get_awaitable=73, get_anext=51, get_yield_from_iter=69, extended_arg=144,
            before_async_with=52, with_except_start=49, call_function=131, dup_top=4, distance=1),
    11: dict(get_awaitable=131, get_anext=51, get_yield_from_iter=69, extended_arg=144,
             with_except_start=49, push_exc_info=35, distance=3),
    12: dict(get_awaitable=131, get_anext=51, get_yield_from_iter=69, extended_arg=144,
             with_except_start=49, push_exc_info=35, distance=4),
    13: dict(get_awaitable=73, get_anext=18, get_yield_from_iter=21, extended_arg=71,
             with_except_start=44, push_exc_info=33, distance=5),
    14: dict(get_awaitable=71, get_anext=15, get_yield_from_iter=19, extended_arg=69,
             with_except_start=43, push_exc_info=32, distance=5),
    15: dict(get_awaitable=69, get_anext=15, extended_arg=67, with_except_start=41, push_exc_info=30,
             distance=6),
}
WITH_OPCODES[7] = WITH_OPCODES[8] = WITH_OPCODES[6]
WITH_OPCODES[10] = WITH_OPCODES[9]
# Some of them are in the version, but not around an await.
ELSEWHERE = {6: {"call_function", "dup_top"}, 7: {"call_function", "dup_top"},
             8: {"call_function", "dup_top"},
             11: {"before_async_with"}, 12: {"before_async_with"}, 13: {"before_async_with"}}

TRAITS = {
    6: dict(frame="OBJECT", line="LNOTAB", await_="YIELD_FROM", state="LAST_INSTRUCTION",
            stack="POINTER", loop="LOCAL", tasks="TASK_CLASS | PY_TASKS_MODULE_DATA",
            instance="DICT", integer="SIGNED_COUNT", gil="CURRENT_THREAD", states=OLD_STATES,
            await_opcodes=YIELD_FROM, lasti=1),
    7: dict(frame="OBJECT", line="LNOTAB", await_="YIELD_FROM", state="LAST_INSTRUCTION",
            stack="POINTER", loop="HOLDER", tasks="ALL_TASKS", instance="DICT",
            integer="SIGNED_COUNT", gil="RUNTIME", states=OLD_STATES, await_opcodes=YIELD_FROM,
            lasti=1),
    10: dict(frame="OBJECT", line="RANGES", await_="YIELD_FROM", state="FRAME", stack="DEPTH",
             loop="HOLDER", tasks="ALL_TASKS", instance="DICT", integer="SIGNED_COUNT",
             gil="RUNTIME", states=OLD_STATES, await_opcodes=YIELD_FROM, lasti=2),
    11: dict(frame="CFRAME", line="LOCATIONS", await_="RESUME", state="GENERATOR", stack="INDEX",
             loop="HOLDER", tasks="ALL_TASKS", instance="VALUES_POINTER", integer="SIGNED_COUNT",
             gil="RUNTIME", states=OLD_STATES, await_opcodes=(151, 150, 0)),
    12: dict(frame="CFRAME", line="LOCATIONS", await_="RESUME", state="GENERATOR", stack="INDEX",
             loop="DICT", tasks="SCHEDULED_TASKS", instance="TAGGED_WORD", integer="TAG",
             gil="INTERPRETER", states=OLD_STATES, await_opcodes=(151, 240, 0), shim=3),
    13: dict(frame="CURRENT", line="LOCATIONS", await_="STATE", state="GENERATOR", stack="INDEX",
             loop="FIELD", tasks="SCHEDULED_TASKS", instance="INLINE_VALUES", integer="TAG",
             gil="INTERPRETER", states=AWAIT_STATES, shim=3),
    14: dict(frame="CURRENT", line="LOCATIONS", await_="STATE", state="GENERATOR", stack="POINTER",
             loop="FIELD", tasks="SCHEDULED_TASKS | PY_TASKS_LINKED_LISTS",
             instance="INLINE_VALUES", integer="TAG", gil="INTERPRETER", states=AWAIT_STATES,
             tagged=True, keeps_manager=True, shim=3),
    15: dict(frame="CURRENT", line="LOCATIONS", await_="STATE", state="GENERATOR", stack="POINTER",
             loop="FIELD", tasks="SCHEDULED_TASKS | PY_TASKS_LINKED_LISTS",
             instance="INLINE_VALUES", integer="TAG", gil="INTERPRETER", states=NEW_STATES,
             depth=2, tagged=True, keeps_manager=True, shim=3),
}
TRAITS[8] = TRAITS[9] = TRAITS[7]

MINORS = tuple(sorted(TRAITS))

# Releases whose structures differ from the table of their minor, and no interpreter of which is at
# hand: {file name: (minor, which releases, {field: place}, {structure: minor to take it from})}.
# Which table is right a number of the target tells: sizeof(_PyRuntimeState), as the file's symbol
# has it, or tp_basicsize of Task and Future.
VARIANTS = {
    # PyGC_Head had 24 bytes before 3.7.4 gave it 32 and another alignment, and so had the
    # generations of the collector inside the runtime.
    "3_7_early": (7, "3.7.0 to 3.7.3", {"runtime.size": 1432, "runtime.gil": 1176,
                                        "runtime.gc": 312, "gc.size": 272, "gc.collecting": 232,
                                        "gc.generations": 24, "gc.permanent_generation": 128,
                                        "gc_generation.size": 32, "gc_head.size": 24},
                  {}),
    # Without fut_exception_tb (gh-90082, added within 3.10) the structures are those of 3.9.
    "3_10_early": (10, "early 3.10", {}, {"task": 9, "future": 9}),
    # The locks of threads became a PyMutex within 3.13 (3.13.0 has a semaphore, 3.13.18 none).
    "3_13_later": (13, "later 3.13", {}, {"thread_lock": 14}),
}
