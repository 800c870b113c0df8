#include "task_numbers.h"

#include <stdlib.h>

#include "asyncspy/base/id_table.h"

/* Numbers are never used again and the table forgets none: it is made anew when most of what it
 * holds is gone. */
struct task_numbers {
    struct arena *arena;
    struct id_table *table; /* from a number to a place */
    size_t places;
};

struct place {
    const struct recording_task *task; /* NULL: gone */
};

struct task_numbers *task_numbers_create(void) {
    struct task_numbers *numbers = memory_alloc(sizeof *numbers);
    *numbers = (struct task_numbers){.arena = arena_create()};
    return numbers;
}

void task_numbers_destroy(struct task_numbers *numbers) {
    if (!numbers)
        return;
    arena_destroy(numbers->arena);
    free(numbers);
}

static void set(struct task_numbers *numbers, uint64_t number, const struct recording_task *task) {
    struct place *place = id_table_find(numbers->table, number);
    if (!place && task) {
        place = arena_alloc(numbers->arena, sizeof *place);
        id_table_add(numbers->table, number, place);
        numbers->places++;
    }
    if (place)
        place->task = task;
}

static void start(struct task_numbers *numbers, const struct recording_sample *sample) {
    arena_reset(numbers->arena);
    numbers->table = id_table_create(numbers->arena, 2 * sample->task_count);
    numbers->places = 0;
    for (size_t i = 0; i < sample->task_count; i++)
        set(numbers, sample->tasks[i]->number, sample->tasks[i]);
}

void task_numbers_follow(struct task_numbers *numbers, const struct recording_sample *sample) {
    if (!numbers->table || numbers->places + sample->change_count > 2 * sample->task_count + 1000) {
        start(numbers, sample);
        return;
    }
    for (size_t i = 0; i < sample->change_count; i++) {
        const struct recording_change *change = &sample->changes[i];
        if (change->after)
            set(numbers, change->after->number, change->after);
        else
            set(numbers, change->before->number, NULL);
    }
}

const struct recording_task *task_numbers_find(const struct task_numbers *numbers,
                                               uint64_t number) {
    const struct place *place = number ? id_table_find(numbers->table, number) : NULL;
    return place ? place->task : NULL;
}
