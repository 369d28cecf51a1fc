// Settings on a host: what is refused and how it is said, what a reload takes over, credentials.
import { call, cursor, eventually, gateway, healthy, journal, put, sh, show, systemctl } from './host.mjs';

const extra = '/etc/chatbot/conf.d/zz.conf';

export default async function (t) {
    await t.test('reload takes over what can change live, in the running process', async () => {
        const pid = await show('chatbot-chatd@1', 'MainPID');
        const since = await cursor();
        put(extra, 'QUEUE_MAX=77\nMAX_TURNS=65\n');
        await systemctl('reload', 'chatbot-chatd@1');
        await eventually(async () => /event=reload/.test(await journal(since, '-u chatbot-chatd@1')), { what: 'reloaded' });
        const said = await journal(since, '-u chatbot-chatd@1');
        t.match(said, /event=setting name=QUEUE_MAX value="77"/);
        t.match(said, /event=setting_needs_restart name=MAX_TURNS/);
        t.equal(await show('chatbot-chatd@1', 'MainPID'), pid, 'pid');
    });
    await t.test('the gateway reloads origins while it serves', async () => {
        const allow = async () =>
            (await call(gateway, 'GET', '/health', { headers: { Origin: 'https://page.example' } })).headers['access-control-allow-origin'];
        t.equal(await allow(), undefined);
        put(extra, 'CORS_ORIGINS=https://page.example\n');
        await systemctl('reload', 'chatbot-gateway@1');
        await eventually(async () => (await allow()) === 'https://page.example', { what: 'the origin is allowed' });
    });
    await t.test('a wrong setting fails the reload, and the service goes on as it was', async () => {
        put(extra, '# a comment\nQUEUE_MAXX=1\n');
        const { code, text } = await sh('systemctl reload chatbot-chatd@1', { any: true });
        if (code === 0) throw new Error(`the reload succeeded: ${text}`);
        t.match(await sh('journalctl --sync; journalctl --no-pager -n 30 -u chatbot-chatd@1'), /zz\.conf:2: "QUEUE_MAXX": no such setting/);
        t.equal(await show('chatbot-chatd@1', 'ActiveState'), 'active');
    });
    await t.test('contradictions are named with both places', async () => {
        put(extra, 'TIMEOUT_TURN=5\nTIMEOUT_IDLE=6\n');
        const { code, text } = await sh('CHATBOT_CONF_DIR=/etc/chatbot /usr/libexec/chatbot/chatd --check-config', { any: true });
        t.equal(code, 78);
        t.match(text, /zz\.conf:2: "TIMEOUT_IDLE": must not be more than TIMEOUT_TURN \(.*zz\.conf:1\)/);
    });
    await t.test('a service with wrong settings is not started again and again', async () => {
        put(extra, 'MAX_TURNS=many\n');
        await sh('systemctl restart chatbot-chatd@1', { any: true });
        t.equal(await show('chatbot-chatd@1', 'ExecMainStatus'), '78');
        t.equal(await show('chatbot-chatd@1', 'NRestarts'), '0');
        await sh(`rm ${extra}; systemctl reset-failed chatbot-chatd@1; systemctl start chatbot-chatd@1`);
        await healthy();
    });
    await t.test('an encrypted credential instead of a file', async () => {
        await sh(`cd /etc/chatbot/credentials
            systemd-creds setup 2>/dev/null
            systemd-creds encrypt --name=openai_api_key openai_api_key openai_api_key.cred
            mv openai_api_key /root/plain_key
            mkdir -p /etc/systemd/system/chatbot-chatd@.service.d
            printf '%s\\n' '[Service]' LoadCredentialEncrypted=openai_api_key:/etc/chatbot/credentials/openai_api_key.cred \\
                >/etc/systemd/system/chatbot-chatd@.service.d/key.conf
            systemctl daemon-reload; systemctl restart chatbot-chatd@1`);
        const health = await healthy();
        t.equal(health.model, 'configured');
        await sh(`rm -r /etc/systemd/system/chatbot-chatd@.service.d /etc/chatbot/credentials/openai_api_key.cred
            mv /root/plain_key /etc/chatbot/credentials/openai_api_key
            systemctl daemon-reload; systemctl restart chatbot-chatd@1`);
        await healthy();
    });
}
