# shellcheck shell=bash
# The cluster on Kubernetes: k8s/, made this cluster's own by a small kustomization in $STATE/kubernetes.

in_namespace() { kubectl -n "$NAMESPACE" "$@"; }

# One that runs, to run something in.
coordinator_pod() { if on_postgres; then coordinator_workload; else printf 'pod/coordinator-0\n'; fi; }

in_coordinator_pod() { in_namespace exec -i "$(coordinator_pod)" -c coordinator -- "$@"; }

kubernetes_deploy() {
  local workers=$1 gpus=$2
  kubernetes_check "$gpus"
  kubernetes_store_check
  find_images_way
  docker_check 0
  render_alert_receiver >/dev/null
  make_state
  remember_coordinators
  remember place kubernetes
  remember gpus "$gpus"
  build_images "$gpus"
  deliver_images "$gpus"
  write_kustomization "$workers" "$gpus"
  step 'applying the manifests'
  kubectl kustomize "$STATE/kubernetes" >"$STATE/kubernetes/rendered.yaml" ||
    fail 'the manifests could not be rendered' 'the lines above say why; K8S_COMPONENTS names folders of k8s/components'
  # The namespace first: secrets are made in it before the pods that read them.
  kubectl get namespace "$NAMESPACE" >/dev/null 2>&1 || kubectl apply -f "$ROOT/k8s/base/namespace.yaml" >/dev/null ||
    fail "the namespace $NAMESPACE could not be made" 'the line above says why'
  make_secrets
  make_store_secrets
  make_alert_receivers
  kubectl apply -f "$STATE/kubernetes/rendered.yaml" >&2 ||
    fail 'the cluster refused the manifests' 'the lines above say which; nothing that ran before was stopped'
  set_workers "$workers" "$gpus"
  fill_restored_store
  wait_for_rollout "$gpus"
  fill_restored_volumes
  kubernetes_first_words "$workers" "$gpus"
}

# The images that so many GPU workers need.
images() {
  printf 'coordinator\ncpu-worker\nnginx\n'
  [ "$1" -eq 0 ] || printf 'gpu-worker\n'
}

image_name() {
  local registry
  registry=$(setting IMAGE_REGISTRY '')
  printf '%sthreads-cluster/%s:%s\n' "${registry:+$registry/}" "$1" "$(image_tag)"
}

# A tag that stays the same would leave old images on the nodes, so it is that of the source where git tells one.
image_tag() { setting IMAGE_TAG "$(git -C "$ROOT" rev-parse --short=12 HEAD 2>/dev/null || echo 0.1.0)"; }

build_images() {
  local image source
  for image in $(images "$1"); do
    step "building $(image_name "$image")"
    source=("$ROOT" --target "$image")
    [ "$image" != nginx ] || source=("$ROOT/nginx")
    DOCKER_BUILDKIT=1 docker build --quiet -t "$(image_name "$image")" \
      --build-arg "NODE_IMAGE=$(setting NODE_IMAGE node:24-bookworm-slim)" \
      --build-arg "DEBIAN_IMAGE=$(setting DEBIAN_IMAGE debian:bookworm-slim)" "${source[@]}" >/dev/null ||
      fail "the image $image could not be built" 'the lines above say why; docs/troubleshooting.md has the usual causes'
  done
}

deliver_images() {
  local image name
  for image in $(images "$1"); do
    name=$(image_name "$image")
    step "bringing $name to the nodes ($IMAGES_BY)"
    deliver_image "$name" ||
      fail "$name could not be brought to the nodes by $IMAGES_BY" 'the lines above say why (docker login REGISTRY where it wants to know you)'
  done
}

deliver_image() {
  case $IMAGES_BY in
    push) docker push --quiet "$1" >/dev/null ;;
    kind) kind load docker-image "$1" --name "${CONTEXT#kind-}" >&2 ;;
    k3d) k3d image import "$1" --cluster "${CONTEXT#k3d-}" >&2 ;;
    minikube) minikube image load "$1" >&2 ;;
    k3s) docker save "$1" | k3s ctr images import - >&2 ;;
  esac
}

# relative_path FROM TO, both absolute: kustomize takes no absolute ones.
relative_path() {
  local from=$1 to=$2 up=''
  while [ "${to#"$from"/}" = "$to" ] && [ "$from" != "$to" ]; do
    from=$(dirname "$from")
    up=../$up
    [ "$from" != / ] || break
  done
  [ "$from" != / ] || from=''
  printf '%s%s\n' "$up" "${to#"$from"/}"
}

# Options of coordinator, workers and nginx that this call sets: they become part of the ConfigMap cluster-settings.
readonly PASSED_SETTINGS='DOMAIN ACME_EMAIL ACME_SERVER LAN_NAMES PUBLIC_URL ALLOWED_ORIGINS READ_ACCESS VOLUNTEER_ACCESS SUBMIT_ACCESS RETENTION_DAYS LOG_LEVEL NODE_TAGS'

cluster_settings() {
  local name value begun=''
  for name in $PASSED_SETTINGS; do
    value=$(setting "$name" "$(recall "$name")")
    [ -n "$value" ] || continue
    # The next call without it means the same cluster.
    remember "$name" "$value"
    [ -n "$begun" ] || printf 'configMapGenerator:\n  - name: cluster-settings\n    behavior: merge\n    options: { disableNameSuffixHash: true }\n    literals:\n'
    begun=yes
    printf "      - '%s=%s'\n" "$name" "$(printf '%s' "$value" | sed "s/'/''/g")"
  done
}

# write_kustomization WORKERS GPUS
write_kustomization() {
  local component image name
  mkdir -p "$STATE/kubernetes"
  {
    printf '# Made by deploy-cluster.sh: what is this cluster'"'"'s own. kubectl apply -k takes this folder.\n'
    printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n'
    printf 'namespace: %s\n' "$NAMESPACE"
    printf 'resources:\n  - %s\n' "$(relative_path "$STATE/kubernetes" "$ROOT/k8s/overlays/default")"
    printf 'images:\n'
    for image in coordinator cpu-worker gpu-worker nginx; do
      name=$(image_name "$image")
      printf '  - name: threads-cluster/%s\n    newName: %s\n    newTag: %s\n' "$image" "${name%:*}" "'${name##*:}'"
    done
    [ -z "$(components "$2")" ] || printf 'components:\n'
    for component in $(components "$2"); do
      printf '  - %s\n' "$(relative_path "$STATE/kubernetes" "$ROOT/k8s/components/$component")"
    done
    if on_postgres || [[ " $(components "$2") " == *' autoscale '* ]]; then printf 'patches:\n'; fi
    ! on_postgres || coordinators_patch
    [[ " $(components "$2") " != *' autoscale '* ]] || bounds_patch "$(($1 - $2))"
    cluster_settings
  } >"$STATE/kubernetes/kustomization.yaml"
}

# The autoscaler's bounds are this cluster's: those of the component would be applied again each time.
bounds_patch() {
  printf '  - target: { kind: HorizontalPodAutoscaler, name: cpu-workers }\n    patch: |-\n'
  printf '      [{"op": "replace", "path": "/spec/minReplicas", "value": %s},\n' "$(least "$1")"
  printf '       {"op": "replace", "path": "/spec/maxReplicas", "value": %s}]\n' "$(most "$1")"
}

# What this cluster has beyond the default: K8S_COMPONENTS, and what follows from where it runs.
components() {
  local wanted
  wanted=$(setting K8S_COMPONENTS "$(recall components)")
  [ -z "$wanted" ] || remember components "$wanted"
  wanted="$(store_components) $wanted"
  if [ "$IMAGES_BY" != push ]; then wanted="local $wanted"; fi
  if alerts_are_told || has_secret alertmanager-receivers; then wanted="alert-receivers $wanted"; fi
  if by_software "$1"; then wanted="software-gpu $wanted"; fi
  if [ -n "$(setting DOMAIN "$(recall DOMAIN)")" ] && [[ " $wanted " != *' ingress '* ]]; then wanted="acme $wanted"; fi
  printf '%s\n' "$wanted"
}

# make_secrets: what is there stays, so that a second run changes no key.
make_secrets() {
  has_secret worker-key || make_secret worker-key worker.key "$(new_key)"
  has_secret grafana-admin || make_secret grafana-admin admin-password "$(random_bytes 24 base64url)"
}

# Made anew where settings are given, since they may have changed; else what is there stays.
make_alert_receivers() {
  alerts_are_told || return 0
  render_alert_receiver | in_namespace create secret generic alertmanager-receivers --from-file=alertmanager.yml=/dev/stdin --dry-run=client -o yaml |
    in_namespace apply -f - >/dev/null ||
    fail 'the Secret alertmanager-receivers could not be made' 'the line above says why'
}

has_secret() { in_namespace get secret "$1" >/dev/null 2>&1; }

# By standard input: an argument could be read by others of this machine.
make_secret() {
  printf '%s\n' "$3" | in_namespace create secret generic "$1" --from-file="$2=/dev/stdin" >/dev/null ||
    fail "the Secret $1 could not be made" 'the line above says why'
}

random_bytes() {
  case $2 in
    hex) head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n' ;;
    base64url) head -c "$1" /dev/urandom | base64 | tr -d '=\n' | tr '+/' '-_' ;;
  esac
}

# An autoscaler would undo a scale: the number becomes its upper bound, and half of it the lower one.
least() { echo $((($1 + 1) / 2 > 0 ? ($1 + 1) / 2 : 1)); }
most() { echo $(($1 > 0 ? $1 : 1)); }

has_gpu_workers() { in_namespace get deployment gpu-workers >/dev/null 2>&1; }

# set_workers WORKERS GPUS
set_workers() {
  local cpus=$(($1 - $2))
  remember workers "$1"
  if in_namespace get horizontalpodautoscaler cpu-workers >/dev/null 2>&1; then
    in_namespace patch horizontalpodautoscaler cpu-workers --type merge \
      --patch "{\"spec\":{\"minReplicas\":$(least "$cpus"),\"maxReplicas\":$(most "$cpus")}}" >&2
  else
    in_namespace scale deployment cpu-workers --replicas="$cpus" >&2
  fi
  # With a worker on every GPU of every node (gpu-every-node) there is none.
  if has_gpu_workers; then in_namespace scale deployment gpu-workers --replicas="$2" >&2; fi
  in_namespace create configmap cluster-size --from-literal="cluster-size=$1" --dry-run=client -o yaml | in_namespace apply -f - >/dev/null
}

wait_for_rollout() {
  local what
  for what in $(if on_postgres && ! postgres_is_outside; then echo statefulset/postgres; fi) "$(coordinator_workload)" deployment/load-balancer deployment/cpu-workers $([ "$1" -eq 0 ] || ! has_gpu_workers || echo deployment/gpu-workers); do
    step "waiting for $what"
    in_namespace rollout status "$what" --timeout="$(setting ROLLOUT_TIMEOUT 300s)" >&2 ||
      fail "$what did not become ready" "kubectl -n $NAMESPACE describe pods shows why; docs/troubleshooting.md has the usual causes"
  done
}

kubernetes_first_words() {
  local key
  say
  say "The cluster runs in the namespace $NAMESPACE of $CONTEXT: $1 workers, $2 of them with a GPU."
  say
  in_namespace get service load-balancer-service
  say
  say "  Grafana     kubectl -n $NAMESPACE port-forward service/grafana 3001:3000      (user admin)"
  say "  Prometheus  kubectl -n $NAMESPACE port-forward service/prometheus 9091:9090"
  [ "$(recall shown)" = yes ] && return 0
  key=$(in_coordinator_pod "${THREADS_IN_CONTAINER[@]}" token create --user owner --role submitter --json | key_of_json) || key=''
  [ -n "$key" ] || fail 'no key for submitting could be made' './deploy-cluster.sh logs coordinator says why'
  say
  say "A key for submitting, shown this once: $key"
  say "Try it (the address is the EXTERNAL-IP above; -k until its certificate is trusted):"
  say "  curl -k -H 'Authorization: Bearer $key' -H 'Content-Type: application/json' \\"
  say "    -d '{\"type\": \"collatz\", \"parameters\": {\"start\": \"1\", \"end\": \"1000000\"}}' https://ADDRESS/api/submit"
  say "Grafana's password: kubectl -n $NAMESPACE get secret grafana-admin -o jsonpath='{.data.admin-password}' | base64 -d"
  say "The admin's key: kubectl -n $NAMESPACE exec $(coordinator_pod) -- cat /data/admin.key"
  remember shown yes
}

kubernetes_is_up() {
  kubernetes_check 0
  in_namespace get "$(coordinator_pod)" >/dev/null 2>&1 ||
    fail "there is no coordinator in $CONTEXT" "./deploy-cluster.sh kubernetes $(recall workers 3) $(recall gpus 0) starts it"
}

kubernetes_status() {
  kubernetes_check 0
  in_namespace get pods,services,persistentvolumeclaims
  say
  in_coordinator_pod "${THREADS_IN_CONTAINER[@]}" status || fail 'the coordinator does not answer' './deploy-cluster.sh logs coordinator'
}

kubernetes_logs() {
  local service=${1:-coordinator} follow=()
  kubernetes_check 0
  case $service in nginx) service=load-balancer ;; cpu-worker | gpu-worker) service=${service}s ;; esac
  [ -n "$(in_namespace get pods -l "app.kubernetes.io/name=$service" -o name)" ] ||
    refuse "there is no pod of '$1'" "kubectl -n $NAMESPACE get pods lists them; coordinator, cpu-workers, gpu-workers, load-balancer, prometheus, alertmanager, grafana"
  if [ -t 1 ]; then follow=(--follow); fi
  in_namespace logs -l "app.kubernetes.io/name=$service" --tail=100 --prefix --max-log-requests=50 ${follow[@]+"${follow[@]}"}
}

kubernetes_scale() {
  local gpus
  gpus=$(recall gpus 0)
  [ "$1" -ge "$gpus" ] || refuse "$1 workers in all, and $gpus of them have a GPU" \
    "ask for at least $gpus, or for fewer GPU workers: ./deploy-cluster.sh kubernetes $1 $1"
  kubernetes_is_up
  set_workers "$1" "$gpus"
  say "$1 workers: $(($1 - gpus)) by CPU, $gpus with a GPU."
}

kubernetes_report() {
  kubernetes_is_up
  in_coordinator_pod "${THREADS_IN_CONTAINER[@]}" report "$@"
}

kubernetes_stop() {
  kubernetes_check 0
  in_namespace delete horizontalpodautoscaler --all --ignore-not-found >&2
  in_namespace scale deployment,statefulset --all --replicas=0 >&2
  say "Stopped. Data stays; ./deploy-cluster.sh kubernetes $(recall workers 3) $(recall gpus 0) goes on with it."
}

kubernetes_cleanup() {
  kubernetes_check 0
  [ "$1" = --yes ] || confirmed "Remove the namespace $NAMESPACE of $CONTEXT and ALL data in it: jobs, results, keys, metrics?" ||
    fail 'nothing was removed' 'answer y, or say --yes; ./deploy-cluster.sh backup first keeps a copy'
  kubectl delete namespace "$NAMESPACE" --ignore-not-found
  rm -rf "$STATE"
  say 'Everything is removed but the images and backups.'
}
