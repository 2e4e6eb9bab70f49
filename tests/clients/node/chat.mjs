// Chat completions as applications call them with openai-node.

const held = [];

export async function create(client, body) {
  const answer = await client.chat.completions.create(body);
  return { answer, request_id: answer._request_id };
}

export async function stream(client, body) {
  return await Array.fromAsync(await client.chat.completions.create({ ...body, stream: true }));
}

// The `.stream()` helper: its events and the answer that it put together.
export async function collect(client, body) {
  const events = client.chat.completions.stream(body);
  const deltas = [];
  const contents = [];
  const calls = [];
  events.on("content.delta", ({ delta }) => deltas.push(delta));
  events.on("content.done", ({ content }) => contents.push(content));
  events.on("tool_calls.function.arguments.done", (call) =>
    calls.push({ name: call.name, arguments: call.arguments }),
  );
  const answer = await events.finalChatCompletion();
  return { deltas, contents, calls, answer };
}

export async function parse(client, body, sdk) {
  const answer = await client.chat.completions.parse({ ...body, response_format: sdk.forecastResponseFormat() });
  return answer.choices[0].message.parsed;
}

export async function collect_parsed(client, body, sdk) {
  const events = client.chat.completions.stream({ ...body, response_format: sdk.forecastResponseFormat() });
  return (await events.finalChatCompletion()).choices[0].message.parsed;
}

// What came before the failure, and the failure.
export async function stream_to_failure(client, body, sdk) {
  let received = "";
  try {
    for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
      received += chunk.choices[0].delta.content ?? "";
    }
  } catch (error) {
    return { received, error: sdk.describe(error) };
  }
  return { received, error: null };
}

// Begins a stream and leaves it after the first chunk, still open.
export async function open_stream(client, body) {
  const chunks = await client.chat.completions.create({ ...body, stream: true });
  held.push(chunks);
  await chunks[Symbol.asyncIterator]().next();
}

export async function close_stream() {
  held.pop().controller.abort();
}

export async function retrieve_stored(client, { stored }) {
  return await client.chat.completions.retrieve(stored);
}
