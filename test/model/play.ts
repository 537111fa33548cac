import { judgeCollection } from './collection-law.ts';
import { carryOut, type Step } from './commands.ts';
import { EdgeWorld } from './edge-world.ts';
import { quiet } from './quiet.ts';
import { installVirtualGlobals } from './virtual-globals.ts';

/**
 * Plays a run from its first step to the quiet after its last, and looks after each whether a law was broken.
 *
 * @throws {BrokenLaw} the first that was
 */
export async function play(seed: number, steps: readonly Step[]): Promise<EdgeWorld> {
  const world = new EdgeWorld(seed);
  const restoreGlobals = installVirtualGlobals(world.clock);
  try {
    for (const { command, thenMs } of steps) {
      world.tell(JSON.stringify(command));
      await carryOut(world, command);
      await world.pass(thenMs);
      await judgeCollection(world);
      world.throwIfBroken();
    }
    await quiet(world);
    world.throwIfBroken();
    world.ended = true;
    return world;
  } catch (error) {
    // oxlint-disable-next-line eslint/no-console -- asked for by whoever looks into a failure
    if (process.env['FAIRLEAD_MODEL_STORY']) console.log(world.story.join('\n'));
    throw error;
  } finally {
    restoreGlobals();
  }
}
