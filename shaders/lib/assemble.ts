/** WGSL has no imports: a line `// @include lib/limbs.wgsl` stands for that file, once per kernel. */

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
