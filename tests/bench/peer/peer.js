/*
 * The peer: graphile-worker on PostgreSQL.
 *
 *	node peer.js claim JOBS WORKERS	JOBS jobs that do nothing; prints "NAME NUMBER" lines
 *	node peer.js serve WORKERS	waits for jobs of the task 'start' and starts /bin/true for each;
 *					says "ready"
 *
 * The database is where PGHOST and PGUSER say. Jobs are fetched a hundred at a time, which is its
 * own way to claim many at once (localQueue).
 */
"use strict";

const { spawn } = require("node:child_process");
const { Logger, makeWorkerUtils, run } = require("graphile-worker");
const { Pool } = require("pg");

const BATCH = 100;
const quiet = new Logger(() => () => {});
const seconds = () => Number(process.hrtime.bigint()) / 1e9;

function preset(workers, localQueue) {
	return {
		worker: {
			concurrentJobs: workers,
			maxPoolSize: workers + 2,
			...(localQueue ? { localQueue: { size: BATCH } } : {}),
		},
	};
}

/* Closing the server is no error of ours. */
function makePool(workers) {
	const pool = new Pool({ max: workers + 2 });

	pool.on("error", () => {});
	pool.on("connect", (client) => client.on("error", () => {}));
	return pool;
}

/* What the queries that claim have taken, from outside: their text is the library's. */
function watchClaims(pool, total) {
	pool.on("connect", (client) => {
		const query = client.query;
		client.query = function (config, ...rest) {
			const result = query.call(this, config, ...rest);
			if (!String(config.name || "").startsWith("get_job")) return result;
			const begin = seconds();
			return result.finally(() => (total.seconds += seconds() - begin));
		};
	});
}

async function claim(jobs, workers) {
	const pgPool = makePool(workers);
	const total = { seconds: 0 };
	let left = jobs;
	let done;
	const all = new Promise((resolve) => (done = resolve));

	watchClaims(pgPool, total);
	const utils = await makeWorkerUtils({ pgPool, logger: quiet });
	await utils.migrate();
	await utils.release();
	await pgPool.query("select graphile_worker.add_job('null') from generate_series(1, $1::int)", [jobs]);
	await pgPool.query("vacuum analyze");
	const begin = seconds();
	const runner = await run({
		preset: preset(workers, true),
		pgPool,
		logger: quiet,
		noHandleSignals: true,
		taskList: { null: () => { if (--left === 0) done(); } },
	});
	await all;
	await runner.stop(); /* the last ones are completed */
	console.log(`runs ${jobs}\nclaim_seconds ${total.seconds.toFixed(6)}`);
	console.log(`seconds ${(seconds() - begin).toFixed(6)}`);
	await pgPool.end();
}

async function serve(workers) {
	const runner = await run({
		preset: preset(workers, false),
		pgPool: makePool(workers),
		logger: quiet,
		taskList: {
			start: () => new Promise((resolve, reject) =>
				spawn("/bin/true", { stdio: "ignore" }).on("exit", resolve).on("error", reject)),
		},
	});
	console.log("ready");
	await runner.promise;
}

const [what, ...args] = process.argv.slice(2);
const work = what === "claim" ? claim(+args[0], +args[1]) : serve(+args[0]);
work.catch((error) => { console.error(error); process.exit(1); });
