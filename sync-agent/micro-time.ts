/** As Kubernetes writes a MicroTime. @param now milliseconds since the epoch */
export function microTime(now: number): string {
  return new Date(now).toISOString().replace('Z', '000Z');
}
