#include "json_values.h"

#include <inttypes.h>

#define DIGITS 12     /* microseconds of a recording of days */
#define DIGITS_MAX 20 /* of 64 bits */

void json_write_number(FILE *out, double value) {
    if (isfinite(value))
        fprintf(out, "%.*g", DIGITS, value);
    else
        fputs("null", out);
}

void json_write_unsigned(FILE *out, uint64_t value) {
    char digits[DIGITS_MAX], *first = digits + sizeof digits;
    do
        *--first = (char)('0' + value % 10);
    while (value /= 10);
    fwrite(first, 1, (size_t)(digits + sizeof digits - first), out);
}

void json_write_count(FILE *out, int64_t value) {
    if (value >= 0)
        json_write_unsigned(out, (uint64_t)value);
    else
        fputs("null", out);
}

void json_write_tristate(FILE *out, enum snapshot_tristate value) {
    fputs(value == SNAPSHOT_YES ? "true" : value == SNAPSHOT_NO ? "false" : "null", out);
}

void json_write_id(FILE *out, snapshot_id id) {
    if (id)
        fprintf(out, "\"0x%" PRIx64 "\"", id);
    else
        fputs("null", out);
}
