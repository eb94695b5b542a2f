/**
 * Lint rules. Beside the usual traps they hold the project's structure: imports go one way (protocol ← shaders ←
 * coordinator, client, cli), each outside library has one home, and the environment is read in one place. Every
 * such rule says why.
 */
import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Above each folder: what it must not import, and why. Paths are matched from the root of the project. */
const LAYERS = {
  protocol: {
    not: ['shaders', 'coordinator', 'client', 'cli', 'scripts', 'tests'],
    why: 'protocol is the agreement that everything else builds on: it imports nothing of the project.',
  },
  shaders: {
    not: ['coordinator', 'client', 'cli', 'scripts', 'tests'],
    why: 'workloads are pure: the coordinator recomputes with them, and workers compute with them.',
  },
  coordinator: {
    not: ['client', 'cli', 'scripts', 'tests'],
    why: 'coordinator and client know each other by protocol/ alone, so that either can be replaced.',
  },
  client: {
    not: ['coordinator', 'cli', 'scripts', 'tests'],
    why: 'coordinator and client know each other by protocol/ alone, so that either can be replaced.',
  },
  cli: { not: ['tests'], why: 'what users run does not depend on the tests.' },
  scripts: { not: ['tests', 'cli'], why: 'builds do not depend on what is built or on the tests.' },
};

/** The home of each outside library: files that may import it. */
const LIBRARIES = {
  'socket.io': { homes: ['gateway'], why: 'sockets are coordinator/gateway.' },
  express: { homes: ['api'], why: 'HTTP is coordinator/api.' },
  helmet: { homes: ['api'], why: 'HTTP is coordinator/api.' },
  'node:sqlite': { homes: ['store'], why: 'database drivers are behind coordinator/store.' },
  pg: { homes: ['store postgres'], why: 'PostgreSQL is coordinator/store/postgres.' },
  'prom-client': {
    homes: ['metrics', 'worker metrics'],
    why: 'metrics are coordinator/metrics and client/node.',
  },
  pino: { homes: ['log'], why: 'each program makes its log in its one log module; others are handed it.' },
  compression: { homes: ['api'], why: 'HTTP is coordinator/api.' },
  preact: { homes: ['browser'], why: 'pages are client/browser.' },
  '@preact/signals': { homes: ['browser'], why: 'pages are client/browser.' },
  'lucide-static': { homes: ['browser'], why: 'icons are client/browser/shell.' },
  '@axe-core/playwright': { homes: [], why: 'browsers are driven by tests alone.' },
  '@noble/hashes': {
    homes: ['browser'],
    why: 'hashes without WebCrypto are client/browser at insecure addresses.',
  },
  comlink: { homes: ['browser'], why: 'comlink is the thread boundary of client/browser.' },
  'socket.io-client': {
    homes: ['client', 'client node', 'browser'],
    why: 'the connection is a module of client/.',
  },
  webgpu: { homes: ['client node'], why: 'Dawn is loaded in client/node alone.' },
  vite: { homes: ['build'], why: 'pages are built by scripts/ with the configuration in client/browser.' },
  'playwright-core': { homes: [], why: 'browsers are driven by tests alone.' },
  assemblyscript: { homes: ['build'], why: 'kernels are built by scripts/.' },
  'fast-check': { homes: [], why: 'it is for tests.' },
};

const escape = (text) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/**
 * The import rule for the files of one folder. ESLint does not merge options of a rule, so each set of files
 * gets all of them.
 * @param {keyof typeof LAYERS} layer
 * @param {string} home which libraries' home these files are
 * @param {{ node: boolean }} platform whether Node's modules may be imported
 */
function imports(layer, home, { node }) {
  const { not, why } = LAYERS[layer];
  const patterns = [
    { regex: `^(\\.\\./)+(${not.join('|')})/`, message: `${layer}/ does not import this: ${why}` },
    ...Object.entries(LIBRARIES)
      .filter(([, { homes }]) => !homes.includes(home))
      .map(([name, library]) => ({ regex: `^${escape(name)}(/|$)`, message: library.why })),
  ];
  if (!node) {
    patterns.push({
      regex: '^node:(?!sqlite)',
      message: 'this code runs in browsers too: what it needs of its host is handed to it.',
    });
  }
  return { 'no-restricted-imports': ['error', { patterns }] };
}

const NO_ENVIRONMENT = {
  selector: 'MemberExpression[object.name="process"][property.name="env"]',
  message: 'Settings are declared once, in cli/options.ts, and handed on as typed values.',
};
const NO_GPU_DEVICE = {
  selector: 'TSTypeReference[typeName.name="GPUDevice"]',
  message: 'A GPUDevice lives in client/engines/gpu*: others use the engine.',
};
const syntax = (...selectors) => ({ 'no-restricted-syntax': ['error', ...selectors] });

export default tseslint.config(
  { ignores: ['node_modules/', 'build/', 'data/', '.cache/', 'shaders/**/assembly/', 'bench/textbook/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        // In this order: the first project that has a file is the one it is read in.
        project: [
          'protocol/tsconfig.json',
          'shaders/tsconfig.json',
          'coordinator/tsconfig.json',
          'client/tsconfig.json',
          'client/node/tsconfig.json',
          'client/browser/tsconfig.json',
          'cli/tsconfig.json',
          'tests/tsconfig.json',
        ],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-console': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // `as` silences the checker; a type guard or a schema convinces it. `as const` is no such assertion.
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `return void x()` and arrow shorthands that give a void result are clear as they stand.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // Method syntax is what makes Workload<P, T, A> usable without knowing P, T and A (shaders/registry.ts).
      '@typescript-eslint/method-signature-style': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      // Text of strangers is refused for its control characters.
      'no-control-regex': 'off',
      // With noUncheckedIndexedAccess and data from outside, a check too many is cheaper than one too few.
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
  { files: ['**/*.{js,mjs}'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', Atomics: 'readonly' },
    },
  },

  { files: ['protocol/**/*.ts'], rules: { ...imports('protocol', 'protocol', { node: false }) } },
  { files: ['shaders/**/*.ts'], rules: { ...imports('shaders', 'shaders', { node: false }) } },
  {
    files: ['coordinator/**/*.ts'],
    rules: { ...imports('coordinator', 'core', { node: true }), ...syntax(NO_ENVIRONMENT, NO_GPU_DEVICE) },
  },
  ...['gateway', 'api', 'store', 'metrics', 'config'].map((home) => ({
    files: [`coordinator/${home}/**/*.ts`, `coordinator/${home}.ts`],
    rules: imports('coordinator', home, { node: true }),
  })),
  {
    files: ['coordinator/store/postgres/**/*.ts'],
    rules: imports('coordinator', 'store postgres', { node: true }),
  },
  { files: ['coordinator/log.ts'], rules: imports('coordinator', 'log', { node: true }) },
  {
    files: ['client/**/*.ts'],
    rules: { ...imports('client', 'client', { node: false }), ...syntax(NO_ENVIRONMENT, NO_GPU_DEVICE) },
  },
  { files: ['client/engines/gpu*.ts'], rules: syntax(NO_ENVIRONMENT) },
  { files: ['client/node/**/*.ts'], rules: imports('client', 'client node', { node: true }) },
  // Vulkan's loader is told by the environment which driver to take, and looks there itself.
  { files: ['client/node/{dawn,software-adapter}.ts'], rules: syntax(NO_GPU_DEVICE) },
  { files: ['client/node/*metrics*.ts'], rules: imports('client', 'worker metrics', { node: true }) },
  { files: ['client/node/log.ts'], rules: imports('client', 'log', { node: true }) },
  { files: ['client/browser/**/*.{ts,tsx}'], rules: imports('client', 'browser', { node: false }) },
  { files: ['client/browser/vite.config.ts'], rules: imports('client', 'build', { node: true }) },
  {
    files: ['cli/**/*.ts'],
    rules: { ...imports('cli', 'cli', { node: true }), ...syntax(NO_ENVIRONMENT, NO_GPU_DEVICE) },
  },
  { files: ['cli/log.ts'], rules: imports('cli', 'log', { node: true }) },
  { files: ['cli/options.ts'], rules: syntax(NO_GPU_DEVICE) },
  { files: ['scripts/**/*.ts'], rules: imports('scripts', 'build', { node: true }) },

  {
    // Tests may import anything, and may say what they know of a value.
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    rules: {
      'no-restricted-imports': 'off',
      'no-restricted-syntax': 'off',
      '@typescript-eslint/consistent-type-assertions': 'off',
      // node:test runs what test() and suite() return.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              package: 'node:test',
              name: ['test', 'it', 'suite', 'describe', 'before', 'after'],
            },
          ],
        },
      ],
    },
  },
);
