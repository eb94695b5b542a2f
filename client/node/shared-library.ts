/**
 * Loads a shared library for good, by path or by name, so that libraries loaded later find it by its soname.
 *
 * Why: Dawn opens "libvulkan.so.1" by name, and LD_LIBRARY_PATH is read only when a process starts, so it
 * would take a re-exec. `process.dlopen` reaches dlopen(3) with our flags; Node then refuses the library,
 * because it is no add-on, and closes it, but RTLD_NODELETE keeps it loaded. Tried with Node 24.21 on glibc:
 * Dawn then ran on a libvulkan.so.1 and a lavapipe that lie only in the project's .cache.
 */
import { constants } from 'node:os';

/** From glibc's and musl's dlfcn.h; Node's constants leave it out. */
const RTLD_NODELETE = 0x1000;

/** Returns why the library can't be loaded, undefined if it is loaded. */
export function loadSharedLibrary(file: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, file, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return /did not self-register/.test(message) ? undefined : message;
  }
}

/** Loads `files`, which may need one another in any order. Returns those that could not be loaded, with why. */
export function loadSharedLibraries(files: readonly string[]): ReadonlyMap<string, string> {
  let left = files;
  for (;;) {
    const failed = new Map<string, string>();
    for (const file of left) {
      const problem = loadSharedLibrary(file);
      if (problem !== undefined) failed.set(file, problem);
    }
    if (failed.size === 0 || failed.size === left.length) return failed;
    left = [...failed.keys()];
  }
}
