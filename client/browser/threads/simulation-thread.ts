/** The Web Worker that simulates: even the largest tree leaves the page free. */
import type { SimulationRequest } from './simulation.ts';
import { Simulator, transferables } from './simulation.ts';

const simulator = new Simulator();

addEventListener('message', (event: MessageEvent<SimulationRequest>) => {
  const reply = simulator.reply(event.data);
  postMessage(reply, { transfer: transferables(reply) });
});
