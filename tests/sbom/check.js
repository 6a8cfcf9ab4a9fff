/* check.js NODE_MODULES < bom.json: says what in it is against the schema; exit status 1. */
"use strict";

const fs = require("fs");
const [modules] = process.argv.slice(2);
const load = (name) => require(require.resolve(name, { paths: [modules] }));
const { Spec, Validation } = load("@cyclonedx/cyclonedx-library");
const parse = load("spdx-expression-parse");
const { PackageURL } = load("packageurl-js");

const text = fs.readFileSync(0, "utf8");

new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(text).then((wrong) => {
	if (wrong !== null) {
		console.log(JSON.stringify(wrong, null, 1));
		process.exitCode = 1;
		return;
	}
	for (const { licenses, purl } of JSON.parse(text).components) {
		parse(licenses[0].expression ?? licenses[0].license.id);
		/* this library writes a plus sign, which purl-spec encodes */
		if (PackageURL.fromString(purl).toString() !== purl.replaceAll("%2B", "+"))
			throw new Error(`${purl} is not as purl-spec writes it`);
	}
});
