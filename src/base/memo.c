/* memo.c - a text that is printed into memory */
#include "src/base/memo.h"

#include <string.h>

/* Room for n bytes more and a NUL. */
static bool make_room(struct q8_memo *m, size_t n)
{
    while (!m->err.code && m->room - m->size <= n) {
        char *text = q8_grow(m->mem, m->text, m->room, &m->room, 1, &m->err);

        if (text)
            m->text = text;
    }
    return !m->err.code;
}

static ssize_t take(void *cookie, const char *bytes, size_t n)
{
    struct q8_memo *m = cookie;

    if (!make_room(m, n))
        return 0; /* stdio's word for failure */
    memcpy(m->text + m->size, bytes, n);
    m->size += n;
    m->text[m->size] = '\0';
    return (ssize_t)n;
}

bool q8_memo_open(struct q8_memo *m, struct q8_arena *mem, struct q8_err *err)
{
    *m = (struct q8_memo){.mem = mem};
    if (!make_room(m, 0))
        return q8_fail(err, m->err.code, "%s", m->err.text);
    m->out = fopencookie(m, "w", (cookie_io_functions_t){.write = take});
    return m->out || q8_fail(err, Q8_ELIMIT, "out of memory for a text");
}

bool q8_memo_close(struct q8_memo *m, struct q8_err *err)
{
    bool ok = m->out && !ferror(m->out);

    if (m->out)
        ok = fclose(m->out) == 0 && ok;
    m->out = NULL;
    return (ok && !m->err.code) || q8_fail(err, Q8_ELIMIT, "out of memory for a text");
}
