/** What the head of every page has beside its own: icons for an installed page, its colours, its preview. */

interface HeadTag {
  readonly tag: 'meta' | 'link';
  readonly attrs: Record<string, string>;
  readonly injectTo: 'head';
}

/** `--bg` of shell/tokens.css; shell/theme.ts puts the chosen theme's in their place. */
const THEME_COLOURS = [
  { media: '(prefers-color-scheme: light)', content: '#f3f4f1' },
  { media: '(prefers-color-scheme: dark)', content: '#0e141c' },
];
const PREVIEW = {
  path: '/preview.png',
  width: '1200',
  height: '630',
  alt: 'A program of 203 threads as a tree, and the same threads on 16 processors',
};

const meta = (attrs: Record<string, string>): HeadTag => ({
  tag: 'meta',
  attrs,
  injectTo: 'head',
});
const property = (name: string, content: string) => meta({ property: `og:${name}`, content });

/** A plugin of Vite. */
export function pageHead() {
  return {
    name: 'page-head',
    transformIndexHtml(html: string, { filename }: { readonly filename: string }): HeadTag[] {
      const title = /<title>([^<]+)<\/title>/.exec(html)?.[1];
      const description = /<meta\s+name="description"\s+content="([^"]+)"/.exec(html)?.[1];
      if (title === undefined || description === undefined)
        throw new Error(`${filename} lacks a title or a description`);
      return [
        { tag: 'link', attrs: { rel: 'manifest', href: '/manifest.webmanifest' }, injectTo: 'head' },
        { tag: 'link', attrs: { rel: 'apple-touch-icon', href: '/icon-192.png' }, injectTo: 'head' },
        ...THEME_COLOURS.map((colour) => meta({ name: 'theme-color', ...colour })),
        property('type', 'website'),
        property('site_name', 'Threads Cluster'),
        property('title', title),
        property('description', description),
        property('image', PREVIEW.path),
        property('image:width', PREVIEW.width),
        property('image:height', PREVIEW.height),
        property('image:alt', PREVIEW.alt),
        meta({ name: 'twitter:card', content: 'summary_large_image' }),
      ];
    },
  };
}
