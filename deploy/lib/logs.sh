# shellcheck shell=bash disable=SC2034,SC2154
# Logs: one file per process in DATA/log; warnings and worse also reach the console.
#
# Processes write to their files themselves, so that nothing of ours is in their way.

log_keep_bytes=$((10 << 20))  # at a start, a larger file becomes NAME.log.1
log_limit_bytes=$((64 << 20)) # while it runs, a larger one is copied there and emptied
log_lines_per_second=20       # shown on the console at most

# log_from[NAME]: where this run's lines begin.
declare -A log_from=()

# logs_open NAME...: their files, the large ones set aside.
logs_open() {
    local name file size

    for name in "$@"; do
        file=$data/log/$name.log
        : >>"$file"
        size=$(stat -c %s "$file")
        if ((size > log_keep_bytes)); then
            mv -f "$file" "$file.1" && : >"$file"
            size=0
        fi
        log_from[$name]=$size
    done
}

# log_tail NAME LINES: the last lines that a process wrote in this run, indented.
log_tail() {
    local file=$data/log/$1.log lines

    lines=$(tail -c +$((${log_from[$1]:-0} + 1)) "$file" 2>/dev/null | tail -n "$2")
    [[ -n $lines ]] || return 0
    say "the last lines of $file:"
    sed 's/^<[0-7]>//; s/^/    /' <<<"$lines"
}

logs_bound() {
    local file name

    for file in "$data"/log/*.log; do
        (($(stat -c %s "$file") > log_limit_bytes)) || continue
        cp "$file" "$file.1" && : >"$file"
        name=${file##*/}
        log_from[${name%.log}]=0
    done
}

# logs_follow NAME...: shows new lines of priority 0 to 4 from now on.
logs_follow() {
    local out proc_start

    exec {out}< <(
        exec {lock_fd}>&- {wake_fd}>&-
        cd "$data/log" && exec setsid tail -n 0 -v -F --pid="$$" "${@/%/.log}" 2>/dev/null
    )
    log_tail_pid=$!
    ! proc_start "$!" || printf '%s %s\n' "$!" "$proc_start" >"$data/run/log-reader.pid"
    (
        exec {lock_fd}>&- {wake_fd}>&-
        trap '' INT TERM HUP
        grep -E --line-buffered '^(<[0-4]>|==> )' <&"$out" | logs_show
    ) &
    log_show_pid=$!
    exec {out}<&-
}

logs_show() {
    local line name='' second=0 count=0

    while IFS= read -r line; do
        if [[ $line =~ ^'==> '(.*)'.log <=='$ ]]; then
            name=${BASH_REMATCH[1]}
            continue
        fi
        ((SECONDS == second)) || { second=$SECONDS count=0; }
        if ((++count <= log_lines_per_second)); then
            say "$name: ${line#<[0-4]>}"
        elif ((count == log_lines_per_second + 1)); then
            say "$name: ... more in $data/log"
        fi
    done
}

logs_unfollow() {
    [[ -n ${log_tail_pid:-} ]] || return 0
    kill "$log_tail_pid" 2>/dev/null
    wait "$log_show_pid" 2>/dev/null
    rm -f "$data/run/log-reader.pid"
    log_tail_pid=
}
