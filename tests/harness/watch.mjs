// Reads what the processes of a stack write: unexpected warnings, sanitizer reports, secrets.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const BROKEN = /AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion .* failed|\bPANIC\b|Segmentation fault/;
const WARNING = /^<[0-4]>/;

export class Watch {
    constructor(stack) {
        this.stack = stack;
        this.offsets = new Map();
        this.lines = [];
    }

    // Lines that were added since the last call: [{file, line}].
    fresh() {
        const added = [];
        for (const file of this.stack.logs()) {
            const from = this.offsets.get(file) ?? 0;
            const text = tail(file, from);
            const end = text.lastIndexOf('\n') + 1;
            this.offsets.set(file, from + Buffer.byteLength(text.slice(0, end)));
            for (const line of text.slice(0, end).split('\n')) if (line) added.push({ file: path.basename(file), line });
        }
        return added;
    }

    // Warnings, errors and sanitizer reports since the last call that no pattern allows, as text.
    complaints(allowed = []) {
        this.lines = this.fresh();
        return this.lines
            .filter(({ line }) => BROKEN.test(line) || (WARNING.test(line) && !allowed.some((a) => a.test(line))))
            .map(({ file, line }) => `${file}: ${line}`);
    }
}

function tail(file, from) {
    const fd = fs.openSync(file, 'r');
    try {
        const size = fs.fstatSync(fd).size - from;
        if (size <= 0) return '';
        const bytes = Buffer.alloc(size);
        fs.readSync(fd, bytes, 0, size, from);
        return bytes.toString('utf8');
    } finally {
        fs.closeSync(fd);
    }
}

// Names of files below dir, written since a time (ms), that hold one of the words, but for what people
// sent and are sent.
export function leaks(dir, words, since = 0) {
    const list = [...words].filter(Boolean);
    const files = [...written(dir, since)];
    if (!list.length || !files.length) return [];
    const pattern = path.join(dir, `.words-${process.pid}`);
    fs.writeFileSync(pattern, list.join('\n') + '\n', { mode: 0o600 });
    try {
        const out = execFileSync('grep', ['-laF', '-f', pattern, '--', ...files], { encoding: 'utf8' });
        return out.split('\n').filter(Boolean);
    } catch (e) {
        if (e.status === 1) return [];
        throw e;
    } finally {
        fs.unlinkSync(pattern);
    }
}

function* written(dir, since) {
    for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
        const full = path.join(dir, entry.name);
        if (entry.isDirectory() && !['blobs', 'mail'].includes(entry.name)) yield* written(full, since);
        else if (entry.isFile() && fs.statSync(full).mtimeMs >= since) yield full;
    }
}
