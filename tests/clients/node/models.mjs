// The list of models as applications read it with openai-node.

export async function names(client) {
  const models = await Array.fromAsync(client.models.list());
  return models.map((model) => model.id);
}

export async function retrieve(client, { model }) {
  return (await client.models.retrieve(model)).id;
}
