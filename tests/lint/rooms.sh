#!/bin/sh
# rooms.sh ROOT - what each room may include, show and do; prints FILE:LINE of what breaks a rule
#
# The rooms and what they are for: CONTRIBUTING.md.  Comments and string literals are taken out
# first, so words in them count for nothing.
set -eu
cd "$1"
found=$(mktemp)
trap 'rm -f "$found"' EXIT
find src kernels formats tests -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.inc' \
    -o -name '*.inc.in' | sort | xargs awk '
# Who may include whom, besides himself.
BEGIN {
    may["kernels"] = may["src/base"] = ""
    may["formats"] = may["src/report"] = may["src/pattern"] = "src/base"
    may["src/model/folder"] = "src/base formats"
    may["src/model"] = "src/base src/pattern formats kernels src/model/folder src/model/coded src/model/gguf"
    may["src/model/coded"] = "src/base kernels src/model src/model/folder src/model/gguf"
    may["src/model/gguf"] = "src/base formats kernels src/model src/model/coded"
    may["src/scheme"] = may["src/model"] " src/model"
    may["src/flow"] = may["src/scheme"] " src/scheme"
    may["src/compare"] = may["src/forward"] = may["src/flow"] " src/flow"
    tool = may["src/flow"] " src/flow src/compare src/forward src/report"
    may["src/convert/output"] = "src/base src/model/folder"
    may["src/convert"] = tool " src/convert/output"
    may["src/inspect"] = tool
    may["src/verify"] = tool " src/verify/integrity src/verify/runtime src/verify/diagnose"
    may["src/verify/integrity"] = may["src/verify/runtime"] = tool " src/verify"
    may["src/verify/diagnose"] = tool " src/verify"
    may["src/cli"] = tool " src/convert src/convert/output src/inspect src/verify"
    may["tests"] = may["src/cli"] " src/cli src/verify/integrity src/verify/runtime src/verify/diagnose"
    most_files = 36
}

function bad(rule) {
    printf "%s:%d: %s\n", FILENAME, FNR, rule
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

# The room that a file lies in: its folder in src/, else the top one.
function room(path) {
    if (path ~ /^src\//) {
        sub(/\/[^\/]*$/, "", path)
        return path
    }
    return substr(path, 1, index(path, "/") - 1)
}

# The last part of a path without its ending.
function stem(path) {
    sub(/.*\//, "", path)
    sub(/\..*/, "", path)
    return path
}

# A header with the name of its room, which declares what runs all its pieces.
function is_face(path) {
    return path ~ /^src\/(convert\/convert|inspect\/inspect|verify\/verify|compare\/compare)\.h$/
}

function check_include(line,    name, to) {
    if (!match(line, /"[^"]*"/))
        return
    name = substr(line, RSTART + 1, RLENGTH - 2)
    if (name !~ /^(src|kernels|formats|tests)\//) {
        bad("\"" name "\" is not written from the root")
        return
    }
    to = room(name)
    if (to != here && index(" " may[here] " ", " " to " ") == 0)
        bad(here "/ may not include " name)
    if (here == "tests")
        return
    if (to != here && name ~ /_parts\.h$/)
        bad(name " is the own business of " to "/")
    if (is_face(name) && index(here, to) == 1 && !(to == here && stem(name) == stem(FILENAME)))
        bad(name " is the face of " to "/, for those above it")
}

# Splits what stands at the top level into declarations; each ends in ";" or opens a "{".
function top_level(text,    i, c) {
    if (text ~ /^[ \t]*#/ || continued) {
        continued = text ~ /\\$/
        return
    }
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "{" && depth++ == 0)
            declared(said, 1)
        else if (c == "}" && --depth == 0 && said !~ /[^ ]/)
            said = ""
        else if (depth == 0 && c == ";") {
            declared(said, 0)
            said = ""
        } else if (depth == 0)
            said = said c
        if (c == "{" && depth == 1)
            said = said ~ /\)[^)]*$/ && said !~ /=/ ? "" : said
    }
    said = said " "
}

# One declaration: notes what is exported and where it is declared; counts parameters.
function declared(said,    name, at, level, i, c, count, list, most) {
    if (said ~ /^ *(typedef|struct [A-Za-z0-9_]+ *$|enum|union)/ || said ~ /=/)
        return
    gsub(/__attribute__ *\(\(.*\)\)/, "", said)
    if (!match(said, /[A-Za-z0-9_]+\(/))
        return
    name = substr(said, RSTART, RLENGTH - 1)
    list = substr(said, RSTART + RLENGTH)
    if (name ~ /^(_Static_assert|sizeof)$/ || name ~ /^[A-Z0-9_]+$/)
        return
    count = 1
    for (i = 1; i <= length(list); i++) {
        c = substr(list, i, 1)
        level += (c == "(") - (c == ")")
        if (level < 0)
            break
        count += c == "," && level == 0
    }
    most = here == "kernels" ? 8 : 6
    if (count > most && !((FILENAME, name) in told)) {
        bad(name " has " count " parameters; at most " most)
        told[FILENAME, name] = 1
    }
    if (said ~ /(^| )static /)
        return
    if (FILENAME ~ /\.h$/)
        header[name] = FILENAME
    else if (FILENAME ~ /^src\/.*\.c$/ && name != "main") {
        exporter[name] = FILENAME
        line_of[name] = FNR
    }
}

FNR == 1 {
    in_comment = depth = continued = 0
    said = ""
    here = room(FILENAME)
    files[here]++
    if (!(here in may))
        bad("the room " here "/ is not in the table of tests/lint/rooms.sh")
}

{
    text = code($0)
    if (text ~ /^[ \t]*#[ \t]*include/) {
        check_include(text)
        next
    }
    if (here == "tests")
        next
    if (FILENAME ~ /\.[ch]$/)
        top_level(text)
    sub(/format\(printf,/, "", text) # an attribute, no call
    if (FILENAME != "src/base/arena.c" &&
        uses(text, "malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign"))
        bad("only src/base/arena.c allocates; take an arena")
    if (here == "src/cli" || FILENAME == "src/report/embed.c") # which runs while q8 is built
        next
    if (uses(text, "printf|puts|putchar|vprintf|perror|stdout|stderr|STDOUT_FILENO|STDERR_FILENO"))
        bad("only src/cli prints")
    if (uses(text, "_exit|exit|_Exit|abort|quick_exit"))
        bad("only src/cli ends the program")
    if (uses(text, "argc|argv"))
        bad("only src/cli reads arguments")
}

END {
    for (name in exporter) {
        FILENAME = exporter[name]
        FNR = line_of[name]
        if (!(name in header))
            bad(name " is exported, but no header declares it")
        else if (room(header[name]) != room(FILENAME) ||
                 (stem(header[name]) != stem(FILENAME) && header[name] !~ /_parts\.h$/))
            bad(name " is declared in " header[name] ", not in " stem(FILENAME) ".h or a _parts.h")
    }
    for (name in files)
        if (name ~ /^src\// && files[name] > most_files)
            printf "%s/: %d files; a room has at most %d\n", name, files[name], most_files
}
' >"$found"
for file in $(find src -maxdepth 1 -type f ! -name meson.build); do
    echo "$file:1: lies in no room" >>"$found"
done
for folder in $(find src -mindepth 1 -type d); do
    [ -f "$folder/README.md" ] && [ "$(wc -l <"$folder/README.md")" -le 15 ] ||
        echo "$folder/README.md:1: a room opens with a page of at most 15 lines" >>"$found"
done

sort "$found"
[ ! -s "$found" ]
