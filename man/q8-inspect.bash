# q8-inspect.bash - completion for bash: options, the values of --to and --sort, files; needs bash alone

_q8_inspect()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local options='--layers= --header --quick --reference= --activations= --threshold= --to= --min-sqnr= --suggest=
        --diff --tolerance= --sort= --top= --json --json= --csv= --html= --quiet --threads= --help --usage --version'

    # "--to=ct" arrives as the three words "--to" "=" "ct"
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
    --to | -t)
        COMPREPLY=($(compgen -W 'bnb-int8 ct-w8a8 ct-w8a16 ct-w8a16-g32 ct-w8a16-g64 ct-w8a16-g128' -- "$cur"))
        return
        ;;
    --sort)
        COMPREPLY=($(compgen -W 'sqnr absmax crest outliers size name' -- "$cur"))
        return
        ;;
    --layers | --threshold | --min-sqnr | --tolerance | --top | --threads | -j)
        return
        ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
    else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

complete -F _q8_inspect q8-inspect
