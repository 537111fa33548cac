/** What is asked in every measurement: a short conversation, as applications send it. */
export type Workload = { stream: boolean; model: 'bench' | 'paced' | 'steady' | 'slow' };

export function chatBody(workload: Workload): string {
  return JSON.stringify({
    ...workload,
    messages: [
      { role: 'system', content: 'You are a helpful assistant. Answer in few words.' },
      { role: 'user', content: 'Tell me something about the sea. '.repeat(6).trim() },
    ],
    temperature: 0.7,
  });
}
