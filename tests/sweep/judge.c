/* judge.c - whether what became of a run is right */
#include "tests/sweep/judge.h"

#include "tests/sweep/files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a verdict can be excused for: nothing that q8 does could make it right. */
static const struct {
    const char *call, *how; /* NULL: any */
    bool ever;
    const char *verdict; /* its beginning */
    const char *reason;
} artefacts[] = {
    {"flock", "EAGAIN", true, "left behind", "what another run is said to hold stays"},
    {"unlink", NULL, true, "left behind", "what cannot be removed stays"},
};

static uint64_t stamp_inputs(void)
{
    static const char *const inputs[] = {"../m", "../s", "../n", "../q", "../c", "../d"};
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        sum = sum * 31 + files_stamp(inputs[i]);
    return sum;
}

void judge_learn(struct stage *s)
{
    s->output = files_digest("out");
    s->printed = files_text_digest("stdout");
    s->said = files_text_digest("stderr");
    for (int i = 0; s->report[i]; i++)
        s->report_digest[i] = files_text_digest(s->report[i]);
    s->inputs = stamp_inputs();
}

/* Whether this exit status is the documented one for that fault. */
static bool fits(const struct fault *fault, int status)
{
    if (!fault->call || fault->how.value == ENOMEM)
        return status == 6;
    if (fault->how.value == EMFILE)
        return status == 5 || status == 6;
    if (fault->how.value == EAGAIN)
        return status == (strcmp(fault->call->name, "flock") == 0 ? 7 : 6);
    return status == 5;
}

/* Whether the text has the word by itself. */
static bool has_word(const char *text, const char *word)
{
    const char *at = text;

    while ((at = strstr(at, word))) {
        if ((at == text || strchr(" /'=", at[-1])) && strchr("/.:, '\n;", at[strlen(word)]))
            return true;
        at++;
    }
    return false;
}

/* The lines of standard error: warnings, and one of the error that names a place. */
static const char *judge_words(const struct stage *s, const struct fault *fault, int status)
{
    char text[8192], *line = text, *end, *error = NULL;
    bool names;

    files_read("stderr", text, sizeof text);
    for (; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (strncmp(line, "q8-", 3) != 0)
            return "a line without the command's name";
        if (strstr(line, ": warning: "))
            continue;
        if (error)
            return "more than one line of error";
        error = line;
    }
    if (*line)
        return "a line without an end";
    if (status == s->scene->status)
        return error ? "an error with the exit status of success" : NULL;
    if (!error)
        return "no message";
    names = strstr(error, "../") || has_word(error, "out") || has_word(error, "standard output");
    for (int i = 0; !names && s->report[i]; i++)
        names = has_word(error, s->report[i]);
    /* memory, threads and descriptors are no place */
    if (!names && !(fault->call && strcmp(fault->call->name, "event") == 0) && status != 6)
        return "the message names no file";
    return NULL;
}

/* The text ends as a whole one of its kind does. */
static bool is_whole(const char *path)
{
    char text[1 << 16];
    size_t n;

    files_read(path, text, sizeof text);
    n = strlen(text);
    return n > 0 && text[n - 1] == '\n' && strstr(text, "error");
}

static const char *judge_reports(const struct stage *s, int status)
{
    for (int i = 0; s->report[i]; i++) {
        const uint64_t digest = files_text_digest(s->report[i]);

        if (status == s->scene->status && !digest)
            return "a report is not there";
        if (digest && digest != s->report_digest[i] &&
            (status == s->scene->status || !is_whole(s->report[i])))
            return "a report is not what it should be";
    }
    if (status == s->scene->status && files_text_digest("stdout") != s->printed)
        return "standard output is not what it should be";
    return NULL;
}

static const char *judge_output(const struct stage *s, int status)
{
    const uint64_t digest = files_digest("out");

    if (status == s->scene->status)
        return digest == s->output ? NULL : "OUTPUT is not what it should be";
    return !digest || digest == s->output || digest == s->before ? NULL : "half of OUTPUT";
}

/* Nothing lies in the folder but what may; what the message says of the partial one is true. */
static const char *judge_rest(const struct stage *s)
{
    char text[8192];
    bool says, there = files_there("out.partial");
    struct dirent **entry;
    int count = scandir(".", &entry, NULL, NULL);
    static char left[PATH_MAX];

    files_read("stderr", text, sizeof text);
    says = strstr(text, "--resume") || strstr(text, "could not be removed");
    *left = '\0';
    for (int i = 0; i < count; i++) {
        const char *name = entry[i]->d_name;
        bool known =
            strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strncmp(name, "std", 3) == 0 ||
            strcmp(name, "out") == 0 ||
            (strcmp(name, "out.partial") == 0 && (says || s->scene->before == BEFORE_PARTIAL));

        for (int k = 0; !known && s->report[k]; k++)
            known = strcmp(name, s->report[k]) == 0;
        if (!known)
            (void)snprintf(left, sizeof left, "left behind: %s", name);
        free(entry[i]);
    }
    free(entry);
    if (says && !there && !strstr(text, "warning: "))
        return "says that something stays, and nothing does";
    return *left ? left : NULL;
}

/* What stays can be gone on with, to the same bytes. */
static const char *judge_resume(const struct stage *s)
{
    const struct fault none = {.at = LONG_MAX};
    struct command command = s->command;
    char *argv[SCENE_WORDS + 2];
    static char text[300];
    struct outcome got;
    int words = 0;

    if (!files_there("out.partial"))
        return NULL;
    for (; s->argv[words]; words++)
        argv[words] = s->argv[words];
    argv[words] = "--resume";
    argv[words + 1] = NULL;
    command.argv = argv;
    if (!trap_run(&command, &none, &got) || got.status != 0) {
        char said[200];

        files_read("stderr", said, sizeof said);
        (void)snprintf(text, sizeof text, "--resume afterwards: exit %d, %s", got.status, said);
        return text;
    }
    if (files_digest("out") != s->output)
        return "--resume afterwards gives other bytes";
    return files_there("out.partial") ? "--resume afterwards leaves out.partial" : NULL;
}

const char *judge(const struct stage *s, const struct fault *fault, const struct outcome *got)
{
    const char *bad = NULL;

    if (got->status == 256)
        return "hangs";
    if (got->status > 7)
        return "crashes";
    if (got->status != s->scene->status && !fits(fault, got->status))
        return "the exit status is not the documented one";
    if (!got->mute)
        bad = judge_words(s, fault, got->status);
    if (!bad)
        bad = judge_output(s, got->status);
    if (!bad)
        bad = judge_reports(s, got->status);
    if (!bad && !got->mute)
        bad = judge_rest(s);
    if (!bad && stamp_inputs() != s->inputs)
        bad = "an input was written to";
    return bad ? bad : judge_resume(s);
}

const char *judge_artefact(const struct fault *fault, const char *verdict)
{
    const char *call = fault->call ? fault->call->name : "allocation";

    for (size_t i = 0; i < sizeof artefacts / sizeof *artefacts; i++)
        if ((!artefacts[i].call || strcmp(artefacts[i].call, call) == 0) &&
            (!artefacts[i].how || strcmp(artefacts[i].how, fault->how.name) == 0) &&
            (!artefacts[i].ever || fault->ever) &&
            strncmp(artefacts[i].verdict, verdict, strlen(artefacts[i].verdict)) == 0)
            return artefacts[i].reason;
    return NULL;
}
