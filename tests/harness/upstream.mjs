// Stands between chatd and the scripted provider and writes down what the model was sent.
import http from 'node:http';

export class Recorder {
    // provider: port of the provider.  Keeps the last 1,000 model calls, and of `others` (models, files) as many heads.
    static async start(provider) {
        const recorder = new Recorder();
        recorder.calls = [];
        recorder.others = [];
        recorder.count = 0;
        recorder.server = http.createServer((req, res) => recorder.#relay(provider, req, res));
        recorder.server.keepAliveTimeout = 60000;
        recorder.server.requestTimeout = 0;
        await new Promise((done) => recorder.server.listen(0, '127.0.0.1', done));
        recorder.port = recorder.server.address().port;
        return recorder;
    }

    #relay(provider, req, res) {
        const chunks = [];
        req.on('data', (c) => chunks.push(c));
        req.on('error', () => {});
        req.on('end', () => {
            const body = Buffer.concat(chunks);
            if (req.method === 'POST' && !/\/files$/.test(req.url)) this.#note(req, body); // model calls
            else this.#head(req);
            const { method, url: path, headers } = req;
            const up = http.request({ host: '127.0.0.1', port: provider, method, path, headers, agent: false });
            up.on('response', (r) => {
                res.writeHead(r.statusCode, r.rawHeaders);
                res.flushHeaders();
                r.on('data', (c) => res.write(c));
                r.on('end', () => res.end());
                r.on('aborted', () => res.destroy());
                r.on('error', () => res.destroy());
            });
            up.on('error', () => res.destroy());
            res.on('close', () => up.destroy());
            up.end(body);
        });
    }

    #note(req, body) {
        let json;
        try {
            json = JSON.parse(body.toString());
        } catch {
            json = undefined;
        }
        this.count++;
        this.calls.push({ path: req.url, headers: req.headers, body: json });
        if (this.calls.length > 1000) this.calls.shift();
    }

    #head({ method, url: path, headers }) {
        this.others.push({ method, path, headers });
        if (this.others.length > 1000) this.others.shift();
    }

    get last() {
        return this.calls.at(-1);
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }
}

// What a call told the model, whichever dialect it spoke:
// {system, user (last message), input: [{role, text, files, images}], model}.
export function heard(call) {
    const body = call?.body ?? {};
    const text = (content) =>
        typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join('');
    const items = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : (body.input ?? body.messages ?? []);
    const ids = (content, type) => (typeof content === 'string' ? [] : (content ?? []).filter((p) => p.type === type).map((p) => p.file_id));
    const all = items.map((item) => ({
        role: item.role, text: text(item.content),
        files: ids(item.content, 'input_file'), images: ids(item.content, 'input_image'),
    }));
    const told = all.filter((m) => m.role === 'system' || m.role === 'developer').map((m) => m.text);
    if (body.instructions) told.unshift(body.instructions);
    const input = all.filter((m) => m.role === 'user' || m.role === 'assistant');
    return { system: told.join('\n\n'), input, user: input.filter((m) => m.role === 'user').at(-1)?.text, model: body.model };
}
