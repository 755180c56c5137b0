# q8-verify.bash - completion for bash: options, the values of --level, --runtime, --mode and --device, files; needs bash alone

_q8_verify()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local options='--level= --layers= --runtime= --tp= --cc= --mode= --threshold= --activations= --tokens= --seed= --min-sqnr= --min-cosine=
        --max-rel-error= --min-coverage= --thresholds= --baseline= --max-drop= --write-baseline= --json --json= --junit=
        --html= --quiet --threads= --device= --gpu-memory= --help --usage --version'

    # "--mode=row" arrives as the three words "--mode" "=" "row"
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
    --level)
        COMPREPLY=($(compgen -W 'integrity weights matmul' -- "$cur"))
        return
        ;;
    --runtime)
        COMPREPLY=($(compgen -W 'transformers vllm sglang all' -- "$cur"))
        return
        ;;
    --mode)
        COMPREPLY=($(compgen -W 'absmax row-wise vector-wise zeropoint zeropoint-vector-wise' -- "$cur"))
        return
        ;;
    --device)
        COMPREPLY=($(compgen -W 'auto cpu cuda' -- "$cur"))
        return
        ;;
    --min-sqnr | --min-cosine | --max-rel-error)
        COMPREPLY=($(compgen -W 'weights: matmul:' -- "$cur"))
        compopt -o nospace
        return
        ;;
    --layers | --tp | --cc | --threshold | --tokens | --seed | --min-coverage | --max-drop | --threads | -j | --gpu-memory)
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

complete -F _q8_verify q8-verify
