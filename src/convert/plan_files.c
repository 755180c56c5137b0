/* plan_files.c - which other files of the input directory come along, and which stay */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"
#include "src/model/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_LIMIT 16    /* folders within folders */
#define SIDE_LIMIT 100000 /* files; a model directory has a few dozen */

static const char *leave_reason(const struct q8_plan *plan, const char *path, const char *leaf)
{
    const struct q8_format *format;

    for (uint32_t i = 0; i < plan->model->shards; i++)
        if (strcmp(plan->model->shard[i].name, path) == 0)
            return "";
    if (strcmp(path, leaf) == 0) {
        if (strcmp(leaf, Q8_CONFIG) == 0 ||
            (plan->model->index_name && strcmp(leaf, plan->model->index_name) == 0))
            return "";
        format = q8_format_of(leaf);
        if (format)
            return format == plan->model->shard[0].format
                       ? "a weight file that the model does not name"
                       : "weights in another format";
    }
    for (const char *p = leaf; *p;) {
        uint32_t c = q8_text_next(&p);

        if (c == Q8_TEXT_BAD || q8_text_hidden(c))
            return "its name has control characters";
    }
    return q8_folder_left(leaf);
}

static bool leave(struct q8_plan *plan, const char *path, const char *reason, struct q8_arena *mem,
                  struct q8_err *err)
{
    struct q8_left *list =
        q8_grow(mem, plan->left, plan->lefts, &plan->left_room, sizeof *list, err);

    if (!list)
        return false;
    plan->left = list;
    list[plan->lefts++] = (struct q8_left){path, reason};
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

/* Takes one entry: a folder goes on the stack, a file into the plan, the rest is left. */
static bool take_entry(struct q8_plan *plan, const char *path, const char *leaf, bool *ret_folder,
                       struct q8_arena *mem, struct q8_err *err)
{
    const char *full = q8_sprintf(mem, err, "%s/%s", plan->model->dir, path);
    const char *reason = leave_reason(plan, path, leaf);
    struct stat st;

    *ret_folder = false;
    if (!full || (reason && !*reason))
        return full != NULL;
    if (plan->sides + plan->lefts >= SIDE_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "%s: more than %d files", plan->model->dir, SIDE_LIMIT);
    if (reason)
        return leave(plan, path, reason, mem, err);
    if (stat(full, &st) < 0)
        return q8_fail_errno(err, "%s", full);
    if (S_ISDIR(st.st_mode) && q8_folder_is_output(full))
        return leave(plan, path, "an output of q8-convert", mem, err);
    *ret_folder = S_ISDIR(st.st_mode);
    if (*ret_folder)
        return true;
    if (!S_ISREG(st.st_mode))
        return leave(plan, path, "not a regular file", mem, err);
    if (access(full, R_OK) < 0)
        return q8_fail_errno(err, "cannot read %s", full);
    return take_file(plan, path, &st, mem, err);
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
        ok = path && take_entry(plan, path, entry->d_name, &is_folder, mem, err) &&
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
    return true;
}
