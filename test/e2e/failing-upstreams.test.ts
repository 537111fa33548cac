import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayUnderTest } from '../support/gateway.ts';
import { consumer, documents, model, provider, route } from '../support/resource-files.ts';
import { startAgentInProcess } from '../support/running-agent.ts';

const KEY = 'sk-test-someone';
const messages = [{ role: 'user' as const, content: 'Hello' }];

/** The simulator's names for ways of failing (dev/simulator/failures.ts). */
const ALONE = [
  'fail-cut',
  'fail-error-event',
  'fail-no-done',
  'fail-html',
  'fail-redirect',
  'fail-400',
  'fail-401',
  'fail-429',
];
const BACKED = [
  'fail-503',
  'fail-429',
  'fail-cut-before-content',
  'fail-hang',
  'fail-hang-after-headers',
  'fail-html',
  'fail-401',
];

describe('an upstream that fails', () => {
  let gateway: GatewayUnderTest;
  let client: OpenAI;

  beforeAll(async () => {
    gateway = await startGateway({
      startAgent: startAgentInProcess,
      files: (simulator) => ({
        'all.yaml': documents(
          provider('simulator', {
            baseURL: `${simulator}/v1`,
            timeouts: { firstByte: '300ms', firstEvent: '300ms', idle: '300ms' },
          }),
          provider('nobody', { baseURL: 'http://127.0.0.1:1/v1' }),
          ...ALONE.map((failure) => model(failure, { provider: 'simulator' })),
          ...BACKED.map((failure) =>
            model(
              `backed-${failure}`,
              { name: 'broken', provider: 'simulator', model: failure },
              { name: 'standby', provider: 'simulator', model: 'demo', priority: 1 },
            ),
          ),
          model(
            'backed-refused',
            { name: 'broken', provider: 'nobody', model: 'demo' },
            { name: 'standby', provider: 'simulator', model: 'demo', priority: 1 },
          ),
          provider('elsewhere', { baseURL: 'http://10.255.255.1/v1' }),
          model('elsewhere', { provider: 'elsewhere' }),
          route('chat', ['elsewhere', ...ALONE, ...BACKED.map((failure) => `backed-${failure}`), 'backed-refused']),
          consumer('someone', KEY),
        ),
      }),
    });
    client = new OpenAI({ baseURL: `${gateway.edge.url}/v1`, apiKey: KEY, maxRetries: 0 });
  });
  afterAll(() => gateway?.dispose());

  const streamOf = (name: string) => client.chat.completions.create({ model: name, stream: true, messages });
  const readAll = async (name: string): Promise<string> => {
    let text = '';
    for await (const chunk of await streamOf(name)) text += chunk.choices[0]?.delta.content ?? '';
    return text;
  };

  test.each(['fail-cut', 'fail-error-event', 'fail-no-done'])(
    'a stream that ends by %s raises an error in the OpenAI SDK, after what had come',
    async (name) => {
      let text = '';
      const reading = (async () => {
        for await (const chunk of await streamOf(name)) text += chunk.choices[0]?.delta.content ?? '';
      })();
      await expect(reading).rejects.toThrow(OpenAI.APIError);
      expect(text).not.toBe('');
    },
  );

  test('an error of the client’s own is passed on as the upstream said it', async () => {
    await expect(readAll('fail-400')).rejects.toMatchObject({ constructor: OpenAI.BadRequestError, status: 400 });
  });

  test('an upstream that refuses the credentials is the operator’s fault, and the answer names the provider', async () => {
    await expect(readAll('fail-401')).rejects.toMatchObject({
      status: 502,
      message: expect.stringContaining('default/simulator'),
    });
  });

  test('a rate limit of the upstream is passed on, with when to try again', async () => {
    const error = await readAll('fail-429').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error instanceof OpenAI.RateLimitError && error.headers?.get('retry-after')).toBe('7');
  });

  test.each(['fail-html', 'fail-redirect'])(
    'an upstream that answers by %s is never taken for a model',
    async (name) => {
      await expect(readAll(name)).rejects.toMatchObject({ status: 502 });
      await expect(client.chat.completions.create({ model: name, messages })).rejects.toMatchObject({ status: 502 });
    },
  );

  test('the local edge reaches this machine and the public Internet, not the rest of the developer’s network', async () => {
    await expect(readAll('elsewhere')).rejects.toMatchObject({ status: 502 });
  });

  test.each([...BACKED, 'refused'])('%s fails over to the next backend, streamed and not', async (failure) => {
    expect(await readAll(`backed-${failure}`)).toContain('You asked');
    const { data, response } = await client.chat.completions
      .create({ model: `backed-${failure}`, messages })
      .withResponse();
    expect(data.choices[0]?.message.content).toContain('You asked');
    expect(response.headers.get('x-fairlead-backend')).toContain('standby');
  });
});
