import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseWorkerSettings, readWorkerSettings } from '../../dev/worker-settings.ts';

test('the local edge runs with the date and the flags of the deployed one', async () => {
  const { compatibilityDate, compatibilityFlags } = await readWorkerSettings();
  const toml = await readFile('wrangler.toml', 'utf8');
  expect(toml).toContain(`compatibility_date = "${compatibilityDate}"`);
  expect(compatibilityFlags).toEqual(expect.arrayContaining(['global_fetch_strictly_public', 'enable_request_signal']));
});

test('comments and the sections below are no settings', () => {
  const toml = `# compatibility_date = "2000-01-01"
compatibility_date = "2026-10-20"
compatibility_flags = [
  "one", # "not this ]"
  "two",
]
[env.staging]
compatibility_date = "2026-10-21"
`;
  expect(parseWorkerSettings(toml)).toEqual({ compatibilityDate: '2026-10-20', compatibilityFlags: ['one', 'two'] });
});

test('a missing setting is said by name', () => {
  expect(() => parseWorkerSettings('compatibility_date = "2026-10-20"')).toThrow('compatibility_flags');
});
