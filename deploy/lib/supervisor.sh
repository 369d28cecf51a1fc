# shellcheck shell=bash disable=SC2034,SC2154
# The supervisor: waits, starts again what died, and stops everything in the end.
#
# All waiting is a read from wake_fd with a time limit; signals that ask us to stop write a byte to
# it, so none is slept through.  Deaths are found by looking: SIGCHLD does not end bash's read.

# stopping: how often we were asked to stop; stop_begun: when we began to; woken: a byte is unread.
stopping=0 stop_begun=0 woken=
# due[NAME]: when to start it again (ms); since[NAME]: when it was started; fails[NAME]: deaths in
# a row, each within crash_window of its start.
declare -A due=() since=() fails=()

crash_window=10000 # ms
pause_max=5000     # ms between two starts
round_max=100      # ms without a look
upkeep_every=60000 # ms between looks at the logs' sizes

supervisor_begin() {
    local fifo=$data/run/wake

    rm -f "$fifo"
    mkfifo "$fifo" && exec {wake_fd}<>"$fifo" && rm -f "$fifo" || die 1 "$fifo cannot be made"
    trap 'stopping=$((stopping + 1)); supervisor_wake' INT TERM HUP
    trap '' PIPE
    trap supervisor_end EXIT
}

supervisor_wake() {
    [[ -n $woken ]] || { woken=1; printf '\n' >&"$wake_fd"; }
}

# supervisor_wait MS: until a signal comes, or that long.
supervisor_wait() {
    local seconds

    printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
    read -r -t "$seconds" -u "$wake_fd" || true
    woken=
}

# A service's first start, or the next one.
supervisor_start() {
    local now_ms

    clock
    since[$1]=$now_ms
    unset "due[$1]"
    process_start "$1" service_exec "$1"
}

# One look at everything.  MS: how long it may wait before.
supervisor_round() {
    local name now_ms wait=$1

    clock
    for name in "${!due[@]}"; do
        ((due[$name] - now_ms >= wait)) || wait=$((due[$name] - now_ms))
    done
    ((wait <= 0)) || supervisor_wait "$wait"
    ((stopping == 0)) || return 0
    for name in "${!pid[@]}"; do
        ! process_reap "$name" || supervisor_died "$name"
    done
    clock
    for name in "${!due[@]}"; do
        ((due[$name] > now_ms)) || supervisor_start "$name"
    done
}

# A process ended without being asked: says so and plans its next start, at once the first time.
supervisor_died() {
    local name=$1 pause now_ms how="ended with status $ended_with"

    clock
    ((ended_with <= 128)) || how="was ended by signal $(kill -l "$ended_with" 2>/dev/null)"
    ((now_ms - since[$name] < crash_window)) || fails[$name]=0
    fails[$name]=$((${fails[$name]:-0} + 1))
    if [[ $name != postgres ]] && ((ended_with == 78 || ended_with == 2)); then
        say "$name refuses its settings or arguments (status $ended_with)"
        log_tail "$name" 10
        exit 1
    fi
    if ((!serving && fails[$name] >= 5)); then
        say "$name $how, ${fails[$name]} times in a row"
        log_tail "$name" 20
        exit 1
    fi
    # 0, 100, 200, 400 ms ...
    pause=$((fails[$name] < 2 ? 0 : fails[$name] > 8 ? pause_max : 50 << (fails[$name] - 1)))
    ((pause <= pause_max)) || pause=$pause_max
    due[$name]=$((now_ms + pause))
    if ((pause)); then
        say "$name $how; starting it again in $pause ms (log: $data/log/$name.log)"
    else
        say "$name $how; starting it again"
    fi
}

# Serves until it is asked to stop.
supervisor_run() {
    local upkeep now_ms

    clock
    upkeep=$((now_ms + upkeep_every))
    while ((stopping == 0)); do
        supervisor_round "$round_max"
        clock
        ((now_ms < upkeep)) || { upkeep=$((now_ms + upkeep_every)) && logs_bound; }
    done
}

# supervisor_stop_stage STAGE MS: stops its processes, and kills those that take longer; all but the
# database at once when we are asked to stop once more.
supervisor_stop_stage() {
    local stage=$1 name now_ms deadline names=() left

    for name in "${!pid[@]}"; do
        process_is_of "$stage" "$name" || continue
        process_signal "$name" "${pid[$name]}"
        names+=("$name")
    done
    clock
    deadline=$((now_ms + $2))
    while true; do
        left=()
        for name in "${names[@]}"; do
            process_reap "$name" || left+=("$name")
        done
        names=("${left[@]}")
        ((${#names[@]})) || return 0
        clock
        ((now_ms < deadline && (stopping == stop_begun || stage == 3))) || break
        supervisor_wait 20
    done
    supervisor_kill "${names[@]}"
}

supervisor_kill() {
    local name

    for name in "$@"; do
        say "killing $name, which has not ended yet"
        # QUIT: postgres takes its own children along.
        [[ $name != postgres ]] || { kill -QUIT "${pid[$name]}" && supervisor_wait 500; }
        kill -KILL "${pid[$name]}" 2>/dev/null
        until process_reap "$name"; do
            supervisor_wait 20
        done
    done
}

# The EXIT trap: whatever ends us, nothing is left running.
supervisor_end() {
    local status=$? stage limits=([1]=5000 [2]=3000 [3]=2000)

    trap - EXIT
    stopping=$((stopping + 1)) stop_begun=$stopping
    for stage in 1 2 3; do
        supervisor_stop_stage "$stage" "${limits[stage]}"
    done
    logs_unfollow
    rm -rf -- "$run_dir"
    rm -f "$data"/run/*.pid "$data/run/url"
    exit "$status"
}
