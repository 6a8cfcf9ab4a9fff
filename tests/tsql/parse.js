/*
 * parse - T-SQL by the ANTLR grammar that others keep.
 *
 * stdin: a JSON array of texts. stdout: for each of them {errors: ["line:column
 * message"], columns: names of the last result, or null}. A column without a
 * name is null.
 */
'use strict';

const { CharStreams, CommonTokenStream } = require('antlr4ts');
const { TSqlLexer } = require('antlr4ts-sql/dist/src/grammar-output/tsql/TSqlLexer');
const grammar = require('antlr4ts-sql/dist/src/grammar-output/tsql/TSqlParser');

/* The grammar's words are in capitals; names keep their letters. */
function inCapitals(stream) {
	const code = stream.LA.bind(stream);

	stream.LA = (offset) => {
		const c = code(offset);
		return c < 0 ? c : String.fromCodePoint(c).toUpperCase().codePointAt(0);
	};
	return stream;
}

function collect(errors) {
	return {
		syntaxError: (recognizer, token, line, column, message) =>
			errors.push(`${line}:${column} ${message.slice(0, 200)}`),
	};
}

function* descend(node, type) {
	for (const child of node.children ?? []) {
		if (child instanceof type)
			yield child;
		yield* descend(child, type);
	}
}

function bare(id) {
	return id ? id.text.replace(/^[["](.*)[\]"]$/, '$1') : null;
}

function columnName(element) {
	const column = element.column_elem(), expression = element.expression_elem();
	const alias = (column ?? expression)?.as_column_alias();

	if (alias)
		return bare(alias.column_alias());
	return column ? bare(column.full_column_name()?._column_name) : null;
}

/* Of the last statement that gives rows: one that assigns to variables gives none. */
function resultColumns(tree) {
	let columns = null;

	for (const select of descend(tree, grammar.Select_statement_standaloneContext)) {
		const list = descend(select, grammar.Select_listContext).next().value.select_list_elem();

		if (!list.some((element) => element.LOCAL_ID()))
			columns = list.map(columnName);
	}
	return columns;
}

function parse(text) {
	const errors = [];
	const lexer = new TSqlLexer(inCapitals(CharStreams.fromString(text)));
	const parser = new grammar.TSqlParser(new CommonTokenStream(lexer));

	for (const recognizer of [lexer, parser]) {
		recognizer.removeErrorListeners();
		recognizer.addErrorListener(collect(errors));
	}
	const tree = parser.tsql_file();
	return { errors, columns: errors.length ? null : resultColumns(tree) };
}

let input = '';
process.stdin.on('data', (chunk) => (input += chunk));
process.stdin.on('end', () => process.stdout.write(JSON.stringify(JSON.parse(input).map(parse))));
