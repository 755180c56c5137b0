/* stored_parts.h - what the parts of stored.h share */
#ifndef Q8_SCHEME_STORED_PARTS_H
#define Q8_SCHEME_STORED_PARTS_H

#include "src/scheme/stored.h"

/*
 * stored_config.c: the layout that quantization_config names; Q8_LAYOUT_NONE when it names none.
 * Q8_EUNSUPPORTED, naming what was found, when q8 does not read it.
 */
bool q8_stored_layout(enum q8_layout *ret, const struct q8_model *model, struct q8_err *err);

/*
 * stored_check.c: dimensions, types and small contents of the parts of a weight whose module,
 * tensors and scheme are set; the scheme becomes the row that has such groups.  Sets the rest.
 * Q8_EINPUT, Q8_EUNSUPPORTED, Q8_EIO, with file and tensor.
 */
bool q8_stored_check(const struct q8_model *model, struct q8_stored *w, struct q8_err *err);

#endif
