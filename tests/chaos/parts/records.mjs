// What a chaos run writes down while it goes on: one JSON object per line, only ever appended to.
import fs from 'node:fs';
import path from 'node:path';

// Milliseconds on the clock that the scripted provider uses too (CLOCK_MONOTONIC).
export const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;

export class Records {
    constructor(dir, name) {
        fs.mkdirSync(dir, { recursive: true });
        this.fd = fs.openSync(path.join(dir, `${name}.jsonl`), 'ax', 0o600);
    }

    // In the file before this returns: what was seen stays seen, whoever dies.
    add(record) {
        fs.writeSync(this.fd, `${JSON.stringify(record)}\n`);
    }

    close() {
        fs.closeSync(this.fd);
    }
}

export function readRecords(dir, name) {
    const text = fs.readFileSync(path.join(dir, `${name}.jsonl`), 'utf8');
    return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}
