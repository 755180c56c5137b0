# q8-convert.bash - completion for bash: options, the values of --to, files; needs bash alone

_q8_convert()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local options='--to= --skip= --only= --also= --use= --overrides= --vision= --min-coverage=
        --dry-run
        --threads= --resume --force --no-sync --quiet --json --json= --no-sqnr --sha256 --help --usage --version'
    local targets='bnb-int8 ct-w8a8 ct-w8a16 ct-w8a16-g32 ct-w8a16-g64 ct-w8a16-g128 bf16 f16 f32 safetensors list'

    # "--to=ct" arrives as the three words "--to" "=" "ct"
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
    --to | -t)
        COMPREPLY=($(compgen -W "$targets" -- "$cur"))
        return
        ;;
    --use)
        COMPREPLY=($(compgen -W 'ct-w8a8 ct-w8a16 ct-w8a16-g32 ct-w8a16-g64 ct-w8a16-g128' -S = -- "$cur"))
        compopt -o nospace
        return
        ;;
    --vision)
        COMPREPLY=($(compgen -W 'int8 float' -- "$cur"))
        return
        ;;
    --skip | --only | --also | --min-coverage | --threads | -j)
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

complete -F _q8_convert q8-convert
