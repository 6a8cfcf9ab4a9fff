// Runs the steps of a JSON document on standard input with tedious, and prints what came as JSON:
//
//	{"config": {…}, "steps": [
//		{"query": "SELECT 1"}                         batch
//		{"execute": "SELECT @a", "parameters": [[name, type, value, output?], …]}   sp_executesql
//		{"prepare": "SELECT @a", "parameters": […], "runs": [{"a": 1}, …]}
//		{"procedure": "sp_x", "parameters": […]}
//		{"bulk": "t", "columns": [[name, type, options], …], "rows": [[…], …]}
//		{"transaction": [steps…], "isolation": "SNAPSHOT", "end": "commit"|"rollback"}
//		{"cancel_after": rows, "query": …}
//	]}
//
// A step gives {columns, rows, outputs, counts, infos, error}; values that JSON lacks are texts.
'use strict';

const { Connection, Request, TYPES, ISOLATION_LEVEL } = require('tedious');

function plain(value) {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (value instanceof Date) {
    const time = value.toISOString();
    return value.nanosecondsDelta ? `${time}+${value.nanosecondsDelta}` : time;
  }
  return typeof value === 'bigint' ? value.toString() : value;
}

function connect(config) {
  return new Promise((resolve, reject) => {
    const connection = new Connection(config);
    connection.on('connect', (error) => (error ? reject(error) : resolve(connection)));
    connection.on('error', () => {});
    connection.connect();
  });
}

function tell(error) {
  return error ? { number: error.number ?? null, code: error.code ?? null, message: error.message } : null;
}

class Watch {
  constructor() {
    this.result = { columns: [], rows: [], outputs: {}, counts: [], statuses: [], infos: [], error: null };
  }

  // The request's events go into the result.
  follow(request, step) {
    const r = this.result;
    request.on('columnMetadata', (columns) => r.columns.push(columns.map((c) => [c.colName, c.type.name])));
    request.on('row', (row) => {
      r.rows.push(row.map((c) => plain(c.value)));
      if (step.cancel_after === r.rows.length) this.cancel();
    });
    request.on('returnValue', (name, value) => { r.outputs[name] = plain(value); });
    for (const event of ['done', 'doneInProc']) request.on(event, (count) => r.counts.push(count ?? null));
    request.on('doneProc', (count, more, status) => r.statuses.push(status ?? null));
    return request;
  }
}

function parameters(request, list) {
  for (const [name, type, value, output] of list ?? []) {
    const [kind, options] = Array.isArray(type) ? type : [type, undefined];
    const add = output ? 'addOutputParameter' : 'addParameter';
    const given = /Binary$|^Image$|^UDT$/.test(kind) && typeof value === 'string' ? Buffer.from(value, 'hex')
      : /^(Date|Time)/.test(kind) && typeof value === 'string' ? new Date(value) : value;
    request[add](name, TYPES[kind], given, options);
  }
}

// One request, by any of the connection's ways of running it.
function run(connection, step, sql, start) {
  return new Promise((resolve) => {
    const watch = new Watch();
    const request = watch.follow(new Request(sql, (error) => {
      connection.removeListener('infoMessage', info);
      watch.result.error = tell(error);
      resolve(watch.result);
    }), step);
    const info = (m) => watch.result.infos.push([m.number, m.message]);
    watch.cancel = () => connection.cancel();
    connection.on('infoMessage', info);
    start(request);
  });
}

async function prepared(connection, step) {
  const results = [];
  const watch = { current: null };
  const request = new Request(step.prepare, (error) => watch.current?.(error));
  parameters(request, step.parameters);
  await new Promise((resolve) => {
    watch.current = resolve;
    request.on('prepared', () => resolve());
    connection.prepare(request);
  });
  for (const values of step.runs) {
    const result = { rows: [], error: null };
    const row = (columns) => result.rows.push(columns.map((c) => plain(c.value)));
    request.on('row', row);
    result.error = tell(await new Promise((resolve) => {
      watch.current = resolve;
      connection.execute(request, values);
    }));
    request.removeListener('row', row);
    results.push(result);
  }
  await new Promise((resolve) => {
    watch.current = resolve;
    connection.unprepare(request);
  });
  return results;
}

function bulk(connection, step) {
  return new Promise((resolve) => {
    const load = connection.newBulkLoad(step.bulk, step.options ?? {}, (error, count) =>
      resolve({ count: count ?? null, error: tell(error) }));
    for (const [name, type, options] of step.columns) load.addColumn(name, TYPES[type], options);
    // as in parameters, bytes are hex
    const given = (value, i) => (/Binary$|^Image$/.test(step.columns[i][1]) && value !== null
      ? Buffer.from(value, 'hex') : value);
    connection.execBulkLoad(load, step.rows.map((row) => row.map(given)));
  });
}

const call = (connection, name, ...args) =>
  new Promise((resolve) => connection[name]((error) => resolve(tell(error)), ...args));

async function transaction(connection, step) {
  const begun = await call(connection, 'beginTransaction', '', ISOLATION_LEVEL[step.isolation ?? 'READ_COMMITTED']);
  const results = begun ? [] : await all(connection, step.transaction);
  const ended = begun ? null
    : await call(connection, step.end === 'rollback' ? 'rollbackTransaction' : 'commitTransaction');
  return { begin: begun, results, end: ended };
}

async function all(connection, steps) {
  const results = [];
  for (const step of steps) {
    if (step.query !== undefined) {
      results.push(await run(connection, step, step.query, (r) => connection.execSqlBatch(r)));
    } else if (step.execute !== undefined) {
      results.push(await run(connection, step, step.execute, (r) => {
        parameters(r, step.parameters);
        connection.execSql(r);
      }));
    } else if (step.procedure !== undefined) {
      results.push(await run(connection, step, step.procedure, (r) => {
        parameters(r, step.parameters);
        connection.callProcedure(r);
      }));
    } else if (step.reset) {
      results.push({ error: await call(connection, 'reset') });
    } else if (step.prepare !== undefined) {
      results.push(await prepared(connection, step));
    } else if (step.bulk !== undefined) {
      results.push(await bulk(connection, step));
    } else {
      results.push(await transaction(connection, step));
    }
  }
  return results;
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { config, steps } = JSON.parse(Buffer.concat(chunks).toString());
  let connection;
  try {
    connection = await connect(config);
  } catch (error) {
    console.log(JSON.stringify({ connect: tell(error) }));
    return;
  }
  const results = await all(connection, steps);
  connection.close();
  console.log(JSON.stringify({ connect: null, results }));
}

main();
