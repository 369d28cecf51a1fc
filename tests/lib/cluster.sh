# shellcheck shell=bash
# A private PostgreSQL cluster with all roles, schemas and migrations, for handler tests.
# Sourced by tests/lib/check in the checkout's root; made of the same pieces as deploy/up.
# shellcheck disable=SC2034 # read by the pieces
root=$PWD
for part in console place processes cluster migrations; do
    # shellcheck source=/dev/null
    . "deploy/lib/$part.sh"
done

# Exports CHATBOT_TEST_DATABASE: a conninfo without user; the tests name their role.
test_cluster_start() {
    local tries role

    test_cluster_dir=$(mktemp -d /tmp/chatbot-check-XXXXXX) && chmod 711 "$test_cluster_dir"
    data=$test_cluster_dir/data run_dir=$test_cluster_dir/run
    place_user_make && place_user && mkdir -m 711 "$data" "$data/run" && mkdir -m 700 "$run_dir" || return 1
    cluster_make && cluster_access
    for role in postgres authd projectd chatd filed; do
        echo "chatbot \"$(id -un)\" $role" >>"$run_dir/pg_ident.conf"
    done
    place_run_open
    cluster_exec >"$test_cluster_dir/log" 2>&1 &
    # shellcheck disable=SC2154 # declared in processes.sh
    pid[postgres]=$!
    for ((tries = 0; tries < 1200; tries++)); do
        cluster_ready && break
        sleep 0.05
    done
    cluster_prepare >"$test_cluster_dir/prepare" 2>&1 || { cat "$test_cluster_dir/prepare"; return 1; }
    [ "${TEST_PATIENCE:-1}" = 1 ] || test_cluster_patient || return 1
    export CHATBOT_TEST_DATABASE="host=$run_dir dbname=chatbot"
}

# Where all is slow by nature, transactions and statements may be, too.
test_cluster_patient() {
    local role

    # shellcheck disable=SC2154 # set by cluster_find
    for role in authd projectd chatd filed; do
        printf 'ALTER ROLE %s IN DATABASE chatbot SET %s = 60000;\n' \
            "$role" idle_in_transaction_session_timeout "$role" statement_timeout
    done | as_service "$postgres_bin/psql" -X -q -h "$run_dir" -U postgres -d postgres -v ON_ERROR_STOP=1
}

test_cluster_stop() {
    [ -z "${pid[postgres]:-}" ] || { kill -QUIT "${pid[postgres]}"; wait "${pid[postgres]}"; } 2>/dev/null
    rm -rf -- "${test_cluster_dir:?}"
}
