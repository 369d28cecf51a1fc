# shellcheck shell=bash disable=SC2034,SC2154
# doctor for an instance of deploy/up.
source "$root/deploy/lib/processes.sh"
source "$root/deploy/lib/findings.sh"

instance_doctor() {
    local json='' status

    case "$#:${1:-}" in
    0:) ;;
    1:--json) json=--json ;;
    *) die_usage "doctor takes no argument but --json" ;;
    esac
    instance_findings | (cd / && "$build/chatbot-admin" doctor - ${json:+"$json"})
}

instance_findings() {
    if ! { place_user && place_find "$data_asked" && [[ -d $data/run && -d $run_dir ]]; }; then
        finding bad instance "nothing runs with $data_asked" "start it: deploy/up --data $data_asked"
        programs_look instance_program
        return
    fi
    [[ $(stat -c %a "$data") == 7?0 ]] &&
        finding ok modes "$data has mode $(stat -c %a "$data")" '' ||
        finding bad modes "$data has mode $(stat -c %a "$data")" "chmod 700 it, or 710 for root"
    instance_processes
    programs_look instance_program
    instance_part authd clock
    instance_part authd database
    instance_part chatd-1 model
    instance_part filed files
    instance_part authd accounts
    instance_part gateway-1 gateway
}

instance_processes() {
    local file name number start proc_start

    for file in "$data"/run/*.pid; do
        name=${file##*/}
        name=${name%.pid}
        read -r number start <"$file" || number=
        if [[ -n $number ]] && process_is "$number" "$start"; then
            finding ok process "$name runs" ''
        else
            finding bad process "$name does not run" "look at $data/log/$name.log; deploy/up starts it again"
        fi
    done
}

# instance_environment NAME: sets environment to what its process has, or had.  Where that cannot be
# seen, secrets are those of our own environment, or of .env.
instance_environment() {
    local number start proc_start name

    environment=()
    if { read -r number start <"$data/run/$1.pid"; } 2>/dev/null && process_is "$number" "$start"; then
        { mapfile -d '' environment <"/proc/$number/environ"; } 2>/dev/null
    fi
    ((${#environment[@]} == 0)) || return 0
    { mapfile -d '' environment <"$data/run/$1.given"; } 2>/dev/null
    for name in OPENAI_API_KEY SECRET_KEY MAIL_URL OTEL_EXPORTER_OTLP_HEADERS; do
        [[ -z ${!name:-} ]] || environment+=("$name=${!name}")
    done
}

# instance_program DAEMON ARGUMENT...
instance_program() {
    local environment name=$1

    [[ $name != chatd && $name != gateway ]] || name+=-1
    [[ -n ${run_dir:-} ]] && instance_environment "$name" || environment=(PATH=/usr/bin:/bin)
    (cd / && env -i "${environment[@]}" "${drop[@]}" "$build/$1" "${@:2}")
}

# instance_part NAME PART: a part of doctor, as the process NAME is.
instance_part() {
    local environment

    instance_environment "$1"
    (cd / && env -i "${environment[@]}" "${drop[@]}" "$build/chatbot-admin" doctor "$2")
}
