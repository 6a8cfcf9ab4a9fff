/* check.mjs NODE_MODULES < objects.json: says what in the objects is against the schemas of Kubernetes;
 * exit status 1. Values by the validators of both versions; members that do not exist by TypeScript's
 * compiler, as the schemas themselves allow them. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const modules = process.argv[2];
const require = createRequire(path.join(modules, "x.js"));
const ts = require("typescript");
const objects = JSON.parse(fs.readFileSync(0, "utf8"));
const wrong = [];

/* v1 lies at the top, others below their group */
const place = (object) => object.apiVersion.replace(/^(apps|policy|batch)\//, "$1/");

async function values(pack, object, name) {
	let file = path.join(modules, pack, place(object), `${object.kind}.mjs`);
	if (!fs.existsSync(file))
		file = file.replace(/\.mjs$/, ".js");
	if (!fs.existsSync(file)) {
		wrong.push(`${name}: ${pack} knows no ${object.apiVersion} ${object.kind}`);
		return;
	}
	const { [object.kind]: Model } = await import(pathToFileURL(file));
	try {
		new Model(object).validate();
	} catch (e) {
		wrong.push(`${name}: ${pack}: ${e.message}`);
	}
}

function members(pack) {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), "etl-schema."));
	const file = path.join(directory, "objects.ts");
	fs.symlinkSync(modules, path.join(directory, "node_modules"));
	fs.writeFileSync(file, objects.map((object, i) =>
		`import { I${object.kind} as T${i} } from "${pack}/${place(object)}/${object.kind}";\n` +
		`export const o${i}: T${i} = ${JSON.stringify(object, null, 1)};\n`).join(""));
	const program = ts.createProgram([file], {
		noEmit: true, strict: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
		module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
	});
	for (const d of ts.getPreEmitDiagnostics(program))
		wrong.push(`${pack}: ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`);
	fs.rmSync(directory, { recursive: true });
}

for (const pack of ["kubernetes-models", "kubernetes-models-older"]) {
	for (const object of objects)
		await values(pack, object, `${object.kind} ${object.metadata.name}`);
	members(pack);
}
if (wrong.length > 0) {
	console.log(wrong.join("\n"));
	process.exitCode = 1;
}
