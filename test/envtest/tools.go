//go:build tools

// Package envtest names the programs that the cluster suites run, so that one `go mod tidy`
// pins them all. Nothing here is compiled into Fairlead.
package envtest

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "helm.sh/helm/v3/cmd/helm"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
