/** Icons of lucide (ISC), inlined at build time without their frames (icon-paths.ts). Beside text they are decoration; alone, the control has a label. */
import contrast from 'lucide-static/icons/contrast.svg?raw';
import check from 'lucide-static/icons/check.svg?raw';
import copy from 'lucide-static/icons/copy.svg?raw';
import download from 'lucide-static/icons/download.svg?raw';
import keyRound from 'lucide-static/icons/key-round.svg?raw';
import pause from 'lucide-static/icons/pause.svg?raw';
import play from 'lucide-static/icons/play.svg?raw';
import reset from 'lucide-static/icons/rotate-ccw.svg?raw';
import shuffle from 'lucide-static/icons/shuffle.svg?raw';
import upload from 'lucide-static/icons/upload.svg?raw';
import warning from 'lucide-static/icons/triangle-alert.svg?raw';
import wrong from 'lucide-static/icons/circle-alert.svg?raw';
import userCheck from 'lucide-static/icons/user-round-check.svg?raw';
import close from 'lucide-static/icons/x.svg?raw';

const ICONS = {
  contrast,
  check,
  copy,
  download,
  key: keyRound,
  user: userCheck,
  pause,
  play,
  reset,
  shuffle,
  upload,
  warning,
  wrong,
  close,
} as const;
export type IconName = keyof typeof ICONS;

export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2.25"
      stroke-linecap="round"
      stroke-linejoin="round"
      // The files are the build's own: no text of strangers gets here.
      dangerouslySetInnerHTML={{ __html: ICONS[name] }}
    />
  );
}
