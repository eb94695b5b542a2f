/**
 * The machine's packet filter, kept as it is before an engine for tests fills it and put back afterwards: Docker
 * leaves its chains behind, and the FORWARD policy at DROP.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { runCommand } from './command.ts';
import { findProgram } from './docker-tools.ts';

/** What iptables-save leaves out where nobody has used a table yet. */
const EMPTY_TABLES: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};
const FORWARDING = '/proc/sys/net/ipv4/ip_forward';

export interface PacketFilter {
  restore(): Promise<void>;
}

/**
 * @param file where the rules are kept meanwhile. If it is there already, somebody was killed before the rules
 * were put back, and those of the file count. Returns what is wrong where there is no packet filter.
 */
export async function keepPacketFilter(file: string): Promise<PacketFilter | string> {
  if (!existsSync(file)) {
    const { ok, stdout, problem } = await runCommand(findProgram('iptables-save') ?? 'iptables-save', []);
    if (!ok) return `the packet filter can't be read: ${problem}`;
    const empty = Object.entries(EMPTY_TABLES)
      .filter(([table]) => !stdout.includes(`*${table}\n`))
      .map(([table, chains]) =>
        [`*${table}`, ...chains.map((chain) => `:${chain} ACCEPT`), 'COMMIT', ''].join('\n'),
      );
    writeFileSync(file, `${stdout}${empty.join('')}`);
    writeFileSync(`${file}.forwarding`, readFileSync(FORWARDING));
  }
  return {
    async restore() {
      const child = spawn(findProgram('iptables-restore') ?? 'iptables-restore', [], {
        stdio: ['pipe', 'inherit', 'inherit'],
      });
      child.stdin.end(readFileSync(file));
      await once(child, 'exit');
      writeFileSync(FORWARDING, readFileSync(`${file}.forwarding`));
    },
  };
}
