import { DurableObject } from 'cloudflare:workers';
import type {
  Admission,
  ClusterHistory,
  HubState,
  InboxNotice,
  TermClaim,
  TermGrant,
} from '../../contract/publish-api.ts';
import type { SignalReport } from '../../contract/signals.ts';
import type { Fault } from './admission.ts';
import { boundedKv, type HubKv } from './bounded-kv.ts';
import { Hub } from './hub.ts';
import type { HubClient, InboxOutcome, PollAnswer, PollQuestion, Refused, StoredBlob } from './hub-protocol.ts';
import type { Inboxes } from './inbox.ts';
import { kvInbox } from './inbox-kv.ts';
import { redisInbox } from './inbox-redis.ts';
import type { TableLog } from './table-log.ts';
import { readTableSettings, type TableVariables } from './table-settings.ts';

export interface HubEnv extends TableVariables {
  readonly TABLE_KV: KVNamespace;
  readonly UPSTASH_REDIS_REST_URL?: string;
  readonly UPSTASH_REDIS_REST_TOKEN?: string;
}

/** The hub as a Durable Object, one for the whole edge: what a call does stands in hub.ts. */
export class TableHub extends DurableObject<HubEnv> implements HubClient {
  #made: Hub | undefined;

  async claimTerm(cluster: string, claim: TermClaim): Promise<TermGrant | Refused> {
    return (await this.#hub()).claimTerm(cluster, claim);
  }

  async missingBlobs(hashes: readonly string[]): Promise<string[]> {
    return (await this.#hub()).missingBlobs(hashes);
  }

  async putBlob(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<Fault | undefined> {
    return (await this.#hub()).putBlob(sha256, bytes);
  }

  async getBlobs(hashes: readonly string[], asker: 'agent' | 'isolate'): Promise<StoredBlob[]> {
    return (await this.#hub()).getBlobs(hashes, asker);
  }

  async admit(cluster: string, jws: string): Promise<Admission | Refused> {
    return (await this.#hub()).admit(cluster, jws);
  }

  async admitFromInbox(cluster: string, notice: InboxNotice): Promise<InboxOutcome> {
    return (await this.#hub()).admitFromInbox(cluster, notice);
  }

  async state(cluster: string): Promise<HubState> {
    return (await this.#hub()).state(cluster);
  }

  async history(cluster: string): Promise<ClusterHistory> {
    return (await this.#hub()).history(cluster);
  }

  async evict(cluster: string): Promise<void> {
    return (await this.#hub()).evict(cluster);
  }

  async takeSignals(cluster: string, report: SignalReport): Promise<void> {
    return (await this.#hub()).takeSignals(cluster, report);
  }

  async poll(question: PollQuestion): Promise<PollAnswer> {
    return (await this.#hub()).poll(question);
  }

  override async alarm(): Promise<void> {
    await (await this.#hub()).alarm();
  }

  async #hub(): Promise<Hub> {
    if (this.#made) return this.#made;
    const settings = await readTableSettings(this.env);
    const kv = boundedKv(this.env.TABLE_KV);
    // Another call may have made it meanwhile.
    this.#made ??= new Hub({
      settings,
      storage: this.ctx.storage,
      kv,
      inboxes: inboxesOf(this.env, kv, settings.edge),
      log: writeLine,
      now: Date.now,
      random: Math.random,
    });
    return this.#made;
  }
}

function inboxesOf(env: HubEnv, kv: HubKv, edge: string): Inboxes {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = env;
  return {
    CloudflareKV: kvInbox(kv),
    ...(url && token && { UpstashRedis: redisInbox({ edge, url, token }) }),
  };
}

const writeLine: TableLog = (level, message, fields) => {
  // oxlint-disable-next-line no-console -- a Durable Object is made by the runtime, which gives it no logger
  console.log(JSON.stringify({ event: 'hub', level, message, ...fields }));
};
