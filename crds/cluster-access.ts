import { z } from 'zod';
import { rule } from './rule.ts';
import { hostTemplate, upstreamUrlTemplate } from './text.ts';
import { transport } from './transport.ts';
import { upstreamHeaders } from './upstream-headers.ts';

/** How an edge reaches the inference services of a cluster. */
export const clusterAccess = z
  .strictObject({
    baseURL: upstreamUrlTemplate
      .describe(
        "The URL of each service, with its `{name}` and `{namespace}`, such as `https://{name}-{namespace}.gpu.example.com`; the service's path is appended. Of services of two namespaces that it gives one URL, only the older is reached. Absent: the URL that the service itself gives; then `allowed` must let its namespace use a private address or plain http.",
      )
      .optional(),
    transport: transport('The EdgeGateway needs no leave of its own for it.')
      .describe('The way to the services.')
      .prefault({ type: 'Internet' }),
    hostHeader: hostTemplate
      .describe(
        "The `Host` that calls carry, with `{name}` and `{namespace}` of the service, or `{host}`, the host that the service itself gives. Only with transport Binding, and right for Workers VPC services only: the edge puts it into the URL that it calls, so that through a Workers VPC network or an mTLS certificate calls would go to this host. Absent: the URL's.",
      )
      .optional(),
    headers: upstreamHeaders(16)
      .default([])
      .describe(
        "Headers that are set on every call, such as the two of a Cloudflare Access service token. Their Secrets stand in the namespace of the EdgeGateway, and release the services' hosts by `fairlead.dev/hosts`, such as `*.gpu.example.com`.",
      ),
  })
  .check(
    rule({
      holds: (access) => access.hostHeader === undefined || access.transport.type === 'Binding',
      cel: "!has(self.hostHeader) || self.transport.type == 'Binding'",
      sentence: 'can be set with transport Binding only; over the Internet the host of the URL is used',
      at: 'hostHeader',
    }),
  );
