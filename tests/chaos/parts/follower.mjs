// One client's view of one turn over all the streams that it takes to see its end.
import assert from 'node:assert/strict';
import { Events, Memory } from '../../harness/sse.mjs';

const PATIENCE = 120000; // ms that one connection may last

export class Follower extends Memory {
    turn = undefined;
    heard = () => {};

    rewound = false;

    // A turn that was to be stopped, and whose process died, ends with the text that was stored: what a
    // client saw beyond it is taken back by `restarted` with the same attempt.
    take(event) {
        if (event.name === 'restarted' && event.data.attempt === this.attempt) {
            this.rewound = true;
            this.attempt = 0;
        }
        super.take(event);
        if (this.rewound && this.last) assert.equal(this.last.name, 'cancelled', 'text was taken back');
        this.turn ??= event.data.turn_id;
        this.heard(event);
    }

    // Opens a stream and reads it to its end, whatever that is.  Resolves to {status, json, why, wrong}:
    // status 0 without an answer, json of an answer that is no stream, wrong: what it should not say.
    async connect(port, options) {
        const stream = new Events(port, { ...options, memory: this });
        try {
            await stream.opened;
            await stream.over({ within: PATIENCE });
            return { status: stream.status, json: stream.reply?.json };
        } catch (e) {
            stream.close();
            return { status: stream.status ?? 0, json: stream.reply?.json, why: e.code ?? e.message, wrong: stream.failure?.message };
        }
    }
}
