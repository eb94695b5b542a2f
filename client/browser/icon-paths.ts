/** Of an icon's file, a page needs what is inside of it alone: the licence and the frame, alike in all, stay here. */

/** A plugin of Vite. */
export function iconPaths() {
  return {
    name: 'icon-paths',
    enforce: 'pre' as const,
    load: {
      filter: { id: /lucide-static\/icons\/[\w-]+\.svg\?raw$/ },
      async handler(
        this: { fs: { readFile(path: string, options: { encoding: 'utf8' }): Promise<string> } },
        id: string,
      ) {
        const svg = await this.fs.readFile(id.replace(/\?raw$/, ''), { encoding: 'utf8' });
        return `export default ${JSON.stringify(insideOf(svg, id))}`;
      },
    },
  };
}

function insideOf(svg: string, id: string): string {
  const inside = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg)?.[1];
  if (inside === undefined) throw new Error(`${id} is no icon`);
  return inside.replaceAll(/\s*\n\s*/g, '');
}
