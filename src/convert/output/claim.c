/* claim.c - which files of a directory are q8-convert's: of a plan, a journal or a manifest */
#include "src/convert/output/claim.h"

#include "src/base/json_scan.h"
#include "src/base/text.h"
#include "src/model/folder/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST_LIMIT (UINT64_C(256) << 20) /* bytes; one with 100,000 tensors has 30 MB */
#define NAME_LIMIT 110000                    /* files; a conversion has up to 104,096 */

bool q8_claim_add(struct q8_claim *c, const char *name, struct q8_arena *mem, struct q8_err *err)
{
    const char **list = name ? q8_grow(mem, c->name, c->names, &c->room, sizeof *list, err) : NULL;

    if (!list)
        return false;
    if (c->names >= NAME_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "more than %d files", NAME_LIMIT);
    c->name = list;
    list[c->names++] = name;
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void q8_claim_sort(struct q8_claim *c)
{
    uint64_t n = 0;

    if (c->names)
        qsort(c->name, c->names, sizeof *c->name, compare);
    for (uint64_t i = 0; i < c->names; i++)
        if (n == 0 || strcmp(c->name[n - 1], c->name[i]) != 0)
            c->name[n++] = c->name[i];
    c->names = n;
}

/* The first name that does not come before that one. */
static uint64_t find(const struct q8_claim *c, const char *name)
{
    uint64_t low = 0, high = c->names;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (strcmp(c->name[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool q8_claim_has(const struct q8_claim *c, const char *name)
{
    uint64_t at = find(c, name);

    return at < c->names && strcmp(c->name[at], name) == 0;
}

/* Whether one of the files lies in the folder whose name, with a slash behind, that is. */
static bool has_folder(const struct q8_claim *c, const char *folder)
{
    uint64_t at = find(c, folder);

    return at < c->names && q8_text_starts(c->name[at], folder);
}

/* ---- what a manifest names ---- */

/* Below the directory, by no way around: "a/b", not "/a", "../a", "a//b". */
static bool is_below(const char *name)
{
    for (size_t n;; name += n + 1) {
        n = strcspn(name, "/");
        if (n == 0 || (n == 1 && name[0] == '.') || (n == 2 && strncmp(name, "..", 2) == 0))
            return false;
        if (!name[n])
            return true;
    }
}

/* Takes one member of "files". */
static bool read_file(struct q8_scan *s, struct q8_claim *ret, struct q8_arena *mem)
{
    if (!q8_scan_open(s, '{'))
        return false;
    while (q8_scan_key(s)) {
        if (strcmp(s->text, "name") != 0) {
            if (!q8_scan_skip(s))
                return false;
        } else if (!q8_scan_string(s) || !is_below(s->text) ||
                   !q8_claim_add(ret, q8_strndup(mem, s->text, s->length, s->err), mem, s->err)) {
            return false;
        }
    }
    return !s->err->code;
}

/* Takes the manifest; *ret_ours: it says what it is. */
static bool read_manifest(struct q8_scan *s, struct q8_claim *ret, bool *ret_ours,
                          struct q8_arena *mem)
{
    if (!q8_scan_open(s, '{'))
        return false;
    while (q8_scan_key(s)) {
        bool ok;

        if (strcmp(s->text, "schema") == 0) {
            ok = q8_scan_string(s);
            *ret_ours = ok && strcmp(s->text, Q8_MANIFEST_SCHEMA) == 0;
        } else if (strcmp(s->text, "files") == 0) {
            ok = q8_scan_open(s, '[');
            while (ok && q8_scan_more(s))
                ok = read_file(s, ret, mem);
        } else {
            ok = q8_scan_skip(s);
        }
        if (!ok)
            return false;
    }
    return q8_scan_done(s);
}

uint64_t q8_claim_sum_bytes(const char *name)
{
    const bool marked = strchr(name, '\\') != NULL; /* reread.c, print_sums */
    uint64_t bytes = Q8_SHA_TEXT - 1 + strlen("  \n") + marked;

    for (; *name; name++)
        bytes += *name == '\\' ? 2 : 1;
    return bytes;
}

/* A list of checksums is ours where it is as long as that of just these files. */
static bool has_sums(const struct q8_claim *c, const struct q8_dir *d, struct q8_err *err)
{
    uint64_t bytes = 0;
    struct stat st;

    for (uint64_t i = 0; i < c->names; i++)
        bytes += q8_claim_sum_bytes(c->name[i]);
    return q8_dir_has(d, Q8_SUMS, &st, err) && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes;
}

bool q8_claim_manifest(struct q8_claim *ret, const struct q8_dir *d, struct q8_arena *mem,
                       struct q8_err *err)
{
    struct q8_err bad = {0};
    struct q8_arena own;
    struct q8_scan scan;
    struct q8_source source;
    struct q8_file file;
    struct stat st;
    const char *path = q8_sprintf(mem, err, "%s/" Q8_MANIFEST, d->path);
    bool ours = false;

    *ret = (struct q8_claim){0};
    if (!path || !q8_dir_has(d, Q8_MANIFEST, &st, err) || !S_ISREG(st.st_mode) ||
        (uint64_t)st.st_size > MANIFEST_LIMIT || !q8_dir_file(&file, d, path, Q8_DIR_LOOK, err))
        return false;
    q8_arena_init(&own, mem->limit);
    source = q8_file_source(&file);
    if (!q8_scan_init(&scan, &source, 0, &own, &bad) || !read_manifest(&scan, ret, &ours, mem))
        ours = false;
    q8_arena_clear(&own);
    q8_file_close(&file);
    if (bad.code == Q8_EIO || bad.code == Q8_ELIMIT)
        *err = bad; /* no word on whose it is */
    if (err->code || !ours)
        return false;
    q8_claim_sort(ret);
    if (has_sums(ret, d, err) && !q8_claim_add(ret, Q8_SUMS, mem, err))
        return false;
    if (err->code || !q8_claim_add(ret, Q8_MANIFEST, mem, err))
        return false;
    q8_claim_sort(ret);
    return true;
}

/* ---- what is there ---- */

/* A look at a directory. */
struct look {
    const struct q8_claim *claim;
    const struct q8_dir *dir;
    const struct q8_claim_use *use;
    char name[PATH_MAX + NAME_MAX + 2]; /* of the entry, below the directory */
};

static bool fail_other(const struct look *l, const char *what, struct q8_err *err)
{
    char shown[300], folder[300];

    return q8_fail(err, l->use->code, "%s/%s is %s: another program put it there; move it away",
                   q8_text_escape(l->dir->path, folder, sizeof folder),
                   q8_text_escape(l->name, shown, sizeof shown), what);
}

static bool look_into(struct look *l, int folder, size_t length, struct q8_err *err);

/* Looks at one entry of an open folder; its name ends in l->name at `length`. */
static bool look_at(struct look *l, int folder, const char *leaf, size_t length, struct q8_err *err)
{
    const char *fault;
    struct stat st;
    int inner;

    if (fstatat(folder, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || q8_fail_errno(err, "cannot look at %s/%s", l->dir->path, l->name);
    if (!S_ISDIR(st.st_mode)) {
        fault = l->use->write || !S_ISREG(st.st_mode) ? q8_dir_fault(l->dir, &st) : NULL;
        if (!q8_claim_has(l->claim, l->name))
            return fail_other(l, "no part of the output", err);
        return !fault || fail_other(l, fault, err);
    }
    l->name[length] = '/';
    l->name[length + 1] = 0;
    if (length >= PATH_MAX || !has_folder(l->claim, l->name))
        return fail_other(l, "no part of the output", err);
    inner = openat(folder, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return inner >= 0 ? look_into(l, inner, length + 1, err)
                      : q8_fail_errno(err, "cannot look into %s/%s", l->dir->path, l->name);
}

/* Looks at all entries of a folder, which is closed then; l->name[0..length) is its name. */
static bool look_into(struct look *l, int folder, size_t length, struct q8_err *err)
{
    DIR *dir = fdopendir(folder);
    struct dirent *entry;
    bool ok = dir != NULL;

    while (ok && (errno = 0, entry = readdir(dir))) {
        size_t n = strlen(entry->d_name);

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        memcpy(l->name + length, entry->d_name, n + 1);
        ok = look_at(l, dirfd(dir), entry->d_name, length + n, err);
    }
    if (ok ? errno != 0 : !dir)
        ok = q8_fail_errno(err, "cannot look into %s", l->dir->path);
    if (dir)
        (void)closedir(dir);
    else
        (void)close(folder);
    return ok;
}

bool q8_claim_holds(const struct q8_claim *c, const struct q8_dir *d,
                    const struct q8_claim_use *use, struct q8_err *err)
{
    struct look l = {.claim = c, .dir = d, .use = use};
    int folder = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return folder >= 0 ? look_into(&l, folder, 0, err)
                       : q8_fail_errno(err, "cannot look into %s", d->path);
}

/* Removes the folders of name i that none of the names before it lies in, the inner ones first. */
static bool remove_folders(const struct q8_claim *c, uint64_t i, const struct q8_dir *d,
                           struct q8_err *err)
{
    const char *name = c->name[i];

    for (size_t n = strlen(name); n-- > 0;) {
        char folder[PATH_MAX];

        if (name[n] != '/')
            continue;
        if (i > 0 && strncmp(c->name[i - 1], name, n + 1) == 0)
            return true; /* nor are those around it empty */
        if (n >= sizeof folder)
            return false;
        memcpy(folder, name, n);
        folder[n] = 0;
        if (!q8_dir_remove(d, folder, true, err))
            return false;
    }
    return true;
}

bool q8_claim_remove(const struct q8_claim *c, const struct q8_dir *d, const char *last,
                     struct q8_err *err)
{
    bool ok = true;

    for (uint64_t i = 0; ok && i < c->names; i++)
        ok = strcmp(c->name[i], last) == 0 || q8_dir_remove(d, c->name[i], false, err);
    for (uint64_t i = c->names; ok && i-- > 0;)
        ok = remove_folders(c, i, d, err);
    return ok && (!q8_claim_has(c, last) || q8_dir_remove(d, last, false, err));
}
