// Feeds lines into the core of the published SDKs, the SQLite extension that comes with @powersync/node, and prints as JSON what became of each
// conversation: what the device holds after it, or the first line that was refused.
//
//   node golden.mjs '{"file": …}'
//
// The file: [{"name": …, "streams": […], "lines": [{"text": …} | {"bson": BASE64} | {"msgpack": BASE64} | {"reconnect": true}, …]}, …]
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const packages = createRequire(join(process.env.TOPGUN_TEST_INTEROP, 'package.json'));
const { decode } = packages('@msgpack/msgpack'); // the core knows no MessagePack: it gets what another implementation reads
const machine = { x64: 'x64', arm64: 'aarch64', arm: 'armv7', riscv64: 'riscv64gc', ia32: 'x86' }[process.arch];
const platform = { linux: 'linux.so', darwin: 'macos.dylib', win32: 'dll' }[process.platform];
const library = dirname(packages.resolve('@powersync/node'));
const core = join(library, readdirSync(library).find((name) => name.includes(`powersync_${machine}.${platform}`)));
const schema = {
  tables: [{ name: 'todos', columns: [{ name: 'title', type: 'TEXT' }, { name: 'done', type: 'INTEGER' }], indexes: [] }]
};

const conversations = JSON.parse(readFileSync(JSON.parse(process.argv[2]).file, 'utf8'));
console.log(JSON.stringify(Object.fromEntries(conversations.map((conversation) => [conversation.name, play(conversation)]))));

function play({ streams, lines }) {
  const db = new DatabaseSync(':memory:', { allowExtension: true });
  db.loadExtension(core, 'sqlite3_powersync_init');
  inTransaction(db, () => {
    db.exec('SELECT powersync_init()');
    db.prepare('SELECT powersync_replace_schema(?)').get(JSON.stringify(schema));
    for (const { name, params } of streams) {
      const subscription = { subscribe: { stream: { name, params }, ttl: 3600, priority: null } };
      db.prepare('SELECT powersync_control(?, ?)').get('subscriptions', JSON.stringify(subscription));
    }
  });
  const start = JSON.stringify({ parameters: {}, schema, include_defaults: true, active_streams: streams });
  control(db, 'start', start);
  let status;
  for (const [index, line] of lines.entries()) {
    let instructions;
    try {
      if (line.reconnect) {
        control(db, 'stop', null);
        control(db, 'start', start);
        continue;
      }
      instructions = 'bson' in line ? control(db, 'line_binary', Buffer.from(line.bson, 'base64')) : control(db, 'line_text', textOf(line));
    } catch (error) {
      return { refused: index, because: error.message };
    }
    status = instructions.findLast((instruction) => instruction.UpdateSyncStatus)?.UpdateSyncStatus.status ?? status;
    const logged = instructions.map((instruction) => instruction.LogLine).filter((log) => log?.severity === 'WARNING');
    if (logged.length > 0) {
      db.warnings = [...(db.warnings ?? []), ...logged.map((log) => log.line)];
    }
  }
  return {
    buckets: rows(db, 'SELECT name, last_applied_op, last_op, add_checksum, op_checksum, count_at_last, count_since_last FROM ps_buckets ORDER BY name'),
    operations: rows(db, 'SELECT b.name, o.op_id, o.row_type, o.row_id, o.key, o.data, o.hash FROM ps_oplog o JOIN ps_buckets b ON b.id = o.bucket ORDER BY 1, 2'),
    todos: rows(db, 'SELECT * FROM todos ORDER BY id'),
    streams: (status?.streams ?? []).map(({ name, parameters, active, is_default, priority }) => ({ name, parameters, active, is_default, priority })),
    warnings: db.warnings ?? []
  };
}

function textOf(line) {
  return 'msgpack' in line ? JSON.stringify(decode(Buffer.from(line.msgpack, 'base64'))) : line.text;
}

function control(db, operation, payload) {
  return JSON.parse(inTransaction(db, () => db.prepare('SELECT powersync_control(?, ?) AS answer').get(operation, payload)).answer ?? '[]');
}

function inTransaction(db, action) {
  db.exec('BEGIN');
  try {
    const result = action();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function rows(db, sql) {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all().map((row) => Object.values(row).map((value) => (typeof value === 'bigint' ? String(value) : value)));
}
