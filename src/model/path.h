/* path.h - paths of modules: patterns of them, and what transformers calls them in memory */
#ifndef Q8_MODEL_PATH_H
#define Q8_MODEL_PATH_H

#include <stdbool.h>
#include <stddef.h>

struct q8_arch; /* src/model/arch.h */
struct q8_arch_fused;

/*
 * Whether the module path, of `length` bytes, matches the pattern, of `pattern_length` bytes: a
 * module path in which '#' stands for a number.  ".a.b" also matches at the end of a longer path
 * and the whole path "a.b"; "a.*" stands for everything below a, but not for a itself.
 */
bool q8_path_matches(const char *pattern, size_t pattern_length, const char *module, size_t length);

/* What a name in memory can be longer than in the file, its NUL counted. */
#define Q8_ARCH_LONGER 128

/*
 * The name that transformers gives this module of the file (or a part above one) in memory, in
 * `ret` of `size` bytes; `module` itself when it is the same, or the class is not known.  NULL: it
 * does not fit; Q8_ARCH_LONGER more than `module` has are enough.  What transformers fuses or cuts
 * has no such name: q8_arch_moved says so.  Source: core_model_loading.py, rename_source_key, and
 * conversion_mapping.py, by way of arch_table.inc.
 */
const char *q8_arch_memory_name(const struct q8_arch *arch, const char *module, char *ret,
                                size_t size);

/*
 * How transformers cuts the module of the file, or the bare parameter of that name; NULL where it
 * does not.  The name in memory is that of the first part, the others have other leaves.
 */
const struct q8_arch_fused *q8_arch_fused(const struct q8_arch *arch, const char *module);

/*
 * The name in memory of the i-th part of what q8_arch_fused gives, as q8_arch_memory_name; NULL
 * past the last as well.
 */
const char *q8_arch_part_name(const struct q8_arch *arch, const char *module, size_t i, char *ret,
                              size_t size);

/*
 * Whether transformers gives this module of the file another name in memory, or one that is not
 * known, and so may not find it when a config names it.
 */
bool q8_arch_moved(const struct q8_arch *arch, const char *module);

#endif
