// Listens to the published @powersync/node SDK and the service, and writes down what the service said on each connection and what the device showed in the
// end, as a session that another client can be played.
//
//   node record.mjs '{"endpoint": …, "token": …, "source": …, "list": …, "encoding": "ndjson", "record": FILE}'
import { writeFile } from 'node:fs/promises';
import { connect, deadline, main, number, openDevice, options, recorded, source, step, until } from './harness.mjs';

const device = openDevice();
const titles = async (title) => number(device, 'SELECT count(*) FROM todos WHERE title = ?', [title]);

await main(run);

async function run() {
  await step('the first sync completes', async () => {
    await connect(device, uploadData);
    await device.waitForFirstSync(deadline());
  });
  await step('rows come, change and go', async () => {
    await source.query("INSERT INTO todos (id, list_id, title, created_by) SELECT gen_random_uuid(), $1, 'new ' || n, 'bob' FROM generate_series(1, 20) n", [options.list]);
    await until(async () => (await titles('new 20')) === 1);
    await source.query("UPDATE todos SET title = 'quote \" and \\ and 😀', done = true WHERE title LIKE 'new 1%'");
    await source.query("DELETE FROM todos WHERE title LIKE 'new 2%'");
    await until(async () => (await titles('new 20')) === 0 && (await titles('quote " and \\ and 😀')) > 0);
  });
  await step('a write of the device comes back', async () => {
    await device.execute('INSERT INTO todos (id, list_id, title, done, created_by) VALUES (uuid(), ?, ?, 0, ?)', [options.list, 'from the device', 'ann']);
    await until(async () => (await number(device, 'SELECT count(*) FROM ps_crud')) === 0);
    await source.query("UPDATE todos SET title = 'came back' WHERE title = 'from the device'");
    await until(async () => (await titles('came back')) === 1);
  });
  await step('a second connection resumes', async () => {
    await device.disconnect();
    await source.query("DELETE FROM todos WHERE title = 'new 3'");
    await source.query("INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), $1, 'the end', 'bob')", [options.list]);
    await connect(device, uploadData);
    await until(async () => (await titles('the end')) === 1);
  });
  await writeFile(options.record, await session());
}

async function session() {
  const text = [];
  for (const lines of recorded) {
    text.push('>', ...lines.map((line) => `< ${line}`));
  }
  const tables = { lists: 'id,owner_id,name,created_at', members: 'id,list_id,user_id', todos: 'id,list_id,title,done,created_by,created_at' };
  for (const [table, columns] of Object.entries(tables)) {
    const rows = await device.getAll(`SELECT ${columns} FROM ${table} ORDER BY id`);
    text.push(`= ${table} ${columns} ${JSON.stringify(rows.map((row) => Object.values(row).map((value) => (value === null ? null : String(value)))))}`);
  }
  return text.join('\n') + '\n';
}

async function uploadData(database) {
  const transaction = await database.getNextCrudTransaction();
  if (!transaction) {
    return;
  }
  for (const { id, opData } of transaction.crud) {
    await source.query('INSERT INTO todos (id, list_id, title, created_by) VALUES ($1, $2, $3, $4)', [id, opData.list_id, opData.title, opData.created_by]);
  }
  await transaction.complete();
}
