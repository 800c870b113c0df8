/*
 * Text as JSON has it, for documents too long to be built in memory first.
 */
#pragma once

#include <stdio.h>

/* Writes `text` (UTF-8) as a JSON string with its quotes; NULL as null. Besides what JSON demands,
 * "<", ">", "&", U+2028 and U+2029 are escaped: it may stand in a script inside an HTML page. A
 * byte that is no UTF-8 becomes the six characters \udcXX, as everywhere (base/text.h). */
void json_write_string(FILE *out, const char *text);
