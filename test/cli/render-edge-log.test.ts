import { expect, test } from 'vitest';
import { renderEdgeLog } from '../../cli/dev/render-edge-log.ts';

const RECORD = {
  event: 'request',
  'http.response.status_code': 200,
  'fairlead.outcome': 'completed',
  'fairlead.duration_ms': 1234,
  'fairlead.first_answer_ms': 250,
  'url.path': '/v1/chat/completions',
  'gen_ai.operation.name': 'chat',
  'gen_ai.request.model': 'demo',
  'gen_ai.usage.input_tokens': 8,
  'gen_ai.usage.output_tokens': 43,
  'fairlead.backend': 'simulator',
  'fairlead.consumer': 'default/demo',
};
const render = (fields: object) => renderEdgeLog({ level: 'log', message: JSON.stringify(fields) });

test('a request is one line: status, what was asked, who answered, tokens, time, caller', () => {
  expect(render(RECORD)).toEqual({
    word: '200',
    colour: 'green',
    sentence: 'chat demo  -> simulator  8+43 tokens  1.2 s (first 250 ms)  default/demo',
  });
});

test('a request that failed over shows the way that it took', () => {
  const attempts = [
    { backend: 'main', outcome: 'upstream_timeout' },
    { backend: 'spare', outcome: 'answered' },
  ];
  const line = render({ ...RECORD, 'fairlead.backend': 'spare', 'fairlead.attempts': attempts });
  expect(line?.sentence).toContain('-> main (upstream_timeout) -> spare');
});

test('a refused request says why, and a client that left is no fault of anybody', () => {
  const refused = { event: 'request', 'http.response.status_code': 401, 'fairlead.outcome': 'refused' };
  const rest = { 'fairlead.duration_ms': 0, 'url.path': '/v1/models', 'error.type': 'invalid_api_key' };
  expect(render({ ...refused, ...rest })).toEqual({
    word: '401',
    colour: 'yellow',
    sentence: '/v1/models  0 ms  invalid_api_key',
  });
  expect(render({ ...RECORD, 'fairlead.outcome': 'client_abort' })).toMatchObject({
    colour: 'yellow',
    sentence: expect.stringMatching(/the client left$/),
  });
});

test('warnings of the worker are shown, what it merely mentions is not', () => {
  expect(render({ level: 'info', message: 'serving a new table', revision: 'abc' })).toBeUndefined();
  expect(render({ level: 'warn', message: 'KV refused a write', error: 'busy' })).toEqual({
    word: 'edge',
    colour: 'yellow',
    sentence: 'KV refused a write  error=busy',
  });
});

test('an address that the local network gate refuses is said in words', () => {
  const message = 'e = worker.c++:1: failed: connecting to 10.1.2.3:80 is not allowed\nstack: a b c';
  expect(renderEdgeLog({ level: 'error', message })).toMatchObject({
    sentence: '10.1.2.3:80 is neither public nor this machine: it is out of reach here',
  });
});
