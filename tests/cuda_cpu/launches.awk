# launches.awk - kernels/cuda/all.cu as C++: its .cu files in one piece, launches as calls
#
#     awk -v root=SOURCE -f launches.awk SOURCE/kernels/cuda/all.cu
#
# name<<<grid, threads, shared, stream>>>(parameters) may take several lines.
function show(file, path,    line, number) {
    number = 0
    print "#line 1 \"" path "\""
    while ((getline line <file) > 0) {
        number++
        if (match(line, /^#include "[^"]*\.cu"/)) {
            path_of = substr(line, 11, RLENGTH - 11)
            show(root "/" path_of, path_of)
            print "#line " number + 1 " \"" path "\""
            continue
        }
        while (match(line, /[A-Za-z_0-9]+<<</)) {
            name = substr(line, RSTART, RLENGTH - 3)
            line = substr(line, 1, RSTART - 1) "cuda_cpu_configure(\"" name "\", " name ", " \
                substr(line, RSTART + RLENGTH)
            launches++
        }
        gsub(/>>>\(/, ")(", line)
        print line
    }
    close(file)
}

BEGIN {
    show(ARGV[1], "kernels/cuda/all.cu")
    if (!launches) {
        print "launches.awk: no launch in " ARGV[1] >"/dev/stderr"
        exit 1
    }
}
