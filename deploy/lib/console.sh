# shellcheck shell=bash disable=SC2034,SC2154
# What the person at the console reads, and the clock.

# A reader that went away (deploy/up | head) must not end the supervisor: SIGPIPE is ignored where
# it runs, and lines that cannot be written are dropped.
say() {
    printf '%s\n' "$*" 2>/dev/null || true
}

warn() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2 2>/dev/null || true
}

# die STATUS TEXT: ends the program; what it started is stopped by the EXIT trap.
die() {
    local status=$1
    shift
    warn "$*"
    exit "$status"
}

# die_usage TEXT
die_usage() {
    warn "$*"
    printf 'Try %s --help.\n' "$0" >&2
    exit 2
}

# json_take ARGUMENT...: sets json and arguments.
json_take() {
    local argument

    json='' arguments=()
    for argument; do
        if [[ $argument == --json ]]; then json=1; else arguments+=("$argument"); fi
    done
}

# Sets now_ms: milliseconds since boot, in steps of 10; wall clock jumps do not touch it.
clock() {
    local uptime
    read -r uptime _ </proc/uptime
    now_ms=$((10#${uptime/./} * 10))
}

# number_check OPTION TEXT MIN MAX: ends with a usage error unless TEXT is a whole number in range.
number_check() {
    [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] && (($2 >= $3 && $2 <= $4)) ||
        die_usage "$1 takes a whole number from $3 to $4, not '$2'"
}
