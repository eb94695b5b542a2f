/** How another computer or browser joins, with this page's own address in the command. */
import { CopyLine } from '../controls/copy-line.tsx';

export function AddDevice() {
  return (
    <section class="add-device" aria-labelledby="add-a-device">
      <h2 id="add-a-device" tabIndex={-1}>
        Add a device
      </h2>
      <p class="small">A computer, from a checkout of the project:</p>
      <CopyLine
        text={`npm run -s threads -- worker --url ${location.origin} --kind auto`}
        label="Copy the command"
      />
      <p class="small">A browser, by opening this address and choosing to contribute:</p>
      <CopyLine text={`${location.origin}/`} label="Copy the address" />
    </section>
  );
}
