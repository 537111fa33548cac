import { expect, test } from 'vitest';
import { isPrivateHost } from '../../contract/private-host.ts';

const hostOf = (host: string) => new URL(`https://${host}`).hostname;

test.each([
  'localhost',
  'LOCALHOST.',
  'vllm',
  'vllm.models.svc.cluster.local',
  'metadata.google.internal',
  'printer.home.arpa',
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '0.0.0.0',
  '10.255.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '198.19.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[::127.0.0.1]',
  '[64:ff9b::192.168.0.1]',
  '[64:ff9b:1::1]',
  '[2002:a00:1::]',
  '[2001::1]',
  '[2001:db8::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[fe80::1]',
  '[ff02::1]',
])('%s is private', (host) => {
  expect(isPrivateHost(hostOf(host))).toBe(true);
});

test.each([
  'api.openai.com',
  'local.example.com',
  '1.1.1.1',
  '100.63.255.255',
  '100.128.0.1',
  '172.15.0.1',
  '172.32.0.1',
  '192.167.1.1',
  '223.255.255.255',
  '[2606:4700:4700::1111]',
  '[::ffff:1.1.1.1]',
  '[64:ff9b::1.1.1.1]',
  '[2002:101:101::]',
])('%s is public', (host) => {
  expect(isPrivateHost(hostOf(host))).toBe(false);
});
