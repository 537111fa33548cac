import type { Step } from './engine.ts';
import type { Facts } from './facts.ts';

type Labels = Readonly<Record<string, string>>;

/** Whether labels are those that a selector asks for; one that is absent asks for none. */
export function selects(selector: { readonly matchLabels: Labels } | undefined, labels: Labels): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([name, value]) => labels[name] === value);
}

/** The labels of a namespace; its name is one of them also where nothing else is known of it, as in a folder. */
export function namespaceLabels(step: Step, facts: Facts, namespace: string): Labels {
  const known = step.first(facts.resources.Namespace, `${namespace}/${namespace}`);
  return { ...known?.metadata.labels, 'kubernetes.io/metadata.name': namespace };
}
