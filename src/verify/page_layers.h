/* page_layers.h - the layers on the page of q8-verify */
#ifndef Q8_VERIFY_PAGE_LAYERS_H
#define Q8_VERIFY_PAGE_LAYERS_H

#include "src/verify/result.h"

#include <stdio.h>

/* The heat map and the table of layers.  Q8_ELIMIT. */
bool q8_html_layers(const struct q8_verify *v, FILE *out, struct q8_arena *mem, struct q8_err *err);

/* The JSON block of the script, in the order of the table. */
void q8_html_layer_data(const struct q8_verify *v, FILE *out);

#endif
