/* plan_files.c - which other files of the input directory come along, and which stay */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"
#include "src/model/folder/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMED_LEFTS 3                   /* of what stays behind, in a warning */
#define DEPTH_LIMIT 16                  /* folders within folders */
#define COPY_MEMORY (UINT64_C(1) << 30) /* for the names in a weight file that may be a copy */
#define SIDE_LIMIT 100000               /* files; a model directory has a few dozen */

/* What stands at a path. */
struct entry {
    struct stat st; /* of what a link leads to */
    bool is_link, there;
};

static int compare_shard(const void *name, const void *shard)
{
    return strcmp(name, ((const struct q8_shard *)shard)->name);
}

/* Whether it is one of the files that are made anew from the model itself. */
static bool is_model(const struct q8_model *m, const char *path)
{
    return strcmp(path, Q8_CONFIG) == 0 || (m->index_name && strcmp(path, m->index_name) == 0) ||
           bsearch(path, m->shard, m->shards, sizeof *m->shard, compare_shard);
}

/* Whether all tensors of a weight file are in the model. */
static bool is_copy(const struct q8_model *m, const char *full)
{
    struct q8_err ignored = {0};
    struct q8_index found = {0};
    struct q8_source source;
    struct q8_arena own;
    struct q8_file file;
    bool ret;

    if (!q8_file_open(&file, full, &ignored))
        return false;
    q8_arena_init(&own, COPY_MEMORY);
    source = q8_file_source(&file);
    ret = q8_format_parse(q8_format_of(full), &source, &found, &own, &ignored);
    for (uint64_t i = 0; ret && i < found.count; i++)
        ret = q8_index_find(&m->index, found.tensor[i].name) != NULL;
    q8_arena_clear(&own);
    q8_file_close(&file);
    return ret;
}

static bool is_safe(const char *leaf)
{
    for (const char *p = leaf; *p;) {
        uint32_t c = q8_text_next(&p);

        if (c == Q8_TEXT_BAD || q8_text_hidden(c))
            return false;
    }
    return true;
}

/* Whether it stays behind: then *ret says why. */
static bool stays(const struct q8_plan *plan, const char *path, const char *full,
                  const struct entry *e, struct q8_left *ret)
{
    const bool is_folder = e->there && S_ISDIR(e->st.st_mode);
    const struct q8_folder_rule *rule = q8_folder_left(path, is_folder);
    const char *slash = strrchr(path, '/');

    *ret = (struct q8_left){.name = path};
    if (!is_safe(slash ? slash + 1 : path))
        ret->reason = "its name has control characters";
    else if (rule)
        *ret = (struct q8_left){path, rule->reason, rule->expected};
    else if (!e->there)
        ret->reason = "a link that leads nowhere";
    else if (is_folder && e->is_link)
        ret->reason = "a link to a folder";
    else if (is_folder && q8_folder_is_output(full))
        *ret = (struct q8_left){path, "an output of q8-convert", true};
    else if (!is_folder && !S_ISREG(e->st.st_mode))
        ret->reason = "not a regular file";
    else if (!is_folder && !slash && q8_format_of(path) && q8_folder_is_variant(path)) {
        ret->expected = is_copy(plan->model, full);
        ret->reason = ret->expected ? "a duplicate of the weights"
                                    : "a weight file that the model does not name";
    }
    return ret->reason != NULL;
}

static bool leave(struct q8_plan *plan, const struct q8_left *left, struct q8_arena *mem,
                  struct q8_err *err)
{
    struct q8_left *list =
        q8_grow(mem, plan->left, plan->lefts, &plan->left_room, sizeof *list, err);

    if (!list)
        return false;
    plan->left = list;
    list[plan->lefts++] = *left;
    return true;
}

static bool take_file(struct q8_plan *plan, const char *path, const struct stat *st,
                      struct q8_arena *mem, struct q8_err *err)
{
    struct q8_out *list =
        q8_grow(mem, plan->side, plan->sides, &plan->side_room, sizeof *list, err);

    if (!list)
        return false;
    plan->side = list;
    list[plan->sides++] =
        (struct q8_out){.name = path, .bytes = (uint64_t)st->st_size, .changed = st->st_mtim};
    return true;
}

/* Only what is not there, be it behind a link, is absent; all else is told. */
static bool look(struct entry *ret, const char *full, struct q8_err *err)
{
    *ret = (struct entry){0};
    if (lstat(full, &ret->st) < 0)
        return q8_fail_errno(err, "%s", full);
    ret->is_link = S_ISLNK(ret->st.st_mode);
    ret->there = stat(full, &ret->st) == 0;
    return ret->there || errno == ENOENT || errno == ELOOP || q8_fail_errno(err, "%s", full);
}

/* Takes one entry: a folder goes on the stack, a file into the plan, the rest is left. */
static bool take_entry(struct q8_plan *plan, const char *path, bool *ret_folder,
                       struct q8_arena *mem, struct q8_err *err)
{
    const char *full = q8_sprintf(mem, err, "%s/%s", plan->model->dir, path);
    struct q8_left left;
    struct entry e;

    *ret_folder = false;
    if (!full || is_model(plan->model, path))
        return full != NULL;
    if (plan->sides + plan->lefts >= SIDE_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "%s: more than %d files", plan->model->dir, SIDE_LIMIT);
    if (!look(&e, full, err))
        return false;
    if (stays(plan, path, full, &e, &left))
        return leave(plan, &left, mem, err);
    *ret_folder = S_ISDIR(e.st.st_mode);
    if (*ret_folder)
        return true;
    if (access(full, R_OK) < 0)
        return q8_fail_errno(err, "cannot read %s", full);
    return take_file(plan, path, &e.st, mem, err);
}

static unsigned depth_of(const char *path)
{
    unsigned depth = 0;

    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

/* Folders that are still to be read. */
struct folders {
    const char **path; /* below the input */
    uint64_t count, room;
};

static bool push_folder(struct folders *f, const char *path, struct q8_arena *mem,
                        struct q8_err *err)
{
    const char **list = q8_grow(mem, f->path, f->count, &f->room, sizeof *list, err);

    if (!list)
        return false;
    f->path = list;
    list[f->count++] = path;
    return true;
}

/* Reads one folder; those in it are pushed. */
static bool read_folder(struct q8_plan *plan, const char *folder, struct folders *rest,
                        struct q8_arena *mem, struct q8_err *err)
{
    const char *full = q8_sprintf(mem, err, "%s/%s", plan->model->dir, folder);
    DIR *dir = full ? opendir(full) : NULL;
    struct dirent *entry;
    bool ok = dir != NULL || (full && q8_fail_errno(err, "%s", full));

    if (ok && depth_of(folder) >= DEPTH_LIMIT)
        ok = q8_fail(err, Q8_ELIMIT, "%s: folders nested deeper than %d", full, DEPTH_LIMIT);
    while (ok && (errno = 0, entry = readdir(dir))) {
        const char *path;
        bool is_folder;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        path = q8_sprintf(mem, err, "%s%s%s", folder, *folder ? "/" : "", entry->d_name);
        ok = path && take_entry(plan, path, &is_folder, mem, err) &&
             (!is_folder || push_folder(rest, path, mem, err));
    }
    if (ok && errno)
        ok = q8_fail_errno(err, "%s", full);
    if (dir)
        (void)closedir(dir);
    return ok;
}

static int compare_outs(const void *a, const void *b)
{
    return strcmp(((const struct q8_out *)a)->name, ((const struct q8_out *)b)->name);
}

static int compare_lefts(const void *a, const void *b)
{
    return strcmp(((const struct q8_left *)a)->name, ((const struct q8_left *)b)->name);
}

/* What may be missed in the output is said even to those who read no report. */
static bool warn_left(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    char text[700] = "", name[128];
    uint64_t count = 0;
    size_t n = 0;

    for (uint64_t i = 0; i < plan->lefts; i++) {
        const struct q8_left *left = &plan->left[i];

        if (!left->expected && count++ < NAMED_LEFTS)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s (%s)", n ? ", " : "",
                                  q8_text_escape(left->name, name, sizeof name), left->reason);
    }
    return count == 0 || q8_plan_warn(plan, mem, err, "left behind: %s%s", text,
                                      count > NAMED_LEFTS ? ", and more: see --dry-run" : "");
}

bool q8_plan_side(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    struct folders rest = {0};

    if (plan->model->bare)
        return true;
    if (!read_folder(plan, "", &rest, mem, err))
        return false;
    while (rest.count > 0)
        if (!read_folder(plan, rest.path[--rest.count], &rest, mem, err))
            return false;
    if (plan->sides)
        qsort(plan->side, plan->sides, sizeof *plan->side, compare_outs);
    if (plan->lefts)
        qsort(plan->left, plan->lefts, sizeof *plan->left, compare_lefts);
    return warn_left(plan, mem, err);
}
