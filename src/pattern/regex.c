/* regex.c - regular expressions as Python's re has them, matched by PCRE2 within limits */
#include "src/pattern/regex_parts.h"

#include "src/base/text.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#define FIRST_STEPS 16   /* tried first: most names are told by their start */
#define MORE_STEPS 4     /* times as many, when they were too few */
#define SCANNED 64       /* bytes that are looked at in the time of a step */
#define ROOM_BYTES 24576 /* for PCRE2's first frames, so that most matches allocate nothing */
#define MATCH_BYTES (UINT64_C(64) << 20) /* frames grow by doubling, and the halves stay */

struct q8_regex {
    pcre2_code *code;
    uint32_t options;   /* of pcre2_match */
    const char *needed; /* what matches holds it; "" = nothing is known */
};

/* Memory of one compilation, which stays. */
static void *take_lasting(PCRE2_SIZE bytes, void *arena)
{
    struct q8_err none = {0};

    return q8_alloc(arena, bytes, 1, &none);
}

/* Arenas give back all at once. */
static void give_back(void *object, void *unused)
{
    (void)object;
    (void)unused;
}

/* Memory of one match: a piece of the stack, then an arena. */
struct room {
    struct q8_arena arena;
    size_t used;
    _Alignas(16) unsigned char bytes[ROOM_BYTES];
};

static void *take_room(PCRE2_SIZE bytes, void *self)
{
    struct room *r = self;
    struct q8_err none = {0};
    void *object = r->bytes + r->used;

    if (bytes > sizeof r->bytes - r->used)
        return q8_alloc(&r->arena, bytes, 1, &none);
    r->used += (bytes + 15) & ~(size_t)15;
    return object;
}

/* Says what PCRE2 has against the translation. */
static void *fail_code(int code, struct q8_err *err)
{
    unsigned char reason[256];

    if (code == PCRE2_ERROR_HEAP_FAILED) {
        q8_fail(err, Q8_ELIMIT, "no memory for a regular expression");
        return NULL;
    }
    (void)pcre2_get_error_message(code, reason, sizeof reason);
    q8_fail(err, Q8_EUSAGE, "PCRE2 does not take it: %s", (const char *)reason);
    return NULL;
}

static pcre2_code *compile(const char *text, struct q8_arena *mem, struct q8_err *err)
{
    pcre2_general_context *general = pcre2_general_context_create(take_lasting, give_back, mem);
    pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
    pcre2_code *code;
    PCRE2_SIZE at;
    int reason;

    if (!context)
        return fail_code(PCRE2_ERROR_HEAP_FAILED, err);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    (void)pcre2_set_parens_nest_limit(context, Q8_REGEX_NESTED);
    code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_ALT_CIRCUMFLEX, &reason, &at,
                         context);
    return code ? code : fail_code(reason, err);
}

struct q8_regex *q8_regex_open(const char *python, enum q8_regex_end end, struct q8_arena *mem,
                               struct q8_err *err)
{
    struct q8_regex *r = q8_alloc(mem, 1, sizeof *r, err);
    struct q8_regex_pcre2 pcre2;
    struct q8_arena own;

    if (!r)
        return NULL;
    r->options =
        PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED | (end == Q8_REGEX_WHOLE ? PCRE2_ENDANCHORED : 0);
    q8_arena_init(&own, UINT64_C(64) << 20);
    if (q8_regex_translate(&pcre2, python, &own, err)) {
        r->needed = q8_strndup(mem, pcre2.needed, strlen(pcre2.needed), err);
        r->code = r->needed ? compile(pcre2.text, mem, err) : NULL;
    }
    q8_arena_clear(&own);
    return r->code ? r : NULL;
}

static bool is_utf8(const char *text)
{
    while (*text)
        if ((unsigned char)*text < 0x80)
            text++;
        else if (q8_text_next(&text) == Q8_TEXT_BAD)
            return false;
    return true;
}

/* A copy with U+FFFD for each byte that starts no character; NULL: no memory. */
static const char *mend_text(const char *text, struct room *room)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    const size_t most = strlen(replacement);
    struct q8_err none = {0};
    char *copy = q8_alloc(&room->arena, strlen(text) + 1, most, &none), *at = copy;

    while (copy && *text) {
        const char *from = text;
        const bool bad = q8_text_next(&text) == Q8_TEXT_BAD;
        const size_t bytes = bad ? most : (size_t)(text - from);

        memcpy(at, bad ? replacement : from, bytes);
        at += bytes;
    }
    return copy;
}

static enum q8_regex_answer answer_of(int code)
{
    switch (code) {
    case PCRE2_ERROR_NOMATCH: return Q8_REGEX_NO;
    case PCRE2_ERROR_NOMEMORY: return Q8_REGEX_MEMORY;
    default: return code >= 0 ? Q8_REGEX_YES : Q8_REGEX_STOPPED;
    }
}

/* Counts steps for a text of that length; whether there are any left. */
static bool spend(struct q8_regex_steps *steps, uint32_t count, size_t length)
{
    const uint64_t cost = count * (1 + length / SCANNED);

    return atomic_fetch_add_explicit(&steps->taken, cost, memory_order_relaxed) <
           Q8_REGEX_ALL_STEPS;
}

/* Tries with few steps first: PCRE2 does not tell how many it took, so the limit is what counts. */
static enum q8_regex_answer match(const struct q8_regex *r, const char *text, struct room *room,
                                  struct q8_regex_steps *steps)
{
    pcre2_general_context *general = pcre2_general_context_create(take_room, give_back, room);
    pcre2_match_context *context = general ? pcre2_match_context_create(general) : NULL;
    pcre2_match_data *data = general ? pcre2_match_data_create(1, general) : NULL;
    const size_t length = strlen(text);
    int code = PCRE2_ERROR_MATCHLIMIT;

    if (!context || !data)
        return Q8_REGEX_MEMORY;
    (void)pcre2_set_heap_limit(context, Q8_REGEX_HEAP_KIB);
    (void)pcre2_set_depth_limit(context, Q8_REGEX_CHOICES);
    for (uint32_t limit = FIRST_STEPS; code == PCRE2_ERROR_MATCHLIMIT && limit <= Q8_REGEX_STEPS;
         limit *= MORE_STEPS) {
        if (!spend(steps, limit, length))
            return Q8_REGEX_TIRED;
        (void)pcre2_set_match_limit(context, limit);
        code = pcre2_match(r->code, (PCRE2_SPTR)text, length, 0, r->options, data, context);
    }
    return answer_of(code);
}

enum q8_regex_answer q8_regex_match(const struct q8_regex *r, const char *text,
                                    struct q8_regex_steps *steps)
{
    enum q8_regex_answer answer = Q8_REGEX_MEMORY;
    struct room room; /* 24 KiB that need no zeros */

    room.used = 0;
    q8_arena_init(&room.arena, MATCH_BYTES);
    if (!is_utf8(text))
        text = mend_text(text, &room);
    if (text && !strstr(text, r->needed))
        answer = spend(steps, 1, strlen(text)) ? Q8_REGEX_NO : Q8_REGEX_TIRED;
    else if (text)
        answer = match(r, text, &room, steps);
    q8_arena_clear(&room.arena);
    return answer;
}

const char *q8_regex_reason(enum q8_regex_answer answer)
{
    static const char *const reasons[] = {
        [Q8_REGEX_STOPPED] = "takes too many steps, or too much memory",
        [Q8_REGEX_TIRED] = "would take too many steps, together with all before it",
        [Q8_REGEX_MEMORY] = "finds no memory",
    };

    return reasons[answer];
}
