# Helpers of the screen tests: doppel in a tmux pane of its own, driven by keys and read as text.
#
#   . "$TESTS/screen/lib.sh"
#   screen_start 100 30             a pane with a shell in it
#   screen_run chat -m "$MODEL"     doppel in that shell
#   screen_keys F2 Right            keys by tmux's names
#   screen_type 'hello'             text as it is
#   screen_wait 'temperature'       until the screen matches; when it never does, the test ends here
#   ok 'the slider moved' test "$a" = "$b"
#   screen_end                      closing line and exit code
#
# Nothing sleeps for a fixed time: everything waits for what it expects to see.

passed=0 failed=0 skipped=0
PATIENCE=${PATIENCE:-60} # seconds: a loaded machine is slow, and waiting ends with what is waited for
LC_ALL=C.UTF-8
export LC_ALL

command -v tmux >/dev/null 2>&1 || {
    echo 'skipped: tmux is not installed'
    echo '0 passed, 0 failed, 1 skipped'
    exit 0
}

scratch=$(mktemp -d) || exit 1
MODEL=${DOPPEL_TEST_MODEL:-}
socket=$scratch/tmux # of the running server; each gets a new one, because the last takes a while to go
trap 'tmux -S "$socket" kill-server 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

pane() {
    command=$1
    shift
    tmux -S "$socket" "$command" "$@"
}

# ok WHAT COMMAND...: one check.
ok() {
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL ${0##*/}: $what"
        screen_text | grep . | sed 's/^/    | /'
    fi
}

skip() {
    skipped=$((skipped + 1))
    echo "skipped: $*"
}

# A test that cannot go on without a model says so and ends.
need_model() {
    [ -n "$MODEL" ] && return
    skip 'no model to chat with (DOPPEL_TEST_MODEL)'
    screen_end
}

screen_end() {
    line="$passed passed, $failed failed"
    [ "$skipped" -gt 0 ] && line="$line, $skipped skipped"
    echo "$line"
    [ "$failed" -eq 0 ]
    exit
}

# screen_start COLS ROWS [NAME=VALUE...]: a shell with that environment in a fresh pane.
screen_start() {
    cols=$1 rows=$2
    shift 2
    tmux -S "$socket" kill-server 2>/dev/null
    socket=${socket}x
    cat >"$scratch/conf" <<'END'
set -g status off
set -s escape-time 0
set -g default-terminal tmux-256color
END
    tmux -u -S "$socket" -f "$scratch/conf" new-session -d -x "$cols" -y "$rows" \
        env HOME="$HOME" DOPPEL_HOME="$DOPPEL_HOME" PS1='ready> ' "$@" sh
    screen_wait 'ready>'
}

# The settings of the pane's terminal before and after doppel, and its exit code, end in files of $scratch.
screen_run() {
    cat >"$scratch/run" <<END
stty -g >$scratch/stty.before
"$DOPPEL" "\$@"
echo \$? >$scratch/code
stty -g >$scratch/stty.after
END
    rm -f "$scratch/code" "$scratch/stty.after"
    pane send-keys -l "clear; sh $scratch/run"
    for argument in "$@"; do
        pane send-keys -l " '$argument'"
    done
    pane send-keys Enter
}

screen_keys() {
    pane send-keys "$@"
}

screen_type() {
    pane send-keys -l -- "$1"
}

screen_text() {
    pane capture-pane -p 2>/dev/null
}

screen_resize() {
    pane resize-window -x "$1" -y "$2"
}

# wait_until COMMAND...: tries it until it succeeds; false when patience ends.
wait_until() {
    deadline=$(($(date +%s) + PATIENCE))
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

screen_shows() {
    screen_text | grep -q -e "$1"
}

screen_lacks() {
    ! screen_shows "$1"
}

# expect WHAT COMMAND...: a check that the command comes to succeed. What follows builds on it, so a failure ends the
# test.
expect() {
    failed_so_far=$failed what=$1
    shift
    ok "$what" wait_until "$@"
    [ "$failed" -eq "$failed_so_far" ] || screen_end
}

# screen_wait PATTERN: the screen comes to match the basic regular expression.
screen_wait() {
    expect "the screen should show: $1" screen_shows "$1"
}

screen_wait_gone() {
    expect "the screen should no longer show: $1" screen_lacks "$1"
}

# doppel has ended and the shell is there again.
screen_is_left() {
    [ -s "$scratch/stty.after" ] && screen_shows 'ready>' && screen_lacks '─'
}

screen_left() {
    expect 'doppel should have ended' screen_is_left
    ok "the terminal's settings should be as before" cmp -s "$scratch/stty.before" "$scratch/stty.after"
}

# screen_pid [PANE]: the process id of the doppel in the pane, or in another one.
screen_pid() {
    tty=$(pane display-message -p -t "${1:-:.}" '#{pane_tty}')
    pgrep -t "${tty#/dev/}" -x doppel
}

# For `wait_until has_ended PID`.
has_ended() {
    ! kill -0 "$1" 2>/dev/null
}

# A mouse report as an SGR terminal sends it: screen_mouse BUTTON COL ROW M|m, columns and rows from 1.
screen_mouse() {
    screen_type "$(printf '\033[<%d;%d;%d%s' "$1" "$2" "$3" "$4")"
}
