/** What the agent goes by: its Lease, the fields that it writes, and what servers see of it. */
export const AGENT_NAME = 'fairlead-sync-agent';
