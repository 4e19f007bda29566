// The arrows of ARCHITECTURE.md as rules. One table says what each layer may import; the rules are made from it.

/** Each top-level folder of src, and the others that it may import. Its own files it may always import. */
const layers = {
  base: [],
  model: ['base'],
  wire: ['base'],
  scheduler: ['base', 'model'],
  ports: ['base', 'model'],
  config: ['base', 'model', 'scheduler'],
  vrrp: ['base', 'model', 'wire', 'ports'],
  bfd: ['base', 'model', 'wire', 'ports'],
  check: ['base', 'model', 'wire', 'ports'],
  director: ['base', 'model', 'scheduler', 'ports'],
  os: ['base', 'model', 'wire', 'ports'],
  dataplane: ['base', 'model', 'wire', 'scheduler', 'ports', 'os'],
  api: ['base', 'model', 'ports'],
  daemon: ['base', 'model', 'wire', 'scheduler', 'ports', 'config', 'vrrp', 'bfd', 'check', 'director', 'os', 'dataplane', 'api'],
  cli: ['base', 'model', 'ports', 'config', 'api'],
  entry: ['daemon', 'cli'],
};

/** No Node, no npm package, no clock, no chance. (The globals among these are biome's to refuse.) */
const pure = ['base', 'wire', 'model', 'config', 'vrrp', 'bfd', 'heartbeat', 'check', 'director', 'scheduler', 'ports', 'dataplane/memory'];

const tests = '[.]test[.]ts$';

const arrows = Object.entries(layers).map(([layer, allowed]) => ({
  name: `arrow-${layer}`,
  comment: `${layer} may import ${allowed.length === 0 ? 'no other layer' : allowed.join(', ')}.`,
  severity: 'error',
  // The real-server tool acts on its own host and not through a daemon: the one part of cli that may reach os.
  from: { path: `^src/${layer}/`, pathNot: layer === 'cli' ? [tests, '^src/cli/realserver/'] : [tests] },
  to: { path: '^src/', pathNot: [`^src/(${[layer, ...allowed].join('|')})/`] },
}));

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'arrow-cli-realserver',
      comment: 'cli/realserver may import what cli may, and os.',
      severity: 'error',
      from: { path: '^src/cli/realserver/', pathNot: [tests] },
      to: { path: '^src/', pathNot: [`^src/(cli|os|${layers.cli.join('|')})/`] },
    },
    {
      name: 'known-layer',
      comment: 'Every folder of src has a line in the table of layers.',
      severity: 'error',
      from: { path: '^src/', pathNot: [`^src/(${Object.keys(layers).join('|')})/`] },
      to: {},
    },
    {
      name: 'enter-by-index',
      comment: 'Another layer is entered through its index.ts only.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      // os and dataplane are several machines each: their parts are entered one by one, through the part's own index.ts.
      to: { path: '^src/', pathNot: ['^src/$1/', '^src/[^/]+/index[.]ts$', '^src/(os|dataplane)/[^/]+/index[.]ts$'] },
    },
    {
      name: 'enter-part-by-index',
      comment: 'Inside os and dataplane one part enters another through its index.ts (libbpf apart, which only its users may load).',
      severity: 'error',
      from: { path: '^src/(os|dataplane)/([^/]+)/' },
      to: { path: '^src/$1/[^/]+/', pathNot: ['^src/$1/$2/', '^src/$1/[^/]+/index[.]ts$', '^src/os/ffi/libbpf[.]ts$'] },
    },
    {
      name: 'pure-no-node',
      comment: 'A pure folder imports no Node module and no npm package.',
      severity: 'error',
      from: { path: `^src/(${pure.join('|')})/`, pathNot: [tests] },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
      },
    },
    {
      name: 'memory-adapter-is-pure',
      comment: 'The memory data plane never reaches the kernel.',
      severity: 'error',
      from: { path: '^src/dataplane/memory/', pathNot: [tests] },
      to: { path: ['^src/os/', '^src/dataplane/(?!memory/)'] },
    },
    {
      name: 'koffi-only-in-ffi',
      comment: 'Foreign functions are called in src/os/ffi and nowhere else.',
      severity: 'error',
      from: { pathNot: ['^src/os/ffi/'] },
      to: { path: ['^koffi', 'node_modules/koffi/'] },
    },
    {
      name: 'no-cycle',
      comment: 'Two modules that import each other cannot be understood one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'product-stands-alone',
      comment: 'Nothing that is shipped imports the lab, the simulator, the benchmarks or the tests.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(lab|sim|bench|test|tools)/' },
    },
    {
      name: 'no-test-imported',
      comment: 'A test is run, never imported.',
      severity: 'error',
      from: {},
      to: { path: tests },
    },
    {
      name: 'resolvable',
      comment: 'An import that resolves to nothing.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependency-shipped',
      comment: 'What is shipped runs without development dependencies.',
      severity: 'error',
      from: { path: '^src/', pathNot: [tests] },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
