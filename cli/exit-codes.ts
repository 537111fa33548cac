/** What the process's exit code says, the same for every command. */
export const EXIT = {
  ok: 0,
  /** The resources, the request that was explained, or what the edge serves, are not all right. */
  rejected: 1,
  /** The command line is wrong. */
  usage: 2,
  /** This machine, or the edge that was to be asked, does not let the command do its work. */
  environment: 3,
  /** A fault of Fairlead's own. */
  broken: 70,
} as const;

export const EXIT_CODES_HELP = `Exit codes:
  0   done, and everything is all right
  1   a resource is faulty, the explained request would be refused, or the edge does not serve what the resources say
  2   the command line is wrong
  3   this machine stands in the way: a port that is taken, a folder that cannot be read or written; or the cluster or
      the edge does: it cannot be reached, or refuses the key
  70  a fault of Fairlead's own`;

/** Ends the command with one line for a person, without a stack trace. */
export class CliError extends Error {
  override name = 'CliError';
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}
