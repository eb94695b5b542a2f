/**
 * Imported before anything that uses zod. It tries once whether it may make functions from text; under the
 * coordinator's policy it may not, and the browser would report the attempt as a violation.
 */
Object.assign(globalThis, { __zod_globalConfig: { jitless: true } });
