#compdef doppel
# Completion of doppel's commands, options and models for zsh. Names come from `doppel -h` and `doppel COMMAND -h`
# when they are asked for, so that they cannot go stale.

local home=${DOPPEL_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/doppel}
local -a commands options models
local command=${${words[2,CURRENT-1]}[(r)[^-]*]}
models=(${home}/models/[^.]*(N:t))

if [[ ${words[CURRENT-1]} == (-m|--model) ]]; then
    compadd -a models
    _files
elif [[ ${words[CURRENT]} == -* ]]; then
    options=(${(f)"$(doppel ${command:-chat} -h 2>/dev/null | grep -o -- '^  .. *--[a-z0-9-]*' | grep -o -- '--[a-z0-9-]*')"})
    compadd -a options
elif [[ -z $command ]]; then
    commands=(${(f)"$(doppel -h 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  *\(.*\)/\1:\2/p')"})
    _describe command commands
elif [[ $command == models && ${words[CURRENT-1]} == models ]]; then
    compadd list show pull rm
elif [[ $command == sessions && ${words[CURRENT-1]} == sessions ]]; then
    compadd list search show export rename rm
elif [[ $command == models ]]; then
    compadd default
    compadd -a models
else
    _files
fi
