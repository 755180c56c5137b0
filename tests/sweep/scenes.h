/* scenes.h - the commands of the sweep, and what lies around them */
#ifndef TESTS_SWEEP_SCENES_H
#define TESTS_SWEEP_SCENES_H

#include <stdbool.h>

#define SCENE_WORDS 24

/* What is in the folder of the run before it. */
enum before { BEFORE_NOTHING, BEFORE_PARTIAL, BEFORE_OUTPUT, BEFORE_FINISHED };

struct scene {
    const char *name;
    enum before before;
    int status;        /* the exit status when nothing goes wrong */
    const char *words; /* of the command line, a space between two; the program's name first */
};

extern const struct scene scenes[]; /* ends with one without a name */

/* Makes the current folder what the scene begins with. */
bool scene_set(const struct scene *s);

/* The file that a word of the command line writes a report to; NULL: none. */
const char *scene_report(const char *word);

#endif
