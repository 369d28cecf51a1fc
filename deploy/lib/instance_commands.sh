# shellcheck shell=bash disable=SC2034,SC2154
# status, migrate, drain and rotate-secret for an instance of deploy/up.
source "$root/deploy/lib/processes.sh"
source "$root/deploy/lib/migrations.sh"
source "$root/deploy/lib/cluster.sh"
source "$root/deploy/lib/settings.sh"
source "$root/deploy/lib/instance_doctor.sh"

drain_max=40000 # ms; processes end themselves after 30 s

instance_find() {
    place_user && place_find "$data_asked" && [[ -d $data/run && -d $run_dir ]] ||
        die 1 "nothing runs with $data_asked: start it with deploy/up"
    [[ ! -x $data/bin/chatbot-admin ]] || build=$data/bin
}

# Sets number and start of a process that runs.
instance_process() {
    local proc_start

    read -r number start 2>/dev/null <"$data/run/$1.pid" && process_is "$number" "$start"
}

instance_status() {
    local number start environment

    instance_find
    instance_process gateway-1 || die 1 "gateway-1 does not run"
    instance_environment gateway-1
    cd / && env -i "${environment[@]}" "${drop[@]}" "$build/chatbot-admin" status "$@"
}

instance_migrate() {
    local json arguments psql applied

    json_take "$@"
    ((${#arguments[@]} == 0)) || die_usage "migrate takes no argument"
    instance_find
    cluster_find
    psql=(as_service "$postgres_bin/psql" -X -q -h "$run_dir" -U postgres)
    applied=$(cd / && migrations_apply "${psql[@]}" -d chatbot) || die 1 "the migrations failed"
    if [[ -n $json ]]; then
        printf '{"applied":%d}\n' "$(grep -c ': applied$' <<<"$applied")"
    else
        say "${applied:-all is up to date}"
    fi
}

# Asks the process that instance_process() found to end, and waits for that.
process_end() {
    local now_ms deadline

    clock
    deadline=$((now_ms + drain_max))
    kill -TERM "$number" 2>/dev/null || ! process_is "$number" "$start" || die 1 "$name cannot be asked"
    while process_is "$number" "$start"; do
        clock
        ((now_ms < deadline)) || die 1 "$name has not ended"
        sleep 0.1
    done
}

instance_drain() {
    local json arguments name number start

    json_take "$@"
    ((${#arguments[@]} == 1)) || die_usage "drain takes the name of a process: chatd-1, gateway-2"
    name=${arguments[0]/@/-}
    instance_find
    [[ $name != postgres && $name != up ]] && instance_process "$name" ||
        die 1 "there is no process $name; they are: $(cd "$data/run" && echo ./*.pid | sed 's#\./##g; s#\.pid##g')"
    process_end
    [[ -n $json ]] && printf '{"drained":"%s"}\n' "$name" || say "$name has ended"
}

# The new secret lies beside the old one until what is sealed is sealed under it, so that this goes on
# when it is repeated.
instance_rotate_secret() {
    local json arguments environment next number start name=authd

    json_take "$@"
    instance_find
    instance_environment authd
    next=$data/secret_key.next
    [[ $(instance_program authd --print-config) != *$'\nSECRET_KEY=(set)'* ]] ||
        die 1 "SECRET_KEY is set in .env, or in the environment: rotate-secret FILE, and set it to what FILE holds"
    [[ -e $next ]] || secret_make "$next"
    (cd / && env -i "${environment[@]}" SECRET_KEY_FILE="$data/secret_key" "${drop[@]}" \
        "$build/chatbot-admin" rotate-secret - --json <"$next" >/dev/null) || die 1 "the secret stays"
    mv "$next" "$data/secret_key" && sync "$data" || die 1 "$next cannot take the place of secret_key"
    ! instance_process authd || process_end # one that starts just now does so with the new one
    [[ -n $json ]] && echo '{"done":true}' || say "$data/secret_key is another one; authd starts again with it"
}
