// A disk that really runs full: of bytes and of inodes, in the middle of an upload.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { collected, quiet } from '../harness/blobs.mjs';

export const stack = { settings: { MIN_FREE_BYTES: '0' }, own: true };

const run = (program, ...args) => {
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
};

export default async function (t) {
    if (process.getuid() !== 0) {
        console.log('     i_files_disk.mjs: left out, as only root can mount a small disk');
        return;
    }
    const blobs = path.join(t.stack.data, 'blobs');
    const { uid, gid } = fs.statSync(blobs);
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'small disk' } })).json.id;
    const files = `/projects/${project}/files`;
    await t.stack.down();
    run('mount', '-t', 'tmpfs', '-o', `size=6m,mode=0700,uid=${uid},gid=${gid}`, 'tmpfs', blobs);
    try {
        await t.stack.up();
        await cases(t, files, blobs);
    } finally {
        await t.stack.down();
        run('umount', blobs);
    }
}

async function cases(t, files, blobs) {
    const names = async () => (await t.call('GET', files)).json.map((f) => f.filename);
    const refused = async (size, what) => {
        const reply = await t.upload(files, Buffer.alloc(size, 'x'));
        assert.equal(reply.status, 507, `${what}: ${reply.text}`);
        assert.equal(reply.json.code, 'storage_full');
        await quiet(t.stack);
    };

    await t.test('no room for all of it', async () => {
        const kept = await t.upload(files, Buffer.alloc(3 << 20, 'k'), { filename: 'kept' });
        assert.equal(kept.status, 201, kept.text);
        await refused(4 << 20, 'a large one');
        await Promise.all([refused(9 << 20, 'two at once'), refused(9 << 20, 'two at once')]);
        assert.deepEqual(await names(), ['kept']);
        assert.equal((await t.call('GET', `/projects/files/${kept.json.id}/content`)).bytes.length, 3 << 20);
    });

    await t.test('what fits goes in, also to the last byte', async () => {
        assert.equal((await t.upload(files, Buffer.alloc(1 << 20, 's'), { filename: 'small' })).status, 201);
        fs.writeFileSync(path.join(blobs, 'full'), Buffer.alloc(1 << 20));
        await refused(2 << 20, 'somebody else took the room');
        fs.rmSync(path.join(blobs, 'full'));
        assert.equal((await t.upload(files, Buffer.alloc(1 << 20, 'a'), { filename: 'again' })).status, 201);
    });

    await t.test('no more inodes', async () => {
        const { files: all, ffree } = fs.statfsSync(blobs);
        run('mount', '-o', `remount,nr_inodes=${all - ffree}`, blobs);
        await refused(10, 'not even a name');
        run('mount', '-o', `remount,nr_inodes=${all - ffree + 1}`, blobs);
        await refused(10, 'a name, but no directory');
        run('mount', '-o', 'remount,nr_inodes=1000', blobs);
        assert.equal((await t.upload(files, 'tiny', { filename: 'tiny' })).status, 201);
    });

    await t.test('nothing is left of what was refused', async () => {
        assert.deepEqual(await names(), ['kept', 'small', 'again', 'tiny']);
        await collected(t.stack);
    });
}
