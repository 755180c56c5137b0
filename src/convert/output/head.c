/* head.c - the first lines of q8-journal: what run it is of, and which files that makes */
#include "src/convert/output/head.h"

#include "src/base/text.h"
#include "src/model/folder/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES (PATH_MAX + 2) /* a name is the longest */

/* The first line: the version, the identity, and how many names follow. */
static bool parse_first(const char *line, struct q8_head *ret, uint64_t *ret_names)
{
    const char *at = line + strlen(Q8_JOURNAL " 2 ");
    char *end;

    if (!q8_text_starts(line, Q8_JOURNAL " 2 ") || !q8_digest_take(&at, &ret->identity))
        return false;
    *ret_names = strtoull(at, &end, 10);
    return *end == '\n';
}

/* The line behind the names: the digest of what was before, and the stamp. */
static bool parse_last(char *line, const struct q8_digest *before, struct q8_head *ret)
{
    const char *at = line;
    struct q8_digest said;

    line[strcspn(line, "\n")] = 0;
    return q8_digest_take(&at, &said) && q8_digest_same(&said, before) &&
           q8_digest_parse(at, &ret->stamp);
}

bool q8_head_read(FILE *in, struct q8_head *ret, struct q8_claim *claim, struct q8_arena *mem,
                  struct q8_err *err)
{
    char line[LINE_BYTES];
    struct q8_digest before;
    struct q8_xxh xxh = {0};
    uint64_t names = 0;
    bool ok =
        q8_xxh_open(&xxh, err) && fgets(line, sizeof line, in) && parse_first(line, ret, &names);

    *claim = (struct q8_claim){0};
    for (uint64_t i = 0; ok && i <= names; i++) {
        size_t n = strlen(line);

        if (i > 0 && n > 0)
            ok = q8_claim_add(claim, q8_strndup(mem, line, n - 1, err), mem, err);
        q8_xxh_add(&xxh, line, n);
        ok = ok && fgets(line, sizeof line, in) != NULL;
    }
    if (ferror(in))
        ok = q8_fail_errno(err, "cannot read " Q8_JOURNAL);
    before = ok ? q8_xxh_sum(&xxh) : (struct q8_digest){0};
    q8_xxh_close(&xxh);
    return ok && parse_last(line, &before, ret);
}

/* The names that the journal has, or had a moment ago. */
static const char *const own_names[] = {Q8_JOURNAL, Q8_JOURNAL ".new", Q8_JOURNAL ".old"};

bool q8_head_unborn(const struct q8_dir *d, struct q8_err *err)
{
    bool found = false;
    struct stat st;

    for (size_t i = 0; i < sizeof own_names / sizeof *own_names; i++)
        if (q8_dir_has(d, own_names[i], &st, err)) {
            if (i == 0 || q8_dir_fault(d, &st) || st.st_size > 0)
                return false;
            found = true;
        }
    return found && !err->code;
}

bool q8_head_own(struct q8_claim *c, struct q8_arena *mem, struct q8_err *err)
{
    for (size_t i = 0; i < sizeof own_names / sizeof *own_names; i++)
        if (!q8_claim_add(c, own_names[i], mem, err))
            return false;
    q8_claim_sort(c);
    return true;
}

FILE *q8_head_open(const struct q8_dir *d, struct q8_arena *mem, struct q8_err *err)
{
    const char *path = q8_sprintf(mem, err, "%s/" Q8_JOURNAL, d->path);
    struct q8_file file;
    FILE *in;

    if (!path || !q8_dir_file(&file, d, path, Q8_DIR_READ, err))
        return NULL;
    in = fdopen(file.fd, "r");
    if (!in) {
        q8_fail_errno(err, "cannot read %s", path);
        q8_file_close(&file);
    }
    return in;
}

enum q8_head_state q8_head_claim(const struct q8_dir *d, struct q8_claim *ret, struct q8_arena *mem,
                                 struct q8_err *err)
{
    enum q8_head_state state = Q8_HEAD_NONE;
    char start[sizeof Q8_JOURNAL " 1 "] = "";
    struct q8_head head;
    struct stat st;
    FILE *in;

    if (!q8_dir_has(d, Q8_JOURNAL, &st, err))
        return state;
    in = q8_dir_fault(d, &st) ? NULL : q8_head_open(d, mem, err);
    if (!in)
        return state;
    if (q8_head_read(in, &head, ret, mem, err)) {
        state = Q8_HEAD_WHOLE;
    } else if (!err->code) {
        const bool ends = feof(in) && ftello(in) < st.st_size;

        rewind(in);
        if ((!fgets(start, sizeof start, in) && st.st_size > 0) || ends)
            q8_fail(err, Q8_EIO, "cannot read %s/" Q8_JOURNAL " to its end", d->path);
        if (strcmp(start, Q8_JOURNAL " 1 ") == 0)
            q8_fail(err, Q8_EUSAGE, "%s was left by an older q8-convert: remove it by hand",
                    d->path);
        if (!*start || q8_text_starts(start, Q8_JOURNAL " ")) {
            *ret = (struct q8_claim){0};
            state = Q8_HEAD_TORN;
        }
    } else {
        q8_fail_in(err, d->path);
    }
    (void)fclose(in);
    return !err->code && state != Q8_HEAD_NONE && q8_head_own(ret, mem, err) ? state : Q8_HEAD_NONE;
}

bool q8_head_text(const struct q8_head *head, const struct q8_claim *names, struct q8_memo *ret,
                  struct q8_arena *mem, struct q8_err *err)
{
    char before[Q8_DIGEST_TEXT], hex[Q8_DIGEST_TEXT];
    struct q8_digest digest;

    if (!q8_memo_open(ret, mem, err))
        return false;
    fprintf(ret->out, Q8_JOURNAL " 2 %s %" PRIu64 "\n", q8_digest_text(&head->identity, hex),
            names->names);
    for (uint64_t i = 0; i < names->names; i++)
        fprintf(ret->out, "%s\n", names->name[i]);
    (void)fflush(ret->out); /* closing tells of all that went wrong */
    digest = q8_xxh_once(ret->text, ret->size);
    fprintf(ret->out, "%s %s\n", q8_digest_text(&digest, before),
            q8_digest_text(&head->stamp, hex));
    return q8_memo_close(ret, err);
}
