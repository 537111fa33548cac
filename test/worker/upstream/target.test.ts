import { describe, expect, test } from 'vitest';
import { targetOf } from '../../../worker/upstream/target.ts';
import { providerEntry } from '../support/table-of-entries.ts';

const everything = { privateAddresses: true, plainText: true };

describe('a provider is called', () => {
  test.each([
    ['https://api.openai.com/v1', 'https://api.openai.com/v1', 'https://api.openai.com'],
    ['https://api.openai.com/v1/', 'https://api.openai.com/v1', 'https://api.openai.com'],
    ['https://llm.example.com:8443/openai', 'https://llm.example.com:8443/openai', 'https://llm.example.com:8443'],
    ['https://api.example.com:443', 'https://api.example.com:443', 'https://api.example.com'],
  ])('at %s', (baseURL, expected, origin) => {
    expect(targetOf(providerEntry({ baseURL }))).toMatchObject({ baseURL: expected, origin, fault: undefined });
  });

  test('through a binding whatever its host is: the deployment says where that leads', () => {
    const provider = providerEntry({ baseURL: 'http://10.0.0.7:8000/v1', binding: 'VPC' });
    expect(targetOf(provider)).toMatchObject({ origin: 'binding:VPC', fault: undefined });
  });

  test.each([
    ['llama.models.example.com', 'http://llama.models.example.com/v1'],
    ['llama.models.example.com:8443', 'http://llama.models.example.com:8443/v1'],
  ])('through a binding by the host that the server there wants to hear: %s', (hostHeader, expected) => {
    const provider = providerEntry({ baseURL: 'http://10.0.0.7:8000/v1', binding: 'VPC', hostHeader });
    expect(targetOf(provider)).toMatchObject({ baseURL: expected, origin: 'binding:VPC' });
  });

  test('over the Internet by its own host, whatever else is named', () => {
    const provider = providerEntry({ baseURL: 'https://api.example.com/v1', hostHeader: 'other.example.com' });
    expect(targetOf(provider).baseURL).toBe('https://api.example.com/v1');
  });
});

describe('a provider is not called', () => {
  test.each([
    'https://localhost/v1',
    'https://localhost./v1',
    'https://127.0.0.1/v1',
    'https://2130706433/v1',
    'https://0x7f.1/v1',
    'https://10.1.2.3/v1',
    'https://169.254.169.254/latest',
    'https://[::1]/v1',
    'https://[::ffff:127.0.0.1]/v1',
    'https://[fd00::1]/v1',
    'https://vllm.models.svc.cluster.local/v1',
    'https://metadata.google.internal/v1',
    'https://vllm/v1',
  ])('at a private address that its EdgeGateway does not allow: %s', (baseURL) => {
    expect(targetOf(providerEntry({ baseURL })).fault).toMatch(/private/);
    const allow = { privateAddresses: true, plainText: false };
    expect(targetOf(providerEntry({ baseURL, allow })).fault).toBeUndefined();
  });

  test('in plain text where its EdgeGateway does not allow that', () => {
    const baseURL = 'http://api.example.com/v1';
    expect(targetOf(providerEntry({ baseURL })).fault).toMatch(/not https/);
    expect(targetOf(providerEntry({ baseURL, allow: { privateAddresses: true, plainText: false } })).fault).toMatch(
      /not https/,
    );
    expect(
      targetOf(providerEntry({ baseURL, allow: { privateAddresses: false, plainText: true } })).fault,
    ).toBeUndefined();
  });

  test.each(['ftp://example.com', 'file:///etc/passwd', 'data:text/plain,x'])(
    'at %s, whatever is allowed',
    (baseURL) => {
      expect(targetOf(providerEntry({ baseURL, allow: everything })).fault).toMatch(/neither https nor http/);
      expect(targetOf(providerEntry({ baseURL, allow: everything, binding: 'VPC' })).fault).toMatch(
        /neither https nor http/,
      );
    },
  );
});
