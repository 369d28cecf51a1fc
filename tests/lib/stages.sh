# shellcheck shell=bash
# Stages of a test run: each is one command with a log, a time limit and a count at its end.
# Sourced by tests/run and the commands like it; their logs are below BUILD_DIR.
LOGS="$BUILD_DIR/tests/log"
mkdir -p "$LOGS"
stage_child='' stage_passed=0 stage_failed=0 deadline=0 stage_names=()
patience=3 # times its budget that a stage may take: a net for what hangs, not a measure of the machine

stage_interrupted() {
    if [ -n "$stage_child" ]; then
        kill -TERM "$stage_child" 2>/dev/null
        wait "$stage_child" 2>/dev/null
    fi
    echo "interrupted"
    exit 130
}
trap stage_interrupted INT TERM HUP

# limit_all SECONDS: no stage runs past this
limit_all() { deadline=$((SECONDS + $1)); }

# bounded NAME BUDGET COMMAND...: runs it with its output in NAME.log; sets stage_code, stage_time, and
# stage_over where it took longer than its budget (s)
bounded() {
    local name=$1 budget=$2 limit=$(($2 * patience)) begun=$SECONDS left=$((deadline - SECONDS))
    shift 2
    stage_over=''
    [ "$limit" -le "$left" ] || limit=$left
    if [ "$limit" -le 0 ]; then
        echo "no time left" >"$LOGS/$name.log"
        stage_code=124 stage_time=0
        return
    fi
    timeout -k 20 "$limit" "$@" >"$LOGS/$name.log" 2>&1 </dev/null &
    stage_child=$!
    wait "$stage_child"
    stage_code=$?
    stage_child=''
    stage_time=$((SECONDS - begun))
    [ "$stage_time" -le "$budget" ] || stage_over=", budget $budget s"
}

# failing LOG: the names of what failed, as the harness, Check, ctest, lint and the fuzzers tell them
failing() {
    sed -nE 's/^FAIL(ED)? +//p
        s/^([^ ]+\.[ch]:[0-9]+):[FE]:([^:]*):([^:]*):.*/\3 (\2, \1)/p
        s/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .*\*\*\*.*/\1/p' "$1" | cut -c 1-160 | awk '!seen[$0]++' | tail -n 20
}

# must NAME BUDGET COMMAND...: what everything else needs; its failure ends the run
must() {
    bounded "$@"
    printf '%-9s %4d s%s\n' "$1" "$stage_time" "$stage_over"
    [ "$stage_code" = 0 ] && return
    tail -n 60 "$LOGS/$1.log"
    echo "$1 failed (exit $stage_code); whole log: $LOGS/$1.log"
    stage_failed=1 stage_names=("$1: $(grep -m 1 '^FAILED: ' "$LOGS/$1.log" || echo "exit $stage_code")")
    total
}

# stage NAME BUDGET COMMAND...: its last line says `N passed, N failed`
stage() {
    local name=$1 last passed=0 failed=0 why='' names
    bounded "$@"
    last=$(tail -n 1 "$LOGS/$name.log")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
        [ "$stage_code" = 0 ] || [ "$failed" -gt 0 ] || { failed=1 why="exit $stage_code"; }
    else
        failed=1 why="ended without a result, exit $stage_code"
        [ "$stage_code" != 124 ] || why='time limit'
    fi
    [ $((passed + failed)) -gt 0 ] || [ -n "$TEST_NAME" ] || { failed=1 why='nothing ran'; }
    printf '%-9s %4d s  %4d passed, %d failed%s\n' "$name" "$stage_time" "$passed" "$failed" \
        "${why:+ ($why)}$stage_over"
    if [ "$failed" -gt 0 ]; then
        tail -n 200 "$LOGS/$name.log" | sed 's/^/    /'
        echo "    whole log: $LOGS/$name.log"
        mapfile -t names < <(failing "$LOGS/$name.log")
        [ "${#names[@]}" -gt 0 ] || names=("${why:-see its log}")
        stage_names+=("${names[@]/#/$name: }")
        printf '    failed: %s\n' "${names[@]}"
    fi
    stage_passed=$((stage_passed + passed))
    stage_failed=$((stage_failed + failed))
}

# total: prints what failed, the time and the last line, and ends the run
total() {
    [ "${#stage_names[@]}" = 0 ] || printf 'failed: %s\n' "${stage_names[@]}"
    echo "took $SECONDS s"
    echo "$stage_passed passed, $stage_failed failed"
    [ "$stage_failed" = 0 ] && [ "$stage_passed" -gt 0 ]
    exit
}
