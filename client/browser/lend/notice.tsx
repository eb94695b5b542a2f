/** A state that needs a word: a lane, a heading, one sentence, one or two actions. */
import { openKeyDialog } from '../access/key-dialog-state.ts';
import { Button } from '../controls/button.tsx';
import type { Lend } from './lend.ts';
import type { Slot } from './minute.ts';
import { Lane } from './lane.tsx';
import type { Notice, NoticeAction } from './sentences.ts';

export interface NoticeViewProps {
  readonly lend: Lend;
  readonly notice: Notice;
  /** Of the lane; none: nothing was computed in the last minute. */
  readonly slots?: readonly (Slot | undefined)[];
  readonly onRules: () => void;
}

export function NoticeView({ lend, notice, slots, onRules }: NoticeViewProps) {
  return (
    <div class="lend-notice">
      {slots === undefined ? null : <Lane slots={slots} />}
      <div role="status">
        <h3>{notice.heading}</h3>
        <p class="small">{notice.sentence}</p>
      </div>
      {notice.actions.length === 0 ? null : (
        <div class="lend-actions">
          {notice.actions.map((action, at) => (
            <Action key={action.label} lend={lend} action={action} first={at === 0} onRules={onRules} />
          ))}
        </div>
      )}
    </div>
  );
}

export function Action({
  lend,
  action,
  first,
  onRules,
}: {
  readonly lend: Lend;
  readonly action: NoticeAction;
  readonly first: boolean;
  readonly onRules: () => void;
}) {
  if (action.does === 'link') {
    return (
      <a class="button" data-kind={first ? 'normal' : 'quiet'} href={action.href}>
        {action.label}
      </a>
    );
  }
  const starts = action.does === 'start' || action.does === 'start_cpu' || action.does === 'key';
  const kind = first ? (starts ? 'primary' : 'normal') : 'quiet';
  return (
    <Button kind={kind} onClick={() => perform(lend, action.does, onRules)}>
      {action.label}
    </Button>
  );
}

function perform(lend: Lend, does: Exclude<NoticeAction['does'], 'link'>, onRules: () => void): void {
  switch (does) {
    case 'start':
      lend.start();
      break;
    case 'start_cpu':
      lend.setEngine('cpu');
      lend.start();
      break;
    case 'use_cpu':
      lend.setEngine('cpu');
      break;
    case 'stop':
      lend.stop();
      break;
    case 'resume':
      lend.resume();
      break;
    case 'reload':
      location.reload();
      break;
    case 'rules':
      onRules();
      break;
    case 'key':
      openKeyDialog();
      break;
  }
}
