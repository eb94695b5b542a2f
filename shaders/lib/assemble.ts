/**
 * What WGSL lacks, as comments: a line `// @include lib/limbs.wgsl` stands for that file, once per kernel; lines between
 * `// @if NAME` (`// @if !NAME`) and `// @end` are there only where the pipeline constant NAME is not 0 (is 0). Constants alone don't do that:
 * what they leave unused, such as workgroup memory, some drivers still set up and pay for.
 */
import type { PipelineConstants } from '../../protocol/workload.ts';

const INCLUDE = /^\s*\/\/ @include (\S+)\s*$/;

/**
 * The full text of a kernel: every include resolved, recursively, each file once (so cycles end).
 * @param source path below shaders/
 * @param read gives the text of a path below shaders/
 */
export function assembleWgsl(source: string, read: (path: string) => string): string {
  const seen = new Set<string>();
  const expand = (path: string): string => {
    seen.add(path);
    const lines: string[] = [];
    for (const line of read(path).split('\n')) {
      const included = INCLUDE.exec(line)?.[1];
      if (included === undefined) lines.push(line);
      else if (!seen.has(included)) lines.push(expand(included));
    }
    return lines.join('\n');
  };
  return expand(source);
}

const CONDITION = /^\s*\/\/ @if (!?)([A-Z_]+)\s*$/;
const END = /^\s*\/\/ @end\s*$/;

/** One variant of an assembled text, and the constants that are left for its `override`s. */
export interface Variant {
  readonly wgsl: string;
  readonly constants: PipelineConstants;
}

/**
 * The text for these constants. Lines are dropped, not removed, so that a driver's messages name the right ones.
 * @throws RangeError if the conditions don't pair, or one lies within another
 */
export function variantOf(text: string, constants: PipelineConstants): Variant {
  const left = { ...constants };
  let inside: { readonly kept: boolean } | undefined;
  const lines = text.split('\n').map((line) => {
    const [, not, name] = CONDITION.exec(line) ?? [];
    if (name !== undefined) {
      if (inside !== undefined) throw new RangeError(`@if ${name} within another`);
      inside = { kept: ((constants[name] ?? 0) !== 0) === (not === '') };
      delete left[name];
      return line;
    }
    if (END.test(line)) {
      if (inside === undefined) throw new RangeError('@end without @if');
      inside = undefined;
      return line;
    }
    return inside?.kept === false ? '' : line;
  });
  if (inside !== undefined) throw new RangeError('@if without @end');
  return { wgsl: lines.join('\n'), constants: left };
}
