import { z } from 'zod';

const strings = z.array(z.string()).min(1);

const rule = z.strictObject({
  apiGroups: strings.optional(),
  resources: strings.optional(),
  resourceNames: strings.optional(),
  nonResourceURLs: strings.optional(),
  verbs: strings,
  only: z.enum(['lease', 'watchNamespaces', 'credentials']).optional(),
  why: z.string(),
});

const rules = z.array(rule).min(1);

/** The chart's files/rights.yaml. */
export const rights = z.strictObject({
  cluster: rules,
  reader: rules,
  reporter: rules,
  leader: rules,
  endpointPicker: rules,
  credentials: rules,
  secretReader: rules,
  viewer: rules,
  editor: rules,
  edgeOperator: rules,
});
type Role = keyof z.output<typeof rights>;
type Rights = z.output<typeof rights>;
type Rule = z.output<typeof rule>;

/** How a role is bound by the chart. */
const BOUND: Readonly<Record<Role, string>> = {
  cluster: 'ClusterRole, in the whole cluster',
  reader: 'ClusterRole, in the whole cluster, or in each of `watchNamespaces`',
  reporter: 'ClusterRole, in the whole cluster, or in each of `watchNamespaces`',
  leader: 'Role, in the namespace of the agent',
  endpointPicker:
    'ClusterRole, in the whole cluster, of the account `fairlead-endpoint-picker`, with `signals.endpointPicker`',
  credentials: 'Role, in each namespace of `credentials`',
  secretReader: 'ClusterRole, bound by nobody until the owner of a namespace does',
  viewer: 'ClusterRole, part of `view`, `edit` and `admin`',
  editor: 'ClusterRole, part of `edit` and `admin`',
  edgeOperator: 'ClusterRole, bound by nobody until you do',
};

const ONLY: Readonly<Record<NonNullable<Rule['only']>, string>> = {
  lease: 'its own: `fairlead-sync-agent`',
  watchNamespaces: 'with `watchNamespaces`: those, and `kube-system`',
  credentials: 'those that `credentials` names',
};

const AGENT: readonly Role[] = [
  'cluster',
  'reader',
  'reporter',
  'leader',
  'endpointPicker',
  'credentials',
  'secretReader',
];
const PEOPLE: readonly Role[] = ['viewer', 'editor', 'edgeOperator'];

const HEAD = `<!-- Made from deploy/charts/fairlead/files/rights.yaml by \`npm run generate\`. Do not edit. -->

# Rights in the cluster

The roles of the chart are rendered from the same file as these tables, and a test asks a real API server that the
agent's service account may do all of this and nothing else. Names are those of the release \`fairlead\`.

## The agent

It has no right to secrets beyond those that are named: with the value \`credentials\`, or where the owner of a namespace
binds \`fairlead-secret-reader\`:

\`\`\`sh
kubectl create rolebinding fairlead-secret-reader -n team-a \\
  --clusterrole=fairlead-secret-reader --serviceaccount=fairlead-system:fairlead
\`\`\`
`;

/** docs/rbac.md */
export function rightsPage(rights: Rights): string {
  const people = `
## People

Which namespaces may claim which hosts, paths and models is said by \`EdgeGateway.spec.allowed\`, not by RBAC. Who names a
Secret in a resource must be allowed to read it: an admission policy asks for that.
`;
  return (
    HEAD +
    AGENT.map((role) => table(role, rights[role])).join('') +
    people +
    PEOPLE.map((role) => table(role, rights[role])).join('')
  );
}

function table(role: Role, rules: readonly Rule[]): string {
  const name = role.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const rows = rules.map(
    (rule) => `| ${[objects(rule), names(rule), rule.verbs.join(', '), rule.why].join(' | ')} |\n`,
  );
  return `
### \`fairlead-${name}\`

${BOUND[role]}.

| on | only | may | why |
| --- | --- | --- | --- |
${rows.join('')}`;
}

function objects({ apiGroups = [], resources = [], nonResourceURLs = [] }: Rule): string {
  const suffix = apiGroups.map((group) => (group === '' ? '' : `.${group}`)).join();
  return [
    ...resources.map((resource) => `\`${resource}${suffix}\``),
    ...nonResourceURLs.map((url) => `\`${url}\``),
  ].join('<br>');
}

function names({ resourceNames = [], only }: Rule): string {
  return only === undefined ? resourceNames.map((name) => `\`${name}\``).join('<br>') : ONLY[only];
}
