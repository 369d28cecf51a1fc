// Which call of which program fails: the tables that tests/faults/faults.c shares with us.
import fs from 'node:fs';
import path from 'node:path';

// In the order of enum kind there.
export const KINDS = ['asked', 'answered', 'statement', 'sent', 'received', 'files', 'called', 'told', 'memory', 'system'];
export const PROGRAMS = ['gateway', 'authd', 'projectd', 'chatd', 'filed'];

const ENTRY = 128;
const NAME_MAX = 40;
const AT = { calls: 0, failAt: 8, failed: 16, name: 24, only: 64 };

const fileOf = (data, program) => path.join(data, 'faults', program);

export class Plans {
    // Before the processes start: they look for it once.
    static prepare(data) {
        fs.mkdirSync(path.join(data, 'faults'), { mode: 0o755 });
        for (const program of PROGRAMS) {
            fs.writeFileSync(fileOf(data, program), Buffer.alloc(ENTRY * KINDS.length));
            fs.chmodSync(fileOf(data, program), 0o666); // the processes are somebody else
        }
    }

    constructor(stack) {
        this.files = Object.fromEntries(PROGRAMS.map((program) => [program, fs.openSync(fileOf(stack.data, program), 'r+')]));
    }

    #read(program, kind, at) {
        const word = Buffer.alloc(8);
        fs.readSync(this.files[program], word, 0, 8, KINDS.indexOf(kind) * ENTRY + at);
        return Number(word.readBigUInt64LE());
    }

    // How many such calls there were: of all processes of a program together, since the stack began.
    calls(program, kind) {
        return this.#read(program, kind, AT.calls);
    }

    // How many of them we let fail.
    failed(program, kind) {
        return this.#read(program, kind, AT.failed);
    }

    // The n-th call from now on fails, once; 0: none does.  only: the first one to this function (or
    // statement) from there on.
    arm(program, kind, n, only = '') {
        const name = Buffer.alloc(NAME_MAX);
        name.write(only, 'latin1');
        fs.writeSync(this.files[program], name, 0, NAME_MAX, KINDS.indexOf(kind) * ENTRY + AT.only);
        const word = Buffer.alloc(8);
        word.writeBigUInt64LE(BigInt(n ? this.calls(program, kind) + n : 0));
        fs.writeSync(this.files[program], word, 0, 8, KINDS.indexOf(kind) * ENTRY + AT.failAt);
    }

    // The function, or the statement, that failed last.
    name(program, kind) {
        const text = Buffer.alloc(NAME_MAX);
        fs.readSync(this.files[program], text, 0, text.length, KINDS.indexOf(kind) * ENTRY + AT.name);
        return text.toString('latin1').split('\0')[0];
    }

    close() {
        for (const fd of Object.values(this.files)) fs.closeSync(fd);
    }
}
