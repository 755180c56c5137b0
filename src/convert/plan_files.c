/* plan_files.c - which other files of the input directory come along, and which stay */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"
#include "src/model/folder/folder.h"
#include "src/model/folder/magic.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMED 3            /* of what stays behind, or is no file yet, in a warning */
#define DEPTH_LIMIT 16     /* folders within folders */
#define ENTRY_LIMIT 100000 /* files and folders; a model directory has a few dozen */
#define STUB_BYTES 1024    /* larger ones stand for no other file */

/* A folder that is still to be read. */
struct folder {
    const char *path; /* below the input */
    const char *real; /* the same without links */
    bool linked;      /* reached by a link */
    unsigned depth;
};

/* The walk over the input. */
struct walk {
    struct q8_plan *plan;
    struct q8_root root;
    struct folder *folder; /* [count] */
    uint64_t count, room;
    uint64_t entries; /* seen so far */
    struct q8_arena *mem;
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

/* Whether a file of that name cannot be what its first bytes say. */
static bool is_misplaced(const struct q8_magic *magic, const char *path, uint64_t bytes)
{
    static const char *const texts[] = {".json", ".model", ".txt", ".py", ".jinja"};
    size_t i = 0;

    if (magic->sort == Q8_MAGIC_POINTER)
        return bytes <= STUB_BYTES;
    while (i < sizeof texts / sizeof *texts && !q8_text_ends(path, texts[i]))
        i++;
    return magic->sort == Q8_MAGIC_PAGE     ? i < sizeof texts / sizeof *texts
           : magic->sort == Q8_MAGIC_BROKEN ? i < 2
                                            : false;
}

/* What a file is in place of itself; NULL: nothing, or err is set. */
static const struct q8_magic *find_stub(const struct q8_file *file, const char *path,
                                        struct q8_err *err)
{
    const struct q8_magic *magic = q8_magic_file(file, err);

    return magic && is_misplaced(magic, path, file->size) ? magic : NULL;
}

static bool take_file(struct walk *w, const struct q8_entry *e, struct q8_err *err)
{
    struct q8_plan *plan = w->plan;
    struct q8_out *list =
        q8_grow(w->mem, plan->side, plan->sides, &plan->side_room, sizeof *list, err);
    struct q8_file file;

    if (!list)
        return false;
    plan->side = list;
    if (!q8_root_file(&w->root, e->spot.real, e->full, &file, err))
        return false;
    list[plan->sides++] = (struct q8_out){.name = e->path,
                                          .bytes = file.size,
                                          .changed = file.stat.st_mtim,
                                          .status = file.stat.st_ctim,
                                          .stub = find_stub(&file, e->path, err)};
    q8_file_close(&file);
    return !err->code;
}

static bool push_folder(struct walk *w, const struct q8_entry *e, unsigned depth,
                        struct q8_err *err)
{
    struct folder *list = q8_grow(w->mem, w->folder, w->count, &w->room, sizeof *list, err);
    const char *real = list ? q8_strndup(w->mem, e->spot.real, strlen(e->spot.real), err) : NULL;

    if (!real)
        return false;
    if (depth > DEPTH_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "%s: folders nested deeper than %d", e->full, DEPTH_LIMIT);
    w->folder = list;
    list[w->count++] = (struct folder){e->path, real, e->linked || e->spot.is_link, depth};
    return true;
}

/* Takes one entry: a folder goes on the stack, a file into the plan, the rest is left. */
static bool take_entry(struct walk *w, const struct folder *in, const char *leaf,
                       struct q8_err *err)
{
    struct q8_entry e = {.in = in->real, .linked = in->linked};
    char where[PATH_MAX];
    struct q8_left left;

    if (w->entries++ >= ENTRY_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "%s: more than %d files", w->root.path, ENTRY_LIMIT);
    e.path = q8_sprintf(w->mem, err, "%s%s%s", in->path, *in->path ? "/" : "", leaf);
    e.full = e.path ? q8_sprintf(w->mem, err, "%s/%s", w->root.path, e.path) : NULL;
    if (!e.full || is_model(w->plan->model, e.path))
        return e.full != NULL;
    if ((size_t)snprintf(where, sizeof where, "%s%s%s", in->real, *in->real ? "/" : "", leaf) >=
        sizeof where)
        return q8_fail(err, Q8_ELIMIT, "%s: a path of more than %d bytes", e.full, PATH_MAX - 1);
    if (!q8_root_look(&w->root, where, &e.spot, err) || !q8_plan_left(w->plan, &e, &left, err))
        return false;
    if (left.reason)
        return leave(w->plan, &left, w->mem, err);
    return e.spot.lead == Q8_LEAD_FOLDER ? push_folder(w, &e, in->depth + 1, err)
                                         : take_file(w, &e, err);
}

/* Reads one folder; those in it are pushed. */
static bool read_folder(struct walk *w, const struct folder *folder, struct q8_err *err)
{
    const int fd = q8_root_folder(&w->root, folder->real, err);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    bool ok = dir || err->code || q8_fail_errno(err, "%s/%s", w->root.path, folder->path);

    ok = ok && !err->code;
    while (ok && (errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = take_entry(w, folder, entry->d_name, err);
    if (ok && errno)
        ok = q8_fail_errno(err, "%s/%s", w->root.path, folder->path);
    if (dir)
        (void)closedir(dir);
    else if (fd >= 0)
        (void)close(fd);
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

/* The first names of a warning, each with its reason. */
struct names {
    char text[700];
    size_t used;
    uint64_t count; /* in all */
};

static void add_name(struct names *n, const char *name, const char *why)
{
    char shown[128];

    if (n->count++ < NAMED)
        n->used +=
            (size_t)snprintf(n->text + n->used, sizeof n->text - n->used, "%s%s (%s)",
                             n->used ? ", " : "", q8_text_escape(name, shown, sizeof shown), why);
}

/* What may be missed in the output is said even to those who read no report. */
static bool warn_left(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    struct names names = {.count = 0};

    for (uint64_t i = 0; i < plan->lefts; i++)
        if (!plan->left[i].expected)
            add_name(&names, plan->left[i].name, plan->left[i].reason);
    return names.count == 0 || q8_plan_warn(plan, mem, err, "left behind: %s%s", names.text,
                                            names.count > NAMED ? ", and more: see --dry-run" : "");
}

/* What comes along and will not do is said too. */
static bool warn_stubs(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_magic *first = NULL;
    struct names names = {.count = 0};

    for (uint64_t i = 0; i < plan->sides; i++) {
        const struct q8_magic *stub = plan->side[i].stub;

        if (stub)
            add_name(&names, plan->side[i].name, stub->what);
        first = first ? first : stub;
    }
    return names.count == 0 ||
           q8_plan_warn(plan, mem, err, "not what a loader needs: %s%s: %s", names.text,
                        names.count > NAMED ? ", and more" : "", first->todo);
}

bool q8_plan_side(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    struct walk w = {.plan = plan, .mem = mem};
    struct folder folder = {.path = "", .real = ""};
    bool ok;

    if (plan->model->bare)
        return true;
    ok = q8_root_open(&w.root, plan->model->dir, err) && read_folder(&w, &folder, err);
    while (ok && w.count > 0) {
        folder = w.folder[--w.count]; /* reading it moves the list */
        ok = read_folder(&w, &folder, err);
    }
    q8_root_close(&w.root);
    if (plan->sides)
        qsort(plan->side, plan->sides, sizeof *plan->side, compare_outs);
    if (plan->lefts)
        qsort(plan->left, plan->lefts, sizeof *plan->left, compare_lefts);
    return ok && warn_left(plan, mem, err) && warn_stubs(plan, mem, err);
}
