# shellcheck shell=bash disable=SC2034,SC2154
# Processes: started, looked at, and stopped; in tables by name, and in pid files that outlive us.
#
# DATA/run/NAME.pid holds the pid and the start time, because a pid alone may be somebody else's
# by the time it is read.

# pid[NAME]: our children.
declare -A pid=()

# Sets proc_start to a process's start time.  False: there is none, or only its remains.
proc_start() {
    local stat fields

    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # From the state on: the name before it may hold anything.
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || return 1
    proc_start=${fields[19]}
}

# process_is PID START
process_is() {
    local proc_start
    proc_start "$1" && [[ $proc_start == "$2" ]]
}

# process_start NAME COMMAND...: runs COMMAND, which becomes the process (process_exec), with its
# output in DATA/log/NAME.log.
process_start() {
    local name=$1 proc_start=0

    shift
    (
        exec {lock_fd}>&- {wake_fd}>&-
        cd "$data" && "$@"
    ) </dev/null >>"$data/log/$name.log" 2>&1 &
    pid[$name]=$!
    proc_start "$!" || true
    printf '%s %s\n' "$!" "$proc_start" >"$data/run/$name.pid"
}

# In the process to be: becomes the program, without our session (the terminal's Ctrl-C is for the
# supervisor alone), our signal settings and our rights.
process_exec() {
    exec setsid env --default-signal "${drop[@]}" "$@"
}

# Takes a child that ended out of the tables; sets ended_with to its status.  False: it still runs.
process_reap() {
    local name=$1

    # bash reaps children as they die, so that no pid of a dead one is left.
    kill -0 "${pid[$name]}" 2>/dev/null && return 1
    wait "${pid[$name]}" 2>/dev/null
    ended_with=$?
    unset "pid[$name]"
    : >"$data/run/$name.pid"
}

# process_is_of STAGE NAME: the order in which processes stop. Gateways (1) let what they have begun
# end, then daemons (2) do, then the database and what takes their traces (3).
process_is_of() {
    case $2 in
    gateway-*) (($1 == 1)) ;;
    postgres | traced) (($1 == 3)) ;;
    *) (($1 == 2)) ;;
    esac
}

# The signal that makes it end: postgres drops its clients on INT ("fast"), waits for them on TERM.
process_signal() {
    if [[ $1 == postgres ]]; then
        kill -INT "$2" 2>/dev/null
    else
        kill -TERM "$2" 2>/dev/null
    fi
}

# Stops what pid files tell of a supervisor that was killed.  Nobody else does: we hold the lock.
# Sets leftovers when there was something.
processes_stop_leftovers() {
    local stage file name number start deadline now_ms

    leftovers=
    for stage in 1 2 3; do
        clock
        deadline=$((now_ms + 5000))
        for file in "$data"/run/*.pid; do
            name=${file##*/}
            name=${name%.pid}
            [[ -e $file && $name != up ]] && process_is_of "$stage" "$name" || continue
            number='' start=''
            read -r number start <"$file"
            if [[ $number =~ ^[0-9]+$ ]] && process_is "$number" "$start"; then
                say "stopping $name (process $number), left behind by a supervisor that was killed"
                process_signal "$name" "$number"
                leftovers=1
            fi
        done
        for file in "$data"/run/*.pid; do
            name=${file##*/}
            name=${name%.pid}
            [[ -e $file && $name != up ]] && process_is_of "$stage" "$name" || continue
            number='' start=''
            read -r number start <"$file"
            process_wait "$number" "$start" "$deadline" || kill -KILL "$number" 2>/dev/null
            rm -f "$file"
        done
    done
}

# process_wait PID START DEADLINE: for a process that is not our child.  False: it is still there.
process_wait() {
    local now_ms

    while [[ $1 =~ ^[0-9]+$ ]] && process_is "$1" "$2"; do
        clock
        ((now_ms < $3)) || return 1
        sleep 0.02
    done
}
