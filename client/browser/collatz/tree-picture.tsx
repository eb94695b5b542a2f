/** Where n joins the rest. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { grouped } from '../format/figures.ts';
import { theme } from '../shell/theme.ts';
import { path, tree } from './explorer-state.ts';
import type { InverseTree } from './inverse-tree.ts';
import { STARTS_BELOW, joint } from './inverse-tree.ts';
import { powerText, shortNumber } from './number-text.ts';
import { paintOwnPath, paintTree } from './paint-tree.ts';
import type { Size } from './picture.tsx';
import { Picture, coloursOf, prepare, useSize } from './picture.tsx';
import { Raised } from './raised.tsx';
import { runInSlices } from './slices.ts';
import { valuesFrom } from './trajectory.ts';
import { jointSentence } from './words.ts';

/** log10 of more than any number of the tree: they fit in 2^53. */
const MEETS_BELOW = 16;

export function TreePicture() {
  const walked = path.value;
  const grown = tree.value;
  const [box, size] = useSize();
  const layers = useMemo(
    () => (walked === undefined || grown === undefined ? [] : [paintOwnPath(grown, walked)]),
    [walked, grown],
  );
  const sentence = useMemo(() => {
    if (walked === undefined || grown === undefined) return '';
    const first = walked.heights.findIndex((height) => height < MEETS_BELOW);
    const met = joint(grown, (from, count) => valuesFrom(walked, from, count), Math.max(0, first));
    return jointSentence(walked, met, grown.starts);
  }, [walked, grown]);
  const n = walked === undefined ? 'n' : shortNumber(walked.start);
  return (
    <section class="tree-section" aria-labelledby="tree-title">
      <div class="section-head">
        <h2 id="tree-title">
          Where <Raised text={n} /> joins the rest
        </h2>
        <p class="tiny">
          {grown === undefined
            ? 'growing'
            : `${grouped(grown.starts)} starts below ${powerText(BigInt(STARTS_BELOW))}`}
        </p>
      </div>
      <div ref={box} class="tree-picture">
        {grown === undefined || size.width === 0 ? null : <Tree grown={grown} size={size} />}
        <Picture
          class="own-path"
          label={`The merged paths of ${grown?.starts ?? 0} numbers, and the path of ${n} among them. ${sentence}`}
          layers={layers}
        />
      </div>
      <p class="small joint">{sentence || '\u00a0'}</p>
    </section>
  );
}

/** Painted once for each size and theme: it doesn't depend on n. */
function Tree({ grown, size }: { readonly grown: InverseTree; readonly size: Size }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painted = useRef(false);
  const colours = theme.value;
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    // Growing is motion: who wants none sees the tree when it is whole, and so does who saw it grow once.
    const still = painted.current || matchMedia('(prefers-reduced-motion: reduce)').matches;
    const target = still ? document.createElement('canvas') : element;
    const context = prepare(target, size);
    if (context === undefined) return undefined;
    const stop = new AbortController();
    void runInSlices(paintTree(context, grown, size, coloursOf(element)), stop.signal).then(() => {
      if (stop.signal.aborted) return;
      painted.current = true;
      if (still) prepare(element, size)?.drawImage(target, 0, 0, size.width, size.height);
    });
    return () => stop.abort();
  }, [grown, size, colours]);
  return <canvas ref={canvas} aria-hidden="true" />;
}
