// Writes down every call that the scripted provider got, from its own table.
import { request, sleep } from '../../harness/http.mjs';
import { Records } from './records.mjs';

export class Calls {
    constructor(port, dir) {
        this.port = port;
        this.records = new Records(dir, 'calls');
        this.after = 0; // up to here all have ended and are written down
        this.written = new Set(); // ended ones above
        this.stopped = false;
        this.running = this.#run();
    }

    async #run() {
        while (!this.stopped) {
            await this.#gather();
            await sleep(250);
        }
    }

    async #gather() {
        const { json } = await request(this.port, { path: `/_/calls?after=${this.after}` });
        for (const call of json.calls) {
            if (call.outcome === 'running' || this.written.has(call.id)) continue;
            this.records.add(call);
            this.written.add(call.id);
        }
        while (this.written.delete(this.after + 1)) this.after++;
        return json;
    }

    // Waits until no call runs, and writes down how many there were.
    async finish() {
        this.stopped = true;
        await this.running;
        let seen = await this.#gather();
        for (const end = Date.now() + 30000; (seen.running || this.after < seen.last) && Date.now() < end; await sleep(50)) seen = await this.#gather();
        this.records.add({ total: seen.total, still_running: seen.running });
        this.records.close();
    }
}
