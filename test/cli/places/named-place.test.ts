import { describe, expect, test } from 'vitest';
import { namedPlace } from '../../../cli/commands/place-options.ts';
import { isReported, placeArguments, placeName } from '../../../cli/places/place.ts';

describe('what a command is about', () => {
  test.each([
    [undefined, {}, undefined],
    ['dir', {}, 'Folder'],
    ['dir', { namespace: 'red' }, 'Folder'],
    [undefined, { context: 'prod' }, 'Cluster'],
    [undefined, { kubeconfig: 'file' }, 'Cluster'],
    [undefined, { namespace: 'red' }, 'Cluster'],
    ['dir', { context: 'prod' }, 'Overlay'],
  ])('%s with %o is %s', (dir, options, type) => {
    expect(namedPlace(dir, options, 'LayOver')?.type).toBe(type);
  });

  test('what is published is not a folder over a cluster', () => {
    expect(() => namedPlace('dir', { context: 'prod' }, 'Refuse')).toThrow(/name the folder or the cluster/);
  });

  test('its name and the arguments that mean it again can be told', () => {
    const place = namedPlace('dir', { context: 'prod', namespace: 'red' }, 'LayOver')!;
    expect(placeName(place)).toBe('dir over the cluster of context prod');
    expect(placeArguments(place)).toBe(' dir --context prod --namespace red');
    expect(placeArguments(namedPlace(undefined, { kubeconfig: 'k' }, 'Refuse')!)).toBe(' --kubeconfig k');
    expect([isReported(place, 'AIModel/red/a'), isReported(place, 'AIModel/blue/a')]).toEqual([true, false]);
  });
});
