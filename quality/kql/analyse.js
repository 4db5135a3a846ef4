// Reads KQL with Microsoft's language service: a job as JSON on stdin, its verdicts as JSON on stdout.
// node analyse.js <folder with the service's scripts>
const { readFileSync } = require("fs");
const { join } = require("path");
const { runInThisContext } = require("vm");

// Outside a browser the scripts wait for a document that is loaded.
globalThis.document = { readyState: "complete" };
for (const name of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  runInThisContext(readFileSync(join(process.argv[2], name), "utf8"), { filename: name });
}
const language = Kusto.Language;
const symbols = language.Symbols;
const list = (items) => Array.from({ length: items ? items.Count : 0 }, (_, index) => items.getItem(index));
const globals = (members) =>
  language.GlobalState.Default.WithDatabase(new symbols.DatabaseSymbol.ctor("telemetry", members));
const columns = (code) => list(code.ResultType && code.ResultType.Columns);

// The generated constructors have numbers: (name, schema, description), (name, parameters, body, description) and
// (name, schema, query, description).
function known({ tables, functions, views }) {
  const members = [
    ...Object.entries(tables).map(([name, schema]) => new symbols.TableSymbol.$ctor7(name, `(${schema})`, null)),
    ...functions.map((f) => new symbols.FunctionSymbol.$ctor16(f.name, f.parameters, f.body, null)),
  ];
  const before = globals(members);
  for (const view of views) {
    const found = columns(language.KustoCode.ParseAndAnalyze(view.body, before));
    const schema = found.map((column) => `['${column.Name}']: ${column.Type.Name}`).join(", ");
    members.push(new symbols.MaterializedViewSymbol.$ctor3(view.name, `(${schema})`, view.body, null));
  }
  return globals(members);
}

function verdict(text, within) {
  const code = language.KustoCode.ParseAndAnalyze(text, within);
  return {
    errors: list(code.GetDiagnostics())
      .filter((found) => found.Severity === "Error")
      .map((found) => ({ code: found.Code, says: found.Message, start: found.Start })),
    columns: columns(code).map((column) => `${column.Name}: ${column.Type.Name}`),
  };
}

const job = JSON.parse(readFileSync(0, "utf8"));
const within = known(job);
process.stdout.write(JSON.stringify(job.texts.map((text) => verdict(text, within))));
