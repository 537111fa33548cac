import type { ModelEntry } from '../../contract/routing-table.ts';
import { serviceModelId } from './service-ids.ts';
import type { Service } from './service.ts';
import type { Standing } from './standing.ts';

/** A model that a service serves and that is reached without an AIModel. */
export interface ServiceModel {
  /** Of the entry of `models`. */
  readonly id: string;
  /** As clients ask for it. */
  readonly modelName: string;
  readonly entry: ModelEntry;
}

/** As many are published of one service: what a server lists is its own affair. */
const MOST_MODELS = 64;

/** Of the characters that an AIModel's name may have: an asterisk is a prefix wherever names are allowed. */
const NAME = /^[A-Za-z0-9@._:/+~-]{1,256}$/;

/** The models that a service is known to serve, whether it can be called at the moment or not. */
export function modelsKnown(standing: Standing | undefined): readonly string[] {
  if (!standing || standing.type === 'Faulty') return [];
  return standing.models.filter((name) => NAME.test(name)).slice(0, MOST_MODELS);
}

/** While the service cannot be called the model has no backend, so that callers are told to come back. */
export function serviceModel(
  service: Service,
  provider: string,
  standing: Standing | undefined,
  names: { readonly modelName: string; readonly upstream: string },
): ServiceModel {
  const { modelName, upstream } = names;
  const backend = { name: service.name, provider, model: upstream, weight: 1, priority: 0 };
  return {
    id: serviceModelId(service, names),
    modelName,
    entry: {
      modelName,
      aliases: [],
      backends: standing?.type === 'Serving' ? [backend] : [],
      created: service.created,
    },
  };
}
