// What common/settings.def says of settings: whose each is, and which a running process takes over.
import fs from 'node:fs';
import path from 'node:path';

const table = fs.readFileSync(path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../common/settings.def'), 'utf8');
const live = new Set([...table.matchAll(/^SETTING_LIVE\(([A-Z_]+)\)$/gm)].map(([, name]) => name));
const readers = new Map([...table.matchAll(/^SETTING\((\w+),.*?, +([GAPCFT](?:\|[GAPCFT])*), "/gm)].map(([, name, of]) => [name, of]));
for (const name of live) if (!readers.has(name)) throw new Error(`common/settings.def does not say who reads ${name}`);

export const isLive = (name) => live.has(name);

// Those of the settings that a process ("chatd-1") reads.
export function partOf(process, settings) {
    const letter = { gateway: 'G', authd: 'A', projectd: 'P', chatd: 'C', filed: 'F', traced: 'T' }[process.split('-')[0]];
    return Object.fromEntries(Object.entries(settings).filter(([name]) => readers.get(name)?.includes(letter)));
}
