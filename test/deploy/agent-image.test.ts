import { spawnSync } from 'node:child_process';
import { chmod, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleAgent } from '../../dev/bundle-agent.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const PROJECT = new URL('../../', import.meta.url);
const NON_ROOT = 65_532;

describe('what the image of the agent holds', () => {
  let folder: TemporaryFolder;
  let main: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    main = await bundleAgent(folder.path);
    for (const file of await readdir(folder.path)) await chmod(join(folder.path, file), 0o444);
    await chmod(folder.path, 0o555);
  }, 60_000);
  afterAll(async () => {
    await chmod(folder.path, 0o755);
    await folder.dispose();
  });

  test('runs by itself, from a folder that nobody may write to, and as anybody', () => {
    const user = process.getuid?.() === 0 ? { uid: NON_ROOT, gid: NON_ROOT } : {};

    const { status, stdout, stderr } = spawnSync(process.execPath, [main, '--help'], {
      ...user,
      cwd: folder.path,
      env: { NODE_ENV: 'production' },
      encoding: 'utf8',
    });

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('--log-level');
  });

  test('spares memory before anything else is loaded', async () => {
    expect(await readFile(main, 'utf8')).toMatch(/^import '\.\/spare-memory\.mjs';\n/);
    expect(await loadedAtOnce(folder.path, 'spare-memory.mjs')).not.toContain('// node_modules/');
  });

  test('loads neither the client for kubeconfigs nor OpenTelemetry before it needs them', async () => {
    const atOnce = await loadedAtOnce(folder.path, 'agent.mjs');

    expect(atOnce).toContain('// sync-agent/run-agent.ts');
    expect(atOnce).not.toContain('// node_modules/@kubernetes/client-node/');
    expect(atOnce).not.toContain('// node_modules/@opentelemetry/sdk-trace/');
    expect(atOnce).not.toContain('// node_modules/@opentelemetry/exporter-trace-otlp-http/');
  });

  test('has source maps, for who asks for them with NODE_OPTIONS=--enable-source-maps', async () => {
    expect(await readFile(join(folder.path, 'agent.mjs'), 'utf8')).toContain('//# sourceMappingURL=agent.mjs.map');
    expect(await readdir(folder.path)).toContain('agent.mjs.map');
  });
});

describe('the Dockerfile', () => {
  let lines: readonly string[];
  let last: readonly string[];

  beforeAll(async () => {
    const text = await readFile(new URL('deploy/agent/Dockerfile', PROJECT), 'utf8');
    lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  });

  test('ends in an image without a shell, of the release of Node that the project is tested with', async () => {
    const versions: unknown = JSON.parse(await readFile(new URL('package.json', PROJECT), 'utf8'));
    expect(versions).toMatchObject({ dependencies: { node: expect.stringMatching(/^24\./) } });

    expect(last[0]).toBe('FROM gcr.io/distroless/nodejs24-debian12:nonroot');
    expect(last.filter((line) => line.startsWith('RUN '))).toEqual([]);
  });

  test('runs as the user that the chart names, who owns nothing in it', () => {
    expect(last).toContain(`USER ${NON_ROOT}:${NON_ROOT}`);
    expect(last.filter((line) => line.startsWith('COPY '))).toEqual([
      'COPY --from=build --chown=0:0 --chmod=0555 /src/dist/agent /app',
    ]);
  });

  test('starts the agent so that arguments of the container are its flags', () => {
    expect(last).toContain('ENTRYPOINT ["/nodejs/bin/node", "/app/main.mjs"]');
    expect(last.some((line) => line.startsWith('CMD '))).toBe(false);
  });

  test('is given every folder that it copies, and nothing else', async () => {
    const ignored = await readFile(new URL('deploy/agent/Dockerfile.dockerignore', PROJECT), 'utf8');
    const given = ignored.split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));

    const copied = lines.flatMap((line) => /^COPY (?!--)(.+) \S+$/.exec(line)?.[1]?.split(' ') ?? []);

    expect(copied.sort()).toEqual(given.sort());
  });
});

/** The text of a module and of all that it imports statically. */
async function loadedAtOnce(folder: string, module: string, seen = new Set<string>()): Promise<string> {
  if (seen.has(module)) return '';
  seen.add(module);
  const text = await readFile(join(folder, module), 'utf8');
  const imports = [...text.matchAll(/^(?:import|\} from|import \{.*\} from) "\.\/([\w-]+\.mjs)";$/gm)];
  const others = await Promise.all(imports.map(([, name = '']) => loadedAtOnce(folder, name, seen)));
  return [text, ...others].join('\n');
}
