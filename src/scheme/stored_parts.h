/* stored_parts.h - what the parts of stored.h share */
#ifndef Q8_SCHEME_STORED_PARTS_H
#define Q8_SCHEME_STORED_PARTS_H

#include "src/scheme/stored.h"

/*
 * The layout that quantization_config names; NULL when there is none.
 * Q8_EUNSUPPORTED, naming what was found, when q8 does not read it.
 */
bool q8_stored_layout(const char **ret, const struct q8_model *model, struct q8_err *err);

#endif
