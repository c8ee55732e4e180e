// What the interop scripts share: the packages as npm installed them, a device, a connection to the source, and steps that say how they went.
//
//   node SCRIPT '{"endpoint": …, "token": …, "source": …, …}'
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as forward } from 'node:http';
import { createRequire } from 'node:module';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { pathToFileURL } from 'node:url';
import { constants, createBrotliDecompress, createGunzip } from 'node:zlib';

// The packages are in a folder of their own, away from this file, so they are looked up from there.
const packages = createRequire(join(process.env.TOPGUN_TEST_INTEROP, 'package.json'));
const load = (name) => import(pathToFileURL(packages.resolve(name)).href);
const { column, LogLevels, PowerSyncDatabase, Schema, SyncStreamConnectionMethod, Table } = await load('@powersync/node');
const { default: pg } = await load('pg');

export const options = JSON.parse(process.argv[2]);
export const source = new pg.Client({ connectionString: options.source });
/** What the service said on each stream, line by line, when the options ask for a record. */
export const recorded = [];
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

/** Connects by the transport, with the encoding and the kind of checkpoints that the options name. */
export async function connect(device, uploadData, more = {}) {
  const endpoint = listen || options.encoding === 'ndjson' ? await between() : options.endpoint;
  const connectionMethod =
    options.connection === 'web-socket' ? SyncStreamConnectionMethod.WEB_SOCKET : SyncStreamConnectionMethod.HTTP;
  await device.connect(
    { fetchCredentials: async () => ({ endpoint, token: options.token }), uploadData },
    { connectionMethod, checkpointMode: options.checkpoints ?? 'legacy', crudUploadThrottleMs: 20, ...more }
  );
}

let listen;
/** Lets every byte that the service sends on connections from now on be heard: for each response or socket, the function makes one that gets its chunks, uncompressed. */
export function listenToWire(each) {
  listen = each;
}

let proxy;
/**
 * Stands between the SDK and the service, to listen, or to ask for uncompressed NDJSON in place of the SDK, as older ones do: this one always likes
 * BSON better.
 */
async function between() {
  if (!proxy) {
    proxy = createServer(passRequest);
    proxy.on('upgrade', passSocket);
    await new Promise((listening) => proxy.listen(0, '127.0.0.1', listening));
  }
  return `http://127.0.0.1:${proxy.address().port}`;
}

function passRequest(request, response) {
  const headers = { ...request.headers };
  if (options.encoding === 'ndjson') {
    delete headers.accept;
    delete headers['accept-encoding'];
  }
  const onward = forward(options.endpoint + request.url, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    if (options.record && request.url.startsWith('/sync/stream')) {
      record(answer);
    }
    if (listen) {
      decoded(answer).on('data', listen());
    }
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

function passSocket(request, client, head) {
  const { hostname, port } = new URL(options.endpoint);
  const service = connectSocket(port, hostname, () => {
    const headers = [];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      headers.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}\r\n`);
    }
    service.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
    service.write(head);
    if (listen) {
      service.on('data', listen());
    }
    service.pipe(client);
    client.pipe(service);
  });
  for (const [one, other] of [[service, client], [client, service]]) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}

/** The body as it was before it was compressed, up to where the connection was cut. */
function decoded(answer) {
  switch (answer.headers['content-encoding']) {
    case undefined:
      return answer;
    case 'gzip':
      return answer.pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })).on('error', fail);
    case 'br':
      return answer.pipe(createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH })).on('error', fail);
    default:
      fail(new Error(`An answer is compressed as ${answer.headers['content-encoding']}, so nobody hears what it says.`));
      return answer;
  }
}

function record(answer) {
  const lines = [];
  const decoder = new StringDecoder('utf8');
  let rest = '';
  recorded.push(lines);
  answer.on('data', (chunk) => {
    const parts = (rest + decoder.write(chunk)).split('\n');
    rest = parts.pop();
    lines.push(...parts.filter((line) => line.trim() !== ''));
  });
}

/** Ends the script as failed, from wherever it is seen that it has. */
export let fail;
const failure = new Promise((_, reject) => (fail = reject));

/** Runs a script's steps and ends the process: with 0 when all of them hold. */
export async function main(run) {
  let exitCode = 1;
  try {
    await source.connect();
    await Promise.race([run(), failure]);
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

/** Waits until something holds; what is said when it does not can be told in other words. */
export async function until(holds, describe = () => holds) {
  const limit = performance.now() + stepSeconds * 1000;
  while (!(await holds())) {
    expect(performance.now() < limit, `it holds within ${stepSeconds} s: ${describe()}`);
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
