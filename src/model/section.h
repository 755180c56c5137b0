/* section.h - which section of a composite model a module is in, told by its path */
#ifndef Q8_MODEL_SECTION_H
#define Q8_MODEL_SECTION_H

#include "src/model/arch.h"
#include "src/model/model.h"

/* Sections that runtimes build apart. */
enum q8_section {
    Q8_SECTION_MAIN,      /* the language model, or all of a model of one section */
    Q8_SECTION_TOWER,     /* what sees or hears, beside a language model */
    Q8_SECTION_PROJECTOR, /* between the two */
    Q8_SECTION_DRAFT,     /* multi-token prediction: layers that draft, for speculative decoding */
    Q8_SECTIONS
};

/* What config.json tells of them.  Points into the model. */
struct q8_sections {
    const char *text_type; /* model_type of the language part; NULL: there is none apart */
    uint64_t layers;       /* num_hidden_layers of the language model; 0: not told */
    uint64_t drafts;       /* num_nextn_predict_layers or its like; 0: none are told */
    uint64_t vocabulary;   /* vocab_size of the language model; 0: not told */
    bool composite;        /* there are towers beside a language model */
};

/* Looks config.json up; a model without one is of one section. */
void q8_sections_init(struct q8_sections *ret, const struct q8_model *model);

/*
 * The section of a module, by its name in the checkpoint: the words before the first number of its
 * path, and for the layers of the decoder that number.  Words: the attribute names that vLLM 0.33.0
 * and SGLang 0.5.23 give to what they build without a quantization config.
 */
enum q8_section q8_sections_find(const struct q8_sections *sections, const char *module);

/*
 * Whose code meets the int8 weights of a model of class `whole`: the class itself, or that of its
 * language part alone where towers and projectors are float.
 */
void q8_sections_arch(struct q8_arch *ret, const struct q8_sections *sections,
                      const struct q8_arch *whole, bool towers);

#endif
