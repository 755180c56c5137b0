/* replace.h - what is called OUTPUT already: judged, and put out of the way of a new output */
#ifndef Q8_CONVERT_OUTPUT_REPLACE_H
#define Q8_CONVERT_OUTPUT_REPLACE_H

#include "src/convert/output/publish.h"

/* "PATH was not written by q8-convert", with that code. */
bool q8_replace_foreign(const char *path, int code, struct q8_err *err);

/* Opens one of the three directories; its fd is -1, with errno, where it is none or a link. */
struct q8_dir q8_replace_open(const struct q8_publish *p, enum q8_leaf leaf);

/* Locks an open directory; where the file system has no locks it only adds a warning.  Q8_EBUSY. */
bool q8_replace_lock(struct q8_publish *p, int folder, struct q8_err *err);

/* What has that name: as q8_dir_has. */
bool q8_replace_has(const struct q8_publish *p, enum q8_leaf leaf, struct stat *ret,
                    struct q8_err *err);

/* Whether an open directory still has that name; with an error where that cannot be found out. */
bool q8_replace_named(const struct q8_publish *p, int folder, enum q8_leaf leaf,
                      struct q8_err *err);

/* Sets or takes away the sign of an open directory that it is on its way in or out; Q8_EIO. */
bool q8_replace_mark(const struct q8_dir *d, bool mark, struct q8_err *err);

/*
 * Whether an open directory is an output on its way: its sign, and a manifest that names it all.
 * False with an error where that cannot be found out.
 */
bool q8_replace_leaving(const struct q8_dir *d, struct q8_claim *ret, struct q8_arena *mem,
                        struct q8_err *err);

/* Finds out what OUTPUT is, p->place, p->finished: Q8_EUSAGE when it may not be replaced. */
bool q8_replace_look(struct q8_publish *p, const struct q8_publish_wish *wish, struct q8_arena *mem,
                     struct q8_err *err);

/*
 * Puts an old output back that a killed run had moved to OUTPUT.old, or removes it when the new one
 * has its name already; Q8_EUSAGE when it may not.  *ret_back: it was put back, to be replaced.
 */
bool q8_replace_mend(struct q8_publish *p, bool may, bool *ret_back, struct q8_arena *mem,
                     struct q8_err *err);

/* Finds out whether two directories can be exchanged, or else whether OUTPUT.old is free. */
bool q8_replace_prepare(struct q8_publish *p, struct q8_err *err);

/* Puts the partial directory in the place of OUTPUT, whatever that is.  Sets p->done. */
bool q8_replace_run(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err);

#endif
