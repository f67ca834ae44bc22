# Completion of doppel's commands, options and models for fish. Names come from `doppel -h` and `doppel COMMAND -h`
# when they are asked for, so that they cannot go stale.

function __doppel_command
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; or begin
            echo $word
            return
        end
    end
    echo chat
end

function __doppel_models
    set -l home $DOPPEL_HOME
    test -n "$home"; or set home (test -n "$XDG_DATA_HOME"; and echo $XDG_DATA_HOME; or echo $HOME/.local/share)/doppel
    ls $home/models 2>/dev/null
end

complete -c doppel -n '__fish_is_first_token' -f -a '(doppel -h 2>/dev/null | string replace -rf "^  ([a-z]+) +(.*)" "\$1\t\$2")'
complete -c doppel -n 'string match -q -- "-*" (commandline -ct)' -f -a '(doppel (__doppel_command) -h 2>/dev/null | string match -rg "^  .. *(--[a-z0-9-]+)")'
complete -c doppel -n '__fish_seen_subcommand_from models' -f -a 'list show pull rm default (__doppel_models)'
complete -c doppel -n '__fish_seen_subcommand_from sessions' -f -a 'list search show export rename rm'
complete -c doppel -n '__fish_seen_subcommand_from sessions' -l format -x -a 'md txt json'
complete -c doppel -s m -l model -r -a '(__doppel_models)'
