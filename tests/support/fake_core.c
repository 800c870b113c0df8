#include "fake_core.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"

#define PAGE ((size_t)4096)
#define SEGMENTS_MAX 64
#define NAMES_MAX 64

struct buffer {
    unsigned char *bytes;
    size_t size;
};

struct fake_core {
    bool notes_last;
    Elf64_Phdr segments[SEGMENTS_MAX];
    bool has_bytes[SEGMENTS_MAX]; /* they are in `memory`, at p_offset of that */
    size_t segment_count;
    struct buffer memory, notes, paths, whole;
    uint64_t names[NAMES_MAX][3];
    size_t name_count;
};

static void must(bool holds) {
    if (!holds)
        abort();
}

static size_t append(struct buffer *buffer, const void *bytes, size_t size) {
    size_t at = buffer->size;
    buffer->bytes = memory_realloc(buffer->bytes, at + size + 1);
    if (bytes)
        memcpy(buffer->bytes + at, bytes, size);
    else
        memset(buffer->bytes + at, 0, size);
    buffer->size += size;
    return at;
}

static void align(struct buffer *buffer, size_t to) {
    append(buffer, NULL, -buffer->size % to);
}

struct fake_core *fake_core_create(void) {
    struct fake_core *core = memory_alloc(sizeof *core);
    memset(core, 0, sizeof *core);
    return core;
}

void fake_core_destroy(struct fake_core *core) {
    if (!core)
        return;
    free(core->memory.bytes);
    free(core->notes.bytes);
    free(core->paths.bytes);
    free(core->whole.bytes);
    free(core);
}

void fake_core_put_notes_last(struct fake_core *core) {
    core->notes_last = true;
}

void fake_core_add_segment(struct fake_core *core, const Elf64_Phdr *segment) {
    must(core->segment_count < SEGMENTS_MAX);
    core->segments[core->segment_count++] = *segment;
}

void fake_core_add_memory(struct fake_core *core, uint64_t address, uint64_t size,
                          const void *bytes, size_t stored, uint32_t flags) {
    align(&core->memory, PAGE);
    core->has_bytes[core->segment_count] = true;
    fake_core_add_segment(core, &(Elf64_Phdr){.p_type = PT_LOAD,
                                              .p_vaddr = address,
                                              .p_memsz = size,
                                              .p_filesz = stored,
                                              .p_offset = append(&core->memory, bytes, stored),
                                              .p_flags = flags});
}

static void add_note_of(struct buffer *notes, const char *owner, uint32_t type, const void *bytes,
                        size_t size) {
    Elf64_Nhdr header = {
        .n_namesz = (uint32_t)strlen(owner) + 1, .n_descsz = (uint32_t)size, .n_type = type};
    append(notes, &header, sizeof header);
    append(notes, owner, header.n_namesz);
    align(notes, 4);
    append(notes, bytes, size);
    align(notes, 4);
}

static void add_note(struct buffer *notes, uint32_t type, const void *bytes, size_t size) {
    add_note_of(notes, "CORE", type, bytes, size);
}

void fake_core_add_note(struct fake_core *core, uint32_t type, const void *bytes, size_t size) {
    add_note(&core->notes, type, bytes, size);
}

void fake_core_add_note_of(struct fake_core *core, const char *owner, uint32_t type,
                           const void *bytes, size_t size) {
    add_note_of(&core->notes, owner, type, bytes, size);
}

void fake_core_add_thread(struct fake_core *core, int32_t tid,
                          const struct user_regs_struct *registers) {
    struct elf_prstatus status = {.pr_pid = tid, .pr_cursig = 6};
    memcpy(&status.pr_reg, registers, sizeof status.pr_reg);
    fake_core_add_note(core, NT_PRSTATUS, &status, sizeof status);
}

void fake_core_add_process(struct fake_core *core, int32_t pid, const char *name,
                           const char *arguments) {
    struct elf_prpsinfo process = {.pr_pid = pid};
    memcpy(process.pr_fname, name, strnlen(name, sizeof process.pr_fname));
    memcpy(process.pr_psargs, arguments, strnlen(arguments, sizeof process.pr_psargs));
    fake_core_add_note(core, NT_PRPSINFO, &process, sizeof process);
}

void fake_core_add_name(struct fake_core *core, uint64_t start, uint64_t end, uint64_t page,
                        const char *path) {
    must(core->name_count < NAMES_MAX);
    uint64_t *row = core->names[core->name_count++];
    row[0] = start;
    row[1] = end;
    row[2] = page;
    append(&core->paths, path, strlen(path) + 1);
}

static void add_names(const struct fake_core *core, struct buffer *notes) {
    struct buffer text = {NULL, 0};
    uint64_t head[] = {core->name_count, PAGE};
    append(&text, head, sizeof head);
    append(&text, core->names, core->name_count * sizeof *core->names);
    append(&text, core->paths.bytes ? core->paths.bytes : (const unsigned char *)"",
           core->paths.size);
    add_note(notes, NT_FILE, text.bytes, text.size);
    free(text.bytes);
}

unsigned char *fake_core_get(struct fake_core *core, size_t *ret_size) {
    struct buffer notes = {NULL, 0}, *whole = &core->whole;
    append(&notes, core->notes.bytes ? core->notes.bytes : (const unsigned char *)"",
           core->notes.size);
    add_names(core, &notes);
    size_t headers = sizeof(Elf64_Ehdr) + (core->segment_count + 1) * sizeof(Elf64_Phdr);
    size_t memory_at = core->notes_last ? headers : headers + notes.size;
    memory_at = (memory_at + PAGE - 1) & ~(PAGE - 1);
    Elf64_Phdr note = {.p_type = PT_NOTE, .p_filesz = notes.size};
    note.p_offset = core->notes_last ? memory_at + core->memory.size : headers;
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_CORE,
                         .e_machine = EM_X86_64,
                         .e_version = EV_CURRENT,
                         .e_phoff = sizeof header,
                         .e_ehsize = sizeof header,
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = (uint16_t)(core->segment_count + 1)};
    whole->size = 0;
    append(whole, &header, sizeof header);
    append(whole, &note, sizeof note);
    for (size_t i = 0; i < core->segment_count; i++) {
        Elf64_Phdr segment = core->segments[i];
        segment.p_offset += core->has_bytes[i] ? memory_at : 0;
        append(whole, &segment, sizeof segment);
    }
    if (!core->notes_last)
        append(whole, notes.bytes, notes.size);
    append(whole, NULL, memory_at - whole->size);
    append(whole, core->memory.bytes ? core->memory.bytes : (const unsigned char *)"",
           core->memory.size);
    if (core->notes_last)
        append(whole, notes.bytes, notes.size);
    free(notes.bytes);
    *ret_size = whole->size;
    return whole->bytes;
}

struct fake_core *fake_core_create_usual(void) {
    struct fake_core *core = fake_core_create();
    struct fake_elf program = fake_elf_make("ABCDEFGH");
    unsigned char heap[FAKE_CORE_HEAP_SIZE];
    const uint64_t auxiliary[] = {3, FAKE_CORE_PROGRAM + 64, 25, FAKE_CORE_HEAP + 4096, 0, 0};
    for (size_t i = 0; i < sizeof heap; i++)
        heap[i] = (unsigned char)(i * 7 + i / 256);
    fake_core_add_process(core, FAKE_CORE_PID, "python3", "python3 app.py ");
    fake_core_add_thread(core, FAKE_CORE_PID,
                         &(struct user_regs_struct){.orig_rax = 232, .rdi = 3});
    fake_core_add_thread(core, 4712,
                         &(struct user_regs_struct){.orig_rax = (unsigned long long)-1});
    fake_core_add_note(core, NT_AUXV, auxiliary, sizeof auxiliary);
    fake_core_add_name(core, FAKE_CORE_PROGRAM, FAKE_CORE_PROGRAM + 4096, 0, "/usr/bin/python3");
    fake_core_add_name(core, FAKE_CORE_PROGRAM + 4096, FAKE_CORE_PROGRAM + 3 * 4096, 1,
                       "/usr/bin/python3");
    fake_core_add_memory(core, FAKE_CORE_PROGRAM, 4096, &program, sizeof program, PF_R);
    fake_core_add_memory(core, FAKE_CORE_PROGRAM + 4096, 8192, NULL, 0, PF_R | PF_X);
    fake_core_add_memory(core, FAKE_CORE_HEAP, sizeof heap, heap, sizeof heap, PF_R | PF_W);
    return core;
}

struct fake_elf fake_elf_make(const char *build_id) {
    struct fake_elf elf = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = EM_X86_64,
                   .e_version = EV_CURRENT,
                   .e_phoff = offsetof(struct fake_elf, segments),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 2},
        .segments = {{.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 4096, .p_memsz = 4096},
                     {.p_type = PT_NOTE,
                      .p_offset = offsetof(struct fake_elf, note),
                      .p_vaddr = offsetof(struct fake_elf, note),
                      .p_filesz = sizeof elf.note}},
        .note = {.header = {4, 8, build_id ? NT_GNU_BUILD_ID : 0}, .name = "GNU"},
        .text = "the text of the program"};
    if (build_id)
        memcpy(elf.note.id, build_id, sizeof elf.note.id);
    return elf;
}

void fake_file_write(const char *path, const void *bytes, size_t size) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(file >= 0 && write(file, bytes, size) == (ssize_t)size);
    close(file);
}
