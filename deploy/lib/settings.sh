# shellcheck shell=bash disable=SC2034,SC2154
# Settings: which process gets which, from the environment and .env.
#
# The programs themselves read, check and list them (--print-config), so names and rules are not
# repeated here.  Each process gets the environment variables and the lines of .env that it keeps,
# and no others: the gateway never sees a provider key.

# settings[PROGRAM:NAME]: what --print-config says; names[PROGRAM]: its names, separated by spaces.
declare -A settings=() names=()

# Reads and checks all settings, from the environment and env_file.  Ends with 1 where one is
# wrong; the program has said which.
settings_load() {
    local program line output status

    for program in gateway authd projectd chatd filed traced; do
        output=$(unset CREDENTIALS_DIRECTORY CHATBOT_CONF_DIR
            CHATBOT_ENV_FILE=$env_file "$build/$program" --print-config 2>&1)
        status=$?
        names[$program]=
        while IFS= read -r line; do
            if [[ $line =~ ^([A-Z][A-Z0-9_]*)=(.*)$ ]]; then
                settings[$program:${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
                names[$program]+=" ${BASH_REMATCH[1]}"
            elif [[ -n $line ]]; then
                printf '%s\n' "${line#<[0-7]>}" >&2
            fi
        done <<<"$output"
        ((status == 0)) || die 1 "$program refuses its settings (status $status)"
    done
}

# Whether somebody gave it: not the default.
setting_given() {
    [[ -n ${!1:-} ]] && return
    [[ -f $env_file ]] &&
        grep -qE "^[[:blank:]]*(export[[:blank:]]+)?$1[[:blank:]]*=[[:blank:]]*[^[:space:]#]" \
            "$env_file"
}

# Whether the demo model has to stand in for a real one.
settings_want_demo() {
    [[ ${settings[chatd:OPENAI_API_KEY]:-} != '(set)' ]] && ! setting_given OPENAI_BASE_URL
}

# Writes each program its own .env: other programs' lines are left empty, so line numbers stay.
settings_split() {
    local program line name

    [[ -f $env_file ]] || return 0
    for program in gateway authd projectd chatd filed traced; do
        while IFS= read -r line || [[ -n $line ]]; do
            name=${line%%=*}
            name=${name#$'\xef\xbb\xbf'}
            name=${name##*( )?(export)+([[:blank:]])}
            name=${name//[[:blank:]]/}
            if [[ $line == *=* && " ${names[$program]} " == *" $name "* ]]; then
                printf '%s\n' "$line"
            else
                echo
            fi
        done <"$env_file" >"$run_dir/env/$program"
    done
}

# A new SECRET_KEY, once, where none was given.
settings_secret() {
    [[ ${settings[authd:SECRET_KEY]:-} == '(set)' || -e $data/secret_key ]] || secret_make "$data/secret_key"
}

# secret_make FILE: a new secret, which the service user may read.
secret_make() {
    local file=$1

    (umask 077 && head -c 48 /dev/urandom | base64 -w 0 >"$file.new") &&
        { ((EUID != 0)) || chown "$service_user:" "$file.new"; } &&
        sync "$file.new" && mv "$file.new" "$file" && sync "$data" ||
        die 1 "$file cannot be written"
}

# settings_export PROGRAM NAME=VALUE...: in the process to be: an environment of the program's own
# names, and of what is given here, which wins.
settings_export() {
    local program=$1 name keep

    shift
    keep=" ${names[$program]:-} ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS "
    for name in $(compgen -e); do
        [[ $keep == *" $name "* ]] || export -n "${name?}"
    done
    export PATH=/usr/bin:/bin HOME=/nonexistent LANG=C.UTF-8
    for name in "$@"; do
        export "${name?}"
    done
    [[ ! -f $run_dir/env/$program ]] || export CHATBOT_ENV_FILE=$run_dir/env/$program
}

# settings_keep PROGRAM: prints what settings_export gave it but for secrets, each with a NUL behind it:
# a plain user cannot see the environment of a process that leaves no core.
settings_keep() {
    local name

    for name in ${names[$1]:-} PATH CHATBOT_ENV_FILE; do
        [[ -z ${!name:-} || ${settings[$1:$name]:-} == '(set)' ]] || printf '%s=%s\0' "$name" "${!name}"
    done
}
