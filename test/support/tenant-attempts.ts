import { allowMore, grant, keyOf, model, names, provider, route, secret } from './tenant-objects.ts';

/** Stands in Secrets, and nowhere else: not in the table, a status, an Event, a log or a metric. */
export const CANARY = 'sk-canary-3f1c9e-of-team-a';
export const KEYS = { a: 'sk-consumer-of-team-a', b: 'sk-consumer-of-team-b', c: 'sk-consumer-of-team-c' };
const SERVICE = { group: 'serving.kserve.io', kind: 'InferenceService', name: 'llama', namespace: 'team-a' };

/** What a namespace tries to take, what it is told, and what would have let it. */
export interface Attempt {
  readonly objects: readonly object[];
  /** Of which the condition is read, as kubectl names it. */
  readonly about: string;
  readonly condition: string;
  readonly message?: string;
  readonly model: string;
  readonly status?: number;
  readonly key?: string;
  readonly host?: string;
  /** Not in the table, before the grant. */
  readonly absent: string;
  /** After which it works; absent: nothing should. */
  readonly granted?: readonly object[];
}

/** @property 1 with the origin of a server that serves `llama` */
export const ATTEMPTS: readonly (readonly [name: string, attempt: (pods: string) => Attempt])[] = [
  [
    'gets none of its Secrets: a name means one of the own namespace',
    (pods) => ({
      objects: [
        provider('team-b', 'thief-secret', { baseURL: `${pods}/v1`, ...keyOf('upstream') }),
        model('team-b', 'thief-secret', 'b-secret', { type: 'Provider', providerRef: { name: 'thief-secret' } }),
        route('team-b', 'thief-secret', { models: [{ name: 'thief-secret' }] }),
      ],
      about: 'llmprovider/thief-secret@team-b',
      condition: 'ResolvedRefs False SecretNotFound',
      model: 'b-secret',
      absent: 'thief-secret',
      granted: [secret('team-b', 'upstream', `${CANARY}-b`, new URL(pods).host)],
    }),
  ],
  [
    'sends no Secret to where its owner did not release it for, and says how to',
    (pods) => ({
      objects: [
        secret('team-b', 'kept', `${CANARY}-kept`, 'api.openai.com'),
        provider('team-b', 'thief-kept', { baseURL: `${pods}/v1`, ...keyOf('kept') }),
        model('team-b', 'thief-kept', 'b-kept', { type: 'Provider', providerRef: { name: 'thief-kept' } }),
        route('team-b', 'thief-kept', { models: [{ name: 'thief-kept' }] }),
      ],
      about: 'llmprovider/thief-kept@team-b',
      condition: 'ResolvedRefs False SecretNotReleased',
      message: 'kubectl annotate secret -n team-b kept fairlead.dev/hosts=api.openai.com,127.0.0.1:',
      model: 'b-kept',
      absent: 'thief-kept',
      granted: [secret('team-b', 'kept', `${CANARY}-kept`, `api.openai.com,${new URL(pods).host}`)],
    }),
  ],
  [
    'routes to none of its models',
    () => ({
      objects: [route('team-b', 'thief-model', { models: [{ name: 'shared', namespace: 'team-a' }] })],
      about: 'gatewayroute/thief-model@team-b',
      condition: 'ResolvedRefs False RefNotPermitted',
      message: 'a ReferenceGrant in team-a must allow it',
      model: 'b-shared',
      absent: 'thief-model',
      granted: [grant('models', 'team-a', { from: ['GatewayRoute', 'team-b'], to: ['fairlead.dev', 'AIModel'] })],
    }),
  ],
  [
    'claims none of its model names',
    () => ({
      objects: [
        model('team-b', 'thief-name', 'a-stolen', { type: 'InferenceService', inferenceServiceRef: SERVICE }),
        route('team-b', 'thief-name', { models: [{ name: 'thief-name' }] }),
        grant('names', 'team-a', {
          from: ['AIModel', 'team-b'],
          to: ['serving.kserve.io', 'InferenceService', 'llama'],
        }),
      ],
      about: 'gatewayroute/thief-name@team-b',
      condition: 'Accepted False NotAllowedByParent',
      message: 'this route the model name a-stolen',
      model: 'a-stolen',
      absent: 'thief-name',
    }),
  ],
  [
    'claims no host that is not its own',
    () => ({
      objects: [
        model('team-c', 'thief-host', 'c-host', { type: 'InferenceService', inferenceServiceRef: SERVICE }),
        route('team-c', 'thief-host', { models: [{ name: 'thief-host' }], hostnames: ['a.example.com'] }),
        grant('hosts', 'team-a', {
          from: ['AIModel', 'team-c'],
          to: ['serving.kserve.io', 'InferenceService', 'llama'],
        }),
      ],
      about: 'gatewayroute/thief-host@team-c',
      condition: 'Accepted False NotAllowedByParent',
      message: 'the host a.example.com',
      model: 'c-host',
      key: KEYS.c,
      host: 'a.example.com',
      absent: 'thief-host',
    }),
  ],
  [
    'claims all hosts no more than any of them',
    () => ({
      objects: [route('team-c', 'thief-hosts', { models: [{ name: 'thief-host' }] })],
      about: 'gatewayroute/thief-hosts@team-c',
      condition: 'Accepted False NotAllowedByParent',
      message: 'all hosts, which a route without hostnames claims',
      model: 'c-host',
      key: KEYS.c,
      host: 'b.example.com',
      absent: 'thief-hosts',
    }),
  ],
  [
    'is led to none of its inference services by a reference',
    () => ({
      objects: [
        model('team-c', 'thief-ref', 'c-ref', {
          type: 'InferenceService',
          inferenceServiceRef: { ...SERVICE, name: 'other' },
        }),
        route('team-c', 'thief-ref', { models: [{ name: 'thief-ref' }], hostnames: ['c.example.com'] }),
      ],
      about: 'aimodel/thief-ref@team-c',
      condition: 'ResolvedRefs False RefNotPermitted',
      message: 'InferenceService team-a/other is in another namespace',
      model: 'c-ref',
      key: KEYS.c,
      host: 'c.example.com',
      absent: 'thief-ref',
    }),
  ],
  [
    'is led to one by a reference where that is granted',
    () => ({
      objects: [
        model('team-c', 'thief-granted', 'c-granted', {
          type: 'InferenceService',
          inferenceServiceRef: SERVICE,
          model: 'llama',
        }),
        route('team-c', 'thief-granted', {
          models: [{ name: 'thief-granted' }],
          hostnames: ['C.example.com'.toLowerCase()],
        }),
      ],
      about: 'aimodel/thief-granted@team-c',
      condition: 'ResolvedRefs True ResolvedRefs',
      model: 'c-granted',
      status: 200,
      key: KEYS.c,
      host: 'c.example.com',
      absent: CANARY,
    }),
  ],
  [
    'is led to none of them by a selector',
    () => ({
      objects: [
        model('team-b', 'thief-selector', 'b-selector', {
          type: 'Selector',
          selector: { matchLabels: { team: 'a' } },
        }),
        route('team-b', 'thief-selector', { models: [{ name: 'thief-selector' }] }),
      ],
      about: 'aimodel/thief-selector@team-b',
      condition: 'ResolvedRefs False BackendNotFound',
      message: 'of team-b has team=a',
      model: 'b-selector',
      // It waits for one of its own.
      status: 503,
      absent: '"name":"thief-selector"',
    }),
  ],
  [
    'is led to none of them by targetService',
    () => ({
      objects: [route('team-b', 'thief-target', { targetService: SERVICE })],
      about: 'gatewayroute/thief-target@team-b',
      condition: 'ResolvedRefs False RefNotPermitted',
      message: 'from group fairlead.dev, kind GatewayRoute, namespace team-b',
      model: 'llama',
      absent: 'thief-target',
      granted: [
        grant('targets', 'team-a', {
          from: ['GatewayRoute', 'team-b'],
          to: ['serving.kserve.io', 'InferenceService'],
        }),
        allowMore({ ...names('team-b', 'granted'), modelNames: ['llama'] }),
      ],
    }),
  ],
  [
    'uses none of its connections',
    (pods) => ({
      objects: [
        model('team-b', 'thief-connection', 'b-connection', {
          type: 'InferenceService',
          inferenceServiceRef: SERVICE,
          connectionRef: { name: 'upstream', namespace: 'team-a' },
          model: 'llama',
        }),
        route('team-b', 'thief-connection', { models: [{ name: 'thief-connection' }] }),
      ],
      about: 'aimodel/thief-connection@team-b',
      condition: 'ResolvedRefs False RefNotPermitted',
      message: 'LLMProvider team-a/upstream is in another namespace',
      model: 'b-connection',
      absent: 'thief-connection',
      granted: [
        secret('team-a', 'upstream', CANARY, new URL(pods).host),
        grant('connections', 'team-a', {
          from: ['AIModel', 'team-b'],
          to: ['fairlead.dev', 'LLMProvider', 'upstream'],
        }),
      ],
    }),
  ],
  [
    'has no worker secret sent that it was not given for that host',
    (pods) => ({
      objects: [
        provider('team-b', 'thief-worker', {
          baseURL: `${pods}/v1`,
          auth: { type: 'APIKey', apiKey: { type: 'WorkerSecret', workerSecret: 'PLATFORM_KEY' } },
        }),
        model('team-b', 'thief-worker', 'b-worker', { type: 'Provider', providerRef: { name: 'thief-worker' } }),
        route('team-b', 'thief-worker', { models: [{ name: 'thief-worker' }] }),
      ],
      about: 'llmprovider/thief-worker@team-b',
      condition: 'Accepted False NotAllowedByParent',
      message: 'to send the worker secret PLATFORM_KEY to 127.0.0.1:',
      model: 'b-worker',
      absent: 'thief-worker',
    }),
  ],
  [
    'is let through no binding',
    () => ({
      objects: [
        provider('team-b', 'thief-binding', {
          baseURL: 'https://gpu.internal/v1',
          transport: { type: 'Binding', binding: 'GPU_VPC' },
        }),
        model('team-b', 'thief-binding', 'b-binding', { type: 'Provider', providerRef: { name: 'thief-binding' } }),
        route('team-b', 'thief-binding', { models: [{ name: 'thief-binding' }] }),
      ],
      about: 'llmprovider/thief-binding@team-b',
      condition: 'Accepted False NotAllowedByParent',
      message: 'the binding GPU_VPC',
      model: 'b-binding',
      absent: 'thief-binding',
    }),
  ],
  [
    'reaches no private address, by no transport but TLS',
    (pods) => ({
      objects: [
        provider('team-c', 'thief-private', { baseURL: `${pods}/v1` }),
        model('team-c', 'thief-private', 'c-private', { type: 'Provider', providerRef: { name: 'thief-private' } }),
        route('team-c', 'thief-private', { models: [{ name: 'thief-private' }], hostnames: ['c.example.com'] }),
      ],
      about: 'llmprovider/thief-private@team-c',
      condition: 'Accepted False NotAllowedByParent',
      message: 'to use http in place of https',
      model: 'c-private',
      key: KEYS.c,
      host: 'c.example.com',
      absent: 'thief-private',
      granted: [
        allowMore({ ...names('team-c', 'granted'), privateAddresses: true, plainText: true, modelNames: ['x'] }),
      ],
    }),
  ],
];
