import { expect, test } from 'vitest';
import { commandsFor } from '../../cli/dev/commands-to-paste.ts';
import { readResources } from '../support/read-resources.ts';
import { consumer, model, provider, route } from '../support/resource-files.ts';

const EDGE = 'http://127.0.0.1:8787';
const PARTS = [provider('p', { baseURL: 'http://127.0.0.1:8788/v1' }), model('demo', { provider: 'p' })];

test('the commands name the folder’s own route, model and key', () => {
  const resources = readResources(
    ...PARTS,
    route('chat', ['demo'], { pathPrefix: '/team-a' }),
    consumer('demo', 'sk-fairlead-demo'),
  );
  const commands = commandsFor(resources, EDGE);
  expect(commands.map(({ title }) => title)).toEqual([
    'curl',
    'OpenAI SDK, Python (pip install openai)',
    'OpenAI SDK, TypeScript (npm install openai)',
  ]);
  for (const { text } of commands) {
    expect(text).toContain(`${EDGE}/team-a/v1`);
    expect(text).toContain('demo');
    expect(text).toContain('sk-fairlead-demo');
  }
});

test('a key that is only known by its digest is left to the reader', () => {
  const commands = commandsFor(readResources(...PARTS, route('chat', ['demo']), consumer('x', 'sk-other')), EDGE);
  for (const { text } of commands) expect(text).toContain('YOUR-KEY');
});

test('a folder without a route that leads anywhere gets no commands', () => {
  expect(commandsFor(readResources(...PARTS, route('chat', ['absent'])), EDGE)).toEqual([]);
});
