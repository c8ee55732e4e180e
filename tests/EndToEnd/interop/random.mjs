// Drives the published @powersync/node SDK, unmodified, through a random life: rows and memberships change at the source, rows are written on the
// device, connections end and begin again over each transport, and hot rows are written so often that their buckets are compacted under it. Whenever
// all is quiet, the device's tables are compared with what the source says the user should have. All that is written bears marks, and every byte that
// the service sends is searched for marks that the user must not see.
//
//   node random.mjs '{"endpoint": …, "token": …, "source": …, "lists": […], "seed": 1, "rounds": 12}'
import { connect, expect, listenToWire, main, openDevice, options, source, step, until } from './harness.mjs';
import { Marks } from './marks.mjs';

const ways = [
  { connection: 'http', encoding: 'bson', checkpoints: 'legacy' },
  { connection: 'http', encoding: 'ndjson', checkpoints: 'requests' },
  { connection: 'web-socket', encoding: 'bson', checkpoints: 'legacy' },
  { connection: 'web-socket', encoding: 'bson', checkpoints: 'requests' }
];
const device = openDevice();
const marks = new Marks(options.lists, options.mine);
let random = mulberry32(options.seed);
const happened = { grants: 0, revocations: 0, connections: 0, localWrites: 0, hotWrites: 0 };

await main(run);

async function run() {
  listenToWire(() => marks.listener());
  for (const list of options.lists) {
    await source.query("UPDATE lists SET name = 'mark:' || id || ':' || $2::int || '; list' WHERE id = $1", [list, marks.next()]);
    await source.query("UPDATE todos SET title = 'mark:' || list_id || ':' || $2::int || '; ' || title WHERE list_id = $1", [list, marks.next()]);
  }
  for (const way of ways) {
    await reconnect(way);
    await until(() => device.connected);
  }
  for (let round = 1; round <= options.rounds; round++) {
    await step(`seed ${options.seed}, round ${round}`, async () => {
      for (let steps = 5 + below(15); steps > 0; steps--) {
        await change();
      }
      await until(async () => (await device.getUploadQueueStats()).count === 0);
      let difference;
      await until(async () => (difference = await findDifference()) === undefined, () => difference);
    });
  }
  console.log(`happened: ${JSON.stringify({ ...happened, marksRead: marks.seen, bytesRead: marks.bytes })}`);
}

async function change() {
  const list = options.lists[below(options.lists.length)];
  switch (below(10)) {
    case 0: {
      marks.loses(list);
      const { rowCount } = await source.query("DELETE FROM members WHERE list_id = $1 AND user_id = 'ann'", [list]);
      happened.revocations += rowCount;
      if (rowCount === 0) {
        // A right and rows that it is about, in one transaction.
        await source.query('BEGIN');
        await source.query("INSERT INTO members (id, list_id, user_id) VALUES (gen_random_uuid(), $1, 'ann')", [list]);
        await addTodos(list, 1 + below(3));
        marks.gains(list);
        await source.query('COMMIT');
        happened.grants++;
      }
      break;
    }
    case 1:
      return reconnect(ways[below(ways.length)]);
    case 2:
    case 3:
      return writeOnDevice();
    case 4:
    case 5:
      // The same rows again and again: soon most of the bucket is redundant.
      for (let times = 20 + below(40); times > 0; times--) {
        await source.query("UPDATE todos SET title = 'mark:' || list_id || ':' || $2::int || '; hot' WHERE list_id = $1", [list, marks.next()]);
      }
      happened.hotWrites++;
      break;
    case 6:
      await source.query('DELETE FROM todos WHERE id IN (SELECT id FROM todos WHERE list_id = $1 ORDER BY id LIMIT $2)', [list, below(4)]);
      break;
    case 7:
      await source.query("UPDATE lists SET name = 'mark:' || id || ':' || $2::int || '; list' WHERE id = $1", [list, marks.next()]);
      break;
    default:
      await addTodos(list, 1 + below(5));
  }
}

async function reconnect(way) {
  if (below(2) === 0) {
    await device.disconnect();
  }
  Object.assign(options, way);
  await connect(device, uploadData);
  happened.connections++;
}

async function addTodos(list, count) {
  await source.query(
    `INSERT INTO todos (id, list_id, title, done, created_by)
     SELECT gen_random_uuid(), $1::uuid, 'mark:' || $1::uuid || ':' || $3::int || '; ' || n, n % 2 = 0, 'bob' FROM generate_series(1, $2::int) n`,
    [list, count, marks.next()]
  );
}

async function writeOnDevice() {
  const lists = await device.getAll('SELECT id FROM lists ORDER BY id');
  if (lists.length === 0) {
    return;
  }
  const list = lists[below(lists.length)].id;
  const todos = await device.getAll('SELECT id FROM todos WHERE list_id = ? ORDER BY id', [list]);
  happened.localWrites++;
  if (todos.length === 0 || below(3) === 0) {
    await device.execute("INSERT INTO todos (id, list_id, title, done, created_by) VALUES (?, ?, ?, 0, 'ann')", [crypto.randomUUID(), list, `device ${below(1e6)}`]);
  } else if (below(3) === 0) {
    await device.execute('DELETE FROM todos WHERE id = ?', [todos[below(todos.length)].id]);
  } else {
    await device.execute('UPDATE todos SET title = ? WHERE id = ?', [`device ${below(1e6)}`, todos[below(todos.length)].id]);
  }
}

/** Applies local writes as a backend does: what the user has no right to any more, or what is gone, is left out. */
async function uploadData(database) {
  for (let transaction; (transaction = await database.getNextCrudTransaction()) !== null; ) {
    for (const { op, id, opData } of transaction.crud) {
      if (op === 'DELETE') {
        await source.query('DELETE FROM todos WHERE id = $1', [id]);
      } else if (op === 'PUT') {
        await source.query(
          `INSERT INTO todos (id, list_id, title, done, created_by)
           VALUES ($1, $2::uuid, 'mark:' || $2::uuid || ':' || $6::int || '; ' || $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
          [id, opData.list_id, opData.title, opData.done === 1, opData.created_by, marks.next()]
        );
      } else {
        await source.query("UPDATE todos SET title = 'mark:' || list_id || ':' || $3::int || '; ' || $2 WHERE id = $1", [id, opData.title, marks.next()]);
      }
    }
    await transaction.complete();
  }
}

/** The first row in which the device differs from the source; undefined when there is none. */
async function findDifference() {
  const expected = await source.query(
    `WITH mine AS (SELECT list_id FROM members WHERE user_id = 'ann')
     SELECT 'lists/' || id || '/' || name AS row FROM lists WHERE id IN (SELECT list_id FROM mine)
     UNION ALL SELECT 'members/' || id || '/' || user_id FROM members WHERE list_id IN (SELECT list_id FROM mine)
     UNION ALL SELECT 'todos/' || id || '/' || title || '/' || done::int FROM todos WHERE list_id IN (SELECT list_id FROM mine)`
  );
  const shown = await device.getAll(
    `SELECT 'lists/' || id || '/' || name AS row FROM lists
     UNION ALL SELECT 'members/' || id || '/' || user_id FROM members
     UNION ALL SELECT 'todos/' || id || '/' || title || '/' || done FROM todos`
  );
  const [wanted, found] = [new Set(expected.rows.map(({ row }) => row)), new Set(shown.map(({ row }) => row))];
  const [missing, surplus] = [[...wanted].find((row) => !found.has(row)), [...found].find((row) => !wanted.has(row))];
  return missing || surplus ? `missing is ${missing}, too much is ${surplus}` : undefined;
}

function below(bound) {
  return Math.floor(random() * bound);
}

function mulberry32(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
