/* column.h - the columns that two tables share, typed as Evidently 0.4.39 types pandas frames read
 * from the same files, and scored one by one: a fault of one is kept with it. */
#ifndef MODEL_CLI_COLUMN_H
#define MODEL_CLI_COLUMN_H

#include "model/csv/csv.h"
#include "model/drift/drift.h"

struct column_type {
    const char *name; /* of the column; len bytes */
    size_t len;
    enum drift_type type;
};

struct score_options {
    enum drift_test test;
    bool has_threshold;
    double threshold;
    const struct column_type *types; /* those that were asked for */
    size_t n_types;
};

struct column {
    const char *name;
    enum drift_type type;
    struct drift_result result; /* when fault.code is 0 */
    struct error fault;
};

/* The reference's columns but "datetime", in the order of Evidently's report: target, prediction,
 * numbers by name, categories by name. 0 with *out (caller frees) and *n, or -ENOMEM. */
__attribute__((warn_unused_result)) int
column_score_all(struct column **out, size_t *n, const struct csv *reference,
                 const struct csv *current, const struct score_options *options, struct error *err);

#endif
