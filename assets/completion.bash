# Completion of doppel's commands, options and models for bash. Names come from `doppel -h` and `doppel COMMAND -h`
# when they are asked for, so that they cannot go stale.

_doppel_commands() {
    doppel -h 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

_doppel_options() { # COMMAND
    doppel "$1" -h 2>/dev/null | grep -o -- '^  .. *--[a-z0-9-]*' | grep -o -- '--[a-z0-9-]*'
}

# Only plain names: compgen -W would expand what stands in others.
_doppel_models() {
    local home=${DOPPEL_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/doppel}
    ls "$home/models" 2>/dev/null | grep -x '[A-Za-z0-9_+][A-Za-z0-9._+-]*'
}

_doppel_prompts() {
    doppel run --prompt list 2>/dev/null | cut -d ' ' -f 1 | grep -x '[A-Za-z0-9_+][A-Za-z0-9._+-]*'
}

_doppel() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done
    COMPREPLY=()
    case $before in
    -m | --model)
        COMPREPLY=($(compgen -W "$(_doppel_models)" -- "$word") $(compgen -f -- "$word"))
        return
        ;;
    --only)
        [[ $command == bench ]] && COMPREPLY=($(compgen -W "decode prefill adapter draft train latency" -- "$word")) && return
        ;;
    --session)
        COMPREPLY=($(compgen -W "$(doppel sessions list -q 2>/dev/null | awk '{ print $1 }')" -- "$word"))
        return
        ;;
    --format)
        COMPREPLY=($(compgen -W "md txt json" -- "$word"))
        return
        ;;
    --prompt)
        COMPREPLY=($(compgen -W "list $(_doppel_prompts)" -- "$word"))
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$(_doppel_options "${command:-chat}")" -- "$word"))
    elif [[ -z $command ]]; then
        COMPREPLY=($(compgen -W "$(_doppel_commands)" -- "$word"))
    elif [[ $command == models && $before == models ]]; then
        COMPREPLY=($(compgen -W "list show pull rm" -- "$word"))
    elif [[ $command == models ]]; then
        COMPREPLY=($(compgen -W "default $(_doppel_models)" -- "$word"))
    elif [[ $command == sessions && $before == sessions ]]; then
        COMPREPLY=($(compgen -W "list search show export rename rm" -- "$word"))
    elif [[ $command == sessions && $before =~ ^(show|export|rename|rm)$ ]]; then
        COMPREPLY=($(compgen -W "$(doppel sessions list -q 2>/dev/null | awk '{ print $1 }')" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}

complete -o filenames -F _doppel doppel
