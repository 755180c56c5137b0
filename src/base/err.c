/* err.c - the one error type */
#include "src/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool q8_fail(struct q8_err *err, int code, const char *format, ...)
{
    va_list args;

    if (err->code)
        return false;
    err->code = code;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}

bool q8_fail_errno(struct q8_err *err, const char *format, ...)
{
    int number = errno;
    size_t used;
    va_list args;

    if (err->code)
        return false;
    err->code = number == ENOMEM || number == EMFILE ? Q8_ELIMIT : Q8_EIO;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    used = strlen(err->text);
    (void)snprintf(err->text + used, sizeof err->text - used, ": %s%s", strerror(number),
                   number == EMFILE ? " (ulimit -n raises the limit)" : "");
    return false;
}

/* Whether a text begins with the place, or has it before a reason: "cannot read PLACE: REASON". */
static bool says(const char *text, const char *place)
{
    const size_t n = strlen(place);

    for (const char *at = strstr(text, place); at && n; at = strstr(at + 1, place))
        if ((at[n] == ':' || (at == text && at[n] == ' ')) && (at == text || at[-1] == ' '))
            return true;
    return false;
}

bool q8_fail_in(struct q8_err *err, const char *place)
{
    char old[sizeof err->text];

    if (says(err->text, place))
        return false;
    memcpy(old, err->text, sizeof old);
    (void)snprintf(err->text, sizeof err->text, "%.400s: %.620s", place, old);
    return false;
}
