/** Watches the page's frames while it is seen. */
import { FramePace } from './frame-pace.ts';

/** @param onScale called with the factor for the length of pieces when it changes @returns ends the watch */
export function watchFrames(onScale: (scale: number) => void): () => void {
  const pace = new FramePace();
  let request = 0;
  const frame = (at_ms: number) => {
    if (pace.frame(at_ms)) onScale(pace.scale);
    request = requestAnimationFrame(frame);
  };
  const follow = () => {
    cancelAnimationFrame(request);
    pace.interrupt();
    if (!document.hidden) request = requestAnimationFrame(frame);
  };
  document.addEventListener('visibilitychange', follow);
  follow();
  return () => {
    cancelAnimationFrame(request);
    document.removeEventListener('visibilitychange', follow);
  };
}
