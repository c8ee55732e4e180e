// Drives the published @powersync/node SDK, unmodified, against the service: first sync, changes from the source, local writes with their upload,
// and what comes after the upload. Prints a line for each step and exits 0 when all of them hold.
//
//   node interop.mjs '{"endpoint": …, "token": …, "source": …, "list": …, "rows": …}'
import { connect, deadline, expect, main, number, openDevice, options, source, step, until } from './harness.mjs';

const device = openDevice();

await main(run);

async function run() {
  await step('the first sync completes', async () => {
    await connect(device, uploadData);
    await device.waitForFirstSync(deadline());
  });
  await step('all rows are there', async () => {
    await until(async () => (await number(device, 'SELECT count(*) FROM todos')) === options.rows);
  });

  const id = crypto.randomUUID();
  await step('an insert at the source arrives', async () => {
    await source.query('INSERT INTO todos (id, list_id, title, created_by) VALUES ($1, $2, $3, $4)', [id, options.list, 'from the source', 'bob']);
    await until(async () => (await title(id)) === 'from the source');
  });
  await step('an update at the source arrives', async () => {
    await source.query('UPDATE todos SET title = $2, done = true WHERE id = $1', [id, 'changed at the source']);
    await until(async () => (await title(id)) === 'changed at the source');
    expect((await number(device, 'SELECT done FROM todos WHERE id = ?', [id])) === 1, 'the boolean is 1');
  });
  await step('a delete at the source arrives', async () => {
    await source.query('DELETE FROM todos WHERE id = $1', [id]);
    await until(async () => (await title(id)) === undefined);
  });

  const local = crypto.randomUUID();
  await step('a local insert is uploaded', async () => {
    await device.execute('INSERT INTO todos (id, list_id, title, done, created_by) VALUES (?, ?, ?, 0, ?)', [local, options.list, 'from the device', 'ann']);
    await until(async () => (await titleAtSource(local)) === 'from the device' && (await queued()) === 0);
    expect((await title(local)) === 'from the device', 'the device still shows its row');
  });
  await step('its write checkpoint comes back, so changes of the source pass again', async () => {
    await source.query('UPDATE todos SET title = $2 WHERE id = $1', [local, 'changed after the upload']);
    await until(async () => (await title(local)) === 'changed after the upload');
  });
  await step('a local update and a local delete are uploaded', async () => {
    await device.execute('UPDATE todos SET title = ? WHERE id = ?', ['changed on the device', local]);
    await until(async () => (await titleAtSource(local)) === 'changed on the device');
    await device.execute('DELETE FROM todos WHERE id = ?', [local]);
    await until(async () => (await titleAtSource(local)) === undefined && (await queued()) === 0);
  });
  await step('a second connection resumes and stays equal to the source', async () => {
    await device.disconnect();
    await source.query("UPDATE todos SET title = 'while away' WHERE list_id = $1 AND title = 'Milk'", [options.list]);
    await connect(device, uploadData);
    await until(async () => (await number(device, "SELECT count(*) FROM todos WHERE title = 'while away'")) === 1);
    expect((await number(device, 'SELECT count(*) FROM todos')) === options.rows, 'as many rows as at first');
  });
}

/** What an app's developer writes: takes local transactions from the queue and applies each to the source. */
async function uploadData(database) {
  for (let transaction; (transaction = await database.getNextCrudTransaction()) !== null; ) {
    await source.query('BEGIN');
    try {
      for (const { op, table, id, opData } of transaction.crud) {
        expect(table === 'todos', 'only todos are written');
        const names = Object.keys(opData ?? {});
        const values = names.map((name) => (name === 'done' ? opData[name] === 1 : opData[name]));
        if (op === 'DELETE') {
          await source.query('DELETE FROM todos WHERE id = $1', [id]);
        } else if (op === 'PUT') {
          await source.query(`INSERT INTO todos (id, ${names}) VALUES ($1, ${names.map((_, i) => `$${i + 2}`)})`, [id, ...values]);
        } else {
          await source.query(`UPDATE todos SET ${names.map((name, i) => `${name} = $${i + 2}`)} WHERE id = $1`, [id, ...values]);
        }
      }
      await source.query('COMMIT');
    } catch (error) {
      await source.query('ROLLBACK');
      throw error;
    }
    await transaction.complete();
  }
}

async function title(id) {
  return (await device.getOptional('SELECT title FROM todos WHERE id = ?', [id]))?.title;
}

async function titleAtSource(id) {
  return (await source.query('SELECT title FROM todos WHERE id = $1', [id])).rows[0]?.title;
}

async function queued() {
  return (await device.getUploadQueueStats()).count;
}
