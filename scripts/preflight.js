// Before a program in TypeScript is run: plain JavaScript, because an old Node could not even say what it lacks.
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `✗ PolyB needs Node 24 or newer, and this is ${process.versions.node} (nothing was done)\n` +
      '  npm ci brings Node 24 along as the optional package "node", and npm run puts it first on PATH.\n' +
      '  It is not there: npm ci was not run, or ran with --omit=optional or --ignore-scripts, or could not download it.\n' +
      '  npm ci            or install Node 24 from https://nodejs.org\n',
  );
  process.exitCode = 2;
}
