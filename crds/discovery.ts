import { z } from 'zod';
import { inferenceKind } from './inference-references.ts';
import { labelSelector } from './label-selector.ts';
import { mapOf, setOf } from './lists.ts';
import { rule } from './rule.ts';
import { dnsLabel, modelNameTemplate } from './text.ts';

const entry = z.strictObject({
  name: dnsLabel.describe('Name of the entry. Of several that select one service, the first counts.'),
  namespaceSelector: labelSelector('the namespaces')
    .describe(
      'Labels of the namespaces; `kubernetes.io/metadata.name` is the name of one. Absent: all that `allowed` admits.',
    )
    .optional(),
  labelSelector: labelSelector('the services').describe('Labels of the services. Absent: all.').optional(),
  kinds: setOf(inferenceKind, { min: 1, max: 3 })
    .default(['InferenceService', 'LLMInferenceService'])
    .describe(
      'Kinds of the services. An LLMInferenceService makes InferencePools of its own, so that these are extra.',
    ),
  modelNameTemplate: modelNameTemplate
    .check(
      rule({
        holds: (template) => template.includes('{name}') || template.includes('{model}'),
        cel: "self.contains('{name}') || self.contains('{model}')",
        sentence: 'must hold {name} or {model}, which tell the models apart',
      }),
    )
    .default('{model}')
    .describe(
      'The name that clients ask for a model by: `{model}` is the name that the service serves, `{name}` and `{namespace}` are those of the service. Without `{model}`, of a service that serves several models only the first is published.',
    ),
});

/** Inference services that are published as models without an AIModel. */
export const discovery = mapOf(entry, ['name'], { max: 8 });
