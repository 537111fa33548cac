import { readWorkerSettings } from '../dev/worker-settings.ts';

/** A worker as `workerd serve` is to run it. Fields named so are pieces of Cap'n Proto text. */
export type WorkerSource = {
  /** Relative to the folder given to startWorkerd. */
  mainModule: string;
  /** 0, the default, takes a free port. */
  port?: number;
  bindings: readonly string[];
  /** Further fields of the worker. */
  workerFields?: readonly string[];
  /** Further services beside the worker. */
  services?: readonly string[];
};

/** A configuration in Cap'n Proto's text form. The upstream is on this machine, hence `private`. */
export async function renderWorkerdConfig(worker: WorkerSource): Promise<string> {
  const services = [
    '(name = "main", worker = .edge)',
    '(name = "internet", network = (allow = ["private"]))',
    ...(worker.services ?? []),
  ];
  const fields = [
    ...(await moduleFields(worker.mainModule)),
    `bindings = [${worker.bindings.join(', ')}]`,
    ...(worker.workerFields ?? []),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [${services.join(', ')}],
  sockets = [(name = "http", address = "127.0.0.1:${worker.port ?? 0}", http = (), service = "main")]
);

const edge :Workerd.Worker = (
  ${fields.join(',\n  ')}
);
`;
}

/** A worker of one module, as a service of its own. */
export async function workerService(name: string, mainModule: string): Promise<string> {
  const fields = await moduleFields(mainModule);
  return `(name = ${quote(name)}, worker = (${fields.join(', ')}))`;
}

export function textBinding(name: string, text: string): string {
  return `(name = ${quote(name)}, text = ${quote(text)})`;
}

/** All candidates run under the settings that Fairlead is deployed with. */
async function moduleFields(mainModule: string): Promise<string[]> {
  const { compatibilityDate, compatibilityFlags } = await readWorkerSettings();
  // On by default at our date; workerd warns of it in every start.
  const flags = compatibilityFlags.filter((flag) => flag !== 'nodejs_compat');
  return [
    `modules = [(name = "worker.js", esModule = embed ${quote(`/${mainModule}`)})]`,
    `compatibilityDate = ${quote(compatibilityDate)}`,
    `compatibilityFlags = [${flags.map(quote).join(', ')}]`,
  ];
}

/** JSON's escapes are a subset of Cap'n Proto's. */
export function quote(text: string): string {
  return JSON.stringify(text);
}
