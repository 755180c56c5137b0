/* integrity.c - level 1 but for the data of tensors */
#include "src/verify/integrity/integrity.h"
#include "src/verify/integrity/integrity_parts.h"

bool q8_integrity_check(struct q8_verify *v, struct q8_err *err)
{
    return q8_integrity_pairs(v, err) && q8_integrity_config(v, err) &&
           q8_integrity_index(v, err) && q8_integrity_manifest(v, err);
}
