/** The forms, loaded once the page stands: they are not part of what it needs first. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { SubmitCollatz, SubmitThread } from './submit-form.tsx';

interface Forms {
  readonly SubmitCollatz: typeof SubmitCollatz;
  readonly SubmitThread: typeof SubmitThread;
}

function useForms(): Forms | 'loading' | 'failed' {
  const forms = useSignal<Forms | 'loading' | 'failed'>('loading');
  useEffect(() => {
    import('./submit-form.tsx').then(
      (module) => (forms.value = module),
      () => (forms.value = 'failed'),
    );
  }, [forms]);
  return forms.value;
}

const FAILED = <p role="alert">The form could not be loaded: reload the page to try again.</p>;

export function LaterSubmitCollatz(props: Parameters<typeof SubmitCollatz>[0]) {
  const forms = useForms();
  if (forms === 'failed') return FAILED;
  return forms === 'loading' ? null : <forms.SubmitCollatz {...props} />;
}

export function LaterSubmitThread(props: Parameters<typeof SubmitThread>[0]) {
  const forms = useForms();
  if (forms === 'failed') return FAILED;
  return forms === 'loading' ? null : <forms.SubmitThread {...props} />;
}
