// One client's view of one turn over all the streams that it takes to see its end.
import { Events, Memory } from '../../harness/sse.mjs';

const PATIENCE = 120000; // ms that one connection may last

export class Follower extends Memory {
    turn = undefined;
    heard = () => {};

    take(event) {
        super.take(event);
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
