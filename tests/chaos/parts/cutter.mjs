// Stands between clients and gateways and cuts connections after a random number of answered bytes.
import net from 'node:net';

export class Cutter {
    // ports: of the gateways; bytes: mean of what is let through.  Its own ports are .ports; .enough
    // resolves after that many cuts.
    static async start(ports, bytes, wanted = Infinity) {
        const cutter = new Cutter();
        Object.assign(cutter, { bytes, wanted, cuts: 0, servers: [] });
        cutter.enough = new Promise((done) => (cutter.reached = done));
        for (const port of ports) {
            const server = net.createServer({ allowHalfOpen: true }, (client) => cutter.#relay(client, port));
            await new Promise((done) => server.listen(0, '127.0.0.1', done));
            cutter.servers.push(server);
        }
        cutter.ports = cutter.servers.map((s) => s.address().port);
        return cutter;
    }

    #relay(client, port) {
        const gateway = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
        let left = Math.floor(-Math.log(1 - Math.random()) * this.bytes);
        const end = () => (client.destroy(), gateway.destroy());
        client.on('data', (data) => gateway.write(data));
        client.on('end', () => gateway.end());
        gateway.on('end', () => client.end());
        gateway.on('data', (data) => {
            if (data.length <= left) return void ((left -= data.length), client.write(data));
            if (++this.cuts >= this.wanted) this.reached();
            const part = data.subarray(0, left);
            // what is written before a reset may be lost: cut at an earlier byte still
            if (Math.random() < 0.5) client.write(part, () => (client.resetAndDestroy(), gateway.resetAndDestroy()));
            else client.end(part, () => end());
            gateway.removeAllListeners('data');
            return undefined;
        });
        for (const socket of [client, gateway]) {
            socket.on('error', end);
            socket.on('close', end);
        }
    }

    async stop() {
        await Promise.all(this.servers.map((s) => new Promise((done) => s.close(done))));
    }
}
