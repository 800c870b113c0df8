/* Who refers to an object: the scan, and what is made of the words that it finds. */
#include "asyncspy/python/referrers.h"

#include <stdlib.h>

#include "address_set.h"
#include "hits.h"
#include "py.h"

#define HITS_MAX ((size_t)1 << 20)

struct find {
    struct py *py;
    const struct py_referrers_request *request;
    struct py_referred *items;
    size_t count;
    struct py_hits hits;
    struct py_referrers_summary *summary;
};

/* --- words --- */

struct collect {
    struct address_set set;
    struct py_hits *hits;
    bool cut;
};

static void add_hit(struct collect *collect, uint64_t address, uint64_t word) {
    struct py_hits *hits = collect->hits;
    uint32_t target;
    if (!address_set_find(&collect->set, word, &target))
        return;
    if (hits->count == HITS_MAX) {
        collect->cut = true;
        return;
    }
    if (hits->count == hits->capacity) {
        hits->capacity = hits->capacity ? 2 * hits->capacity : 256;
        hits->items = memory_realloc(hits->items, hits->capacity * sizeof *hits->items);
    }
    hits->items[hits->count++] = (struct py_hit){.word = address, .target = target};
}

static void visit_words(void *context, uint64_t address, const uint64_t *words, size_t count) {
    struct collect *collect = context;
    const struct address_set set = collect->set; /* a copy, which no write below can change */
    for (size_t i = 0; i < count; i++)
        if (address_set_may_hold(&set, words[i]))
            add_hit(collect, address + 8 * i, words[i]);
}

/* The words of the target's memory that hold one of `addresses`. */
static struct error *collect_hits(struct find *find, const uint64_t *addresses, size_t count,
                                  struct py_hits *ret) {
    struct collect collect = {.set = address_set_create(addresses, count), .hits = ret};
    struct scan_summary scanned;
    struct error *err =
        memory_scan(find->py->memory, find->request->spans, find->request->span_count,
                    &find->request->limits, visit_words, &collect, &scanned);
    find->summary->bytes += scanned.bytes;
    if (!err && scanned.why)
        find->summary->why = scanned.why;
    if (collect.cut)
        find->summary->why = "too many words hold these addresses";
    address_set_free(&collect.set);
    return err;
}

/* --- their owners --- */

struct error *py_reference_count(struct py *py, uint64_t address, uint64_t *ret) {
    uint32_t count;
    struct error *err =
        py_read_u32(py, address + (uint64_t)PY_OFFSET(&py->layout, object, refcount), &count);
    *ret = err || count > INT32_MAX ? PY_IMMORTAL : count;
    return err;
}

static struct error *forgive(struct error *err) {
    if (!err || error_is_fatal(err))
        return err;
    error_destroy(err);
    return NULL;
}

/* A target that runs may have changed a word since the scan. */
static struct error *find_owner(struct find *find, struct py_hit *hit) {
    uint64_t word;
    struct error *err = py_read_u64(find->py, hit->word, &word);
    if (!err && word == find->items[hit->target].address)
        err = py_enclosing_find(find->py, hit->word, &hit->owner);
    return forgive(err);
}

static void count_found(struct find *find) {
    for (size_t i = 0; i < find->count; i++)
        find->items[i].found = 0;
    for (size_t i = 0; i < find->hits.count; i++)
        find->items[find->hits.items[i].target].found += find->hits.items[i].owner.counted;
}

/* Words of which nobody is known are looked at again only if references are missing: all others
 * are leftovers. Returns how many there are. */
static size_t want_more(struct find *find) {
    size_t wanted = 0;
    for (size_t i = 0; i < find->hits.count; i++) {
        struct py_hit *hit = &find->hits.items[i];
        const struct py_referred *item = &find->items[hit->target];
        hit->wanted = !hit->owner.object && item->found < item->reference_count;
        wanted += hit->wanted;
    }
    return wanted;
}

static struct error *find_owners(struct find *find) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < find->count; i++)
        err = forgive(
            py_reference_count(find->py, find->items[i].address, &find->items[i].reference_count));
    for (size_t i = 0; !err && i < find->hits.count; i++)
        err = find_owner(find, &find->hits.items[i]);
    if (err)
        return err;
    count_found(find);
    if (!want_more(find))
        return NULL;
    struct py_owner_search search = {
        .py = find->py, .hits = &find->hits, .seconds = find->request->limits.seconds};
    err = py_owners_search(&search);
    if (!err && search.why)
        find->summary->why = search.why;
    count_found(find);
    return err;
}

/* --- dicts: whose they are --- */

/* The instance whose attributes the dict is that the word refers to, or a module. */
static struct error *find_dict_owner(struct py *py, uint64_t word, struct py_enclosing *ret) {
    struct error *err = py_enclosing_find(py, word, ret);
    if (err)
        return err;
    if (ret->object) {
        int64_t offset = (int64_t)(word - ret->object);
        int64_t place = ret->type->kind == PY_KIND_MODULE ? PY_OFFSET(&py->layout, module, dict)
                                                          : ret->type->dictoffset;
        if (place > 0 && offset == place)
            return NULL;
    }
    return py_enclosing_find_dict(py, word, ret);
}

static bool is_dict(const struct py_enclosing *owner) {
    return owner->counted && owner->type && owner->type->kind == PY_KIND_DICT &&
           !py_type_is_heap_type(owner->type);
}

static int compare_addresses(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The dicts among the owners, each once. */
static uint64_t *list_dicts(const struct py_hits *hits, size_t *ret_count) {
    uint64_t *dicts = memory_alloc((hits->count + 1) * sizeof *dicts);
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < hits->count; i++)
        if (is_dict(&hits->items[i].owner))
            dicts[count++] = hits->items[i].owner.object;
    qsort(dicts, count, sizeof *dicts, compare_addresses);
    for (size_t i = 0; i < count; i++)
        if (!kept || dicts[i] != dicts[kept - 1])
            dicts[kept++] = dicts[i];
    *ret_count = kept;
    return dicts;
}

/* Puts the owners of dicts, in the order of `dicts`, in their places. */
static void replace_dicts(struct find *find, const uint64_t *dicts, size_t count,
                          const struct py_enclosing *owners) {
    for (size_t i = 0; i < find->hits.count; i++) {
        struct py_enclosing *owner = &find->hits.items[i].owner;
        const uint64_t *dict =
            is_dict(owner) ? bsearch(&owner->object, dicts, count, sizeof *dicts, compare_addresses)
                           : NULL;
        if (dict && owners[dict - dicts].counted)
            *owner = owners[dict - dicts];
    }
}

/* Finds whose attributes each of the dicts is. */
static struct error *name_dicts_of(struct find *find, const uint64_t *dicts, size_t count,
                                   struct py_enclosing *owners) {
    struct py_hits words = {0};
    struct error *err = collect_hits(find, dicts, count, &words);
    for (size_t i = 0; !err && i < words.count; i++) {
        struct py_enclosing owner = {0};
        err = forgive(find_dict_owner(find->py, words.items[i].word, &owner));
        if (!err && owner.counted)
            owners[words.items[i].target] = owner;
    }
    free(words.items);
    return err;
}

static struct error *name_dicts(struct find *find) {
    size_t count;
    uint64_t *dicts = list_dicts(&find->hits, &count);
    struct py_enclosing *owners =
        arena_alloc_array(find->py->snapshot->arena, count, sizeof *owners);
    struct error *err = NULL;
    if (count > PY_REFERRED_MAX)
        count = PY_REFERRED_MAX;
    if (count)
        err = name_dicts_of(find, dicts, count, owners);
    if (!err)
        replace_dicts(find, dicts, count, owners);
    free(dicts);
    return err;
}

/* --- the answer --- */

static int compare_owners(const void *a, const void *b) {
    const struct py_hit *x = a, *y = b;
    if (x->target != y->target)
        return (x->target > y->target) - (x->target < y->target);
    return (x->owner.object > y->owner.object) - (x->owner.object < y->owner.object);
}

/* Makes the referrers of each object from the owners of the words, each once. */
static void list_referrers(struct find *find) {
    struct py_hits *hits = &find->hits;
    struct py_referrer *at = arena_alloc_array(find->py->snapshot->arena, hits->count, sizeof *at);
    if (hits->count)
        qsort(hits->items, hits->count, sizeof *hits->items, compare_owners);
    for (size_t i = 0; i < hits->count; i++) {
        const struct py_hit *hit = &hits->items[i];
        struct py_referred *item = &find->items[hit->target];
        size_t count = item->referrer_count;
        if (!hit->owner.object || (count && item->referrers[count - 1].object == hit->owner.object))
            continue;
        if (!count)
            item->referrers = at;
        item->referrer_count++;
        *at++ = (struct py_referrer){hit->owner.object, hit->owner.type};
    }
}

struct error *py_referrers_find(struct py *py, const struct py_referrers_request *request,
                                struct py_referred *items, size_t count,
                                struct py_referrers_summary *ret) {
    struct find find = {
        .py = py, .request = request, .items = items, .count = count, .summary = ret};
    uint64_t *addresses = memory_alloc((count + 1) * sizeof *addresses);
    *ret = (struct py_referrers_summary){0};
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct py_referred){.address = items[i].address};
        addresses[i] = items[i].address;
    }
    struct error *err = collect_hits(&find, addresses, count, &find.hits);
    if (!err)
        err = find_owners(&find);
    if (!err)
        err = name_dicts(&find);
    if (!err)
        list_referrers(&find);
    free(find.hits.items);
    free(addresses);
    return err;
}
