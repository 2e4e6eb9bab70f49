// Responses as applications call them with openai-node.

const held = [];
const TEXT = "response.output_text.delta";

export async function create(client, body) {
  const answer = await client.responses.create(body);
  return { answer, text: answer.output_text, request_id: answer._request_id };
}

export async function stream(client, body) {
  return await Array.fromAsync(await client.responses.create({ ...body, stream: true }));
}

// The `.stream()` helper: its text deltas and the answer that it put together.
export async function collect(client, body) {
  const events = client.responses.stream(body);
  const deltas = [];
  events.on(TEXT, ({ delta }) => deltas.push(delta));
  const answer = await events.finalResponse();
  return { deltas, text: answer.output_text, answer };
}

export async function parse(client, body, sdk) {
  const answer = await client.responses.parse({ ...body, text: { format: sdk.forecastTextFormat() } });
  return answer.output_parsed;
}

export async function collect_parsed(client, body, sdk) {
  const events = client.responses.stream({ ...body, text: { format: sdk.forecastTextFormat() } });
  return (await events.finalResponse()).output_parsed;
}

// What came before the failure, and the failure.
export async function stream_to_failure(client, body, sdk) {
  let received = "";
  try {
    for await (const event of await client.responses.create({ ...body, stream: true })) {
      if (event.type === TEXT) received += event.delta;
    }
  } catch (error) {
    return { received, error: sdk.describe(error) };
  }
  return { received, error: null };
}

// Begins a stream and leaves it after the first text, still open.
export async function open_stream(client, body) {
  const events = await client.responses.create({ ...body, stream: true });
  held.push(events);
  const iterator = events[Symbol.asyncIterator]();
  while ((await iterator.next()).value.type !== TEXT);
}

export async function close_stream() {
  held.pop().controller.abort();
}

export async function retrieve_stored(client, { stored }) {
  return await client.responses.retrieve(stored);
}
