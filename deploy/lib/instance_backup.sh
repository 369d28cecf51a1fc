# shellcheck shell=bash disable=SC2034,SC2154
# Backup and restore of an instance of deploy/up.
source "$root/deploy/lib/migrations.sh"
source "$root/deploy/lib/cluster.sh"
source "$root/deploy/lib/backup.sh"

# Sets what backup.sh asks for.
instance_describe() {
    cluster_find
    psql=(as_service "$postgres_bin/psql" -h "$run_dir" -U postgres)
    pg_restore=(as_service "$postgres_bin/pg_restore" -h "$run_dir" -U postgres)
    pg_dump=("$postgres_bin/pg_dump" -h "$run_dir" -U postgres)
    blobs=$data/blobs
    keys=()
    [[ ! -f $data/secret_key ]] || keys=("$data/secret_key")
}

# instance_backup DIR [--json]
instance_backup() {
    local json arguments to

    json_take "$@"
    [[ ${#arguments[@]} == 1 && ${arguments[0]} != -* ]] || die_usage "backup takes a directory"
    to=$(realpath -m -- "${arguments[0]}")
    place_user && place_find "$data_asked" && [[ -d $data/run && -d $run_dir ]] ||
        die 1 "nothing runs with $data_asked: start it with deploy/up"
    instance_describe
    ((${#keys[@]})) || warn "SECRET_KEY is given from outside and not in the archive: keep it yourself"
    trap backup_clean EXIT
    umask 077
    cd / && backup_make "$to" || die 1 "no archive was made"
    backup_tell "$json"
}

# instance_restore ARCHIVE [--json]
instance_restore() {
    local json arguments archive options out=1

    json_take "$@"
    [[ ${#arguments[@]} == 1 && ${arguments[0]} != -* ]] || die_usage "restore takes an archive"
    archive=$(realpath -m -- "${arguments[0]}")
    [[ -z $json ]] || exec {out}>&1 >&2
    place_user_make
    place_user && place_find "$data_asked" || die 1 "there is no user to run it"
    [[ ! -e $data/postgres ]] || die 1 "$data has data already; choose a new directory with --data"
    backup_open "$archive" || exit 1
    place_make
    place_lock || die 1 "$data is in use"
    place_run_make
    cluster_make
    cluster_access
    place_run_open
    instance_describe
    trap instance_restore_end EXIT
    options="-c listen_addresses= -c unix_socket_directories=$run_dir -c unix_socket_permissions=0700"
    options+=" -c hba_file=$run_dir/pg_hba.conf -c ident_file=$run_dir/pg_ident.conf"
    cd / && instance_server start -o "$options" ||
        die 1 "PostgreSQL does not start: $data/log/postgres.log"
    restore_database "$archive" && restore_contents "$archive" "$service_user" ||
        die 1 "the archive cannot be restored"
    instance_secret "$archive" || die 1 "the secret cannot be restored"
    if [[ -n $json ]]; then
        printf '{"restored":"%s"}\n' "$archive" >&"$out"
    else
        say "restored; start it with deploy/up --data $asked"
    fi
}

instance_server() {
    as_service "$postgres_bin/pg_ctl" -D "$data/postgres" -w -s "$@" >>"$data/log/postgres.log" 2>&1 </dev/null
}

instance_secret() {
    if tar --list --file "$1" keys/secret_key >/dev/null 2>&1; then
        (umask 077 && backup_entry "$1" keys/secret_key >"$data/secret_key") &&
            { ((EUID != 0)) || chown "$service_user:" "$data/secret_key"; }
    else
        warn "the archive holds no SECRET_KEY: give deploy/up the one of the instance that it is of"
    fi
}

instance_restore_end() {
    [[ ! -f $data/postgres/postmaster.pid ]] || instance_server stop
    rm -rf -- "$run_dir"
}
