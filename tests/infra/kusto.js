// Microsoft's own Kusto compiler over the queries on standard input: {"tables": {name: columns}, "queries": {name: text}}
// becomes {name: {"problems": [text], "columns": [name]}}. The first argument is the folder that the compiler is in.
const compiler = process.argv[2];
require(`${compiler}/bridge.min.js`);
require(`${compiler}/Kusto.Language.Bridge.min.js`);

const { GlobalState, KustoCode, Symbols } = Kusto.Language;
const { tables, queries } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const list = (found) => Array.from({ length: found.Count }, (_, index) => found.getItem(index));

const known = Object.entries(tables).map(([name, columns]) => Symbols.TableSymbol.From(columns).WithName(name));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("database", known));

const judged = Object.entries(queries).map(([name, text]) => {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const problems = list(code.GetDiagnostics()).map((one) => one.Message);
  const columns = code.ResultType && code.ResultType.Columns ? list(code.ResultType.Columns).map((one) => one.Name) : [];
  return [name, { problems, columns }];
});
console.log(JSON.stringify(Object.fromEntries(judged)));
