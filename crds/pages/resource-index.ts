import { apiVersion } from '../group.ts';
import { fileNameOf, type KindDefinition } from '../kind-definition.ts';
import { row } from './markdown.ts';

/** The index of docs/resources. */
export function resourceIndex(definitions: readonly KindDefinition[]): string {
  const rows = definitions.map(({ kind, shortNames, summary }) =>
    row(`[${kind}](${fileNameOf(kind)}.md)`, shortNames.map((name) => `\`${name}\``).join(', '), summary),
  );
  return `<!-- Generated from crds/ by \`npm run generate\`. Do not edit. -->

# The resources

Everything that Fairlead does is said by resources of the API \`${apiVersion}\`, in a cluster or in a folder of YAML files; the same schemas check both. \`kubectl get fairlead\` lists them all, \`kubectl explain\` tells what these pages tell.

${[row('Kind', 'Short names', 'What it says'), row('---', '---', '---'), ...rows].join('\n')}

## How they fit together

\`\`\`mermaid
flowchart LR
  Consumer -- parentRefs --> EdgeGateway
  GatewayRoute -- parentRefs --> EdgeGateway
  GatewayRoute -- models --> AIModel
  AIModel -- backends --> LLMProvider
  AIModel -- backends --> InferenceService
  GatewayRoute -- targetService --> InferenceService
  LLMProvider -- secretRef --> Secret
\`\`\`

- A GatewayRoute or Consumer attaches to an EdgeGateway by \`parentRefs\`, or to the one of its namespace where it names none. The EdgeGateway says by \`allowed\` who may, and what they may claim.
- An AIModel ships because a route refers to it, and an LLMProvider because such a model does.
- An inference service of the cluster (an InferenceService or LLMInferenceService of KServe, an InferencePool) serves as a backend of an AIModel, as the target of a route, or by the \`discovery\` of the EdgeGateway. The agent sees when it is ready; the edge itself looks whether it is reached, and by which names it serves its models. How it is reached says the backend's \`connectionRef\`, else the EdgeGateway's \`clusterAccess\`, else the service.
- A reference into another namespace needs a [ReferenceGrant](https://gateway-api.sigs.k8s.io/api-types/referencegrant/) there.
- A Secret is sent only to the hosts that its annotation \`fairlead.dev/hosts\` names, separated by commas, each with its port where that is not the default one; \`*.example.com\` names all hosts below one. Without the annotation it is sent nowhere.

## What every resource has in common

- A field that is unknown is refused, with the name that was probably meant.
- A choice has a \`type\`, and one field for each type that needs one: set the field of the chosen type and no other.
- Money is a decimal in quotes, in US dollars. Durations are written like \`500ms\`, \`30s\`, \`1h30m\`.
- An empty \`namespace\` in a reference is the namespace of the resource that refers.
- The status has one list of conditions for each edge in \`status.parents\`, and sums them up in \`status.conditions\`, so that \`kubectl wait --for=condition=Programmed\` works.
`;
}
