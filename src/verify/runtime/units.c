/*
 * units.c - the modules of the int8 model as vLLM 0.33.0 and SGLang 0.5.23 build them: q, k and v
 * as one, gate and up as one, all experts of a layer as one
 *
 * Source: packed_modules_mapping of the model files of both (data in packed_table.inc for SGLang).
 */
#include "src/verify/runtime/runtime_parts.h"

#include "src/base/text.h"
#include "src/model/floats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { QKV = 1, GATE_UP = 2, QKV_A = 4, QKVZ = 8, BA = 16, ALL = 31, LOST = Q8_LOST_PATH };

static const struct q8_fused fused[] = {
    {{"qkv_proj", "qkv_proj"}, {"q_proj", "k_proj", "v_proj"}, QKV},
    {{"gate_up_proj", "gate_up_proj"}, {"gate_proj", "up_proj"}, GATE_UP},
    {{"fused_qkv_a_proj", "fused_qkv_a_proj_with_mqa"}, {"q_a_proj", "kv_a_proj_with_mqa"}, QKV_A},
    {{"in_proj_qkvz", "in_proj_qkvz"}, {"in_proj_qkv", "in_proj_z"}, QKVZ},
    {{"in_proj_ba", "in_proj_ba"}, {"in_proj_b", "in_proj_a"}, BA},
};

/* SGLang's classes that expand fused names, and which. */
static const struct {
    const char *class_name;
    unsigned bits;
} expanding[] = {
#include "src/verify/runtime/packed_table.inc"
};

unsigned q8_runtime_expands(enum q8_reader reader, const char *class_name)
{
    if (reader != Q8_READER_SGLANG)
        return ALL;
    for (size_t i = 0; class_name && i < COUNT(expanding); i++)
        if (strcmp(expanding[i].class_name, class_name) == 0)
            return expanding[i].bits;
    return 0;
}

/* Length of the path up to its last part, with the dot. */
static size_t parent_length(const char *module)
{
    const char *dot = strrchr(module, '.');

    return dot ? (size_t)(dot - module) + 1 : 0;
}

static const struct q8_fused *find_fused(const char *leaf)
{
    for (size_t i = 0; i < COUNT(fused); i++)
        for (int k = 0; fused[i].part[k]; k++)
            if (strcmp(fused[i].part[k], leaf) == 0)
                return &fused[i];
    return NULL;
}

/* Length of "....experts" in "....experts.3.up_proj"; 0: it is no expert. */
static size_t experts_length(const char *module)
{
    const char *at = strstr(module, ".experts."), *p;

    if (!at)
        return 0;
    p = at + strlen(".experts.");
    if (p[strspn(p, "0123456789")] != '.' || *p < '0' || *p > '9' ||
        strchr(p + strspn(p, "0123456789") + 1, '.'))
        return 0;
    return (size_t)(at - module) + strlen(".experts");
}

/* The module that it becomes a part of. */
static bool set_key(struct q8_piece *p, struct q8_arena *mem, struct q8_err *err)
{
    const size_t parent = parent_length(p->module), experts = experts_length(p->module);

    p->key = p->module;
    p->fused = experts ? NULL : find_fused(p->module + parent);
    if (experts)
        p->key = q8_strndup(mem, p->module, experts, err);
    else if (p->fused)
        p->key = q8_sprintf(mem, err, "%.*s%s", (int)parent, p->module, p->fused->name[0]);
    return p->key != NULL;
}

static int compare_pieces(const void *a, const void *b)
{
    const struct q8_piece *x = a, *y = b;
    const int order = strcmp(x->key, y->key);

    return order ? order : strcmp(x->module, y->module);
}

/* A weight of the file as a piece; false in *ret_taken where it is none. */
static bool read_piece(struct q8_runtime_run *r, const struct q8_tensor *t, struct q8_piece *p,
                       bool *ret_taken, struct q8_err *err)
{
    struct q8_arena *mem = r->v->findings.mem;
    const size_t length = q8_weight_stem(t->name);
    char *name;

    *ret_taken = false;
    *p = (struct q8_piece){.stored = q8_stored_of(&r->v->pairs.stored_b, t)};
    if (p->stored) {
        p->module = p->stored->module;
        p->rows = p->stored->rows;
        p->cols = p->stored->cols;
    } else if (length && t->rank == 2 && q8_dtype_is_float(t->dtype)) {
        p->module = q8_strndup(mem, t->name, length, err);
        p->rows = t->dim[0];
        p->cols = t->dim[1];
    } else if (t->rank == 3 && q8_arch_experts(&r->arch, t->name)) {
        name = q8_strndup(mem, t->name, parent_length(t->name) - 1, err);
        p->module = name; /* all experts at once */
        p->key = name;
        p->kind = Q8_KIND_EXPERT;
        *ret_taken = true;
        return name != NULL;
    } else {
        return true;
    }
    name = p->module ? q8_weight_name(p->module, mem, err) : NULL;
    if (!name || !set_key(p, mem, err))
        return false;
    p->kind = q8_arch_kind(&r->arch, name, 2);
    *ret_taken = true;
    return true;
}

static bool is_head(const struct q8_runtime_run *r, const struct q8_piece *p)
{
    const char *head;

    for (size_t i = 0; (head = q8_arch_head(&r->arch, i)); i++)
        if (strcmp(head, p->module) == 0 &&
            (strcmp(head, "lm_head") == 0 || strcmp(head, "embed_out") == 0))
            return true;
    return strcmp(p->module + parent_length(p->module), "lm_head") == 0;
}

/* Whether the parts are all that the fused module has; a class may have some of them alone. */
static bool is_whole(const struct q8_unit *u, const struct q8_fused *f)
{
    uint64_t parts = 0;

    while (f->part[parts])
        parts++;
    return u->pieces == parts;
}

static void add_unit(struct q8_runtime_run *r, const struct q8_piece *piece, uint64_t pieces)
{
    struct q8_unit *u = &r->unit[r->units++];

    *u = (struct q8_unit){.name = piece->key, .piece = piece, .pieces = pieces};
    for (uint64_t i = 0; i < pieces; i++)
        u->int8 += piece[i].stored != NULL;
    u->whole_experts = piece->kind == Q8_KIND_EXPERT && piece->key == piece->module;
    if (u->whole_experts || experts_length(piece->module))
        u->kind = Q8_UNIT_EXPERTS;
    else if (is_head(r, piece))
        u->kind = Q8_UNIT_HEAD;
    else if (piece->kind == Q8_KIND_EMBEDDING)
        u->kind = Q8_UNIT_EMBEDDING;
    if (u->kind == Q8_UNIT_LINEAR)
        u->name = pieces > 1 ? piece->key : piece->module;
}

/* The pieces of one key; those of a module that is not whole each stand for themselves. */
static void add_units(struct q8_runtime_run *r, uint64_t first, uint64_t end)
{
    struct q8_unit u = {.pieces = end - first};
    struct q8_piece *piece = &r->piece[first];

    if (!piece->fused || is_whole(&u, piece->fused)) {
        add_unit(r, piece, end - first);
        return;
    }
    for (uint64_t i = first; i < end; i++) {
        r->piece[i].fused = NULL;
        add_unit(r, &r->piece[i], 1);
    }
}

bool q8_runtime_units(struct q8_runtime_run *r, struct q8_err *err)
{
    const struct q8_index *index = &r->v->options.quantized->index;
    struct q8_arena *mem = r->v->findings.mem;
    bool taken;

    r->piece = q8_alloc(mem, index->count, sizeof *r->piece, err);
    r->unit = q8_alloc(mem, index->count, sizeof *r->unit, err);
    if (!r->piece || !r->unit)
        return false;
    for (uint64_t i = 0; i < index->count; i++) {
        if (!read_piece(r, &index->tensor[i], &r->piece[r->pieces], &taken, err))
            return false;
        r->pieces += taken;
    }
    if (r->pieces)
        qsort(r->piece, r->pieces, sizeof *r->piece, compare_pieces);
    for (uint64_t i = 0, end; i < r->pieces; i = end) {
        for (end = i + 1; end < r->pieces && strcmp(r->piece[i].key, r->piece[end].key) == 0;)
            end++;
        add_units(r, i, end);
    }
    return true;
}

const char *q8_unit_name(const struct q8_unit *unit, enum q8_reader reader, char *text, size_t size)
{
    const struct q8_fused *f = unit->piece->fused;

    if (unit->pieces == 1 || !f || reader == Q8_READER_VLLM)
        return unit->name;
    (void)snprintf(text, size, "%.*s%s", (int)parent_length(unit->name), unit->name, f->name[1]);
    return text;
}

/* Names of the table of words. */
static bool is_token_table(const char *module)
{
    static const char *const names[] = {"embed_tokens", "wte", "embed_in", "tok_embeddings",
                                        "word_embeddings"};
    const char *leaf = module + parent_length(module);

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(names[i], leaf) == 0)
            return true;
    return false;
}

enum q8_place q8_unit_place(const struct q8_runtime_run *r, const struct q8_unit *unit)
{
    char name[1024];

    switch (unit->kind) {
    case Q8_UNIT_HEAD: return q8_reading_head(&r->reading);
    case Q8_UNIT_EMBEDDING:
        if (!is_token_table(unit->name))
            return Q8_PLACE_UNKNOWN;
        if (r->reader == Q8_READER_SGLANG) /* get_quant_method knows no embeddings */
            return Q8_PLACE_FLOAT;
        return q8_reading_embed(&r->reading);
    case Q8_UNIT_EXPERTS:
        if (!unit->whole_experts)
            return q8_reading_module(&r->reading, unit->piece->module);
        (void)snprintf(name, sizeof name, "%s.0.gate_proj", unit->name);
        return q8_reading_module(&r->reading, name);
    default: return q8_reading_module(&r->reading, unit->piece->module);
    }
}
