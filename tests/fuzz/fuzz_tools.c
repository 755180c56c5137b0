/*
 * fuzz_tools.c - the three commands over a folder that the bytes describe, in this process
 *
 * The first line is a command line, its words apart by one space; the rest is the folder that it
 * runs in (archive.h).  Whatever they say: the command comes back with a documented status and a
 * sentence, reports are well-formed, nothing lies about that should not, and what q8-convert wrote
 * q8-verify can read.
 */
#include "src/base/json.h"
#include "src/base/text.h"
#include "tests/fuzz/archive.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The commands' own main, which the build gives these names. */
int q8_convert_main(int argc, char **argv);
int q8_inspect_main(int argc, char **argv);
int q8_verify_main(int argc, char **argv);

#define WORDS_MOST 32
#define LINE_MOST 1000
#define LEFT_MOST 64

/* A command line, and what was said. */
struct run {
    char line[LINE_MOST + 1];
    char *argv[WORDS_MOST + 4];
    int argc, status;
    char *out, *err; /* what went to standard output and error */
    size_t out_size, err_size;
    bool output;                 /* OUTPUT or its partial folder was there before */
    char before[LEFT_MOST][128]; /* names in the folder */
    int befores;
};

static char work[64]; /* the folder of this process; empty: none yet */
static int home;      /* the folder that it came from, where the fuzzer writes what it finds */

static void check(const struct run *r, bool ok, const char *what)
{
    if (ok)
        return;
    (void)!fchdir(home);
    (void)dprintf(2, "%s: exit %d, %s\n", what, r->status, r->err ? r->err : "");
    abort();
}

/* Options that end the process, and paths that lead out of the folder. */
static bool is_allowed(const char *word)
{
    static const char *const plain[] = {"-q", "-n", "-f", "-j1", "-j2"};
    const char *equals = strchr(word, '=');

    if (archive_leaves(word) || (equals && archive_leaves(equals + 1)))
        return false;
    if (*word != '-')
        return true;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(word, plain[i]) == 0)
            return true;
    if (word[1] != '-' || !word[2])
        return false;
    if (strncmp(word, "--th", 4) == 0) /* --threads: no more than the machine has */
        return strncmp(word, "--thresh", 8) == 0;
    return (word[2] != 'h' || strncmp(word, "--htm", 5) == 0 || strncmp(word, "--hea", 5) == 0) &&
           (word[2] != 'u' || strncmp(word, "--use=", 6) == 0) &&
           (word[2] != 'v' || strncmp(word, "--vis", 5) == 0);
}

/* Takes the first line apart; false: it is no command line to be tried. */
static bool read_line(struct run *r, const uint8_t *bytes, size_t size)
{
    const uint8_t *end = memchr(bytes, '\n', size);
    const size_t length = end ? (size_t)(end - bytes) : size;
    char *state = NULL;

    if (length > LINE_MOST)
        return false;
    for (size_t i = 0; i < length; i++) /* argp shows options that it does not know as they are */
        if (bytes[i] < ' ' || bytes[i] == 127)
            return false;
    memcpy(r->line, bytes, length);
    for (char *word = strtok_r(r->line, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
        if (r->argc >= WORDS_MOST || (r->argc && !is_allowed(word)))
            return false;
        r->argv[r->argc++] = word;
        if (r->argc == 1)
            r->argv[r->argc++] = "-j1";
    }
    return r->argc > 1;
}

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* Where a sanitizer tells what it found; not there without one. */
extern void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

/* What a descriptor of memory got, with a NUL behind; empties it. */
static char *take_text(int fd, size_t *ret_size)
{
    const off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc((size_t)size + 1, 1);

    if (size < 0 || !text || pread(fd, text, (size_t)size, 0) != (ssize_t)size ||
        ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        abort();
    *ret_size = (size_t)size;
    return text;
}

/* Calls a command, its standard output and error taken down. */
static void call(struct run *r)
{
    static int kept[2], memory[2]; /* opened once */
    int (*command)(int, char **) = strcmp(r->argv[0], "q8-convert") == 0   ? q8_convert_main
                                   : strcmp(r->argv[0], "q8-inspect") == 0 ? q8_inspect_main
                                                                           : q8_verify_main;
    sigset_t signals;

    for (int i = 0; i < 2 && !kept[1]; i++) {
        kept[i] = dup(i + 1);
        memory[i] = memfd_create("said", 0);
    }
    if (__sanitizer_set_report_fd)
        __sanitizer_set_report_fd((void *)(intptr_t)kept[1]);
    (void)sigprocmask(SIG_SETMASK, NULL, &signals);
    (void)dup2(memory[0], 1);
    (void)dup2(memory[1], 2);
    r->status = command(r->argc, r->argv);
    (void)fflush(NULL);
    (void)dup2(kept[0], 1);
    (void)dup2(kept[1], 2);
    (void)sigprocmask(SIG_SETMASK, &signals, NULL);
    r->out = take_text(memory[0], &r->out_size);
    r->err = take_text(memory[1], &r->err_size);
}

/* No byte that does something to a terminal. */
static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\n') || text[i] == 127)
            return text[i] == '\r' && text[i + 1] == '\n'; /* as RFC 4180 wants it */
    return true;
}

static void check_json(const struct run *r, const char *text, size_t size)
{
    struct q8_err err = {0};
    struct cJSON *root = q8_json_parse(text, size, &err);

    check(r, root || err.code == Q8_ELIMIT, err.text);
    q8_json_free(root);
}

/* A report that an option names is whole. */
static void check_report(const struct run *r, const char *option, bool json)
{
    const size_t length = strlen(option);

    for (int i = 1; i < r->argc; i++) {
        char *text = NULL;
        size_t room = 0;
        ssize_t n;
        FILE *in;

        if (strncmp(r->argv[i], option, length) != 0 || !r->argv[i][length])
            continue;
        in = fopen(r->argv[i] + length, "rb");
        n = in ? getdelim(&text, &room, EOF, in) : 0;
        if (in && n > 0 && json)
            check_json(r, text, (size_t)n);
        if (in && n > 0 && !json)
            check(r, is_plain(text, (size_t)n), "a report with control bytes");
        free(text);
        if (in)
            (void)fclose(in);
    }
}

/* Notes what is in the folder; afterwards aborts at what nobody asked for. */
static void look_around(struct run *r, bool after)
{
    DIR *folder = opendir(".");
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        bool known = false;

        if (!after && r->befores < LEFT_MOST && strlen(entry->d_name) < sizeof *r->before)
            (void)strcpy(r->before[r->befores++], entry->d_name);
        for (int i = 0; after && !known && i < r->befores; i++)
            known = strcmp(r->before[i], entry->d_name) == 0;
        for (int i = 1; after && !known && i < r->argc; i++)
            known = strstr(r->argv[i], entry->d_name) != NULL ||
                    (r->status == 5 && strstr(entry->d_name, ".partial"));
        check(r, !after || known || r->befores == LEFT_MOST, entry->d_name);
    }
    if (folder)
        (void)closedir(folder);
}

static void check_run(struct run *r)
{
    check(r, r->status >= 0 && r->status <= 6, "an exit status that is not documented");
    check(r, r->status < 2 || r->err_size > 0, "no message");
    check(r, r->err_size == 0 || r->err[r->err_size - 1] == '\n', "a message without an end");
    check(r, is_plain(r->err, r->err_size), "control bytes in a message");
    look_around(r, true);
    if (r->status > 1)
        return;
    for (int i = 1; i < r->argc; i++)
        if (strcmp(r->argv[i], "--json") == 0)
            check_json(r, r->out, r->out_size);
    check(r, is_plain(r->out, r->out_size), "control bytes in the report");
    check_report(r, "--json=", true);
    check_report(r, "--write-baseline=", true);
    check_report(r, "--csv=", false);
    check_report(r, "--junit=", false);
    check_report(r, "--suggest=", false);
}

static void drop(struct run *r)
{
    free(r->out);
    free(r->err);
    r->out = r->err = NULL;
}

/* Whether some option may ask for an output that has no int8. */
static bool makes_floats(const struct run *r)
{
    static const char *const words[] = {"bf16", "f16", "f32", "safetensors"};

    for (int i = 1; i + 2 < r->argc; i++)
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            if (strstr(r->argv[i], words[w]))
                return true;
    return false;
}

/* What was made of the input can be read, and is what it should be. */
static void check_output(struct run *r)
{
    struct run again = {.argc = 7};
    const char *output = r->argv[r->argc - 1], *input = r->argv[r->argc - 2];
    char *words[] = {"q8-verify",       "-j1",         "-q",           "--level=weights",
                     "--min-sqnr=-300", (char *)input, (char *)output, NULL};

    if (strcmp(r->argv[0], "q8-convert") != 0 || r->status != 0 || !is_there(output) ||
        *output == '-' || *input == '-' || makes_floats(r))
        return;
    memcpy(again.argv, words, sizeof words);
    call(&again);
    check(&again, again.status <= 1 || again.status == 6, "q8-verify cannot read what was written");
    drop(&again);
}

static void end(void)
{
    (void)rmdir(work);
}

/* Goes to the folder of this process. */
static void enter(void)
{
    if (!*work) {
        (void)snprintf(work, sizeof work, "%s/q8-fuzz-XXXXXX",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (home < 0 || !mkdtemp(work))
            abort();
        (void)atexit(end);
    }
    if (chdir(work) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct run r = {0};

    if (!read_line(&r, bytes, size))
        return 0;
    enter();
    archive_unpack((const char *)bytes, size);
    look_around(&r, false);
    call(&r);
    if (getenv("REPLAY_NAMES"))
        (void)dprintf(2, "exit %d, %s\n", r.status, r.err);
    check_run(&r);
    check_output(&r);
    drop(&r);
    archive_clear();
    return fchdir(home);
}
