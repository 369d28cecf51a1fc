// The blob directory of a stack against its rows: nothing too much, nothing missing.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { eventually } from './http.mjs';
import { sql } from './database.mjs';

const OLD = 7200; // seconds: older than what the collector and a new process leave alone

// Names below incoming/: contents that are still arriving.
export function arriving(stack) {
    return fs.readdirSync(path.join(stack.data, 'blobs/incoming'));
}

// Waits until nothing arrives any more but what a killed filed left.
export function quiet(stack, left = () => false) {
    return eventually(() => !arriving(stack).filter((name) => !left(name)).length, { within: 60000, what: 'nothing arrives any more' });
}

// "owner/sha256" of all contents on disk.
function contents(stack) {
    const dir = path.join(stack.data, 'blobs');
    const owners = fs.readdirSync(dir).filter((name) => /^\d+$/.test(name));
    return owners.flatMap((owner) =>
        fs.readdirSync(path.join(dir, owner)).flatMap((two) => fs.readdirSync(path.join(dir, owner, two)).map((sha) => `${owner}/${sha}`)),
    );
}

const lines = (said) => said.split('\n').filter(Boolean).sort();

// Makes everything old that no file has, waits for the collector, and compares what is left: each
// file has its content, each content its row with the right count, each account its bytes.
export async function collected(stack) {
    const dir = path.join(stack.data, 'blobs/incoming');
    const [wrong] = sql(stack, 'postgres', `UPDATE file.blob SET unused_since = now() - interval '${OLD} seconds' WHERE refs = 0`);
    assert.equal(wrong, '');
    for (const name of fs.readdirSync(dir)) {
        const then = Date.now() / 1000 - OLD;
        fs.utimesSync(path.join(dir, name), then, then);
    }
    const check = () => {
        const [blobs, files, storage, used] = sql(
            stack,
            'postgres',
            `SELECT owner_id || '/' || sha256 || ' ' || refs FROM file.blob`,
            `SELECT owner_id || '/' || sha256 || ' ' || count(*) FROM file.file GROUP BY owner_id, sha256`,
            'SELECT owner_id, bytes FROM file.storage WHERE bytes > 0',
            'SELECT owner_id, sum(bytes) FROM file.file GROUP BY owner_id',
        ).map(lines);
        assert.deepEqual(arriving(stack), [], 'left half written');
        assert.deepEqual(blobs, files, 'rows of contents and of files');
        assert.deepEqual(contents(stack).sort(), files.map((line) => line.split(' ')[0]).sort(), 'contents on disk');
        assert.deepEqual(storage, used, 'bytes of accounts');
        return true;
    };
    return eventually(check, { within: 60000, every: 250, what: 'the blob directory is clean' });
}
