/** `1 isolate`, `3 isolates` */
export function isolatesOf(count: number): string {
  return `${count} ${count === 1 ? 'isolate' : 'isolates'}`;
}
