# shellcheck shell=bash disable=SC2034,SC2154
# The private PostgreSQL cluster: on a socket in the run directory and nowhere else.

# Sets postgres_bin to the programs of the cluster's version, or of the newest for a new cluster.
cluster_find() {
    local version dirs

    if [[ -f $data/postgres/PG_VERSION ]]; then
        version=$(<"$data/postgres/PG_VERSION")
        postgres_bin=/usr/lib/postgresql/$version/bin
        [[ -x $postgres_bin/postgres ]] || die 1 "$data/postgres was made by PostgreSQL $version," \
            "which is not installed: apt-get install postgresql-$version"
    else
        mapfile -t dirs < <(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V)
        postgres_bin=${dirs[-1]%/initdb}
    fi
}

# Makes the cluster once; a making that was broken off leaves nothing that looks like one.
cluster_make() {
    local new=$data/postgres.new output

    cluster_find
    [[ ! -f $data/postgres/PG_VERSION ]] || return 0
    say "making a PostgreSQL cluster in $data/postgres"
    rm -rf -- "$new"
    mkdir -m 700 "$new" && { ((EUID != 0)) || chown "$service_user:" "$new"; } ||
        die 1 "$new cannot be made"
    output=$(cd / && as_service "$postgres_bin/initdb" -D "$new" -U postgres -A peer \
        --locale=C.UTF-8 -E UTF8 --no-sync --no-instructions 2>&1 &&
        as_service tee -a "$new/postgresql.conf" <<<"$(cluster_conf)" 2>&1 &&
        as_service "$postgres_bin/initdb" -D "$new" --sync-only 2>&1) ||
        die 1 "the cluster cannot be made:"$'\n'"$output"
    mv "$new" "$data/postgres" && sync "$data" || die 1 "$new cannot be renamed"
}

# Sizes for a small host.  Part of postgresql.conf, so that they can be changed there.
cluster_conf() {
    cat <<'CONF'

# ---- set when the cluster was made ----
max_connections = 220                   # the sum of the roles' limits, and some
shared_buffers = 64MB
max_wal_size = 512MB
checkpoint_timeout = 15min
jit = off                               # costs more than these small queries do
max_parallel_workers_per_gather = 0
log_min_duration_statement = 1s
log_line_prefix = '%m [%p] %q%u '
log_timezone = 'UTC'
timezone = 'UTC'
CONF
}

# Who may connect: only the one OS user, as the superuser and as the daemons' roles.
cluster_access() {
    local role

    {
        echo 'local all     postgres                    peer map=chatbot'
        echo 'local chatbot authd,projectd,chatd,filed  peer map=chatbot'
    } >"$run_dir/pg_hba.conf"
    for role in postgres authd projectd chatd filed; do
        printf 'chatbot "%s" %s\n' "$service_user" "$role"
    done >"$run_dir/pg_ident.conf"
}

# In the process to be: becomes the server.
cluster_exec() {
    process_exec "$postgres_bin/postgres" -D "$data/postgres" \
        -c listen_addresses= -c "unix_socket_directories=$run_dir" -c unix_socket_permissions=0700 \
        -c "hba_file=$run_dir/pg_hba.conf" -c "ident_file=$run_dir/pg_ident.conf"
}

# Whether the server says that it takes connections.
cluster_ready() {
    local lines
    mapfile -t lines 2>/dev/null <"$data/postgres/postmaster.pid" || return 1
    [[ ${lines[0]:-} == "${pid[postgres]:-}" && ${lines[7]:-} == ready* ]]
}

# Roles, schemas, migrations.
cluster_prepare() {
    local psql=(as_service "$postgres_bin/psql" -X -q -h "$run_dir" -U postgres) output

    output=$("${psql[@]}" -d postgres <"$root/deploy/roles.sql" 2>&1) ||
        die 1 "deploy/roles.sql failed:"$'\n'"$output"
    migrations_apply "${psql[@]}" -d chatbot || die 1 "the migrations failed"
}
