import { z } from 'zod';

const body = z.object({ clusters: z.array(z.object({ confirmed: z.boolean() })) });

export interface HealthOfIsolate {
  /** Of HTTP. */
  readonly status: number;
  /** Of all clusters that it serves; false while it serves none. */
  readonly confirmed: boolean;
}

/** What `/healthz` of an isolate says. */
export async function healthOf(url: string): Promise<HealthOfIsolate> {
  const response = await fetch(`${url}/healthz`);
  const { clusters } = body.parse(await response.json());
  return { status: response.status, confirmed: clusters.length > 0 && clusters.every(({ confirmed }) => confirmed) };
}
