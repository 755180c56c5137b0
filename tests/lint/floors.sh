#!/bin/sh
# floors.sh ROOT - what each folder may include and do; prints FILE:LINE of what breaks a rule
#
# Comments and string literals are taken out first, so words in them count for nothing.
set -eu
cd "$1"
find src kernels formats tests -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.inc' \
    -o -name '*.inc.in' | sort | xargs awk '
function bad(rule) {
    printf "%s:%d: %s\n", FILENAME, FNR, rule
    found = 1
}

# The line without comments; a string literal becomes "", but not the name behind an #include.
function code(line,    out, rest) {
    if (line ~ /^[ \t]*#[ \t]*include/)
        return line
    out = ""
    while (line != "") {
        if (in_comment) {
            if (!(rest = index(line, "*/")))
                return out
            in_comment = 0
            line = substr(line, rest + 2)
        } else if (match(line, /^"([^"\\]|\\.)*"/)) {
            out = out "\"\""
            line = substr(line, RLENGTH + 1)
        } else if (match(line, /^\047([^\047\\]|\\.)*\047/)) {
            out = out "0"
            line = substr(line, RLENGTH + 1)
        } else if (substr(line, 1, 2) == "/*") {
            in_comment = 1
            line = substr(line, 3)
        } else if (substr(line, 1, 2) == "//") {
            return out
        } else {
            out = out substr(line, 1, 1)
            line = substr(line, 2)
        }
    }
    return out
}

# Does this line call, or take the address of, one of these (a pattern)?
function uses(text, names) {
    return text ~ ("(^|[^A-Za-z0-9_.>])(" names ")([^A-Za-z0-9_]|$)")
}

# The folder that the file is on the floor of.
function floor(path) {
    if (path ~ /^src\/base\//) return "src/base"
    if (path ~ /^src\/cli\//) return "src/cli"
    if (path == "src/report/embed.c") return "embed" # runs while q8 is built
    return substr(path, 1, index(path, "/") - 1)
}

function check_include(line,    name, to) {
    if (!match(line, /"[^"]*"/))
        return
    name = substr(line, RSTART + 1, RLENGTH - 2)
    if (name !~ /^(src|kernels|formats|tests)\//) {
        bad("\"" name "\" is not written from the root")
        return
    }
    to = floor(name)
    if (here == "kernels" && to != "kernels")
        bad("kernels/ may not include " name)
    if (here == "src/base" && to != "src/base")
        bad("src/base may not include " name)
    if (here == "formats" && to != "formats" && to != "src/base")
        bad("formats/ may not include " name)
    if (here == "src" && to == "src/cli")
        bad("src/ may not include " name)
    if (here != "tests" && to == "tests")
        bad("what is built may not include " name)
}

FNR == 1 {
    in_comment = 0
    here = floor(FILENAME)
}

{
    text = code($0)
    if (text ~ /^[ \t]*#[ \t]*include/) {
        check_include(text)
        next
    }
    if (here == "tests")
        next
    sub(/format\(printf,/, "", text) # an attribute, no call
    if (FILENAME != "src/base/arena.c" &&
        uses(text, "malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign"))
        bad("only src/base/arena.c allocates; take an arena")
    if (here == "src/cli" || here == "embed")
        next
    if (uses(text, "printf|puts|putchar|vprintf|perror|stdout|stderr|STDOUT_FILENO|STDERR_FILENO"))
        bad("only src/cli prints")
    if (uses(text, "_exit|exit|_Exit|abort|quick_exit"))
        bad("only src/cli ends the program")
    if (uses(text, "argc|argv"))
        bad("only src/cli reads arguments")
}

END { exit found }
' || exit 1
