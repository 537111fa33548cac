import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, installFolder, PROGRAMS, type Program } from './programs.ts';

const PACKAGES: Readonly<Record<Program, string>> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  helm: 'helm.sh/helm/v3/cmd/helm',
};

/** Built from a module, Kubernetes does not know its version, and its clients cannot parse what it says instead. */
const VERSION = 'k8s.io/component-base/version';
const LINKER_FLAGS = `-s -w -X ${VERSION}.gitVersion=v1.35.0 -X ${VERSION}.gitMajor=1 -X ${VERSION}.gitMinor=35`;

const WITHOUT_GO = `Go is not installed, so nothing can be built here. Either install it (https://go.dev/dl), or take the
official programs of envtest and Helm:
  go run sigs.k8s.io/controller-runtime/tools/setup-envtest@latest use 1.35.0    on a machine with Go, or
  https://github.com/kubernetes-sigs/controller-tools/releases                   envtest-v1.35.0-<os>-<arch>.tar.gz
  https://github.com/helm/helm/releases                                          Helm 3
and name the folder that holds them: export KUBEBUILDER_ASSETS=<folder>
`;

process.exitCode = install();

/** Builds what is not there yet. Returns the exit code. */
function install(): number {
  const missing = PROGRAMS.filter((program) => findProgram(program) === undefined);
  if (missing.length > 0 && spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    process.stderr.write(WITHOUT_GO);
    return 1;
  }
  mkdirSync(installFolder(), { recursive: true });
  for (const program of missing) {
    process.stdout.write(`building ${program} (minutes, the first time)\n`);
    if (!build(program)) return 1;
  }
  for (const program of PROGRAMS) process.stdout.write(`${program}: ${findProgram(program)}\n`);
  return 0;
}

function build(program: Program): boolean {
  const path = join(installFolder(), program);
  // Under another name until it is whole, so that an interruption leaves nothing that looks like a program.
  const unfinished = `${path}.${process.pid}`;
  const { status } = spawnSync('go', ['build', '-ldflags', LINKER_FLAGS, '-o', unfinished, PACKAGES[program]], {
    cwd: import.meta.dirname,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
    stdio: 'inherit',
  });
  if (status !== 0) return false;
  renameSync(unfinished, path);
  return true;
}
