# shellcheck shell=bash disable=SC2034,SC2154
# Services: which processes make an instance, and what each is given.

# Sets order: the names of all processes.
services_plan() {
    local n

    order=(postgres)
    [[ -z ${settings[traced:OTEL_EXPORTER_OTLP_ENDPOINT]:-} ]] || order+=(traced)
    ((!demo)) || order+=(provider)
    for ((n = 1; n <= gateways; n++)); do
        order+=("gateway-$n")
    done
    order+=(authd projectd)
    for ((n = 1; n <= chatds; n++)); do
        order+=("chatd-$n")
    done
    order+=(filed)
}

# In the process to be: becomes the service.
service_exec() {
    local name=$1 program=${1%%-*} given=(BUS_DIR="$run_dir/bus" TRACE_SOCKET="$run_dir/trace")

    case $program in
    postgres | provider)
        settings_export none
        if [[ $program == postgres ]]; then
            cluster_exec
        else
            provider_exec
        fi
        ;;
    gateway)
        given+=(GATEWAY_NAME="$name" GATEWAY_NUMBER="${name#gateway-}" GATEWAYS="$gateways" PORT="$port")
        ;;
    traced) ;;
    *)
        given+=(DATABASE="host=$run_dir dbname=chatbot")
        ;;
    esac
    [[ $program != authd ]] || given+=(SECRET_KEY_FILE="$data/secret_key" MAIL_DIR="$data/mail")
    [[ $program != authd ]] || setting_given PUBLIC_URL || given+=(PUBLIC_URL="$url")
    [[ $program != filed ]] || given+=(BLOB_DIR="$data/blobs")
    ((!demo)) || case $program in
    chatd) given+=(OPENAI_BASE_URL="$demo_url" UPSTREAM_LABEL=demo TITLE_MODEL=echo) ;;
    filed) given+=(OPENAI_BASE_URL="$demo_url") ;;
    esac
    settings_export "$program" "${given[@]}"
    settings_keep "$program" >"$data/run/$name.given"
    process_exec "$build/$program"
}

# The demo model keeps its port over restarts, because chatd was told of it.
provider_exec() {
    local file=$run_dir/provider.port number=0

    [[ ! -s $file ]] || number=$(<"$file")
    process_exec "$build/provider" --listen 127.0.0.1 --port "$number" --port-file "$file" --pace 10
}

# Starts everything; each step needs what the ones before it made.
services_start() {
    local name now_ms deadline

    supervisor_start postgres
    ((!demo)) || supervisor_start provider
    services_wait 120 "PostgreSQL" postgres cluster_ready
    cluster_prepare
    if ((demo)); then
        services_wait 10 "the demo model" provider test -s "$run_dir/provider.port"
        demo_url=http://127.0.0.1:$(<"$run_dir/provider.port")/v1
    fi
    for name in "${order[@]}"; do
        [[ $name == postgres || $name == provider ]] || supervisor_start "$name"
    done
}

# services_wait SECONDS WHAT NAME COMMAND...: until COMMAND succeeds.
services_wait() {
    local now_ms deadline what=$2 name=$3

    clock
    deadline=$((now_ms + $1 * 1000))
    shift 3
    until "$@"; do
        supervisor_round 10
        ((stopping == 0)) || die 1 "stopped before it was ready"
        clock
        ((now_ms < deadline)) || { log_tail "$name" 20; die 1 "$what does not get ready"; }
    done
}
