/* Snapshots made by hand, and the text that they give. */
#include "rendering.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"

char *rendering_text(const struct snapshot *snapshot, const struct text_options *options) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_null(render_text(snapshot, options, out));
    fclose(out);
    return text;
}

void rendering_check_lines(char *text, int width, bool ascii) {
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (text_width(line) > width)
            fail_msg("%d columns instead of %d: %s", text_width(line), width, line);
        assert_true(!*line || line[strlen(line) - 1] != ' ');
        for (const char *at = line; *at; at++)
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f && !(ascii && *at & 0x80));
        assert_true(text_is_utf8(line, strlen(line)));
        assert_null(strstr(line, "\u202e"));
        assert_null(strstr(line, "\xc2\x9b"));
    }
}

const struct snapshot_frame *rendering_make_frame(struct snapshot *snapshot, const char *name,
                                                  const char *file, int32_t line) {
    struct snapshot_frame *frame = arena_alloc(snapshot->arena, sizeof *frame);
    *frame = (struct snapshot_frame){.function = name,
                                     .qualified_name = name,
                                     .file = file,
                                     .line = line,
                                     .end_line = -1,
                                     .column = -1,
                                     .end_column = -1};
    return frame;
}

struct snapshot_stack rendering_make_stack(struct snapshot *snapshot, size_t count,
                                           const struct snapshot_frame *const *frames) {
    struct snapshot_stack stack = {.count = count};
    stack.frames = arena_alloc_array(snapshot->arena, count, sizeof *stack.frames);
    for (size_t i = 0; i < count; i++)
        stack.frames[i] = frames[i];
    return stack;
}

struct snapshot_task *rendering_add_task(struct snapshot *snapshot, const char *name) {
    struct snapshot_task *task = SNAPSHOT_APPEND(snapshot, &snapshot->tasks);
    *task = snapshot_task_blank;
    task->id = 0x10 * snapshot->tasks.count;
    task->name = name;
    task->state = SNAPSHOT_TASK_WAITING;
    return task;
}

struct snapshot_wait *rendering_add_wait(struct snapshot *snapshot, struct snapshot_task *task,
                                         enum snapshot_wait_kind kind, const char *text) {
    struct snapshot_wait *wait = arena_alloc(snapshot->arena, sizeof *wait);
    *wait = snapshot_wait_blank;
    wait->kind = kind;
    wait->text = text;
    task->awaiting = wait;
    return wait;
}

void rendering_wait_for(struct snapshot *snapshot, struct snapshot_task *task, size_t count,
                        const snapshot_id *tasks) {
    struct snapshot_wait *wait = rendering_add_wait(snapshot, task, SNAPSHOT_WAIT_GATHER, "gather");
    wait->tasks = arena_alloc_array(snapshot->arena, count, sizeof *wait->tasks);
    memcpy(wait->tasks, tasks, count * sizeof *tasks);
    wait->task_count = count;
}

size_t rendering_count_lines(const char *text) {
    size_t count = 0;
    for (const char *at = text; *at; at++)
        count += *at == '\n';
    return count;
}
