/* PT_NOTE, NT_GNU_BUILD_ID: System V ABI, chapter 5; ld(1), --build-id. */
#include "build_id.h"

#include <elf.h>
#include <string.h>

#define SEGMENTS_MAX 128
#define NOTES_MAX 64
#define NOTE_BYTES_MAX 65536

static uint64_t align4(uint64_t size) {
    return (size + 3) & ~(uint64_t)3;
}

/* Looks through the notes of a segment; false: they cannot be read. */
static bool find_in(build_id_read_bytes *read, void *context, uint64_t at, uint64_t end,
                    struct build_id *ret) {
    Elf64_Nhdr note;
    char name[4];
    for (int i = 0; i < NOTES_MAX && at + sizeof note <= end; i++) {
        if (!read(context, at, &note, sizeof note))
            return false;
        uint64_t text = at + sizeof note, bytes = text + align4(note.n_namesz);
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof name && note.n_descsz &&
            note.n_descsz <= BUILD_ID_MAX) {
            if (!read(context, text, name, sizeof name) ||
                !read(context, bytes, ret->bytes, note.n_descsz))
                return false;
            ret->size = memcmp(name, "GNU", sizeof name) == 0 ? note.n_descsz : 0;
            if (ret->size)
                return true;
        }
        at = bytes + align4(note.n_descsz);
    }
    return true;
}

bool build_id_find(build_id_read_bytes *read, void *context, struct build_id *ret) {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    bool is_whole = true;
    ret->size = 0;
    if (!read(context, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64 ||
        header.e_phentsize != sizeof segment)
        return false;
    for (unsigned i = 0; i < header.e_phnum && i < SEGMENTS_MAX && !ret->size; i++) {
        if (!read(context, header.e_phoff + i * sizeof segment, &segment, sizeof segment))
            return false;
        if (segment.p_type == PT_NOTE && segment.p_filesz <= NOTE_BYTES_MAX &&
            segment.p_offset < UINT64_MAX / 2)
            is_whole &=
                find_in(read, context, segment.p_offset, segment.p_offset + segment.p_filesz, ret);
    }
    return is_whole || ret->size;
}
