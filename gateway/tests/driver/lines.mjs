// What a driver of a browser speaks with its test: one request per line on standard input, one answer per line on standard output,
// in the order in which they are done. A fault is answered by {"id":3,"error":"..."}.

import { createInterface } from 'node:readline';

/** Does what is asked by these commands; `end` is called when nobody asks any more. */
export function serve(commands, end) {
  const answer = async (line) => {
    const { id, do: name, ...request } = JSON.parse(line);
    const reply = await commands[name](request).then(
      (value) => ({ id, value: value ?? null }),
      (error) => ({ id, error: String(error.message ?? error) }),
    );
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', answer);
  lines.on('close', async () => {
    await end();
    process.exit(0);
  });
}
