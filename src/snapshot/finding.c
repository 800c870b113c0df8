#include "asyncspy/snapshot/finding.h"

const char *snapshot_finding_code_name(enum snapshot_finding_code code) {
    static const char *const names[SNAPSHOT_FINDING_CODE_COUNT] = {[SNAPSHOT_FINDING_OK] = "OK",
#define X(code_, meaning_) [SNAPSHOT_FINDING_##code_] = #code_,
                                                                   SNAPSHOT_FINDINGS(X)
#undef X
    };
    return names[code];
}

const char *snapshot_finding_code_meaning(enum snapshot_finding_code code) {
    static const char *const meanings[SNAPSHOT_FINDING_CODE_COUNT] = {[SNAPSHOT_FINDING_OK] =
                                                                          "nothing was found",
#define X(code_, meaning_) [SNAPSHOT_FINDING_##code_] = meaning_,
                                                                      SNAPSHOT_FINDINGS(X)
#undef X
    };
    return meanings[code];
}
