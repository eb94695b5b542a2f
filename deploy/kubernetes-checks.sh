# shellcheck shell=bash
# What a Kubernetes cluster, or this machine's way to it, lacks; found before anything is changed.

readonly NAMESPACE=threads-cluster

# kubernetes_check GPUS: ends with 3 and what to do.
kubernetes_check() {
  command -v kubectl >/dev/null 2>&1 ||
    missing 'kubectl is not installed' 'https://kubernetes.io/docs/tasks/tools/ (Debian trixie: apt-get install kubernetes-client)'
  kubectl kustomize "$ROOT/k8s/overlays/default" >/dev/null 2>&1 ||
    missing 'this kubectl is too old to render k8s/: 1.27 or newer is needed' 'kubectl version --client shows which one it is; https://kubernetes.io/docs/tasks/tools/'
  CONTEXT=$(kubectl config current-context 2>/dev/null) ||
    missing 'kubectl is set to no cluster' 'kubectl config get-contexts, then kubectl config use-context NAME; or KUBECONFIG=FILE'
  local said
  said=$(kubectl get --raw /readyz --request-timeout=15s 2>&1) ||
    missing "the cluster of $CONTEXT does not answer: $(printf '%s' "$said" | tail -n 1)" 'kubectl cluster-info shows what kubectl asks; kubectl config use-context takes another'
  kubernetes_rights_check
  [ "$1" -eq 0 ] || kubernetes_gpu_check "$1"
}

kubernetes_rights_check() {
  local lacking='' what
  for what in 'create deployments.apps' 'create statefulsets.apps' 'create secrets' 'create networkpolicies.networking.k8s.io' 'create persistentvolumeclaims'; do
    # shellcheck disable=SC2086 # two words
    kubectl auth can-i $what -n "$NAMESPACE" >/dev/null 2>&1 || lacking="$lacking, $what"
  done
  [ -z "$lacking" ] || missing "you may not${lacking#,} in the namespace $NAMESPACE of $CONTEXT" 'ask whoever runs that cluster for the role admin in this namespace'
  kubectl get namespace "$NAMESPACE" >/dev/null 2>&1 || kubectl auth can-i create namespaces >/dev/null 2>&1 ||
    missing "you may not create the namespace $NAMESPACE in $CONTEXT" "ask whoever runs that cluster: kubectl create namespace $NAMESPACE"
}

# GPUs that the nodes offer.
kubernetes_gpus() {
  local sum=0 count
  for count in $(kubectl get nodes -o 'jsonpath={range .items[*]}{.status.allocatable.nvidia\.com/gpu}{"\n"}{end}' 2>/dev/null); do
    case $count in *[!0-9]*) ;; *) sum=$((sum + count)) ;; esac
  done
  printf '%s\n' "$sum"
}

# by_software GPUS: more of them are wanted than the nodes offer, and software adapters, one for each node, are allowed.
by_software() {
  [ "${GPU_ENABLED:-auto}" = true ] && [ "$1" -gt "$(kubernetes_gpus)" ]
}

kubernetes_gpu_check() {
  local found
  found=$(kubernetes_gpus)
  # Software adapters are on every node; a Deployment has one kind of worker, so it is one or the other.
  if by_software "$1"; then found=$(kubectl get nodes -o name 2>/dev/null | grep -c . || true); fi
  enough_adapters "$1" "$found" "on the nodes of $CONTEXT (kubectl describe nodes | grep nvidia.com/gpu)"
}

# How images get to the nodes, as IMAGES_BY: push, kind, minikube, k3s, k3d.
find_images_way() {
  if [ -n "$(setting IMAGE_REGISTRY '')" ]; then
    IMAGES_BY=push
    return 0
  fi
  case $CONTEXT in
    kind-*) IMAGES_BY=kind ;;
    k3d-*) IMAGES_BY=k3d ;;
    minikube) IMAGES_BY=minikube ;;
    *)
      if kubectl get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}' 2>/dev/null | grep -q k3s; then
        IMAGES_BY=k3s
      else
        missing "the nodes of $CONTEXT can't get images from this machine" 'IMAGE_REGISTRY=registry.example.org/team ./deploy-cluster.sh kubernetes … pushes them to a registry that the nodes can read'
      fi
      ;;
  esac
  command -v "$IMAGES_BY" >/dev/null 2>&1 ||
    missing "$CONTEXT is a cluster of $IMAGES_BY, and $IMAGES_BY is not here to load images" "install $IMAGES_BY, or set IMAGE_REGISTRY to a registry that its nodes can read"
}
