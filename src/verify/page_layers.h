/* page_layers.h - the layers on the page of q8-verify */
#ifndef Q8_VERIFY_PAGE_LAYERS_H
#define Q8_VERIFY_PAGE_LAYERS_H

#include "src/report/rows.h"
#include "src/verify/numbers.h"

/* The rows of the table and the map, and what they point to. */
struct q8_html_layers {
    struct q8_page_rows rows;
    struct q8_column column[Q8_NUMBERS];
    struct q8_page_view view[2];
};

/* All layers.  *ret stays where it is.  Q8_ELIMIT. */
bool q8_html_layers_make(struct q8_html_layers *ret, const struct q8_verify *v,
                         struct q8_arena *mem, struct q8_err *err);

/* The section of the table.  Q8_ELIMIT. */
bool q8_html_layers(const struct q8_page_rows *rows, FILE *out, struct q8_arena *mem,
                    struct q8_err *err);

/*
 * The JSON block: what src/report/rows_data.h describes, with details of
 *
 *   "about"   [what, text] each: findings
 *   "scales"  how many
 *   "worst"   [row, sqnr] each
 */
bool q8_html_layer_data(const struct q8_page_rows *rows, FILE *out, struct q8_arena *mem,
                        struct q8_err *err);

#endif
