/* config.h - what differs between two config.json */
#ifndef Q8_COMPARE_CONFIG_H
#define Q8_COMPARE_CONFIG_H

#include "src/compare/result.h"

/* The changes of config.json. */
bool q8_compare_config(struct q8_compare *result, struct q8_arena *mem, struct q8_err *err);

#endif
