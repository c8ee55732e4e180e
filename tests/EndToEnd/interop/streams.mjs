// Drives the published @powersync/node SDK, unmodified, through streams: default ones, subscriptions with parameters, priorities and time to live,
// failures of single subscriptions, and connections that come and go. Prints a line for each step and exits 0 when all of them hold.
//
//   node streams.mjs '{"endpoint": …, "token": …, "source": …, "shared": LIST, "own": LIST, "foreign": LIST}'
import { connect, deadline, expect, main, number, openDevice, options, source, step, until, warnings } from './harness.mjs';

const day = 24 * 3600;
let device = openDevice();

await main(run);

async function run() {
  await step('a default stream comes without being asked for', async () => {
    await connect(device, uploadData);
    await device.waitForFirstSync(deadline());
    expect((await lists()) === 2, "the user's lists are there");
    expect((await todos()) === 0, 'no todos are, as nobody subscribed to them');
    const { isDefault, active, hasExplicitSubscription, hasSynced, expiresAt } = status('lists', null);
    expect(isDefault && active && hasSynced, 'the default stream is active and synced');
    expect(!hasExplicitSubscription && expiresAt === null, 'nobody subscribed to it, so it does not expire');
  });

  let shared;
  await step('a subscription brings the rows of its parameters', async () => {
    expect(status('todos', { list: options.shared }) === undefined, 'the stream has no status before');
    shared = await device.syncStream('todos', { list: options.shared }).subscribe({ ttl: day });
    await shared.waitForFirstSync(deadline());
    expect((await todos(options.shared)) === 2 && (await todos()) === 2, 'its todos are there, and no others');
    const { isDefault, active, hasExplicitSubscription, hasSynced, expiresAt, lastSyncedAt } = status('todos', { list: options.shared });
    expect(active && !isDefault && hasExplicitSubscription && hasSynced, 'it is active, explicit and synced');
    expect(expiresAt !== null && lastSyncedAt !== null, 'it tells when it expires and when it was synced');
    expect(priority('todos', { list: options.shared }) === 2, "it has the stream's own priority");
  });

  let own;
  await step('a second subscription with other parameters and a priority of its own', async () => {
    own = await device.syncStream('todos', { list: options.own }).subscribe({ ttl: 1, priority: 1 });
    await own.waitForFirstSync(deadline());
    expect((await todos(options.own)) === 1 && (await todos(options.shared)) === 2, 'the todos of both are there');
    expect(priority('todos', { list: options.own }) === 1, 'it has the priority that it asked for');
    expect(priority('todos', { list: options.shared }) === 2, 'the other keeps its own');
  });

  await step('a subscription whose rows the user may not see syncs to nothing', async () => {
    const foreign = await device.syncStream('todos', { list: options.foreign }).subscribe({ ttl: day });
    await foreign.waitForFirstSync(deadline());
    expect((await todos(options.foreign)) === 0, 'there are no foreign todos');
    await drop('todos', { list: options.foreign });
  });

  await step('rows of subscribed streams follow the source', async () => {
    await changed(options.shared);
    await changed(options.own);
  });

  await step('an unknown stream and a subscription that fails stop nothing else', async () => {
    await device.syncStream('nothing', { a: 1 }).subscribe({ ttl: day });
    await device.syncStream('titled', { titles: 'not a list' }).subscribe({ ttl: day });
    const titled = await device.syncStream('titled', { titles: ['Change the oil'] }).subscribe({ ttl: day });
    await titled.waitForFirstSync(deadline());
    expect((await todos(options.foreign)) === 1, 'the row of that title is there'); // the titled stream shows every list
    expect((await todos(options.shared)) === 2 && (await todos(options.own)) === 1 && (await lists()) === 2, 'all else is as before');
    expect(status('titled', { titles: ['Change the oil'] }).active, 'the subscription beside the failing one is active');
    expect(status('nothing', { a: 1 }).active === false, 'the unknown stream is not');
    expect(warnings.some((line) => line.includes('titled') && line.includes('not a list')), `the failure is told of: ${warnings}`);
    expect(!warnings.some((line) => line.includes('todos') || line.includes('Change the oil')), `no other is: ${warnings}`);
    await drop('nothing', { a: 1 });
    await drop('titled', { titles: 'not a list' });
  });

  await step('parameters change: one subscription goes, another comes', async () => {
    const both = await device.syncStream('titled', { titles: ['Change the oil', 'Milk'] }).subscribe({ ttl: day });
    await drop('titled', { titles: ['Change the oil'] });
    await both.waitForFirstSync(deadline());
    expect((await todos(options.foreign)) === 1, 'what both name is there');
    await drop('titled', { titles: ['Change the oil', 'Milk'] });
    await until(async () => (await todos(options.foreign)) === 0);
  });

  await step('of two handles on one subscription the last one counts, and then its time to live', async () => {
    const second = await device.syncStream('todos', { list: options.own }).subscribe({ ttl: 1 });
    own.unsubscribe();
    await new Promise((resolve) => setTimeout(resolve, 1100)); // longer than it would live without the handle
    await connect(device, uploadData);
    await changed(options.own);
    second.unsubscribe();
    if (options.connection === 'web-socket') {
      await new Promise((resolve) => setTimeout(resolve, 1100)); // there are no keepalive lines, so its end is noticed by the next connection
      await connect(device, uploadData);
    }
    await until(async () => (await todos(options.own)) === 0); // at the first keepalive after its end
    expect((await todos(options.shared)) === 2, 'the other subscription keeps its rows');
  });

  await step('a subscription without a handle stays until its time has come', async () => {
    shared.unsubscribe();
    await connect(device, uploadData);
    await changed(options.shared);
  });

  await step('a new connection takes subscriptions up where they were', async () => {
    await device.disconnect();
    await source.query("UPDATE todos SET title = 'while away' WHERE title = 'Milk'");
    await connect(device, uploadData);
    await until(async () => (await number(device, "SELECT count(*) FROM todos WHERE title = 'while away'")) === 1);
    expect((await todos(options.shared)) === 2, 'its rows are there, all of them');
  });

  await step('so does an app that starts again, without any handle', async () => {
    await device.close();
    device = openDevice();
    await until(() => status('todos', { list: options.shared })?.hasSynced);
    expect((await todos(options.shared)) === 2, 'the rows are there before any connection');
    await connect(device, uploadData);
    await changed(options.shared);
  });

  await step('default streams can be left out', async () => {
    await connect(device, uploadData, { includeDefaultStreams: false });
    await until(async () => (await lists()) === 0);
    expect((await todos(options.shared)) === 2, 'what was subscribed to stays');
  });

  await step('and be subscribed to like any other', async () => {
    const explicit = await device.syncStream('lists').subscribe({ ttl: day, priority: 0 });
    await explicit.waitForFirstSync(deadline());
    expect((await lists()) === 2, 'the lists are back');
    const { isDefault, hasExplicitSubscription } = status('lists', null);
    expect(isDefault && hasExplicitSubscription, 'it is a default stream and subscribed to as well');
    expect(priority('lists', null) === 0, 'its priority is the one that was asked for');
    await connect(device, uploadData);
    await changed(options.shared);
    expect((await lists()) === 2 && priority('lists', null) === 0, 'asked for by default as well, it is there once, with that priority');
    await device.syncStream('lists').unsubscribeAll();
    await connect(device, uploadData);
    await until(() => !status('lists', null).hasExplicitSubscription && priority('lists', null) === 3);
    expect((await lists()) === 2, 'as a default stream it stays');
  });

  await step('unsubscribing from all of a stream ends it before its time', async () => {
    await device.syncStream('todos', { list: options.shared }).unsubscribeAll();
    await connect(device, uploadData);
    await until(async () => (await todos()) === 0);
    expect((await lists()) === 2, 'the default stream stays');
  });
}

/** Ends a subscription without waiting for its time to live. The SDK tells the service of that when it connects the next time. */
async function drop(name, parameters) {
  await device.syncStream(name, parameters).unsubscribeAll();
  await connect(device, uploadData);
  await until(() => status(name, parameters)?.hasExplicitSubscription !== true);
  await changed(options.shared); // through the new connection
}

/** Waits for a change of a list's todos, which is seen only while that list is subscribed to. */
async function changed(list) {
  const title = crypto.randomUUID();
  await source.query("INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), $1, $2, 'bob')", [list, title]);
  await until(async () => (await number(device, 'SELECT count(*) FROM todos WHERE title = ?', [title])) === 1);
  await source.query('DELETE FROM todos WHERE title = $1', [title]);
  await until(async () => (await number(device, 'SELECT count(*) FROM todos WHERE title = ?', [title])) === 0);
}

function status(name, parameters) {
  return device.currentStatus.forStream({ name, parameters })?.subscription;
}

function priority(name, parameters) {
  return device.currentStatus.forStream({ name, parameters })?.priority;
}

function lists() {
  return number(device, 'SELECT count(*) FROM lists');
}

function todos(list) {
  return list === undefined
    ? number(device, 'SELECT count(*) FROM todos')
    : number(device, 'SELECT count(*) FROM todos WHERE list_id = ?', [list]);
}

async function uploadData() {
  throw new Error('nothing is written here');
}
