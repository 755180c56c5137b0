/* manifest.c - q8-manifest.json of the int8 model: what it says, and what is there */
#include "src/verify/integrity/integrity_parts.h"

#include "formats/format.h"
#include "src/base/json_scan.h"
#include "src/base/text.h"
#include "src/model/folder/folder.h"
#include "src/model/folder/magic.h"
#include "src/verify/integrity/digests.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST_LIMIT (UINT64_C(256) << 20) /* bytes; one with 100,000 tensors has 30 MB */
#define FILE_LIMIT 110000                    /* a conversion has up to 104,096 and its own */
#define SOURCE_LIMIT 4096                    /* shards of a model */
#define SCAN_MEMORY (UINT64_C(8) << 20)      /* of the scanner: its longest string, twice */

static const char file_name[] = Q8_MANIFEST;

/* One of its sources. */
struct source {
    char *name;
    uint64_t bytes;
    struct q8_digest header;
};

/* What is being read. */
struct manifest {
    struct q8_verify *v;
    struct q8_scan *scan;
    struct source *source; /* [sources] */
    uint64_t sources, source_room;
    char schema[64]; /* cut; empty: none yet */
    bool have_files, have_sources;
};

/* A member of "files" or "sources". */
struct entry {
    char *name;
    uint64_t bytes;
    struct q8_digest digest;
    bool have_bytes, have_digest;
};

/* Below the directory, by no way around: "a/b", not "/a", "../a", "a//b". */
static bool is_below(const char *name)
{
    while (*name) {
        const size_t length = strcspn(name, "/");

        if (length == 0 || (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'))))
            return false;
        if (!name[length])
            return true;
        name += length + 1;
    }
    return false;
}

/* Reads {"name": ..., "bytes": ..., <digest>: ...}; anything else in it is passed over. */
static bool read_entry(const struct manifest *m, struct entry *ret, const char *digest)
{
    struct q8_scan *s = m->scan;
    char shown[200];

    *ret = (struct entry){0};
    if (!q8_scan_open(s, '{'))
        return false;
    while (q8_scan_key(s)) {
        if (strcmp(s->text, "name") == 0) {
            if (!q8_scan_string(s))
                return false;
            ret->name = q8_strndup(m->v->findings.mem, s->text, s->length, s->err);
        } else if (strcmp(s->text, "bytes") == 0) {
            ret->have_bytes = q8_scan_u64(s, &ret->bytes);
        } else if (strcmp(s->text, digest) == 0) {
            ret->have_digest = q8_scan_string(s) && q8_digest_parse(s->text, &ret->digest);
        } else if (!q8_scan_skip(s)) {
            return false;
        }
    }
    if (s->err->code)
        return false;
    if (!ret->name || !ret->have_bytes || !ret->have_digest)
        return q8_fail(s->err, Q8_EINPUT, "a file has no name, bytes or %s of 32 hex digits",
                       digest);
    return is_below(ret->name) ||
           q8_fail(s->err, Q8_EINPUT, "'%s' is not a file below the model's directory",
                   q8_text_escape(ret->name, shown, sizeof shown));
}

static bool add_file(struct manifest *m, const struct entry *e)
{
    struct q8_verify *v = m->v;
    struct q8_manifest_file *list;
    const char *path;

    if (v->files >= FILE_LIMIT)
        return q8_fail(m->scan->err, Q8_ELIMIT, "more than %d files", FILE_LIMIT);
    list = q8_grow(v->findings.mem, v->file, v->files, &v->file_room, sizeof *list, m->scan->err);
    path = q8_sprintf(v->findings.mem, m->scan->err, "%s/%s", v->options.quantized->dir, e->name);
    if (!list || !path)
        return false;
    v->file = list;
    list[v->files++] = (struct q8_manifest_file){e->name, path, e->bytes, e->digest, false};
    return true;
}

static bool add_source(struct manifest *m, const struct entry *e)
{
    struct source *list;

    if (m->sources >= SOURCE_LIMIT)
        return q8_fail(m->scan->err, Q8_ELIMIT, "more than %d sources", SOURCE_LIMIT);
    list = q8_grow(m->v->findings.mem, m->source, m->sources, &m->source_room, sizeof *list,
                   m->scan->err);
    if (!list)
        return false;
    m->source = list;
    list[m->sources++] = (struct source){e->name, e->bytes, e->digest};
    return true;
}

/* Reads a list of entries, once. */
static bool read_list(struct manifest *m, bool *have, const char *digest,
                      bool (*add)(struct manifest *m, const struct entry *e))
{
    struct entry e;

    if (*have)
        return q8_fail(m->scan->err, Q8_EINPUT, "a list is there twice");
    *have = true;
    if (!q8_scan_open(m->scan, '['))
        return false;
    while (q8_scan_more(m->scan))
        if (!read_entry(m, &e, digest) || !add(m, &e))
            return false;
    return !m->scan->err->code;
}

static bool read_members(struct manifest *m)
{
    struct q8_scan *s = m->scan;
    bool ok = q8_scan_open(s, '{');

    while (ok && q8_scan_key(s)) {
        if (strcmp(s->text, "files") == 0) {
            ok = read_list(m, &m->have_files, "xxh3_128", add_file);
        } else if (strcmp(s->text, "sources") == 0) {
            ok = read_list(m, &m->have_sources, "header_xxh3_128", add_source);
        } else if (strcmp(s->text, "schema") == 0) {
            ok = q8_scan_string(s);
            if (ok)
                q8_text_escape(s->text, m->schema, sizeof m->schema);
        } else {
            ok = q8_scan_skip(s);
        }
    }
    if (!ok || s->err->code || !q8_scan_done(s))
        return false;
    return (m->have_files && m->have_sources && *m->schema) ||
           q8_fail(s->err, Q8_EINPUT, "schema, files or sources are not there");
}

/* Reads the open file. */
static bool read_manifest(struct manifest *m, struct q8_file *file, struct q8_err *err)
{
    const struct q8_source source = q8_file_source(file);
    struct q8_arena text;
    struct q8_scan s;
    bool ok;

    if (file->size > MANIFEST_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "more than %d MiB", (int)(MANIFEST_LIMIT >> 20));
    q8_arena_init(&text, SCAN_MEMORY);
    m->scan = &s;
    ok = q8_scan_init(&s, &source, 0, &text, err) && read_members(m);
    m->scan = NULL;
    q8_arena_clear(&text);
    return ok;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct q8_manifest_file *)a)->name,
                  ((const struct q8_manifest_file *)b)->name);
}

/* Notes a file that stands for another: a pointer that came along with the model. */
static bool note_pointer(struct q8_verify *v, const struct q8_manifest_file *f, struct q8_err *err)
{
    const struct q8_magic *magic = NULL;
    struct q8_err ignored = {0}; /* who reads it all will tell */
    struct q8_file file;

    if (f->bytes > Q8_MAGIC_BYTES || !q8_file_open(&file, f->path, &ignored))
        return true;
    magic = q8_magic_file(&file, &ignored);
    q8_file_close(&file);
    return !magic || magic->sort != Q8_MAGIC_POINTER ||
           q8_findings_add(&v->findings, Q8_FINDING("file-pointer", f->name, false), err,
                           "it is %s, which no loader can use: %s", magic->what, magic->todo);
}

/* Sorts the files; each is there once. */
static bool sort_files(struct q8_verify *v, struct q8_err *err)
{
    char shown[200];

    if (v->files)
        qsort(v->file, v->files, sizeof *v->file, compare_files);
    for (uint64_t i = 1; i < v->files; i++)
        if (compare_files(&v->file[i - 1], &v->file[i]) == 0)
            return q8_fail(err, Q8_EINPUT, "'%s' is there twice",
                           q8_text_escape(v->file[i].name, shown, sizeof shown));
    return true;
}

/* Presence and size; contents are for q8_integrity_file. */
static bool judge_files(struct q8_verify *v, struct q8_err *err)
{
    for (uint64_t i = 0; i < v->files; i++) {
        struct q8_manifest_file *f = &v->file[i];
        struct stat st;
        enum q8_there there = q8_file_there(AT_FDCWD, f->path, 0, &st, err);
        bool ok = there != Q8_THERE_UNKNOWN;

        if (there == Q8_THERE_NOT || (ok && !S_ISREG(st.st_mode)))
            ok = q8_findings_add(&v->findings, Q8_FINDING("manifest-missing", f->name, true), err,
                                 "%s tells of it, but there is no such file", file_name);
        else if (ok && (uint64_t)st.st_size != f->bytes)
            ok = q8_findings_add(&v->findings, Q8_FINDING("manifest-size", f->name, true), err,
                                 "%s says %" PRIu64 " bytes, the file has %" PRIu64
                                 ": it is not what q8-convert wrote",
                                 file_name, f->bytes, (uint64_t)st.st_size);
        else
            f->there = ok;
        if (!ok || (f->there && !note_pointer(v, f, err)))
            return false;
    }
    return true;
}

/* The shard of the reference that is that source; NULL = none. */
static const struct q8_shard *find_shard(const struct q8_model *model, const struct source *s)
{
    for (uint32_t i = 0; i < model->shards; i++)
        if (strcmp(model->shard[i].name, s->name) == 0)
            return &model->shard[i];
    return NULL;
}

/* Whether it was made from the reference: one finding tells of the first that is not so. */
static bool judge_sources(const struct manifest *m, struct q8_err *err)
{
    const struct q8_finding *finding = Q8_FINDING("manifest-source", file_name, true);
    const struct q8_model *reference = m->v->options.reference;
    struct q8_findings *f = &m->v->findings;
    char shown[200];

    for (uint64_t i = 0; i < m->sources; i++) {
        const struct source *s = &m->source[i];
        const struct q8_shard *shard = find_shard(reference, s);
        const char *other = !shard                         ? "is not in the reference"
                            : shard->file.size != s->bytes ? "has another size in the reference"
                            : q8_digest_same(&shard->header, &s->header)
                                ? NULL
                                : "has another header in the reference";

        if (other)
            return q8_findings_add(f, finding, err,
                                   "it was made from another model: its source %s %s",
                                   q8_text_escape(s->name, shown, sizeof shown), other);
    }
    if (m->sources == reference->shards)
        return true;
    return q8_findings_add(f, finding, err,
                           "it was made from another model: from %" PRIu64 " weight files, the "
                           "reference has %" PRIu32,
                           m->sources, reference->shards);
}

/* Weight files that the manifest does not tell of. */
static bool note_others(struct q8_verify *v, struct q8_err *err)
{
    DIR *dir = opendir(v->options.quantized->dir);
    const struct dirent *d;
    bool ok = true;

    if (!dir)
        return q8_fail_errno(err, "cannot list %s", v->options.quantized->dir);
    while (ok && (errno = 0, d = readdir(dir))) {
        const struct q8_manifest_file wanted = {.name = d->d_name};
        const char *name;

        if (!q8_format_of(d->d_name) ||
            (v->files && bsearch(&wanted, v->file, v->files, sizeof *v->file, compare_files)))
            continue;
        name = q8_strndup(v->findings.mem, d->d_name, strlen(d->d_name), err);
        ok = name && q8_findings_add(&v->findings, Q8_FINDING("manifest-extra", name, false), err,
                                     "%s does not tell of this weight file", file_name);
    }
    if (ok && errno)
        ok = q8_fail_errno(err, "cannot list %s", v->options.quantized->dir);
    (void)closedir(dir);
    return ok;
}

/* What the manifest says, once it was read. */
static bool judge(struct manifest *m, struct q8_err *err)
{
    if (strcmp(m->schema, "q8-manifest/1") != 0) {
        m->v->files = 0;
        return q8_findings_add(&m->v->findings, Q8_FINDING("manifest-schema", file_name, true), err,
                               "its schema is '%s'; this q8 reads q8-manifest/1", m->schema);
    }
    return judge_files(m->v, err) && judge_sources(m, err) && note_others(m->v, err);
}

bool q8_integrity_manifest(struct q8_verify *v, struct q8_err *err)
{
    const struct q8_model *model = v->options.quantized;
    const char *path = q8_sprintf(v->findings.mem, err, "%s/%s", model->dir, file_name);
    struct manifest m = {.v = v};
    struct q8_err bad = {0};
    enum q8_there there =
        path ? q8_file_there(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, NULL, err) : Q8_THERE_UNKNOWN;
    struct q8_file file;
    bool ok;

    if (model->bare || there != Q8_THERE)
        return !err->code;
    ok = q8_file_open(&file, path, &bad);
    if (ok) {
        ok = read_manifest(&m, &file, &bad) && sort_files(v, &bad);
        q8_file_close(&file);
    }
    if (ok)
        return judge(&m, err);
    v->files = 0;
    if (bad.code != Q8_EINPUT)
        return q8_fail(err, bad.code, "%s", bad.text) || q8_fail_in(err, path);
    return q8_findings_add(&v->findings, Q8_FINDING("manifest-invalid", file_name, true), err,
                           "it is not a manifest of q8-convert: %s", bad.text);
}
