# shellcheck shell=bash disable=SC2034,SC2154
# Ports and health, asked with nothing but bash.

# http_get ADDRESS PORT PATH: sets http_code and http_body (at most 4 KiB).  False: no answer.
http_get() {
    local fd line='' result=1

    http_code='' http_body=''
    { exec {fd}<>"/dev/tcp/$1/$2"; } 2>/dev/null || return 1
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&"$fd"
    if IFS=' ' read -r -t 2 -u "$fd" _ http_code line; then
        result=0
        while IFS= read -r -t 2 -u "$fd" line && [[ $line != $'\r' ]]; do
            :
        done
        IFS= read -r -d '' -N 4096 -t 2 -u "$fd" http_body || true
    fi
    exec {fd}>&-
    return "$result"
}

# port_taken ADDRESS PORT: whether somebody listens there, in the kernel's own words.
port_taken() {
    local a b c d want port at state any=00000000000000000000000000000000

    IFS=. read -r a b c d <<<"$1"
    printf -v want '%02X%02X%02X%02X' "$d" "$c" "$b" "$a" 2>/dev/null || want=0100007F
    printf -v port '%04X' "$2"
    while read -r _ at _ state _; do
        [[ $state == 0A && ${at##*:} == "$port" ]] || continue
        at=${at%:*}
        # 0.0.0.0 and :: hold every address; a mapped address ends in the IPv4 one.
        [[ $want == 00000000 || $at == 00000000 || $at == "$any" || $at == *"$want" ]] && return
    done < <(grep -hs ' 0A ' /proc/net/tcp /proc/net/tcp6) # bash would read thousands of ended ones byte by byte
    return 1
}

# Waits until every gateway says that all is well.  Ends with 1 after health_limit.
health_limit=30000 # ms
health_wait() {
    local n deadline now_ms

    clock
    deadline=$((now_ms + health_limit))
    for ((n = 1; n <= gateways; n++)); do
        until http_get "$address" $((port + n - 1)) /health && [[ $http_code == 200 ]]; do
            supervisor_round 30
            ((stopping == 0)) || die 1 "stopped before it was ready"
            clock
            ((now_ms < deadline)) || health_give_up "gateway-$n"
        done
    done
}

health_give_up() {
    local name

    say "$1 is not healthy after $((health_limit / 1000)) s: ${http_code:-no answer} ${http_body}"
    for name in "${order[@]}"; do
        [[ $name != postgres ]] || continue
        log_tail "$name" 5
    done
    exit 1
}
