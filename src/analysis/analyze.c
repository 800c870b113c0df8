#include "asyncspy/analysis/analyze.h"

#include "analysis.h"
#include "asyncspy/analysis/edges.h"
#include "describe.h"

void analyze(struct snapshot *snapshot, const struct analysis_options *options) {
    struct analysis analysis;
    find_connections(snapshot);
    edges_find(snapshot);
    analysis_open(&analysis, snapshot, options);
    find_pools(&analysis);
    graph_build(&analysis);
    find_idle(&analysis);
    describe_waits(&analysis);
    find_groups(&analysis);
    find_findings(&analysis);
    make_verdict(&analysis);
    analysis_close(&analysis);
}
