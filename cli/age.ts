const UNITS = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
  { ms: 1000, name: 's' },
];

/** How long ago something was, roughly: `3 min`, `2 d`. @param ms milliseconds; what lies ahead, by clocks that differ, is now */
export function age(ms: number): string {
  const unit = UNITS.find((candidate) => ms >= 2 * candidate.ms) ?? { ms: 1000, name: 's' };
  return `${Math.max(0, Math.round(ms / unit.ms))} ${unit.name}`;
}
