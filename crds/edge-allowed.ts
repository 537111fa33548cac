import { z } from 'zod';
import { labelSelector } from './label-selector.ts';
import { mapOf, setOf } from './lists.ts';
import { dnsLabel, hostAndPort, hostnameClaim, modelNamePattern, pathPrefix } from './text.ts';
import { unionOf } from './union.ts';
import { bindingName, workerSecretName } from './worker-names.ts';

const namespaces = unionOf(
  z.strictObject({
    type: z
      .enum(['All', 'Same', 'Names', 'Selector'])
      .describe(
        'All: every namespace. Same: that of the EdgeGateway. Names: those that are listed. Selector: those that have certain labels.',
      ),
    names: setOf(dnsLabel, { min: 1, max: 64 }).describe('The namespaces, for type Names.').optional(),
    selector: labelSelector('the namespaces')
      .describe(
        'Labels of the namespaces, for type Selector. In a folder of files a namespace has its name as `kubernetes.io/metadata.name`, and no other label.',
      )
      .optional(),
  }),
  { All: null, Same: null, Names: 'names', Selector: 'selector' },
);

const workerSecretGrant = z.strictObject({
  name: workerSecretName.describe('Name of the worker secret.'),
  hosts: setOf(hostAndPort, { min: 1, max: 8 }).describe(
    'The hosts that the secret may be sent to, each with its port where that is not the default of the scheme.',
  ),
});

/** The bounds are what the API server's budget for rules leaves: it counts every list as full, at every level. */
const allowedEntry = z.strictObject({
  name: dnsLabel.describe('Name of this entry, which conditions refer to.'),
  namespaces: namespaces.describe('The namespaces that this entry is for.').prefault({ type: 'Same' }),
  hostnames: setOf(hostnameClaim, { min: 1, max: 32 })
    .describe('The host names that routes may claim: exact, `*.suffix`, or `*`. Absent: all.')
    .optional(),
  pathPrefixes: setOf(pathPrefix, { min: 1, max: 32 })
    .describe('The paths that routes may claim, and all below them. Absent: all.')
    .optional(),
  modelNames: setOf(modelNamePattern, { min: 1, max: 128 })
    .describe('The model names that routes may serve: exact, `prefix*`, or `*`. Absent: all.')
    .optional(),
  anonymous: z.boolean().default(false).describe('Whether routes may answer callers without a key.'),
  workerSecrets: mapOf(workerSecretGrant, ['name'], { max: 16 })
    .default([])
    .describe('The secrets of the worker that providers may use, and where these may be sent.'),
  bindings: setOf(bindingName, { max: 64 })
    .default([])
    .describe('The bindings of the worker that providers may be reached through.'),
  privateAddresses: z
    .boolean()
    .default(false)
    .describe('Whether providers may stand at private, loopback or link-local addresses.'),
  plainText: z
    .boolean()
    .default(false)
    .describe('Whether providers may be called over http. What is sent then, keys among it, can be read on the way.'),
});

/** Which namespaces may attach to an edge, and what they may claim. */
export const edgeAllowed = mapOf(allowedEntry, ['name'], { min: 1, max: 16 });
