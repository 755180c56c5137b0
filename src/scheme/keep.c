/* keep.c - what stays float in a target since the runtimes that read it build it so */
#include "src/scheme/keep.h"

#include "src/model/unfinished.h"

static const char *const section_reasons[Q8_SECTIONS] = {
    [Q8_SECTION_TOWER] = "part of what sees or hears, float unless --vision=int8",
    [Q8_SECTION_PROJECTOR] = "between a tower and the language model, float unless --vision=int8",
    [Q8_SECTION_DRAFT] = "a draft (MTP) layer: runtimes build it float",
};

static const char *const reader_reasons[Q8_READERS] = {
    [Q8_READER_VLLM] = "vLLM builds it float",
    [Q8_READER_SGLANG] = "SGLang builds it float",
};

/* Whether the readers of the target have model files of their own. */
static bool is_served(const struct q8_target *target)
{
    return q8_target_read_by(target, Q8_READER_VLLM) || q8_target_read_by(target, Q8_READER_SGLANG);
}

void q8_keep_init(struct q8_keep *ret, const struct q8_model *model, const struct q8_arch *arch,
                  const struct q8_target *target, enum q8_vision vision)
{
    *ret = (struct q8_keep){.target = target,
                            .arch = arch,
                            .vision = vision == Q8_VISION_INT8 ||
                                      (vision == Q8_VISION_DEFAULT && !is_served(target))};
    q8_sections_init(&ret->sections, model);
    for (int r = 0; r < Q8_READERS; r++)
        q8_reading_init(&ret->reading[r], (enum q8_reader)r, arch->class_name,
                        ret->sections.text_type);
}

enum q8_place q8_keep_place(const struct q8_keep *keep, enum q8_reader reader, enum q8_kind kind,
                            const char *module)
{
    const struct q8_reading *reading = &keep->reading[reader];

    if (reader == Q8_READER_TRANSFORMERS) /* its classes initialize what has a plain weight only */
        return kind == Q8_KIND_EMBEDDING ? Q8_PLACE_FLOAT : Q8_PLACE_INT8;
    switch (kind) {
    case Q8_KIND_HEAD: return q8_reading_head(reading);
    case Q8_KIND_EMBEDDING: return q8_reading_embed(reading);
    default: return q8_reading_module(reading, module);
    }
}

const char *q8_keep_reason(const struct q8_keep *keep, const char *module)
{
    const enum q8_section section = q8_sections_find(&keep->sections, module);

    if (section == Q8_SECTION_DRAFT)
        return section_reasons[section];
    if (section != Q8_SECTION_MAIN && !keep->vision)
        return section_reasons[section];
    for (int r = Q8_READER_VLLM; r < Q8_READERS; r++)
        if (q8_target_read_by(keep->target, (enum q8_reader)r) &&
            q8_reading_module(&keep->reading[r], module) == Q8_PLACE_FLOAT)
            return reader_reasons[r];
    return q8_unfinished_head(keep->arch, module);
}
