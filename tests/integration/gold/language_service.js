// Analyses KQL with Microsoft's language service against tables and functions given as text.
function analyse(tables, functions, text) {
  const language = Kusto.Language;
  const symbols = language.Symbols;
  // The generated constructors have numbers: (name, schema, description) and (name, parameters, body, description).
  const members = [
    ...Object.entries(tables).map(([name, schema]) => new symbols.TableSymbol.$ctor7(name, `(${schema})`, null)),
    ...functions.map((f) => new symbols.FunctionSymbol.$ctor16(f.name, f.parameters, f.body, null)),
  ];
  const database = new symbols.DatabaseSymbol.ctor("telemetry", members);
  const code = language.KustoCode.ParseAndAnalyze(text, language.GlobalState.Default.WithDatabase(database));
  const list = (items) => Array.from({ length: items ? items.Count : 0 }, (_, index) => items.getItem(index));
  return JSON.stringify({
    errors: list(code.GetDiagnostics())
      .filter((found) => found.Severity === "Error")
      .map((found) => `${found.Code} ${found.Message} (at \`${text.slice(found.Start, found.Start + 40)}\`)`),
    columns: list(code.ResultType && code.ResultType.Columns).map((column) => `${column.Name}: ${column.Type.Name}`),
  });
}
