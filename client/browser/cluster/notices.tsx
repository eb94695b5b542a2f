/** What needs a look, each with what to do. */
import type { Live } from '../live/live.ts';
import { Icon } from '../shell/icon.tsx';
import { JobLink } from './job-link.tsx';
import type { Notice } from './needs-a-look.ts';
import { needsALook } from './needs-a-look.ts';

const MOST = 8;

export function Notices({ live }: { readonly live: Live }) {
  const cluster = live.cluster.value;
  const notices =
    cluster === undefined
      ? undefined
      : needsALook({ cluster, nodes: live.nodes.value?.nodes ?? [], jobs: live.jobs.value ?? [] });
  return (
    <section
      class="notices"
      aria-labelledby="notices-title"
      data-stale={live.connection.value === 'live' ? 'no' : 'yes'}
    >
      <h2 id="notices-title">Needs a look</h2>
      {notices === undefined ? null : notices.length === 0 ? (
        <p class="all-well small">
          <Icon name="check" size={16} /> Nothing needs a look.
        </p>
      ) : (
        <ul>
          {notices.slice(0, MOST).map((notice) => (
            <NoticeRow key={notice.id} notice={notice} />
          ))}
        </ul>
      )}
      {notices !== undefined && notices.length > MOST ? (
        <p class="tiny">and {notices.length - MOST} more like these</p>
      ) : null}
    </section>
  );
}

function NoticeRow({ notice: { level, title, detail, action } }: { readonly notice: Notice }) {
  return (
    <li class="notice" data-level={level}>
      <Icon name={level === 'warning' ? 'warning' : 'wrong'} size={16} />
      <span class="notice-title">{title}</span>
      <span class="notice-detail tiny">{detail}</span>
      {action === undefined ? null : action.kind === 'job' ? (
        <JobLink jobId={action.jobId} label={`View the job: ${title}`} button>
          View
        </JobLink>
      ) : action.kind === 'device' ? (
        <a class="button" href={`#device-${action.nodeId}`} aria-label={`View the device ${action.nodeId}`}>
          View
        </a>
      ) : (
        <a class="button" href="#add-a-device">
          Add one
        </a>
      )}
    </li>
  );
}
