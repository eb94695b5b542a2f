# shellcheck shell=bash
# Several coordinators on PostgreSQL, on Kubernetes: k8s/components/coordinators with postgres or postgres-outside.

# What runs the coordinators.
coordinator_workload() { if on_postgres; then printf 'deployment/coordinator\n'; else printf 'statefulset/coordinator\n'; fi; }

# Whether the PostgreSQL is somebody else's: then its address is in a Secret that the operator has made.
postgres_is_outside() { [[ " $(setting K8S_COMPONENTS "$(recall components)") " == *' postgres-outside '* ]]; }

# Of the components, what COORDINATORS adds.
store_components() {
  on_postgres || return 0
  printf 'coordinators '
  postgres_is_outside || printf 'postgres '
  printf 'store-backups\n'
}

# Before anything is changed.
kubernetes_store_check() {
  local wanted
  wanted=$(wanted_coordinators)
  [ -n "$wanted" ] || return 0
  whole COORDINATORS "$wanted" "$MOST_COORDINATORS"
  [ "$((10#$wanted))" -ge 1 ] || refuse 'a cluster has at least one coordinator' 'COORDINATORS=3 ./deploy-cluster.sh kubernetes 5 0'
  if in_namespace get statefulset coordinator >/dev/null 2>&1; then
    fail "the cluster in $CONTEXT has its jobs in the embedded store, and COORDINATORS needs them in PostgreSQL" \
      "k8s/README.md, 'Several coordinators on PostgreSQL', says how they are moved"
  fi
  if postgres_is_outside && ! has_secret store-url; then
    missing 'the Secret store-url is not there, with the address of your PostgreSQL' \
      "kubectl -n $NAMESPACE create secret generic store-url --from-file=url=FILE, where FILE has one line: postgres://user:password@host/database"
  fi
}

# make_store_secrets: what is there stays.
make_store_secrets() {
  local password
  on_postgres || return 0
  has_secret admin-key || make_secret admin-key admin.key "$(new_key)"
  ! postgres_is_outside || return 0
  # Both from one password; the address is made last, and tells that both are there.
  if ! has_secret store-url; then
    password=$(random_bytes 32 base64url)
    ! has_secret postgres-password || in_namespace delete secret postgres-password >/dev/null
    make_secret postgres-password password "$password"
    make_secret store-url url "postgres://threads:$password@postgres:5432/threads"
  fi
}

new_key() { printf 'tc_%s_%s\n' "$(random_bytes 6 hex)" "$(random_bytes 32 base64url)"; }

# None while a backup waits to be put into the store.
coordinator_replicas() { if [ -f "$STATE/restore/store.dump" ]; then echo 0; else recall coordinators 3; fi; }

# A patch of the kustomization, in the list of patches.
coordinators_patch() {
  printf '  - target: { kind: Deployment, name: coordinator }\n    patch: |-\n'
  printf '      [{"op": "replace", "path": "/spec/replicas", "value": %s}]\n' "$(coordinator_replicas)"
  # A budget of two would let no node be drained with fewer than three.
  if [ "$(recall coordinators 3)" -lt 3 ]; then
    printf '  - target: { kind: PodDisruptionBudget, name: coordinator }\n    patch: |-\n'
    printf '      [{"op": "replace", "path": "/spec/minAvailable", "value": %s}]\n' "$(($(recall coordinators 3) - 1))"
  fi
}

# After a restore: the store first, then the coordinators.
fill_restored_store() {
  [ -f "$STATE/restore/store.dump" ] || return 0
  step 'the store'
  in_namespace rollout status statefulset/postgres --timeout="$(setting ROLLOUT_TIMEOUT 300s)" >&2 ||
    fail 'PostgreSQL did not become ready' "kubectl -n $NAMESPACE describe pod postgres-0 shows why"
  in_namespace exec -i postgres-0 -- pg_restore --username=postgres --dbname=threads --no-owner --role=threads \
    --single-transaction --exit-on-error <"$STATE/restore/store.dump" ||
    fail 'the store was refused' 'the lines above say why; ./deploy-cluster.sh cleanup --yes, then restore again'
  in_namespace exec -i postgres-0 -- psql --no-psqlrc --quiet --username=postgres --dbname=threads --set ON_ERROR_STOP=1 \
    --command='SET ROLE threads' --command='SELECT threads_after_restore()' >/dev/null ||
    fail 'the store was restored, and its old leases could not be made void' './deploy-cluster.sh cleanup --yes, then restore again'
  rm "$STATE/restore/store.dump"
  in_namespace scale deployment coordinator --replicas="$(recall coordinators 3)" >&2
}

# dump_kubernetes_store FILE: as dump_store on Docker.
dump_kubernetes_store() {
  ! postgres_is_outside || fail "the store is a PostgreSQL of yours, which this does not read" \
    "k8s/README.md, 'Backups of the store', says where the nightly ones are, and how they are restored"
  in_namespace exec -i postgres-0 -- pg_dump --username=postgres --format=custom --no-unlogged-table-data threads >"$1" ||
    fail 'the store could not be read' "kubectl -n $NAMESPACE logs postgres-0 says why"
  in_namespace exec -i postgres-0 -- pg_restore --list <"$1" >/dev/null || fail 'what was read of the store is not whole' 'try again'
}

kubernetes_move() {
  kubernetes_check 0
  fail 'on Kubernetes the store is moved by hand' "k8s/README.md, 'Several coordinators on PostgreSQL', has the steps for $1 coordinators"
}
