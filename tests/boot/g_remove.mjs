// What stays when the package goes: everything on removal, a dump on purge, nothing if asked so.
import { call, deb, gateway, healthy, install, sh } from './host.mjs';
import { account } from './load.mjs';

const apt = (what, env = {}) => sh(`apt-get ${what} -y chatbot-platform`, { env: { DEBIAN_FRONTEND: 'noninteractive', ...env } });
const postgres = (sql) => sh(`cd /; setpriv --reuid=postgres --regid=postgres --init-groups psql -XAt -d postgres -c "${sql}"`);
const backups = () => sh('ls -d /var/backups/chatbot-platform-* 2>/dev/null || :');

export default async function (t) {
    const body = { email: 'kept@example.com', password: 'SecurePass123' };

    await t.test('removal stops everything and keeps data, keys and settings', async () => {
        await account(gateway, body.email);
        await apt('remove');
        t.equal(await sh("systemctl list-units --plain --no-legend 'chatbot*'"), '');
        t.equal(await sh('pgrep -u chatbot-authd,chatbot-projectd,chatbot-chatd,chatbot-filed,chatbot-gateway,chatbot-traced || :'), '');
        t.equal(await postgres("SELECT 1 FROM pg_database WHERE datname = 'chatbot'"), '1');
        await sh('test -s /etc/chatbot/credentials/secret_key && test -d /var/lib/chatbot/blobs && test -e /etc/chatbot/chatbot.conf');
    });
    await t.test('installed again, everybody is still there', async () => {
        await install(deb('later'));
        await healthy();
        t.equal((await call(gateway, 'POST', '/users/login', { body })).status, 200);
    });
    await t.test('purge takes everything away and keeps a dump that restores', async () => {
        const secret = await sh('cat /etc/chatbot/credentials/secret_key');
        await apt('purge');
        const [dir] = (await backups()).split('\n');
        t.match(dir, /chatbot-platform-\d{8}T\d{6}Z/);
        t.equal(await sh(`stat -c '%U %a' ${dir}`), 'root 700');
        t.match(await sh(`pg_restore -l ${dir}/database.dump`), /TABLE DATA auth account/);
        t.equal(await sh(`cat ${dir}/credentials/secret_key`), secret);
        await sh(`test -d ${dir}/blobs`);
        // what a restore had put aside is kept, too, and stands in nobody's way
        t.match(await sh(`ls ${dir}`), /^blobs\.before-\d+$[^]*^chatbot_before_\d+\.dump$/m);
        t.equal(await postgres("SELECT datname FROM pg_database WHERE datname ~ '^chatbot'"), '');
        t.equal(await postgres("SELECT 1 FROM pg_database WHERE datname = 'chatbot'"), '');
        t.equal(await postgres("SELECT rolname FROM pg_roles WHERE rolname ~ '^(auth|project|chat|file)d'"), '');
        t.equal(await sh('cat /etc/postgresql/*/main/pg_hba.conf /etc/postgresql/*/main/pg_ident.conf | grep -c chatbot || :'), '0');
        t.equal(await sh('ls -d /etc/chatbot /var/lib/chatbot /usr/share/chatbot 2>/dev/null || :'), '');
    });
    await t.test('a dump and its key bring an installation back', async () => {
        const dir = await backups();
        await install(deb('this'), { any: true }).catch(() => {}); // the dump's schema is newer; put it in place first
        await sh(`cd /; /usr/share/chatbot/deploy/host-services stop
            setpriv --reuid=postgres --regid=postgres --init-groups bash -c 'dropdb chatbot && createdb -T template0 -E UTF8 --locale=C.UTF-8 chatbot && pg_restore -d chatbot' <${dir}/database.dump
            cp ${dir}/credentials/* /etc/chatbot/credentials/
            cp -a ${dir}/blobs/. /var/lib/chatbot/blobs/
            /usr/share/chatbot/deploy/host-database setup; systemctl start chatbot.target`);
        await healthy();
        t.equal((await call(gateway, 'POST', '/users/login', { body })).status, 200);
    });
    await t.test('CHATBOT_PURGE=everything keeps nothing', async () => {
        const before = await backups();
        await apt('purge', { CHATBOT_PURGE: 'everything' });
        t.equal(await backups(), before);
        t.equal(await postgres("SELECT 1 FROM pg_database WHERE datname = 'chatbot'"), '');
    });
    await t.test('no unit failed, nothing of ours runs', async () => {
        t.equal(await sh("systemctl list-units --failed --plain --no-legend 'chatbot*'"), '');
        t.equal(await sh("find /etc/systemd/system -name '*chatbot*' ! -type d"), '');
    });
}
