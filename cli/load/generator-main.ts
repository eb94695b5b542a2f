/** A process that plays a share of the crowd: apart from the coordinator's, so that the CPU time of each is told apart. */
import { Generator } from './generator.ts';
import { command, type Command, type Reply } from './generator-messages.ts';

let generator: Generator | undefined;

process.on('message', (message) => {
  const read = command.parse(message);
  perform(read).then(
    () => say({ id: read.id, ok: true, connected: made().connected, tally: made().tally() }),
    (error: unknown) =>
      say({ id: read.id, ok: false, message: error instanceof Error ? error.message : String(error) }),
  );
});
// Whoever started it is gone, or has no more to say.
process.on('disconnect', () => process.exit(0));

async function perform(asked: Command): Promise<void> {
  switch (asked.do) {
    case 'start':
      generator = new Generator({ ...asked.share, key: asked.share.key });
      return;
    case 'gather':
      return made().gather();
    case 'work':
      return made().work();
    case 'cut':
      return made().cut();
    case 'back':
      return made().back();
    case 'tally':
      return;
    case 'home':
      return made().goHome();
  }
}

function made(): Generator {
  if (generator === undefined) throw new Error('the generator was not started');
  return generator;
}

function say(answer: Reply): void {
  if (process.connected) process.send?.(answer, undefined, undefined, () => undefined);
}
