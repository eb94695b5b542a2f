# shellcheck shell=bash
# Backups of a cluster on Kubernetes: the same file as Docker's, so that one can be restored on the other. Volumes are
# copied while they are written; Prometheus, Grafana (SQLite) and Alertmanager mend the end of such a copy at their start.

# VOLUME:POD'S OWNER:PATH in it
readonly COPIED_FOLDERS='certificates:deployment/load-balancer:/etc/threads/certificates prometheus-data:deployment/prometheus:/prometheus alertmanager-data:deployment/alertmanager:/alertmanager grafana-data:deployment/grafana:/var/lib/grafana'

kubernetes_backup() {
  local work entry volume owner path
  kubernetes_is_up
  begin_backup "${1:-}"
  work=$BACKUP_FOLDER
  step 'the store'
  if on_postgres; then
    dump_kubernetes_store "$work/store.dump"
    pack_secret admin-key admin.key
  else
    in_coordinator_pod "${THREADS_IN_CONTAINER[@]}" backup - >"$work/store" ||
      fail 'the store could not be read' './deploy-cluster.sh logs coordinator says why'
  fi
  step "the workers' key"
  pack_secret worker-key worker.key
  for entry in $COPIED_FOLDERS; do
    IFS=: read -r volume owner path <<<"$entry"
    in_namespace get "$owner" >/dev/null 2>&1 || continue
    step "the volume $volume"
    # tar says 1 where a file grew under its hands.
    in_namespace exec "$owner" -- tar -C "$path" -cf - . >"$work/$volume.tar" || [ -s "$work/$volume.tar" ] ||
      fail "the volume $volume could not be copied" 'the line above says why; nothing was changed'
  done
  end_backup
}

# pack_secret NAME KEY: as the tar of a volume with one file.
pack_secret() {
  mkdir "$BACKUP_FOLDER/key"
  in_namespace get secret "$1" -o "jsonpath={.data.${2//./\\.}}" | base64 -d >"$BACKUP_FOLDER/key/$2"
  tar -C "$BACKUP_FOLDER/key" -cf "$BACKUP_FOLDER/$1.tar" .
  rm -r "$BACKUP_FOLDER/key"
}

# unpack_secret NAME KEY
unpack_secret() {
  mkdir "$BACKUP_FOLDER/key"
  tar -C "$BACKUP_FOLDER/key" -xf "$BACKUP_FOLDER/$1.tar"
  has_secret "$1" || make_secret "$1" "$2" "$(cat "$BACKUP_FOLDER/key/$2")"
  rm -r "$BACKUP_FOLDER/key"
}

kubernetes_restore() {
  local work part
  kubernetes_check 0
  find_images_way
  docker_check 0
  begin_restore "$1"
  work=$BACKUP_FOLDER
  if in_namespace get persistentvolumeclaim data-coordinator-0 >/dev/null 2>&1 ||
    in_namespace get persistentvolumeclaim data-postgres-0 >/dev/null 2>&1; then
    fail "there is a cluster already in $CONTEXT: a backup goes into an empty one" './deploy-cluster.sh backup, then ./deploy-cluster.sh cleanup, then restore again'
  fi
  make_state
  remember place kubernetes
  build_images 0
  deliver_images 0
  kubectl apply -f "$ROOT/k8s/base/namespace.yaml" >/dev/null || fail "the namespace $NAMESPACE could not be made" 'the line above says why'
  unpack_secret worker-key worker.key
  if [ -f "$work/store.dump" ]; then
    # Into the store as soon as there is one: the next `kubernetes N G` starts it before its coordinators.
    unpack_secret admin-key admin.key
    remember coordinators "$(setting COORDINATORS "$(backup_coordinators)")"
  else
    restore_embedded_store "$work/store"
  fi
  # What runs with the cluster is filled when it runs: the next `kubernetes N G` does it.
  rm -rf "$STATE/restore"
  mkdir "$STATE/restore"
  for part in store.dump certificates.tar prometheus-data.tar alertmanager-data.tar grafana-data.tar; do
    [ ! -f "$work/$part" ] || mv "$work/$part" "$STATE/restore/"
  done
  remember shown yes
  say 'Restored. ./deploy-cluster.sh kubernetes N G starts the cluster, which goes on from there.'
}

# restore_embedded_store FILE
restore_embedded_store() {
  step 'the store'
  restore_pod | kubectl apply -f - >/dev/null || fail 'the volume of the store could not be made' 'the line above says why'
  in_namespace wait --for=condition=Ready pod/restore --timeout="$(setting ROLLOUT_TIMEOUT 300s)" >&2 ||
    fail 'the pod that restores did not start' "kubectl -n $NAMESPACE describe pod restore shows why"
  in_namespace exec -i restore -- "${THREADS_IN_CONTAINER[@]}" restore - <"$1" ||
    fail 'the store was refused' 'the line above says why; ./deploy-cluster.sh cleanup --yes, then try again'
  in_namespace delete pod restore --wait >/dev/null
}

# The volume as the StatefulSet will look for it, and a pod that has it.
restore_pod() {
  cat <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data-coordinator-0
  namespace: $NAMESPACE
  labels: { app.kubernetes.io/name: coordinator, app.kubernetes.io/component: coordinator, app.kubernetes.io/part-of: threads-cluster }
spec:
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 10Gi } }
---
apiVersion: v1
kind: Pod
metadata:
  name: restore
  namespace: $NAMESPACE
spec:
  automountServiceAccountToken: false
  restartPolicy: Never
  securityContext: { runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: { type: RuntimeDefault } }
  containers:
    - name: restore
      image: $(image_name coordinator)
      imagePullPolicy: IfNotPresent
      command: [sleep, '3600']
      env: [{ name: DATA_DIR, value: /data }]
      resources: { requests: { cpu: 100m, memory: 128Mi }, limits: { cpu: '1', memory: 1Gi } }
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
      volumeMounts: [{ name: data, mountPath: /data }, { name: tmp, mountPath: /tmp }]
  volumes:
    - { name: data, persistentVolumeClaim: { claimName: data-coordinator-0 } }
    - { name: tmp, emptyDir: {} }
YAML
}

# After a restore: what the other volumes had.
fill_restored_volumes() {
  local entry volume owner path
  [ -d "$STATE/restore" ] || return 0
  for entry in $COPIED_FOLDERS; do
    IFS=: read -r volume owner path <<<"$entry"
    [ -f "$STATE/restore/$volume.tar" ] || continue
    step "the volume $volume"
    if in_namespace rollout status "$owner" --timeout=300s >&2 &&
      in_namespace exec -i "$owner" -- tar -C "$path" -xf - <"$STATE/restore/$volume.tar"; then
      in_namespace rollout restart "$owner" >&2
      rm "$STATE/restore/$volume.tar"
    else
      warn "the volume $volume could not be filled: it is kept in $STATE/restore for the next try"
    fi
  done
  rmdir "$STATE/restore" 2>/dev/null || true
}
