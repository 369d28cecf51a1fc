// The programs' command lines and settings: what they accept, refuse and never print.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Plans } from '../chaos/parts/plans.mjs';
import { build, top } from '../harness/stack.mjs';

const PROGRAMS = ['gateway', 'authd', 'projectd', 'chatd', 'filed'];
const SECRET = 'sk-test-never-print-this-0123456789';

export default async function (t) {
    const run = (program, args, env = {}, cwd = '.') =>
        spawnSync(path.join(build, program), args, { cwd, encoding: 'utf8', timeout: 20000, env: { PATH: '/usr/bin', ...env } });
    const file = (text) => {
        const name = path.join(t.stack.dir, `settings-${Math.random()}`);
        fs.writeFileSync(name, text);
        return { CHATBOT_ENV_FILE: name };
    };
    const line = (run, name) => new RegExp(`^${name}=(.*)$`, 'm').exec(run.stdout)?.[1];

    for (const program of PROGRAMS)
        await t.test(`${program}: --help, --print-config, --check-config`, () => {
            const help = run(program, ['--help']);
            assert.equal(help.status, 0);
            assert.match(help.stdout, /LOG_LEVEL/);
            assert.equal(run(program, ['--check-config']).status, 0);
            const config = run(program, ['--print-config']);
            assert.equal(config.status, 0);
            assert.equal(line(config, 'LOG_LEVEL'), 'info');
        });

    await t.test('chatbot-admin: usage and manual page tell every command of the table', () => {
        const table = fs.readFileSync(path.join(top, 'deploy/admin/commands.def'), 'utf8');
        const rows = [...table.matchAll(/^COMMAND\("([a-z-]+)", \w+, (\d), (\d),/gm)];
        assert.ok(rows.length >= 8, `${rows.length}`);
        const help = run('chatbot-admin', ['--help']), manual = run('chatbot-admin', ['--manual']);
        assert.deepEqual([help.status, manual.status], [0, 0]);
        for (const [, name, least, most] of rows) {
            assert.match(help.stdout, new RegExp(`^  ${name}( |$)`, 'm'));
            assert.match(manual.stdout, new RegExp(`^\\.B ${name.replaceAll('-', '\\\\-')}( |$)`, 'm'));
            assert.match(run('chatbot-admin', [name, '--help']).stdout, new RegExp(`^  ${name}( |$)`, 'm'));
            const wrong = [Array(Number(most) + 1).fill('x')].concat(Number(least) ? [Array(Number(least) - 1).fill('x')] : []);
            for (const args of wrong) assert.equal(run('chatbot-admin', [name, ...args]).status, 2, `${name} ${args}`);
        }
        assert.equal(Math.max(...help.stdout.split('\n').map((l) => l.length)) <= 100, true);
        assert.equal(run('chatbot-admin', ['--set', 'LOG_LEVEL=loud', 'rotate-keys']).status, 78);
        for (const args of [[], ['nonsense'], ['--set'], ['--nonsense', 'invite']])
            assert.equal(run('chatbot-admin', args).status, 2, `${args}`);
    });

    await t.test('chatbot-admin: a new secret, and completion of every command', () => {
        const name = path.join(t.stack.dir, 'new-secret');
        assert.equal(run('chatbot-admin', ['keygen', name]).status, 0);
        assert.match(fs.readFileSync(name, 'utf8'), /^[0-9a-f]{64}$/);
        assert.equal(fs.statSync(name).mode & 0o777, 0o600);
        assert.equal(run('chatbot-admin', ['keygen', name]).status, 1, 'never over one that is there');
        assert.match(JSON.parse(run('chatbot-admin', ['keygen', '--json']).stdout).key, /^[0-9a-f]{64}$/);
        const pair = path.join(t.stack.dir, 'bus-key');
        const made = JSON.parse(run('chatbot-admin', ['keygen', '--bus', pair, '--json']).stdout);
        const secret = fs.readFileSync(pair, 'utf8');
        assert.match(secret, /^[0-9a-f]{64}$/);
        assert.match(made.public, /^[0-9a-f]{64}$/);
        assert.notEqual(made.public, secret);
        assert.equal(run('chatbot-admin', ['keygen', '--bus', pair]).stdout, `public ${made.public}\n`, 'of the one that is there');
        assert.equal(fs.readFileSync(pair, 'utf8'), secret);
        fs.chmodSync(pair, 0o640);
        assert.equal(run('chatbot-admin', ['keygen', '--bus', pair]).status, 1, 'others may read it');
        assert.equal(run('chatbot-admin', ['keygen', '--bus', name]).status, 0, 'any 32 bytes are a key');
        assert.match(run('chatbot-admin', ['keygen', '--bus']).stdout, /^secret [0-9a-f]{64}\npublic [0-9a-f]{64}\n$/);
        assert.equal(run('chatbot-admin', ['keygen', name, pair]).status, 2);
        const script = `${run('chatbot-admin', ['--completion']).stdout}
            complete_words() { COMP_WORDS=(chatbot-admin "$@") COMP_CWORD=$#; _chatbot_admin chatbot-admin "\${!#}"; echo "\${COMPREPLY[*]}"; }
            complete_words dr; complete_words --data x verify; complete_words status --j`;
        const said = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
        assert.equal(said.stdout, 'drain\nverify-audit\n--json\n', said.stderr);
    });

    await t.test('a wrong command line is 2, a wrong setting 78', () => {
        for (const program of PROGRAMS) {
            assert.equal(run(program, ['--nonsense']).status, 2, program);
            assert.equal(run(program, ['extra']).status, 2, program);
            assert.equal(run(program, ['--set', 'LOG_LEVEL=loud', '--check-config']).status, 78, program);
            assert.equal(run(program, ['--set', 'NO_SUCH_NAME=1', '--check-config']).status !== 0, true, program);
        }
        for (const pair of ['PORT=0', 'PORT=70000', 'PORT=x', 'PORT=', 'RATE_LIMIT=maybe', 'CHAT_WAIT=-1'])
            assert.equal(run('gateway', ['--set', pair, '--check-config']).status, 78, pair);
    });

    await t.test('secrets are refused on the command line and never printed', () => {
        for (const [program, name] of [['chatd', 'OPENAI_API_KEY'], ['authd', 'SECRET_KEY']]) {
            const told = run(program, ['--set', `${name}=${SECRET}`, '--check-config']);
            assert.notEqual(told.status, 0, name);
            assert.doesNotMatch(told.stdout + told.stderr, /never-print/);
            const printed = run(program, ['--print-config'], { [name]: SECRET });
            assert.equal(line(printed, name), '(set)');
            assert.doesNotMatch(printed.stdout + printed.stderr, /never-print/);
        }
        const short = run('authd', ['--check-config'], { SECRET_KEY: 'short-secret' });
        assert.equal(short.status, 78);
        assert.doesNotMatch(short.stdout + short.stderr, /short-secret/);
        assert.equal(line(run('gateway', ['--print-config'], { OPENAI_API_KEY: SECRET }), 'OPENAI_API_KEY'), undefined);
    });

    await t.test('the command line wins over the environment, and that over the file', () => {
        const env = file('CHAT_WAIT=7\n');
        assert.equal(line(run('gateway', ['--print-config'], env), 'CHAT_WAIT'), '7');
        assert.equal(line(run('gateway', ['--print-config'], { ...env, CHAT_WAIT: '8' }), 'CHAT_WAIT'), '8');
        assert.equal(line(run('gateway', ['--set', 'CHAT_WAIT=9', '--print-config'], { ...env, CHAT_WAIT: '8' }), 'CHAT_WAIT'), '9');
    });

    await t.test('unknown names are refused in files and ignored in the environment', () => {
        const wrong = run('gateway', ['--check-config'], file('PROT=8000\n'));
        assert.equal(wrong.status, 78);
        assert.match(wrong.stderr, /PROT/);
        assert.equal(run('gateway', ['--check-config'], { PROT: '8000' }).status, 0);
        assert.equal(run('gateway', ['--check-config'], file(`OPENAI_API_KEY=${SECRET}\n`)).status, 0);
    });

    await t.test('settings that cannot be read now are not wrong ones: it may be started again', () => {
        const env = file('LOG_LEVEL=loud\n');
        Plans.prepare(t.stack.dir);
        const plans = new Plans({ data: t.stack.dir });
        for (const program of PROGRAMS) {
            const start = () => run(program, [], env, t.stack.dir);
            plans.arm(program, 'files', 1);
            const without = start();
            assert.equal(without.status, 1, program);
            assert.match(without.stderr, /settings-\S+: cannot be read now: Too many open files\n$/);
            assert.equal(start().status, 78, program);
        }
        plans.close();
    });

    await t.test('a changed SECRET_KEY is refused, with a way out', async () => {
        await t.as('alice');
        await t.stack.down();
        const { SECRET_KEY } = t.stack.settings;
        t.stack.settings.SECRET_KEY = 'another-secret-key-another-secret-key';
        await assert.rejects(t.stack.up(), /rotate-keys/);
        t.stack.settings.SECRET_KEY = SECRET_KEY;
        await t.stack.up();
        assert.equal((await t.call('GET', '/users/me')).status, 200);
        t.expectLog(/SECRET_KEY|rotate-keys|event=/);
    });
}

export const stack = { own: true };
