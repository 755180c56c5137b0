/*
 * sweep.c - every system call and every allocation of the three commands fails once, and for ever
 *
 *     sweep BINARIES AGENT PART SEED [SCENE...]
 *
 * BINARIES is the folder of the commands.  Of all that could be tried, one in PART is: 1 tries it
 * all, and which ones are taken otherwise depends on nothing but SEED.  The current folder is that
 * of the runs, and may be emptied.  Prints what is wrong, and a table.
 */
#include "tests/sweep/files.h"
#include "tests/sweep/judge.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_BYTES 1024

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true /* allocates by itself, and cannot go on without */
#else
#define SANITIZED false
#endif

/* One line of the table. */
struct tally {
    long calls, tried, wrong, artefacts;
};

struct sweep {
    const char *binaries, *agent;
    uint64_t part, seed;
    struct tally call[CALLS_MOST + 1]; /* the last: allocations */
    struct tally scene, all;
    struct stage stage;
    char words[WORDS_BYTES], program[PATH_MAX];
};

/* Whether this one is in the sample. */
static bool is_taken(const struct sweep *s, const struct fault *f)
{
    char name[200];
    uint64_t sum = s->seed;

    (void)snprintf(name, sizeof name, "%s %s %s %ld %d", s->stage.scene->name,
                   f->call ? f->call->name : "", f->how.name, f->at, f->ever);
    for (const char *c = name; *c; c++)
        sum = (sum ^ (uint64_t)*c) * UINT64_C(0x9e3779b97f4a7c15);
    return (sum >> 32) % s->part == 0;
}

static void show(const struct sweep *s, const struct fault *f, int status, const char *bad)
{
    char said[600];

    files_read("stderr", said, sizeof said);
    printf("WRONG %s: %s %s %s%ld: %s (exit %d, %s)\n", s->stage.scene->name,
           f->call ? f->call->name : "allocation", f->call ? f->how.name : "fails",
           f->ever ? "from " : "at ", f->at, bad, status, *said ? said : "nothing said");
    (void)fflush(stdout);
}

/* One fault; false when it was not reached, so that no later one will be. */
static bool try_one(struct sweep *s, const struct fault *f, struct tally *t)
{
    struct outcome got;
    const char *bad;

    if (!scene_set(s->stage.scene) || !trap_run(&s->stage.command, f, &got)) {
        printf("WRONG %s: the sweep itself fails\n", s->stage.scene->name);
        exit(1);
    }
    if (!got.fired)
        return false;
    t->tried++;
    s->scene.tried++;
    bad = judge(&s->stage, f, &got);
    if (bad && judge_artefact(f, bad)) {
        t->artefacts++;
        s->scene.artefacts++;
    } else if (bad) {
        t->wrong++;
        s->scene.wrong++;
        show(s, f, got.status, bad);
    }
    return true;
}

static void try_all(struct sweep *s, struct fault f, long count, struct tally *t)
{
    t->calls += count;
    s->scene.calls += count;
    for (f.at = 1; f.at <= count; f.at++)
        if (is_taken(s, &f) && !try_one(s, &f, t))
            return;
}

/* "Try again", which has an end: Linux never says it for ever, and the C library believes it. */
static bool is_again(const struct call *call, int how)
{
    return how == EINTR || (how == HOW_NOTHING && strstr(call->name, "write"));
}

static void try_call(struct sweep *s, int row, long count)
{
    struct tally *t = &s->call[row];
    struct call_how how[CALL_HOWS];
    const int hows = call_hows(&calls[row], how);

    if (SANITIZED && strcmp(calls[row].hows, "ENOMEM") == 0)
        return;
    for (int i = 0; i < hows; i++)
        for (int ever = calls[row].ever; ever < 2; ever++)
            if (!ever || !is_again(&calls[row], how[i].value))
                try_all(s, (struct fault){&calls[row], how[i], 0, ever}, count, t);
}

/* The command line of a scene in words, and the reports that it writes. */
static void open_stage(struct sweep *s, const struct scene *scene)
{
    int words = 0, reports = 0;

    s->stage = (struct stage){.scene = scene};
    (void)snprintf(s->words, sizeof s->words, "%s", scene->words);
    for (char *word = strtok(s->words, " "); word; word = strtok(NULL, " ")) {
        s->stage.argv[words++] = word;
        if (scene_report(word))
            s->stage.report[reports++] = scene_report(word);
    }
    (void)snprintf(s->program, sizeof s->program, "%s/%s", s->binaries, s->stage.argv[0]);
    s->stage.argv[0] = s->program;
    s->stage.command = (struct command){s->stage.argv, ".", s->agent};
}

static bool run_scene(struct sweep *s, const struct scene *scene)
{
    struct outcome clean;
    char said[600];

    open_stage(s, scene);
    s->scene = (struct tally){0};
    if (!scene_set(scene))
        return false;
    s->stage.before = files_digest("out");
    if (!trap_run(&s->stage.command, &(struct fault){0}, &clean))
        return false;
    files_read("stderr", said, sizeof said);
    if (clean.status != scene->status || clean.strange >= 0) {
        printf("WRONG %s: exit %d without any fault, system call %d is in no row of calls.c: %s\n",
               scene->name, clean.status, clean.strange, said);
        s->all.wrong++;
        return true;
    }
    judge_learn(&s->stage);
    for (int row = 0; calls[row].name; row++)
        try_call(s, row, clean.count[row]);
    for (int ever = 0; !SANITIZED && ever < 2; ever++)
        try_all(s, (struct fault){.how = {"", 0}, .ever = ever}, clean.allocs,
                &s->call[CALLS_MOST]);
    printf("%-16s %8ld %8ld %8ld %8ld\n", scene->name, s->scene.calls, s->scene.tried,
           s->scene.wrong, s->scene.artefacts);
    (void)fflush(stdout);
    s->all.calls += s->scene.calls;
    s->all.tried += s->scene.tried;
    s->all.wrong += s->scene.wrong;
    s->all.artefacts += s->scene.artefacts;
    return true;
}

static void print_line(const char *name, const struct tally *t)
{
    if (t->calls)
        printf("%-16s %8ld %8ld %8ld %8ld\n", name, t->calls, t->tried, t->wrong, t->artefacts);
}

static bool is_wanted(const char *name, char **wanted)
{
    bool found = !*wanted;

    for (; *wanted; wanted++)
        found |= strcmp(*wanted, name) == 0;
    return found;
}

int main(int argc, char **argv)
{
    static struct sweep s;

    if (argc < 5)
        return 2;
    s.binaries = argv[1];
    s.agent = argv[2];
    s.part = strtoull(argv[3], NULL, 10);
    s.seed = strtoull(argv[4], NULL, 10);
    printf("one in %" PRIu64 ", seed %" PRIu64 "\n%-16s %8s %8s %8s %8s\n", s.part, s.seed, "scene",
           "calls", "tried", "wrong", "artefact");
    for (const struct scene *scene = scenes; scene->name; scene++)
        if (is_wanted(scene->name, argv + 5) && !run_scene(&s, scene)) {
            fputs("SKIPPED: this kernel hands out no system calls (seccomp)\n", stderr);
            return 77;
        }
    printf("\n%-16s %8s %8s %8s %8s\n", "call", "calls", "tried", "wrong", "artefact");
    for (int row = 0; calls[row].name; row++)
        print_line(calls[row].name, &s.call[row]);
    print_line("allocation", &s.call[CALLS_MOST]);
    print_line("all", &s.all);
    return s.all.wrong ? 1 : 0;
}
