// What one would write by hand to meter a model's answers, in the obvious way: parse the body, ask
// for the usage, and put one TransformStream into the stream that reads it and cuts it out again.

const usageMark = '"usage":{';

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    const body = JSON.parse(await request.text());
    const wantsUsage = body.stream_options?.include_usage === true;
    if (body.stream) body.stream_options = { ...body.stream_options, include_usage: true };
    const headers = new Headers(request.headers);
    headers.delete('content-length');
    headers.set('authorization', 'Bearer sk-upstream');
    const answer = await fetch(env.UPSTREAM + pathname, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const meter = newMeter(body.model);
    context.waitUntil(meter.settled);
    if (body.stream) {
      return new Response(answer.body.pipeThrough(meteringStream(meter, wantsUsage)), answer);
    }
    const text = await answer.text();
    meter.settle(JSON.parse(text).usage);
    return new Response(text, answer);
  },
};

const tokensByModel = new Map();

function newMeter(model) {
  const { promise, resolve: settle } = Promise.withResolvers();
  return { settle, settled: record(model, promise) };
}

async function record(model, settled) {
  const tokens = (await settled)?.total_tokens ?? 0;
  tokensByModel.set(model, (tokensByModel.get(model) ?? 0) + tokens);
}

function meteringStream(meter, wantsUsage) {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  let usage;
  return new TransformStream({
    transform(chunk, controller) {
      const text = decoder.decode(chunk, { stream: true });
      if (rest === '' && text.endsWith('\n\n') && !text.includes(usageMark)) {
        controller.enqueue(chunk);
        return;
      }
      const events = (rest + text).split('\n\n');
      rest = events.pop();
      for (const event of events) {
        if (event.includes(usageMark)) {
          usage = JSON.parse(event.slice('data: '.length)).usage;
          if (!wantsUsage) continue;
        }
        controller.enqueue(encoder.encode(`${event}\n\n`));
      }
    },
    flush(controller) {
      if (rest !== '') controller.enqueue(encoder.encode(rest));
      meter.settle(usage);
    },
  });
}
