/** An address of this machine that is not loopback: what comes from it looks like a neighbour on the network. */
import { networkInterfaces } from 'node:os';

/** IPv4; undefined where this machine has none. */
export function outerAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((each) => each !== undefined && !each.internal && each.family === 'IPv4')?.address;
}
