/* page.h - what q8-verify found, for browsers */
#ifndef Q8_VERIFY_PAGE_H
#define Q8_VERIFY_PAGE_H

#include "src/verify/result.h"

#include <stdio.h>

/* One self-contained page with inspect's style (page.h).  Q8_EIO, Q8_ELIMIT. */
bool q8_verify_page(const struct q8_verify *v, FILE *out, struct q8_err *err);

#endif
