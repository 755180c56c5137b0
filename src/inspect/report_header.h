/* report_header.h - what a checkpoint holds, without its data */
#ifndef Q8_INSPECT_REPORT_HEADER_H
#define Q8_INSPECT_REPORT_HEADER_H

#include "src/model/model.h"

#include <stdio.h>

/* --header: names, types, shapes, sizes, shards and metadata, a line each.  Q8_EIO. */
bool q8_header_text(const struct q8_model *model, FILE *out, struct q8_arena *mem,
                    struct q8_err *err);

/* The same for machines, schema q8-inspect-header/1.  Q8_EIO. */
bool q8_header_json(const struct q8_model *model, FILE *out, struct q8_err *err);

#endif
