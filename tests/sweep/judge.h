/* judge.h - whether what became of a run is right */
#ifndef TESTS_SWEEP_JUDGE_H
#define TESTS_SWEEP_JUDGE_H

#include "tests/sweep/scenes.h"
#include "tests/sweep/trap.h"

#include <stdint.h>

#define REPORTS_MOST 6

/* A scene as it goes when nothing goes wrong. */
struct stage {
    const struct scene *scene;
    struct command command;
    char *argv[SCENE_WORDS + 2]; /* one is free for --resume */
    const char *report[REPORTS_MOST + 1];
    uint64_t report_digest[REPORTS_MOST];
    uint64_t output, printed, said; /* OUTPUT, standard output, standard error */
    uint64_t before;                /* OUTPUT before the run, 0: none */
    uint64_t inputs;                /* stamp of what is read */
};

/*
 * Takes down what is there after a run in which nothing went wrong.  The folder above the current
 * one holds the inputs, the current one is that of the run.
 */
void judge_learn(struct stage *s);

/* NULL when all is right, else what is not: a text that stays. */
const char *judge(const struct stage *s, const struct fault *fault, const struct outcome *got);

/* Why a verdict counts for nothing, where the injection itself is to blame; NULL: it counts. */
const char *judge_artefact(const struct fault *fault, const char *verdict);

#endif
