// Reads our MessagePack with npm's @msgpack/msgpack and writes what ours is to read, for the test to compare.
//
//   node msgpack.mjs '{"file": …}'     {"read": [BASE64, …], "write": [JSON, …]}  →  {"read": [JSON, …], "written": [BASE64, …]}
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const packages = createRequire(join(process.env.TOPGUN_TEST_INTEROP, 'package.json'));
const { decode, encode } = packages('@msgpack/msgpack');

const { read, write } = JSON.parse(readFileSync(JSON.parse(process.argv[2]).file, 'utf8'));
console.log(JSON.stringify({
  read: read.map((message) => decode(Buffer.from(message, 'base64'))),
  written: write.map((value) => Buffer.from(encode(value)).toString('base64'))
}));
