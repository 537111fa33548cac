import { DurableObject } from 'cloudflare:workers';
import type { Admission, HubState, TermClaim, TermGrant } from '../../contract/publish-api.ts';
import type { Fault } from './admission.ts';
import { Hub } from './hub.ts';
import type { HubClient, PollAnswer, PollQuestion, Refused, StoredBlob } from './hub-protocol.ts';
import type { TableLog } from './table-log.ts';
import { readTableSettings, type TableVariables } from './table-settings.ts';

export interface HubEnv extends TableVariables {
  readonly TABLE_KV: KVNamespace;
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

  async getBlobs(hashes: readonly string[]): Promise<StoredBlob[]> {
    return (await this.#hub()).getBlobs(hashes);
  }

  async admit(cluster: string, jws: string): Promise<Admission | Refused> {
    return (await this.#hub()).admit(cluster, jws);
  }

  async state(cluster: string): Promise<HubState> {
    return (await this.#hub()).state(cluster);
  }

  async poll(cluster: string, question: PollQuestion): Promise<PollAnswer> {
    return (await this.#hub()).poll(cluster, question);
  }

  override async alarm(): Promise<void> {
    await (await this.#hub()).alarm();
  }

  async #hub(): Promise<Hub> {
    if (this.#made) return this.#made;
    const settings = await readTableSettings(this.env);
    // Another call may have made it meanwhile.
    this.#made ??= new Hub({
      settings,
      storage: this.ctx.storage,
      kv: this.env.TABLE_KV,
      log: writeLine,
      now: Date.now,
      random: Math.random,
    });
    return this.#made;
  }
}

const writeLine: TableLog = (level, message, fields) => {
  // oxlint-disable-next-line no-console -- a Durable Object is made by the runtime, which gives it no logger
  console.log(JSON.stringify({ event: 'hub', level, message, ...fields }));
};
