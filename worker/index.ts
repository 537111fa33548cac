import { DurableObject } from 'cloudflare:workers';
export class TableHub extends DurableObject {}
export default { fetch: () => new Response('starting', { status: 503 }) };
