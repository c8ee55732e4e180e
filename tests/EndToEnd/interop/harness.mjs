// What the interop scripts share: the packages as npm installed them, a device, a connection to the source, and steps that say how they went.
//
//   node SCRIPT '{"endpoint": …, "token": …, "source": …, …}'
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The packages are in a folder of their own, away from this file, so they are looked up from there.
const packages = createRequire(join(process.env.TOPGUN_TEST_INTEROP, 'package.json'));
const load = (name) => import(pathToFileURL(packages.resolve(name)).href);
const { column, LogLevels, PowerSyncDatabase, Schema, SyncStreamConnectionMethod, Table } = await load('@powersync/node');
const { default: pg } = await load('pg');

export const options = JSON.parse(process.argv[2]);
export const source = new pg.Client({ connectionString: options.source });
/** What the SDK said at warning level and above. */
export const warnings = [];

const stepSeconds = 180; // only a failing run waits this long
const folder = await mkdtemp(join(tmpdir(), 'topgun-interop-'));
const devices = [];
const schema = new Schema({
  lists: new Table({ owner_id: column.text, name: column.text, created_at: column.text }),
  members: new Table({ list_id: column.text, user_id: column.text }),
  todos: new Table({
    list_id: column.text,
    title: column.text,
    done: column.integer,
    created_by: column.text,
    created_at: column.text
  })
});

/** The device's database; a second one of the same name opens the same file, as an app does that starts again. */
export function openDevice(name = 'device') {
  const device = new PowerSyncDatabase({
    schema,
    database: { dbFilename: `${name}.db`, dbLocation: folder, implementation: { type: 'node:sqlite' } },
    logger: { log: note }
  });
  devices.push(device);
  return device;
}

export async function connect(device, uploadData, more = {}) {
  await device.connect(
    { fetchCredentials: async () => ({ endpoint: options.endpoint, token: options.token }), uploadData },
    { connectionMethod: SyncStreamConnectionMethod.HTTP, crudUploadThrottleMs: 20, ...more }
  );
}

/** Runs a script's steps and ends the process: with 0 when all of them hold. */
export async function main(run) {
  let exitCode = 1;
  try {
    await source.connect();
    await run();
    exitCode = 0;
  } catch (error) {
    console.error('failed:', error);
  } finally {
    for (const device of devices) {
      await device.close();
    }
    await source.end();
    await rm(folder, { recursive: true, force: true });
  }
  process.exit(exitCode);
}

export async function step(name, action) {
  const started = performance.now();
  try {
    await action();
  } catch (cause) {
    throw new Error(`step "${name}"`, { cause });
  }
  console.log(`ok: ${name} (${Math.round(performance.now() - started)} ms)`);
}

export async function until(holds) {
  const limit = performance.now() + stepSeconds * 1000;
  while (!(await holds())) {
    expect(performance.now() < limit, `it holds within ${stepSeconds} s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Ends a wait that would otherwise last for ever. */
export function deadline() {
  return AbortSignal.timeout(stepSeconds * 1000);
}

export async function number(device, sql, parameters) {
  return Object.values(await device.get(sql, parameters))[0];
}

export function expect(condition, what) {
  if (!condition) {
    throw new Error(`does not hold: ${what}`);
  }
}

function note({ level, message, error }) {
  if (level >= LogLevels.warn) {
    warnings.push(message);
    console.log(`SDK: ${message}${error ? ` ${error}` : ''}`);
  }
}
