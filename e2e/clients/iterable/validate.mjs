// Says whether the body on stdin fits Iterable's own schema of `trackBulk`: `validate.mjs FOLDER`, where the client is
// installed. Exit code 0 when it does; else what does not fit is on stderr.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// One file of the package, which needs only zod; its index would also read the environment.
const schemas = join(process.argv[2], 'node_modules/@iterable/api/dist/types/events.js');
const { TrackBulkEventsParamsSchema } = await import(pathToFileURL(schemas).href);

const outcome = TrackBulkEventsParamsSchema.safeParse(JSON.parse(readFileSync(0, 'utf8')));
if (!outcome.success) {
  console.error(JSON.stringify(outcome.error.issues));
  process.exitCode = 1;
}
