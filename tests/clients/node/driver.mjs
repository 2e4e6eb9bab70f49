// Runs scenarios of one openai-node: `node driver.mjs PACKAGE`, for example openai7.
//
// The same protocol as python/driver.py: one JSON object a line in, one a line out. The packages are not beside
// this file but in the folder that FAIRLEAD_NODE_PACKAGES names.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const load = createRequire(`${process.env.FAIRLEAD_NODE_PACKAGES}/`);
const packageName = process.argv[2];
const { OpenAI } = load(packageName);
const { zodResponseFormat, zodTextFormat } = load(`${packageName}/helpers/zod`);
const { z } = load("zod");

// What a model is asked for; finite, so that even a random one gets to its end.
const Forecast = z.object({ city: z.enum(["Oslo", "Rome"]), sunny: z.boolean() });
const sdk = {
  forecastResponseFormat: () => zodResponseFormat(Forecast, "forecast"),
  forecastTextFormat: () => zodTextFormat(Forecast, "forecast"),
  describe,
};

function describe(error) {
  const kinds = [];
  for (let type = error.constructor; type?.name; type = Object.getPrototypeOf(type)) kinds.push(type.name);
  // JSON leaves out what is undefined; Python has None for it.
  const { message, status = null, code = null, param = null, type = null, requestID = null } = error;
  return { kind: kinds[0], kinds, message, status, code, param, type, request_id: requestID };
}

async function run({ target, scenario, arguments: body }) {
  const [module, name] = scenario.split(".");
  const scenarios = await import(`./${module}.mjs`);
  const { base_url: baseURL, api_key: apiKey, max_retries: maxRetries } = target;
  const client = new OpenAI({ baseURL, apiKey, maxRetries, timeout: 60_000 });
  // What openai-python wants apart, openai-node takes among the others.
  const { extra_body, ...documented } = body;
  return await scenarios[name](client, { ...documented, ...extra_body }, sdk);
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await run(JSON.parse(line)).then(
    (result) => ({ result: result ?? null }),
    (error) => ({ error: describe(error) }),
  );
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
