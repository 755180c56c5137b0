/* scenes.c - the commands of the sweep, and what lies around them */
#include "tests/sweep/scenes.h"

#include "tests/sweep/files.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/*
 * sweep.sh makes what lies in the folder above: m, a Llama of one layer; s, the same in two files;
 * n, a narrow one; q, c and d, what becomes of them; and files for the options.
 */
const struct scene scenes[] = {
    {"convert", BEFORE_NOTHING, 0, "q8-convert -q -j1 --sha256 --json=r.json ../m out"},
    {"convert-shards", BEFORE_NOTHING, 0,
     "q8-convert -j1 --to=ct-w8a16-g32 --overrides=../overrides.txt ../s out"},
    {"resume", BEFORE_PARTIAL, 0, "q8-convert -q -j1 --resume ../m out"},
    {"over", BEFORE_PARTIAL, 0, "q8-convert -q -j1 --force ../m out"},
    {"finished", BEFORE_FINISHED, 0, "q8-convert -q -j1 --resume ../m out"},
    {"force", BEFORE_OUTPUT, 0, "q8-convert -q -j1 --force ../m out"},
    {"dry-run", BEFORE_NOTHING, 0, "q8-convert -n -j1 --json ../s out"},
    {"inspect", BEFORE_NOTHING, 0,
     "q8-inspect -j1 --json=r.json --csv=r.csv --html=r.html --suggest=r.txt "
     "--activations=../absmax.safetensors ../s"},
    {"header", BEFORE_NOTHING, 0, "q8-inspect --header --json=r.json ../s"},
    {"diff", BEFORE_NOTHING, 1, "q8-inspect -j1 --diff --json=r.json ../m ../q"},
    {"reference", BEFORE_NOTHING, 0,
     "q8-inspect -j1 --json=r.json --html=r.html --reference=../m ../q"},
    {"verify", BEFORE_NOTHING, 0,
     "q8-verify -j1 --json=r.json --junit=r.xml --html=r.html --write-baseline=r.base "
     "--activations=../acts.safetensors --thresholds=../thresholds.txt ../s ../c"},
    {"baseline", BEFORE_NOTHING, 0,
     "q8-verify -j1 --baseline=../base.json --activations=../acts.safetensors ../m ../q"},
    {"deflated", BEFORE_NOTHING, 0,
     "q8-verify -j1 --json=r.json --activations=../rows-deflated.npz --mode=zeropoint ../n ../d"},
    {"integrity", BEFORE_NOTHING, 0, "q8-verify -j1 --level=integrity --json ../s ../c"},
    {0},
};

bool scene_set(const struct scene *s)
{
    DIR *folder = opendir(".");
    struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            files_remove(entry->d_name);
    if (folder)
        (void)closedir(folder);
    switch (s->before) {
    case BEFORE_PARTIAL: return system("cp -a ../stopped.partial out.partial") == 0;
    case BEFORE_OUTPUT: return system("cp -a ../old out") == 0;
    case BEFORE_FINISHED: return system("cp -a ../q out") == 0;
    default: return folder != NULL;
    }
}

const char *scene_report(const char *word)
{
    static const char *const options[] = {
        "--json=", "--csv=", "--html=", "--suggest=", "--junit=", "--write-baseline="};

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strncmp(word, options[i], strlen(options[i])) == 0)
            return word + strlen(options[i]);
    return NULL;
}
